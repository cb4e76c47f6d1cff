//! The delivery contract as a property: whatever links do, each event comes once and in order, each call once and
//! in order, and nothing is missing once things are quiet.

mod world;

use devts_proto::engine::RequestError;
use proptest::prelude::*;
use std::time::Duration;
use world::{World, id};

#[derive(Clone, Debug)]
enum Step {
    Emit(usize, usize),
    Send(usize, usize),
    Request(usize, usize),
    Cut(usize, usize),
    Block(usize, usize),
    Unblock,
    Run(u64),
}

fn step(hosts: usize) -> impl Strategy<Value = Step> {
    let host = 0..hosts;
    let pair = (0..hosts, 1..hosts).prop_map(move |(a, by)| (a, (a + by) % hosts));
    prop_oneof![
        6 => (host, prop_oneof![8 => 8usize..200, 1 => 60_000usize..200_000]).prop_map(|(host, len)| Step::Emit(host, len)),
        4 => pair.clone().prop_map(|(a, b)| Step::Send(a, b)),
        2 => pair.clone().prop_map(|(a, b)| Step::Request(a, b)),
        3 => pair.clone().prop_map(|(a, b)| Step::Cut(a, b)),
        1 => pair.prop_map(|(a, b)| Step::Block(a, b)),
        1 => Just(Step::Unblock),
        8 => (0u64..4000).prop_map(Step::Run),
    ]
}

/// Plays the steps on a cluster that stays up: links come and go, nobody dies.
fn play(seed: u64, hosts: usize, steps: &[Step], blocks: bool) -> (World, Vec<Vec<Vec<u64>>>, usize) {
    let mut world = World::new(seed);
    world.start(1, &[]);
    for node in 1..hosts {
        world.start(node as u64 + 1, &[0]);
    }
    assert!(world.run_until(Duration::from_secs(5), World::views_agree));
    let mut sent = vec![vec![Vec::new(); hosts]; hosts];
    let mut requests = 0;
    for (at, step) in steps.iter().enumerate() {
        match *step {
            Step::Emit(host, len) => _ = world.emit_sized(host, len),
            Step::Send(a, b) => {
                if world.send(a, id(b as u64 + 1), at as u64) {
                    sent[a][b].push(at as u64);
                }
            }
            Step::Request(a, b) => {
                let asked = world.request(a, id(b as u64 + 1), at as u64, Duration::from_secs(30));
                requests += usize::from(asked.is_some());
            }
            Step::Cut(a, b) => world.cut(a, b),
            Step::Block(a, b) if blocks => world.blocked.push((a, b)),
            Step::Block(..) => {}
            Step::Unblock => world.blocked.clear(),
            Step::Run(micros) => world.run(Duration::from_micros(micros * if blocks { 500 } else { 1 })),
        }
    }
    world.blocked.clear();
    world.run(Duration::from_secs(90));
    (world, sent, requests)
}

/// What `from` sent to `to`.
fn of(sent: &[Vec<Vec<u64>>], from: usize, to: usize) -> Vec<u64> {
    sent[from][to].clone()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Links are cut at any byte and come back; nobody is declared down, so nothing may be missing.
    #[test]
    fn cut_links_lose_nothing_and_double_nothing(seed in any::<u64>(), steps in proptest::collection::vec(step(3), 1..120)) {
        let (world, sent, requests) = play(seed, 3, &steps, false);
        prop_assert!(world.views_agree());
        let mut replies = 0;
        for host in 0..3 {
            prop_assert!(world.hosts[host].seen.gaps.is_empty());
            prop_assert_eq!(world.hosts[host].seen.undeliverable, 0);
            for origin in (0..3).filter(|origin| *origin != host) {
                let emitted = world.hosts[origin].engine.vector()[&world.life(origin)];
                prop_assert_eq!(world.events(host, origin), (1..=emitted).collect::<Vec<_>>());
                let got: Vec<u64> = world.hosts[host].seen.sends.iter().filter(|(from, _)| *from == id(origin as u64 + 1)).map(|(_, number)| *number).collect();
                prop_assert_eq!(got, of(&sent, origin, host));
            }
            for (_, _, reply) in &world.hosts[host].seen.replies {
                prop_assert!(reply.is_ok(), "{reply:?}");
                replies += 1;
            }
            prop_assert!(world.hosts[host].engine.is_flushed());
        }
        prop_assert_eq!(replies, requests);
    }

    /// Links also go silent until members are declared down and come back: events are still complete, because the
    /// histories hold them; calls arrive at most once, in order, and what does not arrive is told.
    #[test]
    fn healed_partitions_lose_no_event(seed in any::<u64>(), steps in proptest::collection::vec(step(4), 1..80)) {
        let (world, sent, requests) = play(seed, 4, &steps, true);
        prop_assert!(world.views_agree(), "{:?}", (0..4).map(|host| world.view(host)).collect::<Vec<_>>());
        let mut replies = 0;
        for host in 0..4 {
            prop_assert!(world.hosts[host].seen.gaps.is_empty());
            for origin in (0..4).filter(|origin| *origin != host) {
                let emitted = world.hosts[origin].engine.vector()[&world.life(origin)];
                prop_assert_eq!(world.events(host, origin), (1..=emitted).collect::<Vec<_>>());
                let got: Vec<u64> = world.hosts[host].seen.sends.iter().filter(|(from, _)| *from == id(origin as u64 + 1)).map(|(_, number)| *number).collect();
                let mut rest = of(&sent, origin, host).into_iter();
                prop_assert!(got.iter().all(|number| rest.any(|sent| sent == *number)), "in order, once: {got:?}");
            }
            replies += world.hosts[host].seen.replies.len();
            let wrong = world.hosts[host].seen.replies.iter().find(|(_, _, reply)| matches!(reply, Err(error) if !matches!(error, RequestError::PeerDown | RequestError::Timeout)));
            prop_assert!(wrong.is_none(), "{wrong:?}");
        }
        prop_assert_eq!(replies, requests, "each request ends once");
        let all_sent: usize = sent.iter().flatten().map(Vec::len).sum();
        let got: usize = world.hosts.iter().map(|host| host.seen.sends.len()).sum();
        let told: usize = world.hosts.iter().map(|host| host.seen.undeliverable).sum();
        prop_assert!(got + told >= all_sent, "nothing is silent: {got} + {told} of {all_sent}");
    }
}
