//! The world's own promises: order from the seed, time, faults, and runs that cannot end.

use super::{Settings, Stuck, World};
use crate::fault::{Fault, MachineId};
use crate::trace::Mode;
use devts_rt::Runtime;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Tasks that note in which order they run.
fn order(seed: u64) -> (Vec<u32>, u64) {
    let world = World::new(seed);
    let machine = world.machine("n1");
    let seen = Arc::new(Mutex::new(Vec::new()));
    for number in 0..20 {
        let (host, seen) = (machine.clone(), seen.clone());
        machine.spawn(Box::pin(async move {
            host.sleep(Duration::from_millis(5)).await;
            seen.lock().unwrap().push(number);
        }));
    }
    world.block_on(world.sleep(secs(1))).unwrap();
    let seen = seen.lock().unwrap().clone();
    (seen, world.trace_hash())
}

#[test]
fn the_seed_gives_the_order() {
    assert_eq!(order(1), order(1));
    assert_ne!(order(1).0, order(2).0);
    assert_ne!(order(1).1, order(2).1);
}

#[test]
fn a_run_that_cannot_end_says_so() {
    let world = World::new(1);
    let machine = world.machine("n1");
    machine.spawn(Box::pin(std::future::pending()));
    let stuck = world.block_on(std::future::pending::<()>()).unwrap_err();
    assert!(matches!(&stuck, Stuck::Nothing { left, .. } if left.tasks == [(Some(0), 1)]), "{stuck}");
    assert!(stuck.to_string().contains("1 task of n1"), "{stuck}");
}

#[test]
fn a_run_without_end_ends_at_its_bound() {
    let settings = Settings { limit: secs(60), ..Settings::default() };
    let world = World::with(1, settings, Mode::Hash);
    let machine = world.machine("n1");
    let host = machine.clone();
    machine.spawn(Box::pin(async move {
        loop {
            host.sleep(secs(1)).await;
        }
    }));
    let stuck = world.block_on(std::future::pending::<()>()).unwrap_err();
    assert!(matches!(stuck, Stuck::Limit { .. }), "{stuck}");
    assert_eq!(world.now(), secs(60));
}

#[test]
fn a_spinning_task_is_told() {
    let settings = Settings { spin: 1000, ..Settings::default() };
    let world = World::with(1, settings, Mode::Hash);
    world.machine("n1");
    world.machine("n2").spawn(Box::pin(async {
        loop {
            let mut woken = false;
            std::future::poll_fn(|cx| {
                cx.waker().wake_by_ref();
                if std::mem::replace(&mut woken, true) {
                    return std::task::Poll::Ready(());
                }
                std::task::Poll::Pending
            })
            .await;
        }
    }));
    let stuck = world.block_on(world.sleep(secs(1))).unwrap_err();
    assert!(matches!(stuck, Stuck::Spins { task: Some(1), .. }), "{stuck}");
}

#[test]
fn another_thread_is_refused_by_name() {
    let world = World::new(1);
    let machine = world.machine("n3");
    let host = machine;
    let outside = std::thread::Builder::new().name("a real thread".into());
    let spawned = outside.spawn(move || host.spawn(Box::pin(async {}))).unwrap();
    spawned.join().unwrap();
    let stuck = world.block_on(world.sleep(secs(1))).unwrap_err();
    assert!(matches!(stuck, Stuck::Foreign { .. }), "{stuck}");
    assert!(stuck.to_string().contains("a real thread") && stuck.to_string().contains("n1"), "{stuck}");
}

/// A byte a second from n1 to n2, for so long; when n2 got each.
fn ticker(world: &World, seconds: u64) -> Arc<Mutex<Vec<Duration>>> {
    let (one, other) = (world.machine("n1"), world.machine("n2"));
    let got = Arc::new(Mutex::new(Vec::new()));
    let seen = got.clone();
    let clock = world.clone();
    let listener = other.clone();
    other.spawn(Box::pin(async move {
        let listener = listener.transport().listen("0.0.0.0:80".parse().unwrap()).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut byte = [0];
        while futures_util::AsyncReadExt::read(&mut stream, &mut byte).await.unwrap_or(0) == 1 {
            seen.lock().unwrap().push(clock.now());
        }
    }));
    let host = one.clone();
    one.spawn(Box::pin(async move {
        host.sleep(secs(1)).await;
        let mut stream = host.transport().connect("127.0.0.2:80".parse().unwrap()).await.unwrap();
        for _ in 0..seconds {
            futures_util::AsyncWriteExt::write_all(&mut stream, b"x").await.unwrap();
            host.sleep(secs(1)).await;
        }
    }));
    got
}

#[test]
fn a_cut_stalls_and_its_end_lets_everything_through_in_time() {
    let world = World::new(3);
    let got = ticker(&world, 60);
    world.block_on(world.sleep(secs(10))).unwrap();
    world.apply(&Fault::partition(MachineId(0), MachineId(1))).unwrap();
    world.block_on(world.sleep(secs(20))).unwrap();
    let before = got.lock().unwrap().len();
    assert!((8..=10).contains(&before), "{before}");
    world.apply(&Fault::Heal).unwrap();
    world.block_on(world.sleep(secs(40))).unwrap();
    let got = got.lock().unwrap();
    assert_eq!(got.len(), 60);
    // Retransmissions back off: 20 s into a cut the next comes within another 20 s.
    assert!(got[before] > secs(30) && got[before] < secs(51), "{:?}", got[before]);
}

#[test]
fn a_kill_is_heard_and_a_loss_of_power_is_not() {
    for silent in [false, true] {
        let world = World::new(4);
        let (one, other) = (world.machine("n1"), world.machine("n2"));
        let listening = other.transport();
        other.spawn(Box::pin(async move {
            let listener = listening.listen("0.0.0.0:80".parse().unwrap()).await.unwrap();
            let _stream = listener.accept().await.unwrap();
            std::future::pending::<()>().await;
        }));
        let ended = world.block_on(async {
            one.sleep(secs(1)).await;
            let mut stream = one.transport().connect("127.0.0.2:80".parse().unwrap()).await.unwrap();
            let node = MachineId(1);
            world.apply(&if silent { Fault::PowerOff { node } } else { Fault::Kill { node } }).unwrap();
            let mut byte = [0];
            let read = futures_util::AsyncReadExt::read(&mut stream, &mut byte);
            let heard = futures_util::future::select(read, one.sleep(secs(60))).await;
            let heard = matches!(heard, futures_util::future::Either::Left(_));
            let again = one.transport().connect("127.0.0.2:80".parse().unwrap());
            let refused = futures_util::future::select(again, one.sleep(secs(60))).await;
            (heard, matches!(refused, futures_util::future::Either::Left(_)))
        });
        assert_eq!(ended.unwrap(), (!silent, !silent));
    }
}

#[test]
fn pauses_and_starvation_hold_tasks_back() {
    let world = World::new(5);
    let machine = world.machine("n1");
    let (host, clock) = (machine.clone(), world.clone());
    let ticks = Arc::new(Mutex::new(Vec::new()));
    let seen = ticks.clone();
    machine.spawn(Box::pin(async move {
        loop {
            host.sleep(secs(1)).await;
            seen.lock().unwrap().push(clock.now());
        }
    }));
    world.block_on(world.sleep(Duration::from_millis(2500))).unwrap();
    world.apply(&Fault::Pause { node: MachineId(0), time: secs(20) }).unwrap();
    world.block_on(world.sleep(secs(21))).unwrap();
    assert_eq!(
        *ticks.lock().unwrap(),
        [secs(1), secs(2), Duration::from_millis(22_500), Duration::from_millis(23_500)]
    );
    world.apply(&Fault::Starve { node: MachineId(0), delay: secs(3), time: secs(60) }).unwrap();
    world.block_on(world.sleep(secs(60))).unwrap();
    let starved = ticks.lock().unwrap().len() - 4;
    assert!((15..=40).contains(&starved), "{starved}");
}

#[test]
fn what_ran_on_a_dead_machine_runs_no_more() {
    let world = World::new(6);
    let machine = world.machine("n1");
    let kept = Arc::new(());
    let owned = kept.clone();
    machine.spawn(Box::pin(async move {
        std::future::pending::<()>().await;
        drop(owned);
    }));
    world.block_on(world.sleep(secs(1))).unwrap();
    world.apply(&Fault::Kill { node: MachineId(0) }).unwrap();
    assert_eq!(Arc::strong_count(&kept), 1);
    let again = machine.start();
    assert!(again.is_up() && !machine.is_up());
    machine.spawn(Box::pin(async { panic!("the old life is over") }));
    world.block_on(world.sleep(secs(1))).unwrap();
    assert_eq!(world.take_panics(), []);
}
