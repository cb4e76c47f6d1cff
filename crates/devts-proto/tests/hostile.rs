//! One engine against a peer that lies: in its greeting, in its frames, in what it claims to have. The engine
//! closes that link, counts it, keeps its bounds, and goes on serving others.

use bytes::Bytes;
use devts_proto::checksum::crc32c;
use devts_proto::claim::{Claim, put_event_header};
use devts_proto::engine::{CloseReason, Me, Output};
use devts_proto::rng::Rng;
use devts_proto::wire::{Decoder, Frame, Hello};
use devts_proto::{Config, Engine, Instant, Life, LinkId, NodeId};
use std::net::SocketAddr;
use std::time::Duration;

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn life(node: u64) -> Life {
    Life { node: NodeId::new(node).expect("not zero"), boot: 1 }
}

/// An engine that is its cluster's first, and what it said and closed.
struct Victim {
    engine: Engine,
    now: Instant,
    closed: Vec<(LinkId, CloseReason)>,
    outputs: Vec<Output>,
}

impl Victim {
    fn new() -> Victim {
        let now = Instant::from_origin(Duration::from_secs(1));
        let me = Me { life: life(1), address: address(1), kind: "victim".into(), info: Bytes::new() };
        let mut engine = Engine::new(now, Config::default(), me, 7);
        engine.join(now, 0, false);
        let mut victim = Victim { engine, now, closed: Vec::new(), outputs: Vec::new() };
        victim.drain();
        victim
    }

    fn drain(&mut self) -> Instant {
        loop {
            match self.engine.poll_output(self.now) {
                Output::Wait(until) => return until,
                Output::Close { link, reason, .. } => self.closed.push((link, reason)),
                output => self.outputs.push(output),
            }
        }
    }

    fn accept(&mut self) -> LinkId {
        self.engine.handle_accepted(self.now, address(9))
    }

    fn receive(&mut self, link: LinkId, bytes: Vec<u8>) {
        self.engine.handle_received(self.now, link, Bytes::from(bytes));
        self.drain();
    }

    fn said(&mut self, link: LinkId) -> Vec<Frame> {
        let mut out = Vec::new();
        while self.engine.transmit(self.now, link, &mut out, 1 << 20) {}
        let mut decoder = Decoder::new(crc32c);
        decoder.greeted();
        decoder.push(Bytes::from(out));
        std::iter::from_fn(|| decoder.next().expect("the engine writes sound frames")).collect()
    }

    fn is_closed(&self, link: LinkId) -> bool {
        self.closed.iter().any(|(closed, _)| *closed == link)
    }

    fn misbehaved(&self, link: LinkId) -> bool {
        self.closed
            .iter()
            .any(|(closed, reason)| *closed == link && matches!(reason, CloseReason::Misbehaved(_)))
    }

    /// A peer that greets as it should.
    fn greeted(&mut self, node: u64) -> LinkId {
        let link = self.accept();
        let mut bytes = Vec::new();
        for frame in greeting(node) {
            frame.encode(crc32c, &mut bytes);
        }
        self.receive(link, bytes);
        assert!(!self.is_closed(link), "{:?}", self.closed);
        link
    }
}

fn claim(node: u64) -> Claim {
    Claim {
        life: life(node),
        incarnation: 0,
        revision: 0,
        left: false,
        ready: false,
        address: address(node as u16),
        kind: "liar".into(),
        info: Bytes::new(),
    }
}

fn hello(node: u64) -> Hello {
    Hello {
        min_version: 1,
        max_version: 1,
        features: 0,
        life: life(node),
        incarnation: 0,
        revision: 0,
        joining: true,
        ready: false,
        expects: None,
        dial: 1,
        last_link: None,
        highest_boot: 0,
        address: address(node as u16),
        kind: "liar".into(),
    }
}

fn greeting(node: u64) -> [Frame; 3] {
    let resume = Frame::Resume { down: None, generation: 1, peer_generation: 0, received: [0; 3] };
    [Frame::Hello(hello(node)), Frame::Members(vec![claim(node)]), resume]
}

fn encoded(frame: &Frame) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.encode(crc32c, &mut bytes);
    bytes
}

#[test]
fn e07_silence_is_cut_off_after_the_handshake_time_in_all() {
    let mut victim = Victim::new();
    let silent = victim.accept();
    let slow = victim.accept();
    let bytes = encoded(&Frame::Hello(hello(2)));
    for byte in &bytes[..10] {
        victim.now = victim.now + Duration::from_millis(499);
        victim.receive(slow, vec![*byte]); // each byte is progress, and does not help
    }
    assert!(!victim.is_closed(silent));
    victim.now = victim.now + Duration::from_millis(11);
    victim.engine.handle_timeout(victim.now);
    victim.drain();
    assert!(victim.is_closed(silent) && victim.is_closed(slow));
    assert_eq!(victim.engine.counters().handshake_timeouts, 2);
    victim.greeted(3);
}

#[test]
fn e06_foreign_protocols_are_closed_at_once() {
    for bytes in
        [&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], b"\x16\x03\x01\x02\x00\x01\x00", b"SSH-2.0-OpenSSH_9\r\n"]
    {
        let mut victim = Victim::new();
        let link = victim.accept();
        victim.receive(link, bytes.to_vec());
        assert!(victim.misbehaved(link));
    }
}

#[test]
fn four_hundred_mutated_handshakes_harm_nobody() {
    let mut rng = Rng::new(400);
    let mut victim = Victim::new();
    let honest = victim.greeted(2);
    for _ in 0..400 {
        let link = victim.accept();
        let mut bytes: Vec<u8> = greeting(3 + rng.below(3)).iter().flat_map(encoded).collect();
        for _ in 0..1 + rng.below(4) {
            let at = rng.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << rng.below(8);
        }
        bytes.truncate(rng.below(bytes.len() as u64 + 1) as usize);
        victim.receive(link, bytes);
        victim.engine.handle_link_down(victim.now, link);
        victim.drain();
    }
    assert!(!victim.is_closed(honest));
    assert!(victim.engine.view().count() <= 6, "nobody was invented");
}

#[test]
fn e13_a_connection_to_oneself_is_refused() {
    let mut victim = Victim::new();
    let link = victim.accept();
    victim.receive(link, encoded(&Frame::Hello(hello(1))));
    assert!(victim.is_closed(link));
}

#[test]
fn e46_another_version_is_told_both_ranges() {
    let mut victim = Victim::new();
    let link = victim.accept();
    let mut other = hello(2);
    (other.min_version, other.max_version) = (7, 9);
    victim.receive(link, encoded(&Frame::Hello(other)));
    assert!(matches!(victim.closed[0].1, CloseReason::Refused(devts_proto::engine::Refusal::Version)));
}

#[test]
fn e22_a_million_fabricated_members_meet_the_cap() {
    let mut victim = Victim::new();
    let link = victim.greeted(2);
    victim.said(link);
    for chunk in 0..1000 {
        let claims = (0..64).map(|n| claim(10 + chunk * 64 + n)).collect();
        victim.receive(link, encoded(&Frame::Members(claims)));
    }
    assert_eq!(victim.engine.view().count(), 64, "the cap of a view");
    assert!(victim.engine.counters().refused > 60_000);
}

#[test]
fn events_without_credit_or_sense_close_the_link() {
    let event = |count: u32| {
        let mut events = Vec::new();
        for _ in 0..count {
            put_event_header(&mut events, 2, 0);
            events.extend([1, 2]);
        }
        Bytes::from(events)
    };
    let run = |origin, first, count, events| encoded(&Frame::Run { origin, first, count, events });
    let lies = [
        run(life(2), 1, 1, event(2)),                       // more events than it says
        encoded(&Frame::Have(vec![(life(1), 5)])),          // it has what was never emitted
        encoded(&Frame::Want { origin: life(1), from: 0 }), // the event before the first
        encoded(&Frame::Data { lane: 0, offset: 9, bytes: event(1) }), // a hole in the session
        encoded(&Frame::Ack { received: [1, 0, 0] }),       // acknowledges what was not sent
        encoded(&Frame::Types { origin: life(2), first: 9, entries: vec![] }),
        encoded(&Frame::Hello(hello(2))), // twice
    ];
    for (at, lie) in lies.into_iter().enumerate() {
        let mut victim = Victim::new();
        let link = victim.greeted(2);
        // The session holds once the peer has heard this end's resume.
        let generation = victim.said(link).iter().find_map(|frame| match frame {
            Frame::Resume { generation, .. } => Some(*generation),
            _ => None,
        });
        let resume = Frame::Resume {
            down: None,
            generation: 1,
            peer_generation: generation.expect("it resumes first"),
            received: [0; 3],
        };
        victim.receive(link, encoded(&resume));
        assert!(!victim.is_closed(link), "lie {at}: {:?}", victim.closed);
        victim.receive(link, lie);
        assert!(victim.misbehaved(link), "lie {at}");
        assert_eq!(victim.engine.view().count(), 2, "that alone fails nobody");
    }
}

/// Sound frames in senseless order, forty thousand of them: no panic, bounded memory.
#[test]
fn random_frames_after_the_greeting_never_panic() {
    let mut rng = Rng::new(3);
    for _ in 0..400 {
        let mut victim = Victim::new();
        let link = victim.greeted(2);
        for _ in 0..100 {
            let frame = random_frame(&mut rng);
            victim.receive(link, encoded(&frame));
            victim.now = victim.now + Duration::from_millis(rng.below(300));
            victim.engine.handle_timeout(victim.now);
            victim.drain();
            victim.said(link);
        }
        assert!(victim.engine.history_bytes() < 17 << 20);
    }
}

fn random_frame(rng: &mut Rng) -> Frame {
    let origin = life(1 + rng.below(3));
    let seq = [0, 1, 2, 3, u64::MAX, u64::MAX - 1][rng.below(6) as usize];
    let bytes = Bytes::from((0..rng.below(40)).map(|_| rng.next_u64() as u8).collect::<Vec<_>>());
    match rng.below(16) {
        0 => Frame::Have(vec![(origin, seq)]),
        1 => Frame::Want { origin, from: seq },
        2 => Frame::Gap { origin, next: seq },
        3 => Frame::Stable { origin, upto: seq },
        4 => Frame::Credit { events: seq, calls: seq, bulk: seq },
        5 => Frame::Data { lane: rng.below(3) as u8, offset: rng.below(3), bytes },
        6 => Frame::Ack { received: [rng.below(2), rng.below(2), rng.below(2)] },
        7 => Frame::Resume {
            down: Some(seq as u32),
            generation: 1 + rng.below(2),
            peer_generation: rng.below(3),
            received: [0; 3],
        },
        8 => Frame::Welcome {
            baseline: vec![(origin, seq)],
            donors: vec![origin.node],
            last: rng.below(2) == 0,
        },
        9 => Frame::Members(vec![claim(1 + rng.below(9))]),
        10 => Frame::Heartbeat,
        11 => {
            let mut events = Vec::new();
            put_event_header(&mut events, bytes.len() as u32, 0);
            events.extend_from_slice(&bytes);
            Frame::Run { origin, first: 1 + rng.below(4), count: 1, events: Bytes::from(events) }
        }
        12 => Frame::Types { origin, first: rng.below(2) as u16, entries: vec![] },
        13 => Frame::Fragment {
            origin,
            seq: 1 + rng.below(3),
            total: 100_000,
            offset: rng.below(50) as u32,
            bytes: Bytes::from(vec![1; 50]),
        },
        14 => Frame::Leave,
        _ if bytes.len() >= 6 => Frame::Run { origin, first: 1, count: 1, events: bytes },
        _ => Frame::Heartbeat,
    }
}
