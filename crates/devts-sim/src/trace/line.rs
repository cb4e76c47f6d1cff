//! One line of a trace: numbers, and text only where text is rare.

use std::fmt;

/// In place of a machine's number: it belongs to no machine.
pub const NOBODY: u16 = u16::MAX;

/// What happened. `machine`, `to`, `about` and `origin` are numbers of machines from 0, printed as n1, n2, ...; `boot`
/// is how often that machine was started, 1 for its first life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A task ran once.
    Poll {
        /// Its number, in the order of their being spawned.
        task: u32,
        /// Where, or [`NOBODY`].
        machine: u16,
    },
    /// Bytes were given to a stream.
    Write {
        /// By whom.
        machine: u16,
        /// Whom the stream leads to.
        to: u16,
        /// How many bytes.
        len: u32,
        /// [`hash_bytes`](crate::hash_bytes) of them.
        hash: u64,
    },
    /// A fault was applied; its text form.
    Fault(Box<str>),
    /// Something that whoever owns the cluster has to say.
    Note {
        /// About whom, or [`NOBODY`].
        machine: u16,
        /// In his words.
        text: Box<str>,
    },
    /// A node emitted an event.
    Emitted {
        /// The origin.
        machine: u16,
        /// Its life.
        boot: u16,
        /// The event's number.
        seq: u64,
    },
    /// A node handled events in a row.
    Handled {
        /// Who.
        machine: u16,
        /// Whose events.
        origin: u16,
        /// The origin's life.
        origin_boot: u16,
        /// The number of the first of them.
        first: u64,
        /// How many; at least 1.
        count: u32,
    },
    /// A node was told that it missed events.
    Gap {
        /// Who.
        machine: u16,
        /// Whose events.
        origin: u16,
        /// The origin's life.
        origin_boot: u16,
        /// The first that is missing.
        first: u64,
        /// The last that is missing.
        last: u64,
    },
    /// A node came up.
    Joined {
        /// Where.
        machine: u16,
        /// Its life.
        boot: u16,
    },
    /// A node ended, by itself or by a fault.
    Stopped {
        /// Where.
        machine: u16,
        /// The life that ended.
        boot: u16,
    },
    /// A node sees a change of its view.
    Member {
        /// Who sees it.
        machine: u16,
        /// Whom it is about.
        about: u16,
        /// What.
        change: Change,
    },
    /// The run failed.
    Failed(Box<str>),
}

/// What a node sees happen to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It is new in the view.
    Joined,
    /// It says something else about itself.
    Updated,
    /// It left by itself.
    Left,
    /// It is believed dead.
    Failed,
    /// The same life is back after it had failed.
    Rejoined,
    /// It is silent, and may fail.
    Suspect,
}

impl What {
    /// Whether the line is more than traffic: everything but polls and writes.
    ///
    /// ```
    /// use devts_sim::What;
    ///
    /// assert!(What::Emitted { machine: 0, boot: 1, seq: 1 }.is_fact());
    /// assert!(!What::Poll { task: 1, machine: 0 }.is_fact());
    /// ```
    pub fn is_fact(&self) -> bool {
        !matches!(self, What::Poll { .. } | What::Write { .. })
    }

    /// At which machine it happened, if at one.
    ///
    /// ```
    /// use devts_sim::{NOBODY, What};
    ///
    /// assert_eq!(What::Poll { task: 1, machine: 3 }.machine(), Some(3));
    /// assert_eq!(What::Poll { task: 1, machine: NOBODY }.machine(), None);
    /// ```
    pub fn machine(&self) -> Option<u16> {
        let machine = match *self {
            What::Poll { machine, .. }
            | What::Write { machine, .. }
            | What::Note { machine, .. }
            | What::Emitted { machine, .. }
            | What::Handled { machine, .. }
            | What::Gap { machine, .. }
            | What::Joined { machine, .. }
            | What::Stopped { machine, .. }
            | What::Member { machine, .. } => machine,
            What::Fault(_) | What::Failed(_) => NOBODY,
        };
        (machine != NOBODY).then_some(machine)
    }

    /// All that the line says, as three words; texts by their hash.
    #[inline]
    pub(super) fn words(&self) -> [u64; 3] {
        let text = |kind, machine, text: &str| {
            [pack(kind, machine, 0, 0), super::hash_bytes(text.as_bytes()), text.len() as u64]
        };
        match *self {
            What::Poll { task, machine } => [pack(0, machine, 0, 0), u64::from(task), 0],
            What::Write { machine, to, len, hash } => [pack(1, machine, to, 0), u64::from(len), hash],
            What::Fault(ref said) => text(2, NOBODY, said),
            What::Note { machine, text: ref said } => text(3, machine, said),
            What::Emitted { machine, boot, seq } => [pack(4, machine, boot, 0), seq, 0],
            What::Handled { machine, origin, origin_boot, first, count } => {
                [pack(5, machine, origin, origin_boot), first, u64::from(count)]
            }
            What::Gap { machine, origin, origin_boot, first, last } => {
                [pack(6, machine, origin, origin_boot), first, last]
            }
            What::Joined { machine, boot } => [pack(7, machine, boot, 0), 0, 0],
            What::Stopped { machine, boot } => [pack(8, machine, boot, 0), 0, 0],
            What::Member { machine, about, change } => [pack(9, machine, about, change as u16), 0, 0],
            What::Failed(ref said) => text(10, NOBODY, said),
        }
    }
}

#[inline]
fn pack(kind: u16, a: u16, b: u16, c: u16) -> u64 {
    u64::from(kind) << 48 | u64::from(a) << 32 | u64::from(b) << 16 | u64::from(c)
}

/// A line of a trace. Prints as `12.345s n3 handled 17..19 of n1`.
///
/// ```
/// use devts_sim::{Change, Line, What};
///
/// let what = What::Member { machine: 2, about: 0, change: Change::Failed };
/// assert_eq!(Line { at: 61_500_000_000, what }.to_string(), "61.5s n3 sees that n1 failed");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When, in nanoseconds since the start of the run.
    pub at: u64,
    /// What.
    pub what: What,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", Seconds(self.at), self.what)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            What::Poll { task, machine } => write!(f, "{} ran task {task}", Name(machine)),
            What::Write { machine, to, len, hash } => {
                write!(f, "{} gave {} {len} bytes (their hash {hash:016x})", Name(machine), Name(to))
            }
            What::Fault(ref text) => write!(f, "fault: {text}"),
            What::Note { machine: NOBODY, ref text } => write!(f, "note: {text}"),
            What::Note { machine, ref text } => write!(f, "{}: {text}", Name(machine)),
            What::Emitted { machine, boot, seq } => write!(f, "{} emitted {seq}", Life(machine, boot)),
            What::Handled { machine, origin, origin_boot, first, count } => {
                let last = first.saturating_add(u64::from(count).saturating_sub(1));
                write!(f, "{} handled {} of {}", Name(machine), Row(first, last), Life(origin, origin_boot))
            }
            What::Gap { machine, origin, origin_boot, first, last } => {
                write!(f, "{} missed {} of {}", Name(machine), Row(first, last), Life(origin, origin_boot))
            }
            What::Joined { machine, boot } => write!(f, "{} joined", Life(machine, boot)),
            What::Stopped { machine, boot } => write!(f, "{} stopped", Life(machine, boot)),
            What::Member { machine, about, change } => {
                write!(f, "{} sees that {} {}", Name(machine), Name(about), change.verb())
            }
            What::Failed(ref text) => write!(f, "failed: {text}"),
        }
    }
}

impl Change {
    /// As it follows a member's name: `joined`, `is suspect`.
    ///
    /// ```
    /// assert_eq!(devts_sim::Change::Rejoined.verb(), "rejoined");
    /// ```
    pub fn verb(self) -> &'static str {
        match self {
            Change::Joined => "joined",
            Change::Updated => "changed",
            Change::Left => "left",
            Change::Failed => "failed",
            Change::Rejoined => "rejoined",
            Change::Suspect => "is suspect",
        }
    }
}

/// A machine's number as people say it.
pub(super) struct Name(pub(super) u16);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            NOBODY => f.write_str("no machine"),
            number => write!(f, "n{}", u32::from(number) + 1),
        }
    }
}

/// A machine and which of its lives; the first goes without saying.
struct Life(u16, u16);

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            0 | 1 => Name(self.0).fmt(f),
            boot => write!(f, "{} (start {boot})", Name(self.0)),
        }
    }
}

/// Sequence numbers, both ends included.
struct Row(u64, u64);

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == self.1 { write!(f, "{}", self.0) } else { write!(f, "{}..{}", self.0, self.1) }
    }
}

/// Nanoseconds as seconds, without the zeros that say nothing.
pub(super) struct Seconds(pub(super) u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:09}", self.0 % 1_000_000_000);
        let whole = self.0 / 1_000_000_000;
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{whole}s"),
            digits => write!(f, "{whole}.{digits}s"),
        }
    }
}
