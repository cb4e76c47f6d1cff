//! A few engines, a virtual clock and byte streams between them: enough to play a cluster without a host. Streams
//! have a latency, may be cut in both directions at any byte, and never reorder.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses its part of it")]

use bytes::Bytes;
use devts_proto::claim::{Vector, event_at, put_event_header};
use devts_proto::engine::{
    Call, ChangeKind, DialFailure, Me, Outcome, Output, Refusal, RequestArgs, RequestError, RunMark, Target,
};
use devts_proto::rng::Rng;
use devts_proto::{Config, Engine, Instant, Life, LinkId, NodeId, RequestId};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// What one node's user would have seen.
#[derive(Debug, Default)]
pub struct Seen {
    pub joined: Option<Vec<NodeId>>,
    pub refused: Vec<Refusal>,
    /// Per origin, the numbers in the order of delivery, gaps as their ranges.
    pub events: BTreeMap<Life, Vec<u64>>,
    pub gaps: Vec<(Life, u64, u64)>,
    pub changes: Vec<(ChangeKind, NodeId)>,
    pub sends: Vec<(NodeId, u64)>,
    pub replies: Vec<(NodeId, RequestId, Result<u64, RequestError>)>,
    pub undeliverable: usize,
    pub large: usize,
    pub states: Vec<(Vector, Bytes)>,
    pub rooms: usize,
}

pub struct Host {
    pub engine: Engine,
    pub seen: Seen,
    pub address: SocketAddr,
    pub seeds: Vec<SocketAddr>,
    pub alive: bool,
    wake: Instant,
    writing: Vec<LinkId>,
    /// Answers requests with the body plus one, unless it is told to hold them.
    pub holds: bool,
    pub held: Vec<(Life, RequestId, u64)>,
    /// Does not give bytes back as consumed.
    pub stuck: bool,
    next_body: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct End {
    host: usize,
    link: LinkId,
}

/// One direction of a stream.
struct Pipe {
    from: End,
    to: End,
    bytes: Vec<(Instant, Vec<u8>)>,
    /// The sender has closed it: the receiver learns after the bytes.
    closed: Option<Instant>,
}

pub struct World {
    pub now: Instant,
    pub hosts: Vec<Host>,
    pipes: Vec<Pipe>,
    dials: Vec<(Instant, End, SocketAddr)>,
    pub rng: Rng,
    pub latency: Duration,
    /// Pairs between which nothing passes: bytes stall, dials time out.
    pub blocked: Vec<(usize, usize)>,
    config: Config,
}

pub fn id(node: u64) -> NodeId {
    NodeId::new(node).expect("a test's node numbers start at 1")
}

pub fn address(host: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 1000 + host as u16))
}

impl World {
    pub fn new(seed: u64) -> World {
        World::with(seed, Config::default())
    }

    pub fn with(seed: u64, config: Config) -> World {
        config.validate().expect("the test's configuration is in range");
        World {
            now: Instant::from_origin(Duration::from_secs(1)),
            hosts: Vec::new(),
            pipes: Vec::new(),
            dials: Vec::new(),
            rng: Rng::new(seed),
            latency: Duration::from_millis(1),
            blocked: Vec::new(),
            config,
        }
    }

    /// Starts a node with this id; its seeds are hosts by index.
    pub fn start(&mut self, node: u64, seeds: &[usize]) -> usize {
        self.start_with(node, seeds, false, 1000 + self.now.since_origin().as_millis() as u64)
    }

    pub fn start_with(&mut self, node: u64, seeds: &[usize], must_join: bool, boot: u64) -> usize {
        let host = self.hosts.len();
        let me = Me {
            life: Life { node: id(node), boot },
            address: address(host),
            kind: "test".into(),
            info: Bytes::new(),
        };
        let mut engine = Engine::new(self.now, self.config.clone(), me, self.rng.next_u64());
        engine.add_types(vec![devts_proto::claim::TypeEntry {
            name: "n".into(),
            version: 1,
            shape: 7,
            codec: 0,
        }]);
        engine.join(self.now, seeds.len(), must_join);
        self.hosts.push(Host {
            engine,
            seen: Seen::default(),
            address: address(host),
            seeds: seeds.iter().map(|seed| address(*seed)).collect(),
            alive: true,
            wake: self.now,
            writing: Vec::new(),
            holds: false,
            held: Vec::new(),
            stuck: false,
            next_body: 0,
        });
        self.perform(host);
        host
    }

    /// `kill -9`: its streams are reset, its port refuses.
    pub fn kill(&mut self, host: usize) {
        self.hosts[host].alive = false;
        let now = self.now + self.latency;
        for pipe in &mut self.pipes {
            if pipe.from.host == host {
                pipe.bytes.clear();
                pipe.closed.get_or_insert(now);
            }
        }
    }

    /// Cuts all streams between two hosts at once: what is under way is lost.
    pub fn cut(&mut self, a: usize, b: usize) {
        let now = self.now;
        for pipe in &mut self.pipes {
            if (pipe.from.host == a && pipe.to.host == b) || (pipe.from.host == b && pipe.to.host == a) {
                // A part of what was under way arrives: the cut is at any byte.
                if let Some((_, bytes)) = pipe.bytes.first_mut() {
                    let keep = self.rng.below(bytes.len() as u64 + 1) as usize;
                    bytes.truncate(keep);
                }
                pipe.bytes.truncate(1);
                pipe.closed.get_or_insert(now);
            }
        }
    }

    fn is_blocked(&self, a: usize, b: usize) -> bool {
        self.blocked.contains(&(a, b)) || self.blocked.contains(&(b, a))
    }

    // ---- the user's side -----------------------------------------------------------------------------------

    /// Emits one event whose body is the next number of this host.
    pub fn emit(&mut self, host: usize) -> u64 {
        self.emit_sized(host, 8)
    }

    pub fn emit_sized(&mut self, host: usize, len: usize) -> u64 {
        let node = &mut self.hosts[host];
        node.next_body += 1;
        let mut body = node.next_body.to_le_bytes().to_vec();
        body.resize(len.max(8), 0xAB);
        let mut bytes = Vec::new();
        put_event_header(&mut bytes, body.len() as u32, 0);
        bytes.extend_from_slice(&body);
        let seq = node.engine.emit(self.now, &[RunMark { start: 0, count: 1 }], &bytes);
        self.perform(host);
        seq
    }

    pub fn send(&mut self, host: usize, to: NodeId, number: u64) -> bool {
        let sent = self.hosts[host].engine.send(to, 0, &number.to_le_bytes()).is_ok();
        self.perform(host);
        sent
    }

    pub fn request(&mut self, host: usize, to: NodeId, number: u64, timeout: Duration) -> Option<RequestId> {
        self.request_in(host, to, number, timeout, false, None)
    }

    pub fn request_in(
        &mut self,
        host: usize,
        to: NodeId,
        number: u64,
        timeout: Duration,
        in_turn: bool,
        serving: Option<(NodeId, RequestId)>,
    ) -> Option<RequestId> {
        let body = number.to_le_bytes();
        let args = RequestArgs { ty: 0, body: &body, timeout, in_turn, serving };
        let request = self.hosts[host].engine.request(self.now, to, args).ok();
        self.perform(host);
        request
    }

    pub fn leave(&mut self, host: usize) {
        let now = self.now;
        self.hosts[host].engine.leave(now);
        self.perform(host);
        self.hosts[host].alive = false;
    }

    pub fn perform(&mut self, host: usize) {
        while self.hosts[host].alive {
            let output = self.hosts[host].engine.poll_output(self.now);
            if let Output::Wait(until) = output {
                self.hosts[host].wake = until;
                break;
            }
            self.perform_one(host, output);
        }
        let writing = std::mem::take(&mut self.hosts[host].writing);
        for link in writing {
            self.write(host, link);
        }
    }

    fn write(&mut self, host: usize, link: LinkId) {
        let mut out = Vec::new();
        while self.hosts[host].engine.transmit(self.now, link, &mut out, 64 * 1024) {}
        self.send_bytes(End { host, link }, out);
    }

    fn send_bytes(&mut self, from: End, bytes: Vec<u8>) {
        let at = self.now + self.latency;
        if let Some(pipe) = self.pipes.iter_mut().find(|pipe| pipe.from == from)
            && pipe.closed.is_none()
            && !bytes.is_empty()
        {
            pipe.bytes.push((at, bytes));
        }
    }

    fn perform_one(&mut self, host: usize, output: Output) {
        let now = self.now;
        match output {
            Output::Dial { link, to } => {
                let address = match to {
                    Target::Seed(seed) => self.hosts[host].seeds[seed],
                    Target::Address(address) => address,
                };
                self.dials.push((now + self.latency, End { host, link }, address));
            }
            Output::Write(link) => self.hosts[host].writing.push(link),
            Output::Close { link, last, .. } => {
                let end = End { host, link };
                self.send_bytes(end, last);
                let at = now + self.latency;
                for pipe in self.pipes.iter_mut().filter(|pipe| pipe.from == end) {
                    pipe.closed.get_or_insert(at);
                }
                self.pipes.retain(|pipe| pipe.to != end);
            }
            output => self.notice(host, output),
        }
    }

    fn notice(&mut self, host: usize, output: Output) {
        let now = self.now;
        let node = &mut self.hosts[host];
        match output {
            Output::Joined { donors } => {
                node.seen.joined = Some(donors);
                node.engine.set_ready();
            }
            Output::Refused { refusal, .. } => node.seen.refused.push(refusal),
            Output::Member(change) => node.seen.changes.push((change.kind, change.member.life.node)),
            Output::Events { origin, first, count, events, via } => {
                take_events(&mut node.seen, origin, first, count, &events);
                if !node.stuck {
                    node.engine.consumed(via, events.len(), 0);
                }
            }
            Output::Gap { origin, first, last } => node.seen.gaps.push((origin, first, last)),
            Output::Call { from, call, cost } => {
                take_call(node, from, call);
                node.engine.consumed(from.node, 0, cost);
            }
            Output::Reply { from, request, result } => {
                node.seen.replies.push((from, request, result.map(|body| number(&body))));
            }
            Output::Undeliverable { types, .. } => node.seen.undeliverable += types.len(),
            Output::StateAsked { from, ask, .. } => {
                let vector = node.engine.vector();
                node.engine.give_state(from, ask, vector, Bytes::from(vec![7; 3 << 20]));
            }
            Output::StateGiven { vector, state, .. } => {
                node.engine.restored(now, &vector);
                node.seen.states.push((vector, state));
            }
            Output::Room(_) => node.seen.rooms += 1,
            _ => {}
        }
    }

    // ---- time ----------------------------------------------------------------------------------------------

    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.step(end) {}
        self.now = end;
    }

    /// Runs until `done`, for at most `limit`; says whether it came.
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&World) -> bool) -> bool {
        let end = self.now + limit;
        while !done(self) {
            if !self.step(end) {
                self.now = end;
                return done(self);
            }
        }
        true
    }

    /// The next thing that happens before `end`.
    fn step(&mut self, end: Instant) -> bool {
        let timers = self.hosts.iter().filter(|host| host.alive).map(|host| host.wake);
        let dials = self.dials.iter().map(|(at, ..)| *at);
        let pipes = self.pipes.iter().filter(|pipe| !self.is_blocked(pipe.from.host, pipe.to.host));
        let bytes = pipes.filter_map(|pipe| pipe.bytes.first().map(|(at, _)| *at).or(pipe.closed));
        let Some(next) = timers.chain(dials).chain(bytes).min().filter(|next| *next < end) else {
            return false;
        };
        self.now = self.now.max(next);
        self.do_timers();
        self.do_dials();
        self.do_pipes();
        true
    }

    fn do_timers(&mut self) {
        for host in 0..self.hosts.len() {
            if self.hosts[host].alive && self.hosts[host].wake <= self.now {
                let now = self.now;
                self.hosts[host].engine.handle_timeout(now);
                self.perform(host);
                assert!(
                    self.hosts[host].wake > self.now || !self.hosts[host].alive,
                    "a deadline that has passed is asked for again: {:?} {:#?}",
                    self.now,
                    self.hosts[host].engine
                );
            }
        }
    }

    fn do_dials(&mut self) {
        let now = self.now;
        let due: Vec<_> = self.dials.iter().copied().filter(|(at, ..)| *at <= now).collect();
        self.dials.retain(|(at, ..)| *at > now);
        for (_, end, address) in due {
            self.connect(end, address);
        }
    }

    fn connect(&mut self, end: End, to: SocketAddr) {
        let now = self.now;
        let target = self.hosts.iter().position(|host| host.address == to);
        let blocked = target.is_some_and(|target| self.is_blocked(end.host, target));
        if !self.hosts[end.host].alive {
            return;
        }
        match target.filter(|target| self.hosts[*target].alive && !blocked) {
            Some(target) => {
                let from = self.hosts[end.host].address;
                let link = self.hosts[target].engine.handle_accepted(now, from);
                let other = End { host: target, link };
                for (from, to) in [(end, other), (other, end)] {
                    self.pipes.push(Pipe { from, to, bytes: Vec::new(), closed: None });
                }
                self.hosts[end.host].engine.handle_link_up(now, end.link);
                self.perform(target);
            }
            None => {
                let why = if blocked { DialFailure::Unreachable } else { DialFailure::Refused };
                self.hosts[end.host].engine.handle_dial_failed(now, end.link, why);
            }
        }
        self.perform(end.host);
    }

    fn do_pipes(&mut self) {
        let mut at = 0;
        while at < self.pipes.len() {
            let (from, to) = (self.pipes[at].from, self.pipes[at].to);
            if self.is_blocked(from.host, to.host) {
                at += 1;
                continue;
            }
            let pipe = &mut self.pipes[at];
            if pipe.bytes.first().is_some_and(|(due, _)| *due <= self.now) {
                let (_, bytes) = pipe.bytes.remove(0);
                self.receive(to, bytes);
            } else if pipe.bytes.is_empty() && pipe.closed.is_some_and(|due| due <= self.now) {
                self.pipes.remove(at);
                if self.hosts[to.host].alive {
                    let now = self.now;
                    self.hosts[to.host].engine.handle_link_down(now, to.link);
                    self.perform(to.host);
                    // The other direction is over too.
                    for pipe in self.pipes.iter_mut().filter(|pipe| pipe.from == to) {
                        pipe.closed.get_or_insert(now);
                    }
                }
            } else {
                at += 1;
            }
        }
    }

    /// Bytes arrive in two chunks, split anywhere.
    fn receive(&mut self, to: End, bytes: Vec<u8>) {
        if !self.hosts[to.host].alive {
            return;
        }
        let mut bytes = Bytes::from(bytes);
        let cut = self.rng.below(bytes.len() as u64 + 1) as usize;
        let rest = bytes.split_off(cut);
        for chunk in [bytes, rest] {
            let now = self.now;
            self.hosts[to.host].engine.handle_received(now, to.link, chunk);
            self.perform(to.host);
        }
    }

    // ---- what holds ----------------------------------------------------------------------------------------

    pub fn view(&self, host: usize) -> Vec<NodeId> {
        self.hosts[host].engine.view().map(|claim| claim.life.node).collect()
    }

    pub fn life(&self, host: usize) -> Life {
        self.hosts[host].engine.me().life
    }

    /// All living hosts see exactly the living hosts.
    pub fn views_agree(&self) -> bool {
        let mut alive: Vec<NodeId> =
            self.hosts.iter().filter(|host| host.alive).map(|host| host.engine.me().life.node).collect();
        alive.sort();
        (0..self.hosts.len()).filter(|host| self.hosts[*host].alive).all(|host| self.view(host) == alive)
    }

    /// What `host` got of `origin`, in order.
    pub fn events(&self, host: usize, origin: usize) -> Vec<u64> {
        self.hosts[host].seen.events.get(&self.life(origin)).cloned().unwrap_or_default()
    }
}

/// Delivered numbers follow one another; the bodies are the emitter's.
fn take_events(seen: &mut Seen, origin: Life, first: u64, count: u32, events: &[u8]) {
    let mut rest = events;
    for at in 0..u64::from(count) {
        let (len, ty) = event_at(rest).expect("a delivered run holds whole events");
        assert_eq!(ty, 0);
        let body = number(&rest[6..6 + len]);
        assert_eq!(body, first + at, "{origin}: a body that is not its number's");
        seen.large += usize::from(len > 1000);
        seen.events.entry(origin).or_default().push(body);
        rest = &rest[6 + len..];
    }
    assert!(rest.is_empty(), "nothing is left over");
}

fn take_call(node: &mut Host, from: Life, call: Call) {
    match call {
        Call::Send { body, .. } => node.seen.sends.push((from.node, number(&body))),
        Call::Request { request, body, .. } if node.holds => node.held.push((from, request, number(&body))),
        Call::Request { request, body, .. } => {
            let reply = (number(&body) + 1).to_le_bytes();
            node.engine.reply(from, request, Outcome::Ok, &reply);
        }
        _ => {}
    }
}

pub fn number(body: &[u8]) -> u64 {
    u64::from_le_bytes(body[..8].try_into().expect("eight bytes"))
}
