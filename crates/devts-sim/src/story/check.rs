//! A story as a whole: lines put together, times in order, and nothing expected that can never be judged. Knows no words
//! but those that begin a line.

use super::error::{Reason, StoryError};
use super::line::{self, Frame, MOST_NODES, Said};
use super::parts::{Action, Line, Step, Story};
use super::{contradict, presence::Presence};
use crate::plan::words::{Reason as Words, Words as Read};
use std::time::Duration;

/// A line that is not empty: its number, and its words with one space between.
type Text = (usize, String);

impl Story {
    /// Reads a story.
    ///
    /// # Errors
    ///
    /// With the first line that cannot be understood or never be judged, and why.
    pub fn parse(text: &str) -> Result<Story, StoryError> {
        let texts: Vec<Text> =
            text.lines().enumerate().filter_map(|(above, line)| normal(above + 1, line)).collect();
        let frame = frame(&texts);
        let mut story = Story {
            nodes: 0,
            machines: frame.machines,
            lasts: Duration::ZERO,
            seeds: 1,
            settings: Vec::new(),
            steps: Vec::new(),
            expectations: Vec::new(),
        };
        for (place, text) in texts.iter().enumerate() {
            said_once(&texts[..place], text)?;
            story.add(text, frame)?;
        }
        whole(&story, texts.last())?;
        ordered(&story)?;
        let presence = Presence::of(&story);
        for line in &story.expectations {
            presence.judge(&story, &line.is).map_err(|reason| fault_at(line, reason))?;
        }
        contradict::check(&story)?;
        Ok(story)
    }

    fn add(&mut self, (number, text): &Text, frame: Frame) -> Result<(), StoryError> {
        let said = line::read(&mut Read::of(text), frame);
        let line = |reason| StoryError { line: *number, text: text.clone(), reason };
        match said.map_err(|reason| line(reason.into()))? {
            Said::Nodes(nodes) => self.nodes = nodes,
            Said::Lasts(lasts) => self.lasts = lasts,
            Said::Seeds(seeds) => self.seeds = seeds,
            Said::Set(setting) => self.settings.push(setting),
            Said::Step(is) => self.steps.push(Line { number: *number, text: text.clone(), is }),
            Said::Expects(is) => self.expectations.push(Line { number: *number, text: text.clone(), is }),
        }
        Ok(())
    }
}

fn normal(number: usize, line: &str) -> Option<Text> {
    let (line, _comment) = line.split_once('#').unwrap_or((line, ""));
    let words: Vec<&str> = line.split_whitespace().collect();
    (!words.is_empty()).then(|| (number, words.join(" ")))
}

/// What other lines need to know before they are read. What is wrong with these is told when it is their turn.
fn frame(texts: &[Text]) -> Frame {
    let mut frame = Frame { machines: 0, lasts: Duration::ZERO };
    for (_, text) in texts {
        let words: Vec<&str> = text.split(' ').collect();
        match words[..] {
            ["nodes", count, ..] => frame.machines = frame.machines.max(count.parse().unwrap_or(0)),
            ["lasts", lasts, ..] => frame.lasts = crate::plan::words::time(lasts).unwrap_or_default(),
            ["at" | "every", _, who, "joins" | "join", ..] => {
                let nodes = Read::of(who).nodes(MOST_NODES).unwrap_or_default();
                frame.machines = frame.machines.max(nodes.iter().last().map_or(0, |node| node.0 + 1));
            }
            _ => {}
        }
    }
    frame.machines = frame.machines.min(MOST_NODES);
    frame
}

/// No line stands twice, and no value has two.
fn said_once(above: &[Text], (number, text): &Text) -> Result<(), StoryError> {
    let value = |text: &str| {
        let mut words = text.split(' ');
        match words.next() {
            Some("set") => words.next().map(|name| format!("set {name}")),
            Some(head @ ("nodes" | "lasts" | "seeds")) => Some(head.to_owned()),
            _ => None,
        }
    };
    let same = |other: &&Text| other.1 == *text || (value(text).is_some() && value(text) == value(&other.1));
    match above.iter().find(same) {
        Some((first, _)) => {
            Err(StoryError { line: *number, text: text.clone(), reason: Reason::Twice { first: *first } })
        }
        None => Ok(()),
    }
}

/// Nothing is missing.
fn whole(story: &Story, last: Option<&Text>) -> Result<(), StoryError> {
    let reason = if story.nodes == 0 {
        Reason::NoNodes
    } else if story.lasts.is_zero() {
        Reason::NoEnd
    } else if story.expectations.is_empty() {
        Reason::NoExpectations
    } else {
        return Ok(());
    };
    let (line, text) = last.cloned().unwrap_or((1, String::new()));
    Err(StoryError { line, text, reason })
}

pub(super) fn fault_at<T>(line: &Line<T>, reason: Reason) -> StoryError {
    StoryError { line: line.number, text: line.text.clone(), reason }
}

// ---- times -----------------------------------------------------------------------------------------------------

/// Times are within the story, spans have a moment in them, and the lines go forwards.
fn ordered(story: &Story) -> Result<(), StoryError> {
    let mut moments: Vec<(usize, Duration)> = Vec::new();
    for line in &story.steps {
        within_story(story, line, &step_times(&line.is))?;
        if line.is.again.is_none() {
            moments.push((line.number, line.is.from));
        }
    }
    for line in &story.expectations {
        use super::Expectation::{AtMost, By, Never};
        match line.is {
            By { at, .. } => {
                within_story(story, line, &[at])?;
                // `at the end` may stand anywhere.
                if line.text.starts_with("by ") {
                    moments.push((line.number, at));
                }
            }
            Never { after, before, .. } | AtMost { after, before, .. } => {
                within_story(story, line, &[after, before])?;
            }
            _ => {}
        }
    }
    moments.sort_by_key(|(number, _)| *number);
    let backwards = moments.windows(2).find(|pair| pair[1].1 < pair[0].1);
    let Some([(_, before), (number, at)]) = backwards else { return Ok(()) };
    let reason = Words::Backwards { at: *at, before: *before };
    Err(StoryError { line: *number, text: story.text(*number), reason: reason.into() })
}

fn step_times(step: &Step) -> Vec<Duration> {
    [Some(step.from), step.again.map(|(_, until)| until)].into_iter().flatten().collect()
}

/// The times of one line: a moment, or the two ends of a span.
fn within_story<T>(story: &Story, line: &Line<T>, times: &[Duration]) -> Result<(), StoryError> {
    let lasts = story.lasts;
    if let Some(at) = times.iter().find(|at| **at > lasts) {
        return Err(fault_at(line, Reason::AfterTheEnd { at: *at, lasts }));
    }
    match times {
        [after, before] if after >= before => Err(fault_at(line, Reason::NoMoment)),
        _ => Ok(()),
    }
}

impl Story {
    fn text(&self, number: usize) -> String {
        let steps = self.steps.iter().map(|line| (line.number, &line.text));
        let expectations = self.expectations.iter().map(|line| (line.number, &line.text));
        let found = steps.chain(expectations).find(|(other, _)| *other == number);
        found.map(|(_, text)| text.clone()).unwrap_or_default()
    }

    /// Whether somebody does this whom `who` may mean.
    pub(super) fn somebody(&self, does: impl Fn(&Action) -> bool) -> bool {
        self.steps.iter().any(|line| does(&line.is.action))
    }
}
