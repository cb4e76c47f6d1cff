//! Why a text is no story: the line, and what is wrong with it. Knows no grammar.

use crate::fault::MachineId;
use std::fmt;
use std::time::Duration;

/// A text that is no story, or one that could not be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoryError {
    /// The number of the line, from 1. What is missing is told of the last one.
    pub line: usize,
    /// The line.
    pub text: String,
    /// What is wrong with it.
    pub reason: Reason,
}

impl fmt::Display for StoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: `{}`: {}", self.line, self.text, self.reason)
    }
}

impl std::error::Error for StoryError {}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// A word that is not known, a node that the story does not have, a time before the one above: as in a plan.
    Words(crate::plan::Reason),
    /// The same was said before.
    Twice {
        /// Where.
        first: usize,
    },
    /// The story does not say how many nodes there are.
    NoNodes,
    /// The story does not say how long it lasts.
    NoEnd,
    /// The story expects nothing.
    NoExpectations,
    /// A time after the story's end.
    AfterTheEnd {
        /// The time.
        at: Duration,
        /// When the story ends.
        lasts: Duration,
    },
    /// A span of time that has no moment in it.
    NoMoment,
    /// A node would have to see something, or to be seen, and does not run then.
    NotThere {
        /// Which, or none of those that were meant.
        node: Option<MachineId>,
        /// When.
        at: Duration,
    },
    /// A node is expected not to have what it cannot get: nobody emits, sends or asks.
    NothingSaid {
        /// What nobody does.
        verb: &'static str,
    },
    /// Two expectations that exclude each other.
    Contradiction {
        /// The other line.
        with: usize,
    },
}

impl From<crate::plan::Reason> for Reason {
    fn from(reason: crate::plan::Reason) -> Reason {
        Reason::Words(reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Words(reason) => reason.fmt(f),
            Reason::Twice { first } => write!(f, "line {first} says this already"),
            Reason::NoNodes => f.write_str("the story does not say how many nodes it has: `nodes 3`"),
            Reason::NoEnd => f.write_str("the story does not say how long it lasts: `lasts 2m`"),
            Reason::NoExpectations => f.write_str(
                "the story expects nothing: add a line with `by`, `never`, `at most` or `at the end`",
            ),
            Reason::AfterTheEnd { at, lasts } => {
                write!(f, "{at:?} is after the end of the story, which lasts {lasts:?}")
            }
            Reason::NoMoment => f.write_str("there is no moment between these times"),
            Reason::NotThere { node: Some(node), at } => {
                write!(f, "it can never be judged: {node} does not run at {at:?}")
            }
            Reason::NotThere { node: None, at } => write!(f, "it can never be judged: nobody runs at {at:?}"),
            Reason::NothingSaid { verb } => write!(f, "it can never be judged: nobody {verb} in this story"),
            Reason::Contradiction { with } => write!(f, "line {with} expects the opposite"),
        }
    }
}
