//! One pair of nodes: what they say to each other alone, in order, each thing once, through any number of
//! links. Knows neither links and frames nor clocks, and no third node.
//!
//! Three [`Lane`]s carry messages, each an ordered stream of bytes with 64-bit offsets that is kept until it is
//! acknowledged; after a reconnect both ends say where they stand ([`Resume`]) and go on from there. Commands
//! write into lanes ([`Session::send`], [`Session::request`], ..), [`Session::transmit`] takes from them,
//! [`Session::receive`] turns the peer's bytes into [`Incoming`].
//!
//! Every link begins with a `Resume` of each end. Data, acknowledgements and credit that come before the peer's,
//! or of a session that is over, are ignored.

mod assemble;
mod channels;
mod commands;
mod credit;
mod lane;
mod message;
mod receive;
mod requests;
mod resume;
mod state;

pub use lane::Lane;
pub use receive::{Incoming, SessionError};
pub use requests::Wait;
pub use resume::{Ended, Resume, Resumed};

use crate::config::Config;
use crate::id::RequestId;
use crate::time::Instant;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use assemble::Inbound;
use channels::Channels;
use core::mem;
use lane::Outgoing;
use requests::{Asked, Served};
use resume::Agreement;
use state::States;

/// The bounds of a session; the same on both ends, as far as they are not told to the other.
#[derive(Clone, Copy, Debug)]
struct Limits {
    session: usize,
    receive_window: usize,
    max_message: usize,
    requests: usize,
}

/// A send or an opening that is not acknowledged: where it ends in the lane, and what to tell of it.
#[derive(Debug)]
struct Record {
    end: u64,
    ty: u16,
    receipt: Option<u64>,
}

/// What a session has counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Replies that no request waited for any more.
    pub replies_ignored: u64,
    /// Requests of the peer answered `Busy` here.
    pub busy: u64,
    /// Messages for channels that were over at this end.
    pub channel_messages_ignored: u64,
    /// Channels of the peer that were one too many.
    pub channels_refused: u64,
    /// Frames that came outside an agreed session.
    pub early: u64,
}

/// All that one node keeps for the conversation with one other.
#[derive(Debug)]
pub struct Session {
    limits: Limits,
    agreement: Agreement,
    outgoing: [Outgoing; 3],
    inbound: [Inbound; 3],
    /// Of the lane of calls, in order.
    records: VecDeque<Record>,
    asked: Asked,
    served: Served,
    channels: Channels,
    states: States,
    /// Bytes delivered that no turn has consumed; outlives the end of a session, as the mailbox does.
    unconsumed: usize,
    /// A call was refused with `Full` and nobody was told of room yet; the same for some channel.
    full: bool,
    channels_full: bool,
    /// Credit was told in the present agreement.
    credit_told: bool,
    /// The peer broke a rule: nothing more of this session is taken.
    broken: Option<SessionError>,
    counters: Counters,
    scratch: Vec<u8>,
}

impl Session {
    /// A session with a peer that has not been heard of. `generation` is not zero, and none that this life has
    /// used with the peer's life before, or shortly will have ([`Session::end`] counts on).
    pub fn new(generation: u64, config: &Config) -> Session {
        debug_assert!(generation > 0, "zero stands for an unknown generation");
        let limits = Limits {
            session: config.session,
            receive_window: config.receive_window,
            max_message: config.max_message,
            requests: config.requests,
        };
        Session {
            limits,
            agreement: Agreement::new(generation),
            outgoing: new_lanes(),
            inbound: Default::default(),
            records: VecDeque::new(),
            asked: Asked::default(),
            served: Served::default(),
            channels: Channels::new(config.channel_window as u64, 0),
            states: States::default(),
            unconsumed: 0,
            full: false,
            channels_full: false,
            credit_told: false,
            broken: None,
            counters: Counters::default(),
            scratch: Vec::new(),
        }
    }

    // ---- what goes out -----------------------------------------------------------------------------------

    /// Whether `transmit` would give bytes of this lane now.
    pub fn has_data(&self, lane: Lane) -> bool {
        self.agreement.holds && self.outgoing[lane as usize].has_data()
    }

    /// The next bytes of the lane to send and their offset: at most `room`, and what the peer has credit for.
    /// They count as sent; if the link is lost they are sent again.
    pub fn transmit(&mut self, lane: Lane, room: usize) -> Option<(u64, &[u8])> {
        if self.agreement.holds { self.outgoing[lane as usize].piece(room) } else { None }
    }

    /// The peer has everything of each lane before these offsets.
    pub fn acked(&mut self, upto: [u64; 3], out: &mut Vec<Incoming>) -> Result<(), SessionError> {
        if !self.agreement.holds {
            self.counters.early += 1;
            return Ok(());
        }
        self.release(upto, out)
    }

    fn release(&mut self, upto: [u64; 3], out: &mut Vec<Incoming>) -> Result<(), SessionError> {
        for (lane, upto) in self.outgoing.iter().zip(upto) {
            lane.check(upto)?;
        }
        for (lane, upto) in self.outgoing.iter_mut().zip(upto) {
            lane.acked(upto);
        }
        let base = self.outgoing[Lane::Calls as usize].base();
        let known = self.records.iter().take_while(|record| record.end <= base).count();
        let receipts = self.records.drain(..known).filter_map(|record| record.receipt);
        out.extend(receipts.map(|receipt| Incoming::Delivered { receipt }));
        self.write_states();
        self.tell_channel_room(out);
        Ok(())
    }

    fn write_states(&mut self) {
        self.states.write(&mut self.outgoing[Lane::Bulk as usize], &mut self.scratch);
    }

    /// Bytes kept for the peer in the lane of calls, with what is remembered of them.
    fn held(&self) -> usize {
        self.outgoing[Lane::Calls as usize].held() + self.records.len() * size_of::<Record>()
    }

    /// After a call was refused with `Full`: `true`, once, when half of the bound is free.
    pub fn take_room(&mut self) -> bool {
        if self.full && self.held() <= self.limits.session / 2 { mem::take(&mut self.full) } else { false }
    }

    fn tell_channel_room(&mut self, out: &mut Vec<Incoming>) {
        if !self.channels_full || self.held() > self.limits.session / 2 {
            return;
        }
        while let Some(channel) = self.channels.take_room() {
            out.push(Incoming::ChannelRoom { channel });
        }
        self.channels_full = self.channels.any_refused();
    }

    /// The peer has all calls and replies.
    pub fn is_flushed(&self) -> bool {
        self.outgoing[..2].iter().all(|lane| lane.held() == 0)
    }

    // ---- requests ----------------------------------------------------------------------------------------

    /// When the next request of this node times out.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.asked.next_deadline()
    }

    /// Appends the requests that have timed out; a reply to one of them will be ignored.
    pub fn expire(&mut self, now: Instant, out: &mut Vec<RequestId>) {
        self.asked.expire(now, out);
    }

    /// The turn that waits for this request of this node, if one does.
    pub fn wait(&self, request: RequestId) -> Option<Wait> {
        self.asked.wait(request)
    }

    /// All requests of this node that turns wait for, ascending.
    pub fn waits(&self) -> impl Iterator<Item = (RequestId, Wait)> + '_ {
        self.asked.waits()
    }

    /// Whether the answer to this request of the peer still depends on turns of this node: it was taken, is not
    /// answered and not deferred; or it is still on its way here.
    pub fn owes(&self, request: RequestId) -> bool {
        self.served.owes(request)
    }

    /// What was counted.
    pub fn counters(&self) -> Counters {
        self.counters
    }
}

fn new_lanes() -> [Outgoing; 3] {
    // Calls and states need the peer's credit; replies never do.
    [Outgoing::new(0), Outgoing::new(u64::MAX), Outgoing::new(0)]
}
