//! What is promised about sends and requests, one test a clause, with the words in which its breach is told.

use super::*;

fn life(machine: u16) -> LifeId {
    LifeId::new(machine - 1, 0)
}

fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// n1 has sent 1, 2 and 3 to n2, and made request 7, due at 1 s.
fn calls() -> Calls {
    let mut calls = Calls::new(at(10));
    (1..=3).for_each(|number| calls.sent(life(1), life(2), number));
    calls.asked(7, life(1), at(1000));
    calls
}

fn told(violations: &[Violation]) -> Vec<String> {
    violations.iter().map(ToString::to_string).collect()
}

fn finish(calls: &Calls) -> Vec<String> {
    told(&calls.finish(&[life(1), life(2)], at(60_000)))
}

#[test]
fn what_arrives_or_is_told_is_well() {
    let mut calls = calls();
    calls.received(life(1), life(2), 1);
    calls.told_undeliverable(life(1), life(2), 2);
    calls.received(life(1), life(2), 3);
    calls.told_undeliverable(life(1), life(2), 3);
    calls.ran(7);
    calls.answered(7, Answer::Replied, at(1010));
    assert_eq!(finish(&calls), [""; 0]);
}

#[test]
fn what_was_told_may_arrive_still_but_once_and_in_order() {
    let mut calls = calls();
    calls.told_undeliverable(life(1), life(2), 1);
    calls.received(life(1), life(2), 1);
    calls.received(life(1), life(2), 1);
    calls.received(life(1), life(2), 3);
    calls.told_undeliverable(life(1), life(2), 2);
    calls.received(life(1), life(2), 2);
    calls.told_undeliverable(life(1), life(2), 2);
    let expected = [
        "send 1 from n1 to n2 arrived twice",
        "send 2 from n1 to n2 arrived after 3",
        "n1 was told twice that send 2 to n2 is undeliverable",
    ];
    assert_eq!(told(calls.violations()), expected);
}

#[test]
fn nothing_arrives_that_was_not_sent() {
    let mut calls = calls();
    calls.received(life(1), life(3), 1);
    calls.received(life(2), life(1), 1);
    calls.told_undeliverable(life(1), life(2), 9);
    calls.sent(life(1), life(2), 3);
    let expected = [
        "n3 received a send 1 from n1, which n1 never sent",
        "n1 received a send 1 from n2, which n2 never sent",
        "n1 was told that send 9 to n2 is undeliverable, and never sent it",
        "n1 gave a send to n2 the number 3 after 3: numbers must go up",
    ];
    assert_eq!(told(calls.violations()), expected);
}

#[test]
fn silence_is_no_answer_between_the_living() {
    let mut calls = calls();
    calls.received(life(1), life(2), 1);
    calls.received(life(1), life(2), 3);
    let expected = [
        "send 2 from n1 to n2 neither arrived nor was told undeliverable",
        "request 7 of n1 never ended; its deadline was 1.000s",
    ];
    assert_eq!(finish(&calls), expected);
    assert_eq!(
        told(&calls.finish(&[life(1)], at(1010))),
        [""; 0],
        "n2 is dead, and the request is not yet due"
    );
    assert_eq!(told(&calls.finish(&[life(2)], at(60_000))), [""; 0], "who is dead waits for nothing");
}

#[test]
fn a_later_process_may_get_it_but_nobody_gets_it_twice() {
    let mut calls = calls();
    let again = LifeId::new(1, 1);
    calls.received(life(1), life(2), 1);
    calls.sent(life(1), again, 4);
    calls.received(life(1), again, 2);
    calls.received(life(1), again, 4);
    calls.received(life(1), again, 1);
    assert_eq!(told(calls.violations()), ["send 1 from n1 to n2#2 arrived twice"]);
}

#[test]
fn a_request_runs_once_and_ends_once_and_in_time() {
    let mut calls = calls();
    calls.ran(7);
    calls.ran(7);
    calls.answered(7, Answer::Failed, at(1011));
    calls.answered(7, Answer::Failed, at(1011));
    calls.asked(8, life(2), at(50));
    calls.answered(8, Answer::Replied, at(40));
    calls.ran(9);
    calls.answered(9, Answer::Failed, at(1));
    calls.asked(8, life(2), at(50));
    let expected = [
        "request 7 of n1 ran twice",
        "request 7 of n1 ended at 1.011s, 0.011s after its deadline",
        "request 7 of n1 ended twice",
        "request 8 of n2 was replied to, but never ran",
        "request 9 ran, and nobody made it",
        "request 9 ended, and nobody made it",
        "two requests have the id 8",
    ];
    assert_eq!(told(calls.violations()), expected);
}

#[test]
fn many_violations_are_counted() {
    let mut calls = calls();
    (0..130).for_each(|_| calls.ran(1));
    assert_eq!(calls.finish(&[], at(0)).last(), Some(&Violation::More { count: 30 }));
}
