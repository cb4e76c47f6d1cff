//! State transfer over a session.

use crate::pair::{Pair, small};
use bytes::Bytes;
use devts_proto::call::StateRefusal;
use devts_proto::claim::Vector;
use devts_proto::session::{Incoming, Lane};
use devts_proto::{Life, NodeId};

fn vector() -> Vector {
    (1..5).map(|n| (Life { node: NodeId::new(n).expect("not zero"), boot: n * 7 }, n * 1_000_000)).collect()
}

fn state(len: usize) -> Bytes {
    (0..len).map(|n| (n * n / 251) as u8).collect()
}

#[test]
fn states_of_any_length_arrive_whole_over_links_that_are_cut() {
    for len in [0, 1, 256 << 10, (256 << 10) + 1, 5_000_000] {
        let mut pair = Pair::linked(&small());
        pair.session(0).ask_state(3, &vector(), true).unwrap();
        pair.settle();
        assert_eq!(pair.got(1), [Incoming::StateAsked { ask: 3, vector: vector(), merge: true }]);
        pair.session(1).give_state(3, vector(), state(len));
        for round in 0..40 {
            for at in [0, 1, 1] {
                pair.pump(at, 50_000, 3);
                for _ in 0..3 {
                    pair.deliver(at);
                }
            }
            if round % 5 == 4 {
                pair.link();
            }
        }
        pair.settle();
        assert_eq!(pair.got(0), [Incoming::StateGiven { ask: 3, vector: vector(), state: state(len) }]);
        pair.end(0);
        assert!(pair.ends[0].ended[0].asks.is_empty(), "it was answered");
    }
}

#[test]
fn a_state_is_held_once_and_written_as_it_goes() {
    let mut pair = Pair::linked(&small());
    pair.session(0).ask_state(3, &vector(), false).unwrap();
    pair.settle();
    pair.session(1).give_state(3, vector(), state(8 << 20));
    let mut sent = 0;
    while let Some((_, bytes)) = pair.session(1).transmit(Lane::Bulk, 1 << 16) {
        sent += bytes.len();
    }
    assert!(sent <= 1 << 20, "{sent} bytes went without an acknowledgement");
}

#[test]
fn refusals_and_answers_that_nobody_asked_for() {
    let mut pair = Pair::linked(&small());
    pair.session(0).ask_state(1, &vector(), false).unwrap();
    pair.settle();
    pair.session(1).give_state(2, vector(), state(10));
    pair.session(1).refuse_state(2, StateRefusal::NotReady);
    pair.session(1).refuse_state(1, StateRefusal::NotCovering);
    pair.session(1).give_state(1, vector(), state(10));
    pair.settle();
    assert_eq!(pair.got(0), [Incoming::StateRefused { ask: 1, why: StateRefusal::NotCovering }]);
}

#[test]
fn a_peer_may_ask_for_a_few_at_once() {
    let mut pair = Pair::linked(&small());
    for ask in 0..5 {
        pair.session(0).ask_state(ask, &vector(), false).unwrap();
    }
    pair.settle();
    assert_eq!(pair.got(1).len(), 4);
    assert_eq!(pair.got(0), [Incoming::StateRefused { ask: 4, why: StateRefusal::NotReady }]);
    for ask in 0..4 {
        pair.session(1).give_state(ask, vector(), state(300_000));
    }
    pair.settle();
    let asks: Vec<u64> = pair.got(0).iter().map(ask_given).collect();
    assert_eq!(asks, [0, 1, 2, 3]);
}

fn ask_given(incoming: &Incoming) -> u64 {
    match incoming {
        Incoming::StateGiven { ask, state: given, .. } if *given == state(300_000) => *ask,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_vector_of_more_lives_than_any_cluster_has_is_refused() {
    let mut pair = Pair::linked(&small());
    let many: Vector = (1..70_000).map(|n| (Life { node: NodeId::new(n).unwrap(), boot: 1 }, 1)).collect();
    assert!(pair.session(0).ask_state(1, &many, false).is_err());
    pair.session(0).ask_state(1, &vector(), false).unwrap();
    pair.settle();
    pair.session(1).give_state(1, many, state(10));
    pair.settle();
    assert_eq!(pair.got(0), [Incoming::StateRefused { ask: 1, why: StateRefusal::NotReady }]);
}
