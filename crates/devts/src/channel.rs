//! `open` and what it gives: a two-way channel of typed messages, in order, under credit. Knows no session.

use crate::command::{Command, Errand};
use crate::emit::{self, caller};
use crate::encode::{DecodeError, decode};
use crate::outbox::Refused;
use crate::pipe::{Opening, Pipe};
use crate::shared::Core;
use crate::{Event, send};
use devts_proto::NodeId;
use devts_proto::engine::ChannelEnd;
use serde::{Serialize, de::DeserializeOwned};
use std::error::Error as StdError;
use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Why a channel could not be opened, or does not take or give a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelError {
    /// No member has this id.
    NotMember {
        /// Whom it was to be opened to.
        to: NodeId,
    },
    /// A channel to this node itself.
    Oneself,
    /// This turn's event did not open a channel, or the channel was accepted already.
    NotOpened,
    /// This end was closed.
    Closed,
    /// The other node takes no such channel: no handler, or one that did not accept it.
    NoHandler {
        /// The other node.
        peer: NodeId,
    },
    /// The other end was dropped, or its node failed, left or was restarted.
    PeerGone {
        /// The other node.
        peer: NodeId,
    },
    /// A turn has sent more than may wait; others wait.
    Full,
    /// The message is longer than the longest.
    TooLarge {
        /// Its encoded length.
        len: usize,
        /// `Config::engine.max_message`.
        max: usize,
    },
    /// The message's `Serialize` failed.
    Encode(postcard::Error),
    /// The event's `NAME` is no wire name.
    Name(&'static str),
    /// What arrived is no such message: the two ends were given other types.
    Decode {
        /// The other node.
        peer: NodeId,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// This node is stopping or has stopped.
    Stopped,
}

impl ChannelError {
    fn new(refused: Refused, to: NodeId) -> ChannelError {
        match refused {
            Refused::Full | Refused::Wait => ChannelError::Full,
            Refused::Stopped => ChannelError::Stopped,
            Refused::NotMember => ChannelError::NotMember { to },
            Refused::TooLarge { len, max } => ChannelError::TooLarge { len, max },
            Refused::Encode(error) => ChannelError::Encode(error),
            Refused::Name(name) => ChannelError::Name(name),
        }
    }

    fn ended(end: ChannelEnd, peer: NodeId) -> ChannelError {
        match end {
            ChannelEnd::NoHandler => ChannelError::NoHandler { peer },
            ChannelEnd::Closed => ChannelError::Closed,
            _ => ChannelError::PeerGone { peer },
        }
    }

    /// Never: channels wait for room and for messages as long as it takes.
    pub fn is_timeout(&self) -> bool {
        false
    }

    /// The same may be taken later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, ChannelError::Full | ChannelError::NotMember { .. })
    }

    /// The other node, where that matters.
    pub fn peer(&self) -> Option<NodeId> {
        match self {
            ChannelError::NotMember { to: peer }
            | ChannelError::NoHandler { peer }
            | ChannelError::PeerGone { peer }
            | ChannelError::Decode { peer, .. } => Some(*peer),
            _ => None,
        }
    }
}

impl fmt::Display for ChannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChannelError::NotMember { to } => send::not_member(f, *to),
            ChannelError::Oneself => f.write_str("a node cannot open a channel to itself"),
            ChannelError::NotOpened => f.write_str(
                "this turn's event opened no channel, or it was accepted already: `accept` belongs into the handler of \
                 the event that the other node gave to `open`",
            ),
            ChannelError::Closed => f.write_str("this end of the channel is closed"),
            ChannelError::NoHandler { peer } => {
                write!(f, "node {peer} did not accept the channel: its handler of the event must call `cx.accept`")
            }
            ChannelError::PeerGone { peer } => write!(f, "the other end of the channel is gone, or its node {peer} is"),
            ChannelError::Full => f.write_str(emit::FULL),
            ChannelError::TooLarge { len, max } => emit::too_large(f, *len, *max),
            ChannelError::Encode(_) => f.write_str(emit::ENCODE),
            ChannelError::Name(name) => emit::bad_name(f, name),
            ChannelError::Decode { peer, .. } => {
                write!(f, "a message of node {peer} is not of this end's type: give both ends the same two types")
            }
            ChannelError::Stopped => f.write_str(emit::STOPPED),
        }
    }
}

impl StdError for ChannelError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            ChannelError::Encode(error) => Some(error),
            ChannelError::Decode { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// One end of a two-way channel: sends `Up`, receives `Down`, each in order. What is under way is bounded by credit
/// (`Config::engine.channel_window`, 256 KiB each way). Dropping it ends the channel for both.
pub struct Channel<Up, Down> {
    core: Arc<Core>,
    pipe: Arc<Pipe>,
    types: PhantomData<fn(Up) -> Down>,
}

impl<Up: Serialize, Down: DeserializeOwned> Channel<Up, Down> {
    pub(crate) fn new(core: Arc<Core>, pipe: Arc<Pipe>) -> Channel<Up, Down> {
        Channel { core, pipe, types: PhantomData }
    }

    /// Whose the other end is.
    pub fn peer(&self) -> NodeId {
        self.pipe.peer
    }

    /// Sends a message; waits while the window is full. `Ok` means accepted: it arrives unless the channel ends.
    ///
    /// # Errors
    ///
    /// When the channel is over or closed, or the message cannot be encoded.
    pub async fn send(&self, message: Up) -> Result<(), ChannelError> {
        let mut waiting = Waiting { pipe: &self.pipe, key: None };
        poll_fn(|cx| {
            let wait = Some((&mut waiting.key, cx.waker()));
            self.poll_send(&message, wait)
        })
        .await
    }

    fn poll_send(
        &self,
        message: &Up,
        wait: Option<(&mut Option<u64>, &std::task::Waker)>,
    ) -> Poll<Result<(), ChannelError>> {
        match self.pipe.poll_room(self.core.config.engine.channel_window, wait) {
            Ok(()) => Poll::Ready(self.queue(message)),
            Err(Some(end)) => Poll::Ready(Err(self.over(end))),
            Err(None) if self.core.in_turn() => Poll::Ready(Err(ChannelError::Full)),
            Err(None) => Poll::Pending,
        }
    }

    fn queue(&self, message: &Up) -> Result<(), ChannelError> {
        let mut outbox = self.core.outbox();
        let body = outbox.encode(message).map_err(|error| ChannelError::new(error.into(), self.pipe.peer))?;
        self.pipe.queued(body.len());
        let asleep = outbox.push(Command::ChannelSend { pipe: self.pipe.clone(), body });
        drop(outbox);
        if asleep {
            self.core.driver.wake();
        }
        Ok(())
    }

    fn over(&self, end: ChannelEnd) -> ChannelError {
        if self.core.is_stopping() { ChannelError::Stopped } else { ChannelError::ended(end, self.pipe.peer) }
    }

    /// The next message; `None` when the other end has closed its side and everything was received. One task at a time
    /// may wait here.
    ///
    /// # Errors
    ///
    /// When the other end is gone without having closed, or sent something else.
    pub async fn recv(&self) -> Result<Option<Down>, ChannelError> {
        match poll_fn(|cx| self.pipe.poll_next(cx)).await {
            Ok(body) => {
                self.core.command(Command::ChannelUsed { pipe: self.pipe.clone(), bytes: body.len() });
                let message = decode(&body);
                message.map(Some).map_err(|source| ChannelError::Decode { peer: self.pipe.peer, source })
            }
            Err(ChannelEnd::Closed) => Ok(None),
            Err(end) => Err(self.over(end)),
        }
    }

    /// Closes this end's sending side: what was sent still arrives, and the other end then receives `None`.
    pub fn close(&self) {
        if self.pipe.shut() {
            self.core.command(Command::ChannelClose { pipe: self.pipe.clone(), abort: false });
        }
    }
}

impl<Up, Down> Drop for Channel<Up, Down> {
    fn drop(&mut self) {
        if !self.pipe.is_over() {
            self.pipe.shut();
            self.core.command(Command::ChannelClose { pipe: self.pipe.clone(), abort: true });
        }
    }
}

impl<Up, Down> fmt::Debug for Channel<Up, Down> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Channel {{ peer: {} }}", self.pipe.peer)
    }
}

/// A sender that is dropped waits no longer.
struct Waiting<'a> {
    pipe: &'a Pipe,
    key: Option<u64>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.pipe.forget(key);
        }
    }
}

/// A channel on its way to being open: see [`crate::Cluster::open`].
#[must_use = "nothing is opened until this is awaited"]
#[derive(Debug)]
pub struct Open<'a, E, Up, Down> {
    core: &'a Arc<Core>,
    to: NodeId,
    event: E,
    key: Option<u64>,
    types: PhantomData<fn(Up) -> Down>,
}

/// The event is never pinned.
impl<E, Up, Down> Unpin for Open<'_, E, Up, Down> {}

impl<'a, E: Event, Up, Down> Open<'a, E, Up, Down> {
    pub(crate) fn new(core: &'a Arc<Core>, to: NodeId, event: E) -> Self {
        Open { core, to, event, key: None, types: PhantomData }
    }
}

impl<E: Event, Up: Serialize, Down: DeserializeOwned> Future for Open<'_, E, Up, Down> {
    type Output = Result<Channel<Up, Down>, ChannelError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.to == this.core.node {
            return Poll::Ready(Err(ChannelError::Oneself));
        }
        let pipe = Arc::new(Pipe::new(this.to, None));
        let caller = caller(this.core, &mut this.key, cx);
        let errand = Errand::Open(Opening::new(pipe.clone()));
        match this.core.call(this.to, &this.event, &mut Some(errand), caller) {
            Ok(()) => Poll::Ready(Ok(Channel::new(this.core.clone(), pipe))),
            Err(Refused::Wait) => Poll::Pending,
            Err(refused) => Poll::Ready(Err(ChannelError::new(refused, this.to))),
        }
    }
}

impl<E, Up, Down> Drop for Open<'_, E, Up, Down> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.core.outbox().forget(key);
        }
    }
}
