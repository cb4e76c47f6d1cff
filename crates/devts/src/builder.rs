//! `join` and its options. The builder only collects; `start` acts. Knows no driver.

use crate::cluster::{InfoError, encode_info};
use crate::config::{Config, ConfigError, NotLoopback, OnPanic, Profile, Security};
use crate::events::{Events, TableError};
use crate::handle::NodeHandle;
use crate::host::NoRuntime;
use crate::node::Node;
use crate::seeds::ToSeeds;
use crate::tap::Watch;
use crate::{Error, start};
use bytes::Bytes;
use devts_proto::NodeId;
use devts_proto::engine::Refusal;
use devts_rt::{BoxFuture, Runtime, Transport};
use serde::Serialize;
use std::error::Error as StdError;
use std::fmt;
use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Joins a cluster with a node: await what it returns, after options if there are any.
///
/// The seeds are dialled; through the first that answers the node comes into its cluster, restores the state of a node
/// of its kind if it has a `restore` and there is one, runs its `joined` hook, and is handed out. If no seed answers
/// the node is the first of a cluster *and goes on trying the seeds*: two that started alone merge.
/// [`Builder::must_join`] is the strict form.
///
/// ```
/// use devts::{Context, Event, Node, Result};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Event)]
/// #[event("hello")]
/// struct Hello(String);
///
/// #[derive(Default)]
/// struct Greeter(Vec<String>);
///
/// #[devts::node("greeter")]
/// impl Node for Greeter {
///     #[on]
///     fn hello(&mut self, Hello(name): Hello) {
///         self.0.push(name);
///     }
/// }
///
/// fn main() -> Result {
///     devts::block_on(async {
///         let first = devts::join((), Greeter::default()).await?;
///         let second = devts::join(first.address(), Greeter::default()).must_join().await?;
///         second.send(first.id(), Hello("world".into())).delivered().await?;
///         second.stop().await?;
///         assert_eq!(first.with(|greeter, _| greeter.0.clone()).await?, ["world"]);
///         Ok(first.stop().await?)
///     })
/// }
/// ```
pub fn join<N: Node>(seeds: impl ToSeeds, node: N) -> Builder<N> {
    let mut events = Events::new();
    N::events(&mut events);
    Builder::new(seeds.to_seeds(), node, N::kind().to_string(), events)
}

/// A node that is about to join: options, then `.await`.
#[must_use = "the node does not join until this is awaited"]
pub struct Builder<N> {
    pub(crate) node: N,
    pub(crate) kind: String,
    pub(crate) events: Events<N>,
    pub(crate) seeds: Vec<String>,
    pub(crate) must_join: bool,
    pub(crate) id: Option<NodeId>,
    pub(crate) bind: String,
    pub(crate) advertise: Option<String>,
    pub(crate) config: Config,
    pub(crate) runtime: Option<Arc<dyn Runtime>>,
    pub(crate) transport: Option<Arc<dyn Transport>>,
    pub(crate) security: Option<Security>,
    pub(crate) info: Result<Bytes, InfoError>,
    pub(crate) on_panic: OnPanic,
    pub(crate) watch: Watch<N>,
}

impl<N> fmt::Debug for Builder<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Builder {{ kind: {:?}, seeds: {:?} }}", self.kind, self.seeds)
    }
}

impl<N: Node> Builder<N> {
    pub(crate) fn new(seeds: Vec<String>, node: N, kind: String, events: Events<N>) -> Builder<N> {
        Builder {
            node,
            kind,
            events,
            seeds,
            must_join: false,
            id: None,
            bind: "127.0.0.1:0".into(),
            advertise: None,
            config: Config::default(),
            runtime: None,
            transport: None,
            security: None,
            info: Ok(Bytes::new()),
            on_panic: OnPanic::default(),
            watch: Watch::default(),
        }
    }

    /// Fails with [`JoinError::NobodyAnswered`] after the join timeout, instead of being the first of a cluster.
    pub fn must_join(mut self) -> Self {
        self.must_join = true;
        self
    }

    /// The node's id, for as long as its operator calls it the same node. Random if not given.
    pub fn node_id(mut self, id: NodeId) -> Self {
        self.id = Some(id);
        self
    }

    /// Where to listen: `host:port`, or a port of 127.0.0.1. A free port of 127.0.0.1 if not given.
    pub fn bind(mut self, address: impl fmt::Display) -> Self {
        self.bind = address.to_string();
        self
    }

    /// Where others reach this node, if that is not where it listens.
    pub fn advertise(mut self, address: impl fmt::Display) -> Self {
        self.advertise = Some(address.to_string());
        self
    }

    /// All settings from a preset; what [`Builder::config`] or [`Builder::timeout`] had set is replaced.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.config = profile.into();
        self
    }

    /// All settings.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// How long to wait until the node is in the cluster and restored, instead of 30 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.config.join_timeout = timeout;
        self
    }

    /// The host to run on, or an `Arc<dyn Runtime>` of one. If not given: tokio inside a tokio context, else smol, of what is built in.
    pub fn runtime(mut self, runtime: impl Runtime) -> Self {
        self.runtime = Some(Arc::new(runtime));
        self
    }

    /// What opens byte streams, instead of the host's own.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// How links are protected.
    pub fn security(mut self, security: Security) -> Self {
        self.security = Some(security);
        self
    }

    /// What the node tells all members of itself: [`crate::Member::info`]. At most 4 KiB.
    pub fn info(mut self, info: &impl Serialize) -> Self {
        self.info = encode_info(info);
        self
    }

    /// What happens when a handler or hook panics.
    pub fn on_panic(mut self, what: OnPanic) -> Self {
        self.on_panic = what;
        self
    }
}

impl<N: Node> IntoFuture for Builder<N> {
    type Output = Result<NodeHandle<N>, JoinError>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(start::start(self))
    }
}

/// Why a node did not join. Nothing of it is left running, and no port bound.
#[derive(Debug)]
#[non_exhaustive]
pub enum JoinError {
    /// There is no host to run on.
    NoRuntime(NoRuntime),
    /// A setting is outside its range.
    Config(ConfigError),
    /// The node's kind has no bytes or more than 255.
    Kind {
        /// The kind.
        kind: String,
    },
    /// The node's table of events has a fault.
    Events(TableError),
    /// The info cannot be told.
    Info(InfoError),
    /// An address is none, or does not resolve.
    Address {
        /// `seeds`, `bind` or `advertise`.
        what: &'static str,
        /// The address.
        address: String,
        /// What the resolver said, if it was asked.
        source: Option<io::Error>,
    },
    /// Only loopback addresses may be bound without protection.
    NotLoopback(NotLoopback),
    /// The address cannot be listened on: the port is in use, or it is no address of this machine.
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The host has no randomness.
    Random(io::Error),
    /// The cluster does not take this node.
    Refused {
        /// Why.
        refusal: Refusal,
        /// The other end's words.
        text: String,
    },
    /// No seed answered in time, and the node must join.
    NobodyAnswered {
        /// The seeds.
        seeds: Vec<String>,
        /// The time.
        after: Duration,
    },
    /// It took too long: to find a donor whose state covers this node's, or in the `joined` hook.
    Timeout {
        /// The time.
        after: Duration,
    },
    /// The node's `restore` failed.
    Restore(Error),
    /// The node's `joined` hook failed.
    Hook(Error),
    /// The node was stopped meanwhile.
    Stopped,
}

impl JoinError {
    /// It took too long.
    pub fn is_timeout(&self) -> bool {
        matches!(self, JoinError::Timeout { .. } | JoinError::NobodyAnswered { .. })
    }

    /// The same may go better later.
    pub fn is_retryable(&self) -> bool {
        let refused = |refusal: &Refusal| matches!(refusal, Refusal::ClusterFull | Refusal::Leaving);
        match self {
            JoinError::Refused { refusal, .. } => refused(refusal),
            JoinError::Bind { .. } => true,
            other => other.is_timeout(),
        }
    }

    /// Nobody: a node joins a cluster.
    pub fn peer(&self) -> Option<NodeId> {
        None
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::NoRuntime(error) => error.fmt(f),
            JoinError::Config(error) => error.fmt(f),
            JoinError::Kind { kind } => {
                write!(f, "a node kind has 1 to 255 bytes, this one has {}", kind.len())
            }
            JoinError::Events(error) => error.fmt(f),
            JoinError::Info(error) => error.fmt(f),
            JoinError::Address { what, address, source: None } => {
                write!(f, "`{what}`: {address:?} is no `host:port` that others could dial")
            }
            JoinError::Address { what, address, .. } => write!(f, "`{what}`: {address:?} does not resolve"),
            JoinError::NotLoopback(error) => error.fmt(f),
            JoinError::Bind { address, source } if source.kind() == io::ErrorKind::AddrInUse => {
                write!(
                    f,
                    "{address} is in use: stop who listens there, or bind another port (0 takes a free one)"
                )
            }
            JoinError::Bind { address, .. } => write!(f, "cannot listen on {address}"),
            JoinError::Random(_) => f.write_str("the host gives no randomness"),
            JoinError::Refused { refusal, text } => {
                write!(f, "the cluster does not take this node: {refusal}: {text}")
            }
            JoinError::NobodyAnswered { seeds, after } => write!(
                f,
                "none of {seeds:?} answered within {after:?}: start one of them first, or leave `must_join` away to be \
                 the first of a cluster"
            ),
            JoinError::Timeout { after } => write!(
                f,
                "the node did not get ready within {after:?}: no donor's state covered its own, or its `joined` hook \
                 takes longer (`Builder::timeout`)"
            ),
            JoinError::Restore(_) => f.write_str("the state of the cluster could not be restored"),
            JoinError::Hook(_) => f.write_str("the node's `joined` hook failed"),
            JoinError::Stopped => f.write_str("the node was stopped before it had joined"),
        }
    }
}

impl StdError for JoinError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            JoinError::NoRuntime(error) => error.source(),
            JoinError::Info(error) => error.source(),
            JoinError::Address { source: Some(source), .. } | JoinError::Bind { source, .. } => Some(source),
            JoinError::Random(error) => Some(error),
            JoinError::Restore(error) | JoinError::Hook(error) => error.chain().next(),
            _ => None,
        }
    }
}
