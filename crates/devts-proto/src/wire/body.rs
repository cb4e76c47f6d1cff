//! From the body of an intact frame to the frame: every field in its range, every count against the bytes that
//! are there, nothing left over. What a frame means is decided elsewhere.

use super::frame::{Frame, LANES, RefuseCode, tag};
use super::{DecodeError, hello, parts};
use crate::claim::EVENT_HEADER;
use crate::codec::{CodecError, Reader};
use crate::config::{MAX_CLAIMS, MAX_NAME};
use bytes::Bytes;

/// The frame of this type with this body.
pub(super) fn decode(tag: u8, body: Bytes) -> Result<Frame, DecodeError> {
    match tag {
        tag::HELLO => hello::decode(body),
        tag::REFUSE => whole(tag, body, refuse),
        tag::RESUME => whole(tag, body, resume),
        tag::WELCOME => whole(tag, body, welcome),
        tag::MEMBERS => whole(tag, body, |r| parts::claims(r, MAX_CLAIMS).map(Frame::Members)),
        tag::REMEMBERED => whole(tag, body, |r| parts::claims(r, MAX_CLAIMS).map(Frame::Remembered)),
        tag::TYPES => whole(tag, body, types),
        tag::HAVE => whole(tag, body, |r| parts::positions(r, "position count").map(Frame::Have)),
        tag::WANT => {
            whole(tag, body, |r| parts::position(r).map(|(origin, from)| Frame::Want { origin, from }))
        }
        tag::RUN => whole(tag, body, run),
        tag::FRAGMENT => whole(tag, body, fragment),
        tag::GAP => {
            whole(tag, body, |r| parts::position(r).map(|(origin, next)| Frame::Gap { origin, next }))
        }
        tag::STABLE => {
            whole(tag, body, |r| parts::position(r).map(|(origin, upto)| Frame::Stable { origin, upto }))
        }
        tag::CREDIT => whole(tag, body, credit),
        tag::DATA => whole(tag, body, data),
        tag::ACK => whole(tag, body, |r| parts::u64s(r).map(|received| Frame::Ack { received })),
        tag::HEARTBEAT => whole(tag, body, |_| Ok(Frame::Heartbeat)),
        tag::LEAVE => whole(tag, body, |_| Ok(Frame::Leave)),
        tag::IGNORABLE.. => Ok(Frame::Skipped(tag)),
        _ => Err(DecodeError::UnknownFrame(tag)),
    }
}

/// What `read` makes of the body, if it is the whole of it.
fn whole(
    tag: u8,
    body: Bytes,
    read: impl FnOnce(&mut Reader) -> Result<Frame, CodecError>,
) -> Result<Frame, DecodeError> {
    let mut r = Reader::new(body);
    let frame = read(&mut r).and_then(|frame| r.end().map(|()| frame));
    frame.map_err(|error| DecodeError::Body { frame: tag, error })
}

fn refuse(r: &mut Reader) -> Result<Frame, CodecError> {
    let reason = RefuseCode::from_number(r.u8()?).ok_or(CodecError::Invalid("refusal"))?;
    let (min_version, max_version) = (r.u16()?, r.u16()?);
    Ok(Frame::Refuse { reason, min_version, max_version, text: r.string(MAX_NAME, "refusal text")? })
}

fn resume(r: &mut Reader) -> Result<Frame, CodecError> {
    let down = parts::option(r, "down")?;
    let (generation, peer_generation) = (r.u64()?, r.u64()?);
    Ok(Frame::Resume { down, generation, peer_generation, received: parts::u64s(r)? })
}

fn welcome(r: &mut Reader) -> Result<Frame, CodecError> {
    let last = parts::flags(r, 1, "last")? == 1;
    let baseline = parts::positions(r, "baseline count")?;
    Ok(Frame::Welcome { baseline, donors: parts::nodes(r, "donor count")?, last })
}

fn types(r: &mut Reader) -> Result<Frame, CodecError> {
    let (origin, first) = (r.life()?, r.u16()?);
    let most = (1 << 16) - usize::from(first);
    Ok(Frame::Types { origin, first, entries: parts::entries(r, most)? })
}

/// The events are not looked at: whoever accepts the run does that, and only once.
fn run(r: &mut Reader) -> Result<Frame, CodecError> {
    let (origin, first, count) = (r.life()?, r.u64()?, r.u32()?);
    if first == 0 || first.checked_add(u64::from(count)).is_none() {
        return Err(CodecError::Invalid("first event"));
    }
    let events = all(r)?;
    if count == 0 || (events.len() / EVENT_HEADER) < count as usize {
        return Err(CodecError::Invalid("event count"));
    }
    Ok(Frame::Run { origin, first, count, events })
}

fn fragment(r: &mut Reader) -> Result<Frame, CodecError> {
    let (origin, seq, total, offset) = (r.life()?, r.u64()?, r.u32()?, r.u32()?);
    if seq == 0 {
        return Err(CodecError::Invalid("sequence number"));
    }
    let bytes = all(r)?;
    if bytes.is_empty() || u64::from(offset) + bytes.len() as u64 > u64::from(total) {
        return Err(CodecError::Invalid("fragment offset"));
    }
    Ok(Frame::Fragment { origin, seq, total, offset, bytes })
}

fn credit(r: &mut Reader) -> Result<Frame, CodecError> {
    let [events, calls, bulk] = parts::u64s(r)?;
    Ok(Frame::Credit { events, calls, bulk })
}

fn data(r: &mut Reader) -> Result<Frame, CodecError> {
    let (lane, offset) = (r.u8()?, r.u64()?);
    if usize::from(lane) >= LANES {
        return Err(CodecError::Invalid("lane"));
    }
    let bytes = all(r)?;
    if offset.checked_add(bytes.len() as u64).is_none() {
        return Err(CodecError::Invalid("lane offset"));
    }
    Ok(Frame::Data { lane, offset, bytes })
}

/// All that is left, shared with the input.
fn all(r: &mut Reader) -> Result<Bytes, CodecError> {
    r.take(r.remaining())
}
