//! TCP over async-io. It knows bytes and addresses, and no frames.

use async_io::Async;
use devts_rt::{Accepted, BoxFuture, Listener, Stream, Transport};
use futures_io::{AsyncRead, AsyncWrite};
use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// So many reads and writes in a row may succeed before the task is sent to the back of the queue: async-io has no
/// budget of its own, and on one thread a peer that floods us would keep all other tasks from running.
const TURNS: u8 = 64;

/// The transport.
#[derive(Debug)]
pub(crate) struct Tcp;

impl Transport for Tcp {
    fn listen(&self, address: SocketAddr) -> BoxFuture<io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let listener = Async::<TcpListener>::bind(address)?;
            let address = listener.get_ref().local_addr()?;
            Ok(Box::new(Port { listener, address }) as Box<dyn Listener>)
        })
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let stream = Async::<TcpStream>::connect(address).await?;
            Ok(Box::new(Connection::new(stream)?) as Box<dyn Stream>)
        })
    }

    fn resolve(&self, name: String) -> BoxFuture<io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            match name.parse() {
                Ok(address) => Ok(vec![address]),
                Err(_) => blocking::unblock(move || Ok(name.to_socket_addrs()?.collect())).await,
            }
        })
    }
}

#[derive(Debug)]
struct Port {
    listener: Async<TcpListener>,
    address: SocketAddr,
}

impl Listener for Port {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn accept(&self) -> Pin<Box<dyn Future<Output = io::Result<Accepted>> + Send + '_>> {
        Box::pin(async move {
            loop {
                let (stream, from) = self.listener.accept().await?;
                // Who is gone before the option is set (some systems refuse it then) is no fault of the listener.
                if let Ok(connection) = Connection::new(stream) {
                    return Ok((Box::new(connection) as Box<dyn Stream>, from));
                }
            }
        })
    }
}

/// One connection: one reader and one writer at a time, each with its own waker in async-io.
#[derive(Debug)]
struct Connection {
    socket: Async<TcpStream>,
    reads: Turns,
    writes: Turns,
}

impl Connection {
    fn new(socket: Async<TcpStream>) -> io::Result<Self> {
        socket.get_ref().set_nodelay(true)?;
        Ok(Connection { socket, reads: Turns(TURNS), writes: Turns(TURNS) })
    }
}

/// The turns left in one direction. Each has its own: a peer that takes no bytes must not pay for its flood.
#[derive(Debug)]
struct Turns(u8);

impl Turns {
    /// Gives way when the turns are used up; a wait refills them.
    fn take<T>(&mut self, cx: &mut Context<'_>, go: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        if self.0 == 0 {
            self.0 = TURNS;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = go(cx);
        self.0 = if polled.is_ready() { self.0 - 1 } else { TURNS };
        polled
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let Connection { socket, reads, .. } = self.get_mut();
        reads.take(cx, |cx| Pin::new(socket).poll_read(cx, buf))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let Connection { socket, reads, .. } = self.get_mut();
        reads.take(cx, |cx| Pin::new(socket).poll_read_vectored(cx, bufs))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let Connection { socket, writes, .. } = self.get_mut();
        writes.take(cx, |cx| Pin::new(socket).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Connection { socket, writes, .. } = self.get_mut();
        writes.take(cx, |cx| Pin::new(socket).poll_write_vectored(cx, bufs))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        // async-io's own close only flushes. Some systems refuse to end what the peer has ended: it is ended.
        match self.socket.get_ref().shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            ended => Poll::Ready(ended),
        }
    }
}
