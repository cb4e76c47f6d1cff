//! `emit`: to everybody, each event once, in its emitter's order; and how it is refused.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use common::{Host, Ledger, Note, ledgers, life, stop, until};
use devts::{Bytes, Context, EmitError, Event, Events, Node, Rejected};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

on_every_host!(
    everybody_hears_everything_once_and_in_order,
    to_oneself_too_when_asked,
    events_of_all_sizes,
    turns_are_told_full_and_outside_callers_wait,
    e18_what_is_too_large_comes_back,
    e14_what_nobody_takes_is_told_once,
    e15_what_cannot_be_decoded_is_told_and_the_rest_arrives,
    e14_two_definitions_are_told_and_nothing_else_is_lost,
    e47_a_failing_handler_is_told_to_its_own_node,
);

const MANY: u64 = 2000;

async fn everybody_hears_everything_once_and_in_order(host: Host) {
    let nodes = ledgers(&host, 3).await;
    let emit_all = async |node: &devts::NodeHandle<Ledger>| {
        for number in 0..MANY {
            node.emit(Note(number)).await.unwrap();
        }
    };
    join_all(nodes.iter().map(emit_all)).await;
    let wanted: Vec<u64> = (0..MANY).collect();
    for node in &nodes {
        until(&host, async || node.with(|ledger, _| ledger.total()).await.unwrap() == 2 * MANY as usize)
            .await;
        for other in nodes.iter().filter(|other| other.id() != node.id()) {
            let origin = life(other);
            assert_eq!(node.with(move |ledger, _| ledger.of(origin)).await.unwrap(), wanted);
        }
    }
    stop(nodes).await;
}

async fn to_oneself_too_when_asked(host: Host) {
    let nodes = ledgers(&host, 2).await;
    for number in 0..100 {
        nodes[0].emit(Note(number)).include_self().await.unwrap();
    }
    let origin = life(&nodes[0]);
    for node in &nodes {
        until(&host, async || node.with(move |ledger, _| ledger.of(origin).len()).await.unwrap() == 100)
            .await;
    }
    stop(nodes).await;
}

#[derive(Clone, PartialEq, Serialize, Deserialize, Event)]
#[event("test.blob")]
struct Blob(Bytes);

#[derive(Default)]
struct Sizes(Vec<usize>);

#[devts::node("sizes")]
impl Node for Sizes {
    #[on]
    fn blob(&mut self, Blob(bytes): Blob) {
        assert!(bytes.iter().all(|byte| *byte == (bytes.len() % 251) as u8));
        self.0.push(bytes.len());
    }
}

fn blob(len: usize) -> Blob {
    Blob(vec![(len % 251) as u8; len].into())
}

async fn events_of_all_sizes(host: Host) {
    let first = devts::join((), Sizes::default()).runtime(host.clone()).await.unwrap();
    let second =
        devts::join(first.address(), Sizes::default()).runtime(host.clone()).must_join().await.unwrap();
    let sizes = [0, 1, 100, 65_000, 65_472, 65_536, 1 << 20, 7, 3 << 20, 0];
    for size in sizes {
        second.emit(blob(size)).await.unwrap();
    }
    until(&host, async || first.with(|node, _| node.0.len()).await.unwrap() == sizes.len()).await;
    assert_eq!(first.with(|node, _| node.0.clone()).await.unwrap(), sizes);
    stop([second, first]).await;
}

async fn turns_are_told_full_and_outside_callers_wait(host: Host) {
    let nodes = ledgers(&host, 1).await;
    let (taken, lost) = nodes[0]
        .with(|_, cx| {
            let mut taken = 0;
            loop {
                match cx.emit(blob(65_000)) {
                    Ok(()) => taken += 1,
                    Err(error) => break (taken, error),
                }
            }
        })
        .await
        .unwrap();
    assert!(matches!(lost, EmitError::Full(_)) && lost.is_retryable());
    assert!((32..64).contains(&taken), "{taken} x 65 kB is about 2 MiB");
    assert!(lost.into_event() == blob(65_000));
    // A node alone has nobody to wait for: there is room as soon as the driver has looked.
    nodes[0].emit(blob(65_000)).await.unwrap();
    stop(nodes).await;
}

async fn e18_what_is_too_large_comes_back(host: Host) {
    let nodes = ledgers(&host, 1).await;
    let error = nodes[0].emit(blob(17 << 20)).await.unwrap_err();
    assert!(matches!(error, EmitError::TooLarge { max: 16_777_216, .. }), "{error}");
    assert!(error.into_event() == blob(17 << 20));
    stop(nodes).await;
}

#[derive(Serialize, Deserialize, Event)]
#[event("test.unheard")]
struct Unheard;

async fn e14_what_nobody_takes_is_told_once(host: Host) {
    let nodes = ledgers(&host, 2).await;
    for _ in 0..10 {
        nodes[0].emit(Unheard).await.unwrap();
    }
    nodes[0].emit(Note(1)).await.unwrap();
    until(&host, async || nodes[1].with(|ledger, _| ledger.total()).await.unwrap() == 1).await;
    let rejected = nodes[1].with(|ledger, _| ledger.rejected.clone()).await.unwrap();
    assert!(rejected.len() == 1 && rejected[0].contains("test.unheard"), "{rejected:?}");
    assert_eq!(nodes[1].stats().unknown, 10);
    stop(nodes).await;
}

/// A number that a receiver takes only if it is even: what it is sent else cannot be decoded.
#[derive(Serialize, Deserialize, Event)]
#[event("test.even")]
#[serde(try_from = "u64")]
struct Even(u64);

impl TryFrom<u64> for Even {
    type Error = &'static str;

    fn try_from(number: u64) -> Result<Even, Self::Error> {
        if number.is_multiple_of(2) { Ok(Even(number)) } else { Err("odd") }
    }
}

#[derive(Default)]
struct Picky {
    took: Vec<u64>,
    rejected: Vec<String>,
}

#[devts::node("picky")]
impl Node for Picky {
    #[on]
    fn even(&mut self, event: Even) {
        self.took.push(event.0);
    }

    async fn rejected(&mut self, rejected: Rejected, _cx: &mut Context<Self>) {
        self.rejected.push(rejected.to_string());
    }
}

async fn e15_what_cannot_be_decoded_is_told_and_the_rest_arrives(host: Host) {
    let one = devts::join((), Picky::default()).runtime(host.clone()).await.unwrap();
    let two = devts::join(one.address(), Picky::default()).runtime(host.clone()).must_join().await.unwrap();
    for number in [2, 3, 4] {
        one.emit(Even(number)).await.unwrap();
    }
    until(&host, async || two.with(|picky, _| picky.took.len()).await.unwrap() == 2).await;
    let (took, rejected) = two.with(|picky, _| (picky.took.clone(), picky.rejected.clone())).await.unwrap();
    assert_eq!(took, [2, 4]);
    assert!(rejected.len() == 1 && rejected[0].contains("test.even"), "{rejected:?}");
    for node in [two, one] {
        node.stop().await.unwrap();
    }
}

/// Another definition of `test.note`.
#[derive(Serialize, Deserialize, Event)]
#[event("test.note")]
struct OtherNote(String);

struct Other;

impl Node for Other {
    fn kind() -> &'static str {
        "other"
    }
    fn events(_: &mut Events<Self>) {}
    async fn joined(&mut self, cx: &mut Context<Self>) -> devts::Result {
        Ok(cx.emit(OtherNote("x".into()))?)
    }
}

async fn e14_two_definitions_are_told_and_nothing_else_is_lost(host: Host) {
    let nodes = ledgers(&host, 2).await;
    let other = devts::join(nodes[0].address(), Other).runtime(host.clone()).must_join().await.unwrap();
    for node in &nodes {
        until(&host, async || {
            let peers = node.with(|ledger, _| ledger.peers.clone()).await.unwrap();
            peers.iter().any(|peer| peer == "Incompatible")
        })
        .await;
    }
    nodes[0].emit(Note(5)).await.unwrap();
    until(&host, async || nodes[1].with(|ledger, _| ledger.total()).await.unwrap() == 1).await;
    assert_eq!(nodes[1].with(|ledger, _| ledger.rejected.len()).await.unwrap(), 0);
    other.stop().await.unwrap();
    stop(nodes).await;
}

async fn e47_a_failing_handler_is_told_to_its_own_node(host: Host) {
    let nodes = ledgers(&host, 2).await;
    nodes[0].emit(common::Fail { panic: false }).await.unwrap();
    nodes[0].emit(common::Fail { panic: true }).await.unwrap();
    nodes[0].emit(Note(1)).await.unwrap();
    until(&host, async || nodes[1].with(|ledger, _| ledger.total()).await.unwrap() == 1).await;
    let rejected = nodes[1].with(|ledger, _| ledger.rejected.clone()).await.unwrap();
    assert!(
        rejected[0].contains("told to fail") && rejected[1].contains("panicked: told to"),
        "{rejected:?}"
    );
    stop(nodes).await;
}

/// A late node hears nothing of what was before it, and all that comes after.
#[test]
fn a_late_node_without_a_state_starts_where_it_joined() {
    common::smol(async |host| {
        let first = devts::join((), Sizes::default()).runtime(host.clone()).await.unwrap();
        first.emit(blob(1)).await.unwrap();
        let late =
            devts::join(first.address(), Sizes::default()).runtime(host.clone()).must_join().await.unwrap();
        first.emit(blob(2)).await.unwrap();
        until(&host, async || late.with(|node, _| node.0.len()).await.unwrap() == 1).await;
        assert_eq!(late.with(|node, _| node.0.clone()).await.unwrap(), [2]);
        stop([late, first]).await;
    });
}
