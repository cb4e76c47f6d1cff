//! `Events`: the table of what a node takes, filled once at start, and how each entry is run. Knows no peer.

use crate::context::Context;
use crate::encode::{self, DecodeError};
use crate::handle::BoxTurn;
use crate::node::{Answer, Handler, Node};
use crate::notice::Rejected;
use crate::stats::Tally;
use crate::types::{self, Types};
use crate::{Error, Event, Result, turn};
use devts_proto::engine::Outcome;
use serde::{Serialize, de::DeserializeOwned};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// Runs what a cursor stands at, as one boxed future per run of events of one type.
pub(crate) trait Runner<N>: Send + Sync {
    fn run<'a>(&'a self, node: &'a mut N, cx: &'a mut Context<N>) -> BoxTurn<'a>;
}

/// One event that the node takes.
pub(crate) struct Entry<N> {
    pub(crate) name: Cow<'static, str>,
    /// Version and shape; `None` takes any event of this name, as bytes.
    pub(crate) typed: Option<(u16, u64)>,
    pub(crate) runner: Box<dyn Runner<N>>,
    /// Adds the event to this node's own types, so that peers can compare definitions.
    pub(crate) declare: fn(&mut Types),
}

type Snapshot<N> = Box<dyn Fn(&N) -> Result<Vec<u8>> + Send + Sync>;
type Restore<N> = Box<dyn Fn(&mut N, &[u8]) -> Result + Send + Sync>;

/// What a node takes: filled in [`Node::events`], which `#[devts::node]` writes.
pub struct Events<N> {
    pub(crate) entries: Vec<Entry<N>>,
    pub(crate) snapshot: Option<Snapshot<N>>,
    pub(crate) restore: Option<Restore<N>>,
    pub(crate) merge: Option<Restore<N>>,
    error: Option<TableError>,
}

impl<N> Events<N> {
    pub(crate) fn new() -> Events<N> {
        Events { entries: Vec::new(), snapshot: None, restore: None, merge: None, error: None }
    }

    /// The node takes `E`, with its [`Handler`].
    pub fn event<E: Event>(&mut self)
    where
        N: Handler<E>,
    {
        let entry = types::entry::<E>();
        self.add(Entry {
            name: Cow::Borrowed(E::NAME),
            typed: Some((entry.version, entry.shape)),
            runner: Box::new(Typed::<E>(PhantomData)),
            declare: declare::<E>,
        });
    }

    pub(crate) fn add(&mut self, entry: Entry<N>) {
        let same = |other: &Entry<N>| {
            let version = |entry: &Entry<N>| entry.typed.map(|(version, _)| version);
            other.name == entry.name && version(other) == version(&entry)
        };
        if !types::is_name(&entry.name) {
            self.error.get_or_insert(TableError::Name { name: entry.name.to_string() });
        } else if self.entries.iter().any(same) {
            self.error.get_or_insert(TableError::Twice { name: entry.name.to_string() });
        } else {
            self.entries.push(entry);
        }
    }

    /// How the node's state is given to a node of its kind that joins, or that missed events. Called between turns; what
    /// it takes longer, turns wait.
    pub fn snapshot<S: Serialize>(&mut self, take: impl Fn(&N) -> Result<S> + Send + Sync + 'static) {
        self.snapshot = Some(Box::new(move |node| {
            let (state, mut bytes) = (take(node)?, Vec::new());
            match encode::append(&mut bytes, 0, &state, usize::MAX / 2) {
                Ok(_) => Ok(bytes),
                Err(error) => Err(Error::msg(format!("the snapshot cannot be encoded: {error:?}"))),
            }
        }));
    }

    /// How a state that another node gave replaces the node's own.
    pub fn restore<S: DeserializeOwned>(
        &mut self,
        put: impl Fn(&mut N, S) -> Result + Send + Sync + 'static,
    ) {
        self.restore = Some(Box::new(move |node, bytes| put(node, encode::decode(bytes)?)));
    }

    /// How a state that another node gave is merged into the node's own, where neither covers the other. Merging the
    /// same state twice must not matter.
    pub fn merge<S: DeserializeOwned>(&mut self, put: impl Fn(&mut N, S) -> Result + Send + Sync + 'static) {
        self.merge = Some(Box::new(move |node, bytes| put(node, encode::decode(bytes)?)));
    }

    pub(crate) fn checked(self) -> std::result::Result<Events<N>, TableError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }
}

impl<N> fmt::Debug for Events<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|entry| &entry.name)).finish()
    }
}

pub(crate) fn declare<E: Event>(types: &mut Types) {
    types.add::<E>(types::entry::<E>());
}

/// What is wrong with a node's table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableError {
    /// An event's name is no wire name.
    Name {
        /// The name.
        name: String,
    },
    /// Two handlers for one event name and version.
    Twice {
        /// The name.
        name: String,
    },
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TableError::Name { name } => crate::emit::bad_name(f, name),
            TableError::Twice { name } => {
                write!(f, "two handlers for event `{name}`: an event has one, which may do both")
            }
        }
    }
}

impl std::error::Error for TableError {}

/// The runner of a [`Handler`].
struct Typed<E>(PhantomData<fn(E)>);

impl<E: Event, N: Handler<E>> Runner<N> for Typed<E> {
    fn run<'a>(&'a self, node: &'a mut N, cx: &'a mut Context<N>) -> BoxTurn<'a> {
        Box::pin(async move {
            while let Some(event) = cx.turn.cursor.next::<E>() {
                cx.core().pulse.beat();
                let result = match event {
                    Ok(event) => node.handle(event, cx).await.map_err(Failure::Handler),
                    Err(error) => Err(Failure::Decode(error)),
                };
                if let Err(failure) = settle(result, cx) {
                    reject(node, cx, E::NAME.into(), failure).await;
                }
                if cx.turn.cursor.wants_pause() {
                    turn::pause().await;
                }
            }
        })
    }
}

/// Why a turn came to nothing.
pub(crate) enum Failure {
    Decode(DecodeError),
    Handler(Error),
}

/// Answers who waits, if anybody does; else a failure is left for the `rejected` hook.
#[inline]
pub(crate) fn settle<N, R: Serialize>(
    result: std::result::Result<Answer<R>, Failure>,
    cx: &mut Context<N>,
) -> std::result::Result<(), Failure> {
    match (result, cx.turn.replier.take()) {
        (Ok(Answer::Now(reply)), Some(replier)) => replier.answer(&reply),
        (Ok(_), None) => {}
        (Ok(Answer::Later(_)), Some(replier)) => {
            replier.refuse(Outcome::Remote, "the handler returned a token of another request");
        }
        (Err(failure), Some(replier)) => {
            count(cx, &failure);
            replier.refuse(Outcome::Remote, &failure.line());
        }
        (Err(failure), None) => {
            count(cx, &failure);
            return Err(failure);
        }
    }
    Ok(())
}

fn count<N>(cx: &Context<N>, failure: &Failure) {
    let tally = &cx.core().tally;
    Tally::count(match failure {
        Failure::Decode(_) => &tally.undecodable,
        Failure::Handler(_) => &tally.failed,
    });
}

impl Failure {
    pub(crate) fn line(&self) -> String {
        match self {
            Failure::Decode(error) => format!("the event cannot be decoded: {error}"),
            Failure::Handler(error) => error.line(),
        }
    }

    pub(crate) fn rejected<N>(self, cx: &Context<N>, name: String) -> Rejected {
        let from = cx.origin();
        match self {
            Failure::Decode(error) => Rejected::Undecodable { from, name, error },
            Failure::Handler(error) => Rejected::Failed { from, name, error },
        }
    }
}

#[cold]
pub(crate) async fn reject<N: Node>(node: &mut N, cx: &mut Context<N>, name: String, failure: Failure) {
    let rejected = failure.rejected(cx, name);
    log::debug!(target: "devts::node", "{rejected}");
    node.rejected(rejected, cx).await;
}
