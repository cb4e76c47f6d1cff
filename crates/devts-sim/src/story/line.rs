//! What each line says: a function for each kind. Knows no other line; the words are the plan's.

use super::parts::{Action, Condition, Expectation, Much, Seed, Seen, Setting, Step, Told, Who};
use crate::fault::{Fault, MachineId, Nodes};
use crate::plan::read::{VERBS as FAULTS, parse_fault};
use crate::plan::words::{Reason, Words, nearest, unknown};
use std::time::Duration;

/// What a line can be.
pub(super) enum Said {
    Nodes(usize),
    Lasts(Duration),
    Seeds(u64),
    Set(Setting),
    Step(Step),
    Expects(Expectation),
}

/// What a line leaves open is filled in from here.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) machines: usize,
    pub(super) lasts: Duration,
}

type Found<T> = Result<T, Reason>;

/// The most nodes that a story may have.
pub(super) const MOST_NODES: usize = 1000;

/// One line, to its end.
pub(super) fn read(words: &mut Words<'_>, frame: Frame) -> Found<Said> {
    const HEADS: [&str; 8] = ["nodes", "lasts", "seeds", "set", "at", "every", "by", "never"];
    let said = match words.one_of(&HEADS)? {
        "nodes" => Said::Nodes(words.number("how many nodes", (1, MOST_NODES as u64))? as usize),
        "lasts" => Said::Lasts(above_zero(words, "how long the story lasts, as 2m")?),
        "seeds" => Said::Seeds(words.number("how many seeds", (1, 1000))?),
        "set" => Said::Set(setting(words)?),
        "every" => Said::Step(every(words, frame)?),
        "by" => {
            let at = words.time("a time, as 10s")?;
            Said::Expects(Expectation::By { at, what: condition(words, frame)? })
        }
        "never" => {
            let (after, before) = span(words, frame)?;
            who_or(words, &["after", "before", "anybody"])?;
            Said::Expects(Expectation::Never { after, before, what: condition(words, frame)? })
        }
        _ => at(words, frame)?,
    };
    words.end()?;
    Ok(said)
}

fn at(words: &mut Words<'_>, frame: Frame) -> Found<Said> {
    if words.has("the") {
        return Ok(Said::Expects(at_the_end(words, frame)?));
    }
    if words.has("most") {
        return Ok(Said::Expects(at_most(words, frame)?));
    }
    let from = words.time("a time as 10s, `the end` or `most`")?;
    Ok(Said::Step(Step { from, again: None, action: action(words, frame, &[])? }))
}

fn setting(words: &mut Words<'_>) -> Found<Setting> {
    const NAMES: [&str; 8] = ["history", "window", "state", "latency", "tick", "members", "redial", "forget"];
    Ok(match words.one_of(&NAMES)? {
        "history" => Setting::History(bytes(words)?),
        "window" => Setting::Window(bytes(words)?),
        "state" => Setting::State(bytes(words)?),
        "latency" => Setting::Latency(words.time("a latency, as 20ms")?),
        "tick" => Setting::Tick(above_zero(words, "a time, as 15ms")?),
        "members" => Setting::Members(words.number("how many members", (2, MOST_NODES as u64))?),
        "redial" => Setting::Redial(above_zero(words, "a pause, as 5s")?),
        _ => Setting::Forget(above_zero(words, "a time, as 1m")?),
    })
}

// ---- what happens ----------------------------------------------------------------------------------------------

fn every(words: &mut Words<'_>, frame: Frame) -> Found<Step> {
    let pause = above_zero(words, "a pause, as 100ms")?;
    let from = if words.has("from") { words.time("a time, as 10s")? } else { Duration::ZERO };
    let until = if words.has("until") { words.time("a time, as 1m")? } else { frame.lasts };
    Ok(Step { from, again: Some((pause, until)), action: action(words, frame, &["from", "until"])? })
}

/// Both numbers of each verb: one node emits, two emit.
const VERBS: [&str; 14] = [
    "emits", "sends", "asks", "stops", "reads", "joins", "leaves", "emit", "send", "ask", "stop", "read",
    "join", "leave",
];

fn action(words: &mut Words<'_>, frame: Frame, before: &[&str]) -> Found<Action> {
    let what = || Reason::Missing { what: "what happens, as `n1 emits` or `kill n1`".into() };
    let word = words.peek().ok_or_else(what)?;
    if FAULTS.contains(&word) {
        return faults(words, frame).map(Action::Faults);
    }
    if !is_who(word) {
        return Err(unknown(word, &[&FAULTS[..], &["everybody"], before].concat()));
    }
    let who = who(words, frame)?;
    Ok(match words.one_of(&VERBS)?.trim_end_matches('s') {
        "emit" => Action::Emit { who, much: much(words, &[])? },
        "send" => Action::Send { who, whom: self::who(words, frame)?, much: much(words, &[])? },
        "ask" => {
            let (whom, much) = (self::who(words, frame)?, much(words, &["within"])?);
            words.one_of(&["within"])?;
            Action::Ask { who, whom, much, within: above_zero(words, "a deadline, as 2s")? }
        }
        "stop" => words.one_of(&["reading"]).map(|_| Action::StopReading(who))?,
        "read" => words.one_of(&["on"]).map(|_| Action::ReadOn(who))?,
        "join" => join(words, who, frame)?,
        _ => Action::Leave(who),
    })
}

/// A fault of a plan; and of those that happen to one machine, the same to several.
fn faults(words: &mut Words<'_>, frame: Frame) -> Found<Vec<Fault>> {
    let mut ahead = words.clone();
    let each: fn(MachineId) -> Fault = match ahead.take("a fault")? {
        "kill" => Fault::kill,
        "start" => Fault::start,
        "power" if ahead.has("off") => Fault::power_off,
        _ => return parse_fault(words, frame.machines),
    };
    *words = ahead;
    Ok(words.nodes(frame.machines)?.iter().map(each).collect())
}

/// `[1000 times] [64 KiB]`, and then one of these words.
fn much(words: &mut Words<'_>, then: &[&str]) -> Found<Much> {
    let (mut times, mut bytes) = (None, None);
    while let Some(word) = words.peek().filter(|word| !then.contains(word)) {
        let number = words.number("a number", (0, 1 << 30)).map_err(|_| unknown(word, then))?;
        match words.one_of(&["times", "B", "KiB", "MiB"])? {
            "times" => times = Some(number),
            unit => bytes = Some(number.saturating_mul(factor(unit))),
        }
    }
    Ok(Much { times: times.unwrap_or(1), bytes: bytes.unwrap_or(0) })
}

fn join(words: &mut Words<'_>, who: Who, frame: Frame) -> Found<Action> {
    let through = if words.has("through") { Some(seeds(words, frame)?) } else { None };
    let as_node = if words.has("as") { Some(words.node(frame.machines)?) } else { None };
    match words.peek() {
        Some(word) => Err(unknown(word, &["through", "as"])),
        None => Ok(Action::Join { who, through, as_node }),
    }
}

fn seeds(words: &mut Words<'_>, frame: Frame) -> Found<Vec<Seed>> {
    let list = words.take("seeds, as `n1,n2` or `nobody`")?;
    let seed = |name| match name {
        "nobody" => Ok(Seed::Nobody),
        name => Words::of(name).node(frame.machines).map(Seed::Node),
    };
    list.split(',').map(seed).collect()
}

// ---- what is expected ------------------------------------------------------------------------------------------

/// `[after T] [before T]`
fn span(words: &mut Words<'_>, frame: Frame) -> Found<(Duration, Duration)> {
    let after = if words.has("after") { words.time("a time, as 10s")? } else { Duration::ZERO };
    let before = if words.has("before") { words.time("a time, as 1m")? } else { frame.lasts };
    Ok((after, before))
}

fn condition(words: &mut Words<'_>, frame: Frame) -> Found<Condition> {
    let who = who(words, frame)?;
    Ok(match words.one_of(&["sees", "is", "has", "see", "are", "have"])? {
        "sees" | "see" if words.has("only") => Condition::SeesOnly { who, whom: self::who(words, frame)? },
        "sees" | "see" => Condition::Sees { who, whom: self::who(words, frame)?, how: seen(words)? },
        "is" | "are" => told(words, who, frame)?,
        _ => words.one_of(&["stopped"]).map(|_| Condition::Stopped { who })?,
    })
}

fn seen(words: &mut Words<'_>) -> Found<Seen> {
    if words.peek().is_none() {
        return Ok(Seen::Present);
    }
    Ok(match words.one_of(&["present", "failed", "left", "gone"])? {
        "present" => Seen::Present,
        "failed" => Seen::Failed,
        "left" => Seen::Left,
        _ => Seen::Gone,
    })
}

fn told(words: &mut Words<'_>, who: Who, frame: Frame) -> Found<Condition> {
    words.one_of(&["told"])?;
    let what = match words.one_of(&["gap", "busy", "timeout", "down", "restarted", "undeliverable"])? {
        "gap" => Told::Gap,
        "busy" => Told::Busy,
        "timeout" => Told::Timeout,
        "down" => Told::Down,
        "restarted" => Told::Restarted,
        _ => Told::Undeliverable,
    };
    let of = if words.has("of") { Some(self::who(words, frame)?) } else { None };
    match words.peek() {
        Some(word) => Err(unknown(word, &["of"])),
        None => Ok(Condition::Told { who, what, of }),
    }
}

fn at_most(words: &mut Words<'_>, frame: Frame) -> Found<Expectation> {
    let count = words.number("how many view changes", (0, 1_000_000))?;
    all_of(words, &["view", "changes", "at"])?;
    let who = who(words, frame)?;
    let (after, before) = span(words, frame)?;
    let per_minute = words.has("per");
    if per_minute {
        words.one_of(&["minute"])?;
    }
    match words.peek() {
        Some(word) => Err(unknown(word, &["after", "before", "per"])),
        None => Ok(Expectation::AtMost { count, who, after, before, per_minute }),
    }
}

fn at_the_end(words: &mut Words<'_>, frame: Frame) -> Found<Expectation> {
    words.one_of(&["end"])?;
    if !words.has("every") {
        who_or(words, &["every", "everybody"])?;
        return Ok(Expectation::By { at: frame.lasts, what: condition(words, frame)? });
    }
    let what = words.one_of(&["event", "send", "request"])?;
    let everybody = Who::All { but: Nodes::default() };
    let of = if words.has("of") { who(words, frame)? } else { everybody };
    match what {
        "event" => events(words, of, frame),
        "send" => sends(words, of),
        _ => requests(words, of),
    }
}

fn events(words: &mut Words<'_>, of: Who, frame: Frame) -> Found<Expectation> {
    all_of(words, &["was", "handled", "once"])?;
    let or_told = words.one_of(&["by", "or"])? == "or";
    if or_told {
        all_of(words, &["told", "missing", "by"])?;
    }
    Ok(Expectation::Events { of, by: who(words, frame)?, or_told })
}

fn sends(words: &mut Words<'_>, of: Who) -> Found<Expectation> {
    all_of(words, &["arrived"])?;
    let or_told = words.peek().is_some();
    if or_told {
        all_of(words, &["or", "was", "told"])?;
    }
    Ok(Expectation::Sends { of, or_told })
}

fn requests(words: &mut Words<'_>, of: Who) -> Found<Expectation> {
    all_of(words, &["was", "answered"])?;
    let or_told = words.has("or");
    if or_told {
        all_of(words, &["told"])?;
    }
    let within = match words.peek() {
        Some(_) => {
            words.one_of(&["within"])?;
            Some(above_zero(words, "a time, as 500ms")?)
        }
        None => None,
    };
    Ok(Expectation::Requests { of, or_told, within })
}

// ---- values ----------------------------------------------------------------------------------------------------

/// Whether a word begins a *who*, perhaps a misspelt one.
fn is_who(word: &str) -> bool {
    let digits = word.strip_prefix('n').unwrap_or_default();
    matches!(word, "everybody" | "anybody") || digits.starts_with(|c: char| c.is_ascii_digit())
}

/// A *who* comes next, if it is not one of these words misspelt.
fn who_or(words: &Words<'_>, others: &[&str]) -> Found<()> {
    match words.peek().filter(|word| !is_who(word)) {
        Some(word) => Err(unknown(word, others)),
        None => Ok(()),
    }
}

/// `n1,n3..n5`, `everybody`, `anybody`, `everybody but n3`.
fn who(words: &mut Words<'_>, frame: Frame) -> Found<Who> {
    const ALL: [&str; 2] = ["everybody", "anybody"];
    if let Some(word) = words.peek().filter(|word| *word == "all" || nearest(word, &ALL).is_some()) {
        words.one_of(&ALL).map_err(|_| unknown(word, &ALL))?;
        let but = if words.has("but") { words.nodes(frame.machines)? } else { Nodes::default() };
        return Ok(Who::All { but });
    }
    words.nodes(frame.machines).map(Who::Named)
}

fn all_of(words: &mut Words<'_>, each: &[&'static str]) -> Found<()> {
    each.iter().try_for_each(|word| words.one_of(&[*word]).map(|_| ()))
}

fn above_zero(words: &mut Words<'_>, what: &str) -> Found<Duration> {
    let word = words.peek().unwrap_or_default();
    let time = words.time(what)?;
    if time.is_zero() { Err(Reason::NotATime { word: word.to_owned() }) } else { Ok(time) }
}

fn bytes(words: &mut Words<'_>) -> Found<u64> {
    let number = words.number("a length, as 64 KiB", (0, 1 << 30))?;
    Ok(number.saturating_mul(factor(words.one_of(&["B", "KiB", "MiB"])?)))
}

fn factor(unit: &str) -> u64 {
    match unit {
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => 1,
    }
}
