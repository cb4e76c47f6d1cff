//! The checks of `sleep`, `now` and `wall`. They read the host's own clock, which may be a simulated one.

use super::tools::{Host, on, outside, park_on};
use futures_util::future::{Either, join_all, select};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

/// Counts how often it was woken; whoever may still wake it holds it.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll_once<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(waker))
}

pub(super) async fn sleep_is_never_early(host: Host) {
    for micros in [1, 300, 1_000, 1_700, 5_001, 20_000] {
        let length = Duration::from_micros(micros);
        let start = host.now();
        host.sleep(length).await;
        let passed = host.now() - start;
        assert!(passed >= length, "a sleep of {length:?} ended after {passed:?}");
    }
}

pub(super) async fn sleep_of_zero_ends(host: Host) {
    for _ in 0..10 {
        host.sleep(Duration::ZERO).await;
    }
}

pub(super) async fn sleep_shorter_ends_first(host: Host) {
    // Polled last and created last, the shorter one still ends first.
    let long = host.sleep(HOUR);
    let short = host.sleep(Duration::from_millis(10));
    let first = on(&host, select(long, short)).await;
    assert!(matches!(first, Either::Right(_)), "an hour passed before 10 ms did");
}

pub(super) async fn sleep_without_end_waits(host: Host) {
    let mut sleep = host.sleep(Duration::MAX);
    assert!(poll_once(&mut sleep, Waker::noop()).is_pending(), "the longest sleep ended at once");
}

pub(super) async fn sleep_dropped_is_cancelled(host: Host) {
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    for _ in 0..100 {
        let mut sleep = host.sleep(HOUR);
        assert!(poll_once(&mut sleep, &waker).is_pending(), "an hour ended at once");
    }
    drop(waker);
    while Arc::strong_count(&count) > 1 {
        host.sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(count.0.load(Ordering::SeqCst), 0, "a dropped sleep woke its task");
}

pub(super) async fn sleep_from_a_plain_thread(host: Host) {
    let length = Duration::from_millis(5);
    let passed = outside(move || {
        let start = host.now();
        park_on(host.sleep(length));
        host.now() - start
    })
    .await;
    assert!(passed >= length, "a sleep of {length:?} ended after {passed:?}");
}

pub(super) async fn sleep_crosses_threads(host: Host) {
    // Created inside and polled outside, then the other way round.
    let maker = Arc::clone(&host);
    let (inside,) = on(&host, async move { (maker.sleep(Duration::from_millis(5)),) }).await;
    outside(move || park_on(inside)).await;
    let maker = Arc::clone(&host);
    let outside = outside(move || maker.sleep(Duration::from_millis(5))).await;
    on(&host, outside).await;
}

pub(super) async fn sleep_many(host: Host) {
    let sleeps = (0..1_000).map(|number| host.sleep(Duration::from_micros(number * 37 % 20_000)));
    assert_eq!(join_all(sleeps).await.len(), 1_000);
}

pub(super) async fn now_is_monotonic(host: Host) {
    let mut last = host.now();
    for round in 0..10_000 {
        if round % 2_500 == 0 {
            let start = last;
            host.sleep(Duration::from_millis(1)).await;
            assert!(host.now() > start, "the clock stood still over a sleep");
        }
        let now = host.now();
        assert!(now >= last, "the clock went back from {last:?} to {now:?}");
        last = now;
    }
}

pub(super) async fn now_is_one_for_all_threads(host: Host) {
    let before = host.now();
    let other = Arc::clone(&host);
    let there = outside(move || other.now()).await;
    assert!(there >= before && host.now() >= there, "threads do not share one clock");
}

pub(super) async fn wall_is_sane(host: Host) {
    let year = host.wall().as_secs() / (365 * 24 * 3_600) + 1970;
    assert!((2020..2120).contains(&year), "the wall clock says {year}");
}
