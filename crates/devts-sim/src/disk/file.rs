//! An open file of a simulated disk: what storage asks of one. Knows nothing of what a power loss leaves.

use super::{Disk, State};
use std::fmt;
use std::io;
use std::sync::MutexGuard;

/// An open file. Everything is done at once and in full; nothing is durable before [`sync`](File::sync).
///
/// It has what a storage engine asks of its backend; redb's, for example:
///
/// ```
/// use devts_sim::{Disk, File};
/// use std::io;
///
/// #[derive(Debug)]
/// struct Backend(File);
///
/// impl Backend { // `impl redb::StorageBackend for Backend`
///     fn len(&self) -> io::Result<u64> { self.0.len() }
///     fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> { self.0.read_exact_at(offset, out) }
///     fn set_len(&self, len: u64) -> io::Result<()> { self.0.set_len(len) }
///     fn sync_data(&self) -> io::Result<()> { self.0.sync() }
///     fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> { self.0.write_at(offset, data) }
/// }
///
/// let backend = Backend(Disk::new().open("db")?);
/// backend.set_len(4096)?;
/// backend.write(8, b"page")?;
/// backend.sync_data()?;
/// let mut page = [0; 4];
/// backend.read(8, &mut page)?;
/// assert_eq!((&page, backend.len()?), (b"page", 4096));
/// # Ok::<(), io::Error>(())
/// ```
pub struct File {
    pub(super) disk: Disk,
    pub(super) file: u64,
    /// The process that opened it, by its number.
    pub(super) process: u64,
}

#[expect(clippy::len_without_is_empty, reason = "as std's `Metadata`: a length in bytes, not a collection")]
impl File {
    /// Its length in bytes.
    ///
    /// # Errors
    /// `NotConnected` here and in every other call once the process that opened it is gone: killed, or without power.
    pub fn len(&self) -> io::Result<u64> {
        Ok(self.state()?.stored(self.file).content.len())
    }

    /// Reads from `offset` on, as much as there is: less than asked for only at the end of the file.
    ///
    /// # Errors
    /// See [`len`](File::len).
    pub fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        Ok(self.state()?.stored(self.file).content.read(offset, out))
    }

    /// Reads exactly so many bytes.
    ///
    /// # Errors
    /// `UnexpectedEof` when there are not so many; see also [`len`](File::len).
    pub fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if self.read_at(offset, out)? < out.len() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file ends before"));
        }
        Ok(())
    }

    /// Writes all of it, and lengthens the file where needed; a hole before `offset` reads as zeros and takes room.
    ///
    /// # Errors
    /// `StorageFull`: what fitted has been written. `FileTooLarge`: nothing has; the bound is 1 GiB. See also
    /// [`len`](File::len).
    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.state()?.write(self.file, offset, bytes)
    }

    /// Writes at the end, and says where that was.
    ///
    /// # Errors
    /// As [`write_at`](File::write_at).
    pub fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        let mut state = self.state()?;
        let offset = state.stored(self.file).content.len();
        state.write(self.file, offset, bytes)?;
        Ok(offset)
    }

    /// Cuts the file, or lengthens it by zeros, which take room.
    ///
    /// # Errors
    /// `StorageFull` or `FileTooLarge`: it is as it was. See also [`len`](File::len).
    pub fn set_len(&self, len: u64) -> io::Result<()> {
        self.state()?.set_len(self.file, len)
    }

    /// Makes its content, its length and its name durable.
    ///
    /// # Errors
    /// `EIO` after [`Disk::fail_next_sync`]: what was not yet durable may be lost, and syncing again does not help. See
    /// also [`len`](File::len).
    pub fn sync(&self) -> io::Result<()> {
        self.state()?.sync(self.file)
    }

    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.lock();
        if state.process != self.process {
            let gone = "the process that opened this file is gone";
            return Err(io::Error::new(io::ErrorKind::NotConnected, gone));
        }
        Ok(state)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let Ok(mut state) = self.state() else { return };
        state.stored(self.file).handles -= 1;
        state.collect();
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("file", &self.file).finish_non_exhaustive()
    }
}
