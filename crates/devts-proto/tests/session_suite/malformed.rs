//! Peers that break the rules: a typed error, never a panic, and the session takes nothing more.

use crate::pair::{Frame, Pair, small};
use bytes::Bytes;
use devts_proto::codec::{CodecError, put_varint};
use devts_proto::session::{Lane, Resume, Session, SessionError};
use devts_proto::time::Instant;
use proptest::prelude::*;

/// A session that has just met its peer and told its credit.
fn met() -> Session {
    let mut session = Session::new(5, &small());
    let resume = Resume { generation: 6, peer_generation: 5, received: [0; 3] };
    let _ = session.peer_resumed(resume, &mut Vec::new()).expect("it is linked, and its peer behaves");
    session.take_credit();
    session
}

fn receive(session: &mut Session, lane: Lane, offset: u64, bytes: &[u8]) -> Result<(), SessionError> {
    session.receive(Instant::ZERO, lane, offset, Bytes::copy_from_slice(bytes), &mut Vec::new())
}

fn message(bytes: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    put_varint(&mut message, bytes.len() as u64);
    message.extend_from_slice(bytes);
    message
}

#[test]
fn each_rule_has_its_error() {
    let invalid = |what| SessionError::Message(CodecError::Invalid(what));
    let cases: [(Lane, &[u8], SessionError); 17] = [
        (Lane::Calls, &[0], invalid("message length")),
        (Lane::Calls, &[0xff; 10], invalid("message length")),
        (
            Lane::Calls,
            &[0xff, 0xff, 0xff, 0x7f],
            SessionError::TooLarge { len: 0xfff_ffff, max: (300 << 10) + 64 },
        ),
        (Lane::Bulk, &[0xff, 0xff, 0xff, 0x7f], SessionError::TooLarge { len: 0xfff_ffff, max: 1 << 20 }),
        (Lane::Calls, &[1, 16], invalid("tag of a call")),
        (Lane::Replies, &[1, 0], invalid("tag of a reply")),
        (Lane::Bulk, &[1, 0], invalid("tag of a state")),
        (Lane::Calls, &[2, 0, 1], SessionError::Message(CodecError::Truncated)),
        (Lane::Calls, &[3, 4, 1, 1], SessionError::Message(CodecError::Trailing)),
        (Lane::Calls, &[5, 1, 1, 0, 0, 0, 5, 1, 1, 0, 0, 0], invalid("request id")),
        (Lane::Calls, &[5, 2, 1, 0, 0, 0], invalid("channel")), // of this end's, by its number
        (Lane::Calls, &[3, 3, 0, 0], invalid("channel")),       // never opened
        (Lane::Replies, &[4, 16, 1, 9, 0], invalid("outcome")),
        (Lane::Replies, &[3, 19, 0, 0], invalid("channel end")),
        (Lane::Replies, &[3, 21, 0, 0], invalid("state ask")),
        (Lane::Replies, &[5, 20, 0, 0, 0xff, 1], invalid("vector")),
        (Lane::Bulk, &[2, 33, 0], invalid("state piece")),
    ];
    for (lane, bytes, error) in cases {
        let mut session = met();
        assert_eq!(receive(&mut session, lane, 0, bytes), Err(error), "{lane:?} {bytes:?}");
        assert_eq!(receive(&mut session, Lane::Replies, 0, b""), Err(error), "it stays broken");
        assert!(!error.to_string().is_empty());
        session.end();
        assert_eq!(receive(&mut session, lane, 0, bytes), Ok(()), "of a session that is over: ignored");
    }
}

#[test]
fn offsets_credit_and_acknowledgements_that_cannot_be() {
    assert_eq!(receive(&mut met(), Lane::Calls, 1, b"x"), Err(SessionError::Gap));
    assert_eq!(receive(&mut met(), Lane::Replies, u64::MAX, b"x"), Err(SessionError::Gap));
    let credit = small().receive_window;
    let many = message(&[0; 100]).repeat(credit / 101 + 1);
    assert_eq!(receive(&mut met(), Lane::Calls, 0, &many), Err(SessionError::Credit));
    assert_eq!(receive(&mut met(), Lane::Calls, 0, &many[..credit]), Ok(()));
    assert_eq!(met().acked([0, 1, 0], &mut Vec::new()), Err(SessionError::Acknowledgement));
    let mut session = met();
    let mut resume = |generation, peer_generation, received| {
        session.peer_resumed(Resume { generation, peer_generation, received }, &mut Vec::new())
    };
    assert_eq!(resume(0, 5, [0; 3]), Err(SessionError::Resume));
    assert_eq!(resume(6, 5, [1, 0, 0]), Err(SessionError::Acknowledgement));
}

/// A state that nobody asked for, one that is longer than it said, one inside another.
#[test]
fn states_that_lie() {
    let head = |ask, len| message(&[32, ask, len, 0]);
    let asking = || {
        let mut session = met();
        session.ask_state(1, &Default::default(), false).unwrap();
        session.ask_state(2, &Default::default(), false).unwrap();
        session
    };
    let invalid = |what| Err(SessionError::Message(CodecError::Invalid(what)));
    assert_eq!(receive(&mut asking(), Lane::Bulk, 0, &head(3, 1)), invalid("state head"));
    let nested = [head(1, 5), head(2, 5)].concat();
    assert_eq!(receive(&mut asking(), Lane::Bulk, 0, &nested), invalid("state head"));
    let longer = [head(1, 5), message(b"\x21123456")].concat();
    assert_eq!(receive(&mut asking(), Lane::Bulk, 0, &longer), invalid("state piece"));
    let mut endless = vec![32, 1];
    put_varint(&mut endless, u64::MAX);
    endless.push(0);
    assert_eq!(receive(&mut asking(), Lane::Bulk, 0, &message(&endless)), invalid("state head"));
}

/// Frames of a good peer, one of them changed.
fn changed(at: usize, to: u8, which: usize) {
    let mut pair = Pair::linked(&small());
    let now = Instant::ZERO;
    pair.session(1).request(now, 1, b"question", core::time::Duration::from_secs(1), None).expect("it fits");
    pair.session(0).request(now, 1, b"question", core::time::Duration::from_secs(1), None).expect("it fits");
    pair.session(0).ask_state(1, &Default::default(), false).expect("it fits");
    pair.settle();
    let channel = pair.session(1).open(3, b"channel").expect("it fits");
    pair.session(1).channel_send(channel, b"data").expect("it fits");
    pair.session(1).reply(devts_proto::RequestId(1), devts_proto::call::Outcome::Ok, b"answer");
    pair.session(1).give_state(1, Default::default(), Bytes::from_static(b"state"));
    pair.pump(1, 7, 100);
    let frames = &mut pair.ends[1].frames();
    let data = |frame: &&mut Frame| matches!(frame, Frame::Data(..));
    let count = frames.iter_mut().filter(data).count();
    if let Some(Frame::Data(_, _, bytes)) = frames.iter_mut().filter(data).nth(which % count) {
        let mut other = bytes.to_vec();
        let len = other.len();
        other[at % len] = to;
        *bytes = other.into();
    }
    for frame in frames.drain(..) {
        if let Frame::Data(lane, offset, bytes) = frame {
            let _ = pair.session(0).receive(now, lane, offset, bytes, &mut Vec::new());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_changed_byte_does_no_harm(at in 0..7usize, to: u8, which in 0..100usize) {
        changed(at, to, which);
    }

    #[test]
    fn random_bytes_do_no_harm(frames in prop::collection::vec((0..3u8, prop::collection::vec(any::<u8>(), 0..60)), 0..20)) {
        let mut session = met();
        session.ask_state(0, &Default::default(), false).unwrap();
        session.open(0, b"").unwrap();
        for (lane, bytes) in frames {
            let lane = Lane::from_number(lane).unwrap();
            let offset = session.received()[lane as usize];
            let _ = receive(&mut session, lane, offset, &bytes);
        }
    }

    /// Random fields behind a right length and a right tag reach further.
    #[test]
    fn random_fields_do_no_harm(messages in prop::collection::vec((0..13usize, prop::collection::vec(0..4u8, 0..30)), 0..30)) {
        const TAGS: [(Lane, u8); 13] = [
            (Lane::Calls, 0), (Lane::Calls, 1), (Lane::Calls, 2), (Lane::Calls, 3), (Lane::Calls, 4),
            (Lane::Replies, 16), (Lane::Replies, 17), (Lane::Replies, 18), (Lane::Replies, 19), (Lane::Replies, 20),
            (Lane::Replies, 21), (Lane::Bulk, 32), (Lane::Bulk, 33),
        ];
        let mut session = met();
        session.ask_state(0, &Default::default(), false).unwrap();
        session.open(0, b"").unwrap();
        for (which, mut fields) in messages {
            let (lane, tag) = TAGS[which];
            fields.insert(0, tag);
            let offset = session.received()[lane as usize];
            let _ = receive(&mut session, lane, offset, &message(&fields));
        }
    }
}
