//! What a disk promises, one test a promise; and the promises of the power-loss model against any sequence of changes.

use super::*;
use crate::Rng;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::io::ErrorKind;

fn read(disk: &Disk, name: &str) -> Vec<u8> {
    let file = disk.open(name).unwrap();
    let mut bytes = vec![0; file.len().unwrap() as usize];
    file.read_exact_at(0, &mut bytes).unwrap();
    bytes
}

/// What is left of a disk, over many crashes of equal disks.
fn outcomes<T: Ord>(make: impl Fn(&Disk), see: impl Fn(&Disk) -> T) -> BTreeSet<T> {
    let crashed = |seed| {
        let disk = Disk::new();
        make(&disk);
        disk.crash(&mut Rng::new(seed));
        see(&disk)
    };
    (0..400).map(crashed).collect()
}

#[test]
fn reads_and_writes_like_a_file() {
    let disk = Disk::new();
    let file = disk.open("a").unwrap();
    file.write_at(3, b"xyz").unwrap();
    assert_eq!(file.append(b"!").unwrap(), 6);
    assert_eq!(read(&disk, "a"), b"\0\0\0xyz!");
    file.set_len(4).unwrap();
    file.set_len(6).unwrap();
    assert_eq!(read(&disk, "a"), b"\0\0\0x\0\0");
    let mut out = [9; 4];
    assert_eq!(file.read_at(4, &mut out).unwrap(), 2);
    assert_eq!(file.read_at(100, &mut out).unwrap(), 0);
    assert_eq!(file.read_exact_at(4, &mut out).unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn names_are_kept_moved_and_removed() {
    let disk = Disk::new();
    disk.open("b").unwrap().append(b"b").unwrap();
    let open = disk.open("a").unwrap();
    open.append(b"a").unwrap();
    disk.rename("b", "a").unwrap();
    assert_eq!(disk.list(), ["a"]);
    assert_eq!(read(&disk, "a"), b"b");
    assert_eq!(open.len().unwrap(), 1, "who has it open goes on");
    disk.remove("a").unwrap();
    assert!(!disk.exists("a"));
    assert_eq!(disk.remove("a").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(disk.rename("a", "b").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(disk.open("").unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn full_means_that_nothing_grows() {
    let disk = Disk::new();
    let file = disk.open("a").unwrap();
    file.append(&[1; 100]).unwrap();
    disk.set_full(true);
    assert_eq!(file.append(&[2; 10]).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(file.set_len(101).unwrap_err().kind(), ErrorKind::StorageFull);
    file.write_at(50, &[3; 50]).unwrap();
    assert_eq!(file.write_at(90, &[4; 20]).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(file.len().unwrap(), 100);
    assert_eq!(read(&disk, "a")[89..92], [3, 4, 4], "what fitted has been written");
    file.sync().unwrap();
    disk.set_full(false);
    file.append(&[2; 10]).unwrap();
}

#[test]
fn capacity_is_in_bytes_and_removing_makes_room() {
    let disk = Disk::new();
    disk.set_capacity(Some(100));
    disk.open("a").unwrap().append(&[1; 80]).unwrap();
    let file = disk.open("b").unwrap();
    assert_eq!(file.append(&[1; 40]).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!((file.len().unwrap(), disk.used()), (20, 100));
    disk.remove("a").unwrap();
    file.append(&[1; 40]).unwrap();
    assert_eq!(disk.used(), 60);
}

#[test]
fn a_stray_offset_is_refused() {
    let file = Disk::new().open("a").unwrap();
    assert_eq!(file.write_at(u64::MAX, b"x").unwrap_err().kind(), ErrorKind::FileTooLarge);
    assert_eq!(file.set_len(1 << 40).unwrap_err().kind(), ErrorKind::FileTooLarge);
}

#[test]
fn a_killed_process_loses_nothing_but_its_handles() {
    let disk = Disk::new();
    let file = disk.open("a").unwrap();
    file.append(b"unsynced").unwrap();
    disk.detach();
    assert_eq!(file.append(b"from the dead").unwrap_err().kind(), ErrorKind::NotConnected);
    assert_eq!(file.sync().unwrap_err().kind(), ErrorKind::NotConnected);
    drop(file);
    assert_eq!(read(&disk, "a"), b"unsynced");
}

#[test]
fn an_unsynced_append_is_lost_kept_or_zeros() {
    let left = outcomes(
        |disk| {
            let file = disk.open("a").unwrap();
            file.append(b"old").unwrap();
            file.sync().unwrap();
            file.append(b"new").unwrap();
        },
        |disk| read(disk, "a"),
    );
    assert_eq!(left, BTreeSet::from([b"old".to_vec(), b"oldnew".to_vec(), b"old\0\0\0".to_vec()]));
}

#[test]
fn an_unsynced_large_write_is_torn_between_sectors_only() {
    let sectors = outcomes(
        |disk| {
            let file = disk.open("a").unwrap();
            file.write_at(0, &[1; 2048]).unwrap();
            file.sync().unwrap();
            file.write_at(0, &[2; 2048]).unwrap();
        },
        |disk| {
            let bytes = read(disk, "a");
            let sectors = bytes.chunks(512);
            assert!(sectors.clone().all(|sector| sector.iter().all(|byte| *byte == sector[0])));
            sectors.map(|sector| sector[0]).collect::<Vec<u8>>()
        },
    );
    for torn in [[1, 1, 1, 1], [2, 2, 2, 2], [2, 1, 1, 1], [2, 2, 2, 1], [1, 1, 1, 2], [1, 2, 1, 2]] {
        assert!(sectors.contains(torn.as_slice()), "{torn:?} is not among {sectors:?}");
    }
    assert!(sectors.iter().flatten().all(|byte| [1, 2].contains(byte)));
}

#[test]
fn a_sector_has_no_later_bytes_without_its_earlier_ones() {
    let left = outcomes(
        |disk| {
            let file = disk.open("a").unwrap();
            file.write_at(0, b"..").unwrap();
            file.sync().unwrap();
            file.write_at(0, b"1").unwrap();
            file.write_at(1, b"2").unwrap();
        },
        |disk| read(disk, "a"),
    );
    assert_eq!(left, BTreeSet::from([b"..".to_vec(), b"1.".to_vec(), b"12".to_vec()]));
}

#[test]
fn a_rename_before_a_sync_may_leave_an_empty_file() {
    let replace = |disk: &Disk, sync: bool| {
        let current = disk.open("current").unwrap();
        current.append(b"old").unwrap();
        current.sync().unwrap();
        let fresh = disk.open("fresh").unwrap();
        fresh.append(b"new").unwrap();
        if sync {
            fresh.sync().unwrap();
        }
        disk.rename("fresh", "current").unwrap();
    };
    let careless = outcomes(|disk| replace(disk, false), |disk| read(disk, "current"));
    assert!(careless.contains(b"".as_slice()) || careless.contains(b"\0\0\0".as_slice()), "{careless:?}");
    let careful = outcomes(|disk| replace(disk, true), |disk| read(disk, "current"));
    assert_eq!(careful, BTreeSet::from([b"old".to_vec(), b"new".to_vec()]));
}

#[test]
fn names_are_durable_after_a_sync_of_the_file_or_of_the_names() {
    let both = BTreeSet::from([vec![], vec!["a".to_owned()]]);
    let create = |disk: &Disk| drop(disk.open("a").unwrap());
    assert_eq!(outcomes(create, Disk::list), both);
    let synced = |disk: &Disk| disk.open("a").unwrap().sync().unwrap();
    assert_eq!(outcomes(synced, Disk::list), BTreeSet::from([vec!["a".to_owned()]]));
    let removed = |disk: &Disk| {
        synced(disk);
        disk.remove("a").unwrap();
    };
    assert_eq!(outcomes(removed, Disk::list), both);
    let surely_removed = |disk: &Disk| {
        removed(disk);
        disk.sync().unwrap();
    };
    assert_eq!(outcomes(surely_removed, Disk::list), BTreeSet::from([vec![]]));
}

#[test]
fn a_failed_sync_is_not_mended_by_a_later_one() {
    let left = outcomes(
        |disk| {
            let file = disk.open("a").unwrap();
            file.append(b"old").unwrap();
            file.sync().unwrap();
            file.append(b"new").unwrap();
            disk.fail_next_sync();
            assert_eq!(file.sync().unwrap_err().raw_os_error(), Some(5));
            file.sync().unwrap();
            assert_eq!(read(disk, "a"), b"oldnew", "the cache still has it");
            file.write_at(600, b"later").unwrap();
            file.sync().unwrap();
        },
        |disk| read(disk, "a")[..6].to_vec(),
    );
    assert_eq!(left, BTreeSet::from([b"old\0\0\0".to_vec()]));
}

#[test]
fn counts_what_it_did() {
    let disk = Disk::new();
    let file = disk.open("a").unwrap();
    file.append(b"old").unwrap();
    file.sync().unwrap();
    file.append(b"new").unwrap();
    disk.fail_next_sync();
    file.sync().unwrap_err();
    let seed = (0..).find(|seed| Rng::new(*seed).below(4) == 0).unwrap();
    disk.crash(&mut Rng::new(seed));
    let counts = DiskCounts { writes: 2, syncs: 1, failed_syncs: 1, lost_bytes: 3, crashes: 1 };
    assert_eq!(disk.counts(), counts);
}

#[test]
fn what_nobody_can_reach_is_forgotten() {
    let disk = Disk::new();
    for round in 0..1000 {
        let name = format!("segment {round}");
        let file = disk.open(&name).unwrap();
        file.append(&[0; 100]).unwrap();
        file.sync().unwrap();
        disk.remove(&name).unwrap();
    }
    assert!(disk.lock().files.len() < 100);
}

// ---- any sequence of changes -----------------------------------------------------------------------------------

#[derive(Clone, Debug)]
enum Step {
    Write { file: usize, offset: usize, len: usize },
    SetLen { file: usize, len: usize },
    Sync { file: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..2usize, 0..3000usize, 1..1500usize).prop_map(|(file, offset, len)| Step::Write { file, offset, len }),
        1 => (0..2usize, 0..4000usize).prop_map(|(file, len)| Step::SetLen { file, len }),
        2 => (0..2usize).prop_map(|file| Step::Sync { file }),
    ]
}

/// What a file may be found as: which of its bytes must be there, and which versions each sector has had since its sync.
#[derive(Default)]
struct Expected {
    cache: Vec<u8>,
    /// Synced and not touched since.
    sure: Vec<Option<u8>>,
    synced: bool,
    versions: Vec<BTreeSet<Vec<u8>>>,
}

impl Expected {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        content_put(&mut self.cache, offset, bytes);
        for at in (offset..offset + bytes.len()).filter(|at| *at < self.sure.len()).collect::<Vec<_>>() {
            self.sure[at] = None;
        }
        self.see();
    }

    fn set_len(&mut self, len: usize) {
        self.cache.resize(len, 0);
        self.sure.truncate(len);
        for (sector, versions) in self.versions.iter_mut().enumerate() {
            let cut = |version: &Vec<u8>| {
                let mut version = version.clone();
                version.iter_mut().skip(len.saturating_sub(sector * 512)).for_each(|byte| *byte = 0);
                version
            };
            versions.extend(versions.iter().map(cut).collect::<Vec<_>>());
        }
        self.see();
    }

    fn sync(&mut self) {
        self.synced = true;
        self.sure = self.cache.iter().copied().map(Some).collect();
        self.versions = vec![BTreeSet::new(); self.versions.len()];
        self.see();
    }

    /// Each sector as the cache has it now, zeros where it has nothing.
    fn see(&mut self) {
        self.versions.resize(16, BTreeSet::from([vec![0; 512]]));
        for (sector, versions) in self.versions.iter_mut().enumerate() {
            let mut version: Vec<u8> = self.cache.iter().skip(sector * 512).take(512).copied().collect();
            version.resize(512, 0);
            versions.insert(version);
        }
    }

    fn judge(&self, found: Option<Vec<u8>>) {
        assert!(found.is_some() || !self.synced, "a synced file is gone");
        let found = found.unwrap_or_default();
        for (at, sure) in self.sure.iter().enumerate().filter_map(|(at, byte)| Some((at, (*byte)?))) {
            assert_eq!(found.get(at), Some(&sure), "byte {at} was synced");
        }
        for (sector, bytes) in found.chunks(512).enumerate() {
            let mut bytes = bytes.to_vec();
            bytes.resize(512, 0);
            assert!(self.versions[sector].contains(&bytes), "sector {sector} is none of what it ever was");
        }
    }
}

fn content_put(into: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    into.resize(into.len().max(offset + bytes.len()), 0);
    into[offset..offset + bytes.len()].copy_from_slice(bytes);
}

/// Runs the steps, crashes, and gives what is found of both files.
fn run(steps: &[Step], seed: u64) -> ([Expected; 2], [Option<Vec<u8>>; 2]) {
    let disk = Disk::new();
    let files = ["a", "b"].map(|name| disk.open(name).unwrap());
    let mut expected = [Expected::default(), Expected::default()];
    expected.iter_mut().for_each(Expected::see);
    for (round, step) in steps.iter().enumerate() {
        match *step {
            Step::Write { file, offset, len } => {
                let bytes = vec![round as u8 + 1; len];
                files[file].write_at(offset as u64, &bytes).unwrap();
                expected[file].write(offset, &bytes);
            }
            Step::SetLen { file, len } => {
                files[file].set_len(len as u64).unwrap();
                expected[file].set_len(len);
            }
            Step::Sync { file } => {
                files[file].sync().unwrap();
                expected[file].sync();
            }
        }
    }
    disk.crash(&mut Rng::new(seed));
    (expected, ["a", "b"].map(|name| disk.exists(name).then(|| read(&disk, name))))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn synced_bytes_survive_and_every_sector_is_old_new_or_zeros(
        steps in prop::collection::vec(step(), 1..25),
        seed: u64,
    ) {
        let (expected, found) = run(&steps, seed);
        let again = run(&steps, seed).1;
        prop_assert_eq!(&found, &again, "one seed, one outcome");
        expected.iter().zip(found).for_each(|(expected, found)| expected.judge(found));
    }
}
