//! Replicas as values: however writes cross, all replicas end with the same, and no lost write goes unreported.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use bytes::Bytes;
use devts_nodes::{Applied, Clock, Limits, Store, Version, Write, WriteError};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const KEYS: [&str; 3] = ["a", "a/b", "c"];

/// One replica with its clock, and what it really knows of: the writes it got, and per key all that their
/// writers knew of.
struct Replica {
    store: Store,
    clock: Clock,
    node: u64,
    knows: BTreeSet<(String, Version)>,
}

#[derive(Default)]
struct History {
    /// Per origin, in the order of emission.
    emitted: Vec<Vec<Write>>,
    /// What the writer of each really knew of that key.
    knew: BTreeMap<(String, Version), BTreeSet<(String, Version)>>,
    /// (winner, loser) of each report.
    reported: Vec<((String, Version), (String, Version))>,
}

impl History {
    fn note(&mut self, applied: Applied) {
        if let Some(lost) = applied.lost {
            self.reported
                .push(((lost.key.clone(), lost.winner.version), (lost.key.clone(), lost.loser.version)));
        }
    }
}

impl Replica {
    fn new(node: u64) -> Replica {
        Replica {
            store: Store::new(Limits::default()),
            clock: Clock::new(Duration::from_secs(60)),
            node,
            knows: BTreeSet::new(),
        }
    }

    fn write(&mut self, key: &str, value: Option<u8>, wall: Duration, history: &mut History) {
        let version = Version { stamp: self.clock.tick(wall), node: self.node };
        let value = value.map(|byte| Bytes::from(vec![byte]));
        let writes = self.store.prepare(version, [(key.to_owned(), value)]).unwrap();
        let id = (key.to_owned(), version);
        let of_this_key = self.knows.iter().filter(|known| known.0 == key).cloned().collect();
        history.knew.insert(id.clone(), of_this_key);
        self.knows.insert(id);
        for write in writes {
            history.emitted[self.node as usize].push(write.clone());
            let applied = self.store.apply(write).unwrap();
            assert_eq!(applied.lost, None, "a write of one's own loses to nothing and has seen everything");
            assert_eq!(self.store.get(key), applied.change.and_then(|change| change.value).as_ref());
        }
    }

    fn receive(&mut self, write: Write, wall: Duration, history: &mut History) {
        self.clock.observe(write.entry.version.stamp, wall).unwrap();
        let id = (write.key.clone(), write.entry.version);
        self.knows.extend(history.knew[&id].iter().cloned());
        self.knows.insert(id);
        history.note(self.store.apply(write).unwrap());
    }
}

#[derive(Clone, Debug)]
enum Step {
    Write { at: usize, key: usize, value: Option<u8>, millis: u64 },
    Receive { at: usize, from: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let write = (0..4usize, 0..KEYS.len(), any::<Option<u8>>(), 0..3u64)
        .prop_map(|(at, key, value, millis)| Step::Write { at, key, value, millis });
    let receive = (0..4usize, 0..4usize).prop_map(|(at, from)| Step::Receive { at, from });
    prop::collection::vec(prop_oneof![write, receive], 0..60)
}

/// Plays the steps, delivers what is left over, and gives the replicas.
fn play(steps: Vec<Step>) -> (Vec<Replica>, History) {
    let mut replicas: Vec<Replica> = (0..4).map(Replica::new).collect();
    let mut history = History { emitted: vec![Vec::new(); 4], ..History::default() };
    let mut taken = [[0; 4]; 4];
    let mut receive = |replicas: &mut Vec<Replica>, history: &mut History, at: usize, from: usize| {
        let next = history.emitted[from].get(taken[at][from]).cloned();
        let wrote = next.is_some() && at != from;
        if let Some(write) = next.filter(|_| wrote) {
            taken[at][from] += 1;
            replicas[at].receive(write, Duration::ZERO, history);
        }
        wrote
    };
    for step in steps {
        match step {
            Step::Write { at, key, value, millis } => {
                replicas[at].write(KEYS[key], value, Duration::from_millis(millis), &mut history);
            }
            Step::Receive { at, from } => {
                receive(&mut replicas, &mut history, at, from);
            }
        }
    }
    for at in 0..4 {
        for from in 0..4 {
            while receive(&mut replicas, &mut history, at, from) {}
        }
    }
    (replicas, history)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn e61_same_winner_everywhere(steps in steps()) {
        let (replicas, history) = play(steps);
        for replica in &replicas[1..] {
            prop_assert_eq!(&replica.store, &replicas[0].store);
            prop_assert_eq!(replica.store.digest(), replicas[0].store.digest());
        }
        let reported: BTreeSet<_> = history.reported.iter().map(|(_, loser)| loser.clone()).collect();
        let overwritten: BTreeSet<_> = history.knew.values().flatten().cloned().collect();
        for write in history.knew.keys() {
            let stands = replicas[0].store.entry(&write.0).unwrap().version == write.1;
            prop_assert!(
                stands || overwritten.contains(write) || reported.contains(write),
                "{write:?} was lost and nobody was told"
            );
        }
        for (winner, loser) in &history.reported {
            prop_assert!(!history.knew[winner].contains(loser), "{winner:?} overwrote {loser:?} on purpose");
        }
    }

    #[test]
    fn merge_is_commutative_associative_and_idempotent(steps in steps(), cut in 0..60usize) {
        // Replicas in the middle of things: `cut` steps, nothing delivered afterwards.
        let stores = unsettled(steps, cut);
        let [a, b, c] = [&stores[0], &stores[1], &stores[2]];
        let left = merged(&merged(a, b), c);
        prop_assert_eq!(&left, &merged(a, &merged(b, c)));
        prop_assert_eq!(&left, &merged(&merged(c, b), a));
        prop_assert_eq!(&merged(&left, a), &left);
        prop_assert_eq!(&merged(a, a), a);
        prop_assert_eq!(left.digest(), merged(c, &merged(a, b)).digest());
    }

    /// The running totals are what counting anew gives.
    #[test]
    fn totals_are_right(steps in steps()) {
        let (replicas, _) = play(steps);
        for replica in replicas {
            let mut anew = Store::new(Limits::default());
            anew.merge(replica.store.snapshot(), |_| {}).unwrap();
            prop_assert_eq!(&anew, &replica.store);
            let bytes = replica.store.snapshot().writes().map(|(key, entry)| key.len() + entry.len()).sum::<usize>();
            prop_assert_eq!(replica.store.bytes(), bytes);
        }
    }
}

fn unsettled(steps: Vec<Step>, cut: usize) -> Vec<Store> {
    let mut replicas: Vec<Replica> = (0..4).map(Replica::new).collect();
    let mut history = History { emitted: vec![Vec::new(); 4], ..History::default() };
    for step in steps.into_iter().take(cut) {
        match step {
            Step::Write { at, key, value, millis } => {
                replicas[at].write(KEYS[key], value, Duration::from_millis(millis), &mut history);
            }
            Step::Receive { at, from } => {
                if let Some(write) = history.emitted[from].last().cloned().filter(|_| at != from) {
                    replicas[at].receive(write, Duration::ZERO, &mut history);
                }
            }
        }
    }
    replicas.into_iter().map(|replica| replica.store).collect()
}

fn merged(into: &Store, from: &Store) -> Store {
    let mut store = into.clone();
    store.merge(from.snapshot(), |_| {}).unwrap();
    store
}

fn version(stamp_millis: u64, node: u64) -> Version {
    let mut clock = Clock::new(Duration::from_secs(60));
    Version { stamp: clock.tick(Duration::from_millis(stamp_millis)), node }
}

fn put(store: &mut Store, at: Version, key: &str, value: &[u8]) -> Result<Applied, WriteError> {
    let value = Some(Bytes::copy_from_slice(value));
    let writes = store.prepare(at, [(key.to_owned(), value)])?;
    let mut last = Applied::default();
    for write in writes {
        last = store.apply(write)?;
    }
    Ok(last)
}

#[test]
fn a_concurrent_write_is_reported_on_the_side_that_sees_both() {
    let (mut one, mut two) = (Store::default(), Store::default());
    put(&mut one, version(5, 1), "k", b"one").unwrap();
    put(&mut two, version(5, 2), "k", b"two").unwrap();
    let mut reports = Vec::new();
    let snapshot = one.snapshot();
    one.merge(two.snapshot(), |applied| reports.extend(applied.lost)).unwrap();
    two.merge(snapshot, |applied| reports.extend(applied.lost)).unwrap();
    assert_eq!(one, two);
    assert_eq!(reports.len(), 2, "both sides saw both");
    for lost in reports {
        assert_eq!((lost.winner.version.node, lost.loser.version.node), (2, 1));
    }
}

#[test]
fn a_write_that_saw_the_other_wins_and_nothing_is_lost() {
    let mut store = Store::default();
    put(&mut store, version(5, 2), "k", b"first").unwrap();
    let applied = put(&mut store, version(6, 1), "k", b"second").unwrap();
    assert_eq!(applied.lost, None);
    assert_eq!(store.get("k").unwrap(), &b"second"[..]);
}

#[test]
fn two_processes_that_write_as_one_node_agree_and_are_told() {
    let (mut one, mut two) = (Store::default(), Store::default());
    put(&mut one, version(5, 1), "k", b"x").unwrap();
    put(&mut two, version(5, 1), "k", b"y").unwrap();
    let mut reports = 0;
    let snapshot = one.snapshot();
    one.merge(two.snapshot(), |applied| reports += usize::from(applied.lost.is_some())).unwrap();
    two.merge(snapshot, |applied| reports += usize::from(applied.lost.is_some())).unwrap();
    assert_eq!(one.get("k"), two.get("k"));
    assert!(reports > 0);
}

#[test]
fn a_delete_hides_the_key_and_older_values_stay_hidden() {
    let mut store = Store::default();
    put(&mut store, version(5, 1), "k", b"v").unwrap();
    let old = store.snapshot();
    let delete = store.prepare(version(6, 1), [("k".to_owned(), None)]).unwrap().remove(0);
    assert_eq!(store.apply(delete).unwrap().change.unwrap().value, None);
    store.merge(old, |applied| assert_eq!(applied, Applied::default())).unwrap();
    assert_eq!(store.get("k"), None);
    assert_eq!(store.scan("").count(), 0);
    assert_eq!(store.entries(), 1);
}

#[test]
fn scan_gives_a_prefix_in_order() {
    let mut store = Store::default();
    for (at, key) in ["b", "a/2", "a/1", "a", "a0"].into_iter().enumerate() {
        put(&mut store, version(at as u64, 1), key, key.as_bytes()).unwrap();
    }
    let keys = |prefix| store.scan(prefix).map(|(key, _)| key.to_owned()).collect::<Vec<_>>();
    assert_eq!(keys("a/"), ["a/1", "a/2"]);
    assert_eq!(keys(""), ["a", "a/1", "a/2", "a0", "b"]);
    assert!(keys("c").is_empty());
}

#[test]
fn limits_refuse_and_change_nothing() {
    let mut store = Store::new(Limits { entries: 2, bytes: 20 });
    put(&mut store, version(1, 1), "a", b"123456789").unwrap();
    put(&mut store, version(2, 1), "b", b"123456789").unwrap();
    let before = store.clone();
    assert!(matches!(put(&mut store, version(3, 1), "c", b""), Err(WriteError::Full { .. })));
    assert!(matches!(put(&mut store, version(3, 1), "a", b"1234567890"), Err(WriteError::Full { .. })));
    let long_key = "k".repeat(1025);
    assert_eq!(put(&mut store, version(3, 1), &long_key, b""), Err(WriteError::KeyTooLong { len: 1025 }));
    let long_value = vec![0; (1 << 20) + 1];
    assert_eq!(
        put(&mut store, version(3, 1), "a", &long_value),
        Err(WriteError::ValueTooLong { len: (1 << 20) + 1 })
    );
    assert_eq!(store, before);
    // What shrinks is taken also at the limit, and makes room.
    put(&mut store, version(4, 1), "a", b"1").unwrap();
    put(&mut store, version(5, 1), "b", b"1234567890").unwrap();
}

#[test]
fn what_others_accepted_is_taken_beyond_the_limits() {
    let mut theirs = Store::default();
    put(&mut theirs, version(1, 1), "a", b"1").unwrap();
    put(&mut theirs, version(2, 1), "b", b"2").unwrap();
    let mut ours = Store::new(Limits { entries: 1, bytes: 2 });
    ours.merge(theirs.snapshot(), |_| {}).unwrap();
    assert_eq!(ours.digest(), theirs.digest());
    // Over its limits it still lets go.
    let delete = ours.prepare(version(3, 2), [("a".to_owned(), None)]).unwrap();
    assert_eq!(delete.len(), 1);
}

#[test]
fn a_batch_is_accepted_whole_or_not_at_all() {
    let store = Store::new(Limits { entries: 2, bytes: 100 });
    let value = |byte: u8| Some(Bytes::from(vec![byte]));
    let three = ["a", "b", "c"].map(|key| (key.to_owned(), value(1)));
    assert!(matches!(store.prepare(version(1, 1), three), Err(WriteError::Full { .. })));
    let twice = [("a".to_owned(), value(1)), ("a".to_owned(), value(2))];
    let writes = store.prepare(version(1, 1), twice).unwrap();
    assert_eq!(writes.len(), 1);
    assert_eq!(writes[0].entry.value, value(2));
}

#[test]
fn what_a_peer_says_it_saw_is_bounded() {
    let versions: Vec<Version> = (0..1000).map(|node| version(node, node)).collect();
    let saw = devts_nodes::Saw::from(versions);
    assert!(saw.covers(version(999, 999)));
    assert!(!saw.covers(version(1, 1)));
    assert_eq!(
        saw,
        devts_nodes::Saw::from((0..1000).rev().map(|node| version(node, node)).collect::<Vec<_>>())
    );
}
