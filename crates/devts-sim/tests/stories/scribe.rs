//! The nodes of stories: they write down what they hear and are told, and can be made to stop reading. A scribe keeps
//! nothing; a keeper has a state and gives it to who joins.

use crate::record::{Ink, Life};
use devts::{Bytes, Context, Event, Gap, Node, Rejected};
use devts_sim::story::Told;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// An event to all: the number that its emitter gave it, and ballast.
#[derive(Clone, Serialize, Deserialize, Event)]
#[event("story.note")]
pub struct Note {
    pub number: u64,
    pub ballast: Bytes,
}

/// An event to one.
#[derive(Clone, Serialize, Deserialize, Event)]
#[event("story.letter")]
pub struct Letter {
    pub number: u64,
    pub ballast: Bytes,
}

/// A request.
#[derive(Clone, Serialize, Deserialize, Event)]
#[event("story.question", reply = u64)]
pub struct Question {
    pub ballast: Bytes,
}

/// A door that handlers go through: while it is shut they do not end.
#[derive(Clone, Default)]
pub struct Door(Arc<Mutex<Option<Shut>>>);

/// Who waits does so until the sender is gone.
type Shut = (async_channel::Sender<()>, async_channel::Receiver<()>);

impl Door {
    pub fn shut(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(async_channel::bounded(1));
    }

    /// Who waits goes on.
    pub fn open(&self) {
        let shut = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(shut);
    }

    async fn pass(&self) {
        let waiting =
            self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(_, gone)| gone.clone());
        if let Some(opened) = waiting {
            let _closed = opened.recv().await;
        }
    }
}

/// What both have.
pub struct Desk {
    pub ink: Ink,
    pub door: Door,
}

fn life(life: devts::Life) -> Life {
    (life.node.get(), life.boot)
}

/// Nodes are numbered from 1.
pub fn machine(id: devts::NodeId) -> usize {
    id.get() as usize - 1
}

impl Desk {
    async fn note(&self, origin: devts::Life, number: u64) {
        self.door.pass().await;
        self.ink.with(|process| process.heard.entry(life(origin)).or_default().push(number));
    }

    async fn letter(&self, origin: devts::Life, number: u64) {
        self.door.pass().await;
        self.ink.with(|process| process.got.entry(life(origin)).or_default().push(number));
    }

    /// The engine counts an origin's events from 1, scribes theirs from 0.
    fn gap(&self, gap: Gap) {
        self.ink.with(|process| process.gaps.push((life(gap.origin), gap.first - 1, gap.last - 1)));
        self.ink.told(Told::Gap, machine(gap.origin.node));
    }

    fn rejected(&self, rejected: &Rejected) {
        match rejected {
            Rejected::Undeliverable { to, .. } => self.ink.told(Told::Undeliverable, machine(*to)),
            other => panic!("a story's nodes understand each other: {other}"),
        }
    }
}

pub struct Scribe(pub Desk);

#[devts::node("scribe")]
impl Node for Scribe {
    #[on]
    async fn note(&mut self, note: Note, cx: &mut Context<Self>) {
        self.0.note(cx.origin(), note.number).await;
    }

    #[on]
    async fn letter(&mut self, letter: Letter, cx: &mut Context<Self>) {
        self.0.letter(cx.origin(), letter.number).await;
    }

    #[on]
    async fn question(&mut self, question: Question) -> u64 {
        self.0.door.pass().await;
        question.ballast.len() as u64
    }

    async fn gap(&mut self, gap: Gap, _: &mut Context<Self>) {
        self.0.gap(gap);
    }

    async fn rejected(&mut self, rejected: Rejected, _: &mut Context<Self>) {
        self.0.rejected(&rejected);
    }
}

/// Its state is what it heard, and ballast.
pub struct Keeper {
    pub desk: Desk,
    pub ballast: Bytes,
}

type State = (BTreeMap<Life, Vec<u64>>, Bytes);

#[devts::node("keeper")]
impl Node for Keeper {
    #[on]
    async fn note(&mut self, note: Note, cx: &mut Context<Self>) {
        self.desk.note(cx.origin(), note.number).await;
    }

    #[on]
    async fn letter(&mut self, letter: Letter, cx: &mut Context<Self>) {
        self.desk.letter(cx.origin(), letter.number).await;
    }

    #[on]
    async fn question(&mut self, question: Question) -> u64 {
        self.desk.door.pass().await;
        question.ballast.len() as u64
    }

    #[snapshot]
    fn snapshot(&self) -> State {
        (self.desk.ink.with(|process| process.heard.clone()), self.ballast.clone())
    }

    #[restore]
    fn restore(&mut self, (heard, ballast): State) {
        assert_eq!(ballast, self.ballast, "a state arrives whole");
        self.desk.ink.with(|process| process.heard = heard);
    }

    async fn gap(&mut self, gap: Gap, _: &mut Context<Self>) {
        self.desk.gap(gap);
    }

    async fn rejected(&mut self, rejected: Rejected, _: &mut Context<Self>) {
        self.desk.rejected(&rejected);
    }
}
