//! An axum router served on whichever host runs: hyper reads and writes the streams that devts' own seam opens, so
//! that nothing here names tokio or smol. Knows no node.

use axum::Router;
use devts::Runtime;
use devts::rt::{Listener, Stream};
use futures_io::{AsyncRead, AsyncWrite};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tower_service::Service;

/// Serves the router on every connection of the listener, each in a task of its own.
pub async fn serve(host: Arc<dyn Runtime>, listener: Box<dyn Listener>, router: Router) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => host.spawn(Box::pin(connection(stream, router.clone()))),
            Err(error) => {
                // Out of descriptors, mostly: others may be closed meanwhile.
                log::warn!("cannot accept: {error}");
                host.sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(stream: Box<dyn Stream>, router: Router) {
    let service = service_fn(move |request| router.clone().call(request));
    if let Err(error) = http1::Builder::new().serve_connection(Io::new(stream), service).await {
        log::debug!("a connection ended: {error}");
    }
}

/// A stream of devts' seam as hyper wants it.
struct Io {
    stream: Box<dyn Stream>,
    /// hyper hands out memory that is not yet initialised; reading into our own first keeps this file safe code.
    chunk: Box<[u8]>,
}

impl Io {
    fn new(stream: Box<dyn Stream>) -> Io {
        Io { stream, chunk: vec![0; 16 << 10].into_boxed_slice() }
    }
}

impl Read for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let Io { stream, chunk } = self.get_mut();
        let wanted = chunk.len().min(into.remaining());
        let count = ready!(Pin::new(stream).poll_read(cx, &mut chunk[..wanted]))?;
        into.put_slice(&chunk[..count]);
        Poll::Ready(Ok(()))
    }
}

impl Write for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_close(cx)
    }
}
