//! What can be wrong with sends and requests, in numbers and in words. Knows not how it is found.

use crate::check::LifeId;
use std::fmt;
use std::time::Duration;

/// One breach of what is promised about sends and requests. Its text names machines and numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are named as the arguments of `Calls`' verbs")]
pub enum Violation {
    /// A send arrived a second time.
    Twice { from: LifeId, to: LifeId, number: u64 },
    /// A send arrived after a later one of the same pair.
    OutOfOrder { from: LifeId, to: LifeId, number: u64, after: u64 },
    /// Something arrived that was not sent.
    FromNowhere { from: LifeId, to: LifeId, number: u64 },
    /// Something was told undeliverable that was not sent.
    ToldFromNowhere { from: LifeId, to: LifeId, number: u64 },
    /// A send was told undeliverable a second time.
    ToldTwice { from: LifeId, to: LifeId, number: u64 },
    /// A send was fed with a number that is not above the last: a mistake of who feeds the checker.
    Numbered { from: LifeId, to: LifeId, number: u64, after: u64 },
    /// In the end, a send between two living has not arrived, and its sender does not know.
    Silence { from: LifeId, to: LifeId, number: u64 },
    /// Two requests were fed with one id: a mistake of who feeds the checker.
    AskedTwice { id: u64 },
    /// A request ran a second time.
    RanTwice { id: u64, by: LifeId },
    /// A request ran that nobody made.
    RanFromNowhere { id: u64 },
    /// A request ended a second time.
    AnsweredTwice { id: u64, by: LifeId },
    /// A request ended that nobody made.
    AnswerFromNowhere { id: u64 },
    /// A reply came, but the handler had not run.
    RepliedUnrun { id: u64, by: LifeId },
    /// A request ended after its deadline and the slack.
    Late { id: u64, by: LifeId, at: Duration, late: Duration },
    /// In the end, the deadline of a request is over, and whoever made it still waits.
    Unanswered { id: u64, by: LifeId, deadline: Duration },
    /// So many more were found, and not kept.
    More { count: u64 },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Violation::*;
        match self {
            Twice { from, to, number } => write!(f, "send {number} from {from} to {to} arrived twice"),
            OutOfOrder { from, to, number, after } => {
                write!(f, "send {number} from {from} to {to} arrived after {after}")
            }
            FromNowhere { from, to, number } => {
                write!(f, "{to} received a send {number} from {from}, which {from} never sent")
            }
            ToldFromNowhere { from, to, number } => {
                write!(f, "{from} was told that send {number} to {to} is undeliverable, and never sent it")
            }
            ToldTwice { from, to, number } => {
                write!(f, "{from} was told twice that send {number} to {to} is undeliverable")
            }
            Numbered { from, to, number, after } => {
                write!(f, "{from} gave a send to {to} the number {number} after {after}: numbers must go up")
            }
            Silence { from, to, number } => {
                write!(f, "send {number} from {from} to {to} neither arrived nor was told undeliverable")
            }
            AskedTwice { id } => write!(f, "two requests have the id {id}"),
            RanTwice { id, by } => write!(f, "request {id} of {by} ran twice"),
            RanFromNowhere { id } => write!(f, "request {id} ran, and nobody made it"),
            AnsweredTwice { id, by } => write!(f, "request {id} of {by} ended twice"),
            AnswerFromNowhere { id } => write!(f, "request {id} ended, and nobody made it"),
            RepliedUnrun { id, by } => write!(f, "request {id} of {by} was replied to, but never ran"),
            Late { id, by, at, late } => {
                let (at, late) = (at.as_secs_f64(), late.as_secs_f64());
                write!(f, "request {id} of {by} ended at {at:.3}s, {late:.3}s after its deadline")
            }
            Unanswered { id, by, deadline } => {
                let deadline = deadline.as_secs_f64();
                write!(f, "request {id} of {by} never ended; its deadline was {deadline:.3}s")
            }
            More { count } => write!(f, "and {count} more violations"),
        }
    }
}
