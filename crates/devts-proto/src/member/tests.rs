//! The rules of claims, one by one, and their order-independence as a property.

use super::*;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use proptest::prelude::*;

fn claim(node: u64, boot: u64, incarnation: u32, revision: u32) -> Claim {
    Claim {
        life: Life { node: NodeId::new(node).unwrap(), boot },
        incarnation,
        revision,
        left: false,
        ready: true,
        address: "127.0.0.1:1".parse().unwrap(),
        kind: String::from("test"),
        info: Bytes::new(),
    }
}

fn members() -> Members {
    Members::new(claim(100, 1, 0, 0), 4)
}

#[test]
fn a_new_life_takes_the_place_of_the_old() {
    let mut members = members();
    assert_eq!(members.learn(&claim(1, 5, 0, 0), Instant::ZERO), Learnt::Joined);
    assert_eq!(members.learn(&claim(1, 4, 9, 9), Instant::ZERO), Learnt::Old);
    assert_eq!(
        members.learn(&claim(1, 6, 0, 0), Instant::ZERO),
        Learnt::Replaced(claim(1, 5, 0, 0), State::Alive)
    );
    assert_eq!(members.count(), 2);
}

#[test]
fn down_takes_a_life_out_and_does_not_end_it() {
    let mut members = members();
    members.learn(&claim(1, 5, 0, 0), Instant::ZERO);
    assert!(members.fail(claim(1, 5, 0, 0).life.node, Instant::ZERO).is_some());
    assert_eq!(members.count(), 1);
    // What others say at the old incarnation does not bring it back; a raised one is worth a dial.
    assert_eq!(members.learn(&claim(1, 5, 0, 1), Instant::ZERO), Learnt::Old);
    assert_eq!(members.learn(&claim(1, 5, 1, 1), Instant::ZERO), Learnt::Calls);
    assert!(members.rejoin(claim(1, 5, 0, 0).life).is_some());
    assert_eq!(members.count(), 2);
}

#[test]
fn e22_more_members_than_the_view_may_hold_are_refused() {
    let mut members = members();
    for node in 1..=3 {
        assert_eq!(members.learn(&claim(node, 1, 0, 0), Instant::ZERO), Learnt::Joined);
    }
    assert_eq!(members.learn(&claim(4, 1, 0, 0), Instant::ZERO), Learnt::Full);
    assert_eq!(
        members.learn(&claim(3, 2, u32::MAX, 0), Instant::ZERO),
        Learnt::Replaced(claim(3, 1, 0, 0), State::Alive)
    );
    assert!(members.refute(u32::MAX));
    assert_eq!(members.me().incarnation, u32::MAX); // saturates, never wraps
}

proptest! {
    /// Whatever order claims come in, and however often, the same newest one of each node stays.
    #[test]
    fn the_newest_claim_wins_in_any_order(mut numbers in proptest::collection::vec((1u64..4, 0u64..3, 0u32..3, 0u32..3), 1..20), seed in any::<u64>()) {
        let learn = |numbers: &[(u64, u64, u32, u32)]| {
            let mut members = members();
            for &(node, boot, incarnation, revision) in numbers {
                members.learn(&claim(node, boot, incarnation, revision), Instant::ZERO);
            }
            members.others().cloned().collect::<Vec<_>>()
        };
        let first = learn(&numbers);
        let mut rng = crate::rng::Rng::new(seed);
        for i in (1..numbers.len()).rev() {
            numbers.swap(i, rng.below(i as u64 + 1) as usize);
        }
        let again: Vec<_> = numbers.iter().chain(&numbers).copied().collect();
        prop_assert_eq!(first, learn(&again));
    }
}
