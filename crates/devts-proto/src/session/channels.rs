//! The channels of a pair: which are open, in which direction, and how much each may carry. Knows weights, no
//! bytes.
//!
//! A message weighs its body and [`OVERHEAD`], so that empty ones are bounded too. The receiver states a limit
//! on the sum of weights: what it has consumed, and its window. A message that is longer than half the window
//! passes as if it were half as long, once that much is free: otherwise a longer one could never pass.

use crate::id::ChannelId;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

/// What a message costs its receiver beside its body.
const OVERHEAD: u64 = 32;
/// The least window there is, and what an opener may use before it has heard of the real one.
pub(super) const LEAST_WINDOW: u64 = 16 << 10;
/// The most channels that a peer may have opened at once.
const MAX_OPENED: usize = 1024;

#[derive(Debug)]
struct Channel {
    /// Weights sent, and the limit of the peer with its window.
    sent: u64,
    limit: u64,
    peer_window: Option<u64>,
    sending: bool,
    /// A message did not fit.
    refused: bool,
    /// Weights received and consumed, the limit told, and the bodies not consumed yet.
    received: u64,
    consumed: u64,
    told: u64,
    waiting: VecDeque<usize>,
    /// Bytes reported as consumed that are not a whole body yet.
    taken: usize,
    receiving: bool,
}

impl Channel {
    fn new(window: u64, peer_window: Option<u64>) -> Channel {
        Channel {
            sent: 0,
            limit: peer_window.unwrap_or(LEAST_WINDOW),
            peer_window,
            sending: true,
            refused: false,
            received: 0,
            consumed: 0,
            told: window,
            waiting: VecDeque::new(),
            taken: 0,
            receiving: true,
        }
    }

    /// The most a message counts for when it asks to pass.
    fn half(&self) -> u64 {
        self.peer_window.unwrap_or(LEAST_WINDOW) / 2
    }

    fn fits(&self, len: usize) -> bool {
        self.sent + weight(len).min(self.half()) <= self.limit
    }

    /// Any message would fit.
    fn has_room(&self) -> bool {
        self.sent + self.half() <= self.limit
    }

    /// Whole bodies leave in order. One report takes at most one empty body that no other follows: those behind
    /// it are still with the receiver.
    fn consume(&mut self, bytes: usize) {
        self.taken += bytes;
        let mut any = false;
        while let Some(&len) = self.waiting.front()
            && len <= self.taken
            && (self.taken > 0 || !any)
        {
            self.waiting.pop_front();
            self.consumed += weight(len);
            self.taken -= len;
            any = true;
        }
    }
}

fn weight(len: usize) -> u64 {
    len as u64 + OVERHEAD
}

/// What a channel says to a message it is to carry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Yes,
    Full,
    Closed,
}

/// How something that arrived for a channel stands to it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    Taken,
    /// The channel is over at this end.
    Late,
    /// The peer broke a rule.
    Fault,
}

/// What to do with a channel that the peer opened.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opening {
    Taken,
    /// The peer has given it up already.
    Dead,
    /// It has too many.
    Refused,
    /// Its number is not a new one of the peer's.
    Fault,
}

#[derive(Debug)]
pub(super) struct Channels {
    window: u64,
    /// How many this node has opened, in all sessions with this peer: ids are never used again.
    opened: u64,
    map: BTreeMap<ChannelId, Channel>,
    /// The highest and the number of those that the peer opened.
    highest: Option<ChannelId>,
    theirs: usize,
    /// Aborted by the peer before their opening came, in another lane.
    dead: BTreeSet<ChannelId>,
}

impl Channels {
    pub(super) fn new(window: u64, opened: u64) -> Channels {
        let window = window.max(LEAST_WINDOW);
        Channels { window, opened, map: BTreeMap::new(), highest: None, theirs: 0, dead: BTreeSet::new() }
    }

    pub(super) fn window(&self) -> u64 {
        self.window
    }

    /// The id that `open` will give.
    pub(super) fn next_id(&self) -> ChannelId {
        ChannelId(self.opened << 1)
    }

    pub(super) fn open(&mut self) -> ChannelId {
        let id = self.next_id();
        self.opened += 1;
        self.map.insert(id, Channel::new(self.window, None));
        id
    }

    pub(super) fn opened_by_peer(&mut self, id: ChannelId, peer_window: u64) -> Opening {
        if id.0 & 1 == 0 || self.highest.is_some_and(|highest| id <= highest) {
            return Opening::Fault;
        }
        self.highest = Some(id);
        if self.dead.remove(&id) {
            return Opening::Dead;
        }
        if self.theirs >= MAX_OPENED {
            return Opening::Refused;
        }
        self.theirs += 1;
        self.map.insert(id, Channel::new(self.window, Some(peer_window.max(LEAST_WINDOW))));
        Opening::Taken
    }

    /// Whether a body of `len` may go now.
    pub(super) fn fit(&self, id: ChannelId, len: usize) -> Fit {
        match self.map.get(&id) {
            Some(channel) if channel.sending && channel.fits(len) => Fit::Yes,
            Some(channel) if channel.sending => Fit::Full,
            _ => Fit::Closed,
        }
    }

    pub(super) fn sent(&mut self, id: ChannelId, len: usize) {
        if let Some(channel) = self.map.get_mut(&id) {
            channel.sent += weight(len);
        }
    }

    /// A message did not fit; `take_room` will tell.
    pub(super) fn refuse(&mut self, id: ChannelId) {
        if let Some(channel) = self.map.get_mut(&id) {
            channel.refused = true;
        }
    }

    /// One that refused a message and would take any now.
    pub(super) fn take_room(&mut self) -> Option<ChannelId> {
        let ready = |channel: &Channel| channel.refused && channel.sending && channel.has_room();
        let (id, channel) = self.map.iter_mut().find(|(_, channel)| ready(channel))?;
        channel.refused = false;
        Some(*id)
    }

    /// Some sending channel has refused a message and not told of room.
    pub(super) fn any_refused(&self) -> bool {
        self.map.values().any(|channel| channel.refused && channel.sending)
    }

    /// The peer's limit has come.
    pub(super) fn credited(&mut self, id: ChannelId, limit: u64) {
        let Some(channel) = self.map.get_mut(&id) else { return };
        // The first one is the window itself.
        channel.peer_window.get_or_insert(limit.max(LEAST_WINDOW));
        channel.limit = channel.limit.max(limit);
    }

    pub(super) fn data(&mut self, id: ChannelId, len: usize) -> Arrival {
        let half = self.window / 2;
        let Some(channel) = self.map.get_mut(&id) else { return self.unknown(id) };
        if !channel.receiving || channel.received + weight(len).min(half) > channel.told {
            return Arrival::Fault;
        }
        channel.received += weight(len);
        channel.waiting.push_back(len);
        Arrival::Taken
    }

    /// A message, or several, of `bytes` in all are consumed. Gives the limit to tell, if half a window is free
    /// that the peer does not know of.
    pub(super) fn consumed(&mut self, id: ChannelId, bytes: usize) -> Option<u64> {
        let channel = self.map.get_mut(&id)?;
        channel.consume(bytes);
        let limit = channel.consumed + self.window;
        if !channel.receiving || limit - channel.told < self.window / 2 {
            return None;
        }
        channel.told = limit;
        Some(limit)
    }

    /// This end sends no more; `false` if it had said so.
    pub(super) fn close(&mut self, id: ChannelId) -> bool {
        let Some(channel) = self.map.get_mut(&id) else { return false };
        let was = core::mem::replace(&mut channel.sending, false);
        self.forget_if_over(id);
        was
    }

    /// The peer sends no more.
    pub(super) fn closed(&mut self, id: ChannelId) -> Arrival {
        let Some(channel) = self.map.get_mut(&id) else { return self.unknown(id) };
        if !core::mem::replace(&mut channel.receiving, false) {
            return Arrival::Fault;
        }
        self.forget_if_over(id);
        Arrival::Taken
    }

    /// The whole channel is over at this end; `false` if it was.
    pub(super) fn remove(&mut self, id: ChannelId) -> bool {
        let known = self.map.remove(&id).is_some();
        self.theirs -= usize::from(known && id.0 & 1 == 1);
        known
    }

    /// The peer has given the whole channel up.
    pub(super) fn aborted(&mut self, id: ChannelId) -> Arrival {
        if self.remove(id) {
            return Arrival::Taken;
        }
        let coming = id.0 & 1 == 1 && self.highest.is_none_or(|highest| id > highest);
        if !coming {
            return self.unknown(id);
        }
        self.dead.insert(id);
        if self.dead.len() > MAX_OPENED { Arrival::Fault } else { Arrival::Late }
    }

    /// All ids, ascending; the channels are forgotten, their numbers are not.
    pub(super) fn take_all(&mut self) -> Vec<ChannelId> {
        let ended = core::mem::replace(self, Channels::new(self.window, self.opened));
        ended.map.into_keys().collect()
    }

    /// How something for a channel that this end does not have is to be taken.
    fn unknown(&self, id: ChannelId) -> Arrival {
        let was = if id.0 & 1 == 0 {
            id < self.next_id()
        } else {
            self.highest.is_some_and(|highest| id <= highest)
        };
        if was { Arrival::Late } else { Arrival::Fault }
    }

    fn forget_if_over(&mut self, id: ChannelId) {
        if self.map.get(&id).is_some_and(|channel| !channel.sending && !channel.receiving) {
            self.remove(id);
        }
    }
}
