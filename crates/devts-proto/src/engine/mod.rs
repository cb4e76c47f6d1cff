//! The junction of everything: facts and commands in, one way out. See `docs/architecture.md` for the flow.
//! Knows nothing of sockets, tasks or user types.
//!
//! Four kinds of methods, told apart by name: facts (`handle_*`, infallible), commands (may refuse, with a typed
//! error), the way out ([`Engine::poll_output`], [`Engine::transmit`]) and views.

mod alarm;
mod calls;
mod events;
mod greet;
mod join;
mod link;
mod membership;
mod output;
mod peer;
mod probes;
mod pulls;
mod receive;
mod timers;
mod transmit;

pub use crate::claim::RunMark;
pub use calls::RequestArgs;
pub use output::*;

use crate::claim::{Claim, TypeEntry, Vector};
use crate::config::Config;
use crate::history::History;
use crate::id::{Life, LinkId, NodeId};
use crate::member::Members;
use crate::rng::Rng;
use crate::session::Incoming;
use crate::time::Instant;
use crate::wire::Frame;
use alarm::Alarm;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::net::SocketAddr;
use events::Own;
use link::{Link, Phase, Purpose};
use peer::Peer;
use probes::Waits;
use pulls::Pull;

/// What this node says of itself when it starts.
#[derive(Clone, Debug)]
pub struct Me {
    /// Its id and boot number. The boot is raised above what seeds report for the id while joining.
    pub life: Life,
    /// Where others reach it.
    pub address: SocketAddr,
    /// Its node kind, at most 255 bytes.
    pub kind: String,
    /// What it tells of itself, at most 4 KiB.
    pub info: Bytes,
}

/// Where this node stands with its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Made, and not told to join.
    Idle,
    /// In no cluster yet.
    Joining { must_join: bool },
    /// In a cluster, if only its own.
    Member,
    /// Gone from it.
    Left,
}

/// The engine of one node. See the module.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    rng: Rng,
    stage: Stage,
    members: Members,
    links: BTreeMap<LinkId, Link>,
    peers: BTreeMap<NodeId, Peer>,
    seeds: Vec<join::Seed>,
    history: History,
    types: BTreeMap<Life, Vec<TypeEntry>>,
    own: Own,
    pulls: BTreeMap<Life, Pull>,
    /// Origins out of the view, and since when.
    ended: BTreeMap<Life, Instant>,
    waits: Waits,
    /// Some link may carry events of another origin than this node.
    relays: bool,
    counters: Counters,
    out: VecDeque<Output>,
    /// Kept empty, for its memory.
    incoming: Vec<Incoming>,
    next_link: u64,
    next_dial: u64,
    due: Instant,
    alarm: Alarm,
    sync_at: Instant,
}

impl Engine {
    /// An engine at `now`; all its choices follow from `seed`.
    pub fn new(now: Instant, config: Config, me: Me, seed: u64) -> Engine {
        let claim = Claim {
            life: me.life,
            incarnation: 0,
            revision: 0,
            left: false,
            ready: false,
            address: me.address,
            kind: me.kind,
            info: me.info,
        };
        Engine {
            rng: Rng::new(seed),
            stage: Stage::Idle,
            history: History::new(me.life, config.history, config.max_message),
            members: Members::new(claim, config.max_members),
            links: BTreeMap::new(),
            peers: BTreeMap::new(),
            seeds: Vec::new(),
            types: BTreeMap::new(),
            own: Own::default(),
            pulls: BTreeMap::new(),
            ended: BTreeMap::new(),
            waits: Waits::default(),
            relays: false,
            counters: Counters::default(),
            out: VecDeque::new(),
            incoming: Vec::new(),
            next_link: 1,
            next_dial: 1,
            due: Instant::NEVER,
            alarm: Alarm::new(),
            sync_at: now + timers::SYNC_EVERY,
            config,
        }
    }

    // ---- commands that concern this node alone -------------------------------------------------------------

    /// Appends types to this node's table; their indices go on from the last. At most 65 535 in all.
    pub fn add_types(&mut self, entries: Vec<TypeEntry>) {
        self.types.entry(self.life()).or_default().extend(entries);
    }

    /// Changes what this node tells of itself; at most 4 KiB, which the caller has checked.
    pub fn set_info(&mut self, info: Bytes) {
        debug_assert!(info.len() <= crate::config::MAX_INFO, "the caller checks the length");
        self.members.change_me(|me| me.info = info);
        self.tell_of_me();
    }

    /// This node's state is whole: it can be a donor from now on.
    pub fn set_ready(&mut self) {
        self.members.change_me(|me| me.ready = true);
        self.tell_of_me();
    }

    // ---- the way out ---------------------------------------------------------------------------------------

    /// The next thing to do; a series ends with [`Output::Wait`].
    pub fn poll_output(&mut self, now: Instant) -> Output {
        if let Some(output) = self.out.pop_front() {
            return output;
        }
        self.due = self.next_deadline(now);
        Output::Wait(self.due)
    }

    // ---- views ---------------------------------------------------------------------------------------------

    /// This node as others are told of it.
    pub fn me(&self) -> &Claim {
        self.members.me()
    }

    /// All live members, this node included, ascending by id.
    pub fn view(&self) -> impl Iterator<Item = &Claim> {
        self.members.view()
    }

    /// The view's version: each change raises it.
    pub fn view_version(&self) -> u64 {
        self.members.version()
    }

    /// The highest contiguous event received of each origin, own included.
    pub fn vector(&self) -> Vector {
        self.history.vector()
    }

    /// Whether the peer at the other end of this link has said who it is.
    pub fn is_greeted(&self, link: LinkId) -> bool {
        self.links.get(&link).is_some_and(|link| matches!(link.phase, Phase::Greeted | Phase::Up))
    }

    /// What was counted so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Bytes of event history held, by capacity.
    pub fn history_bytes(&self) -> usize {
        self.history.bytes()
    }

    // ---- what all parts use --------------------------------------------------------------------------------

    fn life(&self) -> Life {
        self.members.me().life
    }

    /// Adds a frame to a link's control bytes, which go before everything else.
    fn push(&mut self, link: LinkId, frame: &Frame) {
        if let Some(open) = self.links.get_mut(&link).filter(|open| open.phase != Phase::Dialling) {
            open.push(frame);
            self.wake_control(link);
        }
    }

    /// Asks for the link to be written, once: it may have calls or events.
    fn wake(&mut self, link: LinkId) {
        if let Some(open) = self.links.get_mut(&link) {
            open.loaded = true;
            self.wake_control(link);
        }
    }

    /// Asks for the link to be written, once: it has control frames.
    fn wake_control(&mut self, link: LinkId) {
        if let Some(open) = self.links.get_mut(&link).filter(|open| !open.writing) {
            open.writing = true;
            self.out.push_back(Output::Write(link));
        }
    }

    /// The links in use, ascending.
    fn up_links(&self) -> Vec<LinkId> {
        self.links.values().filter(|link| link.phase == Phase::Up).map(|link| link.id).collect()
    }

    /// The link in use to a node.
    fn link_to(&self, node: NodeId) -> Option<LinkId> {
        self.peers.get(&node).and_then(|peer| peer.link)
    }

    fn new_link(&mut self, now: Instant, purpose: Option<Purpose>, phase: Phase) -> LinkId {
        self.alarm.reset();
        let id = LinkId(self.next_link);
        self.next_link += 1;
        self.links.insert(id, Link::new(id, purpose, phase, now, self.config.checksum));
        id
    }

    /// Closes a link by this end's will: what it still has to say is written first.
    fn close(&mut self, now: Instant, link: LinkId, reason: CloseReason) {
        self.alarm.reset();
        let Some(mut closed) = self.links.remove(&link) else { return };
        if matches!(reason, CloseReason::Misbehaved(_)) {
            self.counters.misbehaved += 1;
        }
        let last = core::mem::take(&mut closed.control);
        if closed.phase != Phase::Dialling {
            self.out.push_back(Output::Close { link, reason, last });
        }
        self.after_link(now, closed, false);
    }
}
