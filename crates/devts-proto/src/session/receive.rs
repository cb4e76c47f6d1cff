//! The peer's bytes become what it means: the one match over all messages. Knows the rules a peer must keep.

use super::Session;
use super::channels::{Arrival, Opening};
use super::lane::Lane;
use super::message::{MAX_FIELDS, MAX_PLAIN, Message};
use super::requests::Admission;
use super::state::Taken;
use crate::call::{Call, ChannelEnd, Outcome, StateRefusal};
use crate::claim::Vector;
use crate::codec::CodecError;
use crate::id::{ChannelId, Life, RequestId};
use crate::time::Instant;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;

/// What the peer said, or what its words brought about.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// A call, in order; report `cost` to [`Session::consumed`] when its turn is over.
    Call {
        /// The call.
        call: Call,
        /// What it takes of the receive window.
        cost: usize,
    },
    /// The answer to a request that somebody waits for.
    Reply {
        /// The request.
        request: RequestId,
        /// How it was answered.
        outcome: Outcome,
        /// The reply, or the error's text.
        body: Bytes,
    },
    /// The peer sent on a channel; report the body's length to [`Session::channel_consumed`].
    ChannelData {
        /// The channel.
        channel: ChannelId,
        /// What was sent.
        body: Bytes,
    },
    /// The peer sends no more on this channel (`Closed`), or has given it up.
    ChannelClosed {
        /// The channel.
        channel: ChannelId,
        /// Why.
        why: ChannelEnd,
    },
    /// After `Full`, the channel takes any message again.
    ChannelRoom {
        /// The channel.
        channel: ChannelId,
    },
    /// The peer asks for the state.
    StateAsked {
        /// The number to answer to.
        ask: u64,
        /// What the peer has.
        vector: Vector,
        /// The peer can also merge a state that does not cover its own.
        merge: bool,
    },
    /// The state that was asked for.
    StateGiven {
        /// The ask.
        ask: u64,
        /// What the state reflects.
        vector: Vector,
        /// The state.
        state: Bytes,
    },
    /// The state that was asked for will not come from this peer.
    StateRefused {
        /// The ask.
        ask: u64,
        /// Why.
        why: StateRefusal,
    },
    /// A turn of the peer waits for the answer to `request`, in a chain of waits. See [`Session::owes`].
    Probe {
        /// Whose wait the chain began with.
        initiator: Life,
        /// Which of its waits.
        wait: u64,
        /// The request of the peer that this node may owe.
        request: RequestId,
    },
    /// The peer has what was sent with this receipt.
    Delivered {
        /// The receipt.
        receipt: u64,
    },
}

/// How the peer broke the protocol. Its session takes nothing more until one end ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionError {
    /// A message could not be read, or says what cannot be.
    Message(CodecError),
    /// A message is longer than it may be.
    TooLarge {
        /// Its length.
        len: u64,
        /// The longest of this lane.
        max: usize,
    },
    /// Bytes are missing before those that came.
    Gap,
    /// More was sent than there was credit for.
    Credit,
    /// Bytes were acknowledged that were never sent.
    Acknowledgement,
    /// A session is resumed that has no generation.
    Resume,
}

impl From<CodecError> for SessionError {
    fn from(error: CodecError) -> SessionError {
        SessionError::Message(error)
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SessionError::Message(error) => write!(f, "a session message is wrong: {error}"),
            SessionError::TooLarge { len, max } => {
                write!(f, "a session message has {len} bytes, more than {max}")
            }
            SessionError::Gap => f.write_str("session bytes are missing"),
            SessionError::Credit => f.write_str("more session bytes than credit"),
            SessionError::Acknowledgement => f.write_str("bytes were acknowledged that were never sent"),
            SessionError::Resume => f.write_str("a session is resumed without a generation"),
        }
    }
}

impl core::error::Error for SessionError {}

impl Session {
    /// Bytes of a lane have come, from any offset not beyond what is known. After an error nothing of this
    /// session is taken any more: to skip what could not be read would lose it without a word.
    pub fn receive(
        &mut self,
        now: Instant,
        lane: Lane,
        offset: u64,
        bytes: Bytes,
        out: &mut Vec<Incoming>,
    ) -> Result<(), SessionError> {
        if !self.agreement.holds {
            self.counters.early += 1;
            return Ok(());
        }
        if let Some(fault) = self.broken {
            return Err(fault);
        }
        let taken = self.take(now, lane, offset, bytes, out);
        self.broken = taken.err();
        taken
    }

    fn take(
        &mut self,
        now: Instant,
        lane: Lane,
        offset: u64,
        bytes: Bytes,
        out: &mut Vec<Incoming>,
    ) -> Result<(), SessionError> {
        let inbound = &self.inbound[lane as usize];
        let mut bytes = inbound.fresh(offset, bytes)?;
        if lane != Lane::Replies && inbound.received() + bytes.len() as u64 > inbound.told {
            return Err(SessionError::Credit);
        }
        let max = self.max_len(lane);
        loop {
            let before = self.inbound[lane as usize].boundary();
            let Some(message) = self.inbound[lane as usize].next(&mut bytes, max)? else { return Ok(()) };
            let cost = (self.inbound[lane as usize].boundary() - before) as usize;
            match lane {
                Lane::Calls => self.take_call(now, Message::read(lane, message)?, cost, out)?,
                Lane::Replies => self.take_reply(Message::read(lane, message)?, out)?,
                Lane::Bulk => self.take_state(Message::read(lane, message)?, out)?,
            }
        }
    }

    fn max_len(&self, lane: Lane) -> usize {
        let body = self.limits.max_message + MAX_FIELDS;
        match lane {
            Lane::Calls => body,
            Lane::Replies => body.max(MAX_PLAIN),
            Lane::Bulk => MAX_PLAIN,
        }
    }

    fn take_call(
        &mut self,
        now: Instant,
        message: Message,
        cost: usize,
        out: &mut Vec<Incoming>,
    ) -> Result<(), SessionError> {
        match message {
            Message::Send { ty, body } => self.deliver(Call::Send { ty, body }, cost, out),
            Message::Request { id, ty, remaining, body } => match self.served.admit(id, self.limits.requests)
            {
                Admission::Taken => {
                    let call = Call::Request { request: id, ty, body, deadline: now + remaining };
                    self.deliver(call, cost, out);
                }
                Admission::Busy => {
                    self.counters.busy += 1;
                    self.push_reply(id, Outcome::Busy, &[]);
                }
                Admission::Disorder => return Err(CodecError::Invalid("request id").into()),
            },
            Message::Open { channel, ty, window, body } => {
                match self.channels.opened_by_peer(channel, window) {
                    Opening::Taken => {
                        self.push_channel_credit(channel, self.channels.window());
                        self.deliver(Call::Open { channel, ty, body }, cost, out);
                    }
                    Opening::Dead => self.counters.channel_messages_ignored += 1,
                    Opening::Refused => {
                        self.counters.channels_refused += 1;
                        self.push_abort(channel, ChannelEnd::PeerGone);
                    }
                    Opening::Fault => return Err(CodecError::Invalid("channel").into()),
                }
            }
            Message::ChannelData { channel, body } => {
                let arrival = self.channels.data(channel, body.len());
                self.arrived(arrival, || Incoming::ChannelData { channel, body }, out)?;
            }
            Message::ChannelClose { channel } => {
                let arrival = self.channels.closed(channel);
                let closed = || Incoming::ChannelClosed { channel, why: ChannelEnd::Closed };
                self.arrived(arrival, closed, out)?;
            }
            _ => unreachable!("the lane of calls reads calls only"),
        }
        Ok(())
    }

    fn deliver(&mut self, call: Call, cost: usize, out: &mut Vec<Incoming>) {
        self.unconsumed = self.unconsumed.saturating_add(cost);
        out.push(Incoming::Call { call, cost });
    }

    fn arrived(
        &mut self,
        arrival: Arrival,
        what: impl FnOnce() -> Incoming,
        out: &mut Vec<Incoming>,
    ) -> Result<(), SessionError> {
        match arrival {
            Arrival::Taken => out.push(what()),
            Arrival::Late => self.counters.channel_messages_ignored += 1,
            Arrival::Fault => return Err(CodecError::Invalid("channel").into()),
        }
        Ok(())
    }

    fn take_reply(&mut self, message: Message, out: &mut Vec<Incoming>) -> Result<(), SessionError> {
        match message {
            Message::Reply { id, outcome, body } => {
                if self.asked.remove(id) {
                    out.push(Incoming::Reply { request: id, outcome, body });
                } else {
                    self.counters.replies_ignored += 1;
                }
            }
            Message::Probe { initiator, wait, request } => {
                out.push(Incoming::Probe { initiator, wait, request })
            }
            Message::ChannelCredit { channel, limit } => self.channel_credited(channel, limit, out),
            Message::ChannelAbort { channel, why } => {
                let arrival = self.channels.aborted(channel);
                self.arrived(arrival, || Incoming::ChannelClosed { channel, why }, out)?;
            }
            Message::StateAsk { ask, merge, vector } => {
                if self.states.asked(ask)? {
                    out.push(Incoming::StateAsked { ask, vector, merge });
                } else {
                    self.push_refusal(ask, StateRefusal::NotReady);
                }
            }
            Message::StateRefuse { ask, why } => {
                self.states.refused(ask)?;
                out.push(Incoming::StateRefused { ask, why });
            }
            _ => unreachable!("the lane of replies reads replies only"),
        }
        Ok(())
    }

    fn take_state(&mut self, message: Message, out: &mut Vec<Incoming>) -> Result<(), SessionError> {
        let whole = match message {
            Message::StateHead { ask, len, vector } => self.states.head(ask, len, vector)?,
            Message::StatePiece { bytes } => self.states.piece(&bytes)?,
            _ => unreachable!("the lane of states reads states only"),
        };
        if let Some(Taken { ask, vector, state }) = whole {
            out.push(Incoming::StateGiven { ask, vector, state });
        }
        Ok(())
    }
}
