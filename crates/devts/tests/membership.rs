//! Who is there: views, searches, the stream of changes, what nodes tell of themselves, leaves.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use common::{Host, Ledger, ledger, ledgers, stop, until};
use devts::{InfoError, MembershipEvent, PeerEvent};

on_every_host!(
    views_and_searches_are_answered_from_memory,
    the_stream_has_no_gap,
    info_is_told_to_all,
    a_leave_is_no_failure,
    hooks_hear_of_those_who_come_later,
);

async fn views_and_searches_are_answered_from_memory(host: Host) {
    let nodes = ledgers(&host, 3).await;
    for node in &nodes {
        let view = node.view();
        assert!(view.is_sorted_by_key(|member| member.id));
        assert!(view.iter().all(|member| member.kind == "ledger"));
        let other = node.find_node(|member| member.id != node.id()).unwrap();
        assert_eq!(view.member(other.id), Some(&other));
        assert_eq!(node.find_node(|member| member.kind == "none"), None);
    }
    stop(nodes).await;
}

async fn the_stream_has_no_gap(host: Host) {
    let first = ledger(&host, ()).await.unwrap();
    let mut stream = first.membership();
    let Some(MembershipEvent::Snapshot(view)) = stream.next().await else { panic!("a snapshot comes first") };
    assert_eq!(view.len(), 1);
    let mut version = view.version();
    let second = ledger(&host, first.address()).must_join().await.unwrap();
    let id = second.id();
    second.stop().await.unwrap();
    let mut seen = Vec::new();
    while seen.last() != Some(&"left") {
        let Some(MembershipEvent::Changed { event, version: next }) = stream.next().await else {
            panic!("a change")
        };
        assert_eq!(next, version + 1);
        version = next;
        if event.id() == id {
            seen.push(match event {
                PeerEvent::Joined(_) => "joined",
                PeerEvent::Left(_) => "left",
                PeerEvent::Updated(_) => "updated",
                _ => "else",
            });
        }
    }
    assert_eq!((seen.first(), seen.contains(&"else")), (Some(&"joined"), false));
    first.stop().await.unwrap();
    while let Some(event) = stream.next().await {
        assert!(matches!(event, MembershipEvent::Changed { .. }));
    }
}

async fn info_is_told_to_all(host: Host) {
    let first = ledger(&host, ()).info(&("first", 1u32)).await.unwrap();
    let second = ledger(&host, first.address()).must_join().await.unwrap();
    let seen = || second.view().member(first.id()).and_then(|member| member.info::<(String, u32)>().ok());
    assert_eq!(seen(), Some(("first".into(), 1)));
    first.set_info(&("changed", 2u32)).unwrap();
    until(&host, async || seen() == Some(("changed".into(), 2))).await;
    let error = first.set_info(&"x".repeat(5000)).unwrap_err();
    assert!(matches!(error, InfoError::TooLarge { max: 4096, .. }));
    stop([first, second]).await;
}

async fn a_leave_is_no_failure(host: Host) {
    let mut nodes = ledgers(&host, 3).await;
    let leaver = nodes.pop().unwrap();
    leaver.stop().await.unwrap();
    for node in &nodes {
        until(&host, async || node.view().len() == 2).await;
        let peers = node.with(|ledger: &mut Ledger, _| ledger.peers.clone()).await.unwrap();
        assert!(peers.contains(&"Left".to_string()) && !peers.contains(&"Failed".to_string()), "{peers:?}");
    }
    stop(nodes).await;
}

async fn hooks_hear_of_those_who_come_later(host: Host) {
    let nodes = ledgers(&host, 2).await;
    until(&host, async || {
        let peers = nodes[0].with(|ledger, _| ledger.peers.clone()).await.unwrap();
        peers.contains(&"Joined".to_string())
    })
    .await;
    let peers = nodes[1].with(|ledger, _| ledger.peers.clone()).await.unwrap();
    assert!(!peers.contains(&"Joined".to_string()), "the first was there before: {peers:?}");
    stop(nodes).await;
}
