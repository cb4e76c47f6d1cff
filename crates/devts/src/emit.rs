//! `emit`: one event to every other node, and how it is refused. Knows no peer.

use crate::Event;
use crate::outbox::{Caller, Refused};
use crate::shared::Core;
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

/// An event given back by a verb that did not take it. It can be shared between threads whatever it holds, so that
/// `?` works on every verb.
pub struct Unsent<E>(Mutex<E>);

impl<E> Unsent<E> {
    pub(crate) fn new(event: E) -> Unsent<E> {
        Unsent(Mutex::new(event))
    }

    /// The event.
    pub fn into_inner(self) -> E {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E> fmt::Debug for Unsent<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unsent")
    }
}

/// Why an event was not emitted. It is given back.
#[non_exhaustive]
pub enum EmitError<E> {
    /// This turn, or turns before it, have emitted more than may wait. Told in turns only: others wait.
    Full(Unsent<E>),
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
    /// The node is stopping or has stopped.
    Stopped(Unsent<E>),
}

impl<E> EmitError<E> {
    fn new(refused: Refused, event: E) -> EmitError<E> {
        let event = Unsent::new(event);
        match refused {
            Refused::TooLarge { len, max } => EmitError::TooLarge { len, max, event },
            Refused::Encode(source) => EmitError::Encode { source, event },
            Refused::Name(name) => EmitError::Name { name, event },
            Refused::Stopped => EmitError::Stopped(event),
            Refused::Full | Refused::Wait | Refused::NotMember => EmitError::Full(event),
        }
    }

    /// The event.
    pub fn into_event(self) -> E {
        match self {
            EmitError::Full(event)
            | EmitError::TooLarge { event, .. }
            | EmitError::Encode { event, .. }
            | EmitError::Name { event, .. }
            | EmitError::Stopped(event) => event.into_inner(),
        }
    }

    /// Never: emitting waits for room as long as it takes.
    pub fn is_timeout(&self) -> bool {
        false
    }

    /// The same event may be taken in a later turn.
    pub fn is_retryable(&self) -> bool {
        matches!(self, EmitError::Full(_))
    }

    /// Nobody: an event goes to all.
    pub fn peer(&self) -> Option<devts_proto::NodeId> {
        None
    }
}

impl<E> fmt::Display for EmitError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EmitError::Full(_) => f.write_str(FULL),
            EmitError::TooLarge { len, max, .. } => too_large(f, *len, *max),
            EmitError::Encode { .. } => f.write_str(ENCODE),
            EmitError::Name { name, .. } => bad_name(f, name),
            EmitError::Stopped(_) => f.write_str(STOPPED),
        }
    }
}

/// Whatever the event is.
impl<E> fmt::Debug for EmitError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmitError({self})")
    }
}

impl<E> StdError for EmitError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            EmitError::Encode { source, .. } => Some(source),
            _ => None,
        }
    }
}

pub(crate) const FULL: &str = "turns of this node have said more than may wait (1 MiB beyond `Config::outgoing`): end the \
     turn and go on in a later one, or emit from a task (`Context::spawn`), which waits for room";
pub(crate) const STOPPED: &str = "this node is stopping or has stopped: join again for a new life";
pub(crate) const ENCODE: &str = "the event's `Serialize` failed";

pub(crate) fn too_large(f: &mut fmt::Formatter<'_>, len: usize, max: usize) -> fmt::Result {
    write!(
        f,
        "the event takes {len} bytes and {max} are the most: split it, or send a channel's worth of parts (`open`)"
    )
}

pub(crate) fn bad_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    write!(
        f,
        "`{name}` is no event name: 1 to 64 of `a-z 0-9 _ . -`, not starting with `devts.` (or 65 535 are in use)"
    )
}

/// An event on its way to every other node: see [`crate::Cluster::emit`].
#[must_use = "nothing is emitted until this is awaited"]
#[derive(Debug)]
pub struct Emit<'a, E> {
    core: &'a Core,
    event: Option<E>,
    to_self: bool,
    key: Option<u64>,
}

/// The event is moved out of it and never pinned.
impl<E> Unpin for Emit<'_, E> {}

impl<'a, E: Event> Emit<'a, E> {
    pub(crate) fn new(core: &'a Core, event: E) -> Emit<'a, E> {
        Emit { core, event: Some(event), to_self: false, key: None }
    }

    /// To this node too, in the order in which it emits.
    pub fn include_self(mut self) -> Emit<'a, E> {
        self.to_self = true;
        self
    }
}

impl<E: Event> Future for Emit<'_, E> {
    type Output = Result<(), EmitError<E>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let event = this.event.as_ref().expect("an event is emitted once");
        let caller = caller(this.core, &mut this.key, cx);
        let result = this.core.emit(event, this.to_self, caller);
        if matches!(result, Err(Refused::Wait)) {
            return Poll::Pending;
        }
        let event = this.event.take().expect("it was here a moment ago");
        Poll::Ready(result.map_err(|refused| EmitError::new(refused, event)))
    }
}

impl<E> Drop for Emit<'_, E> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.core.outbox().forget(key);
        }
    }
}

/// Who polls this future: a turn of the node, or somebody who may wait.
#[inline]
pub(crate) fn caller<'a>(core: &Core, key: &'a mut Option<u64>, cx: &'a Context<'_>) -> Caller<'a> {
    if core.in_turn() { Caller::Turn } else { Caller::Outside { key, waker: cx.waker() } }
}

/// Emits from a turn, at once.
pub(crate) fn now<E: Event>(core: &Core, event: E) -> Result<(), EmitError<E>> {
    core.emit(&event, false, Caller::Turn).map_err(|refused| EmitError::new(refused, event))
}
