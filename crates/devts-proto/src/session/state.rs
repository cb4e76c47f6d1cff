//! State transfer between the two nodes: who asked, what is being sent piece by piece, what is being put
//! together. Knows bytes and vectors, not what a state is.

use super::lane::Outgoing;
use super::message::{put_state_head, put_state_piece};
use super::receive::SessionError;
use crate::claim::Vector;
use crate::codec::CodecError;
use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;
use bytes::Bytes;

/// The most of a state in one message.
const PIECE: usize = 256 << 10;
/// Below this much unacknowledged, the next piece is written.
const HELD: usize = 768 << 10;
/// The most states that one peer may be asking for or being given; the next is refused. Each may be held here.
const MAX_ASKS: usize = 4;

#[derive(Debug)]
struct Giving {
    ask: u64,
    vector: Vector,
    state: Bytes,
    begun: bool,
}

#[derive(Debug)]
struct Taking {
    ask: u64,
    vector: Vector,
    len: usize,
    state: Vec<u8>,
}

#[derive(Debug, Default)]
pub(super) struct States {
    /// This node's asks that are open.
    asks: BTreeSet<u64>,
    taking: Option<Taking>,
    /// The peer's asks that are open.
    asked: BTreeSet<u64>,
    giving: VecDeque<Giving>,
}

/// A state that has come whole.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) ask: u64,
    pub(super) vector: Vector,
    pub(super) state: Bytes,
}

impl States {
    pub(super) fn ask(&mut self, ask: u64) {
        self.asks.insert(ask);
    }

    /// The peer asks; `false` if it asks too much at once.
    pub(super) fn asked(&mut self, ask: u64) -> Result<bool, SessionError> {
        if self.asked.contains(&ask) {
            return Err(CodecError::Invalid("state ask").into());
        }
        Ok(self.asked.len() + self.giving.len() < MAX_ASKS && self.asked.insert(ask))
    }

    /// The peer's ask is answered; `false` if it was, or is not of this session.
    pub(super) fn answer(&mut self, ask: u64) -> bool {
        self.asked.remove(&ask)
    }

    /// The peer refuses an ask of this node.
    pub(super) fn refused(&mut self, ask: u64) -> Result<(), SessionError> {
        let begun = self.taking.as_ref().is_some_and(|taking| taking.ask == ask);
        if begun || !self.asks.remove(&ask) { Err(CodecError::Invalid("state ask").into()) } else { Ok(()) }
    }

    pub(super) fn give(&mut self, ask: u64, vector: Vector, state: Bytes) {
        self.giving.push_back(Giving { ask, vector, state, begun: false });
    }

    /// Writes what the lane takes: the rest stays in the state itself.
    pub(super) fn write(&mut self, lane: &mut Outgoing, scratch: &mut Vec<u8>) {
        while lane.held() < HELD
            && let Some(giving) = self.giving.front_mut()
        {
            if !giving.begun {
                giving.begun = true;
                put_state_head(scratch, giving.ask, giving.state.len() as u64, &giving.vector);
                lane.push(scratch, &[]);
            }
            if !giving.state.is_empty() {
                put_state_piece(scratch);
                lane.push_shared(scratch, giving.state.split_to(giving.state.len().min(PIECE)));
            }
            if giving.state.is_empty() {
                self.giving.pop_front();
            }
        }
    }

    pub(super) fn head(&mut self, ask: u64, len: u64, vector: Vector) -> Result<Option<Taken>, SessionError> {
        let len = usize::try_from(len).ok().filter(|len| *len <= isize::MAX as usize);
        match len {
            Some(len) if self.taking.is_none() && self.asks.contains(&ask) => {
                self.taking = Some(Taking { ask, vector, len, state: Vec::new() });
                Ok(self.whole())
            }
            _ => Err(CodecError::Invalid("state head").into()),
        }
    }

    pub(super) fn piece(&mut self, bytes: &[u8]) -> Result<Option<Taken>, SessionError> {
        let fault = SessionError::from(CodecError::Invalid("state piece"));
        let taking = self.taking.as_mut().ok_or(fault)?;
        let missing = taking.len - taking.state.len();
        if bytes.is_empty() || bytes.len() > missing {
            return Err(fault);
        }
        if taking.state.capacity() - taking.state.len() < bytes.len() {
            taking.state.reserve_exact(missing.min(taking.state.len().max(bytes.len())));
        }
        taking.state.extend_from_slice(bytes);
        Ok(self.whole())
    }

    fn whole(&mut self) -> Option<Taken> {
        let Taking { ask, vector, state, .. } =
            self.taking.take_if(|taking| taking.state.len() == taking.len)?;
        self.asks.remove(&ask);
        Some(Taken { ask, vector, state: state.into() })
    }

    /// Forgets everything; gives this node's open asks, ascending.
    pub(super) fn take_all(&mut self) -> Vec<u64> {
        core::mem::take(self).asks.into_iter().collect()
    }
}
