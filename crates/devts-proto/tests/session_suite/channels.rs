//! Channels: windows, half closes, aborts, from both ends at once.

use crate::pair::{Pair, calls, small};
use devts_proto::call::{Call, CallError, ChannelEnd};
use devts_proto::id::ChannelId;
use devts_proto::session::Incoming;

fn open(pair: &mut Pair, at: usize) -> (ChannelId, ChannelId) {
    let mine = pair.session(at).open(1, b"hello").expect("it fits");
    pair.settle();
    let got = pair.got(1 - at);
    let Some(Call::Open { channel, .. }) = calls(&got).pop() else { panic!("a channel was opened: {got:?}") };
    (mine, channel)
}

fn data(got: &[Incoming]) -> Vec<Vec<u8>> {
    let data = |incoming: &Incoming| match incoming {
        Incoming::ChannelData { body, .. } => Some(body.to_vec()),
        _ => None,
    };
    got.iter().filter_map(data).collect()
}

#[test]
fn both_ends_open_and_send_both_ways() {
    let mut pair = Pair::linked(&small());
    let (first, first_there) = open(&mut pair, 0);
    let (second, second_there) = open(&mut pair, 1);
    assert_eq!((first, second), (ChannelId(0), ChannelId(0)), "each counts its own");
    assert_eq!((first_there, second_there), (ChannelId(1), ChannelId(1)));
    pair.session(0).channel_send(first, b"a").unwrap();
    pair.session(0).channel_send(second_there, b"b").unwrap();
    pair.session(1).channel_send(first_there, b"c").unwrap();
    pair.settle();
    let channel_data = |channel, body: &'static [u8]| Incoming::ChannelData { channel, body: body.into() };
    assert_eq!(pair.got(1), [channel_data(first_there, b"a"), channel_data(second, b"b")]);
    assert_eq!(pair.got(0), [channel_data(first, b"c")]);
}

#[test]
fn a_window_fills_and_empties() {
    let mut pair = Pair::linked(&small());
    let (here, there) = open(&mut pair, 0);
    let mut sent = 0;
    while pair.session(0).channel_send(here, &[1; 1000]).is_ok() {
        sent += 1;
        pair.settle();
    }
    assert_eq!(sent, (32 << 10) / 1032);
    assert_eq!(data(&pair.got(1)).len(), sent);
    for _ in 0..sent / 2 + 1 {
        assert_eq!(pair.got(0), [], "half a window is worth telling, less is not");
        pair.session(1).channel_consumed(there, 1000);
        pair.settle();
    }
    assert_eq!(pair.got(0), [Incoming::ChannelRoom { channel: here }]);
    assert_eq!(pair.session(0).channel_send(here, &[1; 1000]), Ok(()));
}

#[test]
fn a_message_longer_than_the_window_passes_alone() {
    let mut pair = Pair::linked(&small());
    let (here, there) = open(&mut pair, 0);
    for _ in 0..3 {
        pair.session(0).channel_send(here, &[1; 100_000]).unwrap();
        assert_eq!(pair.session(0).channel_send(here, &[1; 100_000]), Err(CallError::Full));
        pair.settle();
        assert_eq!(data(&pair.got(1)).len(), 1);
        pair.session(1).channel_consumed(there, 100_000);
        pair.settle();
        assert_eq!(pair.got(0), [Incoming::ChannelRoom { channel: here }]);
    }
}

/// One that is taken does not stand for the empty ones behind it.
#[test]
fn empty_messages_behind_another_are_not_consumed_with_it() {
    let mut pair = Pair::linked(&small());
    let (here, there) = open(&mut pair, 0);
    pair.session(0).channel_send(here, b"x").unwrap();
    while pair.session(0).channel_send(here, b"").is_ok() {
        pair.settle();
    }
    pair.got(1);
    pair.session(1).channel_consumed(there, 1);
    pair.settle();
    assert_eq!(pair.got(0), []);
}

#[test]
fn empty_messages_are_bounded_too() {
    let mut pair = Pair::linked(&small());
    let (here, there) = open(&mut pair, 0);
    let mut sent = 0;
    while pair.session(0).channel_send(here, b"").is_ok() {
        sent += 1;
        pair.settle();
    }
    assert_eq!(sent, (32 << 10) / 32);
    for _ in 0..sent {
        pair.session(1).channel_consumed(there, 0);
    }
    pair.settle();
    assert!(pair.got(0).contains(&Incoming::ChannelRoom { channel: here }));
}

#[test]
fn a_lane_that_is_full_holds_a_channel_back_and_tells_it() {
    let mut pair = Pair::linked(&small());
    let (here, _) = open(&mut pair, 0);
    pair.cut();
    while pair.session(0).send(1, &[0; 1000], None).is_ok() {}
    assert_eq!(pair.session(0).channel_send(here, &[1; 1000]), Err(CallError::Full));
    pair.link();
    pair.settle();
    assert_eq!(pair.got(0), [Incoming::ChannelRoom { channel: here }]);
    assert!(pair.session(0).take_room());
}

#[test]
fn a_half_close_comes_after_the_data_and_leaves_the_other_half() {
    let mut pair = Pair::linked(&small());
    let (here, there) = open(&mut pair, 0);
    pair.session(0).channel_send(here, b"last").unwrap();
    pair.session(0).channel_close(here, ChannelEnd::Closed, false);
    pair.session(0).channel_close(here, ChannelEnd::Closed, false);
    assert_eq!(pair.session(0).channel_send(here, b"more"), Err(CallError::Closed));
    pair.settle();
    let got = pair.got(1);
    assert_eq!(data(&got), [b"last"]);
    assert_eq!(got[1..], [Incoming::ChannelClosed { channel: there, why: ChannelEnd::Closed }]);
    pair.session(1).channel_send(there, b"back").unwrap();
    pair.session(1).channel_close(there, ChannelEnd::Closed, false);
    pair.settle();
    let got = pair.got(0);
    assert_eq!(data(&got), [b"back"]);
    assert_eq!(got[1..], [Incoming::ChannelClosed { channel: here, why: ChannelEnd::Closed }]);
    assert_eq!(pair.session(1).channel_send(there, b"more"), Err(CallError::Closed));
}

#[test]
fn an_abort_ends_both_directions_and_what_was_under_way_is_ignored() {
    let mut pair = Pair::linked(&small());
    let (here, there) = open(&mut pair, 0);
    pair.session(0).channel_send(here, b"under way").unwrap();
    pair.session(1).channel_close(there, ChannelEnd::NoHandler, true);
    pair.settle();
    assert_eq!(pair.got(0), [Incoming::ChannelClosed { channel: here, why: ChannelEnd::NoHandler }]);
    assert_eq!(pair.got(1), []);
    assert_eq!(pair.session(1).counters().channel_messages_ignored, 1);
    for at in 0..2 {
        let channel = [here, there][at];
        assert_eq!(pair.session(at).channel_send(channel, b""), Err(CallError::Closed));
    }
}

#[test]
fn an_abort_may_overtake_the_opening() {
    let mut pair = Pair::linked(&small());
    let here = pair.session(0).open(1, b"hello").unwrap();
    pair.session(0).channel_send(here, b"data").unwrap();
    pair.session(0).channel_close(here, ChannelEnd::PeerGone, true);
    pair.pump(0, 1 << 16, 8);
    pair.ends[0].deliver_only(devts_proto::session::Lane::Replies);
    while pair.deliver(0) {}
    pair.link();
    pair.settle();
    assert_eq!(pair.got(1), [], "nobody hears of a channel that was given up");
    let (_, there) = open(&mut pair, 0);
    assert_eq!(there, ChannelId(3));
}

#[test]
fn a_peer_may_open_a_bounded_number() {
    let mut pair = Pair::linked(&small());
    let ids: Vec<ChannelId> = (0..1025)
        .map(|_| {
            pair.settle();
            pair.session(0).open(1, b"").unwrap()
        })
        .collect();
    pair.settle();
    assert_eq!(calls(&pair.got(1)).len(), 1024);
    assert_eq!(pair.got(0), [Incoming::ChannelClosed { channel: ids[1024], why: ChannelEnd::PeerGone }]);
    assert_eq!(pair.session(1).counters().channels_refused, 1);
    pair.session(0).channel_close(ids[0], ChannelEnd::PeerGone, true);
    pair.settle();
    open(&mut pair, 0);
}
