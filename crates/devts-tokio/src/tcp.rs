//! TCP over tokio. It knows bytes and addresses, and no frames.

use crate::enter::polled_within;
use devts_rt::{Accepted, BoxFuture, Listener, Stream, Transport};
use futures_io::{AsyncRead, AsyncWrite};
use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::runtime::Handle;

/// The transport. It carries the handle, as whoever connects may be on a thread of no runtime.
#[derive(Debug)]
pub(crate) struct Tcp {
    pub(crate) handle: Handle,
}

impl Transport for Tcp {
    fn listen(&self, address: SocketAddr) -> BoxFuture<io::Result<Box<dyn Listener>>> {
        let handle = self.handle.clone();
        Box::pin(async move {
            let listener = polled_within(&handle, TcpListener::bind(address)).await?;
            let address = listener.local_addr()?;
            Ok(Box::new(Port { handle, listener, address }) as Box<dyn Listener>)
        })
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<io::Result<Box<dyn Stream>>> {
        let handle = self.handle.clone();
        Box::pin(async move {
            let socket = polled_within(&handle, TcpStream::connect(address)).await?;
            Ok(Box::new(Connection::new(socket)?) as Box<dyn Stream>)
        })
    }

    fn resolve(&self, name: String) -> BoxFuture<io::Result<Vec<SocketAddr>>> {
        let handle = self.handle.clone();
        Box::pin(async move { Ok(polled_within(&handle, lookup_host(name)).await?.collect()) })
    }
}

#[derive(Debug)]
struct Port {
    handle: Handle,
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener for Port {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn accept(&self) -> Pin<Box<dyn Future<Output = io::Result<Accepted>> + Send + '_>> {
        Box::pin(async move {
            loop {
                let (socket, from) = polled_within(&self.handle, self.listener.accept()).await?;
                // Who is gone before the option is set (some systems refuse it then) is no fault of the listener.
                if let Ok(connection) = Connection::new(socket) {
                    return Ok((Box::new(connection) as Box<dyn Stream>, from));
                }
            }
        })
    }
}

/// One connection. Once made it needs no context: the socket knows its driver.
#[derive(Debug)]
struct Connection {
    socket: TcpStream,
}

impl Connection {
    fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        Ok(Connection { socket })
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buf);
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
