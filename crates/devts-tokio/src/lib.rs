//! The host on tokio: a runtime's handle, used from inside the runtime or from any other thread.
//!
//! It knows sockets, timers and the runtime's drivers, and nothing of nodes or frames.
//!
//! ```
//! use devts_rt::Runtime;
//! use devts_tokio::Tokio;
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! devts_tokio::block_on(async {
//!     let host = Tokio::current()?;
//!     host.sleep(Duration::from_millis(1)).await;
//!     Ok(())
//! })?
//! # }
//! ```
//!
//! The host does not keep its runtime alive. When the runtime ends its tasks are dropped and new ones are not run;
//! a sleep that another thread still waits for panics then, as tokio's own do.

mod enter;
mod no_runtime;
mod signal;
mod tcp;

use devts_rt::{BoxFuture, Runtime, Transport};
use std::future::{Future, pending};
use std::io;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::runtime::{Builder, Handle};
use tokio::time::Instant;

pub use no_runtime::{Missing, NoRuntime};
pub use signal::ctrl_c;

/// The host on tokio. Clones are the same host.
#[derive(Clone, Debug)]
pub struct Tokio {
    handle: Handle,
    origin: Instant,
}

impl Tokio {
    /// The runtime that this is called in.
    ///
    /// # Errors
    ///
    /// When it is called in none, or in one that [cannot serve](Tokio::from_handle).
    pub fn current() -> Result<Tokio, NoRuntime> {
        let handle = Handle::try_current().map_err(|_| NoRuntime { missing: Missing::Context })?;
        Tokio::from_handle(handle)
    }

    /// This runtime, of any flavour, whoever drives it.
    ///
    /// # Errors
    ///
    /// When the runtime was built without its time or I/O driver, or has ended. tokio has no question for a driver but
    /// to use it, and panics without: the panic is caught here, while the panic hook, which is the application's,
    /// reports it as usual. (With `panic = "abort"` the process ends with tokio's message.)
    pub fn from_handle(handle: Handle) -> Result<Tokio, NoRuntime> {
        no_runtime::probe(&handle)?;
        let origin = enter::within(&handle, Instant::now);
        Ok(Tokio { handle, origin })
    }
}

/// Builds a multi-thread runtime with all drivers and runs a future on it. What it spawned ends with it; blocking work
/// that is still under way does not hold it up.
///
/// # Errors
///
/// When the system has no thread or no descriptor left.
///
/// # Panics
///
/// Inside a tokio runtime, as tokio's own does: `.await` there instead.
pub fn block_on<F: Future>(future: F) -> io::Result<F::Output> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let output = runtime.block_on(future);
    runtime.shutdown_background();
    Ok(output)
}

impl Runtime for Tokio {
    fn name(&self) -> &'static str {
        "tokio"
    }

    fn spawn(&self, future: BoxFuture<()>) {
        self.handle.spawn(future);
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        Box::pin(enter::within(&self.handle, || tokio::time::sleep(duration)))
    }

    fn now(&self) -> Duration {
        // tokio's clock, which is the system's unless a test paused it: sleeps and `now` agree.
        self.origin.elapsed()
    }

    fn wall(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    fn blocking(&self, work: Box<dyn FnOnce() + Send + 'static>) -> BoxFuture<()> {
        let task = self.handle.spawn_blocking(work);
        Box::pin(async move {
            match task.await.map_err(tokio::task::JoinError::try_into_panic) {
                Ok(()) => (),
                Err(Ok(panic)) => resume_unwind(panic),
                // The runtime ended before the work began, so it has not run: nothing to tell.
                Err(Err(_)) => pending().await,
            }
        })
    }

    fn fill_random(&self, buffer: &mut [u8]) -> io::Result<()> {
        Ok(getrandom::fill(buffer)?)
    }

    fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(tcp::Tcp { handle: self.handle.clone() })
    }
}
