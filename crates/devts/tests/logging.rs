//! What a node writes to the log. A process of its own: it counts lines.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use common::{ledger, life, until};
use devts::Cluster;
use std::sync::Mutex;

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
