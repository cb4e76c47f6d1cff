//! A joiner's state, while others emit: nothing lost, nothing twice. And apps, which are nodes as well.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use common::{Host, Note, ledger, ledgers, life, stop, until};
use devts::{Bytes, Cx, Event, NodeHandle, RequestError, State};
use futures_util::future::{join, join_all};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

on_every_host!(
    a_joiner_restores_and_goes_on_while_others_emit,
    a_joiner_restores_what_nobody_alive_emitted,
    an_app_is_a_node,
    an_app_takes_events_by_name,
    an_app_runs_turns_beside_each_other,
);

async fn a_joiner_restores_and_goes_on_while_others_emit(host: Host) {
    let nodes = ledgers(&host, 2).await;
    let over = AtomicBool::new(false);
    let emitting = join_all(nodes.iter().enumerate().map(async |(index, node)| {
        let mut number = 0;
        while !over.load(SeqCst) || number < 100 {
            // One of them to itself too, whose state then has its own.
            match index {
                0 => node.emit(Note(number)).include_self().await.unwrap(),
                _ => node.emit(Note(number)).await.unwrap(),
            }
            number += 1;
            host.sleep(Duration::from_micros(200)).await;
        }
        number
    }));
    let joining = async {
        let mut late = Vec::new();
        for seed in [1, 0, 1] {
            let node = ledger(&host, nodes[seed].address()).must_join().await.unwrap();
            assert!(node.with(|ledger, _| ledger.restored).await.unwrap());
            late.push(node);
        }
        over.store(true, SeqCst);
        late
    };
    let (counts, late) = join(emitting, joining).await;
    for node in &late {
        for (emitter, count) in nodes.iter().zip(&counts) {
            let (origin, count) = (life(emitter), *count);
            // The second's own are not in its state, so a state that it gives does not have them.
            let len = async || node.with(move |ledger, _| ledger.of(origin).len() as u64).await.unwrap();
            let last = async || node.with(move |ledger, _| ledger.of(origin).last().copied()).await.unwrap();
            until(&host, async || last().await == Some(count - 1)).await;
            let notes = node.with(move |ledger, _| ledger.of(origin)).await.unwrap();
            assert!(notes.is_sorted_by(|a, b| a + 1 == *b), "each once, in order, from some point on");
            assert!(emitter.id() == nodes[1].id() || len().await == count);
        }
    }
    stop(late).await;
    stop(nodes).await;
}

async fn a_joiner_restores_what_nobody_alive_emitted(host: Host) {
    let mut nodes = ledgers(&host, 3).await;
    let gone = nodes.remove(1);
    for number in 0..50 {
        gone.emit(Note(number)).await.unwrap();
    }
    let origin = life(&gone);
    gone.stop().await.unwrap();
    let late = ledger(&host, nodes[0].address()).must_join().await.unwrap();
    assert_eq!(late.with(move |ledger, _| ledger.of(origin)).await.unwrap(), (0..50).collect::<Vec<_>>());
    stop([late]).await;
    stop(nodes).await;
}

#[derive(Serialize, Deserialize, Event)]
#[event("test.add", reply = u64)]
struct Add(u64);

async fn an_app_is_a_node(host: Host) {
    let app = devts::app("sum")
        .state(0u64)
        .on(async |mut sum: State<u64>, Add(number): Add, _: Cx| {
            *sum += number;
            *sum
        })
        .on(async |sum: State<u64>, event: common::Fail, cx: Cx| -> devts::Result<u64> {
            if event.panic {
                cx.request(cx.id(), Add(1)).await?;
            }
            Ok(*sum)
        })
        .join(())
        .runtime(host.clone())
        .await
        .unwrap();
    let nodes = ledger(&host, app.address()).must_join().await.unwrap();
    let to = app.id();
    assert_eq!(nodes.find_node(|member| member.kind == "sum").map(|member| member.id), Some(to));
    assert_eq!(nodes.request(to, Add(2)).await, Ok(2));
    nodes.emit(Add(3)).await.unwrap();
    until(&host, async || nodes.request(to, common::Fail { panic: false }).await == Ok(5)).await;
    let error = nodes.request(to, common::Fail { panic: true }).await.unwrap_err();
    assert!(matches!(&error, RequestError::Remote { text, .. } if text.contains("never end")), "{error}");
    nodes.stop().await.unwrap();
    app.stop().await.unwrap();
}

async fn an_app_takes_events_by_name(host: Host) {
    let seen = Arc::new(AtomicU64::new(0));
    let count = seen.clone();
    let app = devts::app("names")
        .state(())
        .on_named("test.note", move |_: State<()>, bytes: Bytes, cx: Cx| {
            let count = count.clone();
            async move {
                assert_ne!(cx.from(), cx.id());
                count.fetch_add(u64::from(bytes[0]), SeqCst);
            }
        })
        .join(())
        .runtime(host.clone())
        .await
        .unwrap();
    let node = ledger(&host, app.address()).must_join().await.unwrap();
    node.emit(Note(40)).await.unwrap();
    node.send(app.id(), Note(2)).await.unwrap();
    until(&host, async || seen.load(SeqCst) == 42).await;
    stop([node]).await;
    app.stop().await.unwrap();
}

/// Turns that wait for each other: with one at a time this would not end.
async fn an_app_runs_turns_beside_each_other(host: Host) {
    let met = Arc::new(AtomicU64::new(0));
    let app = devts::app("meeting")
        .state(met)
        .on({
            let host = host.clone();
            move |met: State<Arc<AtomicU64>>, Add(number): Add, _: Cx| {
                let host = host.clone();
                async move {
                    met.fetch_add(number, SeqCst);
                    until(&host, async || met.load(SeqCst) >= 3).await;
                    met.load(SeqCst)
                }
            }
        })
        .concurrent(3)
        .join(())
        .runtime(host.clone())
        .await
        .unwrap();
    let ask = |node: &NodeHandle<_>| {
        let node = node.clone();
        async move { node.request(node.id(), Add(1)).await.unwrap() }
    };
    assert_eq!(join_all((0..3).map(|_| ask(&app))).await, [3, 3, 3]);
    app.stop().await.unwrap();
}
