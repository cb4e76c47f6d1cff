//! What the checks wait and talk with: it belongs to no host, so that a broken host is told and not waited for.

use crate::{BoxFuture, Runtime, Stream};
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::future::{self, Either};
use futures_util::task::AtomicWaker;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

/// How long anything may take before it counts as hanging: generous, for loaded machines.
pub(super) const LIMIT: Duration = Duration::from_secs(60);

/// A port that the system chooses.
pub(super) const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub(super) type Host = Arc<dyn Runtime>;
pub(super) type Conn = Box<dyn Stream>;

/// Polls a future on the calling thread, which parks between wakes: a `block_on` that knows no runtime.
pub fn park_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// A place for one value, filled on any thread and awaited by one task.
pub(super) struct Slot<T>(Arc<Place<T>>);

struct Place<T> {
    value: Mutex<Option<T>>,
    waker: AtomicWaker,
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Slot(Arc::clone(&self.0))
    }
}

impl<T> Slot<T> {
    pub(super) fn new() -> Self {
        Slot(Arc::new(Place { value: Mutex::new(None), waker: AtomicWaker::new() }))
    }

    pub(super) fn put(&self, value: T) {
        *self.0.value.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        self.0.waker.wake();
    }

    pub(super) async fn take(&self) -> T {
        poll_fn(|cx| {
            self.0.waker.register(cx.waker());
            let value = self.0.value.lock().unwrap_or_else(PoisonError::into_inner).take();
            value.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// The check, or a panic after [`LIMIT`]. The clock is a plain thread: the host's own may be what is broken.
pub(super) async fn bounded(name: &'static str, check: BoxFuture<()>) {
    let late = Slot::new();
    let alarm = late.clone();
    let (done, ended) = mpsc::channel::<()>();
    thread::spawn(move || {
        if ended.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
            alarm.put(());
        }
    });
    let in_time = matches!(future::select(check, pin!(late.take())).await, Either::Left(_));
    drop(done);
    assert!(in_time, "{name}: not done after {LIMIT:?}");
}

/// What the future gives, run as a task of the host.
pub(super) async fn on<T: Send + 'static>(host: &Host, task: impl Future<Output = T> + Send + 'static) -> T {
    let slot = Slot::new();
    let result = slot.clone();
    host.spawn(Box::pin(async move { result.put(task.await) }));
    slot.take().await
}

/// What the closure gives, run on a plain thread that belongs to no runtime. Its panic is the caller's.
pub(super) async fn outside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let slot = Slot::new();
    let result = slot.clone();
    thread::spawn(move || result.put(catch_unwind(AssertUnwindSafe(work))));
    slot.take().await.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Two ends of one connection: who connected, and who accepted.
pub(super) async fn pair(host: &Host) -> (Conn, Conn) {
    let transport = host.transport();
    let listener = transport.listen(ANY_PORT).await.expect("a free port of 127.0.0.1 can be had");
    let connect = transport.connect(listener.address());
    let (connected, accepted) = future::join(connect, listener.accept()).await;
    let (accepted, from) = accepted.expect("a connection to a live listener is accepted");
    assert!(from.ip().is_loopback(), "accepted from {from}, which is not where it came from");
    (connected.expect("a live listener can be connected to"), accepted)
}

/// One read, of at most the buffer.
pub(super) async fn read(conn: &mut Conn, buffer: &mut [u8]) -> io::Result<usize> {
    poll_fn(|cx| Pin::new(&mut *conn).poll_read(cx, buffer)).await
}

/// One write, of at least one byte.
pub(super) async fn write(conn: &mut Conn, bytes: &[u8]) -> io::Result<usize> {
    poll_fn(|cx| Pin::new(&mut *conn).poll_write(cx, bytes)).await
}

pub(super) async fn write_all(conn: &mut Conn, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let count = write(conn, bytes).await.expect("the peer is reading");
        assert!(count > 0, "a write of no bytes is no progress");
        bytes = &bytes[count..];
    }
}

/// Ends our direction; the other one stays.
pub(super) async fn close(conn: &mut Conn) {
    poll_fn(|cx| Pin::new(&mut *conn).poll_close(cx)).await.expect("an open stream can be closed");
}

/// All bytes until the peer ends its direction.
pub(super) async fn read_to_end(conn: &mut Conn) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match read(conn, &mut buffer).await.expect("the peer closes in order") {
            0 => return all,
            count => all.extend_from_slice(&buffer[..count]),
        }
    }
}

/// Bytes in which a lost, doubled or swapped part shows.
pub(super) fn pattern(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}
