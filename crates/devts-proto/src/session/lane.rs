//! One direction of one lane, outgoing: a byte stream that is kept until the peer has acknowledged it and can
//! be read again from wherever the peer stands. Knows lengths and offsets, no message.

use super::receive::SessionError;
use crate::codec::put_varint;
use crate::config::MAX_RUN;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;

/// The byte streams of a session. Each is in order; between them there is no order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Sends, requests, openings and data of channels: limited by the peer's mailbox.
    Calls = 0,
    /// Replies, credit, probes: small or awaited, never limited, so that no wait can hold them back.
    Replies = 1,
    /// States.
    Bulk = 2,
}

impl Lane {
    /// All of them, by number.
    pub const ALL: [Lane; 3] = [Lane::Calls, Lane::Replies, Lane::Bulk];

    /// The lane with this number on the wire.
    pub fn from_number(number: u8) -> Option<Lane> {
        Lane::ALL.get(usize::from(number)).copied()
    }

    /// Its number on the wire.
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// A chunk goes out as one frame; longer ones would leave a tail that needs a frame of its own.
const CHUNK: usize = MAX_RUN;
/// Empty chunks kept: enough for a steady flow, little enough for many idle sessions.
const SPARE: usize = 2;

#[derive(Debug)]
enum Chunk {
    Owned(Vec<u8>),
    Shared(Bytes),
}

impl Chunk {
    fn bytes(&self) -> &[u8] {
        match self {
            Chunk::Owned(bytes) => bytes,
            Chunk::Shared(bytes) => bytes,
        }
    }
}

#[derive(Debug)]
pub(super) struct Outgoing {
    chunks: VecDeque<Chunk>,
    spare: Vec<Vec<u8>>,
    /// Where the first chunk begins.
    first: u64,
    /// Everything before it is acknowledged.
    base: u64,
    /// The next byte to send, and a chunk that begins at or before it: its index and where it begins.
    cursor: u64,
    at: (usize, u64),
    /// Everything from here on was never sent.
    sent: u64,
    end: u64,
    /// The peer takes no byte from here on.
    limit: u64,
}

impl Outgoing {
    /// An empty stream of which the peer takes `limit` bytes.
    pub(super) fn new(limit: u64) -> Outgoing {
        Outgoing {
            chunks: VecDeque::new(),
            spare: Vec::new(),
            first: 0,
            base: 0,
            cursor: 0,
            at: (0, 0),
            sent: 0,
            end: 0,
            limit,
        }
    }

    /// Bytes written and not acknowledged.
    pub(super) fn held(&self) -> usize {
        (self.end - self.base) as usize
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn base(&self) -> u64 {
        self.base
    }

    pub(super) fn has_data(&self) -> bool {
        self.cursor < self.end.min(self.limit)
    }

    /// A message: its length, then its fields and body.
    pub(super) fn push(&mut self, fields: &[u8], body: &[u8]) {
        self.append_len(fields.len() + body.len());
        self.append(fields);
        self.append(body);
    }

    /// As `push`; the body is kept as it is, not copied.
    pub(super) fn push_shared(&mut self, fields: &[u8], body: Bytes) {
        let mut head = Vec::with_capacity(fields.len() + 10);
        put_varint(&mut head, (fields.len() + body.len()) as u64);
        head.extend_from_slice(fields);
        self.end += (head.len() + body.len()) as u64;
        self.chunks.push_back(Chunk::Shared(head.into()));
        self.chunks.push_back(Chunk::Shared(body));
    }

    fn append_len(&mut self, mut len: usize) {
        let mut prefix = [0u8; 10];
        let mut used = 0;
        while len >= 0x80 {
            prefix[used] = len as u8 | 0x80;
            len >>= 7;
            used += 1;
        }
        prefix[used] = len as u8;
        self.append(&prefix[..=used]);
    }

    fn append(&mut self, mut bytes: &[u8]) {
        self.end += bytes.len() as u64;
        while !bytes.is_empty() {
            let chunk = self.writable();
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - chunk.len()));
            chunk.extend_from_slice(now);
            bytes = later;
        }
    }

    fn writable(&mut self) -> &mut Vec<u8> {
        let full = !matches!(self.chunks.back(), Some(Chunk::Owned(last)) if last.len() < CHUNK);
        if full {
            let empty = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(CHUNK));
            self.chunks.push_back(Chunk::Owned(empty));
        }
        match self.chunks.back_mut() {
            Some(Chunk::Owned(chunk)) => chunk,
            _ => unreachable!("the last chunk is an owned one: it was, or was just pushed"),
        }
    }

    /// The next bytes to send, at most `room`, and their offset; the cursor is then behind them.
    pub(super) fn piece(&mut self, room: usize) -> Option<(u64, &[u8])> {
        if room == 0 || !self.has_data() {
            return None;
        }
        while self.cursor >= self.at.1 + self.chunks[self.at.0].bytes().len() as u64 {
            self.at = (self.at.0 + 1, self.at.1 + self.chunks[self.at.0].bytes().len() as u64);
        }
        let offset = self.cursor;
        let allowed = usize::try_from(self.limit - offset).unwrap_or(usize::MAX).min(room);
        let bytes = &self.chunks[self.at.0].bytes()[(offset - self.at.1) as usize..];
        let bytes = &bytes[..bytes.len().min(allowed)];
        self.cursor += bytes.len() as u64;
        self.sent = self.sent.max(self.cursor);
        Some((offset, bytes))
    }

    /// Whether the peer can have received everything before `upto`.
    pub(super) fn check(&self, upto: u64) -> Result<(), SessionError> {
        if upto > self.sent { Err(SessionError::Acknowledgement) } else { Ok(()) }
    }

    /// The peer has everything before `upto`, which was checked; an older statement changes nothing.
    pub(super) fn acked(&mut self, upto: u64) {
        debug_assert!(upto <= self.sent, "acknowledgements are checked first");
        self.base = self.base.max(upto);
        self.cursor = self.cursor.max(self.base);
        while let Some(chunk) = self.chunks.front() {
            let next = self.first + chunk.bytes().len() as u64;
            if next > self.base {
                break;
            }
            let chunk = self.chunks.pop_front().expect("it was just looked at");
            self.first = next;
            self.at = if self.at.0 == 0 { (0, next) } else { (self.at.0 - 1, self.at.1) };
            self.recycle(chunk);
        }
    }

    fn recycle(&mut self, chunk: Chunk) {
        if let Chunk::Owned(mut bytes) = chunk
            && self.spare.len() < SPARE
        {
            bytes.clear();
            self.spare.push(bytes);
        }
    }

    /// Sends again from `from`, or from what is still held.
    pub(super) fn seek(&mut self, from: u64) {
        self.cursor = from.clamp(self.base, self.sent.max(self.base));
        self.at = (0, self.first);
    }

    /// The peer takes everything before `limit`; a limit once given stays.
    pub(super) fn granted(&mut self, limit: u64) {
        self.limit = self.limit.max(limit);
    }
}
