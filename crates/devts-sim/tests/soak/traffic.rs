//! What is said in a random run: notes to all, letters to one, questions. Nodes die while they speak; what that makes of
//! a call is written down too.

use super::book::{Book, Letter, Question, Riddle, pair};
use super::{DEADLINE, Record};
use devts::sim::Run;
use devts::{Node, NodeHandle, NodeId, Result};
use devts_sim::check::LifeId;
use devts_sim::check::calls::Answer;
use std::time::Duration;

/// One run's traffic.
pub struct Traffic<N> {
    pub run: Run<N>,
    pub record: Record,
    pub pause: Duration,
}

/// The longest note that comes often, and the longest at all, which goes in fragments.
const USUAL: u64 = 2_000;
const LONG: u64 = 150_000;

/// How much is said at once, now and then, to one or to all.
const BURST: u64 = 150;

pub async fn traffic<N: Node + AsMut<Book> + AsRef<Book>>(traffic: Traffic<N>) -> Result {
    let Traffic { run, record, pause } = traffic;
    while !run.is_over() {
        let pause = pause.as_millis() as u64;
        // Most pauses are short and some are long, so that there are bursts and silence.
        let pause = if run.below(4) == 0 { run.below(pause * 6) } else { run.below(pause) };
        run.sleep(Duration::from_millis(pause)).await;
        let (kind, other, length) = (run.below(100), run.below(run.len() as u64) as usize, length(&run));
        // Never more to one than may wait to be sent: who waits for room is let in in any order.
        let many = run.below(100) == 0 && length <= USUAL as usize;
        let count = if many { 1 + run.below(BURST) } else { 1 };
        let Some(node) = run.pick() else { continue };
        match kind {
            0..60 => talk(&run, node, length),
            60..80 => write(&run, &record, node, other, (count, length)),
            _ => ask(&run, &record, node, other),
        }
    }
    Ok(())
}

fn length<N: Node>(run: &Run<N>) -> usize {
    let most = if run.below(50) == 0 { LONG } else { USUAL };
    run.below(most) as usize
}

/// A note, or now and then several in quick succession, so that some come in one run and a state is taken between others.
fn talk<N: Node + AsMut<Book>>(run: &Run<N>, node: NodeHandle<N>, length: usize) {
    let count = if run.below(25) == 0 { 2 + run.below(10) } else { 1 };
    let (own, pause) = (run.clone(), Duration::from_millis(run.below(60)));
    run.spawn(async move {
        for _ in 0..count {
            speak(&node, length).await;
            own.sleep(pause).await;
        }
        Ok(())
    });
}

async fn speak<N: Node + AsMut<Book>>(node: &NodeHandle<N>, length: usize) {
    // A turn that is never taken, because the node dies, says nothing: its note is in no book.
    let _spoken = node
        .with(move |node, cx| {
            let note = node.as_mut().speak(vec![7; length]);
            cx.emit(note).is_ok()
        })
        .await;
}

/// The lives of two nodes, if both are there and not the same.
async fn lives<N: Node + AsRef<Book>>(
    run: &Run<N>,
    from: &NodeHandle<N>,
    to: usize,
) -> Option<(LifeId, LifeId, NodeId)> {
    let to = run.node(to).filter(|to| to.id() != from.id())?;
    let from = from.with(|node, _| node.as_ref().me()).await.ok()?;
    let id = to.id();
    let to = to.with(|node, _| node.as_ref().me()).await.ok()?;
    Some((from, to, id))
}

/// So many letters of a length.
fn write<N: Node + AsRef<Book>>(
    run: &Run<N>,
    record: &Record,
    node: NodeHandle<N>,
    to: usize,
    (count, length): (u64, usize),
) {
    let (own, record) = (run.clone(), record.clone());
    run.spawn(async move {
        let Some((from, to, id)) = lives(&own, &node, to).await else { return Ok(()) };
        for _ in 0..count {
            own.spawn(deliver(record.clone(), node.clone(), (from, to, id), length));
        }
        Ok(())
    });
}

async fn deliver<N: Node>(
    record: Record,
    node: NodeHandle<N>,
    (from, to, id): (LifeId, LifeId, NodeId),
    length: usize,
) -> Result {
    // Nothing happens between this and the first poll, which accepts the letter: the numbers are in its order.
    let number = record.number();
    record.calls().sent(from, to, number);
    let sent =
        node.send(id, Letter { from: pair(from), number, pad: vec![7; length].into() }).delivered().await;
    if sent.is_err() {
        record.calls().told_undeliverable(from, to, number);
    }
    Ok(())
}

fn ask<N: Node + AsRef<Book>>(run: &Run<N>, record: &Record, node: NodeHandle<N>, to: usize) {
    let (own, record) = (run.clone(), record.clone());
    run.spawn(async move {
        let Some((from, _, id)) = lives(&own, &node, to).await else { return Ok(()) };
        let number = record.number();
        record.calls().asked(number, from, own.now() + DEADLINE);
        let riddle = own.below(4) == 0;
        let result = match riddle {
            true => node.request(id, Riddle { number }).timeout(DEADLINE).await,
            false => node.request(id, Question { number }).timeout(DEADLINE).await,
        };
        let answer = match result {
            Ok(answer) if !riddle && answer == number * 2 => Answer::Replied,
            Ok(_) => return Err(devts::Error::msg("an answer to another question")),
            Err(_) => Answer::Failed,
        };
        record.calls().answered(number, answer, own.now());
        Ok(())
    });
}
