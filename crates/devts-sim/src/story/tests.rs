//! What stories say, and how each kind of mistake is told.

use super::*;
use crate::fault::{Fault, MachineId, Nodes};
use std::time::Duration;

const S: Duration = Duration::from_secs(1);

/// A story around these lines.
fn around(lines: &str) -> Result<Story, StoryError> {
    Story::parse(&format!("nodes 3\nlasts 2m\nat the end everybody sees everybody\n{lines}"))
}

/// What is wrong with the lines, which begin at line 4.
fn wrong(lines: &str) -> (usize, String) {
    let error = around(lines).expect_err(lines);
    (error.line, error.reason.to_string())
}

fn step(line: &str) -> Step {
    around(line).unwrap().steps.remove(0).is
}

fn expected(line: &str) -> Expectation {
    let setting = "nodes 5\nlasts 2m\nat 1s n1 emits\nat 1s n1 sends n2\nat 1s n1 asks n2 within 1s\n";
    Story::parse(&format!("{setting}{line}")).unwrap().expectations.remove(0).is
}

fn named(ids: &[usize]) -> Who {
    Who::Named(ids.iter().map(|id| MachineId(id - 1)).collect())
}

fn everybody() -> Who {
    Who::All { but: Nodes::default() }
}

// ---- what lines say --------------------------------------------------------------------------------------------

#[test]
fn the_frame_and_settings() {
    let text = "
        # A comment, and an empty line.

        nodes 2   # two
        lasts 1m30s
        seeds 4
        set history 1 MiB
        set latency 20ms
        at 1s n5..n6 join through n1,nobody as n2
        at the end everybody sees everybody";
    let story = Story::parse(text).unwrap();
    assert_eq!((story.nodes, story.machines, story.seeds, story.lasts), (2, 6, 4, 90 * S));
    assert_eq!(story.settings, [Setting::History(1 << 20), Setting::Latency(Duration::from_millis(20))]);
    let step = &story.steps[0];
    assert_eq!((step.number, step.text.as_str()), (9, "at 1s n5..n6 join through n1,nobody as n2"));
    let through = Some(vec![Seed::Node(MachineId(0)), Seed::Nobody]);
    let join = Action::Join { who: named(&[5, 6]), through, as_node: Some(MachineId(1)) };
    assert_eq!(step.is, Step { from: S, again: None, action: join });
}

#[test]
fn what_happens() {
    let emit = |who, times, bytes| Action::Emit { who, much: Much { times, bytes } };
    assert_eq!(step("at 1s n1 emits").action, emit(named(&[1]), 1, 0));
    assert_eq!(step("at 1s n1,n2 emit 5 times 64 KiB").action, emit(named(&[1, 2]), 5, 64 << 10));
    let but = Who::All { but: Nodes::from(MachineId(1)) };
    assert_eq!(step("every 1s everybody but n2 emits 3 B").action, emit(but, 1, 3));
    let much = Much { times: 1, bytes: 0 };
    let send = Action::Send { who: named(&[1]), whom: everybody(), much };
    assert_eq!(step("at 1s n1 sends everybody").action, send);
    let ask =
        Action::Ask { who: named(&[1]), whom: named(&[2]), much: Much { times: 9, bytes: 0 }, within: 2 * S };
    assert_eq!(step("at 1s n1 asks n2 9 times within 2s").action, ask);
    assert_eq!(step("at 1s n3 stops reading").action, Action::StopReading(named(&[3])));
    assert_eq!(step("at 1s n3 reads on").action, Action::ReadOn(named(&[3])));
    assert_eq!(step("at 1s n3 leaves").action, Action::Leave(named(&[3])));
    assert_eq!(step("at 1s kill n2").action, Action::Faults(vec![Fault::kill(MachineId(1))]));
    let off = [1, 2].map(|node| Fault::power_off(MachineId(node))).to_vec();
    assert_eq!(step("at 1s power off n2,n3").action, Action::Faults(off));
}

#[test]
fn again_and_again() {
    let every = |line: &str| (step(line).from, step(line).again);
    assert_eq!(every("every 1s n1 emits"), (Duration::ZERO, Some((S, 120 * S))));
    assert_eq!(every("every 2s from 5s until 9s heal"), (5 * S, Some((2 * S, 9 * S))));
}

#[test]
fn conditions() {
    let by = |line: &str| match expected(line) {
        Expectation::By { what, .. } => what,
        other => panic!("{other:?}"),
    };
    let sees = |how| Condition::Sees { who: named(&[1, 2]), whom: everybody(), how };
    assert_eq!(by("by 9s n1,n2 see everybody"), sees(Seen::Present));
    assert_eq!(by("by 9s n1,n2 see everybody present"), sees(Seen::Present));
    assert_eq!(by("by 9s n1..n2 see everybody failed"), sees(Seen::Failed));
    assert_eq!(by("by 9s n1,n2 see everybody left"), sees(Seen::Left));
    assert_eq!(by("by 9s n1,n2 see everybody gone"), sees(Seen::Gone));
    let only = Condition::SeesOnly { who: named(&[1]), whom: named(&[1, 2]) };
    assert_eq!(by("by 9s n1 sees only n1,n2"), only);
    assert_eq!(by("by 9s n3 has stopped"), Condition::Stopped { who: named(&[3]) });
    let told = Condition::Told { who: named(&[3]), what: Told::Gap, of: Some(named(&[1])) };
    assert_eq!(by("by 9s n3 is told gap of n1"), told);
    for what in [Told::Busy, Told::Timeout, Told::Down, Told::Restarted, Told::Undeliverable] {
        let told = Condition::Told { who: everybody(), what, of: None };
        assert_eq!(by(&format!("by 9s everybody is told {what}")), told);
    }
}

#[test]
fn expectations() {
    let never = |after, before| Expectation::Never {
        after,
        before,
        what: Condition::Sees { who: everybody(), whom: named(&[3]), how: Seen::Failed },
    };
    assert_eq!(expected("never anybody sees n3 failed"), never(Duration::ZERO, 120 * S));
    assert_eq!(expected("never after 5s before 9s anybody sees n3 failed"), never(5 * S, 9 * S));
    let at_most = |after, per_minute| Expectation::AtMost {
        count: 4,
        who: named(&[1]),
        after,
        before: 120 * S,
        per_minute,
    };
    assert_eq!(expected("at most 4 view changes at n1"), at_most(Duration::ZERO, false));
    assert_eq!(expected("at most 4 view changes at n1 after 9s per minute"), at_most(9 * S, true));
    let events = |of, by, or_told| Expectation::Events { of, by, or_told };
    assert_eq!(
        expected("at the end every event was handled once by everybody"),
        events(everybody(), everybody(), false)
    );
    assert_eq!(
        expected("at the end every event of n1 was handled once or told missing by n2"),
        events(named(&[1]), named(&[2]), true)
    );
    let sends = |or_told| Expectation::Sends { of: everybody(), or_told };
    assert_eq!(expected("at the end every send arrived"), sends(false));
    assert_eq!(expected("at the end every send arrived or was told"), sends(true));
    let requests = |or_told, within| Expectation::Requests { of: named(&[1]), or_told, within };
    assert_eq!(expected("at the end every request of n1 was answered"), requests(false, None));
    assert_eq!(
        expected("at the end every request of n1 was answered or told within 5s"),
        requests(true, Some(5 * S))
    );
}

// ---- mistakes --------------------------------------------------------------------------------------------------

#[test]
fn a_misspelt_word_is_told_with_the_nearest() {
    for (line, near) in [
        ("evry 1s n1 emits", "every"),
        ("at 1s n1 emitts", "emits"),
        ("at 1s klil n1", "kill"),
        ("at 1s power of n1", "off"),
        ("at 1s evrybody emits", "everybody"),
        ("at 1s n1 sends evrybody", "everybody"),
        ("every 1s form 5s n1 emits", "from"),
        ("at 1s cut n1 form n2", "from"),
        ("at 1s n3 stops raeding", "reading"),
        ("at 1s n4 joins thruogh n1", "through"),
        ("at 1s n1 asks n2 withn 1s", "within"),
        ("by 9s n1 ses n2", "sees"),
        ("by 9s n1 sees n2 faild", "failed"),
        ("by 9s n1 is told gpa", "gap"),
        ("by 9s n1 has stoped", "stopped"),
        ("never aftr 9s n1 sees n2 failed", "after"),
        ("at most 3 view changes at n1 per minut", "minute"),
        ("at the end evry send arrived", "every"),
        ("at the end every sned arrived", "send"),
        ("set histroy 1 MiB", "history"),
        ("set history 1 MiBs", "MiB"),
    ] {
        let (number, reason) = wrong(line);
        assert_eq!(number, 4, "{line}");
        assert!(reason.ends_with(&format!("did you mean `{near}`?")), "{line}: {reason}");
    }
}

#[test]
fn a_line_ends_where_it_should() {
    assert_eq!(
        wrong("at 1s"),
        (4, "the line ends too early: add what happens, as `n1 emits` or `kill n1`".into())
    );
    assert_eq!(wrong("at 1s n1 leaves now").1, "the line should end before `now`: remove the rest");
    assert!(wrong("by").1.starts_with("the line ends too early: add a time"));
    assert!(wrong("at 1s n1 emits 64").1.contains("add `times`"));
}

#[test]
fn values_that_are_none() {
    assert!(wrong("at 5 n1 emits").1.starts_with("`5` is no time"));
    assert!(wrong("every 0s n1 emits").1.starts_with("`0s` is no time"));
    assert!(wrong("at 1s n1,nine emit").1.contains("`nine` is no machine"));
    assert!(Story::parse("nodes 0").unwrap_err().to_string().contains("1 to 1000"));
    assert!(Story::parse("nodes many").unwrap_err().to_string().contains("`many` is not one of the numbers"));
}

#[test]
fn an_unknown_node_is_told() {
    for line in [
        "at 1s n4 emits",
        "by 5s n1 sees n4",
        "at 1s kill n4",
        "at 1s n1 asks n4 within 1s",
        "at 1s n2 joins as n4",
    ] {
        let (number, reason) = wrong(line);
        assert!(number == 4 && reason.contains("n4"), "{line}: {reason}");
    }
}

#[test]
fn time_goes_forwards() {
    let (line, reason) = wrong("at 10s kill n2\nby 9s n1 sees n2 failed");
    assert_eq!((line, reason.starts_with("time goes backwards: 9s comes after 10s")), (5, true), "{reason}");
    assert_eq!(wrong("never after 9s before 8s n1 sees n2 failed"), (4, Reason::NoMoment.to_string()));
    assert_eq!(wrong("every 1s from 9s until 9s n1 emits"), (4, Reason::NoMoment.to_string()));
}

#[test]
fn what_is_after_the_end_is_never_judged() {
    let after = |at| Reason::AfterTheEnd { at, lasts: 120 * S }.to_string();
    assert_eq!(wrong("by 121s n1 sees n2"), (4, after(121 * S)));
    assert_eq!(wrong("at 3m n1 emits"), (4, after(180 * S)));
    assert_eq!(wrong("never after 2m1s n1 sees n2 failed"), (4, after(121 * S)));
}

#[test]
fn who_is_not_there_is_never_judged() {
    let not = |node: usize, at| Reason::NotThere { node: Some(MachineId(node - 1)), at }.to_string();
    // Not joined by then, and never.
    assert_eq!(wrong("by 9s n1 sees n4\nat 10s n4 joins"), (4, not(4, 9 * S)));
    assert_eq!(wrong("by 9s n4 sees n1\nat 10s n4 joins"), (4, not(4, 9 * S)));
    assert!(around("at 10s n4 joins\nby 11s n4 sees n1").is_ok());
    // Dead by then; and alive again.
    assert_eq!(wrong("at 8s power off n2\nby 9s n2 sees n1"), (5, not(2, 9 * S)));
    assert!(around("at 8s kill n2\nat 9s start n2\nby 10s n2 sees n1").is_ok());
    // In the whole span.
    assert_eq!(wrong("at 8s n2 leaves\nnever after 9s n2 sees n1 failed"), (5, not(2, 120 * S)));
    assert!(around("at 8s n2 leaves\nnever after 7s n2 sees n1 failed").is_ok());
    assert!(around("by 5s n1 sees n2").is_ok(), "before anything happens");
}

#[test]
fn of_what_nobody_says_nothing_is_expected() {
    for (line, verb) in [
        ("at the end every event was handled once by everybody", "emits"),
        ("at the end every send arrived", "sends"),
        ("at the end every request was answered", "asks"),
    ] {
        assert_eq!(wrong(line), (4, Reason::NothingSaid { verb }.to_string()));
    }
    let of = "at 1s n1 emits\nat the end every event of n2 was handled once by everybody";
    assert_eq!(wrong(of), (5, Reason::NothingSaid { verb: "emits" }.to_string()));
}

#[test]
fn what_is_missing_is_told() {
    assert_eq!(Story::parse("").unwrap_err().reason, Reason::NoNodes);
    assert_eq!(Story::parse("lasts 1m").unwrap_err().reason, Reason::NoNodes);
    assert_eq!(Story::parse("nodes 2").unwrap_err().reason, Reason::NoEnd);
    let error = Story::parse("nodes 2\nlasts 1m\nat 1s n1 emits").unwrap_err();
    assert_eq!((error.line, error.reason), (3, Reason::NoExpectations));
}

#[test]
fn nothing_is_said_twice() {
    assert_eq!(
        wrong("at 1s n1 emits\nat 1s   n1 emits # again"),
        (5, Reason::Twice { first: 4 }.to_string())
    );
    assert_eq!(wrong("nodes 4"), (4, Reason::Twice { first: 1 }.to_string()));
    assert_eq!(wrong("set history 1 MiB\nset history 2 MiB"), (5, Reason::Twice { first: 4 }.to_string()));
}

#[test]
fn what_excludes_each_other_is_told() {
    for (one, other) in [
        ("by 9s n1 sees n2 failed", "never anybody sees n2 failed"),
        ("by 9s n1 sees n2 failed", "by 9s everybody sees n2 left"),
        ("by 9s n1 sees n2", "by 9s n1 sees n2 gone"),
        ("by 9s n1 is told gap", "never n1,n2 are told gap"),
        ("by 9s n1 has stopped", "never after 9s anybody has stopped"),
    ] {
        assert_eq!(
            wrong(&format!("{one}\n{other}")),
            (5, Reason::Contradiction { with: 4 }.to_string()),
            "{one}"
        );
        let never_first = format!("{other}\n{one}");
        assert_eq!(wrong(&never_first).0, 5, "{never_first}");
    }
    for (one, other) in [
        ("by 9s n1 sees n2 failed", "never after 10s anybody sees n2 failed"),
        ("by 9s n1 sees n2 failed", "by 9s n1 sees n2 gone"),
        ("by 9s n1 sees n2 failed", "by 9s n2 sees n1"),
        ("by 9s n1 is told gap", "never after 1s n1 is told gap"),
    ] {
        assert!(around(&format!("{one}\n{other}")).is_ok(), "{one}, {other}");
    }
}

#[test]
fn an_error_names_its_line() {
    let error = Story::parse("nodes 3\n\n  at 1s n1 emitts # oh\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 3: `at 1s n1 emitts`: `emitts` is not known here: did you mean `emits`?"
    );
}
