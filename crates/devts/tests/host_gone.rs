//! A node whose host drops it without asking (its executor is dropped, its runtime shut down): nobody waits for it for
//! ever. Whoever waits is polled elsewhere, and is told what became of the node.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use common::Host;
use devts::{
    Answer, Channel, ChannelError, Context, Event, Events, Handler, JoinError, Node, NodeHandle, NodeId,
    Profile, RequestError, Smol, StopError, Tokio, TurnError,
};
use devts_sim::{Fault, MachineId, World};
use futures_util::future::{Either, join_all, poll_immediate, select};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::fmt::Debug;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

/// Opens a channel, which its taker keeps open.
#[derive(Serialize, Deserialize, Event)]
#[event("gone.open")]
struct Open;

/// Is answered never.
#[derive(Serialize, Deserialize, Event)]
#[event("gone.ask", reply = u64)]
struct Ask(Vec<u8>);

/// Something that is alive as long as the node is.
#[derive(Default)]
struct Silent {
    alive: Arc<()>,
    channels: Vec<Channel<u64, u64>>,
    asked: Vec<devts::Reply<u64>>,
}

impl Node for Silent {
    fn kind() -> &'static str {
        "silent"
    }
    fn events(on: &mut Events<Self>) {
        on.event::<Open>();
        on.event::<Ask>();
    }
}

impl Handler<Open> for Silent {
    async fn handle(&mut self, _: Open, cx: &mut Context<Self>) -> devts::Result<Answer<()>> {
        self.channels.push(cx.accept()?);
        Ok(().into())
    }
}

impl Handler<Ask> for Silent {
    async fn handle(&mut self, _: Ask, cx: &mut Context<Self>) -> devts::Result<Answer<u64>> {
        let (reply, later) = cx.defer();
        self.asked.push(reply);
        Ok(Answer::Later(later))
    }
}

type Waiting<'a> = Pin<Box<dyn Future<Output = String> + 'a>>;

/// What this future ends with, as a line.
fn waits<'a, T: Debug>(name: &'a str, future: impl Future<Output = T> + 'a) -> Waiting<'a> {
    Box::pin(async move { format!("{name}: {:?}", future.await) })
}

/// Large enough that a few of them fill every queue.
fn fill() -> Ask {
    Ask(vec![0; 16 * 1024])
}

/// One of everything that can wait for the node, beside joins.
fn waiting<'a>(
    node: &'a NodeHandle<Silent>,
    to: NodeId,
    channels: &'a [Channel<u64, u64>; 2],
) -> Vec<Waiting<'a>> {
    let mut membership = node.membership();
    vec![
        waits("membership", async move { while membership.next().await.is_some() {} }),
        waits("stopped", node.stopped()),
        waits("with", node.with(|_, _| ())),
        waits("call", node.call(|_, _| Box::pin(async {}))),
        waits("open channel", channels[0].recv()),
        waits("new channel", channels[1].recv()),
        waits("channel's writer", async { while channels[0].send(1).await.is_ok() {} }),
        waits("request", node.request(to, fill())),
        waits("own request", node.request(node.id(), fill())),
        waits("delivered", node.send(to, fill()).delivered()),
        waits("emit", async { while node.emit(fill()).await.is_ok() {} }),
        waits("send", async move { while node.send(to, fill()).await.is_ok() {} }),
        waits("own send", async { while node.send(node.id(), fill()).await.is_ok() {} }),
        waits("request without room", node.request(to, fill())),
    ]
}

fn endings(to: NodeId) -> Vec<String> {
    let line = |name, ending: &dyn Debug| format!("{name}: {ending:?}");
    let turn = Err::<(), _>(TurnError::Stopped);
    let channel = Err::<Option<u64>, _>(ChannelError::Stopped);
    let request = Err::<u64, _>(RequestError::Stopped);
    vec![
        line("membership", &()),
        line("stopped", &Err::<(), _>(StopError::HostGone)),
        line("with", &turn),
        line("call", &turn),
        line("open channel", &channel),
        line("new channel", &channel),
        line("channel's writer", &()),
        line("request", &request),
        line("own request", &request),
        line("delivered", &Err::<(), _>(devts::SendError::<Ask>::Unacknowledged { to })),
        line("emit", &()),
        line("send", &()),
        line("own send", &()),
        line("request without room", &request),
    ]
}

/// A host, and what runs a future on it: tasks of the host run meanwhile only.
struct Place<'a> {
    host: Host,
    run: &'a dyn Fn(Waiting<'_>) -> String,
}

/// `end` drops the tasks of the mortal host.
fn everybody_is_told(mortal: &Place<'_>, elsewhere: &Place<'_>, end: impl FnOnce()) {
    let join = |at: &Place<'_>, seeds: Vec<String>, node| {
        devts::join(seeds, node).runtime(at.host.clone()).profile(Profile::Local).into_future()
    };
    let (mut other, mut kept) = (None, None);
    (elsewhere.run)(waits("join", async {
        other = Some(join(elsewhere, vec![], Silent::default()).await.unwrap());
    }));
    let other = other.unwrap();
    let silent = Silent::default();
    let alive = Arc::downgrade(&silent.alive);
    (mortal.run)(waits("join", async {
        let node = join(mortal, vec![other.address().to_string()], silent).await.unwrap();
        let channel = node.open::<_, u64, u64>(other.id(), Open).await.unwrap();
        channel.send(1).await.unwrap();
        kept = Some((node, channel));
    }));
    let (left, opened) = kept.unwrap();
    let (to, late) = (other.id(), join(mortal, vec![], Silent::default()));
    // From here on nothing runs on the host, so that all of this waits.
    let last = waits("all", async {
        let channels = [opened, left.open::<_, u64, u64>(to, Open).await.unwrap()];
        let mut waiting = waiting(&left, to, &channels);
        waiting.push(waits("join", late));
        for future in &mut waiting {
            assert_eq!(poll_immediate(future).await, None);
        }
        end();
        let mut told = limited(&elsewhere.host, join_all(waiting)).await;
        let join = told.pop().unwrap();
        assert_eq!(join, format!("join: Err({:?})", JoinError::Stopped));
        assert_eq!(told, endings(to));
        assert_eq!(left.with(|_, _| ()).await, Err(TurnError::Stopped));
        assert_eq!(left.stop().await, Err(StopError::HostGone));
        assert_eq!(alive.strong_count(), 0, "the node itself is dropped too");
        other.stop().await.unwrap();
    });
    (elsewhere.run)(last);
}

async fn limited<T>(host: &Host, future: impl Future<Output = T>) -> T {
    match select(pin!(future), host.sleep(Duration::from_secs(30))).await {
        Either::Left((output, _)) => output,
        Either::Right(_) => panic!("somebody waits for a node that is gone"),
    }
}

/// The other node is on smol, on a thread of its own.
fn beside_smol(mortal: &Place<'_>, end: impl FnOnce()) {
    let smol = Smol::with_threads(1).unwrap();
    let elsewhere = Place { host: Arc::new(smol.clone()), run: &|future| smol.block_on(future) };
    everybody_is_told(mortal, &elsewhere, end);
}

#[test]
fn e48_executor_dropped() {
    let executor = Arc::new(async_executor::Executor::new());
    let host = Smol::with_executor(executor.clone()).unwrap();
    let mortal = Place { host: Arc::new(host.clone()), run: &|future| host.block_on(future) };
    beside_smol(&mortal, || drop(executor));
}

#[test]
fn e48_runtime_shut_down() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let host = Tokio::from_handle(runtime.handle().clone()).unwrap();
    let runtime = RefCell::new(Some(runtime));
    let run = |future: Waiting<'_>| runtime.borrow().as_ref().unwrap().block_on(future);
    let mortal = Place { host: Arc::new(host), run: &run };
    beside_smol(&mortal, || runtime.take().unwrap().shutdown_background());
}

#[test]
fn e48_machine_killed() {
    for (seed, off) in (0..20).flat_map(|seed| [(seed, false), (seed, true)]) {
        let world = World::new(seed);
        let run = |future: Waiting<'_>| world.block_on(future).unwrap();
        let [mortal, elsewhere] =
            ["n1", "n2"].map(|name| Place { host: Arc::new(world.machine(name)), run: &run });
        let node = MachineId(0);
        let fault = if off { Fault::power_off(node) } else { Fault::kill(node) };
        everybody_is_told(&mortal, &elsewhere, || world.apply(&fault).unwrap());
    }
}

/// Asked to stop, and dropped before it had left.
#[test]
fn e48_dropped_while_it_stops() {
    let executor = Arc::new(async_executor::Executor::new());
    let driven = Smol::with_executor(executor.clone()).unwrap();
    let node = devts::join((), Silent::default()).runtime(driven.clone()).profile(Profile::Local);
    let node = driven.block_on(node.into_future()).unwrap();
    let mut stop = Box::pin(node.stop());
    on_this_thread(async {
        assert_eq!(poll_immediate(&mut stop).await, None);
        drop(executor);
        assert_eq!(stop.await, Err(StopError::HostGone));
    });
}

fn on_this_thread<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
