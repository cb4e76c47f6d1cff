//! What a node is told when something could not be done: gaps in what others emitted, and events that came to
//! nothing. Knows no rule by which that happens.

use crate::encode::DecodeError;
use crate::{Error, Undeliverable};
use devts_proto::{Life, NodeId};
use std::fmt;

/// Events of one origin that nobody within reach has any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// Who emitted them.
    pub origin: Life,
    /// The number of the first that is missing.
    pub first: u64,
    /// The number of the last.
    pub last: u64,
}

/// An event that came to nothing, here or at its receiver.
#[derive(Debug)]
#[non_exhaustive]
pub enum Rejected {
    /// No handler here takes this event. Told once for each origin and type; requests are answered `NoHandler`.
    Unknown {
        /// Who emitted or sent it.
        from: Life,
        /// Its wire name.
        name: String,
        /// Its version.
        version: u16,
    },
    /// Its bytes are not such an event.
    Undecodable {
        /// Who emitted or sent it.
        from: Life,
        /// Its wire name.
        name: String,
        /// What is wrong with them.
        error: DecodeError,
    },
    /// Its handler returned an error, and nobody waits for an answer.
    Failed {
        /// Who emitted or sent it.
        from: Life,
        /// Its wire name.
        name: String,
        /// What the handler returned.
        error: Error,
    },
    /// Its handler panicked, and the node goes on ([`crate::OnPanic::Continue`]).
    Panicked {
        /// Who emitted or sent it.
        from: Life,
        /// Its wire name.
        name: String,
        /// The panic's text.
        text: String,
    },
    /// A send of this node was accepted and will not arrive.
    Undeliverable {
        /// Whom it was for.
        to: NodeId,
        /// Its wire name.
        name: String,
        /// What happened.
        why: Undeliverable,
    },
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rejected::Unknown { from, name, version } => {
                // A name that nobody here knows is whatever a peer says: it must not make lines in a log.
                let name = name.escape_debug();
                write!(f, "no handler here takes event `{name}` version {version} of node {from}")
            }
            Rejected::Undecodable { from, name, error } => {
                write!(f, "event `{name}` of node {from} cannot be decoded: {error}")
            }
            Rejected::Failed { from, name, error } => {
                write!(f, "the handler of event `{name}` of node {from} failed: {}", error.line())
            }
            Rejected::Panicked { from, name, text } => {
                write!(f, "the handler of event `{name}` of node {from} panicked: {text}")
            }
            Rejected::Undeliverable { to, name, why } => {
                write!(f, "event `{name}` cannot be delivered to node {to}: {}", reason(*why))
            }
        }
    }
}

/// Why a call that was accepted does not arrive.
pub(crate) fn reason(why: Undeliverable) -> &'static str {
    match why {
        Undeliverable::PeerDown => "it failed or left",
        Undeliverable::PeerRestarted => "its process was replaced by a new one",
        _ => "its session is over",
    }
}

#[cfg(test)]
mod tests {
    use super::Rejected;
    use devts_proto::{Life, NodeId};

    #[test]
    fn an_unknown_name_stays_on_its_line() {
        let from = Life { node: NodeId::new(1).unwrap(), boot: 1 };
        let text = Rejected::Unknown { from, name: "x\nleft y".into(), version: 1 }.to_string();
        assert!(text.contains(r"`x\nleft y`") && text.lines().count() == 1, "{text}");
    }
}
