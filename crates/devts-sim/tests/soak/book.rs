//! The nodes of a random run: they write down what everybody said, and answer. One kind hands its book to who joins; the
//! other begins with an empty one.

use super::Record;
use devts::{Bytes, Context, Deferred, Event, Gap, Node, Reply};
use devts_sim::check::LifeId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Something that is told to all: by whom, its number there, and what makes it long.
#[derive(Clone, Debug, Serialize, Deserialize, Event)]
#[event("soak.note")]
pub struct Note {
    /// Machine and boot of who says it.
    pub by: (u16, u16),
    /// Counts what this life has said, from 1.
    pub number: u64,
    /// Any bytes.
    pub pad: Bytes,
}

/// Something that is told to one.
#[derive(Clone, Debug, Serialize, Deserialize, Event)]
#[event("soak.letter")]
pub struct Letter {
    /// Machine and boot of who sends it.
    pub from: (u16, u16),
    /// Its number in the whole run.
    pub number: u64,
    /// Any bytes.
    pub pad: Bytes,
}

/// Something to be answered.
#[derive(Clone, Debug, Serialize, Deserialize, Event)]
#[event("soak.question", reply = u64)]
pub struct Question {
    /// Its number in the whole run; the answer is its double.
    pub number: u64,
}

/// Something that nobody answers.
#[derive(Clone, Debug, Serialize, Deserialize, Event)]
#[event("soak.riddle", reply = u64)]
pub struct Riddle {
    /// Its number in the whole run.
    pub number: u64,
}

/// How many riddles a book keeps; an older one is given up.
const RIDDLES: usize = 16;

/// How many notes of one life, and the hash of them in their order.
pub type Said = BTreeMap<(u16, u16), (u64, u64)>;

/// What is seen of a book.
#[derive(Clone, Debug, PartialEq)]
pub struct Pages {
    /// Whose it is.
    pub me: LifeId,
    /// What is in it.
    pub said: Said,
    /// It was handed over from life to life, and so has everything.
    pub whole: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Book {
    me: LifeId,
    said: Said,
    whole: bool,
    record: Record,
    spoken: u64,
    riddles: VecDeque<Reply<u64>>,
}

impl Book {
    pub fn new(me: LifeId, record: Record) -> Book {
        Book { me, said: Said::new(), whole: false, record, spoken: 0, riddles: VecDeque::new() }
    }

    pub fn pages(&self) -> Pages {
        Pages { me: self.me, said: self.said.clone(), whole: self.whole }
    }

    pub fn me(&self) -> LifeId {
        self.me
    }

    fn write(&mut self, note: &Note) {
        self.record.gaps().heard(self.me, note);
        let (count, hash) = self.said.entry(note.by).or_default();
        *count += 1;
        *hash = hash
            .wrapping_mul(31)
            .wrapping_add(note.number)
            .wrapping_mul(31)
            .wrapping_add(note.pad.len() as u64);
    }

    /// The next note of this life, which it has in its own book at once.
    pub fn speak(&mut self, pad: Vec<u8>) -> Note {
        self.spoken += 1;
        let note = Note { by: pair(self.me), number: self.spoken, pad: pad.into() };
        self.write(&note);
        note
    }

    fn receive(&self, letter: &Letter) {
        let from = LifeId::new(letter.from.0, letter.from.1);
        self.record.calls().received(from, self.me, letter.number);
    }

    fn answer(&self, question: &Question) -> u64 {
        self.record.calls().ran(question.number);
        question.number * 2
    }

    fn ponder(&mut self, riddle: &Riddle, reply: Reply<u64>) {
        self.record.calls().ran(riddle.number);
        self.riddles.push_back(reply);
        if self.riddles.len() > RIDDLES {
            self.riddles.pop_front();
        }
    }
}

pub fn pair(life: LifeId) -> (u16, u16) {
    (life.machine, life.boot)
}

/// Where two books differ first, in words.
pub fn difference(one: &Said, other: &Said) -> String {
    let mut lives = one.keys().chain(other.keys());
    let differs = lives.find(|life| one.get(life) != other.get(life));
    let Some(life) = differs else { return "nothing".into() };
    let count = |said: &Said| said.get(life).map_or(0, |(count, _)| *count);
    let who = LifeId::new(life.0, life.1);
    format!("of {who}, one has {} notes and the other {} (or in another order)", count(one), count(other))
}

/// A book that is handed to who joins.
#[derive(Debug)]
pub struct Scribe(pub Book);

#[devts::node("scribe")]
impl Node for Scribe {
    #[on]
    fn note(&mut self, note: Note) {
        self.0.write(&note);
    }

    #[on]
    fn letter(&mut self, letter: Letter) {
        self.0.receive(&letter);
    }

    #[on]
    fn question(&mut self, question: Question) -> u64 {
        self.0.answer(&question)
    }

    #[on]
    fn riddle(&mut self, riddle: Riddle, cx: &mut Context<Self>) -> Deferred<u64> {
        let (reply, later) = cx.defer();
        self.0.ponder(&riddle, reply);
        later
    }

    #[snapshot]
    fn snapshot(&self) -> Said {
        self.0.said.clone()
    }

    #[restore]
    fn restore(&mut self, said: Said) {
        self.0.said = said;
    }

    async fn joined(&mut self, _: &mut Context<Self>) -> devts::Result {
        self.0.whole = true;
        Ok(())
    }

    /// What nobody has any more is missing in this book for good.
    async fn gap(&mut self, _: Gap, _: &mut Context<Self>) {
        self.0.whole = false;
    }
}

/// A book that begins empty with each start: it tells nothing about who spoke before.
#[derive(Debug)]
pub struct Witness(pub Book);

#[devts::node("witness")]
impl Node for Witness {
    #[on]
    fn note(&mut self, note: Note) {
        self.0.write(&note);
    }

    #[on]
    fn letter(&mut self, letter: Letter) {
        self.0.receive(&letter);
    }

    #[on]
    fn question(&mut self, question: Question) -> u64 {
        self.0.answer(&question)
    }

    #[on]
    fn riddle(&mut self, riddle: Riddle, cx: &mut Context<Self>) -> Deferred<u64> {
        let (reply, later) = cx.defer();
        self.0.ponder(&riddle, reply);
        later
    }

    async fn joined(&mut self, cx: &mut Context<Self>) -> devts::Result {
        let view = cx.view();
        if let Some(me) = view.member(cx.id()) {
            self.0.record.gaps().joined(self.0.me, me.life(), &view);
        }
        Ok(())
    }

    async fn gap(&mut self, gap: Gap, cx: &mut Context<Self>) {
        self.0.record.gaps().told(self.0.me, gap, cx.view());
    }
}

impl AsRef<Book> for Scribe {
    fn as_ref(&self) -> &Book {
        &self.0
    }
}

impl AsMut<Book> for Scribe {
    fn as_mut(&mut self) -> &mut Book {
        &mut self.0
    }
}

impl AsRef<Book> for Witness {
    fn as_ref(&self) -> &Book {
        &self.0
    }
}

impl AsMut<Book> for Witness {
    fn as_mut(&mut self) -> &mut Book {
        &mut self.0
    }
}
