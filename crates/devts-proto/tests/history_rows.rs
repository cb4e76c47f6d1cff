//! What a history must do at its edges, one case a test: holes, duplicates, lies, the last number, the bound.

use bytes::Bytes;
use devts_proto::claim::{RunMark, Vector, put_event_header};
use devts_proto::config::MAX_RUN;
use devts_proto::history::{Accepted, Cursor, FragmentAccepted, History, LAST_SEQUENCE, Piece};
use devts_proto::id::{Life, NodeId};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

fn life(number: u64) -> Life {
    Life { node: NodeId::new(number).expect("it is not zero"), boot: 1 }
}

fn history(bound: usize) -> History {
    History::new(life(1), bound, 16 * MIB)
}

/// `count` events with bodies of `len` bytes.
fn events(count: usize, len: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..count {
        put_event_header(&mut out, len as u32, 7);
        out.resize(out.len() + len, 0xAB);
    }
    out
}

fn run(count: usize, len: usize) -> Bytes {
    Bytes::from(events(count, len))
}

fn append(history: &mut History, count: usize, len: usize) -> u64 {
    history.append(&[RunMark { start: 0, count: count as u32 }], &events(count, len))
}

fn deliver(first: u64, count: u32, events: Bytes) -> Accepted {
    Accepted::Deliver { first, count, events }
}

#[test]
fn e62_hole_is_not_applied() {
    let (mut history, origin) = (history(MIB), life(2));
    assert_eq!(history.accept(origin, 1, 5, &run(5, 3)), deliver(1, 5, run(5, 3)));
    assert_eq!(history.accept(origin, 7, 1, &run(1, 3)), Accepted::Early { next: 6 });
    assert_eq!(history.position(origin), 5);
    assert_eq!(history.accept(origin, 6, 2, &run(2, 3)), deliver(6, 2, run(2, 3)));
    assert_eq!(history.accept(origin, 7, 1, &run(1, 3)), Accepted::Known);
}

#[test]
fn e62_large_event_after_a_hole_is_not_assembled() {
    let (mut history, origin) = (history(MIB), life(2));
    let part = Bytes::from(vec![0; 1000]);
    let early = FragmentAccepted::Early { next: 1 };
    assert_eq!(history.accept_fragment(origin, 2, 100_000, 0, &part), early);
    assert_eq!(history.accept_fragment(origin, 1, 100_000, 50, &part), early);
    assert!(!history.knows(origin), "nothing of it was taken");
    assert_eq!(history.bytes(), 0);
}

#[test]
fn e21_sequence_exhaustion() {
    let (mut history, origin) = (history(MIB), life(2));
    history.baseline(origin, LAST_SEQUENCE - 2);
    assert_eq!(history.accept(origin, LAST_SEQUENCE - 1, 3, &run(3, 0)), Accepted::Malformed);
    assert_eq!(
        history.accept(origin, LAST_SEQUENCE - 1, 2, &run(2, 0)),
        deliver(LAST_SEQUENCE - 1, 2, run(2, 0))
    );
    assert_eq!(history.accept(origin, u64::MAX, 1, &run(1, 0)), Accepted::Malformed);
    assert_eq!(history.accept(origin, u64::MAX, u32::MAX, &run(1, 0)), Accepted::Malformed);
    let part = Bytes::from(events(1, 70_000)).slice(..1000);
    assert_eq!(history.accept_fragment(origin, u64::MAX, 70_006, 0, &part), FragmentAccepted::Malformed);
    let mut cursor = Cursor::at(LAST_SEQUENCE - 1);
    assert!(matches!(history.read(origin, &mut cursor, MAX_RUN), Piece::Run { count: 2, .. }));
    assert_eq!(history.read(origin, &mut cursor, MAX_RUN), Piece::End);
    history.skip_to(origin, u64::MAX);
    assert_eq!(history.position(origin), LAST_SEQUENCE);
    assert_eq!(history.read(origin, &mut Cursor::at(u64::MAX), MAX_RUN), Piece::End);
}

#[test]
fn e21_own_numbers_run_out_without_a_wrap() {
    let mut history = history(MIB);
    history.skip_to(life(1), LAST_SEQUENCE - 2);
    assert_eq!(append(&mut history, 3, 1), LAST_SEQUENCE - 2, "three do not fit, none is appended");
    assert_eq!(append(&mut history, 2, 1), LAST_SEQUENCE);
    assert_eq!(history.numbers_left(), 0);
    assert_eq!(append(&mut history, 1, 1), LAST_SEQUENCE);
}

#[test]
fn overlap_is_cut_off() {
    let (mut history, origin) = (history(MIB), life(2));
    history.accept(origin, 1, 3, &run(3, 10));
    let mut more = events(2, 10);
    more.extend(events(2, 20));
    assert_eq!(history.accept(origin, 2, 4, &Bytes::from(more)), deliver(4, 2, run(2, 20)));
}

#[test]
fn lies_are_malformed_and_leave_nothing() {
    let (mut history, origin) = (history(MIB), life(2));
    let good = run(3, 10);
    let lies: [(u64, u32, Bytes); 8] = [
        (1, 2, good.clone()),
        (1, 4, good.clone()),
        (1, u32::MAX, good.clone()),
        (1, 3, good.slice(..good.len() - 1)),
        (1, 0, Bytes::new()),
        (0, 3, good.clone()),
        (1, 1, Bytes::from_static(&[0xFF; 64])),
        (1, 1, run(1, MAX_RUN)),
    ];
    for (first, count, bytes) in lies {
        assert_eq!(history.accept(origin, first, count, &bytes), Accepted::Malformed, "{first} {count}");
    }
    assert!(!history.knows(origin));
    assert_eq!(history.accept(origin, 1, 3, &good), deliver(1, 3, good));
}

#[test]
fn own_events_come_from_nobody_else() {
    let mut history = history(MIB);
    append(&mut history, 2, 5);
    assert_eq!(history.accept(life(1), 1, 2, &run(2, 5)), Accepted::Known);
    assert_eq!(history.accept(life(1), 2, 2, &run(2, 5)), Accepted::Malformed);
    let part = Bytes::from_static(&[0; 10]);
    assert_eq!(history.accept_fragment(life(1), 3, 70_000, 0, &part), FragmentAccepted::Malformed);
}

#[test]
fn large_event_is_assembled_from_what_arrives() {
    let (mut history, origin) = (history(MIB), life(2));
    let event = Bytes::from(events(1, 200_000));
    let total = event.len() as u32;
    let add = |history: &mut History, from: usize, to: usize| {
        history.accept_fragment(origin, 1, total, from as u32, &event.slice(from..to))
    };
    let more = |missing: usize| FragmentAccepted::More { missing };
    assert_eq!(add(&mut history, 0, 60_000), more(140_006));
    assert!(history.bytes() <= 120_000, "memory follows what arrived, not what is claimed");
    assert_eq!(add(&mut history, 70_000, 80_000), FragmentAccepted::Early { next: 1 });
    assert_eq!(add(&mut history, 0, 50_000), more(140_006), "another link starts from the start");
    assert_eq!(add(&mut history, 50_000, 100_000), more(100_006), "and goes on beyond");
    let delivered = FragmentAccepted::Deliver { first: 1, count: 1, events: event.clone() };
    assert_eq!(add(&mut history, 100_000, 200_006), delivered);
    assert_eq!(add(&mut history, 0, 60_000), FragmentAccepted::Known);
    assert_eq!(history.bytes(), event.len());
}

#[test]
fn large_event_that_lies_is_dropped() {
    let (mut history, origin) = (history(MIB), life(2));
    let event = Bytes::from(events(1, 100_000));
    let bad = FragmentAccepted::Malformed;
    assert_eq!(history.accept_fragment(origin, 1, u32::MAX, 0, &event.slice(..10)), bad, "too long");
    assert_eq!(history.accept_fragment(origin, 1, 100, 0, &event.slice(..10)), bad, "not large");
    assert_eq!(history.accept_fragment(origin, 1, 100_006, 100_000, &event.slice(..10)), bad, "past its end");
    assert_eq!(history.accept_fragment(origin, 1, 100_006, 0, &Bytes::new()), bad, "nothing");
    assert_eq!(history.accept_fragment(origin, 1, 90_000, 0, &event.slice(..90_000)), bad, "another length");
    assert_eq!((history.bytes(), history.position(origin)), (0, 0));
    let missing = FragmentAccepted::More { missing: 10_006 };
    assert_eq!(history.accept_fragment(origin, 1, 100_006, 0, &event.slice(..90_000)), missing);
    history.skip_to(origin, 1);
    assert_eq!(history.bytes(), 0, "what was assembled is behind");
}

#[test]
fn cursor_behind_the_floor_is_told() {
    let mut history = history(MIB);
    for _ in 0..8 {
        append(&mut history, 60, 1000);
    }
    history.trim(life(1), 300);
    let floor = history.floor(life(1));
    assert!(floor > 0 && floor <= 300);
    let mut cursor = Cursor::at(1);
    assert_eq!(history.read(life(1), &mut cursor, MAX_RUN), Piece::Gone { next: floor + 1 });
    let piece = history.read(life(1), &mut cursor, MAX_RUN);
    assert!(matches!(piece, Piece::Run { first, .. } if first == floor + 1));
    history.trim(life(1), 480);
    assert_eq!(history.read(life(1), &mut Cursor::at(0), 10), Piece::Gone { next: 481 });
}

#[test]
fn event_longer_than_the_room_waits() {
    let mut history = history(MIB);
    append(&mut history, 2, 100);
    let mut cursor = Cursor::at(1);
    assert_eq!(history.read(life(1), &mut cursor, 105), Piece::NoRoom);
    assert_eq!(cursor, Cursor::at(1));
    assert!(matches!(history.read(life(1), &mut Cursor::at(0), 200), Piece::Run { first: 1, .. }));
    assert!(matches!(history.read(life(1), &mut cursor, 106), Piece::Run { first: 1, count: 1, .. }));
    append(&mut history, 1, MAX_RUN);
    let mut cursor = Cursor::at(3);
    assert_eq!(history.read(life(1), &mut cursor, 0), Piece::NoRoom);
    let piece = history.read(life(1), &mut cursor, usize::MAX);
    assert!(matches!(piece, Piece::Fragment { seq: 3, offset: 0, bytes, .. } if bytes.len() < MAX_RUN));
    assert_ne!(cursor.offset, 0);
}

#[test]
fn small_batches_are_read_as_one_run() {
    let mut history = history(MIB);
    for _ in 0..1000 {
        append(&mut history, 3, 10);
    }
    let piece = history.read(life(1), &mut Cursor::at(4), MAX_RUN);
    assert_eq!(piece, Piece::Run { first: 4, count: 2997, events: &events(2997, 10) });
    assert_eq!(history.bytes_after(life(1), 3000), 0);
    assert_eq!(history.bytes_after(life(1), 0), 3000 * 16);
    let behind = history.bytes_after(life(1), 2000) as usize;
    assert!((1000 * 16..1000 * 16 + 2 * KIB).contains(&behind), "{behind} is rounded up to a batch");
}

#[test]
fn idle_origins_cost_almost_nothing() {
    let mut history = history(MIB);
    for number in 2..66 {
        history.accept(life(number), 1, 1, &run(1, 16));
    }
    assert!(history.bytes() < 300 * KIB, "{}", history.bytes());
    assert_eq!(history.vector().len(), 65, "the own one is among them");
}

#[test]
fn lone_emitter_cycles_in_few_segments() {
    let mut history = history(16 * MIB);
    let (batch, mut most) = (events(1000, 16), 0);
    let mut cursor = Cursor::at(1);
    for turn in 1..=10_000u64 {
        let last = history.append(&[RunMark { start: 0, count: 1000 }], &batch);
        assert_eq!(last, turn * 1000);
        while !matches!(history.read(life(1), &mut cursor, MAX_RUN), Piece::End) {}
        history.trim(life(1), last.saturating_sub(1500));
        most = most.max(history.bytes());
    }
    assert_eq!(cursor.next, 10_000_001);
    assert!(most <= 3 * 260 * KIB, "{most}");
    history.trim(life(1), 10_000_000);
    assert_eq!(history.floor(life(1)), 10_000_000);
}

#[test]
fn eviction_keeps_the_bound_and_what_is_protected() {
    let mut history = history(MIB);
    for turn in 0..100 {
        history.accept(life(2), 1 + turn * 60, 60, &run(60, 1000));
        history.accept(life(3), 1 + turn * 6, 6, &run(6, 1000));
    }
    let protect = Vector::from([(life(2), 0), (life(3), 0)]);
    assert_eq!(history.evict(&protect), 0);
    assert!(history.bytes() > MIB);
    let protect = Vector::from([(life(2), 3000)]);
    let dropped = history.evict(&protect) as u64;
    assert_eq!(dropped, history.floor(life(2)) + history.floor(life(3)));
    assert!(history.floor(life(2)) <= 3000);
    let dropped = history.evict(&Vector::new());
    assert!(dropped > 0 && history.bytes() <= MIB);
    assert!(history.bytes() > MIB / 2, "no more than needed went");
}

#[test]
fn eviction_takes_from_the_largest_first() {
    let mut history = history(MIB);
    history.accept(life(3), 1, 60, &run(60, 1000));
    for turn in 0..100 {
        history.accept(life(2), 1 + turn * 60, 60, &run(60, 1000));
        if history.is_full() {
            history.evict(&Vector::new());
        }
        assert!(!history.is_full() && history.bytes() <= MIB);
    }
    assert_eq!(history.floor(life(3)), 0, "who said little keeps all of it");
    assert!(history.floor(life(2)) > 0);
}

#[test]
fn forgotten_origin_gives_its_memory_back() {
    let mut history = history(16 * MIB);
    for turn in 0..100 {
        history.accept(life(2), 1 + turn * 60, 60, &run(60, 1000));
    }
    history.forget(life(2));
    assert!(!history.knows(life(2)));
    assert!(history.bytes() <= 8 * 260 * KIB, "only free segments are left");
    append(&mut history, 1, 1);
    history.forget(life(1));
    assert_eq!(history.position(life(1)), 1, "the own events stay");
}

#[test]
fn baseline_and_skip_only_go_forward() {
    let (mut history, origin) = (history(MIB), life(2));
    history.baseline(origin, 0);
    assert!(history.knows(origin));
    history.baseline(origin, 10);
    assert_eq!((history.position(origin), history.floor(origin)), (10, 10));
    assert_eq!(history.accept(origin, 9, 4, &run(4, 1)), deliver(11, 2, run(2, 1)));
    history.skip_to(origin, 11);
    assert_eq!((history.position(origin), history.floor(origin)), (12, 10), "12 is known already");
    history.skip_to(origin, 20);
    assert_eq!((history.position(origin), history.floor(origin)), (20, 20));
    assert_eq!(history.accept(origin, 21, 1, &run(1, 1)), deliver(21, 1, run(1, 1)));
}
