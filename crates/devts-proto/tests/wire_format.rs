//! The bytes of each frame, once and for all: a change here is a new protocol version. The literals were written
//! by another encoder, from `docs/wire.md`.

mod wire_samples;

use devts_proto::wire::{DecodeError, Decoder, Frame, MAX_VERSION, MIN_VERSION, common_version};
use wire_samples::{decode, encode, frames, greeted, hello, life, seal};

/// In the order of [`frames`]: length, type, the body's fields, checksum.
const GOLDEN: &[&str] = &[
    "6a000000 01 646576747300 0100 0300 0500000000000000 11110000000000000700000000000000 \
     02000000 04000000 03 2222000000000000 0600000000000000 11110000000000000700000000000000 \
     0500000000000000 0000000000000000 047f000001581b 026b76 1efc4532",
    "74000000 01 646576747300 0100 0100 0000000000000000 22220000000000000900000000000000 \
     00000000 01000000 00 0000000000000000 0000000000000000 \
     000000000000000000000000000000000000000000000000 0800000000000000 \
     0620010db8000000000000000000000001591b 00 3437990c",
    "13000000 02 02 0100 0100 083634206f66203634 a31887cc",
    "32000000 03 0102000000 0300000000000000 0400000000000000 0500000000000000 0600000000000000 \
     0700000000000000 a81d3452",
    "2e000000 03 00 0300000000000000 0000000000000000 0000000000000000 0000000000000000 \
     0000000000000000 f86167bc",
    "40000000 04 01 02 111100000000000007000000000000000a00000000000000 \
     222200000000000009000000000000000b00000000000000 01 2222000000000000 3ac15d73",
    "5a000000 05 02 11110000000000000700000000000000010000000200000002047f000001581b026b76026869 \
     222200000000000009000000000000000000000000000000010620010db8000000000000000000000001591b0000 \
     61e6b55a",
    "37000000 06 11110000000000000700000000000000 0300 02 066b762e7075740100efcdab896745230100 \
     01780200010000000000000000 8ccb35f2",
    "36000000 07 02 111100000000000007000000000000000a00000000000000 \
     222200000000000009000000000000000b00000000000000 bf153d4f",
    "1d000000 08 11110000000000000700000000000000 0c00000000000000 46e7624d",
    "2f000000 09 11110000000000000700000000000000 0c00000000000000 02000000 0200000001006162 \
     000000000000 db2caee6",
    "28000000 0a 11110000000000000700000000000000 0d00000000000000 400d0300 c0ff0000 616263 \
     ec7f8b90",
    "1d000000 0b 11110000000000000700000000000000 0e00000000000000 af4147ad",
    "1d000000 0c 11110000000000000700000000000000 0f00000000000000 5b4ef52e",
    "1d000000 0d 0000100000000000 0000200000000000 0300000000000000 2c0ec4cf",
    "12000000 0e 02 2c01000000000000 63616c6c df651f1a",
    "1d000000 0f 0100000000000000 0200000000000000 2c01000000000000 c5ca2562",
    "05000000 10 4660788d",
    "05000000 11 45e3137f",
    "5a000000 12 02 11110000000000000700000000000000010000000200000002047f000001581b026b76026869 \
     222200000000000009000000000000000000000000000000010620010db8000000000000000000000001591b0000 \
     63448321",
];

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| {
        u8::from_str_radix(core::str::from_utf8(pair).expect("ASCII"), 16).expect("hexadecimal")
    };
    digits.chunks(2).map(byte).collect()
}

#[test]
fn every_frame_is_encoded_to_its_golden_bytes() {
    assert_eq!(frames().len(), GOLDEN.len());
    for (frame, golden) in frames().iter().zip(GOLDEN) {
        assert_eq!(encode(frame), bytes(golden), "{frame:?}");
    }
}

#[test]
fn every_frame_is_decoded_from_its_golden_bytes() {
    for (frame, golden) in frames().into_iter().zip(GOLDEN) {
        assert_eq!(decode(greeted(), [bytes(golden)]), (vec![frame], None));
    }
}

#[test]
fn there_is_a_sample_of_every_type() {
    let mut tags: Vec<u8> = frames().iter().map(Frame::tag).collect();
    tags.dedup();
    assert_eq!(tags, (1..=18).collect::<Vec<u8>>());
}

#[test]
fn a_reserved_frame_is_skipped() {
    let hint = bytes("09000000 c7 68696e74 a8769ef5");
    assert_eq!(hint, seal(0xc7, b"hint"));
    assert_eq!(decode(greeted(), [hint]), (vec![Frame::Skipped(0xc7)], None));
    assert_eq!(encode(&Frame::Skipped(0xc7)), []);
}

#[test]
fn a_greeting_of_later_versions_alone_tells_which() {
    let later = bytes("22000000 01 646576747300 0200 0400 776861742076657273696f6e20322073617973 6055b72f");
    let error = DecodeError::Version { min: 2, max: 4 };
    assert_eq!(decode(Decoder::new(crc32c::crc32c_append), [later]), (vec![], Some(error)));
}

#[test]
fn the_newest_common_version_is_chosen() {
    assert_eq!(common_version(MIN_VERSION, MAX_VERSION), Some(MAX_VERSION));
    assert_eq!(common_version(0, MAX_VERSION + 5), Some(MAX_VERSION));
    assert_eq!(common_version(MAX_VERSION + 1, MAX_VERSION + 1), None);
    assert_eq!(common_version(0, MIN_VERSION - 1), None);
    assert_eq!(common_version(MAX_VERSION, 0), None);
}

#[test]
fn every_refusal_survives_and_its_text_is_cut_between_characters() {
    for reason in devts_proto::wire::RefuseCode::ALL {
        let refuse = |text: String| Frame::Refuse { reason, min_version: 1, max_version: 2, text };
        let sent = encode(&refuse(format!("a{}", "\u{e9}".repeat(200))));
        let received = refuse(format!("a{}", "\u{e9}".repeat(127)));
        assert_eq!(decode(greeted(), [sent]), (vec![received], None));
    }
}

#[test]
fn the_errors_tell_an_operator_what_to_look_for() {
    let text = |error: DecodeError| error.to_string();
    assert!(text(DecodeError::NotDevts).contains("HTTP"));
    assert!(text(DecodeError::Version { min: 2, max: 4 }).contains("versions 2 to 4, this node 1 to 1"));
    assert!(text(DecodeError::FrameTooLarge { len: 70_000, max: 65_536 }).contains("70000"));
    assert!(text(DecodeError::UnknownFrame(0x12)).contains("0x12"));
}

#[test]
fn two_greetings_that_differ_in_one_field_differ_in_bytes() {
    let plain = encode(&Frame::Hello(hello()));
    let mut changed = vec![hello(); 6];
    changed[0].joining = false;
    changed[1].ready = false;
    changed[2].expects = None;
    changed[3].last_link = None;
    changed[4].life.boot += 1;
    changed[5].last_link = Some((life(), 0));
    for hello in changed {
        let bytes = encode(&Frame::Hello(hello.clone()));
        assert_ne!(bytes, plain);
        assert_eq!(decode(greeted(), [bytes]), (vec![Frame::Hello(hello)], None));
    }
}

#[test]
fn the_document_has_every_frame() {
    let document = include_str!("../../../docs/wire.md");
    for frame in frames() {
        let debug = format!("{frame:?}");
        let name = debug.split(|c: char| !c.is_alphabetic()).next().expect("a split has a first part");
        let row = format!("\n| {} | {name} |", frame.tag());
        assert!(document.contains(&row), "docs/wire.md has no row {row:?}");
    }
}
