//! What is measured: two devts nodes, one that emits and asks and one that counts and answers. As a user would write
//! them, with nothing set: each runs on the host it is started in.

use crate::Result;
use crate::meter::{Meter, Used};
use crate::pair::{self, Client};
use crate::payload::{AskLarge, AskSmall, Large, Payload, Small};
use devts::{Context, Event, Node, NodeHandle, NodeId};
use serde::{Deserialize, Serialize};

/// So many events follow.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event("bench.begin")]
struct Begin {
    count: u64,
}

/// The last was handled.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event("bench.done")]
struct Done {
    used: Used,
}

/// Counts events and answers requests.
#[derive(Debug)]
struct Receiver {
    size: usize,
    count: u64,
    handled: u64,
    meter: Meter,
}

impl Receiver {
    fn new(size: usize) -> Receiver {
        Receiver { size, count: 0, handled: 0, meter: Meter::start() }
    }

    #[inline]
    fn count<E: Payload>(&mut self, event: &E, cx: &mut Context<Self>) -> devts::Result {
        pair::check(event, self.handled, self.size);
        self.handled += 1;
        if self.handled == self.count {
            cx.emit(Done { used: self.meter.read() })?;
        }
        Ok(())
    }
}

#[devts::node("bench.receiver")]
impl Node for Receiver {
    #[on]
    fn begin(&mut self, event: Begin) {
        *self = Receiver { count: event.count, ..Receiver::new(self.size) };
    }

    #[on]
    fn small(&mut self, event: Small, cx: &mut Context<Self>) -> devts::Result {
        self.count(&event, cx)
    }

    #[on]
    fn large(&mut self, event: Large, cx: &mut Context<Self>) -> devts::Result {
        self.count(&event, cx)
    }

    #[on]
    fn ask_small(&mut self, ask: AskSmall) -> Small {
        ask.0
    }

    #[on]
    fn ask_large(&mut self, ask: AskLarge) -> Large {
        ask.0
    }
}

/// Hears when the receiver is done.
#[derive(Debug)]
struct Emitter {
    done: async_channel::Sender<Used>,
}

#[devts::node("bench.emitter")]
impl Node for Emitter {
    #[on]
    fn done(&mut self, event: Done) -> devts::Result {
        Ok(self.done.try_send(event.used)?)
    }
}

/// The receiving end: counts and answers until its process ends.
pub(crate) async fn serve(size: usize, started: impl FnOnce(u16)) -> Result {
    let node = devts::join((), Receiver::new(size)).await?;
    started(node.address().port());
    Ok(node.stopped().await?)
}

/// A node that has nothing to do.
#[derive(Debug)]
pub(crate) struct Idle {
    _node: NodeHandle<Receiver>,
}

/// A node that has nothing to do, the first of its cluster or the next.
pub(crate) async fn idle(port: Option<u16>, started: impl FnOnce(u16)) -> Result<Idle> {
    let node = devts::join(port, Receiver::new(16)).await?;
    started(node.address().port());
    Ok(Idle { _node: node })
}

/// The emitting end.
#[derive(Debug)]
pub(crate) struct DevtsClient {
    node: NodeHandle<Emitter>,
    receiver: NodeId,
    done: async_channel::Receiver<Used>,
    size: usize,
}

impl DevtsClient {
    pub(crate) async fn join(port: u16, size: usize) -> Result<DevtsClient> {
        let (sender, done) = async_channel::bounded(1);
        let node = devts::join(port, Emitter { done: sender }).must_join().await?;
        let receiver = node
            .find_node(|member| member.kind == "bench.receiver")
            .ok_or("no receiver is in the cluster")?;
        Ok(DevtsClient { receiver: receiver.id, node, done, size })
    }
}

impl<E: Payload> Client<E> for DevtsClient {
    async fn one_way(&mut self, count: u64) -> Result<Used> {
        let event = E::sized(self.size);
        self.node.emit(Begin { count }).await?;
        for number in 0..count {
            self.node.emit(event.numbered(number)).await?;
        }
        Ok(self.done.recv().await?)
    }

    async fn begin_echo(&mut self, _: u64) -> Result {
        // The receiver answers whenever it is asked.
        Ok(())
    }

    async fn echo(&mut self, event: E) -> Result<E> {
        Ok(self.node.request(self.receiver, event.ask()).await?)
    }
}
