//! A transport that can be cut, as a cable is: streams break, nobody is reached, and later all is well again.

#![allow(unreachable_pub, reason = "a module of the tests")]

use devts::rt::{Accepted, BoxFuture, Listener, Stream, Transport};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll};

#[derive(Clone, Debug)]
pub struct Cable {
    inner: Arc<dyn Transport>,
    cut: Arc<AtomicBool>,
}

impl Cable {
    pub fn new(inner: Arc<dyn Transport>) -> Cable {
        Cable { inner, cut: Arc::default() }
    }

    pub fn set_cut(&self, cut: bool) {
        self.cut.store(cut, SeqCst);
    }

    fn wrap(&self, stream: Box<dyn Stream>) -> Box<dyn Stream> {
        Box::new(Cut { inner: stream, cut: self.cut.clone(), broken: false })
    }
}

impl Transport for Cable {
    fn listen(&self, address: SocketAddr) -> BoxFuture<io::Result<Box<dyn Listener>>> {
        let (this, listening) = (self.clone(), self.inner.listen(address));
        Box::pin(async move {
            let inner = listening.await?;
            Ok(Box::new(CutListener { inner, cable: this }) as Box<dyn Listener>)
        })
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<io::Result<Box<dyn Stream>>> {
        let (this, connecting) = (self.clone(), self.inner.connect(address));
        Box::pin(async move {
            if this.cut.load(SeqCst) {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            Ok(this.wrap(connecting.await?))
        })
    }

    fn resolve(&self, name: String) -> BoxFuture<io::Result<Vec<SocketAddr>>> {
        self.inner.resolve(name)
    }
}

#[derive(Debug)]
struct CutListener {
    inner: Box<dyn Listener>,
    cable: Cable,
}

impl Listener for CutListener {
    fn address(&self) -> SocketAddr {
        self.inner.address()
    }

    fn accept(&self) -> Pin<Box<dyn Future<Output = io::Result<Accepted>> + Send + '_>> {
        Box::pin(async move {
            loop {
                let (stream, from) = self.inner.accept().await?;
                if !self.cable.cut.load(SeqCst) {
                    return Ok((self.cable.wrap(stream), from));
                }
            }
        })
    }
}

/// A stream that was cut once stays broken.
#[derive(Debug)]
struct Cut {
    inner: Box<dyn Stream>,
    cut: Arc<AtomicBool>,
    broken: bool,
}

impl Cut {
    fn check(&mut self) -> io::Result<()> {
        self.broken |= self.cut.load(SeqCst);
        if self.broken { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl futures_io::AsyncRead for Cut {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut [u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_read(cx, out)
    }
}

impl futures_io::AsyncWrite for Cut {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}
