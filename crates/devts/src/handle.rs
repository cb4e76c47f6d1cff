//! `NodeHandle`: a node from outside. Turns of its owner's own, and its end. Knows no driver.

use crate::cluster::Cluster;
use crate::shared::{Cause, Core, lock};
use crate::{Context, Result, emit, promise, turn};
use futures_util::FutureExt;
use futures_util::future::{Either, select};
use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::Poll;

/// A turn's future.
pub(crate) type BoxTurn<'a, T = ()> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

type SyncTurn<N> = dyn FnOnce(&mut N, &mut Context<N>) + Send;
type AsyncTurn<N> = dyn for<'a> FnOnce(&'a mut N, &'a mut Context<N>) -> BoxTurn<'a> + Send;

/// A turn that somebody asked for.
pub(crate) enum Job<N> {
    Sync(Box<SyncTurn<N>>),
    Async(Box<AsyncTurn<N>>),
}

/// Jobs in order; for each an `Item::Job` stands in the mailbox.
pub(crate) struct Jobs<N>(Mutex<VecDeque<Job<N>>>);

impl<N> Jobs<N> {
    pub(crate) fn new() -> Arc<Jobs<N>> {
        Arc::new(Jobs(Mutex::new(VecDeque::new())))
    }

    pub(crate) fn pop(&self) -> Option<Job<N>> {
        lock(&self.0).pop_front()
    }

    /// Dispatch is gone: who waits for a job is told.
    pub(crate) fn clear(&self) {
        let jobs = std::mem::take(&mut *lock(&self.0));
        drop(jobs);
    }
}

/// A node from outside: clone it, share it, dereference it to its [`Cluster`]. Dropping the last one does not stop the
/// node; [`NodeHandle::stop`] does.
pub struct NodeHandle<N> {
    cluster: Cluster,
    jobs: Arc<Jobs<N>>,
}

impl<N> Clone for NodeHandle<N> {
    fn clone(&self) -> NodeHandle<N> {
        NodeHandle { cluster: self.cluster.clone(), jobs: self.jobs.clone() }
    }
}

impl<N> Deref for NodeHandle<N> {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl<N> fmt::Debug for NodeHandle<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cluster.fmt(f)
    }
}

impl<N> NodeHandle<N> {
    pub(crate) fn new(core: Arc<Core>, jobs: Arc<Jobs<N>>) -> NodeHandle<N> {
        NodeHandle { cluster: Cluster { core }, jobs }
    }

    /// Queues a job. `false`: dispatch is gone, and the job with it.
    pub(crate) fn push(&self, job: Job<N>) -> bool {
        lock(&self.jobs.0).push_back(job);
        let taken = self.cluster.core.mailbox.push(crate::mailbox::Item::Job);
        if !taken {
            self.jobs.clear();
        }
        taken
    }

    /// Stops the node: turns that are queued run, then the `stopping` hook, then peers acknowledge what was said (at
    /// most `Config::stop_timeout` in all), then it leaves. Nothing is left running. Can be called again, and by many.
    ///
    /// ```
    /// # use devts::{Context, Event, Node, Result};
    /// # use serde::{Deserialize, Serialize};
    /// # use std::time::Duration;
    /// # struct Quiet;
    /// # #[devts::node("quiet")] impl Node for Quiet {}
    /// # fn main() -> Result { devts::block_on(async {
    /// let node = devts::join((), Quiet).await?;
    /// node.stop().await?;
    /// node.stop().await?; // it has stopped: nothing to do
    /// assert!(node.with(|_, _| ()).await.is_err());
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the node had stopped, or stops, for another reason: a panic, a younger life of its id, the end of its host.
    pub async fn stop(&self) -> std::result::Result<(), StopError> {
        if self.cluster.core.in_turn() {
            self.cluster.core.stop(Cause::Asked);
            return Err(StopError::InTurn);
        }
        self.cluster.core.stop(Cause::Asked);
        self.stopped().await
    }

    /// Waits until the node has stopped, whoever stopped it.
    ///
    /// # Errors
    ///
    /// When it stopped for another reason than that somebody asked.
    pub async fn stopped(&self) -> std::result::Result<(), StopError> {
        let core = &self.cluster.core;
        let mut waiting = Waiting { core, key: None };
        let cause = poll_fn(|cx| match core.poll_stopped(&mut waiting.key, cx.waker()) {
            Some(cause) => Poll::Ready(cause),
            None => Poll::Pending,
        });
        match cause.await {
            Cause::Asked => Ok(()),
            Cause::Panicked(text) => Err(StopError::Panicked { text }),
            Cause::Superseded => Err(StopError::Superseded),
            Cause::Overdue => Err(StopError::TurnsDropped),
            Cause::Internal(text) => Err(StopError::Internal { text }),
            Cause::HostGone => Err(StopError::HostGone),
        }
    }

    /// Waits until the future is done or the node stops by itself, and stops it. The future's output is dropped.
    ///
    /// ```
    /// # use devts::{Context, Event, Node, Result};
    /// # use serde::{Deserialize, Serialize};
    /// # use std::time::Duration;
    /// # struct Quiet;
    /// # #[devts::node("quiet")] impl Node for Quiet {}
    /// # fn main() -> Result { devts::block_on(async {
    /// let node = devts::join((), Quiet).await?;
    /// let soon = std::future::ready(()); // most often `devts::ctrl_c()`
    /// node.run_until(soon).await?;
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`NodeHandle::stop`].
    pub async fn run_until(&self, future: impl Future) -> Result {
        let stopped = pin!(self.stopped());
        match select(stopped, pin!(future)).await {
            Either::Left((stopped, _)) => Ok(stopped?),
            Either::Right(_) => Ok(self.stop().await?),
        }
    }
}

impl<N: Send + 'static> NodeHandle<N> {
    /// Runs a closure as a turn of the node: nothing else touches the node meanwhile.
    ///
    /// ```
    /// # use devts::{Events, Node, Result};
    /// # struct Counter(u64);
    /// # impl Node for Counter { fn kind() -> &'static str { "counter" } fn events(_: &mut Events<Self>) {} }
    /// # fn main() -> Result { devts::block_on(async {
    /// # let node = devts::join((), Counter(1)).await?;
    /// let count = node.with(|counter, _cx| { counter.0 += 1; counter.0 }).await?;
    /// assert_eq!(count, 2);
    /// # Ok(node.stop().await?) }) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the node is stopping, the closure panics, or a turn of this node awaits it, which would be for ever.
    pub fn with<R, F>(
        &self,
        turn: F,
    ) -> impl Future<Output = std::result::Result<R, TurnError>> + Send + use<N, R, F>
    where
        R: Send + 'static,
        F: FnOnce(&mut N, &mut Context<N>) -> R + Send + 'static, // not `async`: for futures there is `call`
    {
        let handle = self.clone();
        async move {
            handle.may_wait()?;
            let (promise, pledge) = promise::promise();
            let job = move |node: &mut N, cx: &mut Context<N>| {
                let result = catch_unwind(AssertUnwindSafe(|| turn(node, cx)));
                tell(promise, result);
            };
            handle.push(Job::Sync(Box::new(job)));
            pledge.await.unwrap_or(Err(TurnError::Stopped))
        }
    }

    /// Runs a future as a turn of the node. The closure returns it boxed, because it borrows the node:
    ///
    /// ```
    /// # use devts::{Events, Node, Result};
    /// # struct Counter(u64);
    /// # impl Node for Counter { fn kind() -> &'static str { "counter" } fn events(_: &mut Events<Self>) {} }
    /// # fn main() -> Result { devts::block_on(async {
    /// # let node = devts::join((), Counter(1)).await?;
    /// let count = node.call(|counter, cx| Box::pin(async move {
    ///     counter.0 += cx.unblock(|| 41).await;
    ///     counter.0
    /// })).await?;
    /// assert_eq!(count, 42);
    /// # Ok(node.stop().await?) }) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`NodeHandle::with`].
    pub fn call<R, F>(
        &self,
        turn: F,
    ) -> impl Future<Output = std::result::Result<R, TurnError>> + Send + use<N, R, F>
    where
        R: Send + 'static,
        F: for<'a> FnOnce(&'a mut N, &'a mut Context<N>) -> Pin<Box<dyn Future<Output = R> + Send + 'a>>
            + Send
            + 'static,
    {
        let handle = self.clone();
        async move {
            handle.may_wait()?;
            let (promise, pledge) = promise::promise();
            handle.push(Job::Async(Box::new(move |node, cx| {
                Box::pin(async move {
                    let turn = AssertUnwindSafe(async move { turn(node, cx).await });
                    tell(promise, turn.catch_unwind().await);
                })
            })));
            pledge.await.unwrap_or(Err(TurnError::Stopped))
        }
    }

    fn may_wait(&self) -> std::result::Result<(), TurnError> {
        if self.cluster.core.in_turn() {
            return Err(TurnError::Deadlock);
        }
        if self.cluster.core.is_stopping() { Err(TurnError::Stopped) } else { Ok(()) }
    }
}

/// Tells who waits, and lets a panic go on to dispatch.
fn tell<R>(promise: promise::Promise<std::result::Result<R, TurnError>>, result: std::thread::Result<R>) {
    match result {
        Ok(value) => promise.keep(Ok(value)),
        Err(panic) => {
            promise.keep(Err(TurnError::Panicked { text: turn::text(&*panic) }));
            resume_unwind(panic);
        }
    }
}

/// Who waits for the end and is dropped waits no longer.
struct Waiting<'a> {
    core: &'a Core,
    key: Option<u64>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.core.forget_stopped(key);
        }
    }
}

/// Why a turn of [`NodeHandle::with`] or [`NodeHandle::call`] has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TurnError {
    /// The node is stopping or has stopped: the turn did not run to its end.
    Stopped,
    /// The turn panicked.
    Panicked {
        /// The panic's text.
        text: String,
    },
    /// A turn of this node would have waited for another turn of it.
    Deadlock,
}

impl fmt::Display for TurnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TurnError::Stopped => f.write_str(emit::STOPPED),
            TurnError::Panicked { text } => write!(f, "the turn panicked: {text}"),
            TurnError::Deadlock => {
                f.write_str("a turn cannot wait for another turn of its own node: use the node it was given")
            }
        }
    }
}

impl std::error::Error for TurnError {}

/// Why a node stopped, if not because somebody asked; or why it cannot be waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopError {
    /// A handler or hook panicked, and the node was not told to go on ([`crate::OnPanic`]).
    Panicked {
        /// The panic's text.
        text: String,
    },
    /// A younger process with the same node id is in the cluster.
    Superseded,
    /// Turns did not end within `Config::stop_timeout` and were dropped, and with them what was queued.
    TurnsDropped,
    /// Its host ended before the node had left, and dropped it: nothing was said to the others.
    HostGone,
    /// `stop` was awaited in a turn of the node itself. It stops once the turn is over.
    InTurn,
    /// devts itself failed: please report it.
    Internal {
        /// What happened.
        text: String,
    },
}

impl fmt::Display for StopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StopError::Panicked { text } => write!(f, "the node stopped because a turn panicked: {text}"),
            StopError::Superseded => f.write_str(
                "the node stopped because a younger process with the same node id is in the cluster",
            ),
            StopError::TurnsDropped => {
                f.write_str("turns did not end in time and were dropped, with what was queued")
            }
            StopError::HostGone => f.write_str(
                "the node's runtime ended before the node had left: stop nodes first (`NodeHandle::stop`)",
            ),
            StopError::InTurn => {
                f.write_str("a turn cannot wait for the end of its own node: `Context::stop` asks for it")
            }
            StopError::Internal { text } => write!(f, "the node failed in itself, please report it: {text}"),
        }
    }
}

impl std::error::Error for StopError {}
