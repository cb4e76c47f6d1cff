//! A small replicated store, twice: with a mistake, and without it; and the test that tells them apart. Knows no host: the
//! same nodes run on smol and on tokio.

use devts::sim::{Faults, Run, Shared, Sim};
use devts::{Context, Deferred, Event, Node, Reply, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How many clusters are tested.
pub(crate) const SEEDS: u64 = 100;

/// A client asks a node to keep a value. The answer says that it is kept.
#[derive(Serialize, Deserialize, Event)]
#[event("store.put")]
struct Put(u64);

/// To all other nodes: keep it too.
#[derive(Clone, Serialize, Deserialize, Event)]
#[event("store.copy")]
struct Copy(u64);

/// Back to the node that was asked: it is kept here.
#[derive(Serialize, Deserialize, Event)]
#[event("store.kept")]
struct Kept(u64);

/// The store with the mistake: it answers its client when only its own copy has the value.
#[derive(Default)]
pub(crate) struct Hasty {
    values: BTreeSet<u64>,
}

#[devts::node("store")]
impl Node for Hasty {
    #[on]
    fn put(&mut self, Put(value): Put, cx: &mut Context<Self>) -> Result {
        self.values.insert(value);
        cx.emit(Copy(value))?; // on its way, and no more
        Ok(())
    }

    #[on]
    fn copy(&mut self, Copy(value): Copy) {
        self.values.insert(value);
    }

    #[snapshot]
    fn snapshot(&self) -> BTreeSet<u64> {
        self.values.clone()
    }

    #[restore]
    fn restore(&mut self, values: BTreeSet<u64>) {
        self.values = values;
    }

    #[merge]
    fn merge(&mut self, mut values: BTreeSet<u64>) {
        self.values.append(&mut values);
    }
}

/// The store without it: its client hears nothing until two of three nodes have the value.
#[derive(Default)]
pub(crate) struct Patient {
    values: BTreeSet<u64>,
    waiting: BTreeMap<u64, Reply<()>>,
}

#[devts::node("store")]
impl Node for Patient {
    #[on]
    fn put(&mut self, Put(value): Put, cx: &mut Context<Self>) -> Result<Deferred<()>> {
        let (reply, later) = cx.defer();
        self.values.insert(value);
        cx.emit(Copy(value))?;
        self.waiting.insert(value, reply);
        Ok(later)
    }

    #[on]
    fn copy(&mut self, Copy(value): Copy, cx: &mut Context<Self>) {
        self.values.insert(value);
        let _ = cx.send(cx.from(), Kept(value)); // who is gone meanwhile waits for nothing
    }

    #[on]
    fn kept(&mut self, Kept(value): Kept) {
        if let Some(reply) = self.waiting.remove(&value) {
            reply.send(());
        }
    }

    #[snapshot]
    fn snapshot(&self) -> BTreeSet<u64> {
        self.values.clone()
    }

    #[restore]
    fn restore(&mut self, values: BTreeSet<u64>) {
        self.values = values;
    }

    #[merge]
    fn merge(&mut self, mut values: BTreeSet<u64>) {
        self.values.append(&mut values);
    }
}

/// What the test needs to see of a store.
pub(crate) trait Store: Node + Default {
    fn values(&self) -> &BTreeSet<u64>;
}

impl Store for Hasty {
    fn values(&self) -> &BTreeSet<u64> {
        &self.values
    }
}

impl Store for Patient {
    fn values(&self) -> &BTreeSet<u64> {
        &self.values
    }
}

/// The test: three nodes, partitions, a client that writes, and one crash. What was acknowledged must not be lost.
pub(crate) fn writes_are_kept<S: Store>(sim: &mut Sim<S>) {
    let acknowledged = Shared::<BTreeSet<u64>>::default();
    let heard = acknowledged.clone();
    sim.nodes(3, |_place| S::default());
    let stores = sim.observe(|store: &S| store.values().clone());
    sim.faults(Faults::only_partitions());
    sim.workload(|run| client(run, heard));
    sim.workload(one_crash);
    sim.always("an acknowledged write is kept", move || {
        let is_lost = |value: &u64| !stores.any(|values| values.contains(value));
        let lost = acknowledged.with(|values| values.iter().copied().find(is_lost));
        lost.map_or(Ok(()), |value| Err(format!("{value} was acknowledged, and no node has it")))
    });
}

/// Writes one number after the other, each through some node, and notes which are acknowledged.
async fn client<S: Store>(run: Run<S>, acknowledged: Shared<BTreeSet<u64>>) -> Result {
    let mut value = 0;
    while !run.is_over() {
        value += 1;
        let Some(node) = run.pick() else { continue };
        let answer = node.request(node.id(), Put(value)).timeout(Duration::from_secs(1)).await;
        if answer.is_ok() {
            acknowledged.with(|values| values.insert(value));
        }
        run.sleep(Duration::from_millis(250)).await;
    }
    Ok(())
}

/// One node dies at some time. It is started again when the faults are over.
async fn one_crash<S: Store>(run: Run<S>) -> Result {
    let node = run.below(3) as usize;
    run.sleep(Duration::from_millis(10_000 + run.below(40_000))).await;
    run.note(format_args!("n{} dies", node + 1));
    run.kill(node);
    Ok(())
}
