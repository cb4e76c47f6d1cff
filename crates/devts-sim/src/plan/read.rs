//! The text form of plans, read line by line. Knows the sentences; the words are `words`'.

use std::fmt;

use super::words::{Reason, Words, unknown};
use super::{Plan, Step};
use crate::fault::{Fault, FaultError, MOST_PER_MILLE, Nodes};

/// The first word of every fault.
pub(crate) const VERBS: [&str; 15] = [
    "cut", "heal", "mend", "slow", "lose", "reset", "kill", "power", "start", "pause", "starve", "clock",
    "wall", "disk", "flap",
];

/// A line of a plan that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError {
    /// Its number, from 1.
    pub line: usize,
    /// The line.
    pub text: String,
    /// Why not, and what to do about it.
    pub reason: Reason,
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: `{}`: {}", self.line, self.text, self.reason)
    }
}

impl std::error::Error for PlanError {}

/// Reads a whole plan; empty lines and comments are skipped.
pub(super) fn plan(text: &str, machines: usize) -> Result<Plan, PlanError> {
    let mut plan = Plan::new();
    for (above, line) in text.lines().enumerate() {
        let refused = |reason| PlanError { line: above + 1, text: line.trim().to_owned(), reason };
        let mut words = Words::of(line);
        if words.peek().is_none() {
            continue;
        }
        let steps = parse_step(&mut words, machines).map_err(refused)?;
        let before = plan.steps.last().map_or_else(Default::default, |step| step.at);
        if let Some(step) = steps.iter().find(|step| step.at < before) {
            return Err(refused(Reason::Backwards { at: step.at, before }));
        }
        plan.steps.extend(steps);
    }
    Ok(plan)
}

/// `at TIME FAULT` to the end of the line: one step, or several of one time where one line cuts a ring or a chain.
pub(crate) fn parse_step(words: &mut Words<'_>, machines: usize) -> Result<Vec<Step>, Reason> {
    words.one_of(&["at"])?;
    let at = words.time("when it happens, as 10s")?;
    let faults = parse_fault(words, machines)?;
    Ok(faults.into_iter().map(|fault| Step { at, fault }).collect())
}

/// `FAULT` to the end of the line, checked for a world of so many machines.
pub(crate) fn parse_fault(words: &mut Words<'_>, machines: usize) -> Result<Vec<Fault>, Reason> {
    let faults = fault(words, machines)?;
    words.end()?;
    faults.iter().try_for_each(|fault| fault.check(machines))?;
    Ok(faults)
}

fn fault(words: &mut Words<'_>, machines: usize) -> Result<Vec<Fault>, Reason> {
    let verb = words.take("what happens, as `cut` or `kill`")?;
    let fault = match verb {
        "cut" if words.has("ring") => return several(Fault::ring(machines), machines, 4),
        "cut" if words.has("chain") => return several(Fault::chain(machines), machines, 3),
        "cut" => sides(words, machines).map(|(from, to, both)| Fault::Cut { from, to, both }),
        "heal" => Ok(Fault::Heal),
        "mend" => sides(words, machines).map(|(from, to, both)| Fault::Mend { from, to, both }),
        "slow" => slow(words, machines),
        "lose" => lose(words, machines),
        "reset" => two_sides(words, machines).map(|(from, to)| Fault::Reset { from, to }),
        "kill" => words.node(machines).map(Fault::kill),
        "power" => words.one_of(&["off"]).and_then(|_| words.node(machines)).map(Fault::power_off),
        "start" => words.node(machines).map(Fault::start),
        "pause" => pause(words, machines),
        "starve" => starve(words, machines),
        "clock" => clock(words, machines),
        "wall" => wall(words, machines),
        "disk" => disk(words, machines),
        "flap" => flap(words, machines),
        _ => Err(unknown(verb, &VERBS)),
    };
    fault.map(|fault| vec![fault])
}

fn several(cuts: Vec<Fault>, machines: usize, least: usize) -> Result<Vec<Fault>, Reason> {
    if cuts.is_empty() { Err(FaultError::TooFew { machines, least }.into()) } else { Ok(cuts) }
}

/// `A from B` or, one way, `A to B`.
fn sides(words: &mut Words<'_>, machines: usize) -> Result<(Nodes, Nodes, bool), Reason> {
    let a = words.nodes(machines)?;
    let both = words.one_of(&["from", "to"])? == "from";
    let b = far_side(words, &a, machines)?;
    Ok((a, b, both))
}

/// `A from B` where there is no one way.
fn two_sides(words: &mut Words<'_>, machines: usize) -> Result<(Nodes, Nodes), Reason> {
    let a = words.nodes(machines)?;
    words.one_of(&["from"])?;
    let b = far_side(words, &a, machines)?;
    Ok((a, b))
}

fn far_side(words: &mut Words<'_>, a: &Nodes, machines: usize) -> Result<Nodes, Reason> {
    if words.has("others") { Ok(a.others(machines)) } else { words.nodes(machines) }
}

fn slow(words: &mut Words<'_>, machines: usize) -> Result<Fault, Reason> {
    let (from, to, both) = sides(words, machines)?;
    words.one_of(&["latency"])?;
    let latency = words.time("the latency, as 50ms")?;
    let jitter = if words.has("jitter") { words.time("the jitter, as 10ms")? } else { Default::default() };
    let rate = if words.has("rate") { Some(words.number("bytes a second", (1, u64::MAX))?) } else { None };
    if let Some(word) = words.peek() {
        return Err(unknown(word, &["jitter", "rate"]));
    }
    Ok(Fault::Slow { from, to, both, latency, jitter, rate })
}

fn lose(words: &mut Words<'_>, machines: usize) -> Result<Fault, Reason> {
    let percent = u8::try_from(words.percent((1, 100))?).expect("the range fits");
    let (from, to, both) = sides(words, machines)?;
    Ok(Fault::Lose { from, to, both, percent })
}

fn pause(words: &mut Words<'_>, machines: usize) -> Result<Fault, Reason> {
    let node = words.node(machines)?;
    words.one_of(&["for"])?;
    Ok(Fault::pause(node, words.time("how long, as 20s")?))
}

fn starve(words: &mut Words<'_>, machines: usize) -> Result<Fault, Reason> {
    let node = words.node(machines)?;
    words.one_of(&["by"])?;
    let delay = words.time("the longest delay, as 3s")?;
    words.one_of(&["for"])?;
    Ok(Fault::Starve { node, delay, time: words.time("how long, as 10s")? })
}

fn clock(words: &mut Words<'_>, machines: usize) -> Result<Fault, Reason> {
    let node = words.node(machines)?;
    let way = words.one_of(&["fast", "slow", "true"])?;
    if way == "true" {
        return Ok(Fault::ClockRate { node, per_mille: 0 });
    }
    let most = u64::from(MOST_PER_MILLE.unsigned_abs());
    let by = i32::try_from(words.number("how many per mille", (1, most))?).expect("the range fits");
    words.one_of(&["per"])?;
    words.one_of(&["mille"])?;
    Ok(Fault::ClockRate { node, per_mille: if way == "fast" { by } else { -by } })
}

fn wall(words: &mut Words<'_>, machines: usize) -> Result<Fault, Reason> {
    let node = words.node(machines)?;
    let word = words.take("how far, as +24h or -24h")?;
    let by_ms = jump(word).ok_or_else(|| Reason::NotATime { word: word.to_owned() })?;
    Ok(Fault::WallJump { node, by_ms })
}

/// `+24h` or `-1.5s`, in whole milliseconds.
fn jump(word: &str) -> Option<i64> {
    let (sign, rest) = match word.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, word.strip_prefix('-')?),
    };
    let time = super::words::time(rest).filter(|time| time.subsec_nanos() % 1_000_000 == 0)?;
    i64::try_from(time.as_millis()).ok().map(|ms| sign * ms)
}

fn disk(words: &mut Words<'_>, machines: usize) -> Result<Fault, Reason> {
    let full = words.one_of(&["full", "free"])? == "full";
    Ok(Fault::DiskFull { node: words.node(machines)?, full })
}

fn flap(words: &mut Words<'_>, machines: usize) -> Result<Fault, Reason> {
    let (from, to) = two_sides(words, machines)?;
    words.one_of(&["up"])?;
    let up = words.time("how long it is up, as 20s")?;
    words.one_of(&["down"])?;
    let down = words.time("how long it is down, as 20s")?;
    words.one_of(&["for"])?;
    Ok(Fault::Flap { from, to, up, down, time: words.time("how long in all, as 10m")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Plan::parse(text, 5).expect_err(text).to_string()
    }

    #[test]
    fn each_sentence_is_read_and_printed_the_same() {
        let text = "\
at 0s cut n1,n2 from n3,n4,n5
at 250ms cut n1 to n2
at 1s mend n1 from n2
at 1s mend n1 to n2
at 2s slow n1 to n2 latency 50ms jitter 10ms rate 125000
at 2s slow n1,n2 from n3 latency 2s
at 3s lose 20% n1,n2 from n3
at 3s lose 20% n1 to n3
at 4s reset n1 from n2
at 5s kill n3
at 5s power off n4
at 6s start n3
at 7.5s pause n2 for 20s
at 8s starve n2 by 3s for 10s
at 9s clock n2 fast 10 per mille
at 9s clock n3 slow 10 per mille
at 9s clock n3 true
at 10s wall n2 +24h
at 10s wall n2 -1.5s
at 11s disk full n3
at 12s disk free n3
at 80s flap n1 from n2 up 20s down 20s for 10m
at 1h heal
";
        assert_eq!(Plan::parse(text, 5).unwrap().to_string(), text);
    }

    #[test]
    fn short_forms_are_written_out() {
        let plan = Plan::parse("at 1s cut n1..n3 from others\n\n# over\nat 61s cut ring # round", 5).unwrap();
        let text: Vec<_> = plan.steps.iter().map(Step::to_string).collect();
        assert_eq!(text[0], "at 1s cut n1,n2,n3 from n4,n5");
        assert_eq!(text[1..], Fault::ring(5).iter().map(|cut| format!("at 61s {cut}")).collect::<Vec<_>>());
        assert!(
            error("at 1s cut all from others")
                .ends_with("one side is empty: name at least one machine on each")
        );
        assert!(Plan::parse("at 1s cut ring", 3).unwrap_err().to_string().ends_with("it takes at least 4"));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_line_and_reason() {
        let table = [
            (
                "at 1s heal\n\nat 2s kil n1",
                "line 3: `at 2s kil n1`: `kil` is not known here: did you mean `kill`?",
            ),
            ("at 1s kill n9", "line 1: `at 1s kill n9`: there is no n9: the machines are n1 to n5"),
            ("at 1s kill x", "line 1: `at 1s kill x`: `x` is no machine: they are called n1, n2 and so on"),
            (
                "at 2s heal\nat 1s heal",
                "line 2: `at 1s heal`: time goes backwards: 1s comes after 2s above; put the lines in order of time",
            ),
            (
                "at 1s lose 120% n1 from n2",
                "line 1: `at 1s lose 120% n1 from n2`: `120%` is not one of the numbers allowed here: 1 to 100",
            ),
            (
                "at 1s cut n1 off n2",
                "line 1: `at 1s cut n1 off n2`: `off` is not known here: it should be one of from, to",
            ),
            ("on 1s heal", "line 1: `on 1s heal`: `on` is not known here: it should be `at`"),
            ("at 1s", "line 1: `at 1s`: the line ends too early: add what happens, as `cut` or `kill`"),
            ("at 1s heal n1", "line 1: `at 1s heal n1`: the line should end before `n1`: remove the rest"),
            (
                "at 10 heal",
                "line 1: `at 10 heal`: `10` is no time: write it as 250ms, 10s, 1.5s, 5m, 1h or 1m30s, up to a year",
            ),
            (
                "at 1s cut n1 from n1,n2",
                "line 1: `at 1s cut n1 from n1,n2`: n1 is on both sides: a machine always reaches itself",
            ),
            (
                "at 1s slow n1 to n2 latency 1s rat 5",
                "line 1: `at 1s slow n1 to n2 latency 1s rat 5`: `rat` is not known here: did you mean `rate`?",
            ),
            (
                "at 1s pause n1 for 0s",
                "line 1: `at 1s pause n1 for 0s`: the pause is zero: leave the fault out, or give it more",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(error(text), expected);
        }
        for text in [
            "at 1s wall n1 24h",
            "at 1s wall n1 +1us",
            "at 1s clock n1 fast 900 per mille",
            "at 1s reset n1 to n2",
        ] {
            assert!(Plan::parse(text, 5).is_err(), "{text}");
        }
    }
}
