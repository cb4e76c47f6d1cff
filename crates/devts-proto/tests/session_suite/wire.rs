//! The bytes of each message as they go over the wire: a change here is a change of the protocol. And that the
//! cuts between frames do not matter.

use crate::pair::{Pair, calls, small};
use bytes::Bytes;
use devts_proto::call::{ChannelEnd, Outcome, StateRefusal};
use devts_proto::claim::Vector;
use devts_proto::session::{Incoming, Lane, Session};
use devts_proto::time::Instant;
use devts_proto::{Life, NodeId, RequestId};
use std::time::Duration;

fn written(session: &mut Session, lane: Lane) -> String {
    let mut all = Vec::new();
    while let Some((_, bytes)) = session.transmit(lane, 1000) {
        all.extend_from_slice(bytes);
    }
    all.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn life() -> Life {
    Life { node: NodeId::new(0x0102).expect("not zero"), boot: 7 }
}

#[test]
fn calls_as_bytes() {
    let mut pair = Pair::linked(&small());
    let session = pair.session(0);
    session.send(0x0203, b"ab", None).unwrap();
    assert_eq!(written(session, Lane::Calls), "05 00 0302 6162".replace(' ', ""));
    session.request(Instant::ZERO, 0x0203, b"ab", Duration::from_micros(300), None).unwrap();
    assert_eq!(written(session, Lane::Calls), "08 01 01 0302 ac02 6162".replace(' ', ""));
    let channel = session.open(0x0203, b"ab").unwrap();
    assert_eq!(written(session, Lane::Calls), "09 02 00 0302 808002 6162".replace(' ', ""));
    session.channel_send(channel, b"ab").unwrap();
    assert_eq!(written(session, Lane::Calls), "04 03 00 6162".replace(' ', ""));
    session.channel_close(channel, ChannelEnd::Closed, false);
    assert_eq!(written(session, Lane::Calls), "02 04 00".replace(' ', ""));
}

#[test]
fn replies_as_bytes() {
    let mut pair = Pair::linked(&small());
    for _ in 0..4 {
        pair.session(0).request(Instant::ZERO, 1, b"", Duration::from_secs(1), None).unwrap();
    }
    let channel = pair.session(0).open(1, b"").unwrap();
    pair.session(0).channel_send(channel, &[0; 20_000]).unwrap();
    pair.session(0).ask_state(5, &Vector::new(), false).unwrap();
    pair.settle();
    let there = devts_proto::ChannelId(channel.0 | 1);
    let session = pair.session(1);
    for (id, outcome) in [(1, Outcome::Ok), (2, Outcome::NoHandler), (3, Outcome::Busy), (4, Outcome::Remote)]
    {
        session.reply(RequestId(id), outcome, b"ab");
    }
    let replies = "05 10 01 00 6162 05 10 02 01 6162 05 10 03 02 6162 05 10 04 03 6162";
    assert_eq!(written(session, Lane::Replies), replies.replace(' ', ""));
    session.probe(life(), 300, RequestId(2));
    let probe = "14 11 0201000000000000 0700000000000000 ac02 02";
    assert_eq!(written(session, Lane::Replies), probe.replace(' ', ""));
    session.channel_consumed(there, 20_000);
    assert_eq!(written(session, Lane::Replies), "05 12 01 c09c03".replace(' ', "")); // 32 Ki + 20 000 + 32
    session.channel_close(there, ChannelEnd::NoHandler, true);
    assert_eq!(written(session, Lane::Replies), "03 13 01 01".replace(' ', ""));
    session.ask_state(9, &[(life(), 300)].into(), true).unwrap();
    let ask = "16 14 09 01 01 0201000000000000 0700000000000000 ac02";
    assert_eq!(written(session, Lane::Replies), ask.replace(' ', ""));
    session.refuse_state(5, StateRefusal::NotReady);
    assert_eq!(written(session, Lane::Replies), "03 15 05 01".replace(' ', ""));
}

#[test]
fn states_as_bytes() {
    let mut pair = Pair::linked(&small());
    pair.session(0).ask_state(5, &Vector::new(), false).unwrap();
    pair.settle();
    pair.session(1).give_state(5, [(life(), 300)].into(), Bytes::from_static(b"abc"));
    let state = "16 20 05 03 01 0201000000000000 0700000000000000 ac02 04 21 616263";
    assert_eq!(written(pair.session(1), Lane::Bulk), state.replace(' ', ""));
}

/// Every split of the stream into two, and all of it a byte at a time, twice over.
#[test]
fn cuts_between_frames_do_not_matter() {
    let stream: Vec<u8> = {
        let mut pair = Pair::linked(&small());
        for len in [0usize, 1, 5, 200, 3] {
            pair.session(0).send(len as u16, &vec![7; len], None).unwrap();
        }
        let mut stream = Vec::new();
        while let Some((_, bytes)) = pair.session(0).transmit(Lane::Calls, 1000) {
            stream.extend_from_slice(bytes);
        }
        stream
    };
    let came = |pieces: &[(usize, usize)]| {
        let mut pair = Pair::linked(&small());
        let mut got = Vec::new();
        for &(from, to) in pieces {
            let bytes = Bytes::copy_from_slice(&stream[from..to]);
            pair.session(1).receive(Instant::ZERO, Lane::Calls, from as u64, bytes, &mut got).unwrap();
        }
        assert_eq!(pair.session(1).received()[0], stream.len() as u64);
        let cost: usize = got.iter().map(cost_of).sum();
        assert_eq!((cost, pair.session(1).unconsumed()), (stream.len(), stream.len()));
        calls(&got)
    };
    let whole = came(&[(0, stream.len())]);
    assert_eq!(whole.len(), 5);
    for cut in 0..=stream.len() {
        assert_eq!(came(&[(0, cut), (cut, stream.len())]), whole);
        assert_eq!(came(&[(0, cut), (cut / 2, stream.len())]), whole, "what is known already is skipped");
    }
    let bytes: Vec<(usize, usize)> = (0..stream.len()).flat_map(|n| [(n, n + 1), (n, n + 1)]).collect();
    assert_eq!(came(&bytes), whole);
}

fn cost_of(incoming: &Incoming) -> usize {
    match incoming {
        Incoming::Call { cost, .. } => *cost,
        _ => 0,
    }
}
