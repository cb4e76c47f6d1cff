//! `send`: one event to one node, and how it is refused. Knows no session.

use crate::command::{Errand, Receipt};
use crate::emit::{self, Unsent, caller};
use crate::outbox::{Caller, Refused};
use crate::promise::{Pledge, promise};
use crate::shared::Core;
use crate::{Event, Undeliverable, notice};
use devts_proto::NodeId;
use futures_util::FutureExt;
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Why an event was not sent.
#[non_exhaustive]
pub enum SendError<E> {
    /// Turns of this node have sent this peer more than may wait. Told in turns only: others wait.
    Full {
        /// Whom it was for.
        to: NodeId,
        /// The event.
        event: Unsent<E>,
    },
    /// No member has this id.
    NotMember {
        /// Whom it was for.
        to: NodeId,
        /// The event.
        event: Unsent<E>,
    },
    /// The event is longer than the longest message.
    TooLarge {
        /// Its encoded length.
        len: usize,
        /// `Config::engine.max_message`.
        max: usize,
        /// The event.
        event: Unsent<E>,
    },
    /// The event's `Serialize` failed.
    Encode {
        /// What it said.
        source: postcard::Error,
        /// The event.
        event: Unsent<E>,
    },
    /// The event's `NAME` is no wire name.
    Name {
        /// The name.
        name: &'static str,
        /// The event.
        event: Unsent<E>,
    },
    /// This node is stopping or has stopped.
    Stopped(Unsent<E>),
    /// It was accepted and will not arrive: told to who waits with [`SendEvent::delivered`]. Whether the peer had it
    /// before it failed is not known.
    Undeliverable {
        /// Whom it was for.
        to: NodeId,
        /// What happened.
        why: Undeliverable,
    },
    /// It was accepted, and this node stopped before the peer acknowledged it.
    Unacknowledged {
        /// Whom it was for.
        to: NodeId,
    },
}

impl<E> SendError<E> {
    fn new(refused: Refused, to: NodeId, event: E) -> SendError<E> {
        let event = Unsent::new(event);
        match refused {
            Refused::NotMember => SendError::NotMember { to, event },
            Refused::TooLarge { len, max } => SendError::TooLarge { len, max, event },
            Refused::Encode(source) => SendError::Encode { source, event },
            Refused::Name(name) => SendError::Name { name, event },
            Refused::Stopped => SendError::Stopped(event),
            Refused::Full | Refused::Wait => SendError::Full { to, event },
        }
    }

    /// The event, unless it had been accepted.
    pub fn into_event(self) -> Option<E> {
        match self {
            SendError::Full { event, .. }
            | SendError::NotMember { event, .. }
            | SendError::TooLarge { event, .. }
            | SendError::Encode { event, .. }
            | SendError::Name { event, .. }
            | SendError::Stopped(event) => Some(event.into_inner()),
            SendError::Undeliverable { .. } | SendError::Unacknowledged { .. } => None,
        }
    }

    /// Never: a send waits for room as long as it takes.
    pub fn is_timeout(&self) -> bool {
        false
    }

    /// The same event may be taken later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, SendError::Full { .. } | SendError::NotMember { .. })
    }

    /// Whom it was for, where that matters.
    pub fn peer(&self) -> Option<NodeId> {
        match self {
            SendError::Full { to, .. }
            | SendError::NotMember { to, .. }
            | SendError::Undeliverable { to, .. }
            | SendError::Unacknowledged { to } => Some(*to),
            _ => None,
        }
    }
}

impl<E> fmt::Display for SendError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::Full { .. } => f.write_str(emit::FULL),
            SendError::NotMember { to, .. } => not_member(f, *to),
            SendError::TooLarge { len, max, .. } => emit::too_large(f, *len, *max),
            SendError::Encode { .. } => f.write_str(emit::ENCODE),
            SendError::Name { name, .. } => emit::bad_name(f, name),
            SendError::Stopped(_) => f.write_str(emit::STOPPED),
            SendError::Undeliverable { to, why } => {
                write!(f, "the event cannot be delivered to node {to}: {}", notice::reason(*why))
            }
            SendError::Unacknowledged { to } => {
                write!(f, "this node stopped before node {to} acknowledged the event; it may have it")
            }
        }
    }
}

/// Whatever the event is.
impl<E> fmt::Debug for SendError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SendError({self})")
    }
}

impl<E> StdError for SendError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            SendError::Encode { source, .. } => Some(source),
            _ => None,
        }
    }
}

pub(crate) fn not_member(f: &mut fmt::Formatter<'_>, to: NodeId) -> fmt::Result {
    write!(f, "no live member has the id {to}: `find_node` and `view` show who is there")
}

/// An event on its way to one node: see [`crate::Cluster::send`].
#[must_use = "nothing is sent until this is awaited"]
#[derive(Debug)]
pub struct SendEvent<'a, E> {
    core: &'a Core,
    to: NodeId,
    event: Option<E>,
    key: Option<u64>,
}

/// The event is moved out of it and never pinned.
impl<E> Unpin for SendEvent<'_, E> {}

impl<'a, E: Event> SendEvent<'a, E> {
    pub(crate) fn new(core: &'a Core, to: NodeId, event: E) -> SendEvent<'a, E> {
        SendEvent { core, to, event: Some(event), key: None }
    }

    /// Waits until the peer has acknowledged it: it has it, and its handler will run, or has run. Must not be awaited
    /// in a turn whose end the peer waits for.
    pub fn delivered(self) -> Delivered<'a, E> {
        Delivered { send: self, receipt: None }
    }

    fn poll_accepted(
        &mut self,
        errand: &mut Option<Errand>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError<E>>> {
        let event = self.event.as_ref().expect("an event is sent once");
        let result = self.core.call(self.to, event, errand, caller(self.core, &mut self.key, cx));
        if matches!(result, Err(Refused::Wait)) {
            return Poll::Pending;
        }
        let event = self.event.take().expect("it was here a moment ago");
        Poll::Ready(result.map_err(|refused| SendError::new(refused, self.to, event)))
    }
}

impl<E: Event> Future for SendEvent<'_, E> {
    type Output = Result<(), SendError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_accepted(&mut Some(Errand::Send(None)), cx)
    }
}

impl<E> Drop for SendEvent<'_, E> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.core.outbox().forget(key);
        }
    }
}

/// A send that waits for its peer's acknowledgement.
#[must_use = "nothing is sent until this is awaited"]
#[derive(Debug)]
pub struct Delivered<'a, E> {
    send: SendEvent<'a, E>,
    receipt: Option<Pledge<Receipt>>,
}

impl<E: Event> Future for Delivered<'_, E> {
    type Output = Result<(), SendError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.receipt.is_none() {
            let (promise, pledge) = promise();
            ready!(this.send.poll_accepted(&mut Some(Errand::Send(Some(promise))), cx))?;
            this.receipt = Some(pledge);
        }
        let to = this.send.to;
        let receipt = this.receipt.as_mut().expect("it is set above");
        Poll::Ready(match ready!(receipt.poll_unpin(cx)) {
            Some(Ok(())) => Ok(()),
            Some(Err(why)) => Err(SendError::Undeliverable { to, why }),
            None => Err(SendError::Unacknowledged { to }),
        })
    }
}

/// Sends from a turn, at once.
pub(crate) fn now<E: Event>(core: &Core, to: NodeId, event: E) -> Result<(), SendError<E>> {
    let result = core.call(to, &event, &mut Some(Errand::Send(None)), Caller::Turn);
    result.map_err(|refused| SendError::new(refused, to, event))
}
