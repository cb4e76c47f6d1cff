//! What happens to a node that was left behind: its state comes from a peer, or it is told what it missed. Never silence.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use common::{Host, Ledger, Note, ledger, life, stop, until};
use devts::{Config, Context, Gap, Node, NodeHandle};
use futures_util::future::join;
use std::time::Duration;

on_every_host!(a_node_that_fell_behind_is_restored, a_node_without_a_state_is_told_what_it_missed);

/// Small buffers and little patience, so that a node falls behind quickly.
fn impatient() -> Config {
    let mut config = Config::local();
    config.engine.history = 1 << 20;
    config.engine.receive_window = 128 << 10;
    config.engine.slow_after = Duration::from_millis(100);
    config
}

const MANY: u64 = 400_000;

/// Emits far more than the history holds while one node's turn does not end, and lets it end.
async fn leave_behind<N: Node>(host: &Host, emitter: &NodeHandle<Ledger>, behind: &NodeHandle<N>) {
    let (let_go, gone) = gate();
    let blocked = behind.call(move |_, _| Box::pin(gone));
    let emitting = async {
        for number in 0..MANY {
            emitter.emit(Note(number)).include_self().await.unwrap();
        }
        until(host, async || emitter.stats().queued_events == 0).await;
        let_go();
    };
    join(blocked, emitting).await.0.unwrap();
}

/// A future, and what completes it.
fn gate() -> (impl FnOnce(), impl Future<Output = ()> + Send) {
    let (abort, registration) = futures_util::future::AbortHandle::new_pair();
    let pending = futures_util::future::Abortable::new(std::future::pending::<()>(), registration);
    (move || abort.abort(), async move {
        let _ended = pending.await;
    })
}

async fn a_node_that_fell_behind_is_restored(host: Host) {
    let first = ledger(&host, ()).config(impatient()).await.unwrap();
    let seed = first.address();
    let second = ledger(&host, seed).config(impatient()).must_join().await.unwrap();
    let behind = ledger(&host, seed).config(impatient()).must_join().await.unwrap();
    let origin = life(&first);
    leave_behind(&host, &first, &behind).await;
    until(&host, async || {
        behind.with(move |ledger, _| ledger.of(origin).last().copied()).await.unwrap() == Some(MANY - 1)
    })
    .await;
    let (restored, gaps, whole) = behind
        .with(move |ledger, _| {
            let whole = ledger.of(origin).iter().copied().eq(0..MANY);
            (ledger.restored, ledger.gaps.clone(), whole)
        })
        .await
        .unwrap();
    assert!(restored && gaps.is_empty() && whole, "restored: {restored}, {gaps:?}, whole: {whole}");
    stop([behind, second, first]).await;
}

/// Has no state to give; checks that numbers and gaps together leave nothing out.
#[derive(Default)]
struct Listener {
    heard: u64,
    missed: u64,
    wrong: Vec<String>,
}

#[devts::node("listener")]
impl Node for Listener {
    #[on]
    fn note(&mut self, Note(number): Note) {
        if number != self.heard + self.missed {
            self.wrong.push(format!("{number} after {} and {}", self.heard, self.missed));
        }
        self.heard += 1;
    }

    async fn gap(&mut self, gap: Gap, cx: &mut Context<Self>) {
        assert_eq!(gap.origin, cx.origin());
        self.missed += gap.last - gap.first + 1;
    }
}

async fn a_node_without_a_state_is_told_what_it_missed(host: Host) {
    let first = ledger(&host, ()).config(impatient()).await.unwrap();
    let behind = devts::join(first.address(), Listener::default()).runtime(host.clone()).config(impatient());
    let behind = behind.must_join().await.unwrap();
    leave_behind(&host, &first, &behind).await;
    until(&host, async || behind.with(|node, _| node.heard + node.missed).await.unwrap() == MANY).await;
    let (missed, wrong) = behind.with(|node, _| (node.missed, node.wrong.clone())).await.unwrap();
    assert!(missed > 0 && wrong.is_empty(), "missed {missed}, {wrong:?}");
    behind.stop().await.unwrap();
    first.stop().await.unwrap();
}
