//! A node with a planted mistake is found by its seeds, its faults are shortened, and the same seed shows it again.

use crate::child;
use devts::sim::{Broken, Faults, Run, Shared, Sim};
use devts::{Context, Event, Node};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

#[derive(Clone, Debug, Serialize, Deserialize, Event)]
#[event("store.put")]
struct Put(u64);

#[derive(Default)]
struct Store {
    values: BTreeSet<u64>,
}

#[devts::node("store")]
impl Node for Store {
    #[on]
    fn put(&mut self, Put(value): Put) {
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
}

impl Store {
    /// The mistake: what is only here is called written.
    fn write(&mut self, value: u64, cx: &mut Context<Self>) -> bool {
        self.values.insert(value);
        cx.emit(Put(value)).is_ok()
    }
}

fn scenario(sim: &mut Sim<Store>) {
    let acked = Shared::<BTreeSet<u64>>::default();
    sim.nodes(3, |_| Store::default());
    let stores = sim.observe(|store: &Store| store.values.clone());
    sim.faults(Faults::only_partitions().crashes(true).every(Duration::from_secs(5)));
    sim.workload({
        let acked = acked.clone();
        async move |run: Run<Store>| {
            let mut value = 0;
            while !run.is_over() {
                value += 1;
                if let Some(node) = run.pick()
                    && let Ok(true) = node.with(move |store, cx| store.write(value, cx)).await
                {
                    acked.with(|acked| acked.insert(value));
                }
                run.sleep(Duration::from_millis(100)).await;
            }
            Ok(())
        }
    });
    sim.eventually("every acknowledged write is everywhere", Duration::from_secs(10), move || {
        let acked = acked.get();
        for (node, values) in stores.values() {
            if let Some(lost) = acked.difference(&values).next() {
                return Err(format!("n{} lacks {lost}", node + 1));
            }
        }
        Ok(())
    });
}

#[test]
fn a_write_acknowledged_too_early_is_found_and_its_faults_are_few() {
    let failure = devts::sim::seeds(50).run(scenario).expect_err("the store has a mistake");
    assert!(matches!(failure.broken(), Broken::Eventually { .. }), "{failure}");
    let plan = failure.plan().expect("it depends on faults");
    assert!((1..=8).contains(&plan.steps.len()), "{failure}");
    let timeline = failure.timeline().expect("some folder can be written");
    assert!(fs::read_to_string(timeline).unwrap().starts_with("<svg"));
}

/// Fails, in a process of its own.
#[test]
fn planted() {
    if child::is_child() {
        devts::sim::seeds(50).check(scenario);
    }
}

#[test]
fn the_replay_line_shows_the_same_failure_again() {
    let (passed, first) = child::run("bugs::planted", ("DEVTS_SEEDS", "50"));
    assert!(!passed, "{first}");
    let report = |text: &str| {
        let from = text.find("seed ").expect("a report begins so");
        let lines =
            text[from..].lines().take_while(|line| !line.starts_with("stack") && !line.starts_with("note"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let line =
        first.lines().find_map(|line| line.trim().strip_prefix("replay ")).expect("a line to type").trim();
    let seed =
        line.strip_prefix("DEVTS_SEED=").and_then(|rest| rest.split(' ').next()).expect("it names the seed");
    assert!(line.contains("cargo test -p devts ") && line.ends_with("bugs::planted"), "{line}");
    let (passed, again) = child::run("bugs::planted", ("DEVTS_SEED", seed));
    assert!(!passed && report(&first) == report(&again), "{first}\n{again}");
}
