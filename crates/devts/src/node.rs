//! What a user implements: [`Node`], its hooks, and [`Handler`] for each event it takes. Knows nothing of how
//! turns are run.

use crate::{Context, Event, Gap, PeerEvent, Rejected, Result};
use std::future::Future;

/// A node: one object per process and cluster membership, run one *turn* at a time. Written with
/// `#[devts::node("kind")]` on the trait impl, or by hand.
///
/// Every hook has a default that does nothing and runs as a turn: no handler runs beside it.
pub trait Node: Sized + Send + 'static {
    /// The node's kind, told to all members: 1 to 255 bytes. Nodes of one kind can give each other their state.
    fn kind() -> &'static str;

    /// The table of what this node takes; called once, at start.
    fn events(on: &mut crate::Events<Self>);

    /// In the cluster, restored if there was anything to restore, before the first event. An error stops the node
    /// and is what `join` returns.
    fn joined(&mut self, cx: &mut Context<Self>) -> impl Future<Output = Result> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// A member joined, changed, left, failed, came back, or speaks an incompatible definition of an event.
    fn peer(&mut self, event: PeerEvent, cx: &mut Context<Self>) -> impl Future<Output = ()> + Send {
        let _ = (event, cx);
        async {}
    }

    /// Events of one origin that can no longer be had, where no state could be restored or merged instead. Comes
    /// in order: before the origin's events after the gap.
    fn gap(&mut self, gap: Gap, cx: &mut Context<Self>) -> impl Future<Output = ()> + Send {
        let _ = (gap, cx);
        async {}
    }

    /// An event that this node does not know, cannot decode or failed to handle; or a send of its own that was
    /// accepted and cannot be delivered.
    fn rejected(&mut self, rejected: Rejected, cx: &mut Context<Self>) -> impl Future<Output = ()> + Send {
        let _ = (rejected, cx);
        async {}
    }

    /// The last turn: what was queued is done, and the node is still connected.
    fn stopping(&mut self, cx: &mut Context<Self>) -> impl Future<Output = ()> + Send {
        let _ = cx;
        async {}
    }
}

/// How a node takes one event. `#[devts::node]` writes it from a method marked `#[on]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no handler for `{E}`",
    label = "no handler for `{E}`",
    note = "in the `#[devts::node]` impl of `{Self}`: `#[on] fn name(&mut self, event: {E}) {{ .. }}`"
)]
pub trait Handler<E: Event>: Node {
    /// One turn. An error is told to the requester as text, else to [`Node::rejected`].
    fn handle(
        &mut self,
        event: E,
        cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<Answer<E::Reply>>> + Send;
}

/// How a handler answers a request: now, or later through the token of [`Context::defer`]. For an event that was
/// emitted or sent nobody waits, and the answer is dropped.
#[derive(Debug)]
pub enum Answer<R> {
    /// The reply.
    Now(R),
    /// The turn ends, the reply comes from the [`crate::Reply`] token.
    Later(Deferred<R>),
}

impl<R> From<R> for Answer<R> {
    fn from(reply: R) -> Answer<R> {
        Answer::Now(reply)
    }
}

/// What a handler returns when it has taken the reply token: see [`Context::defer`].
#[derive(Debug)]
pub struct Deferred<R>(pub(crate) std::marker::PhantomData<fn() -> R>);

/// What an `#[on]` method may return: nothing, the event's reply, [`Deferred`], or a `Result` of one of these.
#[diagnostic::on_unimplemented(
    message = "this handler returns `{Self}`, but the event's reply is `{R}`",
    label = "returns `{Self}`",
    note = "return `{R}`, `devts::Result<{R}>` or `devts::Deferred<{R}>`, or change `reply = ..` in the event's `#[event(..)]`"
)]
pub trait IntoReply<R> {
    /// The answer, or the error that the requester is told.
    fn into_reply(self) -> Result<Answer<R>>;
}

// The note above says what to return; a list of impls behind it would only hide that.
#[diagnostic::do_not_recommend]
impl<R> IntoReply<R> for R {
    fn into_reply(self) -> Result<Answer<R>> {
        Ok(Answer::Now(self))
    }
}

#[diagnostic::do_not_recommend]
impl<R> IntoReply<R> for Deferred<R> {
    fn into_reply(self) -> Result<Answer<R>> {
        Ok(Answer::Later(self))
    }
}

#[diagnostic::do_not_recommend]
impl<R, E: Into<crate::Error>> IntoReply<R> for std::result::Result<R, E> {
    fn into_reply(self) -> Result<Answer<R>> {
        self.map(Answer::Now).map_err(Into::into)
    }
}

#[diagnostic::do_not_recommend]
impl<R, E: Into<crate::Error>> IntoReply<R> for std::result::Result<Deferred<R>, E> {
    fn into_reply(self) -> Result<Answer<R>> {
        self.map(Answer::Later).map_err(Into::into)
    }
}
