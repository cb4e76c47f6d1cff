//! A distributed event system: a cluster of nodes that send and receive typed events. Implement [`Node`] once; it runs
//! on smol, on tokio and in a simulator, and nodes on smol and on tokio form one cluster.
//!
//! ```
//! use devts::{Context, Event, Node, Result};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Debug, Serialize, Deserialize, Event)]
//! #[event("register.replicate")]
//! pub struct Replicate {
//!     pub value: i64,
//! }
//!
//! #[derive(Default)]
//! pub struct Register {
//!     value: i64,
//! }
//!
//! #[devts::node("register")]
//! impl Node for Register {
//!     #[on]
//!     fn replicate(&mut self, event: Replicate) {
//!         self.value = event.value;
//!     }
//!     #[snapshot]
//!     fn snapshot(&self) -> i64 {
//!         self.value
//!     }
//!     #[restore]
//!     fn restore(&mut self, value: i64) {
//!         self.value = value;
//!     }
//! }
//!
//! fn main() -> Result {
//!     devts::block_on(async {
//!         let node = devts::join((), Register::default()).await?;
//!         node.with(|register, cx| {
//!             register.value = 7;
//!             cx.emit(Replicate { value: 7 })
//!         })
//!         .await??;
//!         let late = devts::join(node.address(), Register::default()).await?;
//!         assert_eq!(late.with(|register, _| register.value).await?, 7);
//!         late.stop().await?;
//!         Ok(node.stop().await?)
//!     })
//! }
//! ```
//!
//! # The verbs
//!
//! | verb | to | promise |
//! |---|---|---|
//! | [`Cluster::emit`] | every other node | in its emitter's order, each exactly once; what cannot be had any more is told as a [`Gap`] |
//! | [`Cluster::send`] | one node | in order, at most once; never dropped silently |
//! | [`Cluster::request`] | one node | runs at most once; a reply or a typed error within its deadline |
//! | [`Cluster::open`] | one node | a two-way channel, in order, under credit |
//!
//! `Ok` means *accepted and not silently dropped*. Every wait is bounded or can be cancelled by dropping its future,
//! and every queue is bounded. Not promised: an order between different emitters, processing after delivery, or
//! anything against a member that lies. Events that an origin accepted before it died and that no byte of left it are
//! lost, and nobody can know.
//!
//! # Turns
//!
//! A node runs one *turn* at a time: a handler, a hook, or a closure of [`NodeHandle::with`]. Inside a turn
//! [`Context::emit`] and [`Context::send`] never wait; what waits for other nodes goes into [`Context::then`] or
//! [`Context::spawn`]. An event's `Serialize` runs under a short lock of the node: it must not emit.
//!
//! # Hosts
//!
//! The features `tokio` (the default) and `smol` add a host each, and both can be on. A node runs on the one given to
//! [`Builder::runtime`], else on tokio inside a tokio context, else on smol. The feature `sim` adds the module `sim`: tests
//! of your own node in simulated clusters, under crashes and partitions, from a seed.

mod app;
mod batch;
mod builder;
mod bytes;
mod channel;
mod cluster;
mod command;
mod config;
mod context;
mod cursor;
mod dial;
mod dispatch;
mod driver;
mod emit;
mod encode;
mod error;
mod event;
mod events;
mod handle;
mod host;
mod mailbox;
mod member;
mod node;
mod notice;
mod outbox;
mod pipe;
mod promise;
mod reply;
mod request;
mod seat;
mod seeds;
mod send;
mod shape;
mod shared;
#[cfg(feature = "sim")]
#[allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "what runs simulations is no part of them"
)]
pub mod sim;
mod start;
mod stats;
mod tap;
mod tasks;
mod turn;
mod types;
mod waiters;

pub use app::{App, AppNode, Cx, NewApp, app};
pub use builder::{Builder, JoinError, join};
pub use bytes::Bytes;
pub use channel::{Channel, ChannelError, Open};
pub use cluster::{Cluster, InfoError};
pub use config::{Config, ConfigError, EngineConfig, NotLoopback, OnPanic, Profile, Security};
pub use context::{Context, Task};
pub use devts_proto::engine::{Counters, Refusal, Undeliverable};
pub use devts_proto::{Life, NodeId};
pub use emit::{Emit, EmitError, Unsent};
pub use encode::DecodeError;
pub use error::{Error, Result};
pub use event::Event;
pub use events::{Events, TableError};
pub use handle::{NodeHandle, StopError, TurnError};
pub use host::{NoRuntime, block_on, ctrl_c};
pub use member::{Incompatible, Member, Membership, MembershipEvent, PeerEvent, View};
pub use node::{Answer, Deferred, Handler, IntoReply, Node};
pub use notice::{Gap, Rejected};
pub use reply::Reply;
pub use request::{Request, RequestError};
pub use seat::State;
pub use seeds::ToSeeds;
pub use send::{Delivered, SendError, SendEvent};
pub use stats::Stats;

pub use devts_macros::{Event, node, on};
pub use devts_rt as rt;
pub use devts_rt::{Runtime, Transport};
#[cfg(feature = "smol")]
pub use devts_smol::Smol;
#[cfg(feature = "tokio")]
pub use devts_tokio::Tokio;

/// What generated code names; no part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use serde::{Serialize, de::DeserializeOwned};
}

/// The README's node compiles as it stands there.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// So does the code of the chapter about the simulator.
#[cfg(all(doctest, feature = "sim"))]
#[doc = include_str!("../../../docs/simulation.md")]
struct Simulation;
