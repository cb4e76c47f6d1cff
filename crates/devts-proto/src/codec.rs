//! Reading and writing of numbers, byte strings and lives: what frames and session messages share.
//! Knows no frame and no message. Reading never allocates more than the bytes it was given.

use crate::id::{Life, NodeId};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf, Bytes};
use core::fmt;

/// Why bytes could not be read. Always the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodecError {
    /// The value goes on past the end of what was given.
    Truncated,
    /// Bytes are left over after the value.
    Trailing,
    /// A number, length, tag or id outside its range; the text names the field.
    Invalid(&'static str),
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodecError::Truncated => f.write_str("the value is cut short"),
            CodecError::Trailing => f.write_str("bytes are left over after the value"),
            CodecError::Invalid(field) => write!(f, "{field} is out of range"),
        }
    }
}

impl core::error::Error for CodecError {}

/// Reads from the front of a byte string; slices handed out share its memory.
#[derive(Debug)]
pub struct Reader(Bytes);

impl Reader {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: Bytes) -> Reader {
        Reader(bytes)
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.0.len()
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, CodecError> {
        self.0.try_get_u8().map_err(|_| CodecError::Truncated)
    }

    /// Two bytes, little endian.
    pub fn u16(&mut self) -> Result<u16, CodecError> {
        self.0.try_get_u16_le().map_err(|_| CodecError::Truncated)
    }

    /// Four bytes, little endian.
    pub fn u32(&mut self) -> Result<u32, CodecError> {
        self.0.try_get_u32_le().map_err(|_| CodecError::Truncated)
    }

    /// Eight bytes, little endian.
    pub fn u64(&mut self) -> Result<u64, CodecError> {
        self.0.try_get_u64_le().map_err(|_| CodecError::Truncated)
    }

    /// A LEB128 number of at most ten bytes.
    pub fn varint(&mut self) -> Result<u64, CodecError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            if shift == 63 && byte > 1 {
                return Err(CodecError::Invalid("varint"));
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(CodecError::Invalid("varint"))
    }

    /// A node id: eight bytes, not zero.
    pub fn node(&mut self) -> Result<NodeId, CodecError> {
        NodeId::new(self.u64()?).ok_or(CodecError::Invalid("node id"))
    }

    /// A life: node id, then the boot number as eight bytes.
    pub fn life(&mut self) -> Result<Life, CodecError> {
        Ok(Life { node: self.node()?, boot: self.u64()? })
    }

    /// A length (varint) of at most `max`, then that many bytes, shared with the input.
    pub fn bytes(&mut self, max: usize, field: &'static str) -> Result<Bytes, CodecError> {
        let len = self.varint()?;
        if len > max as u64 {
            return Err(CodecError::Invalid(field));
        }
        self.take(len as usize)
    }

    /// As [`Reader::bytes`], valid UTF-8.
    pub fn string(&mut self, max: usize, field: &'static str) -> Result<String, CodecError> {
        let bytes = self.bytes(max, field)?;
        core::str::from_utf8(&bytes).map(String::from).map_err(|_| CodecError::Invalid(field))
    }

    /// How many items follow: a varint of at most `max`, and at most one per `least` bytes left, so that a
    /// count that lies cannot make anybody allocate.
    pub fn count(&mut self, max: usize, least: usize, field: &'static str) -> Result<usize, CodecError> {
        let count = self.varint()?;
        if count > max as u64 || count > (self.remaining() / least.max(1)) as u64 {
            return Err(CodecError::Invalid(field));
        }
        Ok(count as usize)
    }

    /// Exactly `len` bytes.
    pub fn take(&mut self, len: usize) -> Result<Bytes, CodecError> {
        if len > self.0.len() { Err(CodecError::Truncated) } else { Ok(self.0.split_to(len)) }
    }

    /// All that is left.
    pub fn rest(self) -> Bytes {
        self.0
    }

    /// Nothing may be left.
    pub fn end(self) -> Result<(), CodecError> {
        if self.0.is_empty() { Ok(()) } else { Err(CodecError::Trailing) }
    }
}

/// Appends a LEB128 number.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a length and the bytes.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a life.
pub fn put_life(out: &mut Vec<u8>, life: Life) {
    out.extend_from_slice(&life.node.get().to_le_bytes());
    out.extend_from_slice(&life.boot.to_le_bytes());
}
