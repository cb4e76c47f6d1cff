//! What callers and dispatch ask of the driver, in one queue; bodies stand together in one buffer beside it.
//! Knows neither the engine nor who asks.

use crate::pipe::{Opening, Pipe};
use crate::promise::Promise;
use bytes::Bytes;
use devts_proto::claim::{TypeEntry, Vector};
use devts_proto::engine::{Outcome, RequestError, StateRefusal, Undeliverable};
use devts_proto::{Life, NodeId, RequestId};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Where a body stands in [`Queue::bodies`].
pub(crate) type Body = Range<usize>;

/// How a request ended.
pub(crate) type Replied = Result<Bytes, RequestError>;

/// How a confirmed send ended.
pub(crate) type Receipt = Result<(), Undeliverable>;

/// What a call is for.
#[derive(Debug)]
pub(crate) enum Errand {
    /// An event for one node; a promise if the caller waits for its acknowledgement.
    Send(Option<Promise<Receipt>>),
    /// An event to be answered.
    Request(Request),
    /// The event that opens a channel.
    Open(Opening),
}

/// What belongs to a request beside its event.
#[derive(Debug)]
pub(crate) struct Request {
    /// Its number among all of this node's calls, for [`Command::Cancel`].
    pub(crate) call: u64,
    pub(crate) timeout: Duration,
    /// The request that the waiting turn serves, if a turn waits and serves one.
    pub(crate) turn: Option<Option<(NodeId, RequestId)>>,
    pub(crate) promise: Promise<Replied>,
}

/// One thing for the driver to do.
#[derive(Debug)]
pub(crate) enum Command {
    Call {
        to: NodeId,
        ty: u16,
        body: Body,
        errand: Errand,
    },
    Cancel {
        call: u64,
    },
    Reply {
        to: Life,
        request: RequestId,
        outcome: Outcome,
        body: Body,
    },
    Deferred {
        to: Life,
        request: RequestId,
    },
    ChannelSend {
        pipe: Arc<Pipe>,
        body: Body,
    },
    ChannelClose {
        pipe: Arc<Pipe>,
        abort: bool,
    },
    ChannelRefuse {
        pipe: Arc<Pipe>,
    },
    ChannelUsed {
        pipe: Arc<Pipe>,
        bytes: usize,
    },
    Consumed {
        via: NodeId,
        events: usize,
        calls: usize,
    },
    SetInfo(Bytes),
    SetReady,
    AskState {
        donor: NodeId,
        ask: u64,
        vector: Vector,
        merge: bool,
    },
    GiveState {
        to: Life,
        ask: u64,
        vector: Vector,
        state: Bytes,
    },
    RefuseState {
        to: Life,
        ask: u64,
        why: StateRefusal,
    },
    Restored(Vector),
    /// Leave when dispatch is done, or at the deadline.
    Stop,
    /// Dispatch is done: nothing more will be said.
    Drained,
}

/// Commands and the bodies they point into, swapped out whole.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) list: Vec<Command>,
    pub(crate) bodies: Vec<u8>,
    /// Types to tell the engine before anything else.
    pub(crate) types: Vec<TypeEntry>,
}

impl Queue {
    /// Empties the buffers for the next time.
    pub(crate) fn reset(&mut self) {
        self.list.clear();
        crate::batch::recycle(&mut self.bodies);
        self.types.clear();
    }
}

/// Bytes of calls per peer that the engine has not accepted yet.
#[derive(Debug, Default)]
pub(crate) struct Queued(BTreeMap<NodeId, usize>);

impl Queued {
    pub(crate) fn get(&self, to: NodeId) -> usize {
        self.0.get(&to).copied().unwrap_or(0)
    }

    pub(crate) fn add(&mut self, to: NodeId, bytes: usize) {
        *self.0.entry(to).or_default() += bytes;
    }

    pub(crate) fn release(&mut self, to: NodeId, bytes: usize) {
        let Some(queued) = self.0.get_mut(&to) else { return };
        *queued = queued.saturating_sub(bytes);
        if *queued == 0 {
            self.0.remove(&to);
        }
    }

    pub(crate) fn total(&self) -> usize {
        self.0.values().sum()
    }
}
