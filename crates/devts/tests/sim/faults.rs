//! Faults by hand: a plan, a workload that kills, a disk that outlives both.

use devts::Node;
use devts::sim::{Faults, Place, Plan, Run, Sim, seeds};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

struct Quiet {
    starts: u64,
}

#[devts::node("quiet")]
impl Node for Quiet {}

/// Counts its starts on its disk.
fn counted(place: &Place) -> Quiet {
    let log = place.disk().open("starts").expect("a name is enough");
    log.append(b"x").expect("there is room");
    log.sync().expect("the disk is well");
    let starts = log.len().expect("it is open");
    assert_eq!(starts, place.start());
    Quiet { starts }
}

#[test]
fn a_machine_keeps_its_disk_and_its_id_through_crashes() {
    let restarted = Arc::new(AtomicU64::new(0));
    let seen = restarted.clone();
    seeds(3).check(move |sim: &mut Sim<Quiet>| {
        let run = sim.nodes(3, counted);
        sim.faults(Faults::none());
        sim.lasting(Duration::from_secs(30));
        let seen = seen.clone();
        sim.workload(async move |run: Run<Quiet>| {
            run.kill(1);
            assert!(run.node(1).is_none() && run.down() == 1);
            run.sleep(Duration::from_secs(5)).await;
            run.start(1);
            run.sleep(Duration::from_secs(5)).await;
            run.power_off(1);
            run.sleep(Duration::from_secs(5)).await;
            run.start(1);
            run.sleep(Duration::from_secs(5)).await;
            let node = run.node(1).ok_or_else(|| devts::Error::msg("n2 is not back"))?;
            assert_eq!(node.id().get(), 2);
            seen.fetch_max(node.with(|quiet, _| quiet.starts).await?, Ordering::Relaxed);
            Ok(())
        });
        sim.always("one is down at most", move || run.down() <= 1);
    });
    assert_eq!(restarted.load(Ordering::Relaxed), 3);
}

#[test]
fn what_is_asked_of_a_killed_life_ends_with_an_error() {
    seeds(5).check(|sim: &mut Sim<Quiet>| {
        sim.nodes(3, counted);
        sim.faults(Faults::none());
        sim.lasting(Duration::from_secs(10));
        sim.workload(async |run: Run<Quiet>| {
            let node = run.node(2).expect("the cluster is formed");
            let killed = node.clone();
            let turn = node.call(move |_, cx| {
                let wait = cx.handle();
                Box::pin(async move {
                    let _ = wait.stopped().await;
                })
            });
            let late = run.clone();
            run.spawn(async move {
                late.sleep(Duration::from_secs(1)).await;
                late.kill(2);
                Ok(())
            });
            assert!(turn.await.is_err());
            assert!(killed.with(|_, _| ()).await.is_err());
            assert!(killed.stop().await.is_err() || killed.stopped().await.is_ok());
            Ok(())
        });
        sim.only_delivery();
    });
}

#[test]
fn a_plan_is_the_same_for_every_seed_and_is_checked() {
    let plan = |text: &str| Plan::parse(text, 3).expect("it is a plan");
    let good = plan("at 5s cut n1 from n2,n3\nat 20s heal\nat 21s kill n3\nat 25s start n3");
    let summary = seeds(3).run(|sim: &mut Sim<Quiet>| {
        let run = sim.nodes(3, counted);
        sim.plan(good.clone());
        sim.sometimes("n3 is down", move || run.node(2).is_none());
    });
    assert!(summary.expect("the cluster comes together again").counts.faults >= 12);
    let bad = Plan::parse("at 5s kill n5", 5).expect("it is a plan for five");
    let failure = seeds(1).run(|sim: &mut Sim<Quiet>| {
        sim.nodes(3, counted);
        sim.plan(bad.clone());
        sim.only_delivery();
    });
    let text = failure.expect_err("there are three").to_string();
    assert!(text.contains("there is no n5"), "{text}");
}

#[test]
fn nodes_come_together_under_faults_too() {
    seeds(5).check(|sim: &mut Sim<Quiet>| {
        sim.nodes(5, |_| Quiet { starts: 0 });
        sim.cold_start();
        sim.faults(Faults::network().crashes(true).every(Duration::from_secs(3)));
        sim.only_delivery();
    });
}
