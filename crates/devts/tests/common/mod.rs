//! What the tests share: every body runs on smol, multi-thread tokio, current-thread tokio and in a simulated world; and
//! a node whose state is what it was told, by whom, so that a lost, doubled or swapped event shows.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use devts::{
    Builder, Context, Event, Life, Node, NodeHandle, OnPanic, Profile, Rejected, Runtime, Smol, Tokio,
};
use devts_sim::World;
use futures_util::future::{Either, select};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

pub type Host = Arc<dyn Runtime>;

/// The orders in which each test is run in the simulator.
const SEEDS: std::ops::Range<u64> = 0..5;

/// No test waits longer for anything.
const LIMIT: Duration = Duration::from_secs(60);

/// Each named `async fn(Host)` as a test on each host, those after `not in a simulation` on real ones only, for the
/// reason that stands there and in the list of tests.
#[macro_export]
macro_rules! on_every_host {
    ($($name:ident,)+; not in a simulation: $($real:ident: $why:literal),+ $(,)?) => {
        $crate::on_every_host!(@real $($name,)+ $($real,)+);
        mod in_simulation {
            $(#[test] fn $name() { $crate::common::simulation(super::$name); })+
            $(#[test] #[ignore = $why] fn $real() {})+
        }
    };
    ($($name:ident),+ $(,)?) => {
        $crate::on_every_host!(@real $($name,)+);
        mod in_simulation {
            $(#[test] fn $name() { $crate::common::simulation(super::$name); })+
        }
    };
    (@real $($name:ident,)+) => {
        mod on_smol {
            $(#[test] fn $name() { $crate::common::smol(super::$name); })+
        }
        mod on_tokio {
            $(#[test] fn $name() { $crate::common::tokio(super::$name); })+
        }
        mod on_tokio_current_thread {
            $(#[test] fn $name() { $crate::common::tokio_current_thread(super::$name); })+
        }
    };
}

pub fn smol<F: Future<Output = ()>>(test: impl FnOnce(Host) -> F) {
    let host = Smol::with_threads(1).unwrap();
    host.clone().block_on(limited(Arc::new(host), test));
}

pub fn tokio<F: Future<Output = ()>>(test: impl FnOnce(Host) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { limited(Arc::new(Tokio::current().unwrap()), test).await });
}

pub fn tokio_current_thread<F: Future<Output = ()>>(test: impl FnOnce(Host) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { limited(Arc::new(Tokio::current().unwrap()), test).await });
}

/// On one machine of a world, in as many orders as there are seeds, and each twice: a seed gives one run, or something in
/// devts depends on more than its host.
pub fn simulation<F: Future<Output = ()>>(test: impl Fn(Host) -> F) {
    for seed in SEEDS {
        let ran =
            std::panic::catch_unwind(AssertUnwindSafe(|| [simulated(seed, &test), simulated(seed, &test)]));
        match ran {
            Ok([one, two]) => assert_eq!(one, two, "two runs of seed {seed} differ"),
            Err(panic) => {
                eprintln!("this was seed {seed}");
                std::panic::resume_unwind(panic);
            }
        }
    }
}

fn simulated<F: Future<Output = ()>>(seed: u64, test: impl FnOnce(Host) -> F) -> u64 {
    let world = World::new(seed);
    let machine = world.machine("n1");
    world.block_on(limited(Arc::new(machine), test)).unwrap();
    world.trace_hash()
}

async fn limited<F: Future<Output = ()>>(host: Host, test: impl FnOnce(Host) -> F) {
    let limit = host.sleep(LIMIT);
    if let Either::Right(_) = select(pin!(test(host.clone())), limit).await {
        panic!("the test waits for something that does not come");
    }
}

/// Waits until the condition holds.
pub async fn until<F: Future<Output = bool>>(host: &Host, mut holds: impl FnMut() -> F) {
    while !holds().await {
        host.sleep(Duration::from_millis(5)).await;
    }
}

/// Where nobody listens just now, and most likely still in a moment.
pub async fn free_address(host: &Host) -> SocketAddr {
    host.transport().listen(([127, 0, 0, 1], 0).into()).await.unwrap().address()
}

/// One number of an emitter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Event)]
#[event("test.note")]
pub struct Note(pub u64);

/// How many notes the node has of everybody.
#[derive(Serialize, Deserialize, Event)]
#[event("test.count", reply = u64)]
pub struct Count;

/// Fails, or panics.
#[derive(Serialize, Deserialize, Event)]
#[event("test.fail", reply = u64)]
pub struct Fail {
    pub panic: bool,
}

/// Notes by their origin, in the order in which they came; and what hooks were told.
#[derive(Default)]
pub struct Ledger {
    pub notes: BTreeMap<(u64, u64), Vec<u64>>,
    pub restored: bool,
    pub peers: Vec<String>,
    pub rejected: Vec<String>,
    pub gaps: Vec<String>,
    pub stopping: Option<Box<dyn FnOnce() + Send>>,
}

impl Ledger {
    pub fn of(&self, origin: Life) -> Vec<u64> {
        self.notes.get(&(origin.node.get(), origin.boot)).cloned().unwrap_or_default()
    }

    pub fn total(&self) -> usize {
        self.notes.values().map(Vec::len).sum()
    }
}

#[devts::node("ledger")]
impl Node for Ledger {
    #[on]
    fn note(&mut self, Note(number): Note, cx: &mut Context<Self>) {
        let origin = cx.origin();
        self.notes.entry((origin.node.get(), origin.boot)).or_default().push(number);
    }

    #[on]
    fn count(&mut self, _: Count) -> u64 {
        self.total() as u64
    }

    #[on]
    fn fail(&mut self, event: Fail) -> devts::Result<u64> {
        assert!(!event.panic, "told to");
        Err(devts::Error::msg("told to fail"))
    }

    #[snapshot]
    fn snapshot(&self) -> BTreeMap<(u64, u64), Vec<u64>> {
        self.notes.clone()
    }

    #[restore]
    fn restore(&mut self, notes: BTreeMap<(u64, u64), Vec<u64>>) {
        self.notes = notes;
        self.restored = true;
    }

    async fn peer(&mut self, event: devts::PeerEvent, _: &mut Context<Self>) {
        let text = format!("{event:?}");
        self.peers.push(text.split('(').next().unwrap_or_default().to_string());
    }

    async fn rejected(&mut self, rejected: Rejected, _: &mut Context<Self>) {
        self.rejected.push(rejected.to_string());
    }

    async fn gap(&mut self, gap: devts::Gap, _: &mut Context<Self>) {
        self.gaps.push(format!("{gap:?}"));
    }

    async fn stopping(&mut self, _: &mut Context<Self>) {
        if let Some(tell) = self.stopping.take() {
            tell();
        }
    }
}

/// A ledger about to join.
pub fn ledger(host: &Host, seeds: impl devts::ToSeeds) -> Builder<Ledger> {
    devts::join(seeds, Ledger::default()).runtime(host.clone()).profile(Profile::Local)
}

/// Some ledgers in one cluster.
pub async fn ledgers(host: &Host, count: usize) -> Vec<NodeHandle<Ledger>> {
    let mut nodes = vec![ledger(host, ()).on_panic(OnPanic::Continue).await.unwrap()];
    while nodes.len() < count {
        let seed = nodes[0].address();
        nodes.push(ledger(host, seed).must_join().on_panic(OnPanic::Continue).await.unwrap());
    }
    for node in &nodes {
        until(host, async || node.view().len() == count).await;
    }
    nodes
}

/// This node's life, as others see it.
pub fn life<N>(node: &NodeHandle<N>) -> Life {
    node.view().member(node.id()).unwrap().life()
}

pub async fn stop<N>(nodes: impl IntoIterator<Item = NodeHandle<N>>) {
    for node in nodes {
        node.stop().await.unwrap();
    }
}
