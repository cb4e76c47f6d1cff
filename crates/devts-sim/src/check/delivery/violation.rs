//! What can be wrong with the delivery of events, in numbers and in words. Knows not how it is found.

use crate::check::LifeId;
use std::fmt;

/// One breach of the delivery contract. Its text names machines and numbers: `n3 handled 9 of n1 after 6: ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are named as the arguments of `Delivery`'s verbs")]
pub enum Violation {
    /// An event was handled that the receiver had handled before, or that was accounted for otherwise: it was told as
    /// missing, a restored state reflected it, or it was emitted before the receiver joined.
    Twice { receiver: LifeId, origin: LifeId, number: u64, known: u64 },
    /// Something was skipped: it had not come, and it had not been told. `came`: by an event; otherwise by a told gap.
    OutOfOrder { receiver: LifeId, origin: LifeId, number: u64, after: u64, came: bool },
    /// Events came, or were told as missing, that nobody emitted.
    FromNowhere { receiver: LifeId, origin: LifeId, first: u64, last: u64, emitted: u64, came: bool },
    /// A baseline or a restored state claims events that nobody emitted.
    VectorFromNowhere { receiver: LifeId, origin: LifeId, last: u64, emitted: u64 },
    /// A gap was told that begins with what the receiver had.
    GapOfKnown { receiver: LifeId, origin: LifeId, first: u64, last: u64, known: u64 },
    /// A gap was told in a run that should have none.
    GapForbidden { receiver: LifeId, origin: LifeId, first: u64, last: u64 },
    /// A gap was told whose end is before its start.
    EmptyGap { receiver: LifeId, origin: LifeId, first: u64, last: u64 },
    /// A life did something after it had ended.
    AfterStop { life: LifeId, what: String },
    /// A life did something before it had joined.
    BeforeJoining { life: LifeId, what: String },
    /// A life is alive in the end and has never joined.
    NeverJoined { receiver: LifeId },
    /// A life joined again.
    JoinedTwice { receiver: LifeId },
    /// An origin numbered its events with a hole, or used a number again.
    Numbered { origin: LifeId, number: u64, after: u64 },
    /// In the end, events of a living origin have not reached a living receiver, and it does not know.
    Lost { receiver: LifeId, origin: LifeId, first: u64, last: u64 },
    /// In the end, two receivers have not the same of an origin that is no more.
    Disagree { origin: LifeId, receiver: LifeId, last: u64, other: LifeId, most: u64 },
    /// So many more were found, and not kept.
    More { count: u64 },
}

/// `7`, or `7..8`.
struct Range(u64, u64);

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Range(first, last) if first == last => write!(f, "{first}"),
            Range(first, last) => write!(f, "{first}..{last}"),
        }
    }
}

/// Everything up to a number.
struct UpTo(u64);

impl fmt::Display for UpTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("nothing"),
            1 => f.write_str("1 only"),
            last => write!(f, "1..{last}"),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Violation::*;
        match self {
            Twice { receiver, origin, number, known } => write!(
                f,
                "{receiver} handled {number} of {origin} again: everything up to {known} had been handled, restored or \
                 told as missing, or was earlier than its joining"
            ),
            OutOfOrder { receiver, origin, number, after, came } => {
                let did = if *came { "handled" } else { "was told a gap from" };
                let missing = Range(after + 1, number - 1);
                let was = if after + 2 == *number { "was" } else { "were" };
                write!(
                    f,
                    "{receiver} {did} {number} of {origin} after {after}: {missing} neither came nor {was} told"
                )
            }
            FromNowhere { receiver, origin, first, last, emitted, came } => {
                let did = if *came { "handled" } else { "was told it misses" };
                let (range, emitted) = (Range(*first, *last), UpTo(*emitted));
                write!(f, "{receiver} {did} {range} of {origin}, which has emitted {emitted}")
            }
            VectorFromNowhere { receiver, origin, last, emitted } => {
                let emitted = UpTo(*emitted);
                write!(
                    f,
                    "{receiver} took over a state up to {last} of {origin}, which has emitted {emitted}"
                )
            }
            GapOfKnown { receiver, origin, first, last, known } => {
                let range = Range(*first, *last);
                write!(
                    f,
                    "{receiver} was told it misses {range} of {origin}, but it had everything up to {known}"
                )
            }
            GapForbidden { receiver, origin, first, last } => {
                let range = Range(*first, *last);
                write!(f, "{receiver} was told it misses {range} of {origin}, in a run that allows no gap")
            }
            EmptyGap { receiver, origin, first, last } => {
                write!(
                    f,
                    "{receiver} was told a gap of {origin} that ends before it starts: from {first} to {last}"
                )
            }
            AfterStop { life, what } => write!(f, "{life} {what} after it had stopped"),
            BeforeJoining { life, what } => write!(f, "{life} {what} before it had joined"),
            NeverJoined { receiver } => write!(f, "{receiver} is alive and has never joined"),
            JoinedTwice { receiver } => write!(f, "{receiver} joined twice in one life"),
            Numbered { origin, number, after } => {
                write!(f, "{origin} gave an event the number {number} after {after}, not {}", after + 1)
            }
            Lost { receiver, origin, first, last } => {
                let range = Range(*first, *last);
                write!(f, "{receiver} never got {range} of {origin}, and was not told")
            }
            Disagree { origin, receiver, last, other, most } => {
                let (last, most) = (UpTo(*last), UpTo(*most));
                write!(f, "of {origin}, which is no more, {receiver} has {last}, but {other} has {most}")
            }
            More { count } => write!(f, "and {count} more violations"),
        }
    }
}
