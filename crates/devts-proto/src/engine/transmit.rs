//! Bytes out: what goes into the next write of a link, and in which order. Control frames first, never behind
//! events; then replies, calls, events, and state transfer last.

use super::Engine;
use super::link::Phase;
use crate::config::{MAX_FRAME, MAX_RUN};
use crate::history::Piece;
use crate::id::{Life, LinkId};
use crate::session::Lane;
use crate::time::Instant;
use crate::wire::{self, Frame};
use alloc::vec::Vec;

/// The most of one lane in one write, so that no lane waits for another's backlog.
const LANE_SHARE: usize = MAX_FRAME;

impl Engine {
    /// Appends bytes for `link` to `out`, at most `room` and one frame. `true`: there may be more at once.
    pub fn transmit(&mut self, now: Instant, id: LinkId, out: &mut Vec<u8>, room: usize) -> bool {
        let start = out.len();
        let Some(link) = self.links.get_mut(&id) else { return false };
        out.append(&mut link.control);
        let loaded = link.loaded && link.phase == Phase::Up && link.flow.told;
        if loaded {
            self.put_lane(id, Lane::Replies, out, LANE_SHARE.min(left(out, start, room)));
            self.put_lane(id, Lane::Calls, out, LANE_SHARE.min(left(out, start, room)));
            self.put_events(id, out, start + room);
            self.put_lane(id, Lane::Bulk, out, LANE_SHARE.min(left(out, start, room)));
        }
        let Some(link) = self.links.get_mut(&id) else { return false };
        let wrote = out.len() - start;
        if wrote > 0 {
            link.last_sent = now;
        }
        // What fits easily was all there is.
        link.loaded &= !loaded || wrote >= LANE_SHARE.min(room);
        link.writing = wrote > 0 && link.loaded;
        link.writing
    }

    fn put_lane(&mut self, id: LinkId, lane: Lane, out: &mut Vec<u8>, room: usize) {
        let Some(life) = self.links.get(&id).and_then(|link| link.peer) else { return };
        let Some(peer) = self.peers.get_mut(&life.node).filter(|peer| peer.link == Some(id)) else { return };
        if lane != Lane::Bulk && peer.session.has_data(lane) && self.send_types(id, self.life(), out) {
            return self.put_lane(id, lane, out, room);
        }
        let peer = self.peers.get_mut(&life.node).expect("found above");
        let checksum = self.config.checksum;
        let mut left = room;
        while left > 0 {
            let Some((offset, piece)) = peer.session.transmit(lane, left.min(MAX_RUN)) else { return };
            wire::encode_data(checksum, out, lane as u8, offset, piece);
            left = left.saturating_sub(piece.len());
        }
    }

    /// Tells the peer of types it has not been told of. `false`: there was nothing to tell.
    fn send_types(&mut self, id: LinkId, origin: Life, out: &mut Vec<u8>) -> bool {
        let Some(types) = self.types.get(&origin) else { return false };
        let Some(link) = self.links.get_mut(&id) else { return false };
        let sent = link.flow.types_sent.entry(origin).or_default();
        let first = *sent;
        if usize::from(first) >= types.len() {
            return false;
        }
        *sent = types.len() as u16;
        let entries = types[usize::from(first)..].to_vec();
        Frame::Types { origin, first, entries }.encode(self.config.checksum, out);
        true
    }

    /// Moves every cursor of the link, this node's own events first, until `end` bytes or the peer's credit are
    /// reached.
    fn put_events(&mut self, id: LinkId, out: &mut Vec<u8>, end: usize) {
        let me = self.life();
        let Some(link) = self.links.get(&id) else { return };
        if link.flow.cursors.len() == 1 && link.flow.cursors.contains_key(&me) {
            return self.put_events_of(id, me, out, end);
        }
        let others = link.flow.cursors.keys().copied().filter(|origin| *origin != me);
        let origins: Vec<Life> = core::iter::once(me).chain(others).collect();
        for origin in origins {
            self.put_events_of(id, origin, out, end);
        }
    }

    fn put_events_of(&mut self, id: LinkId, origin: Life, out: &mut Vec<u8>, end: usize) {
        self.send_types(id, origin, out);
        let checksum = self.config.checksum;
        let Some(link) = self.links.get_mut(&id) else { return };
        let flow = &mut link.flow;
        let Some(cursor) = flow.cursors.get_mut(&origin) else { return };
        while out.len() < end {
            let credit = (flow.limit - flow.sent) as usize;
            let len = match self.history.read(origin, cursor, credit.min(MAX_RUN)) {
                Piece::Run { first, count, events } => {
                    wire::encode_run(checksum, out, origin, first, count, events);
                    events.len()
                }
                Piece::Fragment { seq, total, offset, bytes } => {
                    wire::encode_fragment(checksum, out, origin, seq, total, offset, bytes);
                    bytes.len()
                }
                Piece::Gone { next } => {
                    Frame::Gap { origin, next }.encode(checksum, out);
                    0
                }
                Piece::NoRoom | Piece::End => return,
            };
            flow.sent += len as u64;
        }
    }
}

fn left(out: &[u8], start: usize, room: usize) -> usize {
    room.saturating_sub(out.len() - start)
}
