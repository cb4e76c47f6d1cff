//! The checks of `spawn` and `blocking`: who runs, who waits, and whose panic it is.

use super::tools::{Host, LIMIT, Slot, on, outside, park_on};
use futures_util::FutureExt;
use futures_util::future::join_all;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// A panic without the message of the panic hook, which would look like a failure in the log.
fn quiet_panic() {
    resume_unwind(Box::new("a panic on purpose"));
}

pub(super) async fn spawn_runs_detached(host: Host) {
    let slot = Slot::new();
    let result = slot.clone();
    let sleep = host.sleep(Duration::from_millis(5));
    host.spawn(Box::pin(async move {
        sleep.await;
        result.put(7);
    }));
    assert_eq!(slot.take().await, 7);
}

pub(super) async fn spawn_from_inside_a_task(host: Host) {
    let inner = Arc::clone(&host);
    let sum = on(&host, async move { 40 + on(&inner, async { 2 }).await }).await;
    assert_eq!(sum, 42);
}

pub(super) async fn spawn_from_a_plain_thread(host: Host) {
    let answer = outside(move || park_on(on(&host, async { 42 }))).await;
    assert_eq!(answer, 42);
}

pub(super) async fn spawn_many(host: Host) {
    let tasks = (0..1_000_u64).map(|number| on(&host, async move { number }));
    assert_eq!(join_all(tasks).await.iter().sum::<u64>(), 499_500);
}

pub(super) async fn spawn_panic_stays_in_its_task(host: Host) {
    for _ in 0..16 {
        host.spawn(Box::pin(async { quiet_panic() }));
        let sleep = host.sleep(Duration::from_millis(1));
        assert_eq!(on(&host, sleep.map(|()| 7)).await, 7, "tasks run on after another one's panic");
    }
}

pub(super) async fn blocking_runs_off_the_executor(host: Host) {
    // The work waits for two steps of a task, which can come only if the work does not hold the executor.
    let (step, steps) = mpsc::channel();
    let answered = Arc::new(AtomicBool::new(false));
    let answer = Arc::clone(&answered);
    let work = host.blocking(Box::new(move || {
        let both = steps.recv_timeout(LIMIT / 2).is_ok() && steps.recv_timeout(LIMIT / 2).is_ok();
        answer.store(both, Ordering::SeqCst);
    }));
    let sleep = host.sleep(Duration::from_millis(5));
    host.spawn(Box::pin(async move {
        let _ = step.send(());
        sleep.await;
        let _ = step.send(());
    }));
    on(&host, work).await;
    assert!(answered.load(Ordering::SeqCst), "tasks stood still while blocking work ran");
}

pub(super) async fn blocking_ends_after_its_work(host: Host) {
    let works = (0..16).map(|_| {
        let ran = Arc::new(AtomicBool::new(false));
        let run = Arc::clone(&ran);
        let work = host.blocking(Box::new(move || run.store(true, Ordering::SeqCst)));
        async move {
            work.await;
            ran.load(Ordering::SeqCst)
        }
    });
    assert!(join_all(works).await.iter().all(|ran| *ran), "the future ended before its work");
}

pub(super) async fn blocking_panic_arrives(host: Host) {
    for _ in 0..4 {
        let work = AssertUnwindSafe(host.blocking(Box::new(quiet_panic)));
        let panic = work.catch_unwind().await.expect_err("a panic of the work is the future's panic");
        assert_eq!(panic.downcast_ref(), Some(&"a panic on purpose"), "with what it carries");
    }
    host.blocking(Box::new(|| ())).await;
}

pub(super) async fn blocking_dropped_still_runs(host: Host) {
    let slots: Vec<_> = (0..8)
        .map(|number| {
            let slot = Slot::new();
            let result = slot.clone();
            drop(host.blocking(Box::new(move || result.put(number))));
            slot
        })
        .collect();
    for (number, slot) in slots.iter().enumerate() {
        assert_eq!(slot.take().await, number);
    }
}

pub(super) async fn blocking_from_a_plain_thread(host: Host) {
    let slot = Slot::new();
    let result = slot.clone();
    outside(move || park_on(host.blocking(Box::new(move || result.put(7))))).await;
    assert_eq!(slot.take().await, 7);
}
