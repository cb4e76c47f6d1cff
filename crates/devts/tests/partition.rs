//! Two sides that do not reach each other for a while: who is told what, and how they are one again.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;
#[path = "common/cut.rs"]
mod cut;

use common::{Host, Ledger, Note, ledger, life, until};
use cut::Cable;
use devts::{Config, Context, Gap, Node, NodeHandle, RequestError};
use std::collections::BTreeSet;
use std::time::Duration;

on_every_host!(
    what_was_missed_comes_after_the_heal,
    two_sides_that_diverged_merge,
    calls_to_the_lost_are_told
);

/// Finds out soon, forgets soon.
fn quick() -> Config {
    let mut config = Config::local();
    config.engine.heartbeat = Duration::from_millis(100);
    config.engine.redial_after = Duration::from_millis(200);
    config.engine.silent_after = Duration::from_millis(400);
    config.engine.redial = (Duration::from_millis(50), Duration::from_millis(200));
    config.engine.history = 1 << 20;
    config
}

async fn alone<N>(host: &Host, nodes: [&NodeHandle<N>; 2]) {
    for node in nodes {
        until(host, async || node.view().len() == 1).await;
    }
}

async fn pair(host: &Host) -> (NodeHandle<Ledger>, NodeHandle<Ledger>, Cable) {
    let cable = Cable::new(host.transport());
    let first = ledger(host, ()).config(quick()).await.unwrap();
    let second = ledger(host, first.address()).config(quick()).transport(cable.clone()).must_join();
    (first, second.await.unwrap(), cable)
}

async fn what_was_missed_comes_after_the_heal(host: Host) {
    let (first, second, cable) = pair(&host).await;
    let (a, b) = (life(&first), life(&second));
    first.emit(Note(0)).await.unwrap();
    second.emit(Note(0)).await.unwrap();
    cable.set_cut(true);
    for number in 1..100 {
        first.emit(Note(number)).await.unwrap();
        second.emit(Note(number)).await.unwrap();
    }
    alone(&host, [&first, &second]).await;
    for number in 100..200 {
        first.emit(Note(number)).await.unwrap();
        second.emit(Note(number)).await.unwrap();
    }
    cable.set_cut(false);
    for (node, origin) in [(&first, b), (&second, a)] {
        until(&host, async || node.with(move |ledger, _| ledger.of(origin).len()).await.unwrap() == 200)
            .await;
        assert!(node.with(move |ledger, _| ledger.of(origin).iter().copied().eq(0..200)).await.unwrap());
        let peers = node.with(|ledger, _| ledger.peers.clone()).await.unwrap();
        let words = ["Failed", "Rejoined"].map(|word| peers.iter().filter(|peer| *peer == word).count());
        assert!(words[0] >= 1 && words[0] == words[1], "{peers:?}");
        assert!(!peers.contains(&"Left".to_string()));
    }
    second.stop().await.unwrap();
    first.stop().await.unwrap();
}

/// A set that only grows: merging is the union.
#[derive(Default)]
struct Grows {
    numbers: BTreeSet<u64>,
    merges: usize,
    gaps: usize,
}

#[devts::node("grows")]
impl Node for Grows {
    #[on]
    fn note(&mut self, Note(number): Note) {
        self.numbers.insert(number);
    }

    #[snapshot]
    fn snapshot(&self) -> BTreeSet<u64> {
        self.numbers.clone()
    }

    #[restore]
    fn restore(&mut self, numbers: BTreeSet<u64>) {
        self.numbers = numbers;
    }

    #[merge]
    fn merge(&mut self, numbers: BTreeSet<u64>) {
        self.numbers.extend(numbers);
        self.merges += 1;
    }

    async fn gap(&mut self, _: Gap, _: &mut Context<Self>) {
        self.gaps += 1;
    }
}

const MANY: u64 = 120_000;

async fn two_sides_that_diverged_merge(host: Host) {
    let cable = Cable::new(host.transport());
    let grows = || devts::join((), Grows::default()).runtime(host.clone()).config(quick());
    let first = grows().await.unwrap();
    let second = devts::join(first.address(), Grows::default()).runtime(host.clone()).config(quick());
    let second = second.transport(cable.clone()).must_join().await.unwrap();
    cable.set_cut(true);
    alone(&host, [&first, &second]).await;
    // More than the history holds, on both sides.
    for number in 0..MANY {
        first.emit(Note(2 * number)).include_self().await.unwrap();
        second.emit(Note(2 * number + 1)).include_self().await.unwrap();
    }
    cable.set_cut(false);
    for node in [&first, &second] {
        let count = async || node.with(|grows, _| grows.numbers.len()).await.unwrap();
        until(&host, async || count().await == 2 * MANY as usize).await;
        let (merges, gaps) = node.with(|grows, _| (grows.merges, grows.gaps)).await.unwrap();
        assert!(merges >= 1 && gaps == 0, "{merges} merges, {gaps} gaps");
    }
    second.stop().await.unwrap();
    first.stop().await.unwrap();
}

async fn calls_to_the_lost_are_told(host: Host) {
    let (first, second, cable) = pair(&host).await;
    let to = second.id();
    cable.set_cut(true);
    first.send(to, Note(1)).await.unwrap();
    let confirmed = first.send(to, Note(2)).delivered();
    let asked = first.request(to, common::Count).timeout(Duration::from_secs(20));
    let (confirmed, asked) = futures_util::future::join(confirmed, asked).await;
    assert!(matches!(confirmed, Err(devts::SendError::Undeliverable { .. })), "{confirmed:?}");
    assert_eq!(asked, Err(RequestError::PeerDown { to }));
    alone(&host, [&first, &second]).await;
    until(&host, async || {
        let rejected = first.with(|ledger, _| ledger.rejected.clone()).await.unwrap();
        rejected.iter().filter(|text| text.contains("`test.note` cannot be delivered")).count() == 2
    })
    .await;
    second.stop().await.unwrap();
    first.stop().await.unwrap();
}
