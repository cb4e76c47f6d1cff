//! What is said in the lanes: each message as bytes and back. A tag belongs to one lane. Knows no state.
//!
//! | lane | tag | message | fields |
//! |---|---|---|---|
//! | calls | 0 | send | type u16, body |
//! | calls | 1 | request | id, type u16, remaining time in µs, body |
//! | calls | 2 | open | channel, type u16, window, body |
//! | calls | 3 | channel data | channel, body |
//! | calls | 4 | channel close | channel |
//! | replies | 16 | reply | request id, outcome u8, body |
//! | replies | 17 | probe | initiator (life), its wait, request id |
//! | replies | 18 | channel credit | channel, limit |
//! | replies | 19 | channel abort | channel, why u8 |
//! | replies | 20 | state ask | ask, merge u8, vector |
//! | replies | 21 | state refusal | ask, why u8 |
//! | bulk | 32 | state head | ask, length, vector |
//! | bulk | 33 | state piece | bytes |
//!
//! Numbers are varints unless their width is given. A channel is named as its sender numbers it. A vector is a
//! count, then per origin its life and a varint, ascending.

use super::lane::Lane;
use crate::call::{ChannelEnd, Outcome, StateRefusal};
use crate::claim::Vector;
use crate::codec::{CodecError, Reader, put_life, put_varint};
use crate::id::{ChannelId, Life, RequestId};
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;

/// More than the fields of any message that carries a body take.
pub(super) const MAX_FIELDS: usize = 64;
/// The longest message that carries no user's body: a vector of some 40 000 lives.
pub(super) const MAX_PLAIN: usize = 1 << 20;

#[derive(Debug)]
pub(super) enum Message {
    Send { ty: u16, body: Bytes },
    Request { id: RequestId, ty: u16, remaining: Duration, body: Bytes },
    Open { channel: ChannelId, ty: u16, window: u64, body: Bytes },
    ChannelData { channel: ChannelId, body: Bytes },
    ChannelClose { channel: ChannelId },
    Reply { id: RequestId, outcome: Outcome, body: Bytes },
    Probe { initiator: Life, wait: u64, request: RequestId },
    ChannelCredit { channel: ChannelId, limit: u64 },
    ChannelAbort { channel: ChannelId, why: ChannelEnd },
    StateAsk { ask: u64, merge: bool, vector: Vector },
    StateRefuse { ask: u64, why: StateRefusal },
    StateHead { ask: u64, len: u64, vector: Vector },
    StatePiece { bytes: Bytes },
}

impl Message {
    /// Reads a message without its length.
    pub(super) fn read(lane: Lane, bytes: Bytes) -> Result<Message, CodecError> {
        let mut reader = Reader::new(bytes);
        let tag = reader.u8()?;
        match lane {
            Lane::Calls => read_call(tag, reader),
            Lane::Replies => read_reply(tag, reader),
            Lane::Bulk => read_bulk(tag, reader),
        }
    }
}

fn read_call(tag: u8, mut reader: Reader) -> Result<Message, CodecError> {
    Ok(match tag {
        0 => Message::Send { ty: reader.u16()?, body: reader.rest() },
        1 => {
            let (id, ty) = (RequestId(reader.varint()?), reader.u16()?);
            let remaining = Duration::from_micros(reader.varint()?);
            Message::Request { id, ty, remaining, body: reader.rest() }
        }
        2 => {
            let (channel, ty, window) = (channel(&mut reader)?, reader.u16()?, reader.varint()?);
            Message::Open { channel, ty, window, body: reader.rest() }
        }
        3 => Message::ChannelData { channel: channel(&mut reader)?, body: reader.rest() },
        4 => whole(Message::ChannelClose { channel: channel(&mut reader)? }, reader)?,
        _ => return Err(CodecError::Invalid("tag of a call")),
    })
}

fn read_reply(tag: u8, mut reader: Reader) -> Result<Message, CodecError> {
    let message = match tag {
        16 => {
            let (id, outcome) = (RequestId(reader.varint()?), outcome(reader.u8()?)?);
            return Ok(Message::Reply { id, outcome, body: reader.rest() });
        }
        17 => Message::Probe {
            initiator: reader.life()?,
            wait: reader.varint()?,
            request: RequestId(reader.varint()?),
        },
        18 => Message::ChannelCredit { channel: channel(&mut reader)?, limit: reader.varint()? },
        19 => Message::ChannelAbort { channel: channel(&mut reader)?, why: channel_end(reader.u8()?)? },
        20 => Message::StateAsk {
            ask: reader.varint()?,
            merge: flag(reader.u8()?)?,
            vector: read_vector(&mut reader)?,
        },
        21 => Message::StateRefuse { ask: reader.varint()?, why: refusal(reader.u8()?)? },
        _ => return Err(CodecError::Invalid("tag of a reply")),
    };
    whole(message, reader)
}

fn read_bulk(tag: u8, mut reader: Reader) -> Result<Message, CodecError> {
    match tag {
        32 => {
            let (ask, len, vector) = (reader.varint()?, reader.varint()?, read_vector(&mut reader)?);
            whole(Message::StateHead { ask, len, vector }, reader)
        }
        33 => Ok(Message::StatePiece { bytes: reader.rest() }),
        _ => Err(CodecError::Invalid("tag of a state")),
    }
}

fn whole(message: Message, reader: Reader) -> Result<Message, CodecError> {
    reader.end().map(|()| message)
}

/// The last bit says whether the sender opened it; the receiver numbers it the other way round.
fn channel(reader: &mut Reader) -> Result<ChannelId, CodecError> {
    Ok(ChannelId(reader.varint()? ^ 1))
}

fn flag(byte: u8) -> Result<bool, CodecError> {
    match byte {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(CodecError::Invalid("flag")),
    }
}

fn outcome(byte: u8) -> Result<Outcome, CodecError> {
    Ok(match byte {
        0 => Outcome::Ok,
        1 => Outcome::NoHandler,
        2 => Outcome::Busy,
        3 => Outcome::Remote,
        _ => return Err(CodecError::Invalid("outcome")),
    })
}

fn channel_end(byte: u8) -> Result<ChannelEnd, CodecError> {
    match byte {
        1 => Ok(ChannelEnd::NoHandler),
        2 => Ok(ChannelEnd::PeerGone),
        _ => Err(CodecError::Invalid("channel end")),
    }
}

fn refusal(byte: u8) -> Result<StateRefusal, CodecError> {
    match byte {
        0 => Ok(StateRefusal::NotCovering),
        1 => Ok(StateRefusal::NotReady),
        2 => Ok(StateRefusal::PeerDown),
        _ => Err(CodecError::Invalid("state refusal")),
    }
}

fn read_vector(reader: &mut Reader) -> Result<Vector, CodecError> {
    let count = reader.count(MAX_PLAIN, 17, "vector")?;
    let mut vector = Vector::new();
    for _ in 0..count {
        let (life, last) = (reader.life()?, reader.varint()?);
        if vector.last_key_value().is_some_and(|(before, _)| *before >= life) {
            return Err(CodecError::Invalid("order of a vector"));
        }
        vector.insert(life, last);
    }
    Ok(vector)
}

fn put_vector(out: &mut Vec<u8>, vector: &Vector) {
    put_varint(out, vector.len() as u64);
    for (life, last) in vector {
        put_life(out, *life);
        put_varint(out, *last);
    }
}

fn put_ty(out: &mut Vec<u8>, ty: u16) {
    out.extend_from_slice(&ty.to_le_bytes());
}

fn put_tag(out: &mut Vec<u8>, tag: u8, number: u64) {
    out.clear();
    out.push(tag);
    put_varint(out, number);
}

// Each writes the fields of one message, tag first, into the emptied `out`; bodies are appended by the lane.

pub(super) fn put_send(out: &mut Vec<u8>, ty: u16) {
    out.clear();
    out.push(0);
    put_ty(out, ty);
}

pub(super) fn put_request(out: &mut Vec<u8>, id: RequestId, ty: u16, remaining: Duration) {
    put_tag(out, 1, id.0);
    put_ty(out, ty);
    put_varint(out, u64::try_from(remaining.as_micros()).unwrap_or(u64::MAX));
}

pub(super) fn put_open(out: &mut Vec<u8>, channel: ChannelId, ty: u16, window: u64) {
    put_tag(out, 2, channel.0);
    put_ty(out, ty);
    put_varint(out, window);
}

pub(super) fn put_channel_data(out: &mut Vec<u8>, channel: ChannelId) {
    put_tag(out, 3, channel.0);
}

pub(super) fn put_channel_close(out: &mut Vec<u8>, channel: ChannelId) {
    put_tag(out, 4, channel.0);
}

pub(super) fn put_reply(out: &mut Vec<u8>, id: RequestId, outcome: Outcome) {
    put_tag(out, 16, id.0);
    out.push(match outcome {
        Outcome::Ok => 0,
        Outcome::NoHandler => 1,
        Outcome::Busy => 2,
        Outcome::Remote => 3,
    });
}

pub(super) fn put_probe(out: &mut Vec<u8>, initiator: Life, wait: u64, request: RequestId) {
    out.clear();
    out.push(17);
    put_life(out, initiator);
    put_varint(out, wait);
    put_varint(out, request.0);
}

pub(super) fn put_channel_credit(out: &mut Vec<u8>, channel: ChannelId, limit: u64) {
    put_tag(out, 18, channel.0);
    put_varint(out, limit);
}

pub(super) fn put_channel_abort(out: &mut Vec<u8>, channel: ChannelId, why: ChannelEnd) {
    put_tag(out, 19, channel.0);
    out.push(if why == ChannelEnd::NoHandler { 1 } else { 2 });
}

pub(super) fn put_state_ask(out: &mut Vec<u8>, ask: u64, merge: bool, vector: &Vector) {
    put_tag(out, 20, ask);
    out.push(u8::from(merge));
    put_vector(out, vector);
}

pub(super) fn put_state_refuse(out: &mut Vec<u8>, ask: u64, why: StateRefusal) {
    put_tag(out, 21, ask);
    out.push(match why {
        StateRefusal::NotCovering => 0,
        StateRefusal::NotReady => 1,
        StateRefusal::PeerDown => 2,
    });
}

pub(super) fn put_state_head(out: &mut Vec<u8>, ask: u64, len: u64, vector: &Vector) {
    put_tag(out, 32, ask);
    put_varint(out, len);
    put_vector(out, vector);
}

pub(super) fn put_state_piece(out: &mut Vec<u8>) {
    out.clear();
    out.push(33);
}
