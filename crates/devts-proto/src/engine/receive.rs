//! Bytes in: from chunks to frames to the part of the engine that each concerns. A peer that breaks the protocol
//! loses this link, and nothing else.

use super::link::Phase;
use super::{CloseReason, Engine, Refusal};
use crate::id::LinkId;
use crate::session::{Lane, Resume};
use crate::time::Instant;
use crate::wire::{DecodeError, Frame};
use alloc::string::{String, ToString};
use bytes::Bytes;

impl Engine {
    /// Bytes arrived, cut anywhere. Links that are gone are ignored.
    pub fn handle_received(&mut self, now: Instant, id: LinkId, bytes: Bytes) {
        self.catch_up(now);
        let Some(link) = self.links.get_mut(&id) else { return };
        link.decoder.push(bytes);
        let mut heard = false;
        while let Some(link) = self.links.get_mut(&id) {
            match link.decoder.next() {
                Ok(Some(frame)) => {
                    heard = true;
                    self.on_frame(now, id, frame);
                }
                Ok(None) => break,
                // The peer learns why: both ranges are in the refusal.
                Err(DecodeError::Version { .. }) => return self.refuse(now, id, Refusal::Version),
                Err(error) => return self.misbehaved(now, id, &error.to_string()),
            }
        }
        if heard {
            self.heard(now, id);
        }
    }

    fn heard(&mut self, now: Instant, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if let Some(peer) = link.up().and_then(|life| self.peers.get_mut(&life.node)) {
            peer.watch.heard(now);
        }
    }

    fn on_frame(&mut self, now: Instant, id: LinkId, frame: Frame) {
        let link = &self.links[&id];
        let phase = link.phase;
        match frame {
            // It counts as a sign of life; what it says comes again over the link in use.
            frame if link.retired && frame != Frame::Leave => {}
            frame if is_rare(&frame) => self.on_rare(now, id, frame),
            _ if phase != Phase::Up => self.misbehaved(now, id, "a frame before the link was in use"),
            frame => self.on_flow(now, id, frame),
        }
    }

    /// The frames that come seldom, and may change any deadline.
    fn on_rare(&mut self, now: Instant, id: LinkId, frame: Frame) {
        self.alarm.reset();
        let phase = self.links[&id].phase;
        match frame {
            Frame::Hello(hello) if phase == Phase::Greeting => self.on_hello(now, id, hello),
            Frame::Hello(_) => self.misbehaved(now, id, "a second hello"),
            Frame::Refuse { reason, text, .. } => self.on_refuse(now, id, reason, text),
            Frame::Skipped(_) => self.counters.frames_skipped += 1,
            Frame::Members(claims) => self.on_members(now, id, claims),
            Frame::Resume { down, generation, peer_generation, received } => {
                self.on_resume(now, id, down, Resume { generation, peer_generation, received });
            }
            _ if phase != Phase::Up => self.misbehaved(now, id, "a frame before the link was in use"),
            Frame::Gap { origin, next } => self.on_gap(now, id, origin, next),
            Frame::Types { origin, first, entries } => self.on_types(now, id, origin, first, entries),
            Frame::Welcome { baseline, donors, last } => self.on_welcome(now, id, baseline, donors, last),
            Frame::Remembered(claims) => self.on_remembered(id, claims),
            Frame::Leave => self.on_leave(now, id),
            _ => debug_assert!(false, "on_flow handles the rest"),
        }
    }

    /// The frames of a link in use.
    fn on_flow(&mut self, now: Instant, id: LinkId, frame: Frame) {
        match frame {
            Frame::Run { origin, first, count, events } => {
                self.on_run(now, id, origin, first, count, &events)
            }
            Frame::Fragment { origin, seq, total, offset, bytes } => {
                self.on_fragment(now, id, origin, seq, total, offset, &bytes);
            }
            Frame::Data { lane, offset, bytes } => match Lane::from_number(lane) {
                Some(lane) => self.on_data(now, id, lane, offset, bytes),
                None => self.misbehaved(now, id, "data on a lane that does not exist"),
            },
            Frame::Have(entries) => self.on_have(now, id, entries),
            Frame::Want { origin, from } => self.on_want(now, id, origin, from),
            Frame::Stable { origin, upto } => self.on_stable(id, origin, upto),
            Frame::Credit { events, calls, bulk } => self.on_credit(id, events, calls, bulk),
            Frame::Ack { received } => self.on_ack(now, id, received),
            Frame::Heartbeat => self.beat(now),
            _ => debug_assert!(false, "on_rare handles the rest"),
        }
    }

    /// The peer broke the protocol: this link is closed, and the next dial waits a while.
    pub(super) fn misbehaved(&mut self, now: Instant, id: LinkId, how: &str) {
        let node = self.links.get(&id).and_then(|link| link.peer).map(|life| life.node);
        self.close(now, id, CloseReason::Misbehaved(String::from(how)));
        if let Some(peer) = node.and_then(|node| self.peers.get_mut(&node)) {
            peer.redial.pause = peer.redial.pause.max(core::time::Duration::from_secs(1));
            let (longest, dice) = (self.config.redial.1, self.rng.below(512));
            peer.redial.back_off(now, longest, dice);
        }
    }
}

/// Whether a frame is none of those that carry the traffic: events, calls, their acknowledgements and credit, and
/// heartbeats.
fn is_rare(frame: &Frame) -> bool {
    !matches!(
        frame,
        Frame::Run { .. }
            | Frame::Fragment { .. }
            | Frame::Data { .. }
            | Frame::Have(_)
            | Frame::Want { .. }
            | Frame::Stable { .. }
            | Frame::Credit { .. }
            | Frame::Ack { .. }
            | Frame::Heartbeat
    )
}
