//! One byte stream: read into bytes, written from a buffer, polled only when its own waker says so. Knows no frame.

use crate::shared::lock;
use bytes::Bytes;
use devts_proto::LinkId;
use devts_rt::Stream;
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::task::AtomicWaker;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// A write buffer that has grown beyond this is given back when it is empty.
const KEEP: usize = 1 << 20;

/// The links whose streams have something for us. Wakes the driver.
#[derive(Debug, Default)]
pub(super) struct Ready {
    links: Mutex<Vec<LinkId>>,
    driver: AtomicWaker,
}

impl Ready {
    pub(super) fn register(&self, driver: &Waker) {
        self.driver.register(driver);
    }

    /// Moves the ready links to the end of the list.
    pub(super) fn take(&self, links: &mut Vec<LinkId>) {
        links.append(&mut lock(&self.links));
    }
}

/// One link's waker: puts it on the list, once until it is polled.
#[derive(Debug)]
struct LinkWaker {
    id: LinkId,
    listed: AtomicBool,
    ready: Arc<Ready>,
}

impl Wake for LinkWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.listed.swap(true, Ordering::AcqRel) {
            lock(&self.ready.links).push(self.id);
            self.ready.driver.wake();
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Link {
    stream: Box<dyn Stream>,
    waker: Waker,
    listed: Arc<LinkWaker>,
    /// Bytes that the engine gave, and how many of them are written.
    out: Vec<u8>,
    written: usize,
    /// The engine has bytes for this link.
    pub(super) wants: bool,
    /// Writing failed: what the peer sent is still read, then the link is down.
    broken: bool,
    /// The source of an accepted link.
    pub(super) source: Option<IpAddr>,
}

/// What a read gave.
pub(super) enum Read {
    Bytes(Bytes),
    Nothing,
    /// The stream is over.
    End,
}

impl Link {
    pub(super) fn new(
        id: LinkId,
        stream: Box<dyn Stream>,
        ready: Arc<Ready>,
        source: Option<IpAddr>,
    ) -> Link {
        let listed = Arc::new(LinkWaker { id, listed: AtomicBool::new(false), ready });
        let waker = Waker::from(listed.clone());
        Link { stream, waker, listed, out: Vec::new(), written: 0, wants: false, broken: false, source }
    }

    /// It is looked at now: the next wake lists it again.
    pub(super) fn looked_at(&self) {
        self.listed.listed.store(false, Ordering::Release);
    }

    /// Reads once. Only `Nothing` means that the waker will tell when there is more.
    pub(super) fn read(&mut self, scratch: &mut [u8]) -> Read {
        let mut cx = Context::from_waker(&self.waker);
        match Pin::new(&mut self.stream).poll_read(&mut cx, scratch) {
            Poll::Ready(Ok(0) | Err(_)) => Read::End,
            Poll::Ready(Ok(len)) => Read::Bytes(Bytes::copy_from_slice(&scratch[..len])),
            Poll::Pending if self.broken => Read::End,
            Poll::Pending => Read::Nothing,
        }
    }

    /// Everything that the engine gave is written.
    pub(super) fn is_idle(&self) -> bool {
        self.written == self.out.len()
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// The buffer for the engine to fill; it is empty.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        debug_assert!(self.is_idle(), "the engine fills an empty buffer");
        self.out.clear();
        self.out.shrink_to(KEEP);
        self.written = 0;
        &mut self.out
    }

    /// Writes what is left. `false`: the stream takes no more now, and the waker will tell.
    pub(super) fn write(&mut self) -> bool {
        let mut cx = Context::from_waker(&self.waker);
        while !self.is_idle() && !self.broken {
            match Pin::new(&mut self.stream).poll_write(&mut cx, &self.out[self.written..]) {
                Poll::Ready(Ok(0)) => self.broken = true,
                Poll::Ready(Ok(len)) => self.written += len,
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Poll::Ready(Err(_)) => self.broken = true,
                Poll::Pending => return false,
            }
        }
        true
    }

    /// The stream, and what was not written yet.
    pub(super) fn into_rest(mut self) -> (Box<dyn Stream>, Vec<u8>) {
        self.out.drain(..self.written);
        (self.stream, self.out)
    }
}
