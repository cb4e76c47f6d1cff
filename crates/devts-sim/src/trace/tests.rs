//! The trace against itself: hashes, modes, and each place where two runs can part.

use std::mem::size_of;

use proptest::prelude::*;

use super::*;

fn polls(tasks: impl IntoIterator<Item = u32>) -> Vec<Line> {
    let poll = |(at, task)| Line { at: at as u64 * 1_000_000, what: What::Poll { task, machine: 0 } };
    tasks.into_iter().enumerate().map(poll).collect()
}

fn trace(mode: Mode, lines: &[Line]) -> Trace {
    let mut trace = Trace::new(mode);
    lines.iter().for_each(|line| trace.record(line.at, line.what.clone()));
    trace
}

fn difference(first: &[Line], second: &[Line]) -> Option<Difference> {
    let first = trace(Mode::keep(), first).into_lines();
    trace(Mode::Compare(first), second).difference()
}

#[test]
fn a_line_is_small() {
    assert_eq!(size_of::<What>(), 24);
    assert_eq!(size_of::<Line>(), 32);
}

#[test]
fn lines_read_as_english() {
    let handled = |origin_boot, count| What::Handled { machine: 2, origin: 0, origin_boot, first: 17, count };
    let texts = [
        (handled(1, 3), "n3 handled 17..19 of n1"),
        (handled(2, 1), "n3 handled 17 of n1 (start 2)"),
        (What::Gap { machine: 2, origin: 0, origin_boot: 1, first: 5, last: 9 }, "n3 missed 5..9 of n1"),
        (What::Poll { task: 4, machine: NOBODY }, "no machine ran task 4"),
        (What::Joined { machine: 0, boot: 2 }, "n1 (start 2) joined"),
        (What::Note { machine: NOBODY, text: "load begins".into() }, "note: load begins"),
        (What::Member { machine: 1, about: 4, change: Change::Suspect }, "n2 sees that n5 is suspect"),
        (What::Fault("cut n1 from n2".into()), "fault: cut n1 from n2"),
    ];
    for (what, text) in texts {
        assert_eq!(Line { at: 12_345_000_000, what }.to_string(), format!("12.345s {text}"));
    }
    let what = What::Write { machine: 0, to: 1, len: 9, hash: 255 };
    assert_eq!(
        Line { at: 1, what }.to_string(),
        "0.000000001s n1 gave n2 9 bytes (their hash 00000000000000ff)"
    );
}

#[test]
fn equal_runs_do_not_differ() {
    assert_eq!(difference(&polls(0..9), &polls(0..9)), None);
    assert_eq!(difference(&[], &[]), None);
}

#[test]
fn the_first_line_can_differ() {
    let difference = difference(&polls([1, 2, 3, 4]), &polls([9, 2, 3, 4])).unwrap();
    assert_eq!(difference.index, 0);
    assert_eq!(difference.before, []);
    assert_eq!(difference.first, polls([1, 2, 3]));
    assert_eq!(difference.second, polls([9, 2, 3]));
}

#[test]
fn the_last_line_can_differ() {
    let difference = difference(&polls([1, 2, 3, 4]), &polls([1, 2, 3, 5])).unwrap();
    assert_eq!(difference.index, 3);
    assert_eq!(difference.before, polls([1, 2, 3])[1..]);
    assert_eq!(difference.first, polls([1, 2, 3, 4])[3..]);
    assert_eq!(difference.second, polls([1, 2, 3, 5])[3..]);
    let text = difference.to_string();
    for part in
        ["part at 0.003s of virtual time (line 4", "n1 ran task 5", "Something on n1", "BTreeMap", "cx.now()"]
    {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn either_run_can_end_before_the_other() {
    let shorter = difference(&polls(0..5), &polls(0..3)).unwrap();
    assert_eq!((shorter.index, shorter.lengths), (3, [5, 3]));
    assert_eq!(shorter.first, polls(0..5)[3..]);
    assert_eq!(shorter.second, []);
    assert!(shorter.to_string().contains("> second run  ended here"), "{shorter}");

    let longer = difference(&polls(0..3), &polls(0..9)).unwrap();
    assert_eq!((longer.index, longer.lengths), (3, [3, 9]));
    assert_eq!(longer.first, []);
    assert_eq!(longer.second, polls(0..9)[3..6]);
}

#[test]
fn beyond_the_bound_only_the_hash_tells() {
    let first = trace(Mode::Keep(2), &polls(0..5)).into_lines();
    assert!(!first.is_whole());
    assert_eq!(trace(Mode::Compare(first.clone()), &polls(0..5)).difference(), None);
    let difference = trace(Mode::Compare(first), &polls([0, 1, 2, 9, 4])).difference().unwrap();
    assert!(difference.beyond);
    assert_eq!(difference.index, 2);
    assert!(difference.to_string().contains("differ beyond line 2 of the trace"));
}

#[test]
fn bytes_that_differ_are_told_as_such() {
    let write = |hash| [Line { at: 5, what: What::Write { machine: 1, to: 0, len: 40, hash } }];
    let text = difference(&write(1), &write(2)).unwrap().to_string();
    assert!(text.contains("Something on n2 does not follow from the seed (as many bytes"), "{text}");
}

#[test]
fn facts_are_kept_beyond_the_bound() {
    let mut lines = polls(0..9);
    lines.push(Line { at: 9, what: What::Failed("lost".into()) });
    let trace = trace(Mode::Keep(2), &lines);
    assert_eq!(trace.lines().cloned().collect::<Vec<_>>(), [&lines[..2], &lines[9..]].concat());
    assert_eq!(trace.len(), 10);
}

#[test]
fn lines_survive_more_than_one_chunk() {
    let lines = polls(0..200_000);
    let kept = trace(Mode::keep(), &lines).into_lines();
    assert!(kept.iter().eq(&lines));
    assert_eq!(kept.get(199_999), lines.last());
    assert_eq!(kept.get(200_000), None);
}

fn any_what() -> impl Strategy<Value = What> {
    let text = || "[a-c]{0,3}".prop_map(String::into_boxed_str);
    let small = || 0..3_u16;
    prop_oneof![
        (0..3_u32, small()).prop_map(|(task, machine)| What::Poll { task, machine }),
        (small(), small(), 0..3_u32, 0..3_u64).prop_map(|(machine, to, len, hash)| What::Write {
            machine,
            to,
            len,
            hash
        }),
        text().prop_map(What::Fault),
        (small(), text()).prop_map(|(machine, text)| What::Note { machine, text }),
        (small(), small(), 0..3_u64).prop_map(|(machine, boot, seq)| What::Emitted { machine, boot, seq }),
        (small(), small(), small(), 0..3_u64, 0..3_u32).prop_map(
            |(machine, origin, origin_boot, first, count)| {
                What::Handled { machine, origin, origin_boot, first, count }
            }
        ),
        (small(), small(), small(), 0..3_u64, 0..3_u64).prop_map(
            |(machine, origin, origin_boot, first, last)| What::Gap {
                machine,
                origin,
                origin_boot,
                first,
                last
            }
        ),
        (small(), small()).prop_map(|(machine, boot)| What::Joined { machine, boot }),
        (small(), small()).prop_map(|(machine, boot)| What::Stopped { machine, boot }),
        (small(), small()).prop_map(|(machine, about)| What::Member { machine, about, change: Change::Left }),
        text().prop_map(What::Failed),
    ]
}

fn any_lines() -> impl Strategy<Value = Vec<Line>> {
    prop::collection::vec((0..3_u64, any_what()).prop_map(|(at, what)| Line { at, what }), 0..4)
}

proptest! {
    #[test]
    fn hashes_are_equal_iff_lines_are(a in any_lines(), b in any_lines()) {
        prop_assert_eq!(trace(Mode::Hash, &a).hash(), trace(Mode::keep(), &a).hash());
        prop_assert_eq!(trace(Mode::Hash, &a).hash() == trace(Mode::Hash, &b).hash(), a == b);
        prop_assert_eq!(difference(&a, &b).is_none(), a == b);
    }

    #[test]
    fn one_changed_line_is_found(lines in any_lines(), at in 0..4_usize, what in any_what()) {
        let mut changed = lines.clone();
        if let Some(line) = changed.get_mut(at) {
            line.what = what;
        }
        let found = difference(&lines, &changed).map(|difference| difference.index as usize);
        prop_assert_eq!(found, (lines != changed).then_some(at));
    }

    #[test]
    fn bytes_hash_by_content_and_length(bytes in prop::collection::vec(any::<u8>(), 0..70), at in 0..70_usize) {
        let mut changed = bytes.clone();
        match changed.get_mut(at) {
            Some(byte) => *byte ^= 1,
            None => changed.push(0),
        }
        prop_assert_eq!(hash_bytes(&bytes), hash_bytes(&bytes[..]));
        prop_assert_ne!(hash_bytes(&bytes), hash_bytes(&changed));
    }
}
