//! One frame of each type, and the way to bytes and back that the tests of the wire share.

use bytes::Bytes;
use devts_proto::claim::{Claim, TypeEntry};
use devts_proto::wire::{DecodeError, Decoder, Frame, Hello, RefuseCode};
use devts_proto::{Life, NodeId};

/// The life that most samples speak of.
pub(crate) fn life() -> Life {
    Life { node: NodeId::new(0x1111).expect("not zero"), boot: 7 }
}

fn other_life() -> Life {
    Life { node: NodeId::new(0x2222).expect("not zero"), boot: 9 }
}

/// A dialer's greeting with every field set.
pub(crate) fn hello() -> Hello {
    Hello {
        min_version: 1,
        max_version: 3,
        features: 5,
        life: life(),
        incarnation: 2,
        revision: 4,
        joining: true,
        ready: true,
        expects: NodeId::new(0x2222),
        dial: 6,
        last_link: Some((life(), 5)),
        highest_boot: 0,
        address: "127.0.0.1:7000".parse().expect("an address"),
        kind: "kv".into(),
    }
}

/// An acceptor's greeting with every field empty that can be.
fn answer() -> Hello {
    Hello {
        min_version: 1,
        max_version: 1,
        features: 0,
        life: other_life(),
        incarnation: 0,
        revision: 1,
        joining: false,
        ready: false,
        expects: None,
        dial: 0,
        last_link: None,
        highest_boot: 8,
        address: "[2001:db8::1]:7001".parse().expect("an address"),
        kind: String::new(),
    }
}

fn claims() -> Vec<Claim> {
    let first = Claim {
        life: life(),
        incarnation: 1,
        revision: 2,
        left: false,
        ready: true,
        address: "127.0.0.1:7000".parse().expect("an address"),
        kind: "kv".into(),
        info: Bytes::from_static(b"hi"),
    };
    let second = Claim {
        life: other_life(),
        incarnation: 0,
        revision: 0,
        left: true,
        ready: false,
        address: "[2001:db8::1]:7001".parse().expect("an address"),
        kind: String::new(),
        info: Bytes::new(),
    };
    vec![first, second]
}

fn entries() -> Vec<TypeEntry> {
    let put = TypeEntry { name: "kv.put".into(), version: 1, shape: 0x0123_4567_89ab_cdef, codec: 0 };
    vec![put, TypeEntry { name: "x".into(), version: 2, shape: 1, codec: 0 }]
}

/// At least one frame of each type that a node sends.
pub(crate) fn frames() -> Vec<Frame> {
    let origin = life();
    let received = [5, 6, 7];
    let positions = vec![(origin, 10), (other_life(), 11)];
    vec![
        Frame::Hello(hello()),
        Frame::Hello(answer()),
        Frame::Refuse {
            reason: RefuseCode::ClusterFull,
            min_version: 1,
            max_version: 1,
            text: "64 of 64".into(),
        },
        Frame::Resume { down: Some(2), generation: 3, peer_generation: 4, received },
        Frame::Resume { down: None, generation: 3, peer_generation: 0, received: [0; 3] },
        Frame::Welcome { baseline: positions.clone(), donors: vec![other_life().node], last: true },
        Frame::Members(claims()),
        Frame::Types { origin, first: 3, entries: entries() },
        Frame::Have(positions),
        Frame::Want { origin, from: 12 },
        Frame::Run {
            origin,
            first: 12,
            count: 2,
            events: Bytes::from_static(b"\x02\0\0\0\x01\0ab\0\0\0\0\0\0"),
        },
        Frame::Fragment {
            origin,
            seq: 13,
            total: 200_000,
            offset: 65_472,
            bytes: Bytes::from_static(b"abc"),
        },
        Frame::Gap { origin, next: 14 },
        Frame::Stable { origin, upto: 15 },
        Frame::Credit { events: 1 << 20, calls: 2 << 20, bulk: 3 },
        Frame::Data { lane: 2, offset: 300, bytes: Bytes::from_static(b"call") },
        Frame::Ack { received: [1, 2, 300] },
        Frame::Heartbeat,
        Frame::Leave,
        Frame::Remembered(claims()),
    ]
}

/// The bytes of `frame`.
pub(crate) fn encode(frame: &Frame) -> Vec<u8> {
    let mut out = Vec::new();
    frame.encode(crc32c::crc32c_append, &mut out);
    out
}

/// A frame of this type with this body, whatever it is, with the right length and checksum.
pub(crate) fn seal(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = (body.len() as u32 + 5).to_le_bytes().to_vec();
    frame.push(tag);
    frame.extend_from_slice(body);
    let crc = crc32c::crc32c(&frame);
    frame.extend_from_slice(&crc.to_le_bytes());
    frame
}

/// A decoder whose peer is greeted.
pub(crate) fn greeted() -> Decoder {
    let mut decoder = Decoder::new(crc32c::crc32c_append);
    decoder.greeted();
    decoder
}

/// What `decoder` makes of these chunks, pushed one after the other: frames, then perhaps an error.
pub(crate) fn decode<C: Into<Bytes>>(
    mut decoder: Decoder,
    chunks: impl IntoIterator<Item = C>,
) -> (Vec<Frame>, Option<DecodeError>) {
    let mut frames = Vec::new();
    for chunk in chunks {
        decoder.push(chunk.into());
        loop {
            match decoder.next() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}
