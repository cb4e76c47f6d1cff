//! Lists longer than a frame, runs written in place, and what decoding costs: frames that fit, nothing lost,
//! no copy and no allocation where there need be none.

mod wire_samples;

use allocation_counter::measure;
use bytes::Bytes;
use devts_proto::claim::{Claim, TypeEntry, Vector, put_event_header};
use devts_proto::config::{MAX_CLAIMS, MAX_FRAME, MAX_INFO, MAX_NAME, MAX_RUN};
use devts_proto::wire::{self, Frame};
use devts_proto::{Life, NodeId};
use wire_samples::{decode, encode, frames, greeted, hello, life, seal};

const CRC: devts_proto::checksum::Checksum = crc32c::crc32c_append;

/// The frames in `bytes`, none of which may be longer than a peer takes.
fn all(bytes: Vec<u8>) -> Vec<Frame> {
    let (frames, error) = decode(greeted(), [bytes]);
    assert_eq!(error, None);
    frames
}

fn lives(count: u64) -> impl ExactSizeIterator<Item = Life> {
    (1..count as usize + 1)
        .map(|n| Life { node: NodeId::new(n as u64).expect("not zero"), boot: n as u64 + 1 })
}

#[test]
fn a_long_vector_is_split() {
    let fit = (MAX_FRAME - 64) / 24; // a life and a number each
    for count in [0, 1, fit as u64 - 1, fit as u64, fit as u64 + 1, 10_000] {
        let vector: Vector = lives(count).map(|life| (life, life.boot * 3)).collect();
        let mut out = Vec::new();
        wire::encode_have(CRC, &mut out, vector.iter().map(|(life, seq)| (*life, *seq)));
        let frames = all(out);
        assert_eq!(frames.len(), vector.len().div_ceil(fit).max(1));
        let have = |frame| if let Frame::Have(have) = frame { have } else { panic!("{frame:?}") };
        assert_eq!(frames.into_iter().flat_map(have).collect::<Vector>(), vector);
    }
}

#[test]
fn a_long_welcome_is_split_and_its_last_frame_says_so() {
    for (origins, donors) in [(0, 0), (1, 63), (5000, 3), (3, 5000), (9000, 9000)] {
        let baseline: Vec<_> = lives(origins).map(|life| (life, 7)).collect();
        let donors: Vec<_> = lives(donors).map(|life| life.node).collect();
        let mut out = Vec::new();
        wire::encode_welcome(CRC, &mut out, baseline.iter().copied(), &donors);
        let (mut all_baseline, mut all_donors, mut lasts) = (vec![], vec![], vec![]);
        for frame in all(out) {
            let Frame::Welcome { baseline, donors, last } = frame else { panic!("{frame:?}") };
            all_baseline.extend(baseline);
            all_donors.extend(donors);
            lasts.push(last);
        }
        assert_eq!((all_baseline, all_donors), (baseline, donors));
        assert_eq!(lasts.iter().position(|last| *last), Some(lasts.len() - 1));
    }
}

fn longest_claim(life: Life) -> Claim {
    Claim {
        life,
        incarnation: u32::MAX,
        revision: u32::MAX,
        left: true,
        ready: true,
        address: "[ffff::ffff]:65535".parse().expect("an address"),
        kind: "k".repeat(MAX_NAME),
        info: vec![7; MAX_INFO].into(),
    }
}

#[test]
fn many_claims_are_split_by_count_and_by_bytes() {
    let short = |life| Claim { info: Bytes::new(), kind: "kv".into(), ..longest_claim(life) };
    let long: Vec<_> = lives(200).map(longest_claim).collect();
    for (claims, most) in [(long, 14), (lives(200).map(short).collect(), MAX_CLAIMS), (vec![], 0)] {
        let mut out = Vec::new();
        Frame::Members(claims.clone()).encode(CRC, &mut out);
        let frames = all(out);
        let members = |frame| if let Frame::Members(claims) = frame { claims } else { panic!("{frame:?}") };
        let pieces: Vec<Vec<Claim>> = frames.into_iter().map(members).collect();
        assert_eq!(pieces.iter().map(Vec::len).max(), Some(most));
        assert_eq!(pieces.concat(), claims);
    }
}

#[test]
fn a_long_type_table_is_split_and_its_indices_go_on() {
    let entry = |n: usize| TypeEntry { name: format!("{n:064}"), version: 1, shape: n as u64, codec: 0 };
    let entries: Vec<_> = (0..5000).map(entry).collect();
    let first = u16::MAX - 4999;
    let mut out = Vec::new();
    wire::encode_types(CRC, &mut out, life(), first, &entries);
    let mut received = Vec::new();
    for frame in all(out) {
        let Frame::Types { origin, first: at, entries } = frame else { panic!("{frame:?}") };
        assert_eq!((origin, usize::from(at)), (life(), usize::from(first) + received.len()));
        received.extend(entries);
    }
    assert_eq!(received, entries);
}

#[test]
fn a_list_in_a_frame_is_split_too() {
    let claims: Vec<_> = lives(100).map(longest_claim).collect();
    let pieces = all(encode(&Frame::Members(claims.clone()))).into_iter().flat_map(|frame| match frame {
        Frame::Members(claims) => claims,
        other => panic!("{other:?}"),
    });
    assert_eq!(pieces.collect::<Vec<_>>(), claims);
    let welcome = Frame::Welcome { baseline: vec![], donors: vec![life().node], last: false };
    assert_eq!(all(encode(&welcome)), [welcome]);
}

/// As many events of `body` bytes as a run may hold.
fn full_run(body: usize) -> (u32, Vec<u8>) {
    let (mut count, mut events) = (0, Vec::new());
    while events.len() + 6 + body <= MAX_RUN {
        put_event_header(&mut events, body as u32, 3);
        events.resize(events.len() + body, 0xab);
        count += 1;
    }
    (count, events)
}

#[test]
fn a_run_written_in_place_is_the_run_written_at_once() {
    let (count, events) = full_run(16);
    let (mut at_once, mut in_place) = (b"before".to_vec(), b"before".to_vec());
    wire::encode_run(CRC, &mut at_once, life(), 12, count, &events);
    let run = wire::begin_run(&mut in_place, life(), 12);
    events.chunks(22).for_each(|event| in_place.extend_from_slice(event));
    run.finish(CRC, &mut in_place, count);
    assert_eq!(at_once, in_place);
    assert!(at_once.len() - 10 <= MAX_FRAME);
    let run = Frame::Run { origin: life(), first: 12, count, events: events.into() };
    assert_eq!(all(at_once.split_off(6)), [run]);
}

#[test]
fn the_longest_frames_fit() {
    let bytes = vec![1; MAX_RUN];
    let mut out = Vec::new();
    wire::encode_run(CRC, &mut out, life(), 1, 1, &bytes);
    wire::encode_fragment(CRC, &mut out, life(), 1, u32::MAX, 5, &bytes);
    wire::encode_data(CRC, &mut out, 2, 1 << 40, &bytes);
    assert_eq!(all(out).len(), 3);
    let mut longest = hello();
    longest.kind = "k".repeat(MAX_NAME);
    longest.address = "[ffff::ffff]:65535".parse().expect("an address");
    let longest = Frame::Hello(longest);
    let decoder = devts_proto::wire::Decoder::new(CRC);
    assert_eq!(decode(decoder, [encode(&longest)]), (vec![longest], None));
    assert_eq!(all(seal(0xC0, &[0; MAX_FRAME - 5])), [Frame::Skipped(0xC0)]);
}

#[test]
fn what_lies_in_one_chunk_is_not_copied() {
    let (count, events) = full_run(64);
    let mut out = encode(&Frame::Heartbeat);
    wire::encode_run(CRC, &mut out, life(), 1, count, &events);
    wire::encode_data(CRC, &mut out, 0, 0, &events);
    wire::encode_fragment(CRC, &mut out, life(), 2, 1 << 20, 0, &events);
    let chunk = Bytes::from(out);
    let (frames, error) = decode(greeted(), [chunk.clone()]);
    assert_eq!((frames.len(), error), (4, None));
    for frame in &frames[1..] {
        let (Frame::Run { events: bytes, .. } | Frame::Data { bytes, .. } | Frame::Fragment { bytes, .. }) =
            frame
        else {
            panic!("{frame:?}")
        };
        assert!(chunk.as_ptr_range().contains(&bytes.as_ptr()));
    }
}

#[test]
fn claims_do_not_keep_what_was_received_alive() {
    let members = frames().into_iter().find(|frame| matches!(frame, Frame::Members(_))).unwrap();
    let chunk = Bytes::from(encode(&members));
    assert_eq!(decode(greeted(), [chunk.clone()]), (vec![members], None));
    assert!(chunk.is_unique());
}

#[test]
fn frames_without_lists_and_texts_allocate_nothing() {
    let lean = |frame: &Frame| {
        let tag = frame.tag();
        (8..18).contains(&tag) || tag == 3
    };
    let lean: Vec<Frame> = frames().into_iter().filter(lean).collect();
    let chunk = Bytes::from(lean.iter().flat_map(encode).collect::<Vec<u8>>());
    let _shared = chunk.clone(); // What counts the owners is allocated with the first clone.
    let mut decoder = greeted();
    let mut count = 0;
    let used = measure(|| {
        decoder.push(chunk.clone());
        while let Ok(Some(_)) = decoder.next() {
            count += 1;
        }
    });
    assert_eq!((count, used.count_total), (lean.len(), 0));
}

#[test]
fn a_frame_in_pieces_is_put_together_once() {
    let (count, events) = full_run(1000);
    let mut out = Vec::new();
    wire::encode_run(CRC, &mut out, life(), 1, count, &events);
    let pieces = [Bytes::copy_from_slice(&out[..40_000]), Bytes::copy_from_slice(&out[40_000..])];
    let mut decoder = greeted();
    let used = measure(|| {
        for piece in &pieces {
            decoder.push(piece.clone());
            assert!(decoder.next().is_ok());
        }
    });
    assert!(used.bytes_total <= out.len() as u64 + 128, "{} bytes for {}", used.bytes_total, out.len());
}
