//! The answer to a request: given by the turn, or later through a token; never forgotten, for tokens answer on drop.
//! Knows no handler.

use crate::Error;
use crate::command::{Command, Replied};
use crate::encode::{self, EncodeError};
use crate::promise::Promise;
use crate::shared::Core;
use bytes::Bytes;
use devts_proto::engine::{Outcome, RequestError};
use devts_proto::{Life, RequestId};
use serde::Serialize;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// The obligation to answer one request.
pub(crate) struct Replier {
    core: Arc<Core>,
    to: Option<To>,
}

enum To {
    Peer(Life, RequestId),
    Own(Promise<Replied>),
}

impl Replier {
    pub(crate) fn to_peer(core: Arc<Core>, peer: Life, request: RequestId) -> Replier {
        Replier { core, to: Some(To::Peer(peer, request)) }
    }

    pub(crate) fn to_own(core: Arc<Core>, promise: Promise<Replied>) -> Replier {
        Replier { core, to: Some(To::Own(promise)) }
    }

    /// The peer's request, if a peer asked.
    pub(crate) fn request(&self) -> Option<(Life, RequestId)> {
        match self.to {
            Some(To::Peer(peer, request)) => Some((peer, request)),
            _ => None,
        }
    }

    /// Answers with a reply.
    pub(crate) fn answer<R: Serialize>(mut self, reply: &R) {
        let failed = match self.to.take() {
            Some(To::Peer(to, request)) => self.answer_peer(to, request, reply),
            Some(To::Own(promise)) => answer_own(promise, reply),
            None => Ok(()),
        };
        if let Err((to, error)) = failed {
            self.to = Some(to);
            self.refuse(Outcome::Remote, &unanswerable(&error));
        }
    }

    fn answer_peer<R: Serialize>(
        &self,
        to: Life,
        request: RequestId,
        reply: &R,
    ) -> Result<(), (To, EncodeError)> {
        let mut outbox = self.core.outbox();
        let body = outbox.encode(reply).map_err(|error| (To::Peer(to, request), error))?;
        let asleep = outbox.push(Command::Reply { to, request, outcome: Outcome::Ok, body });
        drop(outbox);
        if asleep {
            self.core.driver.wake();
        }
        Ok(())
    }

    /// Answers that there is no reply.
    pub(crate) fn refuse(mut self, outcome: Outcome, text: &str) {
        self.refuse_now(outcome, text);
    }

    fn refuse_now(&mut self, outcome: Outcome, text: &str) {
        match self.to.take() {
            Some(To::Peer(to, request)) => {
                let mut outbox = self.core.outbox();
                let body = outbox.body(text.as_bytes());
                let asleep = outbox.push(Command::Reply { to, request, outcome, body });
                drop(outbox);
                if asleep {
                    self.core.driver.wake();
                }
            }
            Some(To::Own(promise)) => promise.keep(Err(match outcome {
                Outcome::NoHandler => RequestError::NoHandler,
                Outcome::Busy => RequestError::Busy,
                _ => RequestError::Remote(text.into()),
            })),
            None => {}
        }
    }
}

fn answer_own<R: Serialize>(promise: Promise<Replied>, reply: &R) -> Result<(), (To, EncodeError)> {
    let mut body = Vec::new();
    match encode::append(&mut body, 0, reply, usize::MAX / 2) {
        Ok(_) => {
            promise.keep(Ok(Bytes::from(body)));
            Ok(())
        }
        Err(error) => Err((To::Own(promise), error)),
    }
}

fn unanswerable(error: &EncodeError) -> String {
    match error {
        EncodeError::TooLarge { len, max } => format!("the reply takes {len} bytes and {max} are the most"),
        EncodeError::Serde(error) => format!("the reply cannot be encoded: {error}"),
    }
}

impl Drop for Replier {
    fn drop(&mut self) {
        self.refuse_now(Outcome::Remote, "dropped without a reply");
    }
}

impl fmt::Debug for Replier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Replier")
    }
}

/// The token to answer a request after its turn: see [`crate::Context::defer`]. Dropping it answers with an error.
#[derive(Debug)]
#[must_use = "dropping it answers the request with an error"]
pub struct Reply<R> {
    replier: Option<Replier>,
    reply: PhantomData<fn(R)>,
}

impl<R: Serialize> Reply<R> {
    pub(crate) fn new(replier: Option<Replier>) -> Reply<R> {
        Reply { replier, reply: PhantomData }
    }

    /// Somebody waits for the answer. Nobody does for events that were emitted or sent.
    pub fn is_awaited(&self) -> bool {
        self.replier.is_some()
    }

    /// Answers.
    pub fn send(self, reply: R) {
        if let Some(replier) = self.replier {
            replier.answer(&reply);
        }
    }

    /// Answers that it failed; the error crosses as text.
    pub fn fail(self, error: impl Into<Error>) {
        if let Some(replier) = self.replier {
            replier.refuse(Outcome::Remote, &error.into().line());
        }
    }
}
