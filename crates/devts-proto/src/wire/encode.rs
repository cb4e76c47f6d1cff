//! The outside of a frame, and the frames of the hot path written straight from where their bytes lie.
//! Knows how long a frame may be; not what is in it.

use super::frame::{LANES, tag};
use super::parts::put_position;
use crate::checksum::Checksum;
use crate::claim::EVENT_HEADER;
use crate::codec::put_life;
use crate::config::MAX_FRAME;
use crate::id::Life;
use alloc::vec::Vec;

/// A frame whose body is being appended to the buffer it was begun in; nothing else may be, until it is
/// finished there.
#[derive(Debug)]
#[must_use = "a frame that is not finished is no frame"]
pub struct OpenFrame {
    start: usize,
}

impl OpenFrame {
    /// Begins a frame of this type at the end of `out`.
    pub(super) fn begin(out: &mut Vec<u8>, tag: u8) -> OpenFrame {
        let start = out.len();
        out.extend_from_slice(&[0, 0, 0, 0, tag]);
        OpenFrame { start }
    }

    /// Ends the frame at the end of `out`: the length goes to its front, the checksum behind it.
    pub fn finish(self, checksum: Checksum, out: &mut Vec<u8>) {
        // The length field does not count itself but counts the checksum, which is as long.
        let len = out.len() - self.start;
        debug_assert!(len <= MAX_FRAME, "a frame of {len} bytes: peers refuse it");
        out[self.start..self.start + 4].copy_from_slice(&(len as u32).to_le_bytes());
        let crc = checksum(0, &out[self.start..]);
        out.extend_from_slice(&crc.to_le_bytes());
    }
}

/// A run whose events are being appended; their count is known when it is finished.
#[derive(Debug)]
#[must_use = "a run that is not finished is no frame"]
pub struct OpenRun {
    frame: OpenFrame,
    count: usize,
}

impl OpenRun {
    /// Ends the run, which holds `count` events.
    pub fn finish(self, checksum: Checksum, out: &mut Vec<u8>, count: u32) {
        let events = out.len() - self.count - 4;
        debug_assert!(
            count > 0 && events / EVENT_HEADER >= count as usize,
            "{count} events in {events} bytes"
        );
        out[self.count..self.count + 4].copy_from_slice(&count.to_le_bytes());
        self.frame.finish(checksum, out);
    }
}

/// Begins a run at the end of `out`; append at most [`crate::config::MAX_RUN`] bytes of whole events, then
/// finish it.
pub fn begin_run(out: &mut Vec<u8>, origin: Life, first: u64) -> OpenRun {
    let frame = OpenFrame::begin(out, tag::RUN);
    put_position(out, origin, first);
    let count = out.len();
    out.extend_from_slice(&[0; 4]);
    OpenRun { frame, count }
}

/// Begins a fragment at the end of `out`; append at most [`crate::config::MAX_RUN`] bytes of the event.
pub fn begin_fragment(out: &mut Vec<u8>, origin: Life, seq: u64, total: u32, offset: u32) -> OpenFrame {
    let frame = OpenFrame::begin(out, tag::FRAGMENT);
    put_life(out, origin);
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(&total.to_le_bytes());
    out.extend_from_slice(&offset.to_le_bytes());
    frame
}

/// Begins data of a lane at the end of `out`; append at most [`crate::config::MAX_RUN`] bytes.
pub fn begin_data(out: &mut Vec<u8>, lane: u8, offset: u64) -> OpenFrame {
    debug_assert!(usize::from(lane) < LANES, "there is no lane {lane}");
    let frame = OpenFrame::begin(out, tag::DATA);
    out.push(lane);
    out.extend_from_slice(&offset.to_le_bytes());
    frame
}

/// Appends a run of `count` whole events.
pub fn encode_run(
    checksum: Checksum,
    out: &mut Vec<u8>,
    origin: Life,
    first: u64,
    count: u32,
    events: &[u8],
) {
    let run = begin_run(out, origin, first);
    out.extend_from_slice(events);
    run.finish(checksum, out, count);
}

/// Appends the piece at `offset` of an event that has `total` bytes with its header.
pub fn encode_fragment(
    checksum: Checksum,
    out: &mut Vec<u8>,
    origin: Life,
    seq: u64,
    total: u32,
    offset: u32,
    bytes: &[u8],
) {
    let fragment = begin_fragment(out, origin, seq, total, offset);
    out.extend_from_slice(bytes);
    fragment.finish(checksum, out);
}

/// Appends the bytes at `offset` of a lane.
pub fn encode_data(checksum: Checksum, out: &mut Vec<u8>, lane: u8, offset: u64, bytes: &[u8]) {
    let data = begin_data(out, lane, offset);
    out.extend_from_slice(bytes);
    data.finish(checksum, out);
}

/// Appends a frame whose body `put` appends.
pub(super) fn put_frame(checksum: Checksum, out: &mut Vec<u8>, tag: u8, put: impl FnOnce(&mut Vec<u8>)) {
    let frame = OpenFrame::begin(out, tag);
    put(out);
    frame.finish(checksum, out);
}
