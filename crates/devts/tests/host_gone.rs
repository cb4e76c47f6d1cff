//! A node whose host drops it without asking (its executor is dropped, its runtime shut down): nobody waits for it for
//! ever. Whoever waits is polled elsewhere, and is told what became of the node.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use common::Host;
use devts::{
    Answer, Channel, ChannelError, Context, Event, Events, Handler, JoinError, Node, NodeHandle, NodeId,
    Profile, RequestError, Smol, StopError, Tokio, TurnError,
};
use futures_util::future::{join_all, poll_immediate};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::fmt::Debug;
use std::pin::Pin;
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

/// Tasks of the host run in `run` only; `end` drops them.
fn everybody_is_told(host: Host, run: &dyn Fn(Waiting<'_>) -> String, end: impl FnOnce()) {
    let elsewhere = Smol::with_threads(1).unwrap();
    let alone = |host: Host| devts::join((), Silent::default()).runtime(host).profile(Profile::Local);
    let other = elsewhere.block_on(alone(Arc::new(elsewhere.clone())).into_future()).unwrap();
    let silent = Silent::default();
    let alive = Arc::downgrade(&silent.alive);
    let (mut kept, mut opened) = (None, None);
    run(waits("join", async {
        let seed = other.address();
        let node = devts::join(seed, silent).runtime(host.clone()).profile(Profile::Local).must_join();
        let node = node.await.unwrap();
        opened = Some(node.open::<_, u64, u64>(other.id(), Open).await.unwrap());
        opened.as_ref().unwrap().send(1).await.unwrap();
        kept = Some(node);
    }));
    let (left, opened) = (kept.unwrap(), opened.unwrap());
    let (to, late) = (other.id(), alone(host).into_future());
    // From here on nothing runs on the host, so that all of this waits.
    elsewhere.clone().block_on(async {
        let new = left.open::<_, u64, u64>(to, Open).await.unwrap();
        let channels = [opened, new];
        let mut waiting = waiting(&left, to, &channels);
        waiting.push(waits("join", late));
        for future in &mut waiting {
            assert_eq!(poll_immediate(future).await, None);
        }
        end();
        let mut told = limited(&elsewhere, join_all(waiting)).await;
        let join = told.pop().unwrap();
        assert_eq!(join, format!("join: Err({:?})", JoinError::Stopped));
        assert_eq!(told, endings(to));
        assert_eq!(left.with(|_, _| ()).await, Err(TurnError::Stopped));
        assert_eq!(left.stop().await, Err(StopError::HostGone));
        assert_eq!(alive.strong_count(), 0, "the node itself is dropped too");
        other.stop().await.unwrap();
    });
}

async fn limited<T>(host: &Smol, future: impl Future<Output = T>) -> T {
    let limit = devts::Runtime::sleep(host, Duration::from_secs(30));
    match futures_util::future::select(Box::pin(future), limit).await {
        futures_util::future::Either::Left((output, _)) => output,
        futures_util::future::Either::Right(_) => panic!("somebody waits for a node that is gone"),
    }
}

#[test]
fn e48_executor_dropped() {
    let executor = Arc::new(async_executor::Executor::new());
    let host = Smol::with_executor(executor.clone()).unwrap();
    let driven = host.clone();
    everybody_is_told(Arc::new(host), &move |future| driven.block_on(future), move || drop(executor));
}

#[test]
fn e48_runtime_shut_down() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let host = Tokio::from_handle(runtime.handle().clone()).unwrap();
    let runtime = RefCell::new(Some(runtime));
    let run = |future: Waiting<'_>| runtime.borrow().as_ref().unwrap().block_on(future);
    everybody_is_told(Arc::new(host), &run, || runtime.take().unwrap().shutdown_background());
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
