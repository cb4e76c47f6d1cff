//! Stands in for the runtime's context where the caller has none: tokio's timers and sockets are made inside it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use tokio::runtime::Handle;

/// Runs a closure inside the runtime's context.
pub(crate) fn within<T>(handle: &Handle, work: impl FnOnce() -> T) -> T {
    let _inside = handle.enter();
    work()
}

/// Polls a future inside the runtime's context, each time anew: the guard must not be held over an `.await`.
pub(crate) async fn polled_within<F: Future>(handle: &Handle, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| within(handle, || future.as_mut().poll(cx))).await
}
