//! A cluster under every fault there is: what is emitted is delivered, views come together again, runs repeat.

use devts::sim::{Run, Sim};
use devts::{Event, Node};
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Clone, Debug, Serialize, Deserialize, Event)]
#[event("count.add")]
struct Add(u64);

#[derive(Default)]
struct Counter(u64);

#[devts::node("counter")]
impl Node for Counter {
    #[on]
    fn add(&mut self, Add(by): Add) {
        self.0 += by;
    }
}

fn scenario(sim: &mut Sim<Counter>) {
    let nodes = 3 + (sim.random() % 4) as usize;
    sim.nodes(nodes, |_| Counter::default());
    sim.lasting(Duration::from_secs(90));
    sim.workload(async |run: Run<Counter>| {
        while !run.is_over() {
            if let Some(node) = run.pick() {
                let by = run.below(10);
                let _ = node
                    .with(move |counter, cx| {
                        counter.0 += by;
                        cx.emit(Add(by)).is_ok()
                    })
                    .await;
            }
            run.sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    });
    sim.only_delivery();
}

#[test]
fn everything_is_delivered_whatever_goes_wrong() {
    let summary = devts::sim::seeds(10).twice(10).run(scenario).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(
        summary.counts.emitted > 10 * 500 && summary.counts.handled > summary.counts.emitted,
        "{summary}"
    );
}
