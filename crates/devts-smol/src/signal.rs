//! Waits for whoever asks the process to end. It does not know what ends then.

use async_signal::{Signal, Signals};
use futures_util::StreamExt;
use std::future::Future;
use std::io;

#[cfg(unix)]
const ENDS: &[Signal] = &[Signal::Int, Signal::Term];
#[cfg(not(unix))]
const ENDS: &[Signal] = &[Signal::Int];

/// Completes on ctrl-c, or on `SIGTERM` where there is one. It listens from the call on, not from the first poll.
///
/// # Errors
///
/// The future's, when the system refuses to register the signals.
pub fn ctrl_c() -> impl Future<Output = io::Result<()>> + Send + 'static {
    let signals = Signals::new(ENDS);
    async move { signals?.next().await.map_or(Ok(()), |signal| signal.map(drop)) }
}
