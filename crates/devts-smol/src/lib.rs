//! The host on smol's parts: async-io, async-executor and blocking, which any application of smol already has.
//!
//! It knows sockets, timers and threads, and nothing of nodes or frames.
//!
//! ```
//! use devts_rt::Runtime;
//! use devts_smol::Smol;
//! use std::time::Duration;
//!
//! # fn main() -> std::io::Result<()> {
//! let host = Smol::global()?;
//! devts_smol::block_on(host.sleep(Duration::from_millis(1)))?;
//! # Ok(())
//! # }
//! ```
//!
//! # Which executor
//!
//! | | runs tasks on |
//! |---|---|
//! | [`Smol::global`] | an executor of this process, on one thread, or as many as `SMOL_THREADS` says |
//! | [`Smol::with_threads`] | an executor of its own, on that many threads |
//! | [`Smol::with_executor`] | your executor, on whatever threads run it |
//!
//! One thread is smol's own default: enough for a node whose handlers are short, and cheapest when idle. The thread
//! in [`block_on`] counts as one of them.

mod reactor;
mod signal;
mod tcp;
mod threads;

use async_executor::Executor;
use devts_rt::{BoxFuture, Runtime, Transport};
use futures_util::FutureExt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub use signal::ctrl_c;

/// The host on smol's parts. Clones are the same host.
#[derive(Clone, Debug)]
pub struct Smol {
    executor: Held,
    origin: Instant,
    /// The threads that run the executor, if they are ours: they end with the last clone.
    threads: Option<threads::Threads>,
}

/// An executor's tasks hold the host. One that is ours lives as long as they do; the user's must end when he drops it.
#[derive(Clone, Debug)]
enum Held {
    Ours(Arc<Executor<'static>>),
    Theirs(Weak<Executor<'static>>),
}

impl Held {
    fn get(&self) -> Option<Arc<Executor<'static>>> {
        match self {
            Held::Ours(executor) => Some(executor.clone()),
            Held::Theirs(executor) => executor.upgrade(),
        }
    }
}

impl Smol {
    /// The host of this process, started by the first call: one thread, or as many as the environment's
    /// `SMOL_THREADS` says. It runs until the process ends.
    ///
    /// # Errors
    ///
    /// When the system has no thread or no descriptor left. The next call tries again.
    pub fn global() -> io::Result<Smol> {
        static GLOBAL: Mutex<Option<Smol>> = Mutex::new(None);
        let mut global = GLOBAL.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = &*global {
            return Ok(host.clone());
        }
        let host = Smol::with_threads(threads::wanted())?;
        Ok(global.insert(host).clone())
    }

    /// A host with an executor of its own on this many threads. When the last clone is dropped the threads end,
    /// and tasks that are not done are dropped.
    ///
    /// # Errors
    ///
    /// When the system has no thread or no descriptor left, or `InvalidInput` for no threads at all.
    pub fn with_threads(count: usize) -> io::Result<Smol> {
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a host needs at least one thread"));
        }
        reactor::start()?;
        let executor = Arc::new(Executor::new());
        let threads = threads::Threads::start(count, &executor)?;
        Ok(Smol { executor: Held::Ours(executor), origin: Instant::now(), threads: Some(threads) })
    }

    /// A host on your executor. Nothing runs unless you run it: `async_io::block_on(executor.run(..))`. The host does not
    /// keep it alive: when you drop it, its tasks are dropped, and new ones are not run.
    ///
    /// # Errors
    ///
    /// When async-io cannot start, because the system has no thread or no descriptor left.
    pub fn with_executor(executor: Arc<Executor<'static>>) -> io::Result<Smol> {
        reactor::start()?;
        let executor = Held::Theirs(Arc::downgrade(&executor));
        Ok(Smol { executor, origin: Instant::now(), threads: None })
    }

    /// Runs a future on this thread, and with it the tasks of the executor, timers and sockets. A thread of the host
    /// rests meanwhile, if it has any: as always, what blocks instead of waiting holds up the tasks. Not for use in one.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let _guest = self.threads.as_ref().map(threads::Threads::relieve);
        match self.executor.get() {
            Some(executor) => async_io::block_on(executor.run(future)),
            None => async_io::block_on(future),
        }
    }
}

/// Runs a future on this thread, as [`Smol::block_on`] of [`Smol::global`] does.
///
/// # Errors
///
/// When the system has no thread or no descriptor left.
pub fn block_on<F: Future>(future: F) -> io::Result<F::Output> {
    Ok(Smol::global()?.block_on(future))
}

impl Runtime for Smol {
    fn name(&self) -> &'static str {
        "smol"
    }

    fn spawn(&self, future: BoxFuture<()>) {
        // The executor keeps a panic to its task, so that the user's thread survives it.
        if let Some(executor) = self.executor.get() {
            executor.spawn(future).detach();
        }
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        let timer = async_io::Timer::after(duration);
        Box::pin(timer.map(drop))
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn wall(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    fn blocking(&self, work: Box<dyn FnOnce() + Send + 'static>) -> BoxFuture<()> {
        Box::pin(Blocking(Some(blocking::unblock(work))))
    }

    fn fill_random(&self, buffer: &mut [u8]) -> io::Result<()> {
        Ok(getrandom::fill(buffer)?)
    }

    fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(tcp::Tcp)
    }
}

/// Blocking work under way. Dropping it lets the work run on; dropping the task alone would cancel it.
struct Blocking(Option<blocking::Task<()>>);

impl Future for Blocking {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().map_or(Poll::Ready(()), |task| task.poll_unpin(cx))
    }
}

impl Drop for Blocking {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.detach();
        }
    }
}
