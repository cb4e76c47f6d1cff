//! `Cluster`: a node's handle on its cluster, for everybody who does not care which node it is. Knows no node type.

use crate::Event;
use crate::channel::Open;
use crate::command::Command;
use crate::emit::Emit;
use crate::encode::{self, EncodeError};
use crate::member::{Member, Membership, View};
use crate::request::Request;
use crate::send::SendEvent;
use crate::shared::{Core, lock};
use crate::stats::Stats;
use devts_proto::NodeId;
use devts_proto::config::MAX_INFO;
use serde::Serialize;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A node's handle on its cluster. Cheap to clone; what it asks goes through the node's driver.
#[derive(Clone)]
pub struct Cluster {
    pub(crate) core: Arc<Core>,
}

impl Cluster {
    /// This node's id.
    pub fn id(&self) -> NodeId {
        self.core.node
    }

    /// Where others reach this node: its cluster port.
    pub fn address(&self) -> SocketAddr {
        self.core.address
    }

    /// All live members, this node included; answered from memory.
    ///
    /// ```
    /// # use devts::{Context, Event, Node, Result};
    /// # use serde::{Deserialize, Serialize};
    /// # use std::time::Duration;
    /// # struct Quiet;
    /// # #[devts::node("quiet")] impl Node for Quiet {}
    /// # fn main() -> Result { devts::block_on(async {
    /// let node = devts::join((), Quiet).await?;
    /// let view = node.view();
    /// assert_eq!(view.len(), 1);
    /// assert_eq!(view.iter().next().map(|member| member.id), Some(node.id()));
    /// # Ok(node.stop().await?) }) }
    /// ```
    pub fn view(&self) -> View {
        self.core.views.view()
    }

    /// The first member, by id, for which the predicate holds; answered from memory.
    ///
    /// ```
    /// # use devts::{Events, Node, Result};
    /// # struct Quiet;
    /// # impl Node for Quiet { fn kind() -> &'static str { "quiet" } fn events(_: &mut Events<Self>) {} }
    /// # fn main() -> Result { devts::block_on(async {
    /// let node = devts::join((), Quiet).await?;
    /// let found = node.find_node(|member| member.kind == "quiet").expect("this node itself");
    /// assert_eq!(found.id, node.id());
    /// # Ok(node.stop().await?) }) }
    /// ```
    pub fn find_node(&self, mut predicate: impl FnMut(&Member) -> bool) -> Option<Member> {
        self.view().iter().find(|member| predicate(member)).cloned()
    }

    /// The members as a stream: the view now, then each change without a gap, or an explicit notice of one.
    ///
    /// ```
    /// # use devts::{Context, Event, Node, Result};
    /// # use serde::{Deserialize, Serialize};
    /// # use std::time::Duration;
    /// # use devts::MembershipEvent;
    /// # struct Quiet;
    /// # #[devts::node("quiet")] impl Node for Quiet {}
    /// # fn main() -> Result { devts::block_on(async {
    /// let node = devts::join((), Quiet).await?;
    /// let mut membership = node.membership();
    /// let first = membership.next().await;
    /// assert!(matches!(first, Some(MembershipEvent::Snapshot(view)) if view.len() == 1));
    /// let other = devts::join(node.address(), Quiet).must_join().await?;
    /// assert!(matches!(membership.next().await, Some(MembershipEvent::Changed { .. })));
    /// # other.stop().await?; Ok(node.stop().await?) }) }
    /// ```
    pub fn membership(&self) -> Membership {
        self.core.views.watch()
    }

    /// Tells all members something about this node: [`Member::info`].
    ///
    /// ```
    /// # use devts::{Context, Event, Node, Result};
    /// # use serde::{Deserialize, Serialize};
    /// # use std::time::Duration;
    /// # struct Quiet;
    /// # #[devts::node("quiet")] impl Node for Quiet {}
    /// # fn main() -> Result { devts::block_on(async {
    /// let node = devts::join((), Quiet).info(&"green").await?;
    /// node.set_info(&"blue")?;
    /// let other = devts::join(node.address(), Quiet).must_join().await?;
    /// let told = other.find_node(|member| member.info::<String>().is_ok()).expect("the first node");
    /// assert_eq!(told.id, node.id());
    /// # other.stop().await?; Ok(node.stop().await?) }) }
    /// ```
    ///
    /// # Errors
    ///
    /// When it takes more than 4 KiB, or cannot be encoded.
    pub fn set_info(&self, info: &impl Serialize) -> Result<(), InfoError> {
        if self.core.is_stopping() {
            return Err(InfoError::Stopped);
        }
        self.core.command(Command::SetInfo(encode_info(info)?));
        Ok(())
    }

    /// Emits an event to every other node that is or comes into the cluster: to each exactly once, in the order in
    /// which this node emits, through reconnects and healed partitions, while a living node has it in its history.
    ///
    /// `Ok` means accepted. It waits while too much is under way, and tells `Full` instead where a turn awaits it.
    ///
    /// ```
    /// # use serde::{Serialize, Deserialize};
    /// # use devts::{Events, Node, Result};
    /// # #[derive(Serialize, Deserialize, devts::Event)]
    /// # #[event("tick")]
    /// # struct Tick(u32);
    /// # struct Quiet;
    /// # impl Node for Quiet { fn kind() -> &'static str { "quiet" } fn events(_: &mut Events<Self>) {} }
    /// # fn main() -> Result { devts::block_on(async {
    /// # let node = devts::join((), Quiet).await?;
    /// node.emit(Tick(1)).await?;
    /// node.emit(Tick(2)).include_self().await?;
    /// # Ok(node.stop().await?) }) }
    /// ```
    #[inline]
    pub fn emit<E: Event>(&self, event: E) -> Emit<'_, E> {
        Emit::new(&self.core, event)
    }

    /// Sends an event to one node: in the order in which this node sends and asks, at most once. `Ok` means accepted,
    /// and never dropped silently: if it cannot be delivered later, this node's `rejected` hook is told. To wait for
    /// the peer's acknowledgement: [`SendEvent::delivered`].
    ///
    /// ```
    /// # use devts::{Context, Event, Node, Result};
    /// # use serde::{Deserialize, Serialize};
    /// # use std::time::Duration;
    /// # #[derive(Serialize, Deserialize, Event)]
    /// # #[event("sum", reply = u32)]
    /// # struct Sum(u32, u32);
    /// # #[derive(Serialize, Deserialize, Event)]
    /// # #[event("note")]
    /// # struct Note(String);
    ///
    /// # #[derive(Default)]
    /// # struct Adder { notes: Vec<String> }
    ///
    /// # #[devts::node("adder")]
    /// # impl Node for Adder {
    /// #     #[on] fn sum(&mut self, Sum(a, b): Sum) -> u32 { a + b }
    /// #     #[on] fn note(&mut self, Note(text): Note) { self.notes.push(text); }
    /// # }
    /// # fn main() -> Result { devts::block_on(async {
    /// let node = devts::join((), Adder::default()).await?;
    /// let other = devts::join(node.address(), Adder::default()).must_join().await?;
    /// other.send(node.id(), Note("accepted".into())).await?;
    /// other.send(node.id(), Note("there".into())).delivered().await?;
    /// # other.stop().await?; Ok(node.stop().await?) }) }
    /// ```
    #[inline]
    pub fn send<E: Event>(&self, to: NodeId, event: E) -> SendEvent<'_, E> {
        SendEvent::new(&self.core, to, event)
    }

    /// Sends an event to one node and waits for its answer, 5 s unless [`Request::timeout`] says otherwise. The
    /// handler runs at most once.
    ///
    /// Awaited in a turn, no other turn of this node runs meanwhile; where turns would wait for each other for ever,
    /// the answer is `Deadlock`. [`crate::Context::then`] never blocks.
    ///
    /// ```
    /// # use devts::{Context, Event, Node, Result};
    /// # use serde::{Deserialize, Serialize};
    /// # use std::time::Duration;
    /// # #[derive(Serialize, Deserialize, Event)]
    /// # #[event("note")]
    /// # struct Note(String);
    /// # #[derive(Default)]
    /// # struct Adder { notes: Vec<String> }
    /// #[derive(Serialize, Deserialize, Event)]
    /// #[event("sum", reply = u32)]
    /// struct Sum(u32, u32);
    ///
    /// #[devts::node("adder")]
    /// impl Node for Adder {
    ///     #[on] fn sum(&mut self, Sum(a, b): Sum) -> u32 { a + b }
    /// }
    /// # fn main() -> Result { devts::block_on(async {
    /// let node = devts::join((), Adder::default()).await?;
    /// let other = devts::join(node.address(), Adder::default()).must_join().await?;
    /// let sum = other.request(node.id(), Sum(20, 22)).timeout(Duration::from_secs(1)).await?;
    /// assert_eq!(sum, 42);
    /// # other.stop().await?; Ok(node.stop().await?) }) }
    /// ```
    #[inline]
    pub fn request<E: Event>(&self, to: NodeId, event: E) -> Request<'_, E> {
        Request::new(&self.core, to, event)
    }

    /// Opens a two-way channel: this end sends `Up` and receives `Down`. The event goes to the other node's handler,
    /// in the same order as sends; the handler takes the other end with [`crate::Context::accept`].
    ///
    /// ```
    /// # use serde::{Serialize, Deserialize};
    /// # use devts::{Channel, Context, Events, Handler, Answer, Node, Result};
    /// #[derive(Serialize, Deserialize, devts::Event)]
    /// #[event("double")]
    /// struct Double;
    /// # struct Doubler;
    /// # impl Node for Doubler {
    /// #     fn kind() -> &'static str { "doubler" }
    /// #     fn events(on: &mut Events<Self>) { on.event::<Double>(); }
    /// # }
    ///
    /// impl Handler<Double> for Doubler {
    ///     async fn handle(&mut self, _: Double, cx: &mut Context<Self>) -> Result<Answer<()>> {
    ///         let numbers = cx.accept::<u32, u32>()?;
    ///         cx.spawn(async move {
    ///             while let Ok(Some(number)) = numbers.recv().await {
    ///                 let _ = numbers.send(2 * number).await;
    ///             }
    ///         });
    ///         Ok(().into())
    ///     }
    /// }
    /// # fn main() -> Result { devts::block_on(async {
    /// # let doubler = devts::join((), Doubler).await?;
    /// # let node = devts::join(doubler.address(), Doubler).must_join().await?;
    /// let channel: Channel<u32, u32> = node.open(doubler.id(), Double).await?;
    /// channel.send(21).await?;
    /// assert_eq!(channel.recv().await?, Some(42));
    /// # node.stop().await?; Ok(doubler.stop().await?) }) }
    /// ```
    pub fn open<E: Event, Up, Down>(&self, to: NodeId, event: E) -> Open<'_, E, Up, Down> {
        Open::new(&self.core, to, event)
    }

    /// Wall time since the Unix epoch, as this node's host tells it; simulated in a simulator. For stamps only: it may
    /// stand still, jump, and go back, and no two machines agree on it. [`crate::Context::now`] is for measuring.
    ///
    /// ```
    /// # use devts::{Node, Result};
    /// # struct Quiet;
    /// # #[devts::node("quiet")] impl Node for Quiet {}
    /// # fn main() -> Result { devts::block_on(async {
    /// let node = devts::join((), Quiet).await?;
    /// let stamp = node.with(|_, cx| cx.wall().as_millis()).await?;
    /// assert!(stamp > 0);
    /// # Ok(node.stop().await?) }) }
    /// ```
    pub fn wall(&self) -> Duration {
        self.core.runtime.wall()
    }

    /// What this node has counted, and what waits in it.
    pub fn stats(&self) -> Stats {
        let (queued_events, queued_calls) = self.core.outbox().waiting();
        let mailbox = self.core.mailbox.bytes();
        let engine = *lock(&self.core.counters);
        let mut stats = Stats { engine, queued_events, queued_calls, mailbox, ..Stats::default() };
        self.core.tally.fill(&mut stats);
        stats
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} at {}", self.core.kind, self.core.node, self.core.address)
    }
}

/// What a node tells of itself, encoded and within its bound.
pub(crate) fn encode_info(info: &impl Serialize) -> Result<bytes::Bytes, InfoError> {
    let mut body = Vec::new();
    match encode::append(&mut body, 0, info, MAX_INFO) {
        Ok(_) => Ok(body.into()),
        Err(EncodeError::TooLarge { len, max }) => Err(InfoError::TooLarge { len, max }),
        Err(EncodeError::Serde(error)) => Err(InfoError::Encode(error)),
    }
}

/// Why a node's info was not set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InfoError {
    /// It takes more than 4 KiB, for every member keeps it.
    TooLarge {
        /// Its encoded length.
        len: usize,
        /// The bound.
        max: usize,
    },
    /// Its `Serialize` failed.
    Encode(postcard::Error),
    /// This node is stopping or has stopped.
    Stopped,
}

impl fmt::Display for InfoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InfoError::TooLarge { len, max } => {
                write!(
                    f,
                    "the info takes {len} bytes and {max} are the most: keep what is large behind a request"
                )
            }
            InfoError::Encode(_) => f.write_str("the info's `Serialize` failed"),
            InfoError::Stopped => f.write_str(crate::emit::STOPPED),
        }
    }
}

impl std::error::Error for InfoError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            InfoError::Encode(error) => Some(error),
            _ => None,
        }
    }
}
