//! The content of one file: what the kernel's cache shows, what is durable, and the changes between them. Knows neither
//! names nor limits.

use super::Loss;
use crate::Rng;

const SECTOR: usize = 512;

/// So much unsynced is written back by the kernel itself. It also bounds what is kept here.
const WRITE_BACK: usize = 8 << 20;

#[derive(Default)]
pub(super) struct Content {
    /// What reads see.
    cache: Vec<u8>,
    /// What a power loss cannot take.
    durable: Vec<u8>,
    /// What `cache` was before `changes`, where that was not `durable`: after a failed sync only.
    base: Option<Vec<u8>>,
    changes: Vec<Change>,
    unsynced: usize,
}

enum Change {
    /// `clean`: a sync of it has failed, and none will be tried again.
    Write {
        offset: usize,
        bytes: Vec<u8>,
        clean: bool,
    },
    SetLen(usize),
}

/// What becomes of one write.
enum Fate {
    Lost,
    Kept,
    /// Only so many sectors from its start.
    Prefix(usize),
    /// The file is as long as it says, and any of its sectors are there.
    Scattered(Rng),
    /// The file is as long as it says.
    LengthOnly,
}

impl Content {
    pub(super) fn len(&self) -> u64 {
        self.cache.len() as u64
    }

    pub(super) fn read(&self, offset: u64, out: &mut [u8]) -> usize {
        let start = (offset.min(self.len())) as usize;
        let count = out.len().min(self.cache.len() - start);
        out[..count].copy_from_slice(&self.cache[start..start + count]);
        count
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let offset = offset as usize;
        put(&mut self.cache, offset, bytes);
        self.changes.push(Change::Write { offset, bytes: bytes.to_vec(), clean: false });
        self.unsynced += bytes.len();
        if self.unsynced > WRITE_BACK {
            self.sync();
        }
    }

    pub(super) fn set_len(&mut self, len: u64) {
        let len = len as usize;
        if len != self.cache.len() {
            self.cache.resize(len, 0);
            self.changes.push(Change::SetLen(len));
        }
    }

    /// A sync failed: what was to be written is clean from now on, durable or not.
    pub(super) fn drop_changes(&mut self) {
        for change in &mut self.changes {
            if let Change::Write { clean, .. } = change {
                *clean = true;
            }
        }
    }

    pub(super) fn sync(&mut self) {
        let dropped = self.changes.iter().any(|change| matches!(change, Change::Write { clean: true, .. }));
        if dropped || self.base.is_some() {
            self.durable =
                self.replay(|clean, _| if clean { Fate::LengthOnly } else { Fate::Kept }, |_| true).0;
            self.base = Some(self.cache.clone());
        } else {
            self.take_over();
        }
        self.changes.clear();
        self.unsynced = 0;
    }

    /// Everything is kept: the changed bytes are the cost, not the file.
    fn take_over(&mut self) {
        for change in &self.changes {
            match change {
                Change::Write { offset, bytes, .. } => put(&mut self.durable, *offset, bytes),
                Change::SetLen(len) => self.durable.resize(*len, 0),
            }
        }
    }

    /// Leaves what a power loss leaves, and says how many written bytes that cost.
    pub(super) fn crash(&mut self, loss: Loss, rng: &mut Rng) -> u64 {
        let mut dice = rng.fork();
        let mut coin = rng.fork();
        let (found, lost) = self.replay(
            |_, sectors| Fate::draw(loss, sectors, &mut dice),
            |_| match loss {
                Loss::Everything => false,
                Loss::Nothing => true,
                Loss::Some => coin.percent(50),
            },
        );
        *self = Content { cache: found.clone(), durable: found, ..Content::default() };
        lost
    }

    /// Makes the changes again, each as its fate has it: gives what would be found, and the bytes that would be missing.
    fn replay(
        &self,
        mut fate: impl FnMut(bool, usize) -> Fate,
        mut keeps_len: impl FnMut(usize) -> bool,
    ) -> (Vec<u8>, u64) {
        let cache = self.base.as_ref().unwrap_or(&self.durable).clone();
        let mut replay = Replay { cache, found: self.durable.clone(), lost: 0, cut: false };
        for change in &self.changes {
            match change {
                Change::Write { bytes, .. } if replay.cut => replay.lost += bytes.len() as u64,
                Change::Write { offset, bytes, clean } => {
                    let sectors = (offset + bytes.len()).div_ceil(SECTOR) - offset / SECTOR;
                    replay.write(*offset, bytes, fate(*clean, sectors));
                }
                Change::SetLen(_) if replay.cut => {}
                Change::SetLen(len) => replay.set_len(*len, keeps_len(*len)),
            }
        }
        (replay.found, replay.lost)
    }
}

/// The cache as it went, and beside it the disk as it would be found. The cache is never the shorter one.
struct Replay {
    cache: Vec<u8>,
    found: Vec<u8>,
    lost: u64,
    /// A cut of the length was lost, and what came after it with it.
    cut: bool,
}

impl Replay {
    fn write(&mut self, offset: usize, bytes: &[u8], mut fate: Fate) {
        put(&mut self.cache, offset, bytes);
        let (first, end) = (offset / SECTOR, offset + bytes.len());
        if fate.keeps_len() && end > self.found.len() {
            self.found.resize(self.cache.len(), 0);
        }
        for sector in first..end.div_ceil(SECTOR) {
            let (start, stop) = (sector * SECTOR, (sector + 1) * SECTOR);
            if fate.keeps(sector - first) {
                self.keep(start, stop.min(self.cache.len()));
            } else {
                self.lost += (stop.min(end) - start.max(offset)) as u64;
            }
        }
    }

    /// This sector is found as the cache has it now; the file is at least as long as that takes.
    fn keep(&mut self, start: usize, stop: usize) {
        self.found.resize(stop.max(self.found.len()), 0);
        self.found[start..stop].copy_from_slice(&self.cache[start..stop]);
    }

    fn set_len(&mut self, len: usize, kept: bool) {
        let shortens = len < self.cache.len();
        self.cache.resize(len, 0);
        match (kept, shortens) {
            (true, true) => self.found.truncate(len),
            (true, false) => self.found.resize(len, 0),
            (false, shortens) => self.cut = shortens,
        }
    }
}

impl Fate {
    fn draw(loss: Loss, sectors: usize, rng: &mut Rng) -> Fate {
        match (loss, rng.below(10)) {
            (Loss::Everything, _) | (Loss::Some, 0..3) => Fate::Lost,
            (Loss::Nothing, _) | (Loss::Some, 3..6) => Fate::Kept,
            (Loss::Some, 6..8) => Fate::Prefix(rng.below(sectors as u64) as usize),
            (Loss::Some, 8) => Fate::Scattered(rng.fork()),
            (Loss::Some, _) => Fate::LengthOnly,
        }
    }

    /// Whether the file is found as long as this write made it, whatever is in it.
    fn keeps_len(&self) -> bool {
        matches!(self, Fate::Kept | Fate::Scattered(_) | Fate::LengthOnly)
    }

    /// Whether it keeps this one of its sectors.
    fn keeps(&mut self, sector: usize) -> bool {
        match self {
            Fate::Lost | Fate::LengthOnly => false,
            Fate::Kept => true,
            Fate::Prefix(sectors) => sector < *sectors,
            Fate::Scattered(rng) => rng.percent(50),
        }
    }
}

fn put(into: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if into.len() < end {
        into.resize(end, 0);
    }
    into[offset..end].copy_from_slice(bytes);
}
