//! Two ends that end and resume sessions in any interleaving agree in the end, and each message is delivered at
//! most once, in order, and either delivered or told as failed.

use crate::pair::{Pair, calls, small};
use devts_proto::call::{Call, Outcome};
use devts_proto::id::RequestId;
use devts_proto::session::{Incoming, Lane, Resume, Session};
use devts_proto::time::Instant;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Op {
    Send(usize),
    Pump(usize),
    Deliver(usize),
    End(usize),
    Relink,
    Cut,
}

const OPS: [Op; 10] = [
    Op::Send(0),
    Op::Send(1),
    Op::Pump(0),
    Op::Pump(1),
    Op::Deliver(0),
    Op::Deliver(1),
    Op::End(0),
    Op::End(1),
    Op::Relink,
    Op::Cut,
];

struct Run {
    pair: Pair,
    sent: [u16; 2],
}

impl Run {
    fn new() -> Run {
        let mut pair = Pair::new(&small());
        pair.link();
        Run { pair, sent: [0; 2] }
    }

    fn perform(&mut self, op: Op) {
        match op {
            Op::Send(at) => {
                self.pair.session(at).send(self.sent[at], b"x", None).expect("few sends fit");
                self.sent[at] += 1;
            }
            Op::Pump(at) => self.pair.pump(at, 3, 2),
            Op::Deliver(at) => {
                self.pair.deliver(at);
            }
            Op::End(at) => self.pair.end(at),
            Op::Relink => self.pair.link(),
            Op::Cut => self.pair.cut(),
        }
    }

    fn check(mut self, ops: &[Op]) {
        if !self.pair.up {
            self.pair.link();
        }
        self.pair.settle();
        let (a, b) = (self.pair.ends[0].session.resume(), self.pair.ends[1].session.resume());
        let agree = a.generation == b.peer_generation && b.generation == a.peer_generation;
        assert!(agree, "{ops:?}: {a:?} {b:?}");
        for at in 0..2 {
            assert!(self.pair.ends[at].session.is_established(), "{ops:?}");
            assert!(self.pair.ends[at].session.is_flushed(), "{ops:?}");
            self.check_sends(at, ops);
        }
    }

    fn check_sends(&mut self, from: usize, ops: &[Op]) {
        let delivered: Vec<u16> = calls(&self.pair.ends[1 - from].got).into_iter().map(send_type).collect();
        assert!(delivered.is_sorted_by(|a, b| a < b), "{ops:?}: delivered {delivered:?}");
        let failed: Vec<u16> =
            self.pair.ends[from].ended.iter().flat_map(|ended| ended.types.clone()).collect();
        assert!(failed.is_sorted_by(|a, b| a < b), "{ops:?}: failed {failed:?}");
        for sent in 0..self.sent[from] {
            assert!(delivered.contains(&sent) || failed.contains(&sent), "{ops:?}: {sent} of {from} is lost");
        }
    }
}

fn send_type(call: Call) -> u16 {
    match call {
        Call::Send { ty, .. } => ty,
        other => panic!("only sends were sent: {other:?}"),
    }
}

/// Every sequence of five operations, from a link that has just come up and from a session in the middle.
#[test]
fn all_short_interleavings_agree() {
    let settled = [Op::Deliver(0), Op::Deliver(1), Op::Deliver(0), Op::Deliver(1), Op::Pump(0), Op::Pump(1)];
    for before in [&[][..], &settled[..2], &settled[..]] {
        for number in 0..OPS.len().pow(5) {
            let mut ops = before.to_vec();
            ops.extend((0..5u32).map(|digit| OPS[number / OPS.len().pow(digit) % OPS.len()]));
            let mut run = Run::new();
            ops.iter().for_each(|op| run.perform(*op));
            run.check(&ops);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn long_interleavings_agree(numbers in prop::collection::vec(0..OPS.len(), 0..120)) {
        let ops: Vec<Op> = numbers.into_iter().map(|number| OPS[number]).collect();
        let mut run = Run::new();
        ops.iter().for_each(|op| run.perform(*op));
        run.check(&ops);
    }
}

#[test]
fn first_contact_keeps_what_was_said_before() {
    let mut pair = Pair::new(&small());
    pair.session(0).send(7, b"early", Some(3)).unwrap();
    pair.link();
    pair.settle();
    assert_eq!(calls(&pair.got(1)).len(), 1);
    assert_eq!(pair.got(0), [Incoming::Delivered { receipt: 3 }]);
    assert!(pair.ends[0].ended.is_empty() && pair.ends[1].ended.is_empty());
}

#[test]
fn what_is_said_after_an_end_survives_that_the_peer_ended_too() {
    let mut pair = Pair::linked(&small());
    pair.cut();
    pair.session(0).send(1, b"old", Some(1)).unwrap();
    pair.end(0);
    pair.end(1);
    pair.session(0).send(2, b"new", Some(2)).unwrap();
    pair.link();
    pair.settle();
    assert_eq!(pair.ends[0].ended.len(), 1, "the peer's end told it nothing new");
    assert_eq!((&pair.ends[0].ended[0].types[..], &pair.ends[0].ended[0].receipts[..]), (&[1][..], &[1][..]));
    assert_eq!(calls(&pair.got(1)).into_iter().map(send_type).collect::<Vec<_>>(), [2]);
}

#[test]
fn an_end_fails_everything_and_the_peer_is_told() {
    let mut pair = Pair::linked(&small());
    let channel = pair.session(0).open(1, b"").unwrap();
    let request = ask(&mut pair);
    pair.session(0).ask_state(9, &Default::default(), false).unwrap();
    pair.settle();
    pair.session(0).send(3, b"", Some(4)).unwrap();
    pair.end(1);
    pair.settle();
    let ended = &pair.ends[0].ended[0];
    assert_eq!((&ended.types[..], &ended.receipts[..]), (&[3][..], &[4][..]));
    assert_eq!(
        (&ended.requests[..], &ended.channels[..], &ended.asks[..]),
        (&[request][..], &[channel][..], &[9][..])
    );
    assert_eq!(pair.ends[1].ended[0].channels.len(), 1);
    // An answer from a turn of the old session goes nowhere, and is not one to a new request.
    pair.session(1).reply(request, Outcome::Ok, b"late");
    assert!(pair.session(1).is_flushed());
    let again = ask(&mut pair);
    pair.session(1).reply(request, Outcome::Ok, b"late");
    pair.settle();
    assert!(again > request && pair.session(0).next_deadline().is_some());
    assert!(!pair.got(0).iter().any(|incoming| matches!(incoming, Incoming::Reply { .. })));
}

fn ask(pair: &mut Pair) -> RequestId {
    pair.session(0).request(Instant::ZERO, 2, b"", core::time::Duration::from_secs(1), None).expect("it fits")
}

/// A link may have been greeted before the session ended: what was said on it is said anew.
#[test]
fn who_is_spoken_to_by_an_old_number_says_the_new_one() {
    let mut session = Session::new(5, &small());
    let hear = |session: &mut Session, peer_generation| {
        let resume = Resume { generation: 6, peer_generation, received: [0; 3] };
        session.peer_resumed(resume, &mut Vec::new()).unwrap().say_again
    };
    assert!(hear(&mut session, 0), "now it knows the peer");
    assert!(!hear(&mut session, 5) && session.is_established());
    session.end();
    assert!(hear(&mut session, 5) && !session.is_established());
    let mine = session.resume().generation;
    assert!(!hear(&mut session, mine) && session.is_established());
}

#[test]
fn a_resume_may_be_older_than_an_acknowledgement() {
    let mut session = Session::new(5, &small());
    let resume = Resume { generation: 6, peer_generation: 5, received: [0; 3] };
    let _ = session.peer_resumed(resume, &mut Vec::new()).unwrap();
    session.granted(1000, 0);
    session.send(1, b"first", None).unwrap();
    assert_eq!(session.transmit(Lane::Calls, 100).unwrap().1.len(), 9);
    let _ = session.peer_resumed(resume, &mut Vec::new()).unwrap();
    session.acked([9, 0, 0], &mut Vec::new()).unwrap();
    assert!(session.transmit(Lane::Calls, 100).is_none(), "the peer has it");
    session.send(1, b"second", None).unwrap();
    assert_eq!(session.transmit(Lane::Calls, 100).unwrap().0, 9);
    // One that is older still starts where there is something left.
    let _ = session.peer_resumed(resume, &mut Vec::new()).unwrap();
    assert_eq!(session.transmit(Lane::Calls, 100).unwrap().0, 9);
}
