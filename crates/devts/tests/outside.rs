//! What a node shows to its operator, and what it does to strangers at its port.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use common::{Host, ledger, stop, until};
use devts::Runtime;
use devts::rt::{BoxFuture, Stream, Transport};
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::future::poll_immediate;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

on_every_host!(
    a_stop_leaves_no_task_running,
    e08_the_seventeenth_silent_connection_evicts_the_first,
    strangers_do_not_disturb_members,
);

/// A host that counts the tasks that have not ended.
#[derive(Clone, Debug)]
struct Counting {
    host: Host,
    live: Arc<AtomicUsize>,
}

struct One(Arc<AtomicUsize>);

impl Drop for One {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Runtime for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }
    fn spawn(&self, future: BoxFuture<()>) {
        self.live.fetch_add(1, SeqCst);
        let one = One(self.live.clone());
        self.host.spawn(Box::pin(async move {
            let _one = one;
            future.await;
        }));
    }
    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        self.host.sleep(duration)
    }
    fn now(&self) -> Duration {
        self.host.now()
    }
    fn wall(&self) -> Duration {
        self.host.wall()
    }
    fn blocking(&self, work: Box<dyn FnOnce() + Send + 'static>) -> BoxFuture<()> {
        self.host.blocking(work)
    }
    fn fill_random(&self, buffer: &mut [u8]) -> std::io::Result<()> {
        self.host.fill_random(buffer)
    }
    fn transport(&self) -> Arc<dyn Transport> {
        self.host.transport()
    }
}

async fn a_stop_leaves_no_task_running(host: Host) {
    let counting = Counting { host: host.clone(), live: Arc::default() };
    let other = ledger(&host, ()).await.unwrap();
    let node = ledger(&host, other.address()).runtime(counting.clone()).must_join().await.unwrap();
    node.with(|_, cx| {
        cx.every(Duration::from_millis(1), |_, _| ());
        cx.spawn(std::future::pending());
    })
    .await
    .unwrap();
    assert!(counting.live.load(SeqCst) >= 4, "dispatch, driver, acceptor and two of its own");
    node.stop().await.unwrap();
    until(&host, async || counting.live.load(SeqCst) == 0).await;
    let error = ledger(&host, 1).must_join().runtime(counting.clone()).timeout(Duration::from_millis(50));
    error.await.unwrap_err();
    until(&host, async || counting.live.load(SeqCst) == 0).await;
    other.stop().await.unwrap();
}

type Stranger = Box<dyn Stream>;

async fn connect(host: &Host, address: SocketAddr) -> Stranger {
    host.transport().connect(address).await.unwrap()
}

/// Completes when the other end has closed.
async fn closes(stream: &mut Stranger) {
    let mut scratch = [0; 4096];
    while poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, &mut scratch)).await.is_ok_and(|len| len > 0) {}
}

async fn e08_the_seventeenth_silent_connection_evicts_the_first(host: Host) {
    let node = ledger(&host, ()).await.unwrap();
    let mut silent = Vec::new();
    while silent.len() < 16 {
        silent.push(connect(&host, node.address()).await);
    }
    let other = ledger(&host, node.address()).must_join().await.unwrap();
    closes(&mut silent[0]).await;
    assert_eq!(poll_immediate(closes(&mut silent[15])).await, None, "the youngest has its five seconds");
    assert_eq!(node.stats().connections_refused, 1);
    stop([other, node]).await;
}

async fn strangers_do_not_disturb_members(host: Host) {
    let node = ledger(&host, ()).await.unwrap();
    let other = ledger(&host, node.address()).must_join().await.unwrap();
    for _ in 0..300 {
        drop(connect(&host, node.address()).await);
    }
    let mut http = connect(&host, node.address()).await;
    let request = b"GET / HTTP/1.1\r\nHost: devts\r\n\r\n";
    let written = poll_fn(|cx| Pin::new(&mut http).poll_write(cx, request)).await.unwrap();
    assert_eq!(written, request.len());
    closes(&mut http).await;
    assert_eq!(other.request(node.id(), common::Count).await, Ok(0));
    stop([other, node]).await;
}
