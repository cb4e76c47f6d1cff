//! One other node as the engine keeps it, from when it is first in the view until it is forgotten: the session,
//! the link, what it has acknowledged, how it is dialled. Knows nothing of what others think of it.

use super::link::Name;
use crate::id::{Life, LinkId};
use crate::member::Watch;
use crate::session::Session;
use crate::time::Instant;
use core::time::Duration;

/// See the module.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) life: Life,
    pub(super) session: Session,
    /// The link in use.
    pub(super) link: Option<LinkId>,
    /// The last link that was in use, told when dialling: "I knew that one and lost it".
    pub(super) last_link: Option<Name>,
    pub(super) watch: Watch,
    pub(super) redial: Redial,
    /// The highest of this node's events that it has.
    pub(super) acked: u64,
    /// Bytes of events it sent that no turn has used.
    pub(super) unused: usize,
    /// It held the emitter back for too long and no longer does.
    pub(super) slow: bool,
    /// Since when it alone has held the emitter back.
    pub(super) holds_since: Option<Instant>,
    /// The incarnation at which this node declared it down, to be told to it.
    pub(super) down_at: Option<u32>,
}

/// When to dial again, and how long to pause after that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Redial {
    pub(super) at: Instant,
    pub(super) pause: Duration,
}

impl Redial {
    /// Dials at `at`, then pauses from the shortest on.
    pub(super) fn at(at: Instant, shortest: Duration) -> Redial {
        Redial { at, pause: shortest }
    }

    /// After a failure: the pause, jittered by a quarter either way with `dice` (0..512), then twice as long.
    pub(super) fn back_off(&mut self, now: Instant, longest: Duration, dice: u64) {
        let pause = self.pause.min(longest);
        self.at = now + pause * (768 + dice as u32) / 1024;
        self.pause = (pause * 2).min(longest);
    }
}

impl Peer {
    pub(super) fn new(now: Instant, life: Life, session: Session, acked: u64, redial: Redial) -> Peer {
        Peer {
            life,
            session,
            link: None,
            last_link: None,
            watch: Watch::new(now),
            redial,
            acked,
            unused: 0,
            slow: false,
            holds_since: None,
            down_at: None,
        }
    }
}
