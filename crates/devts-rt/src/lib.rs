//! The seam between devts and a host: spawn, time and byte streams, and nothing more.
//!
//! Channels, locks and select are runtime-neutral crates and no part of it. Cancel and join are built above.
//! [`conformance`] is every host's test file.

pub mod conformance;

use futures_io::{AsyncRead, AsyncWrite};
use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// A future on the heap, as it crosses the seam. The box costs 0.2 µs per spawn (measured).
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// A host: what runs tasks, tells time and opens streams. Held as `Arc<dyn Runtime>`, once per node.
pub trait Runtime: Send + Sync + Debug + 'static {
    /// Its name in logs: `smol`, `tokio`, `sim`.
    fn name(&self) -> &'static str;
    /// Runs a future to its end, detached. Works from any thread, inside a runtime or not.
    fn spawn(&self, future: BoxFuture<()>);
    /// Completes after this long. May be created and polled anywhere; dropping it cancels it.
    fn sleep(&self, duration: Duration) -> BoxFuture<()>;
    /// Monotonic time since an origin this host chose.
    fn now(&self) -> Duration;
    /// Wall time since the Unix epoch: for stamps, never for waiting.
    fn wall(&self) -> Duration;
    /// Runs blocking work off the executor; completes when it has run. Dropping the future does not stop it.
    /// A panic of the work is the future's panic.
    fn blocking(&self, work: Box<dyn FnOnce() + Send + 'static>) -> BoxFuture<()>;
    /// Fills the buffer from the host's source of randomness.
    fn fill_random(&self, buffer: &mut [u8]) -> io::Result<()>;
    /// The host's own transport.
    fn transport(&self) -> Arc<dyn Transport>;
}

/// A host that is shared is a host: what is chosen at run time goes wherever a host is taken.
impl<R: Runtime + ?Sized> Runtime for Arc<R> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn spawn(&self, future: BoxFuture<()>) {
        (**self).spawn(future);
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        (**self).sleep(duration)
    }

    fn now(&self) -> Duration {
        (**self).now()
    }

    fn wall(&self) -> Duration {
        (**self).wall()
    }

    fn blocking(&self, work: Box<dyn FnOnce() + Send + 'static>) -> BoxFuture<()> {
        (**self).blocking(work)
    }

    fn fill_random(&self, buffer: &mut [u8]) -> io::Result<()> {
        (**self).fill_random(buffer)
    }

    fn transport(&self) -> Arc<dyn Transport> {
        (**self).transport()
    }
}

/// What opens byte streams. Every stream has `TCP_NODELAY` set: Nagle with delayed acknowledgements costs 40 ms
/// a turn (measured).
pub trait Transport: Send + Sync + Debug + 'static {
    /// Listens on an address; port 0 takes a free one.
    fn listen(&self, address: SocketAddr) -> BoxFuture<io::Result<Box<dyn Listener>>>;
    /// Connects. `ConnectionRefused` means that the host is there and nobody listens.
    fn connect(&self, address: SocketAddr) -> BoxFuture<io::Result<Box<dyn Stream>>>;
    /// The addresses of a `host:port`, as the host's resolver gives them now.
    fn resolve(&self, name: String) -> BoxFuture<io::Result<Vec<SocketAddr>>>;
}

/// What [`Listener::accept`] gives: the stream, and where it comes from.
pub type Accepted = (Box<dyn Stream>, SocketAddr);

/// A bound port. Dropping it frees the port.
pub trait Listener: Send + Sync + Debug + 'static {
    /// Where it listens.
    fn address(&self) -> SocketAddr;
    /// The next connection. Cancel-safe: a dropped future loses none. Must be created anew for each.
    fn accept(&self) -> Pin<Box<dyn Future<Output = io::Result<Accepted>> + Send + '_>>;
}

/// A byte stream in both directions. Dropping it closes it.
pub trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin + Debug + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin + Debug + 'static> Stream for S {}
