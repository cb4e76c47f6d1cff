//! Rows that no story can tell: bytes damaged on the way, strangers on the port, and events that nobody knows. Real nodes in
//! a world, and beside them whoever misbehaves.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use devts::rt::{Accepted, BoxFuture, Listener, Runtime, Stream, Transport};
use devts::{Builder, Context, Event, Node, NodeHandle, NodeId, PeerEvent, Rejected, RequestError};
use devts_sim::{Machine, Rng, World};
use futures_util::{AsyncReadExt, AsyncWriteExt};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as Cx, Poll};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);
const PORT: u16 = 4000;

// ---- the nodes ---------------------------------------------------------------------------------------------------------

#[derive(Serialize, Deserialize, Event)]
#[event("test.note")]
struct Note(u64);

#[derive(Serialize, Deserialize, Event)]
#[event("test.stranger", reply = u64)]
struct Stranger(u64);

/// Hears notes, and writes down who fails and what is rejected.
#[derive(Default)]
struct Ear {
    heard: BTreeMap<u64, Vec<u64>>,
    failed: Vec<NodeId>,
    rejected: Vec<String>,
}

#[devts::node("ear")]
impl Node for Ear {
    #[on]
    fn note(&mut self, Note(number): Note, cx: &mut Context<Self>) {
        self.heard.entry(cx.from().get()).or_default().push(number);
    }

    async fn peer(&mut self, event: PeerEvent, _: &mut Context<Self>) {
        if let PeerEvent::Failed(member) = event {
            self.failed.push(member.id);
        }
    }

    async fn rejected(&mut self, rejected: Rejected, _: &mut Context<Self>) {
        self.rejected.push(rejected.to_string());
    }
}

fn place<N: Node>(machine: &Machine, node: N, seeds: &[&str]) -> Builder<N> {
    let seeds: Vec<String> = seeds.iter().map(|name| format!("{name}:{PORT}")).collect();
    let id = NodeId::new(machine.id().0 as u64 + 1).unwrap();
    devts::join(seeds, node).runtime(machine.clone()).node_id(id).bind(format!("{}:{PORT}", machine.ip()))
}

async fn ears(world: &World, count: usize) -> Vec<NodeHandle<Ear>> {
    let mut nodes = Vec::new();
    for number in 1..=count {
        let machine = world.machine(&format!("n{number}"));
        let seeds: &[&str] = if number == 1 { &[] } else { &["n1"] };
        nodes.push(place(&machine, Ear::default(), seeds).await.unwrap());
    }
    nodes
}

/// Waits until it is so, within a bound of virtual time.
async fn until<F: Future<Output = bool>>(
    world: &World,
    bound: Duration,
    what: &str,
    mut so: impl FnMut() -> F,
) {
    let late = world.now() + bound;
    while !so().await {
        assert!(world.now() < late, "not within {bound:?}: {what}");
        world.sleep(20 * MS).await;
    }
}

/// Everybody has heard these numbers of everybody else, each once and in order.
async fn all_heard(world: &World, nodes: &[NodeHandle<Ear>], numbers: u64) {
    for node in nodes {
        for from in nodes.iter().filter(|other| other.id() != node.id()) {
            let from = from.id().get();
            let heard = async || node.with(move |ear, _| ear.heard.get(&from).cloned()).await.unwrap();
            until(world, 30 * S, "every note arrives", async || {
                heard().await.is_some_and(|heard| heard.len() as u64 >= numbers)
            })
            .await;
            assert!(heard().await.unwrap().into_iter().eq(0..numbers), "{} of {from}", node.id());
        }
    }
}

async fn nobody_failed(nodes: &[NodeHandle<Ear>]) {
    for node in nodes {
        assert_eq!(node.with(|ear, _| ear.failed.clone()).await.unwrap(), []);
    }
}

/// The same in worlds of several seeds.
fn in_worlds<F: Future<Output = ()>>(test: impl Fn(World) -> F) {
    for seed in 1..=3 {
        let world = World::new(seed);
        world.block_on(test(world.clone())).unwrap();
        assert_eq!(world.take_panics(), []);
    }
}

// ---- damaged bytes -----------------------------------------------------------------------------------------------------

/// A machine's network interface that damages a bit now and then, in what is read.
#[derive(Clone, Debug)]
struct Damaging {
    inner: Arc<dyn Transport>,
    damage: Arc<Mutex<Damage>>,
}

#[derive(Debug)]
struct Damage {
    rng: Rng,
    /// After so many bytes one bit is flipped.
    left: u64,
    flipped: u64,
}

impl Damage {
    fn pass(&mut self, bytes: &mut [u8]) {
        if let Some(byte) = usize::try_from(self.left).ok().and_then(|left| bytes.get_mut(left)) {
            *byte ^= 1 << self.rng.below(8);
            self.flipped += 1;
            self.left = self.rng.below(4000);
        } else {
            self.left -= bytes.len() as u64;
        }
    }
}

impl Damaging {
    fn new(inner: Arc<dyn Transport>, seed: u64) -> Damaging {
        let damage = Damage { rng: Rng::new(seed), left: 500, flipped: 0 };
        Damaging { inner, damage: Arc::new(Mutex::new(damage)) }
    }

    fn wrap(&self, inner: Box<dyn Stream>) -> Box<dyn Stream> {
        Box::new(Damaged { inner, damage: self.damage.clone() })
    }
}

impl Transport for Damaging {
    fn listen(&self, address: SocketAddr) -> BoxFuture<io::Result<Box<dyn Listener>>> {
        let (this, listening) = (self.clone(), self.inner.listen(address));
        Box::pin(async move {
            let inner = listening.await?;
            Ok(Box::new(DamagingListener { inner, this }) as Box<dyn Listener>)
        })
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<io::Result<Box<dyn Stream>>> {
        let (this, connecting) = (self.clone(), self.inner.connect(address));
        Box::pin(async move { Ok(this.wrap(connecting.await?)) })
    }

    fn resolve(&self, name: String) -> BoxFuture<io::Result<Vec<SocketAddr>>> {
        self.inner.resolve(name)
    }
}

#[derive(Debug)]
struct DamagingListener {
    inner: Box<dyn Listener>,
    this: Damaging,
}

impl Listener for DamagingListener {
    fn address(&self) -> SocketAddr {
        self.inner.address()
    }

    fn accept(&self) -> Pin<Box<dyn Future<Output = io::Result<Accepted>> + Send + '_>> {
        Box::pin(async move {
            let (stream, from) = self.inner.accept().await?;
            Ok((self.this.wrap(stream), from))
        })
    }
}

#[derive(Debug)]
struct Damaged {
    inner: Box<dyn Stream>,
    damage: Arc<Mutex<Damage>>,
}

impl futures_io::AsyncRead for Damaged {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Cx<'_>, out: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = Pin::new(&mut self.inner).poll_read(cx, out);
        if let Poll::Ready(Ok(len)) = read {
            self.damage.lock().unwrap().pass(&mut out[..len]);
        }
        read
    }
}

impl futures_io::AsyncWrite for Damaged {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Cx<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Cx<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Cx<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}

/// Row 5: what n2 reads has a flipped bit every few kilobytes. Each closes a link; nothing wrong is delivered, nothing is
/// lost, and nobody is taken for dead by that alone.
#[test]
fn e05_flipped_bits() {
    in_worlds(async |world| {
        let mut nodes = ears(&world, 1).await;
        let machine = world.machine("n2");
        let damaging = Damaging::new(machine.transport(), world.random());
        nodes.push(place(&machine, Ear::default(), &["n1"]).transport(damaging.clone()).await.unwrap());
        nodes.push(place(&world.machine("n3"), Ear::default(), &["n1"]).await.unwrap());
        until(&world, 5 * S, "all are members", async || nodes.iter().all(|node| node.view().len() == 3))
            .await;
        for number in 0..3000 {
            for node in &nodes {
                node.emit(Note(number)).await.unwrap();
            }
            world.sleep(20 * MS).await;
        }
        all_heard(&world, &nodes, 3000).await;
        nobody_failed(&nodes).await;
        let flipped = damaging.damage.lock().unwrap().flipped;
        assert!(flipped > 20, "{flipped} bits were flipped");
    });
}

// ---- strangers on the port ---------------------------------------------------------------------------------------------

/// Connects again and again to a node and says nothing, or a byte a second; tells how long each connection was held.
async fn silent(machine: Machine, to: SocketAddr, trickle: bool, held: Arc<Mutex<Vec<Duration>>>) {
    loop {
        let Ok(mut stream) = machine.transport().connect(to).await else {
            machine.sleep(100 * MS).await;
            continue;
        };
        let since = machine.now();
        let mut byte = [0];
        loop {
            let pause = machine.sleep(S);
            let read = stream.read(&mut byte);
            match futures_util::future::select(read, pause).await {
                futures_util::future::Either::Left((Ok(0) | Err(_), _)) => break,
                futures_util::future::Either::Left(_) => {}
                futures_util::future::Either::Right(_) if trickle => {
                    if stream.write_all(&[0]).await.is_err() {
                        break;
                    }
                }
                futures_util::future::Either::Right(_) => {}
            }
        }
        held.lock().unwrap().push(machine.now() - since);
        machine.sleep(100 * MS).await;
    }
}

/// Row 7: 320 connections, of 20 addresses, that say nothing or a byte a second. Each is closed after 5 s in all; a member
/// joins meanwhile, and nobody notices.
#[test]
fn e07_silent_connections() {
    in_worlds(|world| silent_strangers(world, 20));
}

/// Row 7, to its letter: more than the 1 024 connections that a node takes in all.
#[test]
fn e07_a_thousand_silent_connections() {
    in_worlds(|world| silent_strangers(world, 70));
}

async fn silent_strangers(world: World, strangers: usize) {
    let mut nodes = ears(&world, 3).await;
    let held = Arc::default();
    for number in 0..strangers {
        let stranger = world.machine(&format!("stranger{number}"));
        for connection in 0..16 {
            let silent = silent(stranger.clone(), nodes[0].address(), connection % 2 == 1, Arc::clone(&held));
            stranger.spawn(Box::pin(silent));
        }
    }
    world.sleep(8 * S).await;
    let late = place(&world.machine("late"), Ear::default(), &["n1"]).must_join().timeout(5 * S);
    nodes.push(late.await.unwrap());
    let all = nodes.len();
    until(&world, 5 * S, "it is everybody's member", async || {
        nodes.iter().all(|node| node.view().len() == all)
    })
    .await;
    for number in 0..200 {
        for node in &nodes {
            node.emit(Note(number)).await.unwrap();
        }
        world.sleep(50 * MS).await;
    }
    all_heard(&world, &nodes, 200).await;
    nobody_failed(&nodes).await;
    let held = held.lock().unwrap();
    let longest = held.iter().max().unwrap();
    assert!(held.len() > 16 * strangers, "{} connections were closed", held.len());
    assert!(*longest <= 5 * S + 100 * MS, "one was held for {longest:?}");
}

// ---- events that nobody knows ------------------------------------------------------------------------------------------

/// Speaks of what ears do not know.
struct Foreigner;

#[devts::node("foreigner")]
impl Node for Foreigner {}

/// Row 14: a request for which there is no handler is told so, an event that nobody takes is told once to its receiver and
/// counted, and the link stays: what is known arrives.
#[test]
fn e14_events_that_nobody_takes() {
    in_worlds(async |world| {
        let nodes = ears(&world, 2).await;
        let foreigner = place(&world.machine("n3"), Foreigner, &["n1"]).await.unwrap();
        until(&world, 5 * S, "all are members", async || nodes.iter().all(|node| node.view().len() == 3))
            .await;
        let links = nodes[0].stats().engine.links_up;
        for number in 0..100 {
            foreigner.emit(Stranger(number)).await.unwrap();
            foreigner.emit(Note(number)).await.unwrap();
        }
        let answer = foreigner.request(nodes[0].id(), Stranger(0)).await;
        assert!(matches!(answer, Err(RequestError::NoHandler { .. })), "{answer:?}");
        for node in &nodes {
            let from = foreigner.id().get();
            let heard = async || node.with(move |ear, _| ear.heard.get(&from).cloned()).await.unwrap();
            until(&world, 5 * S, "notes arrive", async || {
                heard().await.is_some_and(|heard| heard.len() == 100)
            })
            .await;
            assert!(heard().await.unwrap().into_iter().eq(0..100));
            let rejected = node.with(|ear, _| ear.rejected.clone()).await.unwrap();
            assert!(rejected.len() == 1 && rejected[0].contains("`test.stranger`"), "{rejected:?}");
            assert!(node.stats().unknown >= 100);
        }
        assert_eq!(nodes[0].stats().engine.links_up, links);
        nobody_failed(&nodes).await;
    });
}
