//! Histories that are linearizable and histories that are not, the words in which the latter are told, and the search
//! against one that tries every order.

use super::search::{Answer, Call, Effect, calls, search};
use super::*;
use proptest::prelude::*;
use std::time::Duration;

fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// `write` and `read` of one key, by what a history says in few words.
struct Story(History);

impl Story {
    fn new() -> Story {
        Story(History::new())
    }

    fn write(&self, value: u64, called: u64, returned: u64) -> &Story {
        self.0.write("n1", "x", value, at(called)).returned(at(returned));
        self
    }

    fn write_lost(&self, value: u64, called: u64) -> &Story {
        drop(self.0.write("n2", "x", value, at(called)));
        self
    }

    fn read(&self, value: u64, called: u64, returned: u64) -> &Story {
        self.0.read("n3", "x", at(called)).read(at(returned), value);
        self
    }

    fn nothing(&self, called: u64, returned: u64) -> &Story {
        self.0.read("n3", "x", at(called)).read_nothing(at(returned));
        self
    }

    fn set(&self, expected: Option<u64>, new: u64, done: bool, called: u64, returned: u64) -> &Story {
        self.0.compare_and_set("n4", "x", expected, new, at(called)).returned(at(returned), done);
        self
    }

    fn fits(&self) -> bool {
        let verdict = self.0.check();
        assert!(!matches!(verdict, Verdict::Undecided { .. }), "{verdict}");
        verdict.is_linearizable()
    }

    fn text(&self) -> String {
        self.0.check().to_string()
    }
}

#[test]
fn an_empty_history_fits() {
    assert!(Story::new().fits());
    assert!(Story::new().nothing(0, 1).fits());
    assert!(!Story::new().read(1, 0, 1).fits(), "nobody wrote that");
}

#[test]
fn one_after_the_other() {
    assert!(Story::new().write(1, 0, 1).read(1, 2, 3).write(2, 4, 5).read(2, 6, 7).fits());
    assert!(!Story::new().write(1, 0, 1).nothing(2, 3).fits());
}

#[test]
fn a_stale_read_does_not_fit_and_is_told_in_three_lines() {
    let story = Story::new();
    story.write(7, 0, 5).read(7, 6, 8).write(1, 10, 20).read(1, 21, 22).write(2, 30, 40).read(2, 41, 42);
    story.read(1, 1500, 1510).read(2, 1520, 1530).write(3, 1600, 1610).read(3, 1620, 1630);
    let expected = "key \"x\" is not linearizable: these 3 operations, 0.010s to 1.510s, fit no order
  0.010s..0.020s  n1  write 1  done
  0.030s..0.040s  n1  write 2  done
  1.500s..1.510s  n3  read     1";
    assert_eq!(story.text(), expected);
}

#[test]
fn two_that_overlap_may_come_in_either_order_but_in_one() {
    assert!(Story::new().write(1, 0, 10).write(2, 5, 15).read(1, 20, 25).fits());
    assert!(Story::new().write(1, 0, 10).write(2, 5, 15).read(2, 20, 25).fits());
    let both = Story::new();
    both.write(1, 0, 10).write(2, 5, 15).read(1, 20, 25).read(2, 30, 35);
    assert!(!both.fits());
    let during = Story::new();
    during.write(1, 0, 100).nothing(10, 20).read(1, 30, 40);
    assert!(during.fits());
    during.nothing(50, 60);
    assert!(!during.fits(), "once seen, it has taken place");
}

#[test]
fn what_was_recorded_first_came_first_at_the_same_time() {
    assert!(!Story::new().write(1, 5, 5).nothing(5, 5).fits());
    assert!(Story::new().nothing(5, 5).write(1, 5, 5).fits());
}

#[test]
fn a_lost_update_does_not_fit() {
    let story = Story::new();
    story.write(1, 0, 1).set(Some(1), 2, true, 10, 20).set(Some(1), 3, true, 11, 21);
    let expected = "key \"x\" is not linearizable: these 3 operations, 0.000s to 0.021s, fit no order
  0.000s..0.001s  n1  write 1     done
  0.010s..0.020s  n4  set 2 if 1  done
  0.011s..0.021s  n4  set 3 if 1  done";
    assert_eq!(story.text(), expected);
    assert!(Story::new().write(1, 0, 1).set(Some(1), 2, true, 10, 20).set(Some(1), 3, false, 11, 21).fits());
    assert!(Story::new().set(None, 1, true, 0, 1).set(None, 2, false, 2, 3).read(1, 4, 5).fits());
    assert!(!Story::new().write(1, 0, 1).set(Some(1), 2, false, 10, 20).fits(), "it was 1");
}

#[test]
fn a_lost_write_may_take_place_late_or_never_but_once() {
    let story = Story::new();
    story.write(1, 0, 1).write_lost(2, 10).read(1, 20, 30);
    assert!(story.fits());
    story.read(2, 1000, 1010);
    assert!(story.fits());
    story.write(3, 2000, 2010).read(3, 2020, 2030);
    assert!(story.fits());
    story.read(2, 3000, 3010);
    let expected = "key \"x\" is not linearizable: these 4 operations, 0.010s to 3.010s, fit no order
  0.010s..?       n2  write 2  unknown
  1.000s..1.010s  n3  read     2
  2.000s..2.010s  n1  write 3  done
  3.000s..3.010s  n3  read     2";
    assert_eq!(story.text(), expected);
    let early = Story::new();
    early.read(2, 0, 5).write_lost(2, 10);
    assert!(!early.fits(), "never before it was called");
}

#[test]
fn a_lost_compare_and_set_may_have_been_done_or_not() {
    for (found, fits) in [(1, true), (2, true), (3, false)] {
        let story = Story::new();
        story.write(1, 0, 1);
        drop(story.0.compare_and_set("n4", "x", Some(1), 2, at(5)));
        story.read(found, 10, 20);
        assert_eq!(story.fits(), fits, "{found}");
    }
    let story = Story::new();
    story.write(1, 0, 1);
    drop(story.0.compare_and_set("n4", "x", Some(9), 2, at(5)));
    assert!(!story.read(2, 10, 20).fits(), "it was not 9");
}

#[test]
fn what_was_refused_never_takes_place() {
    let story = Story::new();
    story.0.write("n1", "x", 1, at(0)).refused(at(1));
    story.0.compare_and_set("n1", "x", None::<u64>, 2, at(2)).refused(at(3));
    assert!(story.nothing(4, 5).fits());
    assert!(!story.read(1, 6, 7).fits());
}

#[test]
fn a_removed_key_has_no_value() {
    let story = Story::new();
    story.write(1, 0, 1);
    story.0.remove("n1", "x", at(2)).returned(at(3));
    assert!(story.nothing(4, 5).fits());
    assert!(!story.read(1, 6, 7).fits());
    assert!(story.text().contains("remove  "), "{}", story.text());
}

#[test]
fn each_key_stands_for_itself() {
    let history = History::new();
    for key in ["a", "b", "c"] {
        history.write("n1", key, key, at(0)).returned(at(1));
        history.read("n2", key, at(2)).read(at(3), if key == "b" { "a" } else { key });
    }
    let Verdict::Violated(violation) = history.check() else { panic!("b is wrong") };
    assert_eq!((violation.key.as_str(), violation.operations.len(), history.len()), ("b", 1, 6));
}

#[test]
fn what_takes_too_long_is_undecided() {
    let story = Story::new();
    let held: Vec<Writing> = (100..112).map(|value| story.0.write("n1", "x", value, at(200))).collect();
    held.into_iter().for_each(|write| write.returned(at(300)));
    story.read(100, 400, 500).read(101, 600, 700);
    let verdict = story.0.check_within(1_000);
    assert!(matches!(verdict, Verdict::Undecided { operations: 14, states: 1_000, .. }), "{verdict}");
    assert!(!verdict.is_linearizable());
    let decided = story.0.check().to_string();
    assert!(decided.contains("these 4 operations"), "{decided}");
}

#[test]
fn a_long_history_with_many_lost_writes_is_checked() {
    let story = Story::new();
    let history = &story.0;
    for round in 0..2_000u64 {
        let start = at(round * 10);
        if round % 7 == 0 {
            drop(history.write("n9", "x", 1_000_000 + round, start));
        }
        let one = history.write("n1", "x", 2 * round, start);
        let other = history.write("n2", "x", 2 * round + 1, start);
        let read = history.read("n3", "x", start);
        one.returned(start + at(5));
        other.returned(start + at(6));
        read.read(start + at(7), 2 * round + round % 2);
        history.read("n3", "x", start + at(8)).read(start + at(9), 2 * round + round % 2);
    }
    assert!(story.fits());
    story.read(1_000_000, 30_000, 30_001).read(5, 30_002, 30_003);
    let text = story.text();
    assert!(text.lines().count() < 10, "{text}");
}

// ---- against every order ---------------------------------------------------------------------------------------

#[derive(Clone, Debug)]
struct Drawn {
    kind: u8,
    value: u64,
    other: u64,
    called: u64,
    lasts: u64,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    (0..8u8, 0..3u64, 0..3u64, 0..12u64, 0..6u64).prop_map(|(kind, value, other, called, lasts)| Drawn {
        kind,
        value,
        other,
        called,
        lasts,
    })
}

/// Value 0 is none. Moments differ by their place, as those of a recorder do.
fn operation(place: usize, drawn: &Drawn) -> Operation {
    let value = |value: u64| (value > 0).then(|| value.to_string());
    let compare = Action::CompareAndSet { expected: value(drawn.value), new: (drawn.other + 1).to_string() };
    let (action, outcome) = match drawn.kind {
        0 | 1 => (Action::Write(value(drawn.value)), Outcome::Done),
        2 => (Action::Write(value(drawn.value)), Outcome::Unknown),
        3 | 4 => (Action::Read, Outcome::Found(value(drawn.value))),
        5 => (compare, Outcome::Compared(true)),
        6 => (compare, Outcome::Compared(false)),
        _ => (compare, Outcome::Unknown),
    };
    let returned = (outcome != Outcome::Unknown).then(|| at(drawn.called + drawn.lasts));
    let steps = (2 * place as u64, 2 * place as u64 + 1);
    let (client, key) = ("n1".to_owned(), "x".to_owned());
    Operation { client, key, action, called: at(drawn.called), returned, outcome, steps }
}

/// Whether any order of the rest explains it.
fn any_order(operations: &[Operation], rest: &[usize], value: Option<&str>) -> bool {
    let certain = |place: &usize| operations[*place].returned.is_some();
    if !rest.iter().any(certain) {
        return true;
    }
    rest.iter().any(|place| {
        let operation = &operations[*place];
        let moment = (operation.called, operation.steps.0);
        let returned = |other: &usize| operations[*other].returned.map(|at| (at, operations[*other].steps.1));
        let first = rest.iter().filter_map(returned).all(|returned| moment < returned);
        let fewer: Vec<usize> = rest.iter().copied().filter(|other| other != place).collect();
        let after = match (&operation.action, &operation.outcome) {
            (Action::Write(new), _) => Some(new.as_deref()),
            (Action::Read, outcome) => {
                (*outcome == Outcome::Found(value.map(str::to_owned))).then_some(value)
            }
            (Action::CompareAndSet { expected, .. }, Outcome::Compared(false)) => {
                (expected.as_deref() != value).then_some(value)
            }
            (Action::CompareAndSet { expected, new }, _) => {
                (expected.as_deref() == value).then_some(Some(new.as_str()))
            }
        };
        first && after.is_some_and(|after| any_order(operations, &fewer, after))
    })
}

fn answer(operations: &[Operation]) -> Answer {
    search(&calls(operations), &mut 1_000_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_search_agrees_with_trying_every_order(drawn in prop::collection::vec(drawn(), 1..8)) {
        let operations: Vec<Operation> = drawn.iter().enumerate().map(|(place, drawn)| operation(place, drawn)).collect();
        let all: Vec<usize> = (0..operations.len()).collect();
        let fits = any_order(&operations, &all, None);
        prop_assert_eq!(answer(&operations), if fits { Answer::Yes } else { Answer::No });
        if !fits {
            let window = window::shortest(&calls(&operations), 1_000_000);
            prop_assert!(!any_order(&operations, &window, None), "what is shown fits no order either");
            let shown: Vec<Call> = calls(&operations).into_iter().filter(|call| window.contains(&call.place)).collect();
            let looks = shown.iter().filter(|call| matches!(call.effect, Effect::Read(_)));
            for look in looks {
                let fewer: Vec<usize> = window.iter().copied().filter(|place| *place != look.place).collect();
                prop_assert!(any_order(&operations, &fewer, None), "no read is shown in vain");
            }
        }
    }
}
