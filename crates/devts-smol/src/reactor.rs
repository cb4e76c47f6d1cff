//! Starts async-io's reactor, of which a process has one, and turns its refusal into an error. It knows no sockets.

use std::any::Any;
use std::future::Future;
use std::io;
use std::panic::catch_unwind;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

/// Starts the reactor unless it runs. async-io starts it at first use and panics when it cannot: better here, where
/// an error can be given, than in a task later.
pub(crate) fn start() -> io::Result<()> {
    catch_unwind(|| {
        let timer = pin!(async_io::Timer::after(Duration::from_secs(3_600)));
        let _ = timer.poll(&mut Context::from_waker(Waker::noop()));
    })
    .map_err(|panic| {
        let why = message(&*panic).unwrap_or("no reason given");
        io::Error::other(format!("async-io could not start, for want of a descriptor or a thread: {why}"))
    })
}

fn message(panic: &(dyn Any + Send)) -> Option<&str> {
    panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied())
}
