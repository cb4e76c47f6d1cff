//! One value, promised by one task to another. A promise that is dropped says so. Knows nothing of the value.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

struct State<T> {
    value: Option<T>,
    waker: Option<Waker>,
    /// One of the two ends is gone.
    over: bool,
}

type Shared<T> = Arc<Mutex<State<T>>>;

fn lock<T>(shared: &Shared<T>) -> MutexGuard<'_, State<T>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The end that gives the value.
pub(crate) struct Promise<T>(Shared<T>);

/// The end that waits: `None` when the promise was dropped.
pub(crate) struct Pledge<T>(Shared<T>);

/// A promise and who waits for it.
pub(crate) fn promise<T>() -> (Promise<T>, Pledge<T>) {
    let shared = Arc::new(Mutex::new(State { value: None, waker: None, over: false }));
    (Promise(shared.clone()), Pledge(shared))
}

impl<T> Promise<T> {
    /// Gives the value.
    pub(crate) fn keep(self, value: T) {
        lock(&self.0).value = Some(value);
    }

    /// Nobody waits any more.
    pub(crate) fn is_moot(&self) -> bool {
        lock(&self.0).over
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        let waker = {
            let mut state = lock(&self.0);
            state.over = true;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Future for Pledge<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = lock(&self.0);
        if state.value.is_some() || state.over {
            return Poll::Ready(state.value.take());
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl<T> Drop for Pledge<T> {
    fn drop(&mut self) {
        lock(&self.0).over = true;
    }
}

impl<T> std::fmt::Debug for Promise<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Promise")
    }
}

impl<T> std::fmt::Debug for Pledge<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pledge")
    }
}

#[cfg(test)]
mod tests {
    use super::promise;
    use futures_util::FutureExt;

    #[test]
    fn kept_broken_or_moot() {
        let (kept, pledge) = promise();
        kept.keep(3);
        assert_eq!(pledge.now_or_never(), Some(Some(3)));
        let (broken, pledge) = promise::<u8>();
        drop(broken);
        assert_eq!(pledge.now_or_never(), Some(None));
        let (open, mut pledge) = promise::<u8>();
        assert_eq!((&mut pledge).now_or_never(), None);
        drop(pledge);
        assert!(open.is_moot());
    }
}
