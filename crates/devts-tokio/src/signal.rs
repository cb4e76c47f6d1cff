//! Waits for whoever asks the process to end. It does not know what ends then.

use std::future::Future;
use std::io;

/// Completes on ctrl-c, or on `SIGTERM` where there is one. To be called inside a tokio runtime; it listens from the
/// call on, not from the first poll.
///
/// # Errors
///
/// The future's, when it was called outside, or the system refuses to register the signals.
pub fn ctrl_c() -> impl Future<Output = io::Result<()>> + Send + 'static {
    let ends = crate::Tokio::current().map_err(io::Error::from).and_then(|_| Ends::listen());
    async move { ends?.first().await }
}

#[cfg(unix)]
struct Ends {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Ends {
    fn listen() -> io::Result<Ends> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Ends { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn first(mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| {
            // Both are polled, so that both wake us.
            let (interrupt, terminate) = (self.interrupt.poll_recv(cx), self.terminate.poll_recv(cx));
            if interrupt.is_ready() { interrupt } else { terminate }
        })
        .await;
        Ok(())
    }
}

#[cfg(windows)]
struct Ends(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Ends {
    fn listen() -> io::Result<Ends> {
        tokio::signal::windows::ctrl_c().map(Ends)
    }

    async fn first(mut self) -> io::Result<()> {
        self.0.recv().await;
        Ok(())
    }
}
