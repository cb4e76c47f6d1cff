//! What is wrong with a test, or with a node in itself, is told in words.

#![allow(clippy::disallowed_types, reason = "mistakes are the subject")]

use crate::child;
use devts::sim::{Broken, Failure, Faults, Run, Seeds, Sim, seeds};
use devts::{Context, Event, Node};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

#[derive(Clone, Debug, Serialize, Deserialize, Event)]
#[event("odd.say")]
struct Say(u64);

/// A node that does what `how` says when it is poked; a word that echoes goes round for ever.
struct Odd {
    how: How,
    heard: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum How {
    Well,
    HashOrder,
    WallClock,
    Panic,
    Thread,
    Echo,
}

#[devts::node("odd")]
impl Node for Odd {
    #[on]
    fn say(&mut self, Say(number): Say, cx: &mut Context<Self>) {
        self.heard += 1;
        if self.how == How::Echo && cx.id().get() == number % 3 + 1 {
            cx.emit(Say(cx.id().get())).expect("one event fits");
        }
    }
}

impl Odd {
    fn poke(&mut self, cx: &mut Context<Self>) {
        match self.how {
            How::Well | How::Echo => cx.emit(Say(cx.id().get())).expect("one event fits"),
            How::HashOrder => {
                let numbers: HashMap<u64, ()> = (0..20).map(|number| (number, ())).collect();
                numbers.keys().for_each(|number| cx.emit(Say(*number)).expect("few events fit"));
            }
            How::WallClock => {
                let now =
                    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is later than 1970");
                cx.emit(Say(now.as_nanos() as u64)).expect("one event fits");
            }
            How::Panic => panic!("the {} is missing", "ledger"),
            How::Thread => {
                let handle = cx.handle();
                let thread =
                    std::thread::Builder::new().name("mine".into()).spawn(move || drop(handle.set_info(&1)));
                thread.expect("there are threads").join().expect("it only wakes the node");
            }
        }
    }
}

/// Three odd nodes without faults; one of them is poked.
fn odd(sim: &mut Sim<Odd>, how: How) -> Run<Odd> {
    let run = sim.nodes(3, move |_| Odd { how, heard: 0 });
    sim.faults(Faults::none());
    sim.lasting(Duration::from_secs(5));
    sim.settling(Duration::from_secs(10));
    sim.workload(async |run: Run<Odd>| {
        if let Some(node) = run.pick() {
            let _ = node.with(|odd, cx| odd.poke(cx)).await;
        }
        Ok(())
    });
    run
}

fn failure(seeds: Seeds, scenario: impl Fn(&mut Sim<Odd>) + Sync) -> Failure {
    *seeds.run(scenario).expect_err("it has a mistake")
}

#[test]
fn hash_order_and_the_real_clock_are_told_as_such() {
    for how in [How::HashOrder, How::WallClock] {
        let failure = failure(seeds(3), |sim| {
            odd(sim, how);
            sim.only_delivery();
        });
        assert!(matches!(failure.broken(), Broken::Nondeterminism(_)), "{failure}");
        assert!(failure.to_string().contains("the order of a HashMap or HashSet, SystemTime"), "{failure}");
    }
}

#[test]
fn a_panic_is_told_with_its_place_and_once() {
    let failure = failure(seeds(3), |sim| {
        odd(sim, How::Panic);
        sim.only_delivery();
    });
    let Broken::Panicked { text } = failure.broken() else { panic!("{failure}") };
    assert!(text.starts_with("the ledger is missing (") && text.contains("mistakes.rs:"), "{text}");
}

#[test]
fn panics_can_be_allowed() {
    let summary = seeds(2).run(|sim: &mut Sim<Odd>| {
        let run = odd(sim, How::Panic);
        sim.allow_panics();
        sim.sometimes("the node is gone", move || run.down() > 0);
    });
    let failure = summary.expect_err("nobody starts the node again");
    let Broken::Node { error, .. } = failure.broken() else { panic!("{failure}") };
    assert!(error.contains("the node stopped because a turn panicked: the ledger is missing"), "{error}");
}

#[test]
fn a_thread_of_ones_own_is_refused_by_name() {
    let failure = failure(seeds(1), |sim| {
        odd(sim, How::Thread);
        sim.only_delivery();
    });
    let text = failure.to_string();
    assert!(matches!(failure.broken(), Broken::World { .. }) && text.contains("mine"), "{text}");
}

#[test]
fn what_never_ends_is_told_with_what_still_runs() {
    let echo = failure(seeds(1), |sim| {
        odd(sim, How::Echo);
        sim.only_delivery();
    });
    let Broken::Unsettled { missing, .. } = echo.broken() else { panic!("{echo}") };
    assert!(missing.iter().any(|line| line.contains("never got")), "{echo}");
    let workload = failure(seeds(1), |sim| {
        odd(sim, How::Well);
        sim.workload(async |_run| std::future::pending().await);
        sim.only_delivery();
    });
    let Broken::Unsettled { missing, .. } = workload.broken() else { panic!("{workload}") };
    assert_eq!(*missing, ["part 2 of the workload still runs"], "{workload}");
}

#[test]
fn a_test_without_invariants_says_so() {
    let failure = failure(seeds(2), |sim| drop(odd(sim, How::Well)));
    assert!(
        failure.to_string().starts_with("this test says nothing that must hold: say `sim.always`"),
        "{failure}"
    );
}

#[test]
fn a_test_without_nodes_and_a_scenario_that_panics_say_so() {
    let none = failure(seeds(2), |_| {});
    assert_eq!(none.to_string(), "this test has no nodes: say `sim.nodes(3, |_| ..)`");
    let early = failure(seeds(2), |sim| sim.always("all is well", || true));
    assert!(early.to_string().starts_with("`nodes` comes first"), "{early}");
}

#[test]
fn what_never_happens_is_told() {
    let failure = failure(seeds(3), |sim| {
        let run = odd(sim, How::Well);
        sim.sometimes("a node is down", move || run.down() > 0);
        sim.sometimes("somebody is there", || true);
    });
    let text = failure.to_string();
    assert!(text.starts_with("in 3 seeds it was never so that a node is down: run more seeds"), "{text}");
}

#[test]
fn what_does_not_hold_is_told_with_what_was_found() {
    let always = failure(seeds(3), |sim| {
        odd(sim, How::Well);
        let heard = sim.observe(|odd: &Odd| odd.heard);
        sim.always("nobody hears anything", move || match heard.values().into_values().max() {
            Some(most) if most > 0 => Err(format!("somebody heard {most}")),
            _ => Ok(()),
        });
    });
    assert!(matches!(always.broken(), Broken::Always { .. }), "{always}");
    let text = always.to_string();
    assert!(text.contains("always \"nobody hears anything\" does not hold: somebody heard 1"), "{text}");
    assert!(text.contains("none are needed") && text.contains("n1 has "), "{text}");
    let error = failure(seeds(1), |sim| {
        odd(sim, How::Well);
        sim.workload(async |_run| Err(devts::Error::msg("the shop is closed")));
        sim.only_delivery();
    });
    assert!(error.to_string().contains("the workload failed: the shop is closed"), "{error}");
}

/// Fails, in a process of its own.
#[test]
fn passes() {
    if child::is_child() {
        seeds(2).check(|sim: &mut Sim<Odd>| {
            odd(sim, How::Well);
            sim.only_delivery();
        });
    }
}

#[test]
fn a_seed_that_is_no_number_is_told() {
    let (passed, text) = child::run("mistakes::passes", ("DEVTS_SEED", "x7"));
    assert!(
        !passed && text.contains("DEVTS_SEED is \"x7\", which is no number: DEVTS_SEED=77 runs seed 77"),
        "{text}"
    );
    let (passed, text) = child::run("mistakes::passes", ("DEVTS_SEED", "7"));
    assert!(passed, "{text}");
}
