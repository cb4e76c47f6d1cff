//! How much faster than real time a simulated cluster runs on one core: twenty nodes that emit a hundred events a
//! second among them, and sixty-four that say nothing.
//!
//! `cargo run --release -p devts-sim --example speed`

#![allow(clippy::print_stdout, reason = "it talks to whoever started it")]

use devts::{Event, Node, NodeId, Result};
use devts_rt::Runtime;
use devts_sim::World;
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Serialize, Deserialize, Event)]
#[event("speed.tick")]
struct Tick(u64);

#[derive(Default)]
struct Counter(u64);

#[devts::node("counter")]
impl Node for Counter {
    #[on]
    fn tick(&mut self, _: Tick) {
        self.0 += 1;
    }
}

/// How long this thread has run: the kernel's count where it tells it, so that other work of the machine does not count;
/// else real time.
#[allow(clippy::disallowed_types, reason = "real time is what is measured")]
struct Used(std::time::Instant, Option<f64>);

#[allow(clippy::disallowed_types, reason = "real time is what is measured")]
impl Used {
    fn now() -> Used {
        Used(std::time::Instant::now(), Used::on_core())
    }

    fn on_core() -> Option<f64> {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        Some(told.split(' ').next()?.parse::<f64>().ok()? / 1e9)
    }

    fn seconds(&self) -> f64 {
        match (self.1, Used::on_core()) {
            (Some(then), Some(now)) => now - then,
            _ => self.0.elapsed().as_secs_f64(),
        }
    }
}

/// A cluster of so many nodes; each of them emits once in a while, or never.
fn measure(nodes: u64, every: Option<Duration>, virtual_time: Duration) -> Result<(f64, u64)> {
    let world = World::new(7);
    let machines: Vec<_> = (1..=nodes).map(|number| world.machine(&format!("n{number}"))).collect();
    let (seconds, delivered) = world.block_on(async {
        let mut handles: Vec<devts::NodeHandle<Counter>> = Vec::new();
        for (machine, number) in machines.iter().zip(1..) {
            let seed = handles.first().map(|first| first.address());
            let joining = devts::join(seed, Counter::default()).node_id(NodeId::new(number).expect("not 0"));
            handles.push(joining.runtime(machine.clone()).await?);
        }
        if let Some(every) = every {
            for (handle, machine) in handles.iter().zip(&machines) {
                let (handle, host) = (handle.clone(), machine.clone());
                let offset = Duration::from_nanos(world.random() % every.as_nanos() as u64);
                machine.spawn(Box::pin(async move {
                    host.sleep(offset).await;
                    for number in 0.. {
                        if handle.emit(Tick(number)).await.is_err() {
                            return;
                        }
                        host.sleep(every).await;
                    }
                }));
            }
        }
        let start = Used::now();
        world.sleep(virtual_time).await;
        let seconds = start.seconds();
        let mut delivered = 0;
        for handle in &handles {
            delivered += handle.with(|counter, _| counter.0).await?;
        }
        Ok::<_, devts::Error>((seconds, delivered))
    })??;
    Ok((virtual_time.as_secs_f64() / seconds, delivered))
}

fn main() -> Result {
    let busy = Duration::from_secs(60);
    let (speed, delivered) = measure(20, Some(Duration::from_millis(200)), busy)?;
    println!(
        "20 nodes, 100 events a second among them: {speed:.0} x real time ({delivered} deliveries in {busy:?})"
    );
    let (speed, _) = measure(64, None, busy)?;
    println!("64 idle nodes in a full mesh: {speed:.0} x real time");
    Ok(())
}
