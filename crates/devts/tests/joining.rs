//! Coming into a cluster: founders, seeds, and everything that is refused at start with a sentence that helps.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use common::{Host, Ledger, free_address, ledger, ledgers, stop, until};
use devts::{Config, Events, JoinError, Node, NodeId, Profile, Refusal, Security, StopError};
use serde::{Deserialize, Serialize};
use std::time::Duration;

on_every_host!(
    a_node_without_seeds_is_the_first,
    joins_through_any_node,
    founders_that_missed_each_other_merge,
    must_join_says_who_did_not_answer,
    a_dropped_join_leaves_nothing,
    faults_of_the_builder_are_named,
    a_port_in_use_is_told,
    only_loopback_is_bound_without_the_opt_out,
    the_hook_joined_can_refuse,
    a_full_cluster_says_so,
    the_younger_of_two_with_one_id_stays,
);

async fn a_node_without_seeds_is_the_first(host: Host) {
    let id = NodeId::new(7).unwrap();
    let node = ledger(&host, ()).node_id(id).await.unwrap();
    assert_eq!((node.id(), node.view().len()), (id, 1));
    assert!(node.address().ip().is_loopback() && node.address().port() > 0);
    until(&host, async || node.view()[0].ready).await;
    node.stop().await.unwrap();
}

async fn joins_through_any_node(host: Host) {
    let mut nodes = ledgers(&host, 2).await;
    nodes.push(ledger(&host, [nodes[1].address()]).must_join().await.unwrap());
    for node in &nodes {
        until(&host, async || node.view().len() == 3).await;
    }
    stop(nodes).await;
}

async fn founders_that_missed_each_other_merge(host: Host) {
    // Two ports that are free, most likely still in a moment.
    let (a, b) = (free_address(&host).await, free_address(&host).await);
    let first = ledger(&host, b).bind(a).await.unwrap();
    let second = ledger(&host, a).bind(b).await.unwrap();
    for node in [&first, &second] {
        until(&host, async || node.view().len() == 2).await;
    }
    stop([first, second]).await;
}

async fn must_join_says_who_did_not_answer(host: Host) {
    let seed = free_address(&host).await;
    let error = ledger(&host, seed).must_join().timeout(Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(&error, JoinError::NobodyAnswered { seeds, .. } if seeds[0] == seed.to_string()));
    assert!(error.is_timeout() && error.is_retryable());
}

async fn a_dropped_join_leaves_nothing(host: Host) {
    let free = free_address(&host).await;
    let joining = ledger(&host, 1).must_join().bind(free).into_future();
    let early = futures_util::future::select(joining, host.sleep(Duration::from_millis(50))).await;
    drop(early);
    until(&host, async || host.transport().listen(free).await.is_ok()).await;
}

#[derive(Serialize, Deserialize)]
struct Odd;

impl devts::Event for Odd {
    const NAME: &'static str = "Odd Name";
    type Reply = ();
}

#[derive(Default)]
struct Twice;

impl Node for Twice {
    fn kind() -> &'static str {
        "twice"
    }
    fn events(on: &mut Events<Self>) {
        on.event::<common::Note>();
        on.event::<common::Note>();
    }
}

impl devts::Handler<common::Note> for Twice {
    async fn handle(
        &mut self,
        _: common::Note,
        _: &mut devts::Context<Self>,
    ) -> devts::Result<devts::Answer<()>> {
        Ok(().into())
    }
}

async fn faults_of_the_builder_are_named(host: Host) {
    let error = ledger(&host, "nowhere").await.unwrap_err();
    assert!(matches!(error, JoinError::Address { what: "seeds", .. }), "{error}");
    let error = ledger(&host, ()).bind("no such host.invalid:1").await.unwrap_err();
    assert!(matches!(error, JoinError::Address { what: "bind", source: Some(_), .. }), "{error}");
    let error = ledger(&host, ()).advertise("x.invalid:1").await.unwrap_err();
    assert!(matches!(error, JoinError::Address { what: "advertise", .. }), "{error}");
    let mut config = Config::lan();
    config.engine.history = 0;
    let error = ledger(&host, ()).config(config).await.unwrap_err();
    assert!(error.to_string().contains("engine.history"), "{error}");
    let error = devts::join((), Twice).runtime(host.clone()).await.unwrap_err();
    assert!(matches!(&error, JoinError::Events(_)) && error.to_string().contains("test.note"), "{error}");
    let error = ledger(&host, ()).info(&"x".repeat(5000)).await.unwrap_err();
    assert!(matches!(error, JoinError::Info(_)), "{error}");
    let node = ledger(&host, ()).await.unwrap();
    let error = node.emit(Odd).await.unwrap_err();
    assert!(error.to_string().contains("Odd Name"), "{error}");
    node.stop().await.unwrap();
}

async fn a_port_in_use_is_told(host: Host) {
    let taken = ledger(&host, ()).await.unwrap();
    let error = ledger(&host, ()).bind(taken.address()).await.unwrap_err();
    assert!(matches!(error, JoinError::Bind { .. }) && error.to_string().contains("in use"), "{error}");
    taken.stop().await.unwrap();
}

async fn only_loopback_is_bound_without_the_opt_out(host: Host) {
    let error = ledger(&host, ()).bind("0.0.0.0:0").await.unwrap_err();
    assert!(matches!(error, JoinError::NotLoopback(_)), "{error}");
    assert!(error.to_string().contains("plaintext_i_accept_the_risk"), "{error}");
    let open = || ledger(&host, ()).bind("0.0.0.0:0").security(Security::plaintext_i_accept_the_risk());
    let error = open().await.unwrap_err();
    assert!(
        matches!(error, JoinError::Address { what: "advertise", .. }),
        "nobody can dial 0.0.0.0: {error}"
    );
    let node = open().advertise("127.0.0.1:9").profile(Profile::Lan).await.unwrap();
    assert_eq!(node.address().to_string(), "127.0.0.1:9");
    node.stop().await.unwrap();
}

struct Unwilling;

impl Node for Unwilling {
    fn kind() -> &'static str {
        "unwilling"
    }
    fn events(_: &mut Events<Self>) {}
    async fn joined(&mut self, _: &mut devts::Context<Self>) -> devts::Result {
        Err(devts::Error::msg("not today"))
    }
}

async fn the_hook_joined_can_refuse(host: Host) {
    let other = ledger(&host, ()).await.unwrap();
    let error = devts::join(other.address(), Unwilling).runtime(host.clone()).await.unwrap_err();
    assert!(matches!(&error, JoinError::Hook(error) if error.to_string() == "not today"));
    until(&host, async || other.view().len() == 1).await;
    let peers = other.with(|ledger: &mut Ledger, _| ledger.peers.clone()).await.unwrap();
    assert_eq!(peers.last().map(String::as_str), Some("Left"));
    other.stop().await.unwrap();
}

async fn a_full_cluster_says_so(host: Host) {
    let small = || {
        let mut config = Config::local();
        config.engine.max_members = 2;
        config
    };
    let first = ledger(&host, ()).config(small()).await.unwrap();
    let second = ledger(&host, first.address()).config(small()).must_join().await.unwrap();
    let error = ledger(&host, first.address()).config(small()).await.unwrap_err();
    assert!(matches!(error, JoinError::Refused { refusal: Refusal::ClusterFull, .. }), "{error}");
    assert!(error.is_retryable() && first.view().len() == 2);
    second.stop().await.unwrap();
    until(&host, async || first.view().len() == 1).await;
    let third = ledger(&host, first.address()).config(small()).must_join().await.unwrap();
    stop([third, first]).await;
}

async fn the_younger_of_two_with_one_id_stays(host: Host) {
    let first = ledger(&host, ()).await.unwrap();
    let id = NodeId::new(7).unwrap();
    let older = ledger(&host, first.address()).node_id(id).must_join().await.unwrap();
    let younger = ledger(&host, first.address()).node_id(id).must_join().await.unwrap();
    assert_eq!(older.stopped().await, Err(StopError::Superseded));
    until(&host, async || first.view().member(id).is_some_and(|member| member.address == younger.address()))
        .await;
    first.send(id, common::Note(1)).delivered().await.unwrap();
    assert_eq!(younger.with(|ledger: &mut Ledger, _| ledger.total()).await, Ok(1));
    stop([younger, first]).await;
}
