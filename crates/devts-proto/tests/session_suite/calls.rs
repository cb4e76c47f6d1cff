//! Sends, requests and their bounds.

use crate::pair::{Pair, calls, small};
use devts_proto::call::{Call, CallError, Outcome};
use devts_proto::id::RequestId;
use devts_proto::session::{Incoming, Lane, Wait};
use devts_proto::time::Instant;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn request(pair: &mut Pair, body: &[u8]) -> Result<RequestId, CallError> {
    let now = pair.now;
    pair.session(0).request(now, 1, body, SECOND, None)
}

fn requests(got: &[Incoming]) -> Vec<RequestId> {
    let request = |call| match call {
        Call::Request { request, .. } => Some(request),
        _ => None,
    };
    calls(got).into_iter().filter_map(request).collect()
}

fn replies(got: Vec<Incoming>) -> Vec<(RequestId, Outcome, Vec<u8>)> {
    let reply = |incoming| match incoming {
        Incoming::Reply { request, outcome, body } => Some((request, outcome, body.to_vec())),
        _ => None,
    };
    got.into_iter().filter_map(reply).collect()
}

#[test]
fn e18_too_large() {
    let max = small().max_message;
    let mut pair = Pair::linked(&small());
    let body = vec![7; max + 1];
    let refused = CallError::TooLarge { len: max + 1, max };
    assert_eq!(pair.session(0).send(1, &body, None), Err(refused));
    assert_eq!(request(&mut pair, &body), Err(refused));
    assert_eq!(pair.session(0).open(1, &body), Err(refused));
    assert!(
        pair.session(0).is_flushed() && pair.session(0).next_deadline().is_none(),
        "nothing is left of them"
    );

    // The longest there may be passes, though it is longer than both windows.
    pair.session(0).send(1, &body[..max], None).unwrap();
    let asked = request(&mut pair, b"long answer?");
    assert_eq!(asked, Err(CallError::Full));
    pair.settle();
    let asked = request(&mut pair, b"long answer?").unwrap();
    pair.settle();
    let came = calls(&pair.got(1));
    assert!(matches!(&came[0], Call::Send { body, .. } if body.len() == max));
    // A reply that is too long is an error to the asker, and it says why.
    pair.session(1).reply(asked, Outcome::Ok, &body);
    pair.settle();
    let answered = replies(pair.got(0));
    assert_eq!((answered.len(), answered[0].1), (1, Outcome::Remote));
    assert!(String::from_utf8_lossy(&answered[0].2).contains("longer"));
}

#[test]
fn e19_unknown_reply() {
    let mut pair = Pair::linked(&small());
    let [answered, cancelled, late] = [(); 3].map(|()| request(&mut pair, b"?").unwrap());
    pair.settle();
    pair.session(0).cancel(cancelled);
    pair.session(1).reply(answered, Outcome::Ok, b"!");
    pair.session(1).reply(answered, Outcome::Ok, b"again");
    pair.session(1).reply(RequestId(77), Outcome::Ok, b"to nothing");
    pair.session(1).reply(cancelled, Outcome::Ok, b"not wanted");
    let mut expired = Vec::new();
    let deadline = pair.session(0).next_deadline().unwrap();
    pair.session(0).expire(deadline - Duration::from_nanos(1), &mut expired);
    assert!(expired.is_empty());
    pair.session(0).expire(deadline, &mut expired);
    assert_eq!(expired, [answered, late], "both had the same deadline");
    pair.session(1).reply(late, Outcome::Ok, b"late");
    pair.settle();
    assert_eq!(replies(pair.got(0)), []);
    assert_eq!(pair.ends[0].session.counters().replies_ignored, 3);
    assert!(pair.session(0).next_deadline().is_none());
}

#[test]
fn e20_outstanding_requests() {
    let config = small();
    let mut pair = Pair::linked(&config);
    let (mut sent, mut came, mut busy) = (0, Vec::new(), 0);
    while sent < 100_000 {
        match request(&mut pair, b"0123456789abcdef") {
            Ok(_) => sent += 1,
            Err(CallError::Full) => {
                pair.settle();
                let got = pair.got(1);
                came.extend(requests(&got));
                busy +=
                    replies(pair.got(0)).iter().filter(|(_, outcome, _)| *outcome == Outcome::Busy).count();
                assert!(pair.session(0).take_room());
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    pair.settle();
    busy += replies(pair.got(0)).len();
    assert_eq!((came.len(), busy), (config.requests, 100_000 - config.requests));
    assert_eq!(pair.ends[1].session.counters().busy as usize, busy);
    // Each answer makes room for one.
    pair.session(1).reply(came[0], Outcome::NoHandler, b"");
    let [next, over] = [(); 2].map(|()| request(&mut pair, b"?").unwrap());
    pair.settle();
    assert_eq!(requests(&pair.got(1)), [next]);
    let answers: Vec<_> = replies(pair.got(0)).into_iter().map(|(id, outcome, _)| (id, outcome)).collect();
    assert_eq!(answers, [(came[0], Outcome::NoHandler), (over, Outcome::Busy)]);
}

/// A peer that takes no replies cannot make this end keep more and more of them.
#[test]
fn who_takes_no_answers_may_ask_no_more() {
    let config = small();
    let mut pair = Pair::linked(&config);
    let mut sent = 0u64;
    let mut idle = 0;
    while idle < 3 {
        idle += 1;
        while request(&mut pair, b"").is_ok() {
            sent += 1;
            idle = 0;
        }
        // Credit and acknowledgements flow to the asker, its acknowledgements do not flow back.
        pair.pump(0, 1 << 16, 64);
        pair.ends[0].drop_acks();
        while pair.deliver(0) || pair.turn(1) {}
        pair.pump(1, 1 << 16, 64);
        while pair.deliver(1) {}
    }
    let most = 3 * config.session as u64; // replies to a window of requests beyond the bound, 8 bytes or more each
    assert!(sent * 6 < most, "{sent} requests were answered and kept");
    pair.link();
    pair.settle();
    assert!(request(&mut pair, b"").is_ok(), "it goes on once it takes them");
}

#[test]
fn a_full_session_says_so_and_tells_when_there_is_room() {
    let config = small();
    let mut pair = Pair::new(&config);
    let mut accepted = 0;
    while pair.session(0).send(1, &[0; 1000], None).is_ok() {
        accepted += 1000;
        assert!(accepted <= config.session);
    }
    assert!(accepted > config.session * 9 / 10);
    assert!(!pair.session(0).take_room());
    assert!(!pair.session(0).is_flushed());
    pair.link();
    pair.settle();
    assert!(pair.session(0).take_room() && !pair.session(0).take_room());
    assert_eq!(calls(&pair.got(1)).len(), accepted / 1000);
}

#[test]
fn the_receivers_mailbox_bounds_what_is_sent() {
    let config = small();
    let mut pair = Pair::linked(&config);
    for _ in 0..10 {
        while pair.session(0).send(1, &[0; 5000], None).is_ok() {}
        for at in [0, 1, 0, 1] {
            pair.pump(at, 1 << 16, 64);
            while pair.deliver(at) {}
        }
        // What is in assembly when the window is full is admitted whole.
        assert!(pair.ends[1].session.unconsumed() <= config.receive_window + 5010);
    }
    assert!(pair.ends[1].session.unconsumed() > config.receive_window, "the window is used");
    // Replies pass all the same.
    let asked = pair.session(1).request(Instant::ZERO, 1, b"?", SECOND, None).unwrap();
    pair.pump(1, 1 << 16, 64);
    while pair.deliver(1) {}
    pair.session(0).reply(asked, Outcome::Ok, b"!");
    pair.pump(0, 1 << 16, 64);
    while pair.deliver(0) {}
    assert_eq!(replies(pair.got(1)).len(), 1);
}

#[test]
fn deadlines_are_carried_as_what_remains() {
    let mut pair = Pair::linked(&small());
    pair.session(0).request(Instant::ZERO, 1, b"", SECOND, None).unwrap();
    pair.now = Instant::from_origin(Duration::from_secs(1000)); // the other end's clock has another origin
    pair.settle();
    let Call::Request { deadline, .. } = calls(&pair.got(1))[0] else { panic!("a request was sent") };
    assert_eq!(deadline, pair.now + SECOND);
    assert_eq!(pair.session(0).next_deadline(), Some(Instant::ZERO + SECOND));
    // No deadline is too far to be carried.
    pair.session(0).request(Instant::NEVER, 1, b"", Duration::MAX, None).unwrap();
    pair.settle();
    let Call::Request { deadline, .. } = calls(&pair.got(1))[0] else { panic!("a request was sent") };
    assert_eq!(deadline, Instant::NEVER);
}

#[test]
fn who_waits_for_whom_can_be_followed() {
    let mut pair = Pair::linked(&small());
    let me = devts_proto::Life { node: devts_proto::NodeId::new(1).unwrap(), boot: 5 };
    let wait = Wait { serving: Some((me.node, RequestId(40))) };
    let asked = pair.session(0).request(Instant::ZERO, 1, b"", SECOND, Some(wait)).unwrap();
    pair.session(0).request(Instant::ZERO, 1, b"", SECOND, None).unwrap();
    assert_eq!(pair.session(0).waits().collect::<Vec<_>>(), [(asked, wait)]);
    assert_eq!(pair.session(0).wait(asked), Some(wait));
    pair.session(0).probe(me, 9, asked);
    assert!(pair.session(1).owes(asked), "on its way is owed");
    // The probe may overtake the request, which may wait for credit.
    pair.pump(0, 1 << 16, 1);
    pair.ends[0].deliver_only(Lane::Replies);
    while pair.deliver(0) {}
    assert_eq!(pair.got(1), [Incoming::Probe { initiator: me, wait: 9, request: asked }]);
    assert!(pair.session(1).owes(asked));
    pair.cut();
    pair.link();
    pair.settle();
    assert!(pair.session(1).owes(asked));
    pair.session(1).deferred(asked);
    assert!(!pair.session(1).owes(asked), "no turn has to end for it");
    pair.session(1).reply(asked, Outcome::Ok, b"");
    pair.settle();
    assert!(!pair.session(1).owes(asked));
    assert_eq!(pair.session(0).waits().count(), 0);
}
