//! `app`: a node without a struct of its own: a kind, a state, closures by event. Built on the same table and turns as
//! every node. Knows no driver.

use crate::builder::Builder;
use crate::bytes::Bytes;
use crate::cluster::Cluster;
use crate::context::{Context, Task};
use crate::cursor::Cursor;
use crate::encode::DecodeError;
use crate::events::{Entry, Events, Failure, Runner, declare, reject, settle};
use crate::handle::BoxTurn;
use crate::node::{IntoReply, Node};
use crate::notice::Rejected;
use crate::seat::{Permit, Seat, State};
use crate::seeds::ToSeeds;
use crate::shared::{Cause, Core};
use crate::{Event, OnPanic, turn, types};
use devts_proto::engine::Outcome;
use devts_proto::{Life, NodeId};
use futures_util::FutureExt;
use serde::Serialize;
use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// A node of this kind without a struct: give it a state, then handlers.
///
/// ```
/// use devts::{Cx, Event, Result, State};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Event)]
/// #[event("add", reply = i64)]
/// struct Add(i64);
///
/// fn main() -> Result {
///     devts::block_on(async {
///         let sum = devts::app("sum")
///             .state(0i64)
///             .on(async |mut sum: State<i64>, Add(number): Add, _cx: Cx| {
///                 *sum += number;
///                 *sum
///             })
///             .join(())
///             .await?;
///         assert_eq!(sum.request(sum.id(), Add(42)).await?, 42);
///         Ok(sum.stop().await?)
///     })
/// }
/// ```
///
/// A closure that uses `?` writes its return type, `async |sum: State<i64>, Add(number), cx: Cx| -> devts::Result<i64>
/// { .. }`. One that captures clones what it captures for each turn:
///
/// ```
/// # use devts::{Cx, Event, Result, State};
/// # #[derive(serde::Serialize, serde::Deserialize, Event)]
/// # #[event("line")]
/// # struct Line(String);
/// # let path = std::path::PathBuf::new();
/// let app = devts::app("writer").state(()).on(move |_: State<()>, Line(text): Line, cx: Cx| {
///     let path = path.clone();
///     async move { Ok::<(), std::io::Error>(cx.unblock(move || std::fs::write(path, text)).await?) }
/// });
/// ```
pub fn app(kind: impl Into<String>) -> NewApp {
    NewApp { kind: kind.into() }
}

/// An app that has no state yet.
#[derive(Debug)]
#[must_use = "an app does nothing until it joins"]
pub struct NewApp {
    kind: String,
}

impl NewApp {
    /// The state that its handlers share; `()` for none.
    pub fn state<S: Send + 'static>(self, state: S) -> App<S> {
        App { kind: self.kind, seat: Seat::one(state), events: Events::new() }
    }
}

/// An app: see [`app`].
#[must_use = "an app does nothing until it joins"]
pub struct App<S> {
    kind: String,
    seat: Seat<S>,
    events: Events<AppNode<S>>,
}

impl<S: Send + 'static> App<S> {
    /// How it takes an event. The closure gets the state, the event and the turn's surroundings, and returns nothing,
    /// the event's reply, or a `Result` of one.
    pub fn on<E, F, T>(mut self, handler: F) -> App<S>
    where
        E: Event,
        F: Fn(State<S>, E, Cx) -> T + Send + Sync + 'static,
        T: Future<Output: IntoReply<E::Reply>> + Send + 'static,
    {
        let entry = types::entry::<E>();
        let on = On {
            name: Cow::Borrowed(E::NAME),
            next: Cursor::next::<E>,
            handler,
            reply: PhantomData::<fn(E::Reply)>,
        };
        self.events.add(Entry {
            name: Cow::Borrowed(E::NAME),
            typed: Some((entry.version, entry.shape)),
            runner: Box::new(on),
            declare: declare::<E>,
        });
        self
    }

    /// How it takes every event of this wire name that no other handler takes, of any version and shape, as its encoded
    /// bytes.
    pub fn on_named<F, T>(mut self, name: impl Into<String>, handler: F) -> App<S>
    where
        F: Fn(State<S>, Bytes, Cx) -> T + Send + Sync + 'static,
        T: Future<Output: IntoReply<()>> + Send + 'static,
    {
        let name: Cow<'static, str> = Cow::Owned(name.into());
        let next = |cursor: &mut Cursor| cursor.shared().map(|body| Ok(Bytes::from(body)));
        let on = On { name: name.clone(), next, handler, reply: PhantomData::<fn(())> };
        self.events.add(Entry { name, typed: None, runner: Box::new(on), declare: |_| () });
        self
    }

    /// Up to `turns` turns at a time, each with a clone of the state (an `Arc`, most likely). Turns then end in any
    /// order, and requests that wait for each other in a cycle end at their deadline, not as `Deadlock`. Without this,
    /// one turn runs at a time and has the state for itself.
    pub fn concurrent(mut self, turns: usize) -> App<S>
    where
        S: Clone,
    {
        self.seat = self.seat.many(turns);
        self
    }

    /// Joins a cluster, as [`crate::join`] does.
    pub fn join(self, seeds: impl ToSeeds) -> Builder<AppNode<S>> {
        Builder::new(seeds.to_seeds(), AppNode { seat: self.seat }, self.kind, self.events)
    }
}

impl<S> fmt::Debug for App<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "App {{ kind: {:?}, events: {:?} }}", self.kind, self.events)
    }
}

/// The node behind an app.
pub struct AppNode<S> {
    seat: Seat<S>,
}

impl<S> fmt::Debug for AppNode<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppNode")
    }
}

impl<S: Send + 'static> Node for AppNode<S> {
    /// An app's kind and table are its builder's.
    fn kind() -> &'static str {
        "app"
    }

    fn events(_: &mut Events<Self>) {}

    async fn rejected(&mut self, rejected: Rejected, _: &mut Context<Self>) {
        log::warn!(target: "devts::node", "{rejected}");
    }
}

/// The surroundings of an app's turn: its [`Cluster`], and whom the event is from. Keep it, clone it, move it.
#[derive(Clone)]
pub struct Cx {
    cluster: Cluster,
    from: Life,
}

impl Cx {
    /// Who emitted, sent or asked.
    pub fn from(&self) -> NodeId {
        self.from.node
    }

    /// As [`Cx::from`], with the process's boot number.
    pub fn origin(&self) -> Life {
        self.from
    }

    /// Runs a future beside the turns, until it is done or the node stops.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> Task {
        Task::new(self.cluster.core.tasks.spawn(future))
    }

    /// Runs blocking work off the executor. A panic of the work goes on where this is awaited.
    pub fn unblock<T, W>(&self, work: W) -> impl Future<Output = T> + Send + use<T, W>
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        crate::context::unblock(&self.cluster.core, work)
    }

    /// Asks for the node's end: turns that are queued run first.
    pub fn stop(&self) {
        self.cluster.core.stop(Cause::Asked);
    }
}

impl Deref for Cx {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl fmt::Debug for Cx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cx {{ node: {:?}, from: {} }}", self.cluster, self.from)
    }
}

type Next<E> = fn(&mut Cursor) -> Option<std::result::Result<E, DecodeError>>;

/// The runner of one closure: how its event is read, and what it is replied to with.
struct On<E, F, R> {
    name: Cow<'static, str>,
    next: Next<E>,
    handler: F,
    reply: PhantomData<R>,
}

impl<S, E, F, T, R> Runner<AppNode<S>> for On<E, F, fn(R)>
where
    S: Send + 'static,
    E: Send + 'static,
    R: Serialize + Send + 'static,
    F: Fn(State<S>, E, Cx) -> T + Send + Sync + 'static,
    T: Future<Output: IntoReply<R>> + Send + 'static,
{
    fn run<'a>(&'a self, node: &'a mut AppNode<S>, cx: &'a mut Context<AppNode<S>>) -> BoxTurn<'a> {
        Box::pin(async move {
            while let Some(event) = (self.next)(&mut cx.turn.cursor) {
                cx.core().pulse.beat();
                let result = match event {
                    Ok(event) => self.handle(node, cx, event).await,
                    Err(error) => settle::<_, R>(Err(Failure::Decode(error)), cx),
                };
                if let Err(failure) = result {
                    reject(node, cx, self.name.to_string(), failure).await;
                }
            }
        })
    }
}

impl<E, F, R> On<E, F, fn(R)> {
    async fn handle<S, T>(
        &self,
        node: &mut AppNode<S>,
        cx: &mut Context<AppNode<S>>,
        event: E,
    ) -> std::result::Result<(), Failure>
    where
        S: Send + 'static,
        R: Serialize + Send + 'static,
        F: Fn(State<S>, E, Cx) -> T,
        T: Future<Output: IntoReply<R>> + Send + 'static,
    {
        let (state, permit) = node.seat.take().await;
        let cluster = Cluster { core: cx.core().clone() };
        let turn = (self.handler)(state, event, Cx { cluster, from: cx.origin() });
        match permit {
            Some(permit) => {
                beside::<R, _>(cx, turn, permit, self.name.to_string());
                Ok(())
            }
            None => {
                let answer = turn.await.into_reply();
                settle(answer.map_err(Failure::Handler), cx)
            }
        }
    }
}

/// A turn that runs beside others.
fn beside<R, T>(cx: &mut Context<impl Sized>, turn: T, permit: Permit, name: String)
where
    R: Serialize + Send + 'static,
    T: Future<Output: IntoReply<R>> + Send + 'static,
{
    let replier = cx.turn.replier.take();
    cx.turn.deferred = replier.as_ref().and_then(crate::reply::Replier::request);
    let core = cx.core().clone();
    cx.spawn(async move {
        let _permit = permit;
        // The answer is settled here, not held: a reply need not be `Sync`.
        let answer = AssertUnwindSafe(turn).catch_unwind().await;
        let text = match answer.map(IntoReply::into_reply) {
            Ok(Ok(crate::node::Answer::Now(reply))) => {
                return replier.into_iter().for_each(|to| to.answer(&reply));
            }
            Ok(Ok(crate::node::Answer::Later(_))) => "the handler returned a token of another request".into(),
            Ok(Err(error)) => error.line(),
            Err(panic) => panicked(&core, turn::text(&*panic)),
        };
        match replier {
            Some(replier) => replier.refuse(Outcome::Remote, &text),
            None => log::warn!(target: "devts::node", "the handler of event `{name}` failed: {text}"),
        }
    });
}

fn panicked(core: &Arc<Core>, text: String) -> String {
    crate::stats::Tally::count(&core.tally.panicked);
    log::error!(target: "devts::node", "a turn panicked: {text}");
    if core.on_panic == OnPanic::Stop {
        core.stop(Cause::Panicked(text.clone()));
    }
    format!("panicked: {text}")
}
