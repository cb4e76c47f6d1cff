//! Frames out of bytes that were cut anywhere. Knows a frame's outside: length, type, checksum; and how much a
//! peer may send before it is greeted. Knows no body.

use super::{DecodeError, Frame, body, hello};
use crate::checksum::Checksum;
use crate::config::{MAX_FRAME, MAX_GREETING};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::{Buf, Bytes};

/// The length field, which does not count itself.
const LENGTH: usize = 4;
/// The length and the type.
const HEADER: usize = LENGTH + 1;
/// The checksum at the end.
const CRC: usize = 4;
/// The least that a length may say.
const SHORTEST: usize = 1 + CRC;

/// Takes bytes as they arrive and gives frames. A frame that lies whole in one chunk shares its memory; one
/// that lies in several is copied together, alone. After an error it answers that error for ever.
#[derive(Debug)]
pub struct Decoder {
    checksum: Checksum,
    /// What is being read.
    chunk: Bytes,
    /// What was pushed before `chunk` was used up.
    later: VecDeque<Bytes>,
    /// The start of a frame whose end is not in `chunk`. Grows with what arrives, not with what is announced.
    start: Vec<u8>,
    /// How many bytes of frames were taken before the peer is greeted; `None` once it is.
    ungreeted: Option<usize>,
    failed: Option<DecodeError>,
}

impl Decoder {
    /// A decoder at the start of a link, whose peer is not greeted yet.
    pub fn new(checksum: Checksum) -> Decoder {
        Decoder {
            checksum,
            chunk: Bytes::new(),
            later: VecDeque::new(),
            start: Vec::new(),
            ungreeted: Some(0),
            failed: None,
        }
    }

    /// The peer is greeted: from the next frame on it may send whole frames, and without end.
    pub fn greeted(&mut self) {
        self.ungreeted = None;
    }

    /// Adds what arrived.
    pub fn push(&mut self, bytes: Bytes) {
        if self.failed.is_some() {
            return;
        }
        if self.chunk.is_empty() { self.chunk = bytes } else { self.later.push_back(bytes) }
    }

    /// The next frame; `None` until more is pushed.
    ///
    /// # Errors
    /// When the bytes are no frames. The link must be closed; every later call answers the same.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator that ends would not go on after the next push"
    )]
    pub fn next(&mut self) -> Result<Option<Frame>, DecodeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let frame = match self.take_frame() {
            Ok(Some((tag, bytes))) => body::decode(tag, bytes).map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        if let Err(error) = frame {
            *self = Decoder { failed: Some(error), ..Decoder::new(self.checksum) };
        }
        frame
    }

    /// Type and body of the next frame that is whole and intact.
    fn take_frame(&mut self) -> Result<Option<(u8, Bytes)>, DecodeError> {
        while self.next_chunk() {
            if self.start.is_empty()
                && let Some(total) = self.announced(&self.chunk)?
                && total <= self.chunk.len()
            {
                return self.take_from_chunk(total).map(Some);
            }
            if let Some(total) = self.gather_frame()? {
                return self.take_gathered(total).map(Some);
            }
        }
        Ok(None)
    }

    /// Whether there is anything to read.
    fn next_chunk(&mut self) -> bool {
        while self.chunk.is_empty() {
            match self.later.pop_front() {
                Some(chunk) => self.chunk = chunk,
                None => return false,
            }
        }
        true
    }

    /// The length of the frame that starts with `start`, all counted; `None` if too little of it is there.
    fn announced(&self, start: &[u8]) -> Result<Option<usize>, DecodeError> {
        if self.ungreeted == Some(0) && hello::is_foreign(start) {
            return Err(DecodeError::NotDevts);
        }
        let Some(length) = start.first_chunk::<LENGTH>() else { return Ok(None) };
        let len = u32::from_le_bytes(*length) as usize;
        let max = if self.ungreeted.is_some() { MAX_GREETING } else { MAX_FRAME };
        if len > max {
            return Err(DecodeError::FrameTooLarge { len, max });
        }
        if len < SHORTEST {
            return Err(DecodeError::FrameTooShort { len });
        }
        match self.ungreeted {
            Some(taken) if taken + LENGTH + len > MAX_GREETING => Err(DecodeError::GreetingTooLong),
            _ => Ok(Some(LENGTH + len)),
        }
    }

    /// Goes on with a frame that lies in several chunks; its length once it is whole.
    fn gather_frame(&mut self) -> Result<Option<usize>, DecodeError> {
        self.gather(LENGTH);
        let Some(total) = self.announced(&self.start)? else { return Ok(None) };
        self.gather(total);
        self.announced(&self.start)?; // more of a first frame is there: it may show what it is
        Ok(if self.start.len() == total { Some(total) } else { None })
    }

    /// Moves bytes from the chunk until `start` holds `upto`, or the chunk is used up.
    fn gather(&mut self, upto: usize) {
        let missing = upto.saturating_sub(self.start.len()).min(self.chunk.len());
        let have = self.start.len() + missing;
        if have > self.start.capacity() {
            let capacity = upto.min(2 * have);
            self.start.reserve_exact(capacity - self.start.len());
        }
        self.start.extend_from_slice(&self.chunk[..missing]);
        self.chunk.advance(missing);
    }

    fn take_from_chunk(&mut self, total: usize) -> Result<(u8, Bytes), DecodeError> {
        let tag = self.check(&self.chunk[..total])?;
        self.chunk.advance(HEADER);
        let body = self.chunk.split_to(total - HEADER - CRC);
        self.chunk.advance(CRC);
        self.count(total);
        Ok((tag, body))
    }

    fn take_gathered(&mut self, total: usize) -> Result<(u8, Bytes), DecodeError> {
        let tag = self.check(&self.start)?;
        let mut start = core::mem::take(&mut self.start);
        start.truncate(total - CRC);
        let mut body = Bytes::from(start);
        body.advance(HEADER);
        self.count(total);
        Ok((tag, body))
    }

    /// The type of a whole frame whose checksum matches.
    fn check(&self, frame: &[u8]) -> Result<u8, DecodeError> {
        let (checked, crc) = frame.split_at(frame.len() - CRC);
        let matches = crc == (self.checksum)(0, checked).to_le_bytes();
        if matches { Ok(checked[LENGTH]) } else { Err(DecodeError::Checksum) }
    }

    fn count(&mut self, total: usize) {
        self.ungreeted = self.ungreeted.map(|taken| taken + total);
    }
}
