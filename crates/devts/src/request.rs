//! `request`: one event to one node, and its answer. Knows no session.

use crate::command::{Command, Errand, Replied, Request as Ask};
use crate::emit::{self, caller};
use crate::encode::{DecodeError, decode};
use crate::outbox::Refused;
use crate::promise::{Pledge, promise};
use crate::shared::Core;
use crate::{Event, send, turn};
use devts_proto::NodeId;
use devts_proto::engine::RequestError as Failure;
use devts_rt::BoxFuture;
use futures_util::FutureExt;
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Why a request has no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// No answer within its deadline. Whether the handler ran is not known.
    Timeout {
        /// Who was asked.
        to: NodeId,
        /// The event's wire name.
        name: &'static str,
        /// The deadline.
        after: Duration,
    },
    /// The peer failed or left. Whether the handler ran is not known.
    PeerDown {
        /// Who was asked.
        to: NodeId,
    },
    /// The peer's process was replaced by a new one. Whether the handler ran is not known.
    PeerRestarted {
        /// Who was asked.
        to: NodeId,
    },
    /// The peer's node has no handler for this event.
    NoHandler {
        /// Who was asked.
        to: NodeId,
        /// The event's wire name.
        name: &'static str,
    },
    /// The peer has as many of this node's requests as it takes. The handler did not run.
    Busy {
        /// Who was asked.
        to: NodeId,
    },
    /// This turn would have waited for ever: for itself, or in a cycle of turns that wait for each other.
    Deadlock {
        /// Who was asked.
        to: NodeId,
        /// The event's wire name.
        name: &'static str,
    },
    /// The handler failed; its error as text.
    Remote {
        /// Who was asked.
        to: NodeId,
        /// What it said.
        text: String,
    },
    /// No member has this id.
    NotMember {
        /// Who was asked.
        to: NodeId,
    },
    /// Turns of this node have sent this peer more than may wait.
    Full {
        /// Who was asked.
        to: NodeId,
    },
    /// The event is longer than the longest message.
    TooLarge {
        /// Its encoded length.
        len: usize,
        /// `Config::engine.max_message`.
        max: usize,
    },
    /// The event's `Serialize` failed.
    Encode(postcard::Error),
    /// The event's `NAME` is no wire name.
    Name(&'static str),
    /// The answer is no `Reply` of this event: the two nodes define it otherwise.
    Decode {
        /// Who was asked.
        to: NodeId,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// This node is stopping or has stopped.
    Stopped,
}

impl RequestError {
    fn new(refused: Refused, to: NodeId) -> RequestError {
        match refused {
            Refused::Full | Refused::Wait => RequestError::Full { to },
            Refused::Stopped => RequestError::Stopped,
            Refused::NotMember => RequestError::NotMember { to },
            Refused::TooLarge { len, max } => RequestError::TooLarge { len, max },
            Refused::Encode(error) => RequestError::Encode(error),
            Refused::Name(name) => RequestError::Name(name),
        }
    }

    /// Its deadline passed.
    pub fn is_timeout(&self) -> bool {
        matches!(self, RequestError::Timeout { .. })
    }

    /// The handler did not run, and asking again may go better.
    pub fn is_retryable(&self) -> bool {
        use RequestError::{Busy, Deadlock, Full, NotMember};
        matches!(self, Busy { .. } | Deadlock { .. } | Full { .. } | NotMember { .. })
    }

    /// Who was asked, where that matters.
    pub fn peer(&self) -> Option<NodeId> {
        use RequestError::{Encode, Name, Stopped, TooLarge};
        match self {
            RequestError::Timeout { to, .. }
            | RequestError::PeerDown { to }
            | RequestError::PeerRestarted { to }
            | RequestError::NoHandler { to, .. }
            | RequestError::Busy { to }
            | RequestError::Deadlock { to, .. }
            | RequestError::Remote { to, .. }
            | RequestError::NotMember { to }
            | RequestError::Full { to }
            | RequestError::Decode { to, .. } => Some(*to),
            TooLarge { .. } | Encode(_) | Name(_) | Stopped => None,
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RequestError::Timeout { to, name, after } => {
                write!(f, "node {to} did not answer `{name}` within {after:?}; its handler may have run")
            }
            RequestError::PeerDown { to } => write!(f, "node {to} failed or left; its handler may have run"),
            RequestError::PeerRestarted { to } => {
                write!(f, "node {to} was restarted; the handler of its earlier process may have run")
            }
            RequestError::NoHandler { to, name } => {
                write!(
                    f,
                    "node {to} has no handler for `{name}`: ask a node of another kind, or add `#[on]` there"
                )
            }
            RequestError::Busy { to } => {
                write!(f, "node {to} has as many requests as it takes: ask again later")
            }
            RequestError::Deadlock { to, name } => write!(
                f,
                "waiting here for `{name}` of node {to} would never end, for turns wait for each other: ask in a task \
                 instead (`Context::then`)"
            ),
            RequestError::Remote { to, text } => write!(f, "node {to} answered with an error: {text}"),
            RequestError::NotMember { to } => send::not_member(f, *to),
            RequestError::Full { .. } => f.write_str(emit::FULL),
            RequestError::TooLarge { len, max } => emit::too_large(f, *len, *max),
            RequestError::Encode(_) => f.write_str(emit::ENCODE),
            RequestError::Name(name) => emit::bad_name(f, name),
            RequestError::Decode { to, .. } => {
                write!(
                    f,
                    "the answer of node {to} is not of the event's reply type: use one definition in both"
                )
            }
            RequestError::Stopped => f.write_str(emit::STOPPED),
        }
    }
}

impl StdError for RequestError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            RequestError::Encode(error) => Some(error),
            RequestError::Decode { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// An event on its way to one node, and its answer: see [`crate::Cluster::request`].
#[must_use = "nothing is asked until this is awaited"]
pub struct Request<'a, E: Event> {
    core: &'a Arc<Core>,
    to: NodeId,
    timeout: Duration,
    state: State<E>,
    key: Option<u64>,
    /// Where the engine does not watch the deadline: before it has the request, and for this node itself.
    timer: Option<BoxFuture<()>>,
}

enum State<E> {
    Unsent(E),
    Waiting(u64, Pledge<Replied>),
    Done,
}

/// The event is moved out of it and never pinned.
impl<E: Event> Unpin for Request<'_, E> {}

impl<'a, E: Event> Request<'a, E> {
    pub(crate) fn new(core: &'a Arc<Core>, to: NodeId, event: E) -> Request<'a, E> {
        let timeout = core.config.request_timeout;
        Request { core, to, timeout, state: State::Unsent(event), key: None, timer: None }
    }

    /// How long to wait for the answer, instead of `Config::request_timeout` (5 s).
    pub fn timeout(mut self, timeout: Duration) -> Request<'a, E> {
        self.timeout = timeout;
        self
    }

    fn timer(&mut self) -> &mut BoxFuture<()> {
        let (core, timeout) = (self.core, self.timeout);
        self.timer.get_or_insert_with(|| core.runtime.sleep(timeout))
    }

    fn late(&self) -> RequestError {
        RequestError::Timeout { to: self.to, name: E::NAME, after: self.timeout }
    }

    /// Queues the request; `Pending` while there is no room.
    fn poll_accepted(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RequestError>> {
        let State::Unsent(event) = &self.state else { return Poll::Ready(Ok(())) };
        let turn = turn::current(self.core).map(|mark| mark.serving);
        if turn.is_some() && self.to == self.core.node {
            return Poll::Ready(Err(RequestError::Deadlock { to: self.to, name: E::NAME }));
        }
        let (promise, pledge) = promise();
        let call = self.core.next_call();
        let ask = Ask { call, timeout: self.timeout, turn, promise };
        let caller = caller(self.core, &mut self.key, cx);
        match self.core.call(self.to, event, &mut Some(Errand::Request(ask)), caller) {
            Ok(()) => {
                self.state = State::Waiting(call, pledge);
                self.timer = None;
                Poll::Ready(Ok(()))
            }
            Err(Refused::Wait) => {
                let late = self.timer().poll_unpin(cx);
                late.map(|()| Err(self.late()))
            }
            Err(refused) => Poll::Ready(Err(RequestError::new(refused, self.to))),
        }
    }

    fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<Result<E::Reply, RequestError>> {
        ready!(self.poll_accepted(cx))?;
        let State::Waiting(_, pledge) = &mut self.state else {
            panic!("a request is polled after it was answered")
        };
        let reply = match pledge.poll_unpin(cx) {
            Poll::Ready(reply) => reply,
            Poll::Pending if self.to == self.core.node => {
                ready!(self.timer().poll_unpin(cx));
                return Poll::Ready(Err(self.late()));
            }
            Poll::Pending => return Poll::Pending,
        };
        self.state = State::Done;
        Poll::Ready(self.reply(reply))
    }

    fn reply(&self, reply: Option<Replied>) -> Result<E::Reply, RequestError> {
        let (to, name) = (self.to, E::NAME);
        Err(match reply {
            Some(Ok(body)) => return decode(&body).map_err(|source| RequestError::Decode { to, source }),
            None => RequestError::Stopped,
            Some(Err(Failure::Timeout)) => self.late(),
            Some(Err(Failure::PeerDown)) => RequestError::PeerDown { to },
            Some(Err(Failure::PeerRestarted)) => RequestError::PeerRestarted { to },
            Some(Err(Failure::NoHandler)) => RequestError::NoHandler { to, name },
            Some(Err(Failure::Busy)) => RequestError::Busy { to },
            Some(Err(Failure::Deadlock)) => RequestError::Deadlock { to, name },
            Some(Err(Failure::Remote(text))) => RequestError::Remote { to, text },
            Some(Err(other)) => RequestError::Remote { to, text: format!("{other:?}") },
        })
    }
}

impl<E: Event> Future for Request<'_, E> {
    type Output = Result<E::Reply, RequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_reply(cx)
    }
}

impl<E: Event> Drop for Request<'_, E> {
    fn drop(&mut self) {
        if let State::Waiting(call, _) = self.state {
            self.core.command(Command::Cancel { call });
        }
        if let Some(key) = self.key {
            self.core.outbox().forget(key);
        }
    }
}

impl<E: Event> fmt::Debug for Request<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request {{ {} to {} }}", E::NAME, self.to)
    }
}
