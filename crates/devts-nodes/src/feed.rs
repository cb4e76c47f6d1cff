//! Bounded queues from a turn to whoever listens: a turn never waits for a listener, and a listener that fell
//! behind is told how much it missed. Knows no store.

use futures_util::Stream;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

/// What a listener gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fed<T> {
    /// The next item.
    Item(T),
    /// So many items, all older than the next one, were dropped because the listener was slow.
    Lagged(u64),
}

/// The listener's end: a stream that ends when the node does. Dropping it ends the listening.
#[derive(Debug)]
pub struct Feed<T>(Arc<Shared<T>>);

impl<T> Feed<T> {
    /// The next item, or how many were missed; `None` once the node has stopped and all was read. Cancel-safe.
    pub async fn next(&mut self) -> Option<Fed<T>> {
        std::future::poll_fn(|cx| self.0.poll_next(cx)).await
    }
}

impl<T> Stream for Feed<T> {
    type Item = Fed<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Fed<T>>> {
        self.0.poll_next(cx)
    }
}

#[derive(Debug)]
struct Shared<T> {
    queue: Mutex<Queue<T>>,
    bound: usize,
}

#[derive(Debug)]
struct Queue<T> {
    /// Each with its bytes.
    items: VecDeque<(T, usize)>,
    bytes: usize,
    missed: u64,
    closed: bool,
    waker: Option<Waker>,
}

impl<T> Queue<T> {
    fn pop(&mut self) -> Option<T> {
        let (item, bytes) = self.items.pop_front()?;
        self.bytes -= bytes;
        Some(item)
    }
}

impl<T> Shared<T> {
    /// Short critical sections of plain data: what a panicked holder left is whole.
    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An item that is longer than the bound is kept while it is the only one.
    fn push(&self, item: T, bytes: usize) {
        let mut queue = self.lock();
        while queue.bytes + bytes > self.bound && queue.pop().is_some() {
            queue.missed += 1;
        }
        queue.bytes += bytes;
        queue.items.push_back((item, bytes));
        wake(queue);
    }

    fn close(&self) {
        let mut queue = self.lock();
        queue.closed = true;
        wake(queue);
    }

    fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<Fed<T>>> {
        let mut queue = self.lock();
        if queue.missed > 0 {
            return Poll::Ready(Some(Fed::Lagged(std::mem::take(&mut queue.missed))));
        }
        if let Some(item) = queue.pop() {
            return Poll::Ready(Some(Fed::Item(item)));
        }
        if queue.closed {
            return Poll::Ready(None);
        }
        queue.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// Wakes with the lock released: a waker may run the listener at once.
fn wake<T>(mut queue: MutexGuard<'_, Queue<T>>) {
    let waker = queue.waker.take();
    drop(queue);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// The node's end: all who listen to one kind of thing, each to those it asked for.
#[derive(Debug)]
pub(crate) struct Listeners<T> {
    listeners: Vec<(String, Weak<Shared<T>>)>,
    bound: usize,
}

impl<T: Clone> Listeners<T> {
    /// Each listener's queue holds `bound` bytes.
    pub(crate) fn new(bound: usize) -> Listeners<T> {
        Listeners { listeners: Vec::new(), bound }
    }

    /// A new listener to what starts with `prefix`.
    pub(crate) fn listen(&mut self, prefix: String) -> Feed<T> {
        let queue = Queue { items: VecDeque::new(), bytes: 0, missed: 0, closed: false, waker: None };
        let shared = Arc::new(Shared { queue: Mutex::new(queue), bound: self.bound });
        self.listeners.push((prefix, Arc::downgrade(&shared)));
        Feed(shared)
    }

    /// Hands the item, of so many bytes, to all who listen to this name, and forgets those who are gone.
    pub(crate) fn tell(&mut self, name: &str, item: &T, bytes: usize) {
        self.listeners.retain(|(prefix, listener)| match listener.upgrade() {
            Some(listener) if name.starts_with(prefix.as_str()) => {
                listener.push(item.clone(), bytes);
                true
            }
            listener => listener.is_some(),
        });
    }
}

impl<T> Drop for Listeners<T> {
    fn drop(&mut self) {
        self.listeners
            .iter()
            .filter_map(|(_, listener)| listener.upgrade())
            .for_each(|shared| shared.close());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, StreamExt};

    fn drain(feed: &mut Feed<u32>) -> Vec<Fed<u32>> {
        std::iter::from_fn(|| feed.next().now_or_never().flatten()).collect()
    }

    #[test]
    fn a_slow_listener_is_told_how_much_it_missed() {
        let mut listeners = Listeners::new(25);
        let mut feed = listeners.listen("a".to_owned());
        for number in 0..5 {
            listeners.tell("ab", &number, 10);
            listeners.tell("b", &100, 10);
        }
        assert_eq!(drain(&mut feed), [Fed::Lagged(3), Fed::Item(3), Fed::Item(4)]);
        listeners.tell("a", &5, 10);
        assert_eq!(drain(&mut feed), [Fed::Item(5)]);
        listeners.tell("a", &6, 10);
        listeners.tell("a", &7, 100);
        assert_eq!(drain(&mut feed), [Fed::Lagged(1), Fed::Item(7)]);
    }

    #[test]
    fn the_end_of_the_node_ends_the_feed_after_what_was_told() {
        let mut listeners = Listeners::new(25);
        let mut feed = listeners.listen(String::new());
        listeners.tell("x", &1, 100);
        drop(listeners);
        assert_eq!(StreamExt::next(&mut feed).now_or_never(), Some(Some(Fed::Item(1))));
        assert_eq!(StreamExt::next(&mut feed).now_or_never(), Some(None));
    }

    #[test]
    fn who_stops_listening_is_forgotten() {
        let mut listeners = Listeners::new(25);
        drop(listeners.listen(String::new()));
        listeners.tell("x", &1, 100);
        assert!(listeners.listeners.is_empty());
    }
}
