//! Bad bytes, row by row of the catalogue of faults: each ends in its typed error, allocates next to nothing,
//! and yields no frame that was not sent.

mod wire_samples;

use allocation_counter::measure;
use bytes::Bytes;
use devts_proto::codec::CodecError;
use devts_proto::config::{MAX_FRAME, MAX_GREETING};
use devts_proto::rng::Rng;
use devts_proto::wire::{DecodeError, Decoder, Frame};
use wire_samples::{decode, encode, frames, greeted, hello, life, seal};

fn fresh() -> Decoder {
    Decoder::new(crc32c::crc32c_append)
}

/// The error, and how many bytes it took when they come one at a time.
fn error_of(mut decoder: Decoder, bytes: &[u8]) -> (Option<DecodeError>, usize) {
    for (at, byte) in bytes.iter().enumerate() {
        decoder.push(Bytes::copy_from_slice(&[*byte]));
        if let Err(error) = decoder.next() {
            return (Some(error), at + 1);
        }
    }
    (None, bytes.len())
}

#[test]
fn e01_length_that_lies() {
    for (decoder, max) in [(fresh as fn() -> Decoder, MAX_GREETING), (greeted, MAX_FRAME)] {
        for len in [u32::MAX, 1 << 31, max as u32 + 1] {
            let error = DecodeError::FrameTooLarge { len: len as usize, max };
            let bytes = Bytes::from(len.to_le_bytes().to_vec());
            let _shared = bytes.clone(); // What counts the owners is allocated with the first clone.
            let used = measure(|| assert_eq!(decode(decoder(), [bytes.clone()]), (vec![], Some(error))));
            assert_eq!(used.bytes_total, 0, "a length of {len} allocated");
            assert_eq!(error_of(decoder(), &len.to_le_bytes()), (Some(error), 4));
        }
    }
}

#[test]
fn e01_a_legal_length_allocates_as_the_bytes_come() {
    let mut decoder = greeted();
    let used = measure(|| {
        decoder.push(Bytes::from_static(&[0, 0, 1, 0, 9]));
        for _ in 0..100 {
            assert_eq!(decoder.next(), Ok(None));
            decoder.push(Bytes::from_static(b"ten bytes."));
        }
    });
    assert!(used.bytes_max <= 4 * 1005, "{} bytes for 1005", used.bytes_max);
}

#[test]
fn e02_short_frames() {
    for len in 0..5u8 {
        let error = DecodeError::FrameTooShort { len: len.into() };
        for decoder in [fresh(), greeted()] {
            assert_eq!(decode(decoder, [vec![len, 0, 0, 0]]), (vec![], Some(error)));
        }
    }
}

#[test]
fn e02_bodies_cut_short_or_continued() {
    for frame in frames() {
        let (tag, bytes) = (frame.tag(), encode(&frame));
        let body = &bytes[5..bytes.len() - 4];
        // What takes the rest of a frame can be shorter or longer and still be right.
        let open = matches!(frame, Frame::Run { .. } | Frame::Fragment { .. } | Frame::Data { .. });
        let fixed = if open { 9 } else { body.len() };
        for len in 0..fixed {
            let (none, error) = decode(greeted(), [seal(tag, &body[..len])]);
            assert_eq!(none, []);
            assert!(matches!(error, Some(DecodeError::Body { frame, .. }) if frame == tag), "{frame:?}");
        }
        let longer = [body, b"x"].concat();
        let error = DecodeError::Body { frame: tag, error: CodecError::Trailing };
        assert!(open || decode(greeted(), [seal(tag, &longer)]) == (vec![], Some(error)), "{frame:?}");
    }
}

#[test]
fn e03_any_split() {
    let sent = frames();
    let stream: Vec<u8> = sent.iter().flat_map(encode).collect();
    for at in 0..=stream.len() {
        let chunks = [stream[..at].to_vec(), stream[at..].to_vec()];
        assert_eq!(decode(greeted(), chunks), (sent.clone(), None), "split at {at}");
    }
    for size in 1..64 {
        let chunks = stream.chunks(size).map(Bytes::copy_from_slice);
        assert_eq!(decode(greeted(), chunks), (sent.clone(), None), "in pieces of {size}");
    }
}

#[test]
fn e03_pushed_before_the_last_was_used_up() {
    let sent = frames();
    let stream: Vec<u8> = sent.iter().flat_map(encode).collect();
    let mut decoder = greeted();
    stream.chunks(7).for_each(|chunk| decoder.push(Bytes::copy_from_slice(chunk)));
    assert_eq!(decode(decoder, [Bytes::new()]), (sent, None));
}

#[test]
fn e03_a_thousand_frames_in_one_read() {
    let sent: Vec<Frame> = frames().into_iter().cycle().take(1000).collect();
    let stream: Vec<u8> = sent.iter().flat_map(encode).collect();
    assert_eq!(decode(greeted(), [stream]), (sent, None));
}

#[test]
fn e04_unknown_frame_types() {
    for tag in (19..0xC0).chain([0]) {
        let error = DecodeError::UnknownFrame(tag);
        assert_eq!(decode(greeted(), [seal(tag, b"what")]), (vec![], Some(error)));
    }
    for tag in 0xC0..=0xFF {
        let bytes = [seal(tag, b"a hint"), encode(&Frame::Heartbeat)];
        assert_eq!(decode(greeted(), bytes), (vec![Frame::Skipped(tag), Frame::Heartbeat], None));
    }
}

#[test]
fn e05_flipped_bit() {
    // Enough to follow any length that a flipped bit can announce.
    let follows = Bytes::from(encode(&Frame::Heartbeat).repeat(MAX_FRAME / 9 + 1));
    for frame in frames() {
        let bytes = encode(&frame);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let (yielded, error) = decode(greeted(), [flipped.into(), follows.clone()]);
            assert!(yielded.is_empty() && error.is_some(), "bit {bit} of {frame:?}: {yielded:?}");
        }
    }
}

#[test]
fn e05_an_error_is_for_ever() {
    let mut damaged = encode(&Frame::Heartbeat);
    damaged[5] ^= 1;
    let mut decoder = greeted();
    decoder.push(damaged.into());
    for _ in 0..3 {
        assert_eq!(decoder.next(), Err(DecodeError::Checksum));
        decoder.push(encode(&Frame::Heartbeat).into());
    }
}

#[test]
fn e06_foreign_protocols() {
    let strangers: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /store HTTP/1.1\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n",
        b"\r\n\r\n\0\r\nQUIT\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"EHLO localhost\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x16\x03\x03\x00\xf7\x01\x00\x00\xf3\x03\x03",
    ];
    for stranger in strangers {
        assert_eq!(error_of(fresh(), stranger), (Some(DecodeError::NotDevts), 4), "{stranger:?}");
        assert_eq!(decode(fresh(), [stranger.to_vec()]), (vec![], Some(DecodeError::NotDevts)));
    }
}

#[test]
fn e06_first_frames_that_are_no_greeting() {
    let no_greeting = |bytes: &[u8], at| {
        assert_eq!(error_of(fresh(), bytes), (Some(DecodeError::NotDevts), at));
        assert_eq!(decode(fresh(), [bytes.to_vec()]), (vec![], Some(DecodeError::NotDevts)));
    };
    no_greeting(&encode(&Frame::Heartbeat), 5);
    no_greeting(&seal(0xC0, b"hint"), 5);
    no_greeting(&seal(1, b"devil, and so on"), 9);
    let refusal = &frames()[2];
    assert_eq!(decode(fresh(), [encode(refusal)]), (vec![refusal.clone()], None));
}

#[test]
fn e06_random_bytes() {
    let mut rng = Rng::new(6);
    for _ in 0..2000 {
        let noise: Vec<u8> = (0..64).flat_map(|_| rng.next_u64().to_le_bytes()).collect();
        let (error, after) = error_of(fresh(), &noise);
        assert!(error.is_some() && after <= 11, "{after} bytes of {noise:?}");
    }
}

#[test]
fn e07_a_greeting_is_bounded_until_it_is_answered() {
    let greeting = encode(&Frame::Hello(hello()));
    let fit = MAX_GREETING / greeting.len();
    let stream = Bytes::from(greeting.repeat(fit + 1));
    let (frames, error) = decode(fresh(), [stream.clone()]);
    assert_eq!((frames.len(), error), (fit, Some(DecodeError::GreetingTooLong)));

    let mut decoder = fresh();
    decoder.push(stream);
    assert_eq!(decoder.next(), Ok(Some(Frame::Hello(hello()))));
    decoder.greeted();
    assert_eq!(decode(decoder, [Bytes::new()]).0.len(), fit);
}

/// What is wrong with a frame of this type and body, which must not make the decoder allocate.
fn refused(tag: u8, body: &[u8]) -> CodecError {
    let frame = Bytes::from(seal(tag, body));
    let mut error = None;
    let used = measure(|| error = decode(greeted(), [frame.clone()]).1);
    assert!(used.bytes_max <= 4 * frame.len() as u64 + 64, "{} bytes for type {tag}", used.bytes_max);
    match error {
        Some(DecodeError::Body { error, .. }) => error,
        other => panic!("type {tag} gave {other:?}"),
    }
}

#[test]
fn e15_counts_that_lie() {
    let origin = [life().node.get().to_le_bytes(), life().boot.to_le_bytes()].concat();
    let before: [(u8, &[u8], &[u8]); 4] =
        [(4, &[1], b""), (5, b"", b""), (6, &[&origin[..], &[0, 0]].concat(), b""), (7, b"", b"")];
    let counts: [&[u8]; 4] = [
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], // 2^64 - 1
        &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10],       // 2^60
        &[0xff, 0xff, 0xff, 0xff, 0x0f],                               // 2^32 - 1
        &[50],
    ];
    for (tag, head, tail) in before {
        for count in counts {
            let error = refused(tag, &[head, count, &[1; 100], tail].concat());
            assert!(
                matches!(error, CodecError::Invalid(field) if field.ends_with("count")),
                "{tag}: {error}"
            );
        }
    }
    assert_eq!(refused(4, &[1, 0, 0xff, 0xff, 0x0f]), CodecError::Invalid("donor count"));
    assert_eq!(refused(7, &[0x80; 11]), CodecError::Invalid("varint"));
}

#[test]
fn e15_more_claims_than_a_frame_may_have() {
    let claims = encode(&frames()[6]);
    let one = &claims[6..40]; // Ends inside the first claim's address: only the count is to be looked at.
    assert_eq!(refused(5, &[&[65], &one.repeat(66)[..]].concat()), CodecError::Invalid("claim count"));
}

fn numbers(parts: &[&[u8]]) -> Vec<u8> {
    let mut body = [life().node.get().to_le_bytes(), life().boot.to_le_bytes()].concat();
    parts.iter().for_each(|part| body.extend_from_slice(part));
    body
}

#[test]
fn e15_runs_and_fragments_that_cannot_be() {
    let run = |first: u64, count: u32, events: &[u8]| {
        refused(9, &numbers(&[&first.to_le_bytes(), &count.to_le_bytes(), events]))
    };
    assert_eq!(run(0, 1, &[0; 6]), CodecError::Invalid("first event"));
    assert_eq!(run(u64::MAX, 1, &[0; 6]), CodecError::Invalid("first event"));
    assert_eq!(run(1, 0, &[0; 6]), CodecError::Invalid("event count"));
    assert_eq!(run(1, 2, &[0; 11]), CodecError::Invalid("event count"));
    assert_eq!(run(1, u32::MAX, &[0; 12]), CodecError::Invalid("event count"));
    let fragment = |seq: u64, total: u32, offset: u32, bytes: &[u8]| {
        refused(10, &numbers(&[&seq.to_le_bytes(), &total.to_le_bytes(), &offset.to_le_bytes(), bytes]))
    };
    assert_eq!(fragment(0, 9, 0, b"abc"), CodecError::Invalid("sequence number"));
    assert_eq!(fragment(1, 9, 7, b"abc"), CodecError::Invalid("fragment offset"));
    assert_eq!(fragment(1, 9, u32::MAX, b"abc"), CodecError::Invalid("fragment offset"));
    assert_eq!(fragment(1, 9, 0, b""), CodecError::Invalid("fragment offset"));
    let data = |lane: u8, offset: u64| refused(14, &[&[lane][..], &offset.to_le_bytes(), b"abc"].concat());
    assert_eq!(data(3, 0), CodecError::Invalid("lane"));
    assert_eq!(data(0, u64::MAX - 2), CodecError::Invalid("lane offset"));
}

#[test]
fn e15_fields_out_of_range() {
    let types = |name: &[u8]| {
        let entry = [&[1, name.len() as u8][..], name, &[0; 11]].concat();
        refused(6, &numbers(&[&[0, 0], &entry]))
    };
    for name in [&b"Upper"[..], b"sl/ash", b"nul\0", "\u{e9}t\u{e9}".as_bytes(), &[b'a'; 65], b""] {
        assert!(matches!(types(name), CodecError::Invalid("type name" | "type count")), "{name:?}");
    }
    let beyond = [&[0xff, 0xff, 2][..], &[1, b'a', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].repeat(2)].concat();
    assert_eq!(refused(6, &numbers(&[&beyond])), CodecError::Invalid("type count"));
    assert_eq!(refused(2, &[7, 1, 0, 1, 0, 0]), CodecError::Invalid("refusal"));
    assert_eq!(refused(2, &[1, 1, 0, 1, 0, 2, 0xc3, 0x28]), CodecError::Invalid("refusal text"));
    assert_eq!(refused(3, &[2; 50]), CodecError::Invalid("down"));
    assert_eq!(refused(4, &[2, 0, 0]), CodecError::Invalid("last"));
    assert_eq!(refused(8, &[0; 24]), CodecError::Invalid("node id"));
}

#[test]
fn e15_greetings_with_fields_out_of_range() {
    let bytes = encode(&Frame::Hello(hello()));
    let body = &bytes[5..bytes.len() - 4];
    let with = |at: usize, value: u8| {
        let mut body = body.to_vec();
        body[at] = value;
        refused(1, &body)
    };
    assert_eq!(with(0, b'D'), CodecError::Invalid("magic"));
    assert_eq!(with(6, 9), CodecError::Invalid("version range"));
    assert_eq!(with(42, 4), CodecError::Invalid("hello flags"));
    assert_eq!(with(91, 5), CodecError::Invalid("address family"));
    assert_eq!(with(98, 9), CodecError::Truncated);
    let mut no_dialer = body.to_vec();
    no_dialer[59..67].fill(0);
    assert_eq!(refused(1, &no_dialer), CodecError::Invalid("last link"));
}
