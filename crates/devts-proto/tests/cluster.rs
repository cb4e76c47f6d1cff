//! Clusters of engines in virtual time: joining, events, calls, failures. Times are exact here.

mod world;

use bytes::Bytes;
use devts_proto::engine::{ChangeKind, Me, Output, Refusal, RequestError};
use devts_proto::{Config, Engine, Instant, Life};
use std::time::Duration;
use world::{World, id};

const SECOND: Duration = Duration::from_secs(1);

fn cluster(count: usize) -> World {
    let mut world = World::new(count as u64);
    world.start(1, &[]);
    for node in 1..count {
        world.start(node as u64 + 1, &[0]);
        assert!(world.run_until(SECOND, World::views_agree), "{:?}", world.view(0));
    }
    world
}

#[test]
fn nodes_join_through_any_member() {
    let mut world = cluster(3);
    let last = world.start(4, &[2]);
    assert!(world.run_until(SECOND, World::views_agree));
    assert_eq!(world.hosts[last].seen.joined, Some(vec![id(3), id(1), id(2)]), "the sponsor first");
    assert_eq!(world.hosts[0].seen.joined, Some(vec![]));
}

/// Only eight seeds are dialled at a time; those whose turn has not come are no reason to be woken again at once.
#[test]
fn many_seeds_are_dialled_without_spinning() {
    let now = Instant::from_origin(SECOND);
    let me = Me {
        life: Life { node: id(1), boot: 1 },
        address: "127.0.0.1:1".parse().expect("an address"),
        kind: "test".into(),
        info: Bytes::new(),
    };
    let mut engine = Engine::new(now, Config::default(), me, 7);
    engine.join(now, 20, false);
    let mut dials = 0;
    let until = loop {
        match engine.poll_output(now) {
            Output::Dial { .. } => dials += 1,
            Output::Wait(until) => break until,
            _ => {}
        }
    };
    assert_eq!(dials, 8);
    assert!(until > now, "it wants to be woken at {until:?}");
}

#[test]
fn events_reach_everybody_once_and_in_order() {
    let mut world = cluster(4);
    for _ in 0..100 {
        for host in 0..4 {
            world.emit(host);
        }
    }
    world.run(SECOND);
    for host in 0..4 {
        for origin in (0..4).filter(|origin| *origin != host) {
            assert_eq!(world.events(host, origin), (1..=100).collect::<Vec<_>>());
        }
    }
}

#[test]
fn e17_both_dial_at_once_and_one_link_stays() {
    for seed in 0..100 {
        let mut world = World::new(seed);
        world.start(1, &[1]);
        world.start(2, &[0]);
        assert!(world.run_until(10 * SECOND, World::views_agree), "seed {seed}");
        world.emit(0);
        world.send(1, id(1), 5);
        world.run(3 * SECOND);
        assert_eq!(world.events(1, 0), [1]);
        assert_eq!(world.hosts[0].seen.sends, [(id(2), 5)]);
        assert!(
            !world.hosts.iter().any(|host| host
                .seen
                .changes
                .iter()
                .any(|(kind, _)| *kind == ChangeKind::Failed))
        );
    }
}

#[test]
fn founders_that_missed_each_other_merge() {
    let mut world = World::new(1);
    world.start(1, &[]);
    world.start(2, &[]);
    world.start(3, &[0]);
    world.start(4, &[1]);
    world.run(SECOND);
    // One knows a seed of the other side that is not there yet.
    world.start(5, &[0, 5]);
    world.run(SECOND);
    world.start(6, &[1]);
    assert!(world.run_until(10 * SECOND, World::views_agree), "{:?}", world.view(4));
}

#[test]
fn must_join_waits_and_a_founder_does_not() {
    let mut world = World::new(1);
    let patient = world.start_with(1, &[1], true, 1);
    world.run(10 * SECOND);
    assert_eq!(world.hosts[patient].seen.joined, None);
    world.start(2, &[]);
    assert!(world.run_until(10 * SECOND, World::views_agree));
}

#[test]
fn e37_a_killed_node_is_known_everywhere_at_once() {
    let mut world = cluster(9);
    world.run(SECOND);
    world.kill(4);
    assert!(
        world.run_until(Duration::from_millis(20), World::views_agree),
        "reset and refused: no timer waits"
    );
    for host in (0..9).filter(|host| *host != 4) {
        assert_eq!(world.hosts[host].seen.changes.last(), Some(&(ChangeKind::Failed, id(5))));
    }
}

#[test]
fn e31_a_silent_node_is_known_after_its_limit() {
    let mut world = cluster(3);
    world.run(SECOND);
    world.blocked = vec![(0, 2), (1, 2)];
    world.run(Duration::from_millis(1400)); // last heard up to one heartbeat before
    assert_eq!(world.view(0).len(), 3, "not before the limit");
    world.run(Duration::from_millis(700));
    assert_eq!(world.view(0).len(), 2);
    assert_eq!(world.view(2).len(), 1, "and it sees them down");
}

#[test]
fn e23_a_partition_heals_by_itself_and_everything_comes_once() {
    let mut world = cluster(5);
    world.run(SECOND);
    world.emit(0);
    world.blocked = vec![(0, 3), (0, 4), (1, 3), (1, 4), (2, 3), (2, 4)];
    world.run(300 * SECOND);
    assert_eq!((world.view(0).len(), world.view(4).len()), (3, 2));
    for host in 0..5 {
        world.emit(host);
    }
    world.blocked.clear();
    assert!(world.run_until(66 * SECOND, World::views_agree));
    world.run(SECOND);
    for host in 1..5 {
        assert_eq!(world.events(host, 0), [1, 2]);
        assert!(world.hosts[host].seen.changes.iter().any(|(kind, _)| *kind == ChangeKind::Rejoined));
    }
    assert_eq!(world.events(0, 4), [1]);
}

/// Two that do not reach each other have each other's events from who reaches both, and at once: a joiner that has none of
/// them is not believed to be the last to ask.
#[test]
fn e25_a_partial_cut_loses_nothing_while_another_joins() {
    let mut world = cluster(4);
    for seq in 0..50 {
        world.emit(1);
        world.run(Duration::from_millis(100));
        if seq == 10 {
            world.blocked = vec![(1, 3)];
        }
        if seq == 45 {
            let late = world.start(9, &[0]);
            assert_eq!(late, 4);
        }
    }
    world.run(5 * SECOND);
    assert_eq!(world.events(3, 1), (1..=50).collect::<Vec<_>>());
    assert_eq!(world.hosts[3].seen.gaps, []);
}

/// What a joiner emits is kept for those too that its sponsor had lost before.
#[test]
fn e23_who_joins_a_minority_is_heard_by_all_after_the_heal() {
    let mut world = cluster(5);
    world.blocked = vec![(0, 3), (0, 4), (1, 3), (1, 4), (2, 3), (2, 4)];
    world.run(10 * SECOND);
    let joiner = world.start(6, &[4]);
    world.blocked.extend([(0, joiner), (1, joiner), (2, joiner)]);
    world.run(10 * SECOND);
    assert_eq!(world.view(joiner).len(), 3);
    world.emit(joiner);
    world.run(60 * SECOND);
    world.blocked.clear();
    assert!(world.run_until(66 * SECOND, World::views_agree));
    world.emit(joiner);
    world.run(SECOND);
    for host in 0..5 {
        assert_eq!(world.events(host, joiner), [1, 2], "at host {host}");
        assert_eq!(world.hosts[host].seen.gaps, []);
    }
    let rejoined = world.hosts[joiner].seen.changes.iter().any(|(kind, _)| *kind == ChangeKind::Rejoined);
    assert!(!rejoined, "it had never seen them");
}

#[test]
fn e38_a_restarted_node_is_a_new_life_at_once() {
    let mut world = cluster(3);
    world.emit(2);
    world.run(SECOND);
    world.hosts[2].holds = true;
    world.request(0, id(3), 1, 5 * SECOND);
    world.run(Duration::from_millis(10));
    world.kill(2);
    let again = world.start(3, &[1]);
    assert!(world.run_until(SECOND, World::views_agree));
    world.emit(again);
    world.run(SECOND);
    assert_eq!(world.events(0, again), [1], "the new life's own numbers");
    let reply = world.hosts[0].seen.replies.last().cloned().expect("the request ended");
    assert!(matches!(reply.2, Err(RequestError::PeerRestarted | RequestError::PeerDown)), "{reply:?}");
}

#[test]
fn a_restart_with_the_clock_set_back_takes_a_younger_boot() {
    let mut world = cluster(2);
    world.kill(1);
    let again = world.start_with(2, &[0], false, 3);
    assert!(world.run_until(10 * SECOND, World::views_agree));
    assert!(world.life(again).boot > world.life(1).boot);
}

/// All seeds are dialled at once: those that were greeted as the old life are greeted anew.
#[test]
fn a_restart_with_the_clock_set_back_greets_all_its_seeds_anew() {
    let mut world = cluster(5);
    world.kill(4);
    let again = world.start_with(5, &[0, 1, 2, 3], false, 3);
    assert!(world.run_until(SECOND, World::views_agree), "{:?}", world.view(again));
    assert!(world.life(again).boot > world.life(4).boot);
    assert!(world.hosts.iter().all(|host| host.engine.counters().misbehaved == 0));
}

#[test]
fn e45_a_leave_is_no_failure() {
    let mut world = cluster(4);
    world.leave(3);
    world.run(SECOND);
    for host in 0..3 {
        assert_eq!(world.hosts[host].seen.changes.last(), Some(&(ChangeKind::Left, id(4))));
        assert_eq!(world.view(host).len(), 3);
    }
}

#[test]
fn a_full_cluster_refuses_with_a_reason() {
    let mut config = Config::default();
    config.max_members = 2;
    let mut world = World::with(1, config);
    world.start(1, &[]);
    world.start(2, &[0]);
    world.run(SECOND);
    let third = world.start(3, &[0]);
    world.run(SECOND);
    assert!(world.hosts[third].seen.refused.contains(&Refusal::ClusterFull));
    assert_eq!(world.hosts[third].seen.joined, None, "a refusal is an answer: it founds nothing");
}

#[test]
fn a_joiner_misses_nothing_while_others_emit() {
    for seed in 0..50 {
        let mut world = World::new(seed);
        world.start(1, &[]);
        world.start(2, &[0]);
        world.start(3, &[0]);
        world.run(SECOND);
        let joiner = world.hosts.len();
        for round in 0..40 {
            for host in 0..3 {
                world.emit(host);
            }
            if round == 10 {
                world.start(4, &[(seed % 3) as usize]);
            }
            let pause = world.rng.below(3000);
            world.run(Duration::from_micros(pause));
        }
        world.run(3 * SECOND);
        assert!(world.views_agree());
        assert!(world.hosts[joiner].seen.gaps.is_empty(), "seed {seed}: {:?}", world.hosts[joiner].seen.gaps);
        for origin in 0..3 {
            let events = world.events(joiner, origin);
            let first = events.first().copied().expect("some came");
            assert_eq!(events, (first..=40).collect::<Vec<_>>(), "seed {seed}: from its baseline on, all");
        }
    }
}

#[test]
fn what_a_dead_origin_told_one_member_reaches_all() {
    let mut world = cluster(4);
    world.run(SECOND);
    // Only host 1 still hears host 0 when it says its last words.
    world.blocked = vec![(0, 2), (0, 3)];
    world.emit(0);
    world.emit(0);
    world.run(Duration::from_millis(5));
    assert_eq!(world.events(1, 0), [1, 2]);
    world.kill(0);
    world.blocked.clear();
    world.run(3 * SECOND);
    for host in 2..4 {
        assert_eq!(world.events(host, 0), [1, 2], "host {host}");
    }
}

#[test]
fn a_large_event_passes_and_delays_nobody_for_ever() {
    let mut world = cluster(3);
    world.emit_sized(0, 16 << 20);
    world.emit(0);
    world.run(5 * SECOND);
    for host in 1..3 {
        assert_eq!(world.events(host, 0), [1, 2]);
        assert_eq!(world.hosts[host].seen.large, 1);
    }
}

#[test]
fn requests_are_answered_or_time_out() {
    let mut world = cluster(2);
    world.request(0, id(2), 41, SECOND);
    world.run(SECOND);
    assert_eq!(world.hosts[0].seen.replies[0].2, Ok(42));
    world.hosts[1].holds = true;
    world.request(0, id(2), 41, SECOND);
    world.run(Duration::from_millis(999));
    assert_eq!(world.hosts[0].seen.replies.len(), 1);
    world.run(Duration::from_millis(2));
    assert_eq!(world.hosts[0].seen.replies[1].2, Err(RequestError::Timeout));
}

#[test]
fn turns_that_wait_for_each_other_are_told() {
    let mut world = cluster(3);
    for host in 0..3 {
        world.hosts[host].holds = true;
    }
    // Each is in a turn that asks the next; nobody serves anybody.
    for host in 0..3u64 {
        let next = id((host + 1) % 3 + 1);
        world.request_in(host as usize, next, host, 60 * SECOND, true, None);
    }
    world.run(Duration::from_millis(50));
    let broken = world.hosts.iter().flat_map(|host| &host.seen.replies);
    let deadlocks = broken.filter(|reply| reply.2 == Err(RequestError::Deadlock)).count();
    assert!(deadlocks >= 1, "found within a round trip or two, not at the deadline");
}

#[test]
fn a_wait_without_a_cycle_is_left_alone() {
    let mut world = cluster(3);
    for host in 0..3 {
        world.hosts[host].holds = true;
    }
    world.request_in(0, id(2), 1, 5 * SECOND, true, None);
    world.run(Duration::from_millis(10));
    world.request_in(1, id(3), 2, 5 * SECOND, true, None);
    world.run(SECOND);
    assert!(world.hosts.iter().all(|host| host.seen.replies.is_empty()));
}

#[test]
fn a_state_of_any_size_is_given() {
    let mut world = cluster(2);
    world.emit(0);
    world.run(SECOND);
    let vector = world.hosts[1].engine.vector();
    world.hosts[1].engine.ask_state(id(1), 1, &vector, false);
    world.perform(1);
    world.run(SECOND);
    let (_, state) = &world.hosts[1].seen.states[0];
    assert_eq!(state.len(), 3 << 20);
}

#[test]
fn e35_a_reader_that_stops_is_left_behind_and_told() {
    let mut world = cluster(3);
    world.hosts[2].stuck = true;
    let mut sent = 0;
    for _ in 0..3000 {
        if world.hosts[0].engine.may_emit() {
            world.emit_sized(0, 16 << 10);
            sent += 1;
        }
        world.run(Duration::from_millis(5));
    }
    assert!(sent > 1000, "the stuck one stops holding the emitter back: {sent}");
    assert_eq!(world.events(1, 0).len(), sent, "the others have everything");
    assert!(world.hosts[0].engine.history_bytes() < 24 << 20, "memory stays bounded");
    let got = world.events(2, 0).len();
    assert!(got < sent);
}

#[test]
fn what_was_missed_while_down_is_a_gap_and_never_silence() {
    let mut world = cluster(3);
    world.run(SECOND);
    world.blocked = vec![(0, 2), (1, 2)];
    world.run(5 * SECOND);
    for _ in 0..2000 {
        world.emit_sized(0, 16 << 10); // 32 MiB: twice what a history keeps
        world.run(Duration::from_millis(1));
    }
    world.blocked.clear();
    assert!(world.run_until(70 * SECOND, World::views_agree));
    world.run(10 * SECOND);
    let origin = world.life(0);
    let events = world.events(2, 0);
    let gaps = &world.hosts[2].seen.gaps;
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    let (of, first, last) = gaps[0];
    assert_eq!((of, first), (origin, 1));
    assert_eq!(events, (last + 1..=2000).collect::<Vec<_>>(), "and everything after it");
}

#[test]
fn who_is_gone_for_long_is_forgotten() {
    let mut config = Config::default();
    config.forget_after = 60 * SECOND;
    let mut world = World::with(1, config);
    world.start(1, &[]);
    world.start(2, &[0]);
    world.start(3, &[0]);
    world.run(SECOND);
    world.emit(2);
    world.run(SECOND);
    let gone = world.life(2);
    world.kill(2);
    world.run(100 * SECOND);
    assert!(world.hosts[0].engine.vector().contains_key(&gone), "a late copy would still be known");
    world.run(40 * SECOND);
    assert!(!world.hosts[0].engine.vector().contains_key(&gone));
    assert!(world.views_agree());
}
