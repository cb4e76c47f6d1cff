//! The network as a process sees it: the seam's transport, listener and stream. They hold numbers; the world has the
//! rest.

use crate::machine::Machine;
use crate::shared::{Shared, State, ip_of};
use devts_rt::{Accepted, BoxFuture, Listener, Stream, Transport};
use futures_io::{AsyncRead, AsyncWrite};
use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What opens streams on a machine.
#[derive(Clone, Debug)]
pub(crate) struct SimTransport {
    pub(crate) machine: Machine,
}

impl SimTransport {
    /// Does something, unless the machine's life is over.
    fn act<R>(&self, act: impl FnOnce(&mut State) -> io::Result<R>) -> io::Result<R> {
        let Machine { id, life, shared } = &self.machine;
        shared.must_be_here("the network was used", Some(*id));
        shared.with(|state| {
            if !state.lives(*id, *life) {
                return Err(io::Error::new(io::ErrorKind::NetworkDown, "the machine is down"));
            }
            act(state)
        })
    }
}

impl Transport for SimTransport {
    fn listen(&self, address: SocketAddr) -> BoxFuture<io::Result<Box<dyn Listener>>> {
        let this = self.clone();
        Box::pin(async move {
            let (id, life) = (this.machine.id, this.machine.life);
            let address = this.act(|state| state.listen(id, life, address))?;
            Ok(Box::new(SimListener { shared: this.machine.shared, life, address }) as Box<dyn Listener>)
        })
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<io::Result<Box<dyn Stream>>> {
        let this = self.clone();
        Box::pin(async move {
            let (id, life) = (this.machine.id, this.machine.life);
            let dial = this.act(|state| Ok(state.dial(id, life, address)))?;
            let dialling = Dialling { shared: this.machine.shared.clone(), dial };
            let shared = &this.machine.shared;
            let conn = poll_fn(|cx| shared.with(|state| state.poll_dial(dial, cx.waker()))).await?;
            drop(dialling);
            Ok(Box::new(SimStream { shared: shared.clone(), conn, end: 0 }) as Box<dyn Stream>)
        })
    }

    fn resolve(&self, name: String) -> BoxFuture<io::Result<Vec<SocketAddr>>> {
        let this = self.clone();
        Box::pin(async move {
            if let Ok(address) = name.parse() {
                return Ok(vec![address]);
            }
            let nothing = |why: &str| io::Error::new(io::ErrorKind::NotFound, format!("{name:?}: {why}"));
            let (host, port) = name.rsplit_once(':').ok_or_else(|| nothing("has no port"))?;
            let port: u16 = port.parse().map_err(|_| nothing("has no port"))?;
            let addresses = this.act(|state| Ok(state.resolve(host)))?;
            match addresses {
                Some(ips) => Ok(ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()),
                None => Err(nothing("is no name in this world")),
            }
        })
    }
}

impl State {
    /// A name that was set, `localhost`, or a machine's own.
    fn resolve(&self, host: &str) -> Option<Vec<IpAddr>> {
        if let Some(ips) = self.net.names.get(host) {
            return Some(ips.clone());
        }
        if host == "localhost" {
            return Some(vec![ip_of(0)]);
        }
        let machine = self.machines.iter().position(|machine| machine.name == host)?;
        Some(vec![ip_of(machine)])
    }
}

/// A dial that ends when it is dropped.
struct Dialling {
    shared: Arc<Shared>,
    dial: u32,
}

impl Drop for Dialling {
    fn drop(&mut self) {
        self.shared.with(|state| state.drop_dial(self.dial));
    }
}

#[derive(Debug)]
struct SimListener {
    shared: Arc<Shared>,
    life: u32,
    address: SocketAddr,
}

impl Listener for SimListener {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn accept(&self) -> Pin<Box<dyn Future<Output = io::Result<Accepted>> + Send + '_>> {
        Box::pin(poll_fn(|cx| {
            let polled = self.shared.with(|state| state.accept(self.address, self.life, cx.waker()));
            polled.map_ok(|(conn, from)| {
                let stream = SimStream { shared: self.shared.clone(), conn, end: 1 };
                (Box::new(stream) as Box<dyn Stream>, from)
            })
        }))
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        self.shared.with(|state| state.unlisten(self.address, self.life));
    }
}

/// One end of a connection.
struct SimStream {
    shared: Arc<Shared>,
    conn: u32,
    end: u8,
}

impl fmt::Debug for SimStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimStream({}, {})", self.conn, self.end)
    }
}

impl AsyncRead for SimStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut [u8]) -> Poll<io::Result<usize>> {
        self.shared.must_be_here("a stream was read", None);
        self.shared.with(|state| state.read(self.conn, self.end, out, cx.waker()))
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.shared.must_be_here("a stream was written", None);
        self.shared.with(|state| state.write(self.conn, self.end, parts, cx.waker()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.with(|state| state.close(self.conn, self.end));
        Poll::Ready(Ok(()))
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        self.shared.with(|state| state.let_go(self.conn, self.end));
    }
}
