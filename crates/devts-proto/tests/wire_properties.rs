//! Properties of the wire over arbitrary frames: there and back at any split; and whatever is done to the bytes,
//! a typed answer, with no more memory than four times what came.

mod wire_samples;

use allocation_counter::measure;
use bytes::Bytes;
use core::net::{IpAddr, SocketAddr};
use devts_proto::claim::{Claim, TypeEntry};
use devts_proto::config::MAX_INFO;
use devts_proto::rng::Rng;
use devts_proto::wire::{DecodeError, Decoder, Frame, Hello, RefuseCode};
use devts_proto::{Life, NodeId};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use wire_samples::{decode, encode, frames, greeted, hello, life, seal};

fn node() -> impl Strategy<Value = NodeId> {
    (1..=u64::MAX).prop_map(|number| NodeId::new(number).expect("not zero"))
}

fn lives() -> impl Strategy<Value = Life> {
    (node(), any::<u64>()).prop_map(|(node, boot)| Life { node, boot })
}

fn address() -> impl Strategy<Value = SocketAddr> {
    (any::<IpAddr>(), any::<u16>()).prop_map(|(ip, port)| SocketAddr::new(ip, port))
}

fn text(most: usize) -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..most / 4).prop_map(|chars| chars.into_iter().collect())
}

fn bytes(sizes: core::ops::Range<usize>) -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), sizes).prop_map(Bytes::from)
}

fn greeting() -> impl Strategy<Value = Frame> {
    let who = (lives(), any::<u32>(), any::<u32>(), any::<bool>(), any::<bool>());
    let link = (option::of(node()), any::<u64>(), option::of((lives(), any::<u64>())), any::<u64>());
    let versions = (0..=1u16, 1..=u16::MAX, any::<u64>());
    (versions, who, link, address(), text(255)).prop_map(|(versions, who, link, address, kind)| {
        Frame::Hello(Hello {
            min_version: versions.0,
            max_version: versions.1,
            features: versions.2,
            life: who.0,
            incarnation: who.1,
            revision: who.2,
            joining: who.3,
            ready: who.4,
            expects: link.0,
            dial: link.1,
            last_link: link.2,
            highest_boot: link.3,
            address,
            kind,
        })
    })
}

fn claim() -> impl Strategy<Value = Claim> {
    let flags = (any::<bool>(), any::<bool>());
    (lives(), any::<u32>(), any::<u32>(), flags, address(), text(255), bytes(0..MAX_INFO / 4)).prop_map(
        |(life, incarnation, revision, (left, ready), address, kind, info)| Claim {
            life,
            incarnation,
            revision,
            left,
            ready,
            address,
            kind,
            info,
        },
    )
}

fn entry() -> impl Strategy<Value = TypeEntry> {
    ("[a-z0-9_.-]{1,64}", any::<u16>(), any::<u64>(), any::<u8>())
        .prop_map(|(name, version, shape, codec)| TypeEntry { name, version, shape, codec })
}

fn cluster_frame() -> impl Strategy<Value = Frame> {
    let positions = || vec((lives(), any::<u64>()), 0..20);
    let reason = prop::sample::select(&RefuseCode::ALL[..]);
    let refuse = (reason, any::<u16>(), any::<u16>(), text(255)).prop_map(
        |(reason, min_version, max_version, text)| Frame::Refuse { reason, min_version, max_version, text },
    );
    let resume = (option::of(any::<u32>()), any::<[u64; 5]>()).prop_map(|(down, [a, b, received @ ..])| {
        Frame::Resume { down, generation: a, peer_generation: b, received }
    });
    let welcome = (positions(), vec(node(), 0..20), any::<bool>())
        .prop_map(|(baseline, donors, last)| Frame::Welcome { baseline, donors, last });
    let types = (lives(), 0..=u16::MAX - 20, vec(entry(), 0..20))
        .prop_map(|(origin, first, entries)| Frame::Types { origin, first, entries });
    prop_oneof![
        greeting(),
        refuse,
        resume,
        welcome,
        vec(claim(), 0..4).prop_map(Frame::Members),
        vec(claim(), 0..4).prop_map(Frame::Remembered),
        types,
        positions().prop_map(Frame::Have),
    ]
}

fn stream_frame() -> impl Strategy<Value = Frame> {
    let run = (lives(), 1..=u64::MAX >> 1, 1..50u32, any::<u8>()).prop_map(|(origin, first, count, more)| {
        let events = vec![more; count as usize * 6 + usize::from(more)].into();
        Frame::Run { origin, first, count, events }
    });
    let fragment = (lives(), 1..=u64::MAX, 0..=u32::MAX - 600, bytes(1..300), 0..300u32).prop_map(
        |(origin, seq, offset, bytes, more)| {
            let total = offset + bytes.len() as u32 + more;
            Frame::Fragment { origin, seq, total, offset, bytes }
        },
    );
    let data = (0..3u8, 0..=u64::MAX - 300, bytes(0..300)).prop_map(|(lane, offset, bytes)| Frame::Data {
        lane,
        offset,
        bytes,
    });
    prop_oneof![
        run,
        fragment,
        data,
        (lives(), any::<u64>()).prop_map(|(origin, from)| Frame::Want { origin, from }),
        (lives(), any::<u64>()).prop_map(|(origin, next)| Frame::Gap { origin, next }),
        (lives(), any::<u64>()).prop_map(|(origin, upto)| Frame::Stable { origin, upto }),
        any::<[u64; 3]>().prop_map(|[events, calls, bulk]| Frame::Credit { events, calls, bulk }),
        any::<[u64; 3]>().prop_map(|received| Frame::Ack { received }),
        Just(Frame::Heartbeat),
        Just(Frame::Leave),
    ]
}

fn frame() -> impl Strategy<Value = Frame> {
    prop_oneof![cluster_frame(), stream_frame()]
}

/// Cuts `stream` at these places.
fn cut(stream: &[u8], places: Vec<prop::sample::Index>) -> Vec<Bytes> {
    let mut at: Vec<usize> = places.iter().map(|place| place.index(stream.len() + 1)).collect();
    at.extend([0, stream.len()]);
    at.sort_unstable();
    at.windows(2).map(|ends| Bytes::copy_from_slice(&stream[ends[0]..ends[1]])).collect()
}

/// Does something to some of the bytes: sets, flips, drops, doubles or moves.
fn mutate(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..1 + rng.below(4) {
        let at = rng.below(bytes.len() as u64 + 1) as usize;
        let upto = at + rng.below((bytes.len() - at) as u64 + 1).min(9) as usize;
        match rng.below(5) {
            0 => bytes[at..upto].fill(rng.next_u64() as u8),
            1 => bytes[at..upto].iter_mut().for_each(|byte| *byte ^= 1 << rng.below(8)),
            2 => drop(bytes.drain(at..upto)),
            3 => bytes.extend_from_within(at..upto),
            _ => bytes[at..upto].fill(0xff),
        }
    }
}

/// What the decoder makes of `chunks`, which must not take more than four times their memory.
fn decode_within(decoder: fn() -> Decoder, chunks: Vec<Bytes>) -> (Vec<Frame>, Option<DecodeError>) {
    let came: usize = chunks.iter().map(Bytes::len).sum();
    let mut most = 0;
    for frame_by_frame in [true, false] {
        let mut decoder = decoder();
        let used = measure(|| {
            for chunk in &chunks {
                decoder.push(chunk.clone());
                while let (true, Ok(Some(_))) = (frame_by_frame, decoder.next()) {}
            }
            while let Ok(Some(_)) = decoder.next() {}
        });
        most = most.max(used.bytes_max);
    }
    assert!(most <= 4 * came as u64 + 1024, "{most} bytes for {came}");
    decode(decoder(), chunks)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn every_frame_comes_back(frame in frame()) {
        let bytes = encode(&frame);
        for at in 0..=bytes.len().min(600) {
            let chunks = [bytes[..at].to_vec(), bytes[at..].to_vec()];
            prop_assert_eq!(decode(greeted(), chunks), (vec![frame.clone()], None));
        }
    }

    #[test]
    fn every_stream_comes_back_at_any_split(
        sent in vec(frame(), 0..20),
        places in vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let stream: Vec<u8> = sent.iter().flat_map(encode).collect();
        prop_assert_eq!(decode(greeted(), cut(&stream, places)), (sent, None));
    }

    #[test]
    fn damaged_frames_are_never_taken_for_others(sent in vec(frame(), 1..6), seed: u64) {
        let mut stream: Vec<u8> = sent.iter().flat_map(encode).collect();
        mutate(&mut stream, &mut Rng::new(seed));
        let (received, _) = decode_within(greeted, vec![stream.into()]);
        // Whole frames may have been dropped or doubled by the mutation; none may have been made up.
        prop_assert!(received.iter().all(|frame| sent.contains(frame)));
    }

    #[test]
    fn intact_frames_with_a_damaged_body_get_a_typed_answer(
        frame in frame(),
        seed: u64,
        places in vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let bytes = encode(&frame);
        let mut body = bytes[5..bytes.len() - 4].to_vec();
        mutate(&mut body, &mut Rng::new(seed));
        let sealed = seal(frame.tag(), &body);
        let (received, error) = decode_within(greeted, cut(&sealed, places));
        prop_assert_eq!(received.len() + usize::from(error.is_some()), 1);
        // What is accepted has one form only.
        for frame in received {
            prop_assert_eq!(decode(greeted(), [encode(&frame)]), (vec![frame], None));
        }
    }
}

fn fresh() -> Decoder {
    Decoder::new(crc32c::crc32c_append)
}

/// All that is said until both ends know each other.
fn handshake() -> Vec<Vec<u8>> {
    frames().iter().take(9).map(encode).collect()
}

/// A handshake with things done to it: to the stream, or inside a frame with the checksum made good again.
fn mutated_handshake(rng: &mut Rng) -> Vec<u8> {
    let mut handshake = handshake();
    if rng.below(2) == 0 {
        let at = rng.below(handshake.len() as u64) as usize;
        let frame = &handshake[at];
        let mut body = frame[5..frame.len() - 4].to_vec();
        mutate(&mut body, rng);
        handshake[at] = seal(frame[4], &body);
        handshake.concat()
    } else {
        let mut stream = handshake.concat();
        mutate(&mut stream, rng);
        stream
    }
}

#[test]
fn four_hundred_mutated_handshakes() {
    let mut rng = Rng::new(400);
    let (mut whole, mut refused) = (0, 0);
    for _ in 0..400 {
        let stream = mutated_handshake(&mut rng);
        let chunks: Vec<Bytes> =
            stream.chunks(1 + rng.below(200) as usize).map(Bytes::copy_from_slice).collect();
        let ungreeted = decode_within(fresh, chunks.clone());
        let (received, error) = decode_within(greeted, chunks);
        assert!(received.len() <= 12, "{received:?}");
        assert!(ungreeted.1.is_some() || ungreeted.0.len() >= received.len());
        if error.is_some() { refused += 1 } else { whole += 1 }
    }
    assert!(whole > 0 && refused > 200, "{whole} streams were taken, {refused} refused");
}

#[test]
fn a_handshake_left_alone_is_taken_whole() {
    let (received, error) = decode_within(greeted, handshake().into_iter().map(Bytes::from).collect());
    assert_eq!((received.len(), error), (9, None));
    assert_eq!(received[0], Frame::Hello(hello()));
    assert_eq!(hello().life, life());
}
