//! The tasks of one node beside its driver: each can be ended, and all are known to have ended. Knows not what they do.

use devts_rt::Runtime;
use futures_util::future::{AbortHandle, Abortable};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

#[derive(Debug, Default)]
struct Live {
    next: u64,
    handles: BTreeMap<u64, AbortHandle>,
    closed: bool,
    waker: Option<Waker>,
}

/// A node's tasks.
#[derive(Debug)]
pub(crate) struct Tasks {
    runtime: Arc<dyn Runtime>,
    live: Arc<Mutex<Live>>,
}

fn lock(live: &Mutex<Live>) -> MutexGuard<'_, Live> {
    live.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a task off the list however it ends: done, aborted, panicked, or dropped by its runtime.
struct Listed {
    live: Arc<Mutex<Live>>,
    id: u64,
}

impl Drop for Listed {
    fn drop(&mut self) {
        let waker = {
            let mut live = lock(&self.live);
            live.handles.remove(&self.id);
            if live.handles.is_empty() { live.waker.take() } else { None }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Tasks {
    pub(crate) fn new(runtime: Arc<dyn Runtime>) -> Tasks {
        Tasks { runtime, live: Arc::default() }
    }

    /// Runs a future until it is done or the node stops. After that it is not run at all.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        let (handle, registration) = AbortHandle::new_pair();
        let listed = {
            let mut live = lock(&self.live);
            if live.closed {
                handle.abort();
                return handle;
            }
            live.next += 1;
            let id = live.next;
            live.handles.insert(id, handle.clone());
            Listed { live: self.live.clone(), id }
        };
        let future = Abortable::new(future, registration);
        self.runtime.spawn(Box::pin(async move {
            let _listed = listed;
            let _ended = future.await;
        }));
        handle
    }

    /// Ends all tasks, and starts no more.
    pub(crate) fn abort(&self) {
        let handles: Vec<AbortHandle> = {
            let mut live = lock(&self.live);
            live.closed = true;
            live.handles.values().cloned().collect()
        };
        handles.iter().for_each(AbortHandle::abort);
    }

    /// Completes when no task is left.
    pub(crate) async fn ended(&self) {
        poll_fn(|cx| {
            let mut live = lock(&self.live);
            if live.handles.is_empty() {
                return Poll::Ready(());
            }
            live.waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
