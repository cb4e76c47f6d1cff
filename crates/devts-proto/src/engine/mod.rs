//! The junction of everything: facts and commands in, one way out. See `docs/architecture.md` for the flow.
//! Knows nothing of sockets, tasks or user types.

mod output;

pub use output::*;

pub use crate::claim::RunMark;
use crate::claim::{Claim, TypeEntry, Vector};
use crate::config::Config;
use crate::id::{ChannelId, Life, LinkId, NodeId, RequestId};
use crate::time::Instant;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::net::SocketAddr;
use core::time::Duration;

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

/// A request as `Engine::request` takes it.
#[derive(Clone, Copy, Debug)]
pub struct RequestArgs<'a> {
    /// The event's index in this node's type table.
    pub ty: u16,
    /// The encoded event.
    pub body: &'a [u8],
    /// How long the caller waits.
    pub timeout: Duration,
    /// The caller is a turn of this node, which takes no other turn until the reply is here.
    pub in_turn: bool,
    /// The request that the waiting turn serves, if it serves one.
    pub serving: Option<(NodeId, RequestId)>,
}

/// The engine of one node.
#[derive(Debug)]
pub struct Engine {
    _todo: (),
}

#[allow(unused_variables, missing_docs)]
impl Engine {
    /// An engine at `now`; all its choices follow from `seed`.
    pub fn new(now: Instant, config: Config, me: Me, seed: u64) -> Engine { todo!() }

    // ---- facts: infallible -------------------------------------------------------------------------------

    /// A dialled stream is open.
    pub fn handle_link_up(&mut self, now: Instant, link: LinkId) { todo!() }
    /// A stream was accepted from `from`; the engine names it.
    pub fn handle_accepted(&mut self, now: Instant, from: SocketAddr) -> LinkId { todo!() }
    /// A dial failed.
    pub fn handle_dial_failed(&mut self, now: Instant, link: LinkId, why: DialFailure) { todo!() }
    /// Bytes arrived, cut anywhere. Unknown links are ignored.
    pub fn handle_received(&mut self, now: Instant, link: LinkId, bytes: Bytes) { todo!() }
    /// The stream ended or was reset.
    pub fn handle_link_down(&mut self, now: Instant, link: LinkId) { todo!() }
    /// The deadline of the last `Wait` has passed.
    pub fn handle_timeout(&mut self, now: Instant) { todo!() }
    /// Turns have used `bytes` that `via` had sent.
    pub fn consumed(&mut self, via: NodeId, bytes: usize) { todo!() }
    /// The receiver of a channel has taken `bytes` (the body's length).
    pub fn channel_consumed(&mut self, peer: NodeId, channel: ChannelId, bytes: usize) { todo!() }

    // ---- commands: may refuse ----------------------------------------------------------------------------

    /// Dials the seeds (by index). Until one answers or all fail this node is in no cluster; then it is its
    /// cluster's first, unless `must_join`, and goes on trying the seeds.
    pub fn join(&mut self, now: Instant, seeds: usize, must_join: bool) { todo!() }
    /// Tells everybody, closes all links (`Output::Close`). Flush first: [`Engine::is_flushed`].
    pub fn leave(&mut self, now: Instant) { todo!() }
    /// Appends types to this node's table; their indices go on from the last.
    pub fn add_types(&mut self, entries: Vec<TypeEntry>) { todo!() }
    /// Emits whole runs of encoded events (header and body each); returns the sequence number of the last.
    /// Call it only while [`Engine::may_emit`]; the batch that crosses the bound is still taken.
    pub fn emit(&mut self, now: Instant, marks: &[RunMark], bytes: &[u8]) -> u64 { todo!() }
    /// Own unacknowledged bytes are below history / (2 x active origins). After `false`, `Room(Events)` tells.
    pub fn may_emit(&self) -> bool { todo!() }
    pub fn send(&mut self, now: Instant, to: NodeId, ty: u16, body: &[u8]) -> Result<(), CallError> { todo!() }
    /// As `send`; `Delivered { receipt }` follows, or `Undeliverable` and no receipt.
    pub fn send_confirmed(&mut self, now: Instant, to: NodeId, ty: u16, body: &[u8], receipt: u64) -> Result<(), CallError> { todo!() }
    pub fn request(&mut self, now: Instant, to: NodeId, args: RequestArgs<'_>) -> Result<RequestId, CallError> { todo!() }
    /// The caller no longer waits: no `Reply` will come.
    pub fn cancel(&mut self, to: NodeId, request: RequestId) { todo!() }
    /// Answers a peer's request; ignored if that session is over.
    pub fn reply(&mut self, now: Instant, to: Life, request: RequestId, outcome: Outcome, body: &[u8]) { todo!() }
    /// The turn that served this request ended without answering; the answer no longer depends on this node's turns.
    pub fn deferred(&mut self, to: Life, request: RequestId) { todo!() }
    pub fn open(&mut self, now: Instant, to: NodeId, ty: u16, body: &[u8]) -> Result<ChannelId, CallError> { todo!() }
    pub fn channel_send(&mut self, now: Instant, peer: NodeId, channel: ChannelId, body: &[u8]) -> Result<(), CallError> { todo!() }
    /// Closes this end's sending side (`abort` false: what was sent still arrives), or the whole channel.
    pub fn channel_close(&mut self, now: Instant, peer: NodeId, channel: ChannelId, end: ChannelEnd, abort: bool) { todo!() }
    pub fn set_info(&mut self, now: Instant, info: Bytes) { todo!() }
    /// This node's state is whole: it can be a donor.
    pub fn set_ready(&mut self, now: Instant) { todo!() }
    /// Asks `donor` for its state; `StateGiven` or `StateRefused` with the same number follows.
    pub fn ask_state(&mut self, now: Instant, donor: NodeId, ask: u64, vector: Vector, merge: bool) { todo!() }
    pub fn give_state(&mut self, now: Instant, to: Life, ask: u64, vector: Vector, state: Bytes) { todo!() }
    pub fn refuse_state(&mut self, now: Instant, to: Life, ask: u64, why: StateRefusal) { todo!() }
    /// The node's state now reflects `vector`: events up to it will not be delivered any more.
    pub fn restored(&mut self, now: Instant, vector: &Vector) { todo!() }

    // ---- the way out -------------------------------------------------------------------------------------

    /// The next thing to do; ends with `Wait`.
    pub fn poll_output(&mut self, now: Instant) -> Output { todo!() }
    /// Appends bytes for `link` to `out`, at most about `room`. `true`: there is more.
    pub fn transmit(&mut self, now: Instant, link: LinkId, out: &mut Vec<u8>, room: usize) -> bool { todo!() }

    // ---- views -------------------------------------------------------------------------------------------

    pub fn me(&self) -> &Claim { todo!() }
    /// All live members, this node included, ascending by id.
    pub fn view(&self) -> impl Iterator<Item = &Claim> { core::iter::empty() }
    pub fn view_version(&self) -> u64 { todo!() }
    /// The highest contiguous event received of each origin, own included: a donor's or asker's starting point.
    pub fn vector(&self) -> Vector { todo!() }
    /// Everything emitted and sent is acknowledged by all members of the view.
    pub fn is_flushed(&self) -> bool { todo!() }
    pub fn counters(&self) -> Counters { todo!() }
}
