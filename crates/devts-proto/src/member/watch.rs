//! One member as this node's own link shows it: when it was heard, how its dials went. Knows the limits, not why
//! a link is quiet.

use crate::config::Config;
use crate::time::Instant;
use core::time::Duration;

/// What one observer has seen of one member.
#[derive(Clone, Debug)]
pub struct Watch {
    heard: Instant,
    had_link: bool,
    refused: u32,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is wrong.
    Fine,
    /// A second stream should be dialled beside the quiet one.
    Redial,
    /// It was silent longer than a member may be.
    Silent,
}

impl Watch {
    /// Starts when the member was first heard of.
    pub fn new(now: Instant) -> Watch {
        Watch { heard: now, had_link: false, refused: 0 }
    }

    /// Any complete frame is a sign of life.
    pub fn heard(&mut self, now: Instant) {
        self.heard = self.heard.max(now);
        self.refused = 0;
    }

    /// A link was completed.
    pub fn linked(&mut self, now: Instant) {
        self.had_link = true;
        self.heard(now);
    }

    /// A dial was refused: its host is there and nobody listens. `true`: it has failed. One refusal is enough
    /// for a member that had a link and lost it; one never reached may still be about to listen, and gets two.
    pub fn refused(&mut self) -> bool {
        self.refused += 1;
        self.had_link || self.refused >= 2
    }

    /// This node was driven late by that much: it slept, not they.
    pub fn excuse(&mut self, late: Duration, now: Instant) {
        self.heard = (self.heard + late).min(now);
    }

    /// What the silence says.
    pub fn verdict(&self, now: Instant, config: &Config) -> Verdict {
        let silence = now.since(self.heard);
        if silence >= config.silent_after {
            Verdict::Silent
        } else if silence >= config.redial_after {
            Verdict::Redial
        } else {
            Verdict::Fine
        }
    }

    /// When the verdict changes next if nothing is heard.
    pub fn deadline(&self, now: Instant, config: &Config) -> Instant {
        let redial = self.heard + config.redial_after;
        if redial > now { redial } else { self.heard + config.silent_after }
    }
}
