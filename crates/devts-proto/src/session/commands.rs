//! What this node asks of the session: calls, replies, channels, states. Each is written into its lane at once or
//! refused without a trace. Knows no links.

use super::channels::Fit;
use super::lane::Lane;
use super::message::{self, MAX_PLAIN};
use super::requests::Wait;
use super::{Record, Session};
use crate::call::{CallError, ChannelEnd, Outcome, StateRefusal};
use crate::claim::Vector;
use crate::id::{ChannelId, Life, RequestId};
use crate::time::Instant;
use bytes::Bytes;
use core::time::Duration;

impl Session {
    /// One event for the peer; with a receipt, [`super::Incoming::Delivered`] follows when the peer has it.
    pub fn send(&mut self, ty: u16, body: &[u8], receipt: Option<u64>) -> Result<(), CallError> {
        message::put_send(&mut self.scratch, ty);
        self.push_call(body)?;
        self.record(ty, receipt);
        Ok(())
    }

    /// One event for the peer that it is to answer. `wait`: a turn waits for the reply.
    pub fn request(
        &mut self,
        now: Instant,
        ty: u16,
        body: &[u8],
        timeout: Duration,
        wait: Option<Wait>,
    ) -> Result<RequestId, CallError> {
        message::put_request(&mut self.scratch, self.asked.next_id(), ty, timeout);
        self.push_call(body)?;
        Ok(self.asked.add(now + timeout, wait))
    }

    /// Nobody waits for this reply any more.
    pub fn cancel(&mut self, request: RequestId) {
        self.asked.remove(request);
    }

    /// Answers a request of the peer; ignored if that one is of an earlier session, or answered. A reply that is
    /// longer than a message may be becomes an error that says so.
    pub fn reply(&mut self, request: RequestId, outcome: Outcome, body: &[u8]) {
        if !self.served.answer(request) {
            return;
        }
        if body.len() > self.limits.max_message {
            self.push_reply(request, Outcome::Remote, b"the reply is longer than a message may be");
        } else {
            self.push_reply(request, outcome, body);
        }
    }

    pub(super) fn push_reply(&mut self, request: RequestId, outcome: Outcome, body: &[u8]) {
        message::put_reply(&mut self.scratch, request, outcome);
        self.push(Lane::Replies, body);
    }

    /// The turn that served this request of the peer is over; the answer comes by other means.
    pub fn deferred(&mut self, request: RequestId) {
        self.served.defer(request);
    }

    /// Tells the peer, for whose answer to `request` a turn of this node waits, of a chain of waits that began
    /// with wait number `wait` of `initiator`.
    pub fn probe(&mut self, initiator: Life, wait: u64, request: RequestId) {
        message::put_probe(&mut self.scratch, initiator, wait, request);
        self.push(Lane::Replies, &[]);
    }

    // ---- channels ----------------------------------------------------------------------------------------

    /// Opens a channel with one event.
    pub fn open(&mut self, ty: u16, body: &[u8]) -> Result<ChannelId, CallError> {
        let id = self.channels.next_id();
        message::put_open(&mut self.scratch, id, ty, self.channels.window());
        self.push_call(body)?;
        self.record(ty, None);
        Ok(self.channels.open())
    }

    /// Sends on a channel. After `Full`, [`super::Incoming::ChannelRoom`] tells when any message fits again.
    pub fn channel_send(&mut self, channel: ChannelId, body: &[u8]) -> Result<(), CallError> {
        match self.channels.fit(channel, body.len()) {
            Fit::Closed => return Err(CallError::Closed),
            Fit::Full if body.len() <= self.limits.max_message => return self.channel_full(channel),
            Fit::Full | Fit::Yes => {}
        }
        message::put_channel_data(&mut self.scratch, channel);
        match self.check_call(body) {
            Ok(()) => self.push(Lane::Calls, body),
            Err(CallError::Full) => return self.channel_full(channel),
            Err(other) => return Err(other),
        }
        self.channels.sent(channel, body.len());
        Ok(())
    }

    fn channel_full(&mut self, channel: ChannelId) -> Result<(), CallError> {
        self.channels.refuse(channel);
        self.channels_full = true;
        Err(CallError::Full)
    }

    /// Closes this end's sending side: what was sent still arrives. Or, with `abort`, the whole channel at once:
    /// the peer is told `why`, what it sends is ignored.
    pub fn channel_close(&mut self, channel: ChannelId, why: ChannelEnd, abort: bool) {
        if abort {
            if self.channels.remove(channel) {
                self.push_abort(channel, why);
            }
        } else if self.channels.close(channel) {
            // Not bounded by `session`: one for each channel, and each channel was.
            message::put_channel_close(&mut self.scratch, channel);
            self.push(Lane::Calls, &[]);
        }
    }

    pub(super) fn push_abort(&mut self, channel: ChannelId, why: ChannelEnd) {
        message::put_channel_abort(&mut self.scratch, channel, why);
        self.push(Lane::Replies, &[]);
    }

    /// The receiver of a channel has taken a message with a body of `bytes`.
    pub fn channel_consumed(&mut self, channel: ChannelId, bytes: usize) {
        if let Some(limit) = self.channels.consumed(channel, bytes) {
            self.push_channel_credit(channel, limit);
        }
    }

    pub(super) fn push_channel_credit(&mut self, channel: ChannelId, limit: u64) {
        message::put_channel_credit(&mut self.scratch, channel, limit);
        self.push(Lane::Replies, &[]);
    }

    // ---- states ------------------------------------------------------------------------------------------

    /// Asks for the peer's state; it is given or refused under this number, or [`super::Ended::asks`] names it.
    /// Too large is a vector of more lives than any cluster has.
    pub fn ask_state(&mut self, ask: u64, vector: &Vector, merge: bool) -> Result<(), CallError> {
        message::put_state_ask(&mut self.scratch, ask, merge, vector);
        if self.scratch.len() > MAX_PLAIN {
            return Err(CallError::TooLarge { len: self.scratch.len(), max: MAX_PLAIN });
        }
        self.states.ask(ask);
        self.push(Lane::Replies, &[]);
        Ok(())
    }

    /// Gives the state the peer asked for: of any length, sent piece by piece, held once. Ignored if the ask is
    /// of an earlier session, or answered.
    pub fn give_state(&mut self, ask: u64, vector: Vector, state: Bytes) {
        message::put_state_head(&mut self.scratch, ask, state.len() as u64, &vector);
        if self.scratch.len() > MAX_PLAIN {
            self.refuse_state(ask, StateRefusal::NotReady);
        } else if self.states.answer(ask) {
            self.states.give(ask, vector, state);
            self.write_states();
        }
    }

    /// Refuses the state the peer asked for; ignored as in `give_state`.
    pub fn refuse_state(&mut self, ask: u64, why: StateRefusal) {
        if self.states.answer(ask) {
            self.push_refusal(ask, why);
        }
    }

    pub(super) fn push_refusal(&mut self, ask: u64, why: StateRefusal) {
        message::put_state_refuse(&mut self.scratch, ask, why);
        self.push(Lane::Replies, &[]);
    }

    // ---- into the lanes: the fields are in `scratch` -----------------------------------------------------

    fn push(&mut self, lane: Lane, body: &[u8]) {
        self.outgoing[lane as usize].push(&self.scratch, body);
    }

    fn push_call(&mut self, body: &[u8]) -> Result<(), CallError> {
        let fits = self.check_call(body);
        match fits {
            Ok(()) => self.push(Lane::Calls, body),
            Err(refusal) => self.full |= refusal == CallError::Full,
        }
        fits
    }

    /// An empty lane takes one message of any length that is allowed.
    fn check_call(&self, body: &[u8]) -> Result<(), CallError> {
        let (len, max) = (body.len(), self.limits.max_message);
        if len > max {
            return Err(CallError::TooLarge { len, max });
        }
        let held = self.held();
        let fits = held == 0 || held + self.scratch.len() + len <= self.limits.session;
        if fits { Ok(()) } else { Err(CallError::Full) }
    }

    fn record(&mut self, ty: u16, receipt: Option<u64>) {
        let end = self.outgoing[Lane::Calls as usize].end();
        self.records.push_back(Record { end, ty, receipt });
    }
}
