//! `Context`: what a turn may do beside changing its node. Nothing here waits, except what says so. Knows no dispatch.

use crate::Event;
use crate::channel::{Channel, ChannelError};
use crate::cluster::Cluster;
use crate::cursor::Cursor;
use crate::emit::{self, EmitError};
use crate::handle::{Job, NodeHandle};
use crate::node::Deferred;
use crate::pipe::Pipe;
use crate::promise::promise;
use crate::reply::{Replier, Reply};
use crate::send::{self, SendError};
use crate::shared::{Cause, Core, lock};
use devts_proto::rng::Rng;
use devts_proto::{Life, NodeId, RequestId};
use futures_util::future::AbortHandle;
use serde::{Serialize, de::DeserializeOwned};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A turn's surroundings. It dereferences to the node's [`Cluster`]; its own `emit` and `send` do not wait.
pub struct Context<N> {
    handle: NodeHandle<N>,
    pub(crate) turn: Turn,
    rng: Rng,
}

/// What the running turn is about.
pub(crate) struct Turn {
    pub(crate) from: Life,
    pub(crate) cursor: Cursor,
    pub(crate) replier: Option<Replier>,
    /// The request whose token was taken.
    pub(crate) deferred: Option<(Life, RequestId)>,
    pub(crate) opened: Option<Arc<Pipe>>,
}

impl Turn {
    pub(crate) fn new(from: Life) -> Turn {
        Turn { from, cursor: Cursor::default(), replier: None, deferred: None, opened: None }
    }
}

impl<N> Deref for Context<N> {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.handle
    }
}

impl<N> Context<N> {
    pub(crate) fn new(handle: NodeHandle<N>, life: Life, seed: u64) -> Context<N> {
        Context { handle, turn: Turn::new(life), rng: Rng::new(seed) }
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.handle.core
    }

    /// Who emitted, sent or asked; this node itself in hooks and in turns of its own.
    pub fn from(&self) -> NodeId {
        self.turn.from.node
    }

    /// As [`Context::from`], with the process's boot number: an *origin*.
    pub fn origin(&self) -> Life {
        self.turn.from
    }

    /// The node's handle, to keep or to give away.
    pub fn handle(&self) -> NodeHandle<N> {
        self.handle.clone()
    }

    /// Emits an event to every other node, at once.
    ///
    /// ```
    /// # use devts::{Context, Event, Node, Result};
    /// # use serde::{Deserialize, Serialize};
    /// # use std::time::Duration;
    /// # #[derive(Serialize, Deserialize, Event)]
    /// # #[event("tick")]
    /// # struct Tick(u32);
    /// # #[derive(Default)]
    /// # struct Clock { ticks: u32, sum: u32 }
    /// # #[devts::node("clock")]
    /// # impl Node for Clock {
    /// #     #[on] fn tick(&mut self, Tick(by): Tick) { self.ticks += by; }
    /// # }
    /// # fn main() -> Result { devts::block_on(async {
    /// let node = devts::join((), Clock::default()).await?;
    /// node.with(|clock, cx| {
    ///     clock.ticks += 1;
    ///     cx.emit(Tick(1)) // in one turn with the change, so that a state never has the one without the other
    /// })
    /// .await??;
    /// # Ok(node.stop().await?) }) }
    /// ```
    ///
    /// # Errors
    ///
    /// `Full` when turns have emitted more than may wait: a turn never waits, for nodes whose turns wait for each
    /// other's room would do so for ever.
    pub fn emit<E: Event>(&mut self, event: E) -> Result<(), EmitError<E>> {
        emit::now(self.core(), event)
    }

    /// Sends an event to one node, at once.
    ///
    /// ```
    /// # use devts::{Context, Event, Node, Result};
    /// # use serde::{Deserialize, Serialize};
    /// # use std::time::Duration;
    /// # #[derive(Serialize, Deserialize, Event)]
    /// # #[event("tick")]
    /// # struct Tick(u32);
    /// # #[derive(Default)]
    /// # struct Clock { ticks: u32, sum: u32 }
    /// # #[devts::node("clock")]
    /// # impl Node for Clock {
    /// #     #[on] fn tick(&mut self, Tick(by): Tick) { self.ticks += by; }
    /// # }
    /// # fn main() -> Result { devts::block_on(async {
    /// let node = devts::join((), Clock::default()).await?;
    /// let me = node.id();
    /// node.with(move |_, cx| cx.send(me, Tick(1))).await??;
    /// # Ok(node.stop().await?) }) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Context::emit`]; or when no member has this id.
    pub fn send<E: Event>(&mut self, to: NodeId, event: E) -> Result<(), SendError<E>> {
        send::now(self.core(), to, event)
    }

    /// Takes the token to answer this turn's request later; the handler returns the second part.
    ///
    /// ```
    /// # use serde::{Serialize, Deserialize};
    /// # use devts::{Answer, Context, Deferred, Events, Handler, Node, Result};
    /// #[derive(Serialize, Deserialize, devts::Event)]
    /// #[event("add", reply = u32)]
    /// struct Add(u32, u32);
    /// # struct Adder;
    /// # impl Node for Adder {
    /// #     fn kind() -> &'static str { "adder" }
    /// #     fn events(on: &mut Events<Self>) { on.event::<Add>(); }
    /// # }
    ///
    /// impl Handler<Add> for Adder {
    ///     async fn handle(&mut self, Add(a, b): Add, cx: &mut Context<Self>) -> Result<Answer<u32>> {
    ///         let (reply, later) = cx.defer::<u32>();
    ///         cx.spawn(async move { reply.send(a + b) });
    ///         Ok(Answer::Later(later))
    ///     }
    /// }
    /// # fn main() -> Result { devts::block_on(async {
    /// # let node = devts::join((), Adder).await?;
    /// assert_eq!(node.request(node.id(), Add(1, 2)).await?, 3);
    /// # Ok(node.stop().await?) }) }
    /// ```
    pub fn defer<R: Serialize>(&mut self) -> (Reply<R>, Deferred<R>) {
        let replier = self.turn.replier.take();
        if let Some(replier) = &replier {
            self.turn.deferred = replier.request();
        }
        (Reply::new(replier), Deferred(PhantomData))
    }

    /// Takes this node's end of the channel that this turn's event opens. With the types as the opener has them: it
    /// sends `Up`, so this end receives `Up` and sends `Down`.
    ///
    /// # Errors
    ///
    /// When the event was not given to `open`, or the channel was taken already.
    pub fn accept<Up, Down>(&mut self) -> Result<Channel<Down, Up>, ChannelError>
    where
        Up: DeserializeOwned,
        Down: Serialize,
    {
        let pipe = self.turn.opened.take().ok_or(ChannelError::NotOpened)?;
        Ok(Channel::new(self.core().clone(), pipe))
    }

    /// Runs a future beside the node's turns, until it is done or the node stops. It may wait for what turns must not.
    ///
    /// ```
    /// # use devts::{Context, Event, Node, Result};
    /// # use serde::{Deserialize, Serialize};
    /// # use std::time::Duration;
    /// # #[derive(Serialize, Deserialize, Event)]
    /// # #[event("tick")]
    /// # struct Tick(u32);
    /// # #[derive(Default)]
    /// # struct Clock { ticks: u32, sum: u32 }
    /// # #[devts::node("clock")]
    /// # impl Node for Clock {
    /// #     #[on] fn tick(&mut self, Tick(by): Tick) { self.ticks += by; }
    /// # }
    /// # fn main() -> Result { devts::block_on(async {
    /// let node = devts::join((), Clock::default()).await?;
    /// node.with(|_, cx| {
    ///     let cluster = cx.handle();
    ///     cx.spawn(async move {
    ///         let _ = cluster.emit(Tick(1)).include_self().await; // waits for room, if it must
    ///     });
    /// })
    /// .await?;
    /// # Ok(node.stop().await?) }) }
    /// ```
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> Task {
        Task(self.core().tasks.spawn(future))
    }

    /// Runs blocking work off the executor; await it in the turn or elsewhere. A panic of the work goes on where it is
    /// awaited.
    ///
    /// ```
    /// # use devts::{Context, Event, Node, Result};
    /// # use serde::{Deserialize, Serialize};
    /// # use std::time::Duration;
    /// # #[derive(Serialize, Deserialize, Event)]
    /// # #[event("tick")]
    /// # struct Tick(u32);
    /// # #[derive(Default)]
    /// # struct Clock { ticks: u32, sum: u32 }
    /// # #[devts::node("clock")]
    /// # impl Node for Clock {
    /// #     #[on] fn tick(&mut self, Tick(by): Tick) { self.ticks += by; }
    /// # }
    /// # fn main() -> Result { devts::block_on(async {
    /// let node = devts::join((), Clock::default()).await?;
    /// let sum = node.call(|clock, cx| Box::pin(async move {
    ///     clock.sum = cx.unblock(|| (1..=10).sum()).await;
    ///     clock.sum
    /// })).await?;
    /// assert_eq!(sum, 55);
    /// # Ok(node.stop().await?) }) }
    /// ```
    pub fn unblock<T, F>(&self, work: F) -> impl Future<Output = T> + Send + use<N, T, F>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        unblock(self.core(), work)
    }

    /// Time since the host's origin: monotonic, simulated in a simulator.
    pub fn now(&self) -> Duration {
        self.core().runtime.now()
    }

    /// 64 random bits, from a seed of the host's: not for secrets.
    pub fn random(&mut self) -> u64 {
        self.rng.next_u64()
    }

    /// Asks for the node's end: turns that are queued run first. See [`NodeHandle::stop`].
    pub fn stop(&self) {
        self.core().stop(Cause::Asked);
    }
}

impl<N: Send + 'static> Context<N> {
    /// Runs a future beside the node's turns, and then a turn with what came out: the way to ask and wait that never
    /// blocks the node.
    ///
    /// ```
    /// # use devts::{Context, Event, Node, Result};
    /// # use serde::{Deserialize, Serialize};
    /// # use std::time::Duration;
    /// # #[derive(Serialize, Deserialize, Event)]
    /// # #[event("tick")]
    /// # struct Tick(u32);
    /// # #[derive(Default)]
    /// # struct Clock { ticks: u32, sum: u32 }
    /// # #[devts::node("clock")]
    /// # impl Node for Clock {
    /// #     #[on] fn tick(&mut self, Tick(by): Tick) { self.ticks += by; }
    /// # }
    /// # fn main() -> Result { devts::block_on(async {
    /// let node = devts::join((), Clock::default()).await?;
    /// node.with(|_, cx| {
    ///     cx.then(async { 41 }, |clock, cx, found| {
    ///         clock.sum = found + 1;
    ///         cx.stop();
    ///     });
    /// })
    /// .await?;
    /// node.stopped().await?;
    /// # Ok(()) }) }
    /// ```
    pub fn then<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
        turn: impl FnOnce(&mut N, &mut Context<N>, T) + Send + 'static,
    ) -> Task {
        let handle = self.handle();
        self.spawn(async move {
            let output = future.await;
            handle.push(Job::Sync(Box::new(move |node, cx| turn(node, cx, output))));
        })
    }

    /// Runs a turn again and again, a period apart, until the task is cancelled or the node stops. A turn that is late
    /// is run once, not once for each period missed.
    ///
    /// ```
    /// # use devts::{Context, Event, Node, Result};
    /// # use serde::{Deserialize, Serialize};
    /// # use std::time::Duration;
    /// # #[derive(Serialize, Deserialize, Event)]
    /// # #[event("tick")]
    /// # struct Tick(u32);
    /// # #[derive(Default)]
    /// # struct Clock { ticks: u32, sum: u32 }
    /// # #[devts::node("clock")]
    /// # impl Node for Clock {
    /// #     #[on] fn tick(&mut self, Tick(by): Tick) { self.ticks += by; }
    /// # }
    /// # fn main() -> Result { devts::block_on(async {
    /// let node = devts::join((), Clock::default()).await?;
    /// node.with(|_, cx| {
    ///     cx.every(Duration::from_millis(1), |clock, cx| {
    ///         clock.ticks += 1;
    ///         if clock.ticks == 3 {
    ///             cx.stop();
    ///         }
    ///     });
    /// })
    /// .await?;
    /// node.stopped().await?;
    /// # Ok(()) }) }
    /// ```
    pub fn every(
        &self,
        period: Duration,
        turn: impl FnMut(&mut N, &mut Context<N>) + Send + 'static,
    ) -> Task {
        let (handle, turn) = (self.handle(), Arc::new(Mutex::new(turn)));
        self.spawn(async move {
            let runtime = handle.core.runtime.clone();
            let mut next = runtime.now() + period;
            loop {
                runtime.sleep(next.saturating_sub(runtime.now())).await;
                let (done, ended) = promise();
                let turn = turn.clone();
                handle.push(Job::Sync(Box::new(move |node, cx| {
                    let _done = done;
                    lock(&turn)(node, cx);
                })));
                let _: Option<()> = ended.await;
                next = (next + period).max(runtime.now());
            }
        })
    }
}

impl<N> fmt::Debug for Context<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Context {{ node: {:?}, from: {} }}", self.handle, self.turn.from)
    }
}

/// Blocking work off the executor.
pub(crate) fn unblock<T, F>(core: &Core, work: F) -> impl Future<Output = T> + Send + use<T, F>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let runtime = core.runtime.clone();
    async move {
        let (promise, pledge) = promise();
        runtime.blocking(Box::new(move || promise.keep(work()))).await;
        pledge.await.expect("the host has run the work, or its future has panicked")
    }
}

/// A future or timer that runs beside the node's turns. Dropping this lets it run on.
#[derive(Clone, Debug)]
pub struct Task(AbortHandle);

impl Task {
    pub(crate) fn new(handle: AbortHandle) -> Task {
        Task(handle)
    }

    /// Ends it: it is dropped where it waits.
    pub fn cancel(&self) {
        self.0.abort();
    }
}
