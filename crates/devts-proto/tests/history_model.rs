//! Any interleaving of emitting, receiving, reading, trimming, evicting and skipping, against a model: the event
//! with a number is a function of origin and number, so whoever reads or delivers it knows what it must be.

use bytes::Bytes;
use devts_proto::claim::{EVENT_HEADER, RunMark, Vector, event_at, put_event_header};
use devts_proto::config::MAX_RUN;
use devts_proto::history::{Accepted, Cursor, FragmentAccepted, History, Piece};
use devts_proto::id::{Life, NodeId};
use devts_proto::rng::Rng;
use proptest::prelude::*;

/// Three origins: the history's own node is the first.
const ORIGINS: usize = 3;
const BOUND: usize = 1 << 20;
const MAX_MESSAGE: usize = 256 << 10;
/// Free segments and one assembly per origin, above what an eviction that nothing protects leaves.
const LARGEST: usize = MAX_MESSAGE + EVENT_HEADER;

fn life(origin: usize) -> Life {
    Life { node: NodeId::new(origin as u64 + 1).expect("it is not zero"), boot: 9 }
}

/// Event `seq` of `origin`, header included: mostly small, sometimes larger than a run.
fn event(origin: usize, seq: u64) -> Vec<u8> {
    let mut rng = Rng::new(seq * ORIGINS as u64 + origin as u64);
    let len = match rng.below(1000) {
        0..780 => rng.below(40),
        780..930 => rng.below(3000),
        930..980 => rng.below((MAX_RUN - EVENT_HEADER + 1) as u64),
        _ => MAX_RUN as u64 - 8 + rng.below((MAX_MESSAGE - MAX_RUN) as u64),
    };
    let mut out = Vec::new();
    put_event_header(&mut out, len as u32, seq as u16);
    let fill = rng.next_u64() as u8;
    out.resize(EVENT_HEADER + len as usize, fill);
    let stamp = seq.to_le_bytes();
    let head = (len as usize).min(8);
    out[EVENT_HEADER..EVENT_HEADER + head].copy_from_slice(&stamp[..head]);
    out
}

/// `events` are exactly events `first..first + count` of `origin`.
fn check_run(origin: usize, first: u64, count: u32, events: &[u8]) {
    let mut at = 0;
    for seq in first..first + u64::from(count) {
        let wanted = event(origin, seq);
        let end = at + EVENT_HEADER + event_at(&events[at..]).expect("a whole event").0;
        assert!(events[at..end] == wanted, "event {seq} of origin {origin}");
        at = end;
    }
    assert_eq!(at, events.len());
}

/// Appends the next `count` own events of `origin` to its history, in runs of random length.
fn emit(history: &mut History, origin: usize, count: u64, rng: &mut Rng) {
    let before = history.position(life(origin));
    let (mut bytes, mut marks) = (Vec::new(), Vec::<RunMark>::new());
    for seq in before + 1..=before + count {
        let next = event(origin, seq);
        match marks.last_mut() {
            Some(mark) if bytes.len() - mark.start + next.len() <= MAX_RUN && rng.below(8) > 0 => {
                mark.count += 1
            }
            _ => marks.push(RunMark { start: bytes.len(), count: 1 }),
        }
        bytes.extend_from_slice(&next);
    }
    assert_eq!(history.append(&marks, &bytes), before + count);
}

/// A reader that checks that it misses nothing but what it is told.
#[derive(Default)]
struct Reader {
    cursor: Option<Cursor>,
    /// What it has of the large event it is in.
    large: Vec<u8>,
}

impl Reader {
    fn step(&mut self, history: &History, origin: usize, room: usize) {
        let cursor = self.cursor.get_or_insert(Cursor::at(1));
        let before = *cursor;
        let position = history.position(life(origin));
        match history.read(life(origin), cursor, room) {
            Piece::Run { first, count, events } => {
                assert_eq!((first, before.offset), (before.next, 0));
                assert_eq!(*cursor, Cursor::at(first + u64::from(count)));
                assert!(count > 0 && events.len() <= room.min(MAX_RUN));
                check_run(origin, first, count, events);
            }
            Piece::Fragment { seq, total, offset, bytes } => {
                assert_eq!((seq, offset), (before.next, before.offset));
                assert!(!bytes.is_empty() && bytes.len() <= room.min(MAX_RUN - 64));
                assert_eq!(offset as usize, self.large.len());
                self.large.extend_from_slice(bytes);
                if self.large.len() == total as usize {
                    assert!(self.large == event(origin, seq), "large event {seq}");
                    self.large.clear();
                    assert_eq!(*cursor, Cursor::at(seq + 1));
                }
            }
            Piece::Gone { next } => {
                assert!(before.next < next && next == history.floor(life(origin)) + 1);
                self.large.clear();
            }
            Piece::NoRoom => {
                let len = event(origin, before.next).len();
                assert!(len > room || (len > MAX_RUN && room == 0));
                assert_eq!(*cursor, before);
            }
            Piece::End => {
                assert!(before.next > position, "it ended at {} of {position}", before.next);
                assert_eq!(*cursor, before);
            }
        }
    }

    /// A reconnect: the other end says where to start.
    fn seek(&mut self, next: u64) {
        self.cursor = Some(Cursor::at(next));
        self.large.clear();
    }
}

#[derive(Clone, Debug)]
enum Action {
    Emit {
        origin: usize,
        count: u64,
    },
    /// A link of `origin` carries what fits into `room`.
    Carry {
        origin: usize,
        link: usize,
        room: usize,
    },
    /// The link is new: it starts `back` before (or `ahead` after) what the receiver has.
    Reconnect {
        origin: usize,
        link: usize,
        back: u64,
        ahead: u64,
    },
    Read {
        origin: usize,
        reader: usize,
        room: usize,
    },
    Seek {
        origin: usize,
        reader: usize,
        back: u64,
    },
    Trim {
        origin: usize,
        back: u64,
    },
    TrimSource {
        origin: usize,
        back: u64,
    },
    Evict {
        protect: Option<u64>,
    },
    Skip {
        origin: usize,
        by: u64,
    },
    Forget {
        origin: usize,
    },
}

fn action() -> impl Strategy<Value = Action> {
    let (any, other, two) = (0..ORIGINS, 1..ORIGINS, 0..2usize);
    let room = prop_oneof![4 => 0..200_000usize, 2 => 0..2_000usize, 1 => Just(usize::MAX)];
    prop_oneof![
        6 => (any.clone(), 1..200u64).prop_map(|(origin, count)| Action::Emit { origin, count }),
        12 => (other.clone(), two.clone(), room.clone())
            .prop_map(|(origin, link, room)| Action::Carry { origin, link, room }),
        2 => (other.clone(), two.clone(), 0..30u64, 0..3u64)
            .prop_map(|(origin, link, back, ahead)| Action::Reconnect { origin, link, back, ahead }),
        10 => (any.clone(), two.clone(), room).prop_map(|(origin, reader, room)| Action::Read { origin, reader, room }),
        1 => (any.clone(), two, 0..300u64).prop_map(|(origin, reader, back)| Action::Seek { origin, reader, back }),
        1 => (any, 0..100u64).prop_map(|(origin, back)| Action::Trim { origin, back }),
        1 => (other.clone(), 0..100u64).prop_map(|(origin, back)| Action::TrimSource { origin, back }),
        1 => proptest::option::of(0..300u64).prop_map(|protect| Action::Evict { protect }),
        1 => (other.clone(), 0..50u64).prop_map(|(origin, by)| Action::Skip { origin, by }),
        1 => other.prop_map(|origin| Action::Forget { origin }),
    ]
}

/// One history under test, the histories of the origins it hears from, and the links between.
struct World {
    rng: Rng,
    sources: [History; ORIGINS],
    links: [[Cursor; 2]; ORIGINS],
    history: History,
    readers: [[Reader; 2]; ORIGINS],
    /// The model: what the history must have.
    positions: [u64; ORIGINS],
}

impl World {
    fn new(seed: u64) -> World {
        World {
            rng: Rng::new(seed),
            sources: core::array::from_fn(|origin| History::new(life(origin), 64 << 20, MAX_MESSAGE)),
            links: [[Cursor::at(1); 2]; ORIGINS],
            history: History::new(life(0), BOUND, MAX_MESSAGE),
            readers: Default::default(),
            positions: [0; ORIGINS],
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Emit { origin: 0, count } => {
                emit(&mut self.history, 0, count, &mut self.rng);
                self.positions[0] += count;
            }
            Action::Emit { origin, count } => emit(&mut self.sources[origin], origin, count, &mut self.rng),
            Action::Carry { origin, link, room } => self.carry(origin, link, room),
            Action::Reconnect { origin, link, back, ahead } => {
                let next = (self.positions[origin] + 1).saturating_sub(back).max(1) + ahead;
                self.links[origin][link] = Cursor::at(next);
            }
            Action::Read { origin, reader, room } => {
                self.readers[origin][reader].step(&self.history, origin, room)
            }
            Action::Seek { origin, reader, back } => {
                self.readers[origin][reader].seek((self.positions[origin] + 1).saturating_sub(back).max(1));
            }
            Action::Trim { origin, back } => self.trim(origin, back),
            Action::TrimSource { origin, back } => {
                let upto = self.positions[origin].saturating_sub(back);
                self.sources[origin].trim(life(origin), upto);
            }
            Action::Evict { protect } => self.evict(protect),
            Action::Skip { origin, by } => {
                self.positions[origin] += by;
                self.history.skip_to(life(origin), self.positions[origin]);
            }
            Action::Forget { origin } => {
                // As when the cluster forgot it and meets it again: the vector comes back as a baseline.
                self.history.forget(life(origin));
                assert!(!self.history.knows(life(origin)));
                self.history.baseline(life(origin), self.positions[origin]);
            }
        }
        self.check();
    }

    fn carry(&mut self, origin: usize, link: usize, room: usize) {
        let cursor = &mut self.links[origin][link];
        let position = self.positions[origin];
        match self.sources[origin].read(life(origin), cursor, room) {
            Piece::Run { first, count, events } => {
                let last = first + u64::from(count) - 1;
                let accepted =
                    self.history.accept(life(origin), first, count, &Bytes::copy_from_slice(events));
                match accepted {
                    Accepted::Deliver { first: new, count: more, events } => {
                        assert!(first <= position + 1);
                        assert_eq!((new, new + u64::from(more) - 1), (position + 1, last));
                        check_run(origin, new, more, &events);
                        self.positions[origin] = last;
                    }
                    Accepted::Early { next } => assert!(first > next && next == position + 1),
                    Accepted::Known => assert!(last <= position),
                    Accepted::Malformed => panic!("the run was well formed"),
                }
            }
            Piece::Fragment { seq, total, offset, bytes } => {
                let part = Bytes::copy_from_slice(bytes);
                let end = offset as usize + bytes.len();
                match self.history.accept_fragment(life(origin), seq, total, offset, &part) {
                    FragmentAccepted::Deliver { first, count, events } => {
                        assert_eq!((first, count, end), (position + 1, 1, total as usize));
                        check_run(origin, first, count, &events);
                        self.positions[origin] = first;
                    }
                    FragmentAccepted::More { missing } => {
                        assert_eq!(seq, position + 1);
                        assert!(missing > 0 && missing <= total as usize - end);
                    }
                    FragmentAccepted::Early { next } => {
                        assert!(next == position + 1 && (seq > next || offset > 0));
                        *cursor = Cursor::at(next);
                    }
                    FragmentAccepted::Known => assert!(seq <= position),
                    FragmentAccepted::Malformed => panic!("the fragment was well formed"),
                }
            }
            // The rest of the origin's history is told as a gap.
            Piece::Gone { next } if next > position + 1 => {
                self.positions[origin] = next - 1;
                self.history.skip_to(life(origin), next - 1);
            }
            Piece::Gone { .. } | Piece::NoRoom | Piece::End => {}
        }
    }

    fn trim(&mut self, origin: usize, back: u64) {
        let upto = self.positions[origin].saturating_sub(back);
        let before = self.history.floor(life(origin));
        self.history.trim(life(origin), upto);
        let floor = self.history.floor(life(origin));
        assert!(floor >= before && floor <= before.max(upto), "only what is acknowledged went");
    }

    fn evict(&mut self, protect: Option<u64>) {
        let upto = |origin: usize| protect.map(|back| self.positions[origin].saturating_sub(back));
        let protected: Vector =
            (0..ORIGINS).filter_map(|origin| Some((life(origin), upto(origin)?))).collect();
        let floors =
            |history: &History| -> Vec<u64> { (0..ORIGINS).map(|o| history.floor(life(o))).collect() };
        let before = floors(&self.history);
        let dropped = self.history.evict(&protected);
        let after = floors(&self.history);
        assert_eq!(dropped as u64, after.iter().sum::<u64>() - before.iter().sum::<u64>());
        for origin in 0..ORIGINS {
            let most = protected.get(&life(origin)).map_or(u64::MAX, |upto| before[origin].max(*upto));
            assert!(after[origin] <= most, "nothing protected went");
        }
        if protect.is_none() {
            assert!(self.history.bytes() <= BOUND + ORIGINS * LARGEST);
        }
    }

    fn check(&self) {
        let vector = self.history.vector();
        for origin in 0..ORIGINS {
            let position = self.history.position(life(origin));
            assert_eq!(position, self.positions[origin]);
            assert_eq!(vector.get(&life(origin)).copied().unwrap_or(0), position);
            assert!(self.history.floor(life(origin)) <= position);
            assert_eq!(self.history.bytes_after(life(origin), position), 0);
        }
    }

    /// What the links carry arrives, and every reader ends where the history does.
    fn drain(mut self) {
        for origin in 1..ORIGINS {
            let end = self.sources[origin].position(life(origin));
            self.act(Action::Reconnect { origin, link: 0, back: 0, ahead: 0 });
            while self.links[origin][0].next <= end {
                self.carry(origin, 0, usize::MAX);
            }
            assert!(self.positions[origin] >= end);
        }
        for origin in 0..ORIGINS {
            let mut reader = Reader::default();
            while reader.cursor.is_none_or(|cursor| cursor.next <= self.positions[origin]) {
                reader.step(&self.history, origin, usize::MAX);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_keeps_order_and_tells_every_hole(
        seed in any::<u64>(),
        actions in prop::collection::vec(action(), 1..300),
    ) {
        let mut world = World::new(seed);
        for action in actions {
            world.act(action);
        }
        world.drain();
    }

    #[test]
    fn hostile_bytes_never_panic(
        runs in prop::collection::vec((any::<u64>(), 0..4u32, prop::collection::vec(0..3u8, 0..64)), 1..40),
        parts in prop::collection::vec((0..4u64, any::<u32>(), any::<u32>(), 0..200usize), 1..40),
    ) {
        let mut history = History::new(life(0), BOUND, MAX_MESSAGE);
        for (first, count, bytes) in runs {
            let first = if first % 4 == 0 { first } else { history.position(life(1)) + first % 3 };
            let count = if count == 3 { u32::MAX } else { count };
            history.accept(life(1), first, count, &Bytes::from(bytes));
        }
        for (seq, total, offset, len) in parts {
            let seq = history.position(life(1)) + seq;
            history.accept_fragment(life(1), seq, total % 400_000, offset % 200, &Bytes::from(vec![1; len]));
            history.accept_fragment(life(1), seq, total, offset, &Bytes::from(vec![1; len]));
        }
        let mut cursor = Cursor { next: 0, offset: u32::MAX };
        while history.read(life(1), &mut cursor, 100) != Piece::End {}
        history.trim(life(1), u64::MAX);
        history.evict(&Vector::new());
        prop_assert!(history.bytes() <= BOUND);
    }
}
