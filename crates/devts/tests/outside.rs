//! What a node shows to its operator, and what it does to strangers at its port.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use common::{Host, ledger, life, stop, until};
use devts::rt::{BoxFuture, Transport};
use devts::{Cluster, Runtime};
use std::io::Read;
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
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

/// Whether the other end has closed.
fn is_closed(mut stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let mut scratch = [0; 4096];
    loop {
        match stream.read(&mut scratch) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => {
                let waits = [std::io::ErrorKind::WouldBlock, std::io::ErrorKind::TimedOut];
                return !waits.contains(&error.kind());
            }
        }
    }
}

async fn e08_the_seventeenth_silent_connection_evicts_the_first(host: Host) {
    let node = ledger(&host, ()).await.unwrap();
    let silent: Vec<TcpStream> = (0..16).map(|_| TcpStream::connect(node.address()).unwrap()).collect();
    let other = ledger(&host, node.address()).must_join().await.unwrap();
    until(&host, async || is_closed(&silent[0])).await;
    assert!(!is_closed(&silent[15]), "the youngest has its five seconds");
    assert_eq!(node.stats().connections_refused, 1);
    stop([other, node]).await;
}

#[expect(clippy::disallowed_methods, reason = "strangers have threads of their own")]
async fn strangers_do_not_disturb_members(host: Host) {
    let node = ledger(&host, ()).await.unwrap();
    let other = ledger(&host, node.address()).must_join().await.unwrap();
    // On a thread of its own: this one may be the one that accepts.
    let address = node.address();
    let flood = std::thread::spawn(move || {
        for _ in 0..300 {
            drop(TcpStream::connect(address).unwrap());
        }
    });
    until(&host, async || flood.is_finished()).await;
    flood.join().unwrap();
    let mut http = TcpStream::connect(node.address()).unwrap();
    std::io::Write::write_all(&mut http, b"GET / HTTP/1.1\r\nHost: devts\r\n\r\n").unwrap();
    until(&host, async || is_closed(&http)).await;
    assert_eq!(other.request(node.id(), common::Count).await, Ok(0));
    stop([other, node]).await;
}

/// Everything logged at INFO and above by this process's tests.
static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Lines;

impl log::Log for Lines {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        LINES.lock().unwrap().push(format!("{} {} {}", record.level(), record.target(), record.args()));
    }
    fn flush(&self) {}
}

fn logged(line: &str) -> usize {
    LINES.lock().unwrap().iter().filter(|known| known.as_str() == line).count()
}

#[test]
fn the_log_says_who_comes_and_goes() {
    log::set_logger(&Lines).unwrap();
    log::set_max_level(log::LevelFilter::Info);
    common::tokio(async |host| {
        let first = ledger(&host, ()).await.unwrap();
        let second = ledger(&host, first.address()).must_join().await.unwrap();
        let (a, b) = (first.address(), second.address());
        let port = |of: &Cluster| format!("INFO devts cluster port {}", of.address());
        assert_eq!((logged(&port(&first)), logged(&port(&second))), (1, 1));
        until(&host, async || first.view().member(second.id()).is_some_and(|member| member.ready)).await;
        // Each once: at the first when the second came, at the second for the first that was there.
        assert_eq!(logged(&format!("INFO devts::membership joined ledger {b}")), 1);
        assert_eq!(logged(&format!("INFO devts::membership joined ledger {a}")), 1);
        assert_ne!(life(&first), life(&second));
        let slow =
            || LINES.lock().unwrap().iter().filter(|line| line.contains("slow turn: `with or call`")).count();
        let until_warned = {
            let host = host.clone();
            async move { until(&host, async || slow() > 0).await }
        };
        first.call(move |_, _| Box::pin(until_warned)).await.unwrap();
        second.stop().await.unwrap();
        until(&host, async || first.view().len() == 1).await;
        assert_eq!(logged(&format!("INFO devts::membership left ledger {b}")), 1);
        // A kind is a peer's text: it gets no line of its own.
        let forger = devts::app("x\nleft y").state(()).join(first.address()).runtime(host.clone());
        let forger = forger.must_join().await.unwrap();
        until(&host, async || first.view().len() == 2).await;
        assert_eq!(logged(&format!("INFO devts::membership joined x left y {}", forger.address())), 1);
        forger.stop().await.unwrap();
        first.stop().await.unwrap();
        let others = ["failed ", "rejoined "].map(|word| format!("INFO devts::membership {word}ledger {b}"));
        assert_eq!(others.map(|line| logged(&line)), [0, 0]);
    });
}
