//! Two sessions and a link between them that loses everything under way when it is cut. Plays the engine's part
//! as simply as possible; knows no frames' bytes.

use bytes::Bytes;
use devts_proto::call::Call;
use devts_proto::config::Config;
use devts_proto::session::{Ended, Incoming, Lane, Resume, Session};
use devts_proto::time::Instant;
use std::collections::VecDeque;

#[derive(Clone, Debug)]
pub(crate) enum Frame {
    Resume(Resume),
    Data(Lane, u64, Bytes),
    Ack([u64; 3]),
    Credit(u64, u64),
}

/// One end: its session, what came out of it, what it was told of ends.
pub(crate) struct End {
    pub(crate) session: Session,
    pub(crate) got: Vec<Incoming>,
    pub(crate) ended: Vec<Ended>,
    acked: [u64; 3],
    /// Frames on their way to the other end.
    wire: VecDeque<Frame>,
    /// Costs of calls whose turn is not over.
    mailbox: VecDeque<usize>,
}

pub(crate) struct Pair {
    pub(crate) ends: [End; 2],
    pub(crate) up: bool,
    pub(crate) now: Instant,
}

pub(crate) fn small() -> Config {
    let mut config = Config::default();
    config.receive_window = 128 << 10;
    config.session = 128 << 10;
    config.max_message = 300 << 10;
    config.channel_window = 32 << 10;
    config
}

impl End {
    /// Takes back what it wanted to acknowledge.
    pub(crate) fn drop_acks(&mut self) {
        self.wire.retain(|frame| !matches!(frame, Frame::Ack(_)));
    }

    /// What it has on the wire, taken.
    pub(crate) fn frames(&mut self) -> VecDeque<Frame> {
        std::mem::take(&mut self.wire)
    }

    /// Takes back all but the data of one lane: the others are late.
    pub(crate) fn deliver_only(&mut self, only: Lane) {
        self.wire.retain(|frame| matches!(frame, Frame::Data(lane, ..) if *lane == only));
    }
}

impl Pair {
    pub(crate) fn new(config: &Config) -> Pair {
        let end = |generation| End {
            session: Session::new(generation, config),
            got: Vec::new(),
            ended: Vec::new(),
            acked: [0; 3],
            wire: VecDeque::new(),
            mailbox: VecDeque::new(),
        };
        Pair { ends: [end(100), end(200)], up: false, now: Instant::ZERO }
    }

    /// Linked, everything under way delivered.
    pub(crate) fn linked(config: &Config) -> Pair {
        let mut pair = Pair::new(config);
        pair.link();
        pair.settle();
        pair
    }

    pub(crate) fn link(&mut self) {
        self.cut();
        self.up = true;
        for end in &mut self.ends {
            end.wire.push_back(Frame::Resume(end.session.resume()));
        }
    }

    pub(crate) fn cut(&mut self) {
        self.up = false;
        for end in &mut self.ends {
            end.session.unlinked();
            end.wire.clear();
        }
    }

    pub(crate) fn end(&mut self, at: usize) {
        let end = &mut self.ends[at];
        let ended = end.session.end();
        end.ended.push(ended);
        if self.up {
            end.wire.push_back(Frame::Resume(end.session.resume()));
        }
    }

    /// Puts what this end has to say on the wire: of each lane at most `frames` of at most `room` bytes.
    pub(crate) fn pump(&mut self, at: usize, room: usize, frames: usize) {
        if !self.up {
            return;
        }
        let end = &mut self.ends[at];
        if end.session.credit_due() {
            let (calls, bulk) = end.session.take_credit();
            end.wire.push_back(Frame::Credit(calls, bulk));
        }
        let received = end.session.received();
        if end.session.is_established() && end.acked != received {
            end.acked = received;
            end.wire.push_back(Frame::Ack(received));
        }
        for lane in Lane::ALL {
            for _ in 0..frames {
                let has_data = end.session.has_data(lane);
                let piece = end.session.transmit(lane, room);
                assert_eq!(has_data, piece.is_some());
                let Some((offset, bytes)) = piece else { break };
                assert!(!bytes.is_empty() && bytes.len() <= room);
                end.wire.push_back(Frame::Data(lane, offset, Bytes::copy_from_slice(bytes)));
            }
        }
    }

    /// The other end takes the next frame that `from` has put on the wire.
    pub(crate) fn deliver(&mut self, from: usize) -> bool {
        let Some(frame) = self.ends[from].wire.pop_front() else { return false };
        let (now, end) = (self.now, &mut self.ends[1 - from]);
        let start = end.got.len();
        match frame {
            Frame::Resume(resume) => {
                let resumed = end.session.peer_resumed(resume, &mut end.got).expect("a good peer");
                end.ended.extend(resumed.ended);
                if resumed.say_again {
                    end.wire.push_back(Frame::Resume(end.session.resume()));
                }
                end.acked = [0; 3];
            }
            Frame::Data(lane, offset, bytes) => {
                end.session.receive(now, lane, offset, bytes, &mut end.got).expect("a good peer");
            }
            Frame::Ack(received) => end.session.acked(received, &mut end.got).expect("a good peer"),
            Frame::Credit(calls, bulk) => end.session.granted(calls, bulk),
        }
        for incoming in &end.got[start..] {
            if let Incoming::Call { cost, .. } = incoming {
                end.mailbox.push_back(*cost);
            }
        }
        true
    }

    /// The turn of the oldest call in the mailbox is over.
    pub(crate) fn turn(&mut self, at: usize) -> bool {
        let end = &mut self.ends[at];
        let Some(cost) = end.mailbox.pop_front() else { return false };
        end.session.consumed(cost);
        true
    }

    /// Pumps, delivers and runs turns until nothing moves.
    pub(crate) fn settle(&mut self) {
        loop {
            let mut moved = false;
            for at in 0..2 {
                self.pump(at, 64 << 10, 64);
                moved |= self.deliver(at);
                moved |= self.turn(at);
            }
            if !moved {
                return;
            }
        }
    }

    /// What came out at an end, taken.
    pub(crate) fn got(&mut self, at: usize) -> Vec<Incoming> {
        std::mem::take(&mut self.ends[at].got)
    }

    pub(crate) fn session(&mut self, at: usize) -> &mut Session {
        &mut self.ends[at].session
    }
}

/// The calls among these.
pub(crate) fn calls(got: &[Incoming]) -> Vec<Call> {
    let call = |incoming: &Incoming| match incoming {
        Incoming::Call { call, .. } => Some(call.clone()),
        _ => None,
    };
    got.iter().filter_map(call).collect()
}
