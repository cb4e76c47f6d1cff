//! The disk of one simulated machine: named files, and what becomes of them when it is full, when a sync fails, and when
//! the power goes. Knows no machine and no process; whoever owns both says when they end.

mod content;
mod file;
mod names;
#[cfg(test)]
mod tests;

use crate::Rng;
use content::Content;
pub use file::File;
use names::Names;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The longest a file may become: a stray offset is refused instead of filling the memory of the test.
const LONGEST_FILE: u64 = 1 << 30;

/// What a power loss does, by and large: real ones often lose all or nothing, and mixtures find the rarer mistakes.
#[derive(Clone, Copy)]
enum Loss {
    Everything,
    Nothing,
    Some,
}

/// The disk of one machine. Clones are the same disk. Calls are synchronous, as those of `std::fs` are.
///
/// ```
/// use devts_sim::{Disk, Rng};
///
/// let disk = Disk::new();
/// let log = disk.open("log")?;
/// log.append(b"first")?;
/// log.sync()?;
/// log.append(b"second")?; // not synced
/// disk.crash(&mut Rng::new(7));
///
/// let log = disk.open("log")?;
/// let mut first = [0; 5];
/// log.read_exact_at(0, &mut first)?;
/// assert_eq!(&first, b"first");
/// assert!(log.len()? == 5 || log.len()? == 11); // and no promise what the six bytes are
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # What survives
///
/// A process that is killed loses nothing, for the kernel lives: [`Disk::detach`]. A machine that loses its power keeps
/// what was synced, and of the rest whatever [`Disk::crash`] leaves. The model is that of ALICE (Pillai et al., "All File
/// Systems Are Not Created Equal", OSDI 2014): a file system may make each operation durable late, in pieces, and in
/// another order than it was asked for.
///
/// - The unit is the *sector* of 512 bytes, written whole or not at all, as it stood in the kernel's cache at some moment
///   since the last sync. So a sector that was rewritten twice is found old, half-way or new; never with its later bytes
///   and without its earlier ones.
/// - Each unsynced write is lost, kept, or torn: a prefix of its sectors, or any of them.
/// - Bytes that a file gained may be durable in length only; they then read as zeros. Bytes that were synced are never
///   zeroed, also while they are overwritten.
/// - A `set_len` that shortens orders what comes after it: if it is lost, so is every later change of that file.
/// - Creating, renaming and removing are durable after [`File::sync`] of the file, or [`Disk::sync`]; until then each is
///   lost or kept, whatever happened to the content, though never before an earlier one of the same name. A rename is
///   never half done.
/// - After a sync that *failed*, what was to be written counts as clean (as Linux does it): it can still be read, and a
///   later sync that succeeds does not make it durable. Who goes on as if it had been retried loses data.
/// - More than 8 MiB of unsynced writes of one file, or 64 changes of names, are made durable by the kernel itself.
#[derive(Clone, Default)]
pub struct Disk {
    state: Arc<Mutex<State>>,
}

/// What a disk has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskCounts {
    /// Writes that were accepted.
    pub writes: u64,
    /// Syncs that succeeded, of files and of the names.
    pub syncs: u64,
    /// Syncs that failed.
    pub failed_syncs: u64,
    /// Bytes that were written, not synced, and lost with the power.
    pub lost_bytes: u64,
    /// Power losses.
    pub crashes: u64,
}

#[derive(Default)]
struct State {
    names: Names,
    files: BTreeMap<u64, Stored>,
    next_file: u64,
    /// Counts ends of processes: a [`File`] of an earlier one is dead.
    process: u64,
    capacity: Option<u64>,
    /// Where it was full, while it is said to be.
    ceiling: Option<u64>,
    fails_sync: bool,
    counts: DiskCounts,
}

#[derive(Default)]
struct Stored {
    content: Content,
    handles: usize,
}

impl Disk {
    /// An empty disk without a limit.
    pub fn new() -> Disk {
        Disk::default()
    }

    /// Opens a file, and creates it when there is none of this name. A name is any text: there are no directories.
    ///
    /// # Errors
    /// `InvalidInput` when the name is empty.
    pub fn open(&self, name: &str) -> io::Result<File> {
        if name.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a file needs a name"));
        }
        let mut state = self.lock();
        let file = state.names.get(name).unwrap_or_else(|| state.create(name));
        state.stored(file).handles += 1;
        let process = state.process;
        drop(state);
        Ok(File { disk: self.clone(), file, process })
    }

    /// Whether there is a file of this name.
    pub fn exists(&self, name: &str) -> bool {
        self.lock().names.get(name).is_some()
    }

    /// The names of all files, in order.
    pub fn list(&self) -> Vec<String> {
        self.lock().names.list()
    }

    /// Removes a name. Whoever has the file open goes on using it.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.lock();
        if !state.names.remove(name) {
            return Err(not_found(name));
        }
        state.collect();
        Ok(())
    }

    /// Gives a file another name, in place of whatever had it.
    ///
    /// # Errors
    /// `NotFound` when there is no file `from`.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.lock();
        if !state.names.rename(from, to) {
            return Err(not_found(from));
        }
        state.collect();
        Ok(())
    }

    /// Makes all names durable (what a sync of the directory does), but no content.
    ///
    /// # Errors
    /// `EIO` after [`fail_next_sync`](Disk::fail_next_sync).
    pub fn sync(&self) -> io::Result<()> {
        let mut state = self.lock();
        state.may_sync()?;
        state.names.sync_all();
        state.collect();
        Ok(())
    }

    /// How many bytes fit. Writing more fails with `StorageFull`; what fits of such a write is written, as on a real disk.
    /// `None`: no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.lock().capacity = bytes;
    }

    /// Full: no file grows beyond what is used now, until it is told otherwise or something is removed. What is allocated
    /// can still be overwritten.
    pub fn set_full(&self, full: bool) {
        let mut state = self.lock();
        state.ceiling = full.then(|| state.used());
    }

    /// The bytes in use.
    pub fn used(&self) -> u64 {
        self.lock().used()
    }

    /// The next sync fails with `EIO`, and what it was to write is not written by a later one either.
    pub fn fail_next_sync(&self) {
        self.lock().fails_sync = true;
    }

    /// The process ends and the kernel does not: nothing is lost, and every open [`File`] fails from now on. To be called
    /// *before* the process's tasks are dropped, for a killed process runs no destructor that still writes.
    pub fn detach(&self) {
        self.lock().detach();
    }

    /// The power goes: see [`Disk`] for what is left. Every open [`File`] fails from now on.
    pub fn crash(&self, rng: &mut Rng) {
        let mut state = self.lock();
        let loss = match rng.below(4) {
            0 => Loss::Everything,
            1 => Loss::Nothing,
            _ => Loss::Some,
        };
        state.names.crash(loss, rng);
        let lost: u64 = state.files.values_mut().map(|stored| stored.content.crash(loss, rng)).sum();
        state.counts.lost_bytes += lost;
        state.counts.crashes += 1;
        state.detach();
    }

    /// What it has done so far.
    pub fn counts(&self) -> DiskCounts {
        self.lock().counts
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No call leaves the state half changed, so a panic elsewhere is no reason to fail here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Disk").field("files", &state.names.list()).field("used", &state.used()).finish()
    }
}

impl State {
    fn create(&mut self, name: &str) -> u64 {
        let file = self.next_file;
        self.next_file += 1;
        self.files.insert(file, Stored::default());
        self.names.create(name, file);
        file
    }

    fn stored(&mut self, file: u64) -> &mut Stored {
        self.files.get_mut(&file).expect("a file with a name or a handle is kept")
    }

    fn used(&self) -> u64 {
        let counted = self.files.iter().filter(|(file, stored)| stored.handles > 0 || self.names.has(**file));
        counted.map(|(_, stored)| stored.content.len()).sum()
    }

    /// How long a file of this length may become.
    fn longest(&self, len: u64) -> u64 {
        let limit = self.capacity.into_iter().chain(self.ceiling).min();
        limit.map_or(LONGEST_FILE, |limit| len + limit.saturating_sub(self.used()))
    }

    fn write(&mut self, file: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let len = self.stored(file).content.len();
        let end = offset.saturating_add(bytes.len() as u64);
        if end > LONGEST_FILE {
            return Err(too_long());
        }
        let longest = if end > len { self.longest(len) } else { len };
        let fits = longest.saturating_sub(offset).min(bytes.len() as u64);
        self.stored(file).content.write(offset, &bytes[..fits as usize]);
        if fits < bytes.len() as u64 {
            return Err(full());
        }
        self.counts.writes += 1;
        Ok(())
    }

    fn set_len(&mut self, file: u64, len: u64) -> io::Result<()> {
        let before = self.stored(file).content.len();
        if len > LONGEST_FILE {
            return Err(too_long());
        }
        if len > before && len > self.longest(before) {
            return Err(full());
        }
        self.stored(file).content.set_len(len);
        Ok(())
    }

    fn sync(&mut self, file: u64) -> io::Result<()> {
        if let Err(error) = self.may_sync() {
            self.stored(file).content.drop_changes();
            return Err(error);
        }
        self.stored(file).content.sync();
        self.names.sync(file);
        self.collect();
        Ok(())
    }

    fn may_sync(&mut self) -> io::Result<()> {
        const EIO: i32 = 5;
        if std::mem::take(&mut self.fails_sync) {
            self.counts.failed_syncs += 1;
            return Err(io::Error::from_raw_os_error(EIO));
        }
        self.counts.syncs += 1;
        Ok(())
    }

    fn detach(&mut self) {
        self.process += 1;
        self.files.values_mut().for_each(|stored| stored.handles = 0);
        self.collect();
    }

    /// What nobody can reach any more, not even after a power loss, goes.
    fn collect(&mut self) {
        let names = &self.names;
        self.files.retain(|file, stored| stored.handles > 0 || names.may_have(*file));
    }
}

fn not_found(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("no file {name:?}"))
}

fn full() -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, "the disk is full")
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "a simulated file holds at most 1 GiB")
}
