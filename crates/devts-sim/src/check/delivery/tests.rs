//! The contract, one test a clause: first a run that keeps it, then each way of breaking it, with the words it is told in.

use super::*;
use proptest::prelude::*;

fn life(machine: u16) -> LifeId {
    LifeId::new(machine - 1, 0)
}

/// n1, n2 and n3 have joined, and n1 has emitted ten events.
fn three() -> Delivery {
    let mut delivery = Delivery::new();
    (1..=3).for_each(|machine| delivery.joined(life(machine), []));
    (1..=10).for_each(|number| delivery.emitted(life(1), number));
    delivery
}

fn told(delivery: &Delivery) -> Vec<String> {
    delivery.violations().iter().map(ToString::to_string).collect()
}

fn finish(delivery: &Delivery, alive: &[u16], rule: Gaps) -> Vec<String> {
    let alive: Vec<LifeId> = alive.iter().copied().map(life).collect();
    delivery.finish(&alive, rule).iter().map(ToString::to_string).collect()
}

#[test]
fn a_run_that_keeps_the_contract_has_no_violation() {
    let mut delivery = three();
    delivery.handled(life(2), life(1), 1, 10);
    delivery.handled(life(3), life(1), 1, 4);
    delivery.gap(life(3), life(1), 5, 6);
    delivery.handled(life(3), life(1), 7, 1);
    delivery.restored(life(3), [(life(1), 9), (life(2), 0)]);
    delivery.handled(life(3), life(1), 10, 1);
    delivery.joined(life(4), [(life(1), 10)]);
    assert_eq!(finish(&delivery, &[1, 2, 3, 4], Gaps::Allowed), [""; 0]);
}

#[test]
fn an_event_comes_once() {
    let mut delivery = three();
    delivery.handled(life(3), life(1), 1, 6);
    delivery.handled(life(3), life(1), 6, 2);
    delivery.handled(life(3), life(1), 8, 3);
    let text = "n3 handled 6 of n1 again: everything up to 6 had been handled, restored or told as missing, or was \
                earlier than its joining";
    assert_eq!(told(&delivery), [text], "and what is right after it is right");
}

#[test]
fn what_was_told_as_missing_or_restored_does_not_come_later() {
    let mut delivery = three();
    delivery.gap(life(3), life(1), 1, 3);
    delivery.handled(life(3), life(1), 2, 1);
    delivery.restored(life(3), [(life(1), 8)]);
    delivery.handled(life(3), life(1), 8, 1);
    let numbers = delivery.violations().iter().map(|violation| match violation {
        Violation::Twice { number, known, .. } => (*number, *known),
        other => panic!("{other}"),
    });
    assert_eq!(numbers.collect::<Vec<_>>(), [(2, 3), (8, 8)]);
}

#[test]
fn nothing_is_skipped_in_silence() {
    let mut delivery = three();
    delivery.handled(life(3), life(1), 1, 6);
    delivery.handled(life(3), life(1), 9, 2);
    delivery.handled(life(2), life(1), 2, 1);
    delivery.gap(life(2), life(1), 5, 6);
    let expected = [
        "n3 handled 9 of n1 after 6: 7..8 neither came nor were told",
        "n2 handled 2 of n1 after 0: 1 neither came nor was told",
        "n2 was told a gap from 5 of n1 after 2: 3..4 neither came nor were told",
    ];
    assert_eq!(told(&delivery), expected);
}

#[test]
fn nothing_comes_from_nowhere() {
    let mut delivery = three();
    delivery.handled(life(3), life(1), 1, 11);
    delivery.handled(life(3), life(2), 1, 1);
    delivery.gap(life(2), life(1), 1, 12);
    delivery.restored(life(2), [(life(3), 1)]);
    let expected = [
        "n3 handled 1..11 of n1, which has emitted 1..10",
        "n3 handled 1 of n2, which has emitted nothing",
        "n2 was told it misses 1..12 of n1, which has emitted 1..10",
        "n2 took over a state up to 1 of n3, which has emitted nothing",
    ];
    assert_eq!(told(&delivery), expected);
}

#[test]
fn a_gap_names_only_what_is_missing() {
    let mut delivery = three();
    delivery.handled(life(3), life(1), 1, 6);
    delivery.gap(life(3), life(1), 5, 8);
    delivery.gap(life(3), life(1), 9, 8);
    let expected = [
        "n3 was told it misses 5..8 of n1, but it had everything up to 6",
        "n3 was told a gap of n1 that ends before it starts: from 9 to 8",
    ];
    assert_eq!(told(&delivery), expected);
}

#[test]
fn a_restored_state_never_takes_away() {
    let mut delivery = three();
    delivery.handled(life(3), life(1), 1, 8);
    delivery.restored(life(3), [(life(1), 4)]);
    delivery.handled(life(3), life(1), 9, 2);
    assert_eq!(told(&delivery), [""; 0]);
}

#[test]
fn gaps_may_be_forbidden() {
    let mut delivery = three();
    delivery.gap(life(3), life(1), 1, 10);
    delivery.handled(life(2), life(1), 1, 10);
    assert_eq!(finish(&delivery, &[1, 2, 3], Gaps::Allowed), [""; 0]);
    let expected = ["n3 was told it misses 1..10 of n1, in a run that allows no gap"];
    assert_eq!(finish(&delivery, &[1, 2, 3], Gaps::Forbidden), expected);
}

#[test]
fn a_life_does_nothing_before_it_joins_and_after_it_stops() {
    let mut delivery = three();
    delivery.handled(life(4), life(1), 1, 1);
    delivery.stopped(life(3));
    delivery.handled(life(3), life(1), 1, 1);
    delivery.restored(life(3), []);
    delivery.stopped(life(1));
    delivery.emitted(life(1), 11);
    delivery.joined(life(2), []);
    let expected = [
        "n4 handled 1 of n1 before it had joined",
        "n3 handled 1 of n1 after it had stopped",
        "n3 restored a state after it had stopped",
        "n1 emitted 11 after it had stopped",
        "n2 joined twice in one life",
    ];
    assert_eq!(told(&delivery), expected);
    assert!(finish(&delivery, &[4], Gaps::Allowed).contains(&"n4 is alive and has never joined".to_owned()));
}

#[test]
fn an_origin_numbers_its_events_without_holes() {
    let mut delivery = three();
    delivery.emitted(life(1), 12);
    delivery.emitted(life(1), 12);
    let expected = [
        "n1 gave an event the number 12 after 10, not 11",
        "n1 gave an event the number 12 after 12, not 13",
    ];
    assert_eq!(told(&delivery), expected);
}

#[test]
fn of_its_own_events_a_life_handles_some() {
    let mut delivery = three();
    delivery.handled(life(1), life(1), 3, 1);
    delivery.handled(life(1), life(1), 7, 2);
    assert_eq!(told(&delivery), [""; 0]);
    delivery.handled(life(1), life(1), 8, 1);
    assert_eq!(told(&delivery).len(), 1);
}

#[test]
fn in_the_end_the_living_have_everything_of_the_living() {
    let mut delivery = three();
    delivery.handled(life(2), life(1), 1, 10);
    delivery.handled(life(3), life(1), 1, 7);
    assert_eq!(finish(&delivery, &[1, 2, 3], Gaps::Allowed), ["n3 never got 8..10 of n1, and was not told"]);
    delivery.stopped(life(3));
    assert_eq!(finish(&delivery, &[1, 2], Gaps::Allowed), [""; 0]);
}

#[test]
fn of_the_dead_all_who_were_there_have_the_same() {
    let mut delivery = three();
    delivery.handled(life(2), life(1), 1, 9);
    delivery.handled(life(3), life(1), 1, 7);
    delivery.stopped(life(1));
    delivery.joined(life(4), [(life(1), 2)]);
    let expected = ["of n1, which is no more, n3 has 1..7, but n2 has 1..9"];
    assert_eq!(finish(&delivery, &[2, 3, 4], Gaps::Allowed), expected, "and n4 came later");
    delivery.gap(life(3), life(1), 8, 9);
    assert_eq!(finish(&delivery, &[2, 3, 4], Gaps::Allowed), [""; 0]);
}

#[test]
fn a_second_life_of_a_machine_is_somebody_else() {
    let mut delivery = three();
    let again = LifeId::new(0, 1);
    delivery.stopped(life(1));
    delivery.joined(again, [(life(1), 10)]);
    delivery.emitted(again, 1);
    delivery.handled(life(2), again, 1, 1);
    let found = delivery.finish(&[life(2), life(3), again], Gaps::Allowed);
    let text: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(text, ["n3 never got 1 of n1#2, and was not told"]);
}

#[test]
fn many_violations_are_counted() {
    let mut delivery = three();
    (0..150).for_each(|_| delivery.handled(life(3), life(2), 1, 1));
    assert_eq!(delivery.violations().len(), 100);
    assert_eq!(delivery.finish(&[], Gaps::Allowed).last(), Some(&Violation::More { count: 50 }));
}

proptest! {
    /// Any cut of a stream into runs and gaps is accepted; one number left out of it is not.
    #[test]
    fn one_missing_event_is_found(cuts in prop::collection::vec((1..5u64, any::<bool>()), 2..30), out: usize) {
        let total: u64 = cuts.iter().map(|cut| cut.0).sum();
        let out = out % cuts.len();
        for leave_out in [false, true] {
            let mut delivery = Delivery::new();
            delivery.joined(life(1), []);
            delivery.joined(life(2), []);
            (1..=total).for_each(|number| delivery.emitted(life(1), number));
            let mut first = 1;
            for (place, (count, gap)) in cuts.iter().enumerate() {
                match (leave_out && place == out, gap) {
                    (true, _) => {}
                    (false, true) => delivery.gap(life(2), life(1), first, first + count - 1),
                    (false, false) => delivery.handled(life(2), life(1), first, *count),
                }
                first += count;
            }
            prop_assert_eq!(finish(&delivery, &[1, 2], Gaps::Allowed).len(), usize::from(leave_out));
        }
    }
}
