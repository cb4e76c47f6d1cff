//! What a story is made of, as values: who, when, what is done, what is expected. Knows no words and no node.

use crate::fault::{Fault, MachineId, Nodes};
use std::fmt;
use std::time::Duration;

/// A story that can be judged: see the module.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Story {
    /// How many nodes start at the beginning: n1, n2 and so on.
    pub nodes: usize,
    /// How many machines there are: those of the first nodes, and of all that join later.
    pub machines: usize,
    /// When the story is over.
    pub lasts: Duration,
    /// From how many seeds it is run.
    pub seeds: u64,
    /// What is other than usual.
    pub settings: Vec<Setting>,
    /// What happens.
    pub steps: Vec<Line<Step>>,
    /// What is expected.
    pub expectations: Vec<Line<Expectation>>,
}

/// A part of a story and the line that says it.
#[derive(Clone, Debug, PartialEq)]
pub struct Line<T> {
    /// Its number, from 1.
    pub number: usize,
    /// Its words, without the comment.
    pub text: String,
    /// What it says.
    pub is: T,
}

/// Nodes, by name or all of them. Which nodes `everybody` is depends on when it is asked: those that run then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// `n1,n3..n5`
    Named(Nodes),
    /// `everybody`, `anybody`, `everybody but n3`
    All {
        /// Who is not meant.
        but: Nodes,
    },
}

impl Who {
    /// Whether this node may be meant.
    pub fn holds(&self, node: MachineId) -> bool {
        match self {
            Who::Named(nodes) => nodes.contains(node),
            Who::All { but } => !but.contains(node),
        }
    }
}

/// A setting that is other than usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Setting {
    /// Bytes of events that a node keeps.
    History(u64),
    /// Bytes that a node takes from a peer before its turns have used them.
    Window(u64),
    /// Nodes keep a state of that many bytes beside what they heard, and give it to who joins.
    State(u64),
    /// The time a packet takes.
    Latency(Duration),
    /// The steps in which time goes on.
    Tick(Duration),
    /// The most members.
    Members(u64),
    /// The longest pause between dials of who is not reached.
    Redial(Duration),
    /// How long who failed is remembered.
    Forget(Duration),
}

/// Something that happens, once or again and again.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The first time.
    pub from: Duration,
    /// Then with this pause, until then (not included).
    pub again: Option<(Duration, Duration)>,
    /// What.
    pub action: Action,
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// Things break, or are mended.
    Faults(Vec<Fault>),
    /// Each emits events.
    Emit {
        /// Who does.
        who: Who,
        /// How many, and how long each is.
        much: Much,
    },
    /// Each sends events to each.
    Send {
        /// Who does.
        who: Who,
        /// To whom.
        whom: Who,
        /// How many to each, and how long each is.
        much: Much,
    },
    /// Each makes requests of each.
    Ask {
        /// Who does.
        who: Who,
        /// Of whom.
        whom: Who,
        /// How many of each, and how long each is.
        much: Much,
        /// The deadline.
        within: Duration,
    },
    /// A handler does not end: nothing is read any more.
    StopReading(Who),
    /// It ends.
    ReadOn(Who),
    /// A node starts.
    Join {
        /// On these machines.
        who: Who,
        /// Its seeds, if they are others than usual; an empty name resolves to nothing.
        through: Option<Vec<Seed>>,
        /// Whose node id it has, if that is another's.
        as_node: Option<MachineId>,
    },
    /// A node leaves by itself.
    Leave(Who),
}

/// A seed of a node that joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seed {
    /// The node on this machine, which may not run.
    Node(MachineId),
    /// A name that does not resolve.
    Nobody,
}

/// How many events, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Much {
    /// How many.
    pub times: u64,
    /// The bytes of each beside its number.
    pub bytes: u64,
}

/// What must be so.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Expectation {
    /// So it is at a time; or, of what is told, so it was until then.
    By {
        /// The time.
        at: Duration,
        /// What.
        what: Condition,
    },
    /// So it is at no time between.
    Never {
        /// From when on.
        after: Duration,
        /// Until when.
        before: Duration,
        /// What.
        what: Condition,
    },
    /// Views do not change more often.
    AtMost {
        /// Than so many times,
        count: u64,
        /// on each of these,
        who: Who,
        /// from when on,
        after: Duration,
        /// until when;
        before: Duration,
        /// in each minute, not in all.
        per_minute: bool,
    },
    /// Of all events, once nothing new is said.
    Events {
        /// Whose.
        of: Who,
        /// Who must have handled them.
        by: Who,
        /// Told missing is as good.
        or_told: bool,
    },
    /// Of all sends.
    Sends {
        /// Whose.
        of: Who,
        /// Told to the sender is as good.
        or_told: bool,
    },
    /// Of all requests.
    Requests {
        /// Whose.
        of: Who,
        /// An error within the deadline is as good.
        or_told: bool,
        /// The longest an answer took.
        within: Option<Duration>,
    },
}

/// What can be so at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// Each sees each so.
    Sees {
        /// Who sees.
        who: Who,
        /// Whom.
        whom: Who,
        /// How.
        how: Seen,
    },
    /// The view of each holds these, and nobody else.
    SeesOnly {
        /// Whose.
        who: Who,
        /// Whom it holds.
        whom: Who,
    },
    /// Each is told.
    Told {
        /// Who is.
        who: Who,
        /// What.
        what: Told,
        /// Of whom, if that matters.
        of: Option<Who>,
    },
    /// The node has stopped, though nobody asked it to.
    Stopped {
        /// Which.
        who: Who,
    },
}

/// How a node sees another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is in the view, with the process that runs.
    Present,
    /// It was in the view, and is not since it failed.
    Failed,
    /// It was in the view, and is not since it left.
    Left,
    /// It is not in the view.
    Gone,
}

/// What a node can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// Events of an origin that it will not get.
    Gap,
    /// A request was refused: too many run.
    Busy,
    /// A request was not answered in time.
    Timeout,
    /// A request ended because its peer failed or left.
    Down,
    /// A request ended because its peer was restarted.
    Restarted,
    /// A send that was accepted does not arrive.
    Undeliverable,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Seen::Present => "present",
            Seen::Failed => "failed",
            Seen::Left => "left",
            Seen::Gone => "gone",
        })
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Told::Gap => "gap",
            Told::Busy => "busy",
            Told::Timeout => "timeout",
            Told::Down => "down",
            Told::Restarted => "restarted",
            Told::Undeliverable => "undeliverable",
        })
    }
}
