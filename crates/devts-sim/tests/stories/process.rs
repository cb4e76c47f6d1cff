//! One process of a node: joins, does what it is told, and writes down what becomes of it. Knows no story.

use crate::record::{Asked, Change, End, Ink, Sight};
use crate::scribe::{Letter, Note, Question, machine};
use async_channel::Receiver;
use devts::rt::Runtime;
use devts::{
    Builder, Bytes, Cluster, Membership, MembershipEvent, Node, NodeHandle, NodeId, PeerEvent, RequestError,
};
use devts_sim::Machine;
use devts_sim::story::Told;
use std::time::Duration;

/// What a process can be told to do.
pub enum Order {
    Emit { times: u64, ballast: Bytes },
    Send { to: usize, times: u64, ballast: Bytes },
    Ask { of: usize, times: u64, ballast: Bytes, within: Duration },
    Leave,
}

/// Nodes are numbered from 1.
pub fn id(machine: usize) -> NodeId {
    NodeId::new(machine as u64 + 1).expect("above zero")
}

/// From the start to the end. `own`: the node hears its own events too, for they are part of its state.
pub async fn live<N: Node>(
    machine: Machine,
    builder: Builder<N>,
    ink: Ink,
    orders: Receiver<Order>,
    own: bool,
) {
    let handle = match builder.await {
        Ok(handle) => handle,
        Err(error) => return ink.ended(End::ByItself(format!("it does not join: {error}"))),
    };
    let me = handle.view().member(handle.id()).map(|member| (member.id.get(), member.boot));
    let (now, life) = (ink.now(), me.expect("a node is in its own view"));
    ink.with(|process| process.joined = Some((now, life)));
    let (says, said) = async_channel::unbounded();
    let (sends, sent) = async_channel::unbounded();
    machine.spawn(Box::pin(watch(handle.membership(), ink.clone())));
    machine.spawn(Box::pin(emit(Cluster::clone(&handle), ink.clone(), said, own)));
    machine.spawn(Box::pin(send(Cluster::clone(&handle), ink.clone(), sent)));
    machine.spawn(Box::pin(end(handle.clone(), ink.clone())));
    while let Ok(order) = orders.recv().await {
        match order {
            Order::Emit { times, ballast } => drop(says.try_send((times, ballast))),
            Order::Send { to, times, ballast } => drop(sends.try_send((to, times, ballast))),
            Order::Ask { of, times, ballast, within } => {
                for _ in 0..times {
                    let ask = ask(Cluster::clone(&handle), ink.clone(), of, ballast.clone(), within);
                    machine.spawn(Box::pin(ask));
                }
            }
            Order::Leave => {
                let handle = handle.clone();
                machine.spawn(Box::pin(async move { drop(handle.stop().await) }));
            }
        }
    }
}

async fn end<N: Node>(handle: NodeHandle<N>, ink: Ink) {
    let why = match handle.stopped().await {
        Ok(()) => "it stopped".to_string(),
        Err(error) => error.to_string(),
    };
    ink.ended(End::ByItself(why));
}

async fn watch(mut membership: Membership, ink: Ink) {
    let me = ink.with(|process| process.node);
    while let Some(event) = membership.next().await {
        let at = ink.now();
        let (member, what) = match event {
            MembershipEvent::Snapshot(view) => {
                for member in view.iter().filter(|member| machine(member.id) != me) {
                    let sight =
                        Sight { at, node: machine(member.id), boot: member.boot, what: Change::First };
                    ink.with(|process| process.sees.push(sight));
                }
                continue;
            }
            MembershipEvent::Changed { event, .. } => match event {
                PeerEvent::Joined(member) => (member, Change::Joined),
                PeerEvent::Left(member) => (member, Change::Left),
                PeerEvent::Failed(member) => (member, Change::Failed),
                PeerEvent::Rejoined(member) => (member, Change::Rejoined),
                _ => continue,
            },
            other => panic!("a watch that is read at once does not lag: {other:?}"),
        };
        let sight = Sight { at, node: machine(member.id), boot: member.boot, what };
        ink.with(|process| process.sees.push(sight));
    }
}

/// One after the other, in the order of the orders.
async fn emit(cluster: Cluster, ink: Ink, orders: Receiver<(u64, Bytes)>, own: bool) {
    while let Ok((times, ballast)) = orders.recv().await {
        for _ in 0..times {
            let number = ink.with(|process| process.emitted.len() as u64);
            let emit = cluster.emit(Note { number, ballast: ballast.clone() });
            let accepted = if own { emit.include_self().await } else { emit.await };
            if accepted.is_err() {
                return; // It is stopping.
            }
            let now = ink.now();
            ink.with(|process| process.emitted.push(now));
        }
    }
}

async fn send(cluster: Cluster, ink: Ink, orders: Receiver<(usize, u64, Bytes)>) {
    while let Ok((to, times, ballast)) = orders.recv().await {
        for _ in 0..times {
            let number = ink.with(|process| process.sent.entry(to).or_default().len() as u64);
            let now = ink.now();
            // Who is no member is told at once: nothing was accepted.
            if cluster.send(id(to), Letter { number, ballast: ballast.clone() }).await.is_ok() {
                ink.with(|process| process.sent.entry(to).or_default().push(now));
            }
        }
    }
}

async fn ask(cluster: Cluster, ink: Ink, of: usize, ballast: Bytes, within: Duration) {
    let at = ink.now();
    let place = ink.with(|process| {
        process.asked.push(Asked { at, of, within, ended: None });
        process.asked.len() - 1
    });
    let answer = cluster.request(id(of), Question { ballast }).timeout(within).await;
    let now = ink.now();
    let told = match &answer {
        Ok(_) => None,
        Err(RequestError::Busy { .. }) => Some(Told::Busy),
        Err(RequestError::Timeout { .. }) => Some(Told::Timeout),
        Err(RequestError::PeerDown { .. } | RequestError::NotMember { .. }) => Some(Told::Down),
        Err(RequestError::PeerRestarted { .. }) => Some(Told::Restarted),
        Err(RequestError::Stopped) => None,
        Err(other) => panic!("no answer of a story: {other}"),
    };
    told.into_iter().for_each(|told| ink.told(told, of));
    let answer = answer.map(drop).map_err(|error| error.to_string());
    ink.with(|process| process.asked[place].ended = Some((now, answer)));
}
