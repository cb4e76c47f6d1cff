//! Who waits for one condition: wakers, at most one per waiting future. Knows nothing of the condition.

use std::task::Waker;

/// The wakers of futures that found no room. They are woken together and try again.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    next: u64,
    list: Vec<(u64, Waker)>,
}

impl Waiters {
    /// Registers a waker, or replaces the one that this future (its `key`) had registered.
    pub(crate) fn register(&mut self, key: &mut Option<u64>, waker: &Waker) {
        let key = *key.get_or_insert_with(|| {
            self.next += 1;
            self.next
        });
        match self.list.iter_mut().find(|(other, _)| *other == key) {
            Some((_, known)) => known.clone_from(waker),
            None => self.list.push((key, waker.clone())),
        }
    }

    /// A future that is dropped waits no longer.
    pub(crate) fn remove(&mut self, key: u64) {
        self.list.retain(|(other, _)| *other != key);
    }

    /// All of them, to be woken once no lock is held.
    #[must_use = "they wait to be woken"]
    pub(crate) fn take(&mut self) -> Woken {
        Woken(std::mem::take(&mut self.list))
    }
}

/// Wakers taken out under a lock, to be woken after it.
#[derive(Debug, Default)]
pub(crate) struct Woken(Vec<(u64, Waker)>);

impl Woken {
    /// Wakes all.
    pub(crate) fn wake(self) {
        self.0.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

#[cfg(test)]
mod tests {
    use super::Waiters;
    use std::task::Waker;

    #[test]
    fn a_future_waits_once_however_often_it_is_polled() {
        let (mut waiters, mut a, mut b) = (Waiters::default(), None, None);
        waiters.register(&mut a, Waker::noop());
        waiters.register(&mut a, Waker::noop());
        waiters.register(&mut b, Waker::noop());
        assert_eq!(waiters.list.len(), 2);
        waiters.remove(a.unwrap());
        assert_eq!(waiters.take().0.len(), 1);
        waiters.register(&mut b, Waker::noop());
        assert_eq!(waiters.list.len(), 1);
    }
}
