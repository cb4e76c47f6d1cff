//! Whatever happens to the link: every message once, in order; every request answered once; memory bounded.

use crate::pair::{Pair, small};
use devts_proto::call::{Call, CallError, ChannelEnd, Outcome};
use devts_proto::id::{ChannelId, RequestId};
use devts_proto::session::Incoming;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Clone, Debug)]
enum Op {
    Send(usize, usize),
    Request(usize, usize),
    Answer(usize),
    Open(usize),
    ChannelSend(usize, usize),
    ChannelClose(usize),
    Consume(usize),
    Turn(usize),
    Pump(usize, usize, usize),
    Deliver(usize, usize),
    Cut,
    Link,
    End(usize),
}

fn len() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 0..200usize, 2 => 0..20_000usize, 1 => 60_000..300_000usize]
}

fn op() -> impl Strategy<Value = Op> {
    let at = 0..2usize;
    prop_oneof![
        4 => (at.clone(), len()).prop_map(|(at, len)| Op::Send(at, len)),
        2 => (at.clone(), len()).prop_map(|(at, len)| Op::Request(at, len)),
        2 => at.clone().prop_map(Op::Answer),
        1 => at.clone().prop_map(Op::Open),
        4 => (at.clone(), len()).prop_map(|(at, len)| Op::ChannelSend(at, len)),
        1 => at.clone().prop_map(Op::ChannelClose),
        3 => at.clone().prop_map(Op::Consume),
        4 => at.clone().prop_map(Op::Turn),
        8 => (at.clone(), prop_oneof![1..10usize, 1..70_000usize], 1..6usize)
            .prop_map(|(at, room, frames)| Op::Pump(at, room, frames)),
        12 => (at, 1..10usize).prop_map(|(at, frames)| Op::Deliver(at, frames)),
        1 => Just(Op::Cut),
        2 => Just(Op::Link),
    ]
}

/// What this end has said, and what it has understood of the other: they must become equal.
#[derive(Default, Debug, PartialEq)]
struct Said {
    calls: Vec<Vec<u8>>,
    channels: BTreeMap<ChannelId, Vec<Vec<u8>>>,
    closed: Vec<ChannelId>,
}

#[derive(Default)]
struct End {
    said: Said,
    heard: Said,
    asked: Vec<RequestId>,
    replies: BTreeMap<RequestId, Vec<u8>>,
    to_answer: Vec<RequestId>,
    /// Channels this end may send on, and bodies it has not consumed.
    open: Vec<ChannelId>,
    unconsumed: Vec<(ChannelId, usize)>,
    number: u32,
}

impl End {
    /// A body of about this length that no other is equal to.
    fn body(&mut self, len: usize) -> Vec<u8> {
        self.number += 1;
        let mut body = self.number.to_le_bytes().to_vec();
        body.extend((body.len()..len).map(|n| (n as u32 * self.number) as u8));
        body
    }

    fn hear(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Call { call: Call::Send { body, .. }, .. } => self.heard.calls.push(body.to_vec()),
            Incoming::Call { call: Call::Request { request, body, .. }, .. } => {
                self.heard.calls.push(body.to_vec());
                self.to_answer.push(request);
            }
            Incoming::Call { call: Call::Open { channel, body, .. }, .. } => {
                self.heard.calls.push(body.to_vec());
                self.open.push(channel);
            }
            Incoming::Reply { request, outcome: Outcome::Ok, body } => {
                assert!(self.replies.insert(request, body.to_vec()).is_none(), "answered twice");
            }
            Incoming::ChannelData { channel, body } => {
                self.unconsumed.push((channel, body.len()));
                let said = ChannelId(channel.0 ^ 1);
                assert!(!self.heard.closed.contains(&said), "data after the close");
                self.heard.channels.entry(said).or_default().push(body.to_vec());
            }
            Incoming::ChannelClosed { channel, why: ChannelEnd::Closed } => {
                self.heard.closed.push(ChannelId(channel.0 ^ 1));
            }
            Incoming::ChannelRoom { .. } => {}
            other => panic!("nobody said {other:?}"),
        }
    }
}

struct Model {
    pair: Pair,
    ends: [End; 2],
}

impl Model {
    fn perform(&mut self, op: Op) {
        match op {
            Op::Send(at, len) => self.say(at, len, |pair, body| pair.session(at).send(5, body, None)),
            Op::Request(at, len) => self.request(at, len),
            Op::Open(at) => self.open(at),
            Op::Answer(at) => self.answer(at),
            Op::ChannelSend(at, len) => self.channel_send(at, len),
            Op::ChannelClose(at) => self.channel_close(at),
            Op::Consume(at) => self.consume(at),
            Op::Turn(at) => {
                self.pair.turn(at);
            }
            Op::Pump(at, room, frames) => self.pair.pump(at, room, frames),
            Op::Deliver(from, frames) => {
                (0..frames).for_each(|_| {
                    self.pair.deliver(from);
                });
                self.hear(1 - from);
            }
            Op::Cut => self.pair.cut(),
            Op::Link => self.pair.link(),
            Op::End(at) => self.pair.end(at),
        }
        let config = small();
        for end in &self.pair.ends {
            assert!(end.session.unconsumed() <= config.receive_window + config.max_message);
        }
    }

    fn hear(&mut self, at: usize) {
        self.pair.got(at).into_iter().for_each(|incoming| self.ends[at].hear(incoming));
    }

    fn say(&mut self, at: usize, len: usize, say: impl FnOnce(&mut Pair, &[u8]) -> Result<(), CallError>) {
        let body = self.ends[at].body(len);
        match say(&mut self.pair, &body) {
            Ok(()) => self.ends[at].said.calls.push(body),
            Err(refused) => assert_eq!(refused, CallError::Full),
        }
    }

    fn request(&mut self, at: usize, len: usize) {
        let mut asked = None;
        self.say(at, len, |pair, body| {
            let now = pair.now;
            asked = Some(pair.session(at).request(now, 5, body, Duration::from_secs(5), None)?);
            Ok(())
        });
        self.ends[at].asked.extend(asked);
    }

    fn open(&mut self, at: usize) {
        let mut opened = None;
        self.say(at, 10, |pair, body| {
            opened = Some(pair.session(at).open(5, body)?);
            Ok(())
        });
        self.ends[at].open.extend(opened);
    }

    fn answer(&mut self, at: usize) {
        if let Some(request) = self.ends[at].to_answer.pop() {
            self.pair.session(at).reply(request, Outcome::Ok, &request.0.to_le_bytes());
        }
    }

    fn channel_send(&mut self, at: usize, len: usize) {
        let body = self.ends[at].body(len);
        let number = self.ends[at].number as usize;
        let open = &self.ends[at].open;
        let Some(&channel) = open.get(number % open.len().max(1)) else { return };
        match self.pair.session(at).channel_send(channel, &body) {
            Ok(()) => self.ends[at].said.channels.entry(channel).or_default().push(body),
            Err(CallError::Full) => {}
            Err(refused) => assert!(refused == CallError::Closed && self.ended()),
        }
    }

    fn channel_close(&mut self, at: usize) {
        if let Some(channel) = self.ends[at].open.pop() {
            self.pair.session(at).channel_close(channel, ChannelEnd::Closed, false);
            self.ends[at].said.closed.push(channel);
        }
    }

    fn ended(&self) -> bool {
        self.pair.ends.iter().any(|end| !end.ended.is_empty())
    }

    fn consume(&mut self, at: usize) {
        for (channel, bytes) in self.ends[at].unconsumed.drain(..) {
            self.pair.session(at).channel_consumed(channel, bytes);
        }
    }

    fn finish(&mut self) {
        self.pair.link();
        for _ in 0..50 {
            self.pair.settle();
            for at in 0..2 {
                self.hear(at);
                self.consume(at);
                while !self.ends[at].to_answer.is_empty() {
                    self.answer(at);
                }
            }
        }
    }

    fn check(&self) {
        for (at, end) in self.ends.iter().enumerate() {
            assert_eq!(end.said, self.ends[1 - at].heard);
            let replies: BTreeMap<RequestId, Vec<u8>> =
                end.asked.iter().map(|id| (*id, id.0.to_le_bytes().to_vec())).collect();
            assert_eq!(end.replies, replies);
            assert!(self.pair.ends[at].session.is_flushed() && self.pair.ends[at].ended.is_empty());
            assert_eq!(self.pair.ends[at].session.unconsumed(), 0);
            assert_eq!(self.pair.ends[at].session.next_deadline(), None);
        }
    }
}

/// What must hold although sessions were ended: nothing twice, nothing out of order, nothing without a word.
fn check_ended(model: &Model) {
    for (at, end) in model.ends.iter().enumerate() {
        let heard = &model.ends[1 - at].heard;
        let mut said = end.said.calls.iter();
        assert!(heard.calls.iter().all(|call| said.any(|other| other == call)), "each once and in order");
        for (channel, bodies) in &heard.channels {
            assert!(end.said.channels[channel].starts_with(bodies), "no gap in a channel");
        }
        let session = &model.pair.ends[at];
        let failed = session.ended.iter().flat_map(|ended| &ended.requests);
        let mut told: Vec<RequestId> = failed.chain(end.replies.keys()).copied().collect();
        told.sort();
        assert_eq!(told, end.asked, "a reply or an end for each request");
        let failed: usize = session.ended.iter().map(|ended| ended.types.len()).sum();
        let unheard = end.said.calls.len() - heard.calls.len();
        assert!(unheard <= failed + end.asked.len() - end.replies.len(), "what was not heard was told");
        assert!(session.session.is_flushed() && session.session.is_established());
        assert_eq!(session.session.unconsumed(), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn everything_once_and_in_order_over_links_cut_anywhere(ops in prop::collection::vec(op(), 0..250)) {
        let mut model = Model { pair: Pair::new(&small()), ends: Default::default() };
        model.pair.link();
        ops.into_iter().for_each(|op| model.perform(op));
        model.finish();
        model.check();
    }

    #[test]
    fn nothing_twice_and_nothing_in_silence_when_sessions_end(
        ops in prop::collection::vec(prop_oneof![20 => op(), 1 => (0..2usize).prop_map(Op::End)], 0..250)
    ) {
        let mut model = Model { pair: Pair::new(&small()), ends: Default::default() };
        model.pair.link();
        ops.into_iter().for_each(|op| model.perform(op));
        model.finish();
        check_ended(&model);
    }
}
