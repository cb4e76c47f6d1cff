//! Why a runtime cannot be a host, found out before anything relies on it. It knows the drivers, not their use.

use crate::enter::within;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use tokio::runtime::{Handle, is_rt_shutdown_err};

/// There is no tokio runtime here that a node could run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoRuntime {
    /// What was looked for and not found.
    pub missing: Missing,
}

/// What a runtime lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// The caller is in no runtime at all.
    Context,
    /// The runtime was built without `enable_time`.
    TimeDriver,
    /// The runtime was built without `enable_io`.
    IoDriver,
    /// The runtime has ended or is about to.
    Life,
}

impl fmt::Display for NoRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.missing {
            Missing::Context => {
                "not called inside a tokio runtime: call it from `#[tokio::main]` or a task, or give the runtime with \
                 `Tokio::from_handle(runtime.handle().clone())`"
            }
            Missing::TimeDriver => {
                "this tokio runtime has no timers: build it with `Builder::enable_all()` or `enable_time()`"
            }
            Missing::IoDriver => {
                "this tokio runtime has no sockets: build it with `Builder::enable_all()` or `enable_io()`"
            }
            Missing::Life => "this tokio runtime has ended: start the node before its runtime is shut down",
        })
    }
}

impl std::error::Error for NoRuntime {}

impl From<NoRuntime> for io::Error {
    fn from(error: NoRuntime) -> Self {
        io::Error::other(error)
    }
}

/// Makes a timer and a socket inside the runtime, which panics when their driver is missing.
pub(crate) fn probe(handle: &Handle) -> Result<(), NoRuntime> {
    let missing = |missing| NoRuntime { missing };
    let timer = || drop(tokio::time::sleep(Duration::ZERO));
    catch_unwind(AssertUnwindSafe(|| within(handle, timer))).map_err(|_| missing(Missing::TimeDriver))?;
    let made =
        catch_unwind(AssertUnwindSafe(|| within(handle, socket))).map_err(|_| missing(Missing::IoDriver))?;
    match made {
        Err(error) if is_rt_shutdown_err(&error) => Err(missing(Missing::Life)),
        // Out of descriptors, say: a driver is there, and whoever opens a socket will be told.
        _ => Ok(()),
    }
}

/// A socket that takes no port.
#[cfg(unix)]
fn socket() -> io::Result<()> {
    tokio::net::UnixDatagram::unbound().map(drop)
}

#[cfg(not(unix))]
fn socket() -> io::Result<()> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    tokio::net::UdpSocket::from_std(socket).map(drop)
}
