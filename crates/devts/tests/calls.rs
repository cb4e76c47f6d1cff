//! `send`, `request` and `open`: to one node, in order, answered or told why not.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use common::{Count, Fail, Host, Ledger, Note, ledger, ledgers, life, stop, until};
use devts::{
    Channel, ChannelError, Context, Deferred, Event, Node, NodeHandle, NodeId, RequestError, SendError,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

on_every_host!(
    sends_arrive_in_order,
    sends_and_requests_share_one_order,
    nobody_is_told_nothing,
    requests_are_answered_or_told_why,
    a_request_has_a_deadline,
    later_answers,
    to_oneself,
    deadlocks_are_told,
    e47_a_slow_handler_holds_up_its_own_node_only,
    channels_go_both_ways,
    channels_end_with_a_reason,
);

async fn sends_arrive_in_order(host: Host) {
    let nodes = ledgers(&host, 2).await;
    let to = nodes[1].id();
    for number in 0..1000 {
        nodes[0].send(to, Note(number)).await.unwrap();
    }
    nodes[0].send(to, Note(1000)).delivered().await.unwrap();
    let origin = life(&nodes[0]);
    until(&host, async || nodes[1].with(move |ledger, _| ledger.of(origin).len()).await.unwrap() == 1001)
        .await;
    let notes = nodes[1].with(move |ledger, _| ledger.of(origin)).await.unwrap();
    assert_eq!(notes, (0..=1000).collect::<Vec<_>>());
    stop(nodes).await;
}

async fn sends_and_requests_share_one_order(host: Host) {
    let nodes = ledgers(&host, 2).await;
    let to = nodes[1].id();
    for number in 1..=50 {
        nodes[0].send(to, Note(number)).await.unwrap();
        assert_eq!(nodes[0].request(to, Count).await.unwrap(), number);
    }
    stop(nodes).await;
}

async fn nobody_is_told_nothing(host: Host) {
    let nodes = ledgers(&host, 1).await;
    let nobody = NodeId::new(1).unwrap();
    let error = nodes[0].send(nobody, Note(1)).await.unwrap_err();
    assert!(matches!(error, SendError::NotMember { to, .. } if to == nobody), "{error}");
    assert_eq!(error.into_event(), Some(Note(1)));
    let error = nodes[0].request(nobody, Count).await.unwrap_err();
    assert_eq!((error.peer(), error.is_retryable()), (Some(nobody), true));
    let error = nodes[0].open::<_, u8, u8>(nobody, Note(1)).await.unwrap_err();
    assert_eq!(error, ChannelError::NotMember { to: nobody });
    stop(nodes).await;
}

#[derive(Serialize, Deserialize, Event)]
#[event("test.untaken", reply = String)]
struct Untaken;

async fn requests_are_answered_or_told_why(host: Host) {
    let nodes = ledgers(&host, 2).await;
    let to = nodes[1].id();
    assert_eq!(nodes[0].request(to, Count).await, Ok(0));
    let error = nodes[0].request(to, Fail { panic: false }).await.unwrap_err();
    assert_eq!(error, RequestError::Remote { to, text: "told to fail".into() });
    let error = nodes[0].request(to, Fail { panic: true }).await.unwrap_err();
    assert_eq!(error, RequestError::Remote { to, text: "panicked: told to".into() });
    let error = nodes[0].request(to, Untaken).await.unwrap_err();
    assert_eq!(error, RequestError::NoHandler { to, name: "test.untaken" });
    assert_eq!(nodes[0].request(to, Count).await, Ok(0));
    stop(nodes).await;
}

/// Waits this long, then answers; or asks somebody else for it.
#[derive(Serialize, Deserialize, Event)]
#[event("test.wait", reply = u32)]
struct Wait {
    millis: u32,
    /// Asked in the turn, if not zero.
    ask: u64,
}

fn wait(millis: u32) -> Wait {
    Wait { millis, ask: 0 }
}

struct Waiter(Host);

#[devts::node("waiter")]
impl Node for Waiter {
    #[on]
    async fn wait(&mut self, event: Wait, cx: &mut Context<Self>) -> devts::Result<u32> {
        if let Some(other) = NodeId::new(event.ask) {
            let ask = Wait { millis: event.millis, ask: cx.id().get() };
            return Ok(cx.request(other, ask).timeout(Duration::from_secs(30)).await?);
        }
        self.0.sleep(Duration::from_millis(event.millis.into())).await;
        Ok(event.millis)
    }

    #[on]
    fn later(&mut self, event: Later, cx: &mut Context<Self>) -> Deferred<u32> {
        let (reply, later) = cx.defer();
        assert!(reply.is_awaited());
        match event {
            Later::Answer => {
                cx.spawn(async move { reply.send(7) });
            }
            Later::Fail => reply.fail(devts::Error::msg("later too")),
            Later::Drop => drop(reply),
        }
        later
    }
}

#[derive(Serialize, Deserialize, Event)]
#[event("test.later", reply = u32)]
enum Later {
    Answer,
    Fail,
    Drop,
}

async fn waiters(host: &Host, count: usize) -> Vec<NodeHandle<Waiter>> {
    let mut nodes = vec![devts::join((), Waiter(host.clone())).runtime(host.clone()).await.unwrap()];
    while nodes.len() < count {
        let seed = nodes[0].address();
        let node = devts::join(seed, Waiter(host.clone())).runtime(host.clone()).must_join();
        nodes.push(node.await.unwrap());
    }
    for node in &nodes {
        until(host, async || node.view().len() == count).await;
    }
    nodes
}

async fn a_request_has_a_deadline(host: Host) {
    let nodes = waiters(&host, 2).await;
    let (me, to) = (nodes[0].id(), nodes[1].id());
    for to in [to, me] {
        let error = nodes[0].request(to, wait(400)).timeout(Duration::from_millis(20)).await.unwrap_err();
        assert!(error.is_timeout() && error.to_string().contains("test.wait"), "{error}");
    }
    // The one that is not waited for does not run when its time has passed in the mailbox.
    assert_eq!(nodes[0].request(to, wait(1)).await, Ok(1));
    stop(nodes).await;
}

async fn later_answers(host: Host) {
    let nodes = waiters(&host, 2).await;
    for to in [nodes[0].id(), nodes[1].id()] {
        assert_eq!(nodes[0].request(to, Later::Answer).await, Ok(7));
        let error = nodes[0].request(to, Later::Fail).await.unwrap_err();
        assert_eq!(error, RequestError::Remote { to, text: "later too".into() });
        let error = nodes[0].request(to, Later::Drop).await.unwrap_err();
        assert_eq!(error, RequestError::Remote { to, text: "dropped without a reply".into() });
    }
    stop(nodes).await;
}

async fn to_oneself(host: Host) {
    let nodes = ledgers(&host, 1).await;
    let me = nodes[0].id();
    nodes[0].send(me, Note(1)).await.unwrap();
    nodes[0].send(me, Note(2)).delivered().await.unwrap();
    assert_eq!(nodes[0].request(me, Count).await, Ok(2));
    let error = nodes[0].request(me, Fail { panic: true }).await.unwrap_err();
    assert!(matches!(error, RequestError::Remote { .. }), "{error}");
    let error = nodes[0].request(me, Untaken).await.unwrap_err();
    assert_eq!(error, RequestError::NoHandler { to: me, name: "test.untaken" });
    stop(nodes).await;
}

async fn deadlocks_are_told(host: Host) {
    let nodes = waiters(&host, 2).await;
    let (a, b) = (nodes[0].id(), nodes[1].id());
    let to_itself = Wait { millis: 1, ask: b.get() };
    let error = nodes[0].request(b, to_itself).timeout(Duration::from_secs(30)).await.unwrap_err();
    assert!(matches!(&error, RequestError::Remote { text, .. } if text.contains("never end")), "{error}");
    // b's turn asks a, whose turn asks b.
    let in_a_circle = Wait { millis: 1, ask: a.get() };
    let error = nodes[0].request(b, in_a_circle).timeout(Duration::from_secs(30)).await.unwrap_err();
    assert!(matches!(&error, RequestError::Remote { text, .. } if text.contains("never end")), "{error}");
    let inside =
        nodes[0].call(move |_, cx| Box::pin(async move { cx.request(a, wait(1)).await })).await.unwrap();
    assert!(matches!(inside, Err(RequestError::Deadlock { .. })), "{inside:?}");
    let handle = nodes[0].clone();
    let inside =
        nodes[0].call(move |_, _| Box::pin(async move { handle.with(|_, _| ()).await })).await.unwrap();
    assert_eq!(inside, Err(devts::TurnError::Deadlock));
    assert_eq!(nodes[0].request(b, wait(1)).await, Ok(1));
    stop(nodes).await;
}

async fn e47_a_slow_handler_holds_up_its_own_node_only(host: Host) {
    let nodes = waiters(&host, 3).await;
    let (slow, quick) = (nodes[1].id(), nodes[2].id());
    let blocked = nodes[0].request(slow, wait(1500));
    let others = async {
        for _ in 0..100 {
            nodes[0].request(quick, wait(0)).await.unwrap();
        }
        host.now()
    };
    let stamped = async {
        assert_eq!(blocked.await, Ok(1500));
        host.now()
    };
    let (slow, quick) = futures_util::future::join(stamped, others).await;
    assert!(quick < slow, "the quick node's answers came while the slow one's turn ran");
    stop(nodes).await;
}

#[derive(Serialize, Deserialize, Event)]
#[event("test.echo")]
struct Echo {
    accept: bool,
}

struct Echoes;

#[devts::node("echoes")]
impl Node for Echoes {
    #[on]
    fn echo(&mut self, event: Echo, cx: &mut Context<Self>) -> devts::Result {
        if event.accept {
            let channel = cx.accept::<String, usize>()?;
            assert_eq!(cx.accept::<String, usize>().unwrap_err(), ChannelError::NotOpened);
            cx.spawn(async move {
                while let Ok(Some(text)) = channel.recv().await {
                    channel.send(text.len()).await.ok();
                }
                channel.close();
            });
        }
        Ok(())
    }
}

async fn echoes(host: &Host) -> (NodeHandle<Echoes>, NodeHandle<Ledger>) {
    let echoes = devts::join((), Echoes).runtime(host.clone()).await.unwrap();
    let node = ledger(host, echoes.address()).must_join().await.unwrap();
    (echoes, node)
}

async fn channels_go_both_ways(host: Host) {
    let (echoes, node) = echoes(&host).await;
    let channel: Channel<String, usize> = node.open(echoes.id(), Echo { accept: true }).await.unwrap();
    assert_eq!(channel.peer(), echoes.id());
    // More than a window's worth each way, so that credit is needed.
    let texts: Vec<usize> = (0..400).map(|number| number * 10).collect();
    let sending = async {
        for len in &texts {
            channel.send("x".repeat(*len)).await.unwrap();
        }
        channel.close();
    };
    let receiving = async {
        let mut lengths = Vec::new();
        while let Some(len) = channel.recv().await.unwrap() {
            lengths.push(len);
        }
        lengths
    };
    let ((), lengths) = futures_util::future::join(sending, receiving).await;
    assert_eq!(lengths, texts);
    assert_eq!(channel.send(String::new()).await, Err(ChannelError::Closed));
    node.stop().await.unwrap();
    echoes.stop().await.unwrap();
}

async fn channels_end_with_a_reason(host: Host) {
    let (echoes, node) = echoes(&host).await;
    let peer = echoes.id();
    let untaken: Channel<String, usize> = node.open(peer, Echo { accept: false }).await.unwrap();
    assert_eq!(untaken.recv().await, Err(ChannelError::NoHandler { peer }));
    let unknown: Channel<String, usize> = node.open(peer, Untaken).await.unwrap();
    assert_eq!(unknown.recv().await, Err(ChannelError::NoHandler { peer }));
    let error = node.open::<_, u8, u8>(node.id(), Untaken).await.unwrap_err();
    assert_eq!(error, ChannelError::Oneself);
    let other_types: Channel<u8, String> = node.open(peer, Echo { accept: true }).await.unwrap();
    other_types.send(200).await.unwrap();
    assert_eq!(other_types.recv().await, Err(ChannelError::PeerGone { peer }));
    let open: Channel<String, usize> = node.open(peer, Echo { accept: true }).await.unwrap();
    open.send("abc".into()).await.unwrap();
    assert_eq!(open.recv().await, Ok(Some(3)));
    echoes.stop().await.unwrap();
    assert_eq!(open.recv().await, Err(ChannelError::PeerGone { peer }));
    node.stop().await.unwrap();
}
