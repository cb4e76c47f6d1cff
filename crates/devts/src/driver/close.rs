//! Closing a stream without losing its last words: written, shut, and read out, within a second. Knows no frame.

use crate::dial::within;
use crate::shared::Core;
use devts_rt::Stream;
use futures_io::{AsyncRead, AsyncWrite};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long a stream may take to be closed.
const LINGER: Duration = Duration::from_secs(1);

/// How many streams are being closed.
#[derive(Clone, Debug, Default)]
pub(super) struct Closing(Arc<AtomicUsize>);

/// One of them.
struct One {
    closing: Closing,
    core: Arc<Core>,
}

impl Drop for One {
    fn drop(&mut self) {
        self.closing.0.fetch_sub(1, Ordering::AcqRel);
        self.core.driver.wake();
    }
}

impl Closing {
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    /// Writes the rest in a task of its own, then drops the stream.
    pub(super) fn close(&self, core: &Arc<Core>, stream: Box<dyn Stream>, rest: Vec<u8>) {
        self.0.fetch_add(1, Ordering::AcqRel);
        let one = One { closing: self.clone(), core: core.clone() };
        core.tasks.spawn(async move {
            let end = Box::pin(last_words(stream, rest));
            within(&one.core, LINGER, end).await;
        });
    }
}

/// Bytes of the peer that nobody has read would reset the stream, and with it what was just written.
async fn last_words(mut stream: Box<dyn Stream>, rest: Vec<u8>) -> io::Result<()> {
    let mut rest = rest.as_slice();
    while !rest.is_empty() {
        let written = poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, rest)).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        rest = &rest[written..];
    }
    poll_fn(|cx| Pin::new(&mut stream).poll_close(cx)).await?;
    let mut scratch = [0; 1024];
    while poll_fn(|cx| Pin::new(&mut stream).poll_read(cx, &mut scratch)).await? > 0 {}
    Ok(())
}
