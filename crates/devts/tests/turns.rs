//! Turns of a node's own, what they may do, how they panic, and how everything ends.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use common::{Count, Host, Ledger, Note, ledger, ledgers, stop, until};
use devts::{Context, OnPanic, RequestError, SendError, StopError, TurnError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

on_every_host!(
    with_and_call_are_turns,
    turns_come_again_until_they_are_cancelled,
    then_and_spawn_run_beside_turns,
    e47_a_panic_stops_the_node,
    e47_or_the_node_goes_on_after_a_panic,
    stopping_drains_what_is_queued,
    after_the_stop_everything_says_so,
    e47_a_handler_that_never_ends_is_dropped,
    the_node_can_stop_itself,
    a_node_runs_until_something_happens,
    ; not in a simulation:
    blocking_work_runs_elsewhere: "a world has one thread, and runs blocking work on it",
);

async fn with_and_call_are_turns(host: Host) {
    let nodes = ledgers(&host, 2).await;
    let origin = nodes[0]
        .with(|_, cx| {
            cx.emit(Note(1)).unwrap();
            cx.origin()
        })
        .await
        .unwrap();
    nodes[0]
        .call(|_, cx| {
            Box::pin(async move {
                let other = cx.find_node(|member| member.id != cx.id()).unwrap().id;
                cx.send(other, Note(2)).unwrap();
                cx.request(other, Count).await.unwrap();
            })
        })
        .await
        .unwrap();
    until(&host, async || nodes[1].with(move |ledger, _| ledger.of(origin).len()).await.unwrap() == 2).await;
    stop(nodes).await;
}

async fn turns_come_again_until_they_are_cancelled(host: Host) {
    let node = ledger(&host, ()).await.unwrap();
    let task = node
        .with(|_, cx| {
            cx.every(Duration::from_millis(2), |ledger: &mut Ledger, cx| {
                ledger.gaps.push(format!("{}", cx.random()));
            })
        })
        .await
        .unwrap();
    until(&host, async || node.with(|ledger, _| ledger.gaps.len()).await.unwrap() >= 5).await;
    task.cancel();
    let count = async || node.with(|ledger, _| ledger.gaps.len()).await.unwrap();
    until(&host, async || {
        let before = count().await;
        host.sleep(Duration::from_millis(20)).await;
        before == count().await
    })
    .await;
    node.stop().await.unwrap();
}

async fn then_and_spawn_run_beside_turns(host: Host) {
    let node = ledger(&host, ()).await.unwrap();
    let sleep = host.sleep(Duration::from_millis(30));
    node.with(move |_, cx| {
        let asked = cx.handle();
        cx.then(
            async move {
                sleep.await;
                asked.request(asked.id(), Count).await
            },
            |ledger: &mut Ledger, _, count| ledger.gaps.push(format!("{count:?}")),
        );
    })
    .await
    .unwrap();
    assert!(node.with(|ledger, _| ledger.gaps.is_empty()).await.unwrap(), "the node is not blocked");
    until(&host, async || node.with(|ledger, _| ledger.gaps.clone()).await.unwrap() == ["Ok(0)"]).await;
    node.stop().await.unwrap();
}

#[expect(clippy::disallowed_methods, reason = "where it runs is the question")]
async fn blocking_work_runs_elsewhere(host: Host) {
    let node = ledger(&host, ()).on_panic(OnPanic::Continue).await.unwrap();
    let thread = std::thread::current().id();
    let other = node
        .call(|_, cx: &mut Context<Ledger>| {
            let work = cx.unblock(|| std::thread::current().id());
            Box::pin(work)
        })
        .await
        .unwrap();
    assert_ne!(other, thread);
    let failed = node.call(|_, cx| Box::pin(cx.unblock(|| panic!("in the work")))).await;
    assert_eq!(failed, Err::<(), _>(TurnError::Panicked { text: "in the work".into() }));
    node.stop().await.unwrap();
}

async fn e47_a_panic_stops_the_node(host: Host) {
    let nodes = ledgers(&host, 1).await;
    let fragile = ledger(&host, nodes[0].address()).must_join().await.unwrap();
    let to = fragile.id();
    let error = nodes[0].request(to, common::Fail { panic: true }).await.unwrap_err();
    assert_eq!(error, RequestError::Remote { to, text: "panicked: told to".into() });
    assert_eq!(fragile.stopped().await, Err(StopError::Panicked { text: "told to".into() }));
    assert_eq!(fragile.with(|_, _| ()).await, Err(TurnError::Stopped));
    until(&host, async || nodes[0].view().len() == 1).await;
    let peers = nodes[0].with(|ledger, _| ledger.peers.clone()).await.unwrap();
    assert_eq!(peers.last().map(String::as_str), Some("Left"));
    stop(nodes).await;
}

async fn e47_or_the_node_goes_on_after_a_panic(host: Host) {
    let nodes = ledgers(&host, 1).await;
    let failed = nodes[0].with(|_, _| -> () { panic!("in a turn") }).await;
    assert_eq!(failed, Err(TurnError::Panicked { text: "in a turn".into() }));
    assert_eq!(nodes[0].with(|ledger, _| ledger.total()).await, Ok(0));
    assert_eq!(nodes[0].stats().panicked, 1);
    stop(nodes).await;
}

async fn stopping_drains_what_is_queued(host: Host) {
    let nodes = ledgers(&host, 2).await;
    let (ran, said) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let sleep = host.sleep(Duration::from_millis(50));
    let slow = nodes[0].call(move |_, _| Box::pin(sleep));
    let stopping = said.clone();
    let hook = nodes[0].with(move |ledger, _| {
        ledger.stopping = Some(Box::new(move || {
            stopping.fetch_add(1, SeqCst);
        }));
    });
    let queued = (0..10).map(|number| {
        let ran = ran.clone();
        nodes[0].with(move |_, cx| {
            ran.fetch_add(1, SeqCst);
            cx.emit(Note(number)).unwrap();
        })
    });
    let turns = futures_util::future::join3(slow, hook, futures_util::future::join_all(queued));
    let (.., stopped) = futures_util::future::join(turns, nodes[0].stop()).await;
    stopped.unwrap();
    assert_eq!((ran.load(SeqCst), said.load(SeqCst)), (10, 1));
    // What was said before the leave is with the others.
    assert_eq!(nodes[1].with(|ledger, _| ledger.total()).await, Ok(10));
    nodes[1].stop().await.unwrap();
}

async fn after_the_stop_everything_says_so(host: Host) {
    let nodes = ledgers(&host, 2).await;
    let (node, other) = (&nodes[0], nodes[1].id());
    let waiting = node.request(other, Count);
    drop(waiting);
    node.stop().await.unwrap();
    node.stop().await.unwrap();
    node.stopped().await.unwrap();
    assert!(matches!(node.emit(Note(1)).await, Err(devts::EmitError::Stopped(_))));
    assert!(matches!(
        node.send(other, Note(1)).await,
        Err(SendError::Stopped(_) | SendError::NotMember { .. })
    ));
    let error = node.request(other, Count).await.unwrap_err();
    assert!(matches!(error, RequestError::Stopped | RequestError::NotMember { .. }), "{error}");
    assert_eq!(node.with(|_, _| ()).await, Err(TurnError::Stopped));
    assert_eq!(node.set_info(&1), Err(devts::InfoError::Stopped));
    nodes[1].stop().await.unwrap();
}

async fn e47_a_handler_that_never_ends_is_dropped(host: Host) {
    let mut config = devts::Config::local();
    config.stop_timeout = Duration::from_millis(100);
    let node = ledger(&host, ()).config(config).await.unwrap();
    let dropped = Arc::new(());
    let held = dropped.clone();
    let endless = node.call(move |_, _| {
        Box::pin(async move {
            let _held = held;
            std::future::pending::<()>().await;
        })
    });
    let (endless, stopped) = futures_util::future::join(endless, node.stop()).await;
    assert_eq!((endless, stopped), (Err(TurnError::Stopped), Err(StopError::TurnsDropped)));
    assert_eq!(Arc::strong_count(&dropped), 1);
}

async fn the_node_can_stop_itself(host: Host) {
    let node = ledger(&host, ()).await.unwrap();
    node.with(|_, cx| cx.stop()).await.unwrap();
    node.stopped().await.unwrap();
    let node = ledger(&host, ()).await.unwrap();
    let handle = node.clone();
    let inside = node.call(move |_, _| Box::pin(async move { handle.stop().await })).await.unwrap();
    assert_eq!(inside, Err(StopError::InTurn));
    node.stopped().await.unwrap();
}

async fn a_node_runs_until_something_happens(host: Host) {
    let node = ledger(&host, ()).await.unwrap();
    node.run_until(host.sleep(Duration::from_millis(10))).await.unwrap();
    assert_eq!(node.with(|_, _| ()).await, Err(TurnError::Stopped));
    let node = ledger(&host, ()).await.unwrap();
    node.with(|_, cx| cx.stop()).await.unwrap();
    node.run_until(std::future::pending::<()>()).await.unwrap();
}
