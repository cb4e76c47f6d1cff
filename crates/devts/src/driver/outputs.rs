//! The engine's outputs, performed in their order. Knows no command.

use super::Driver;
use crate::JoinError;
use crate::dial::{Goal, dial};
use crate::mailbox::Item;
use crate::member::{Member, PeerEvent, View};
use crate::notice::Rejected;
use crate::pipe::Pipe;
use crate::shared::Cause;
use devts_proto::engine::{
    Call, ChangeKind, CloseReason, MemberChange, Output, Refusal, Room, Target, Undeliverable,
};
use devts_proto::{Instant, Life, LinkId, NodeId};
use std::sync::Arc;

impl Driver {
    /// Performs everything that the engine asks for now.
    pub(super) fn outputs(&mut self, now: Instant) {
        loop {
            match self.engine.poll_output(now) {
                Output::Wait(until) => {
                    self.wait = until;
                    self.joining_now = false;
                    break;
                }
                Output::Dial { link, to } => self.dial(link, to),
                Output::Write(link) => {
                    if let Some(open) = self.links.get_mut(&link) {
                        open.wants = true;
                        self.wanting.push(link);
                    }
                }
                Output::Close { link, reason, last } => self.close(link, &reason, &last),
                Output::Joined { donors } => self.joined(donors),
                Output::Refused { refusal, text } => self.refused(refusal, &text),
                Output::Member(change) => self.member(&change),
                output => self.said(now, output),
            }
        }
        if !self.changes.is_empty() {
            self.show();
        }
        for (to, ty, why) in std::mem::take(&mut self.calls.failed) {
            self.undeliverable(to, ty, why);
        }
        self.release();
    }

    /// What was said to this node, and what became of what it said.
    fn said(&mut self, now: Instant, output: Output) {
        match output {
            Output::Types { origin, first, entries } => {
                self.items.push_back(Item::Types { origin, first, entries })
            }
            Output::Events { origin, first, count, events, via } => {
                self.still_comes(origin, first);
                self.items.push_back(Item::Events { origin, first, count, events, via });
            }
            Output::Gap { origin, first, last } => {
                self.still_comes(origin, first);
                self.items.push_back(Item::Gap { origin, first, last });
            }
            Output::Call { from, call, cost } => self.call(from, call, cost),
            Output::Reply { from, request, result } => self.calls.replied(from, request, result),
            Output::Undeliverable { to, why, types, receipts } => {
                types.into_iter().for_each(|ty| self.undeliverable(to, ty, why));
                receipts.into_iter().for_each(|receipt| self.calls.received(receipt, Err(why)));
            }
            Output::Delivered { receipt, .. } => self.calls.received(receipt, Ok(())),
            // The batch is looked at in the next round.
            Output::Room(Room::Events) => self.core.driver.wake(),
            Output::Room(Room::Calls(peer)) => self.calls.retry(&mut self.engine, now, peer),
            Output::Room(Room::Channel(peer, channel)) => {
                self.calls.channel_retry(&mut self.engine, peer, channel);
            }
            Output::ChannelData { peer, channel, body } => self.calls.channel_data(peer, channel, body),
            Output::ChannelClosed { peer, channel, why } => self.calls.channel_closed(peer, channel, why),
            Output::StateAsked { from, ask, vector, merge } => {
                self.items.push_back(Item::StateAsked { from, ask, vector, merge });
            }
            Output::StateGiven { from, ask, vector, state } => {
                self.items.push_back(Item::StateGiven { from, ask, vector, state });
            }
            Output::StateRefused { from, ask, why } => {
                self.items.push_back(Item::StateRefused { from, ask, why })
            }
            other => debug_assert!(false, "an output that this driver does not know: {other:?}"),
        }
    }

    fn dial(&self, link: LinkId, to: Target) {
        let goal = match to {
            Target::Seed(index) => Goal::Name(self.seeds[index].clone()),
            Target::Address(address) => Goal::Address(address),
        };
        dial(&self.core, link, goal);
    }

    fn close(&mut self, id: LinkId, reason: &CloseReason, last: &[u8]) {
        match reason {
            CloseReason::Misbehaved(text) => {
                log::warn!(target: "devts::transport", "closing a connection that broke the protocol: {text}");
            }
            reason => log::debug!(target: "devts::transport", "closing link {}: {reason:?}", id.0),
        }
        let Some(link) = self.links.remove(&id).filter(|link| !link.is_broken()) else { return };
        let (stream, mut rest) = link.into_rest();
        rest.extend_from_slice(last);
        if !rest.is_empty() {
            self.closing.close(&self.core, stream, rest);
        }
    }

    // ---- membership ------------------------------------------------------------------------------------------

    /// In the cluster. The baseline is what will not be delivered: what came in the same breath as the welcome is
    /// still among the outputs, and will be.
    fn joined(&mut self, donors: Vec<NodeId>) {
        (self.joined, self.joining_now) = (true, true);
        let life = self.engine.me().life;
        self.earlier = self.engine.view().map(|claim| claim.life).filter(|other| *other != life).collect();
        self.show();
        let baseline = self.engine.vector();
        self.items.push_back(Item::Joined { life, donors, baseline });
    }

    /// What the engine had received when this node joined, and gives only now, is not in the baseline.
    fn still_comes(&mut self, origin: Life, first: u64) {
        if !self.joining_now {
            return;
        }
        for item in &mut self.items {
            if let Item::Joined { baseline, .. } = item
                && let Some(last) = baseline.get_mut(&origin)
            {
                *last = (*last).min(first - 1);
            }
        }
    }

    fn refused(&mut self, refusal: Refusal, text: &str) {
        let text = one_line(text);
        log::warn!(target: "devts::membership", "refused: {refusal}: {text}");
        if refusal == Refusal::Superseded {
            self.core.joined(Err(JoinError::Refused { refusal, text }));
            self.core.stop(Cause::Superseded);
        } else if !self.joined {
            self.core.joined(Err(JoinError::Refused { refusal, text }));
            self.core.stop(Cause::Asked);
        }
    }

    fn member(&mut self, change: &MemberChange) {
        let member = Member::new(&change.member);
        let word = match change.kind {
            ChangeKind::Joined => Some("joined"),
            ChangeKind::Left => Some("left"),
            ChangeKind::Failed => Some("failed"),
            ChangeKind::Rejoined => Some("rejoined"),
            _ => None,
        };
        if let Some(word) = word {
            log::info!(target: "devts::membership", "{word} {} {}", one_line(&member.kind), member.address);
        }
        let life = member.life();
        let event = PeerEvent::new(change.kind, member);
        if change.kind == ChangeKind::Joined && self.earlier.remove(&life) {
            return;
        }
        self.changes.push((event.clone(), change.version));
        if self.joined {
            self.items.push_back(Item::Peer(event));
        }
    }

    /// This node told something new of itself.
    pub(super) fn changed_itself(&mut self) {
        let event = PeerEvent::Updated(Member::new(self.engine.me()));
        self.changes.push((event, self.engine.view_version()));
    }

    /// Publishes the view, and how it came to be. Changes were queued in the order in which they were met.
    fn show(&mut self) {
        let members = self.engine.view().map(Member::new).collect();
        self.changes.sort_by_key(|(_, version)| *version);
        let view = View::new(self.engine.view_version(), members);
        self.core.views.show(view.clone(), &self.changes);
        self.core.tap.shown(&view, &self.changes);
        self.changes.clear();
    }

    // ---- calls -----------------------------------------------------------------------------------------------

    fn call(&mut self, from: Life, call: Call, cost: usize) {
        let item = match call {
            Call::Open { channel, ty, body } => {
                let pipe = Arc::new(Pipe::new(from.node, Some(channel)));
                self.calls.add_channel(pipe.clone(), channel);
                Item::Open { from, ty, body, pipe, cost }
            }
            call => Item::Call { from, call, cost },
        };
        self.items.push_back(item);
    }

    fn undeliverable(&mut self, to: NodeId, ty: u16, why: Undeliverable) {
        let name = self.core.outbox().types.name(ty).to_string();
        self.core.tap.undeliverable(to, &name, why);
        self.items.push_back(Item::Rejected(Rejected::Undeliverable { to, name, why }));
    }
}

/// A peer's text, for the log: a line of it must not pass for one of ours.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}
