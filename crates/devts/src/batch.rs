//! The events this node emitted and the driver has not taken yet, as they go on the wire: one buffer, and where
//! its runs start. Knows nothing of who waits or of peers.

use crate::encode::{self, EncodeError};
use devts_proto::claim::{EVENT_HEADER, RunMark};
use devts_proto::config::MAX_RUN;
use serde::Serialize;

/// Above this a buffer that one large event has grown is given back to the allocator.
const KEEP: usize = 4 << 20;

/// Encoded events, in the order in which they have their numbers.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    marks: Vec<RunMark>,
    /// How many events this life has emitted: the number of the last one.
    count: u64,
}

/// What the driver takes: buffers that go back and forth, so that the steady path allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) bytes: Vec<u8>,
    pub(crate) marks: Vec<RunMark>,
}

impl Taken {
    /// Empties the buffers for the next time.
    pub(crate) fn reset(&mut self) {
        recycle(&mut self.bytes);
        self.marks.clear();
    }
}

/// Empties a buffer, and keeps its memory unless that is unusually much.
pub(crate) fn recycle(bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.shrink_to(KEEP);
}

impl Batch {
    /// How many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many events this life has emitted.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Encodes an event at the end and gives it its number; returns it as it stands, header and body.
    #[inline]
    pub(crate) fn push<E: Serialize>(
        &mut self,
        ty: u16,
        event: &E,
        max: usize,
    ) -> Result<&[u8], EncodeError> {
        let start = self.bytes.len();
        let len = encode::append(&mut self.bytes, EVENT_HEADER, event, max)?;
        let header = &mut self.bytes[start..start + EVENT_HEADER];
        header[..4].copy_from_slice(&(len as u32).to_le_bytes());
        header[4..].copy_from_slice(&ty.to_le_bytes());
        self.mark(start);
        self.count += 1;
        Ok(&self.bytes[start..])
    }

    /// The event from `start` to the end belongs to the last run, or starts one.
    #[inline]
    fn mark(&mut self, start: usize) {
        let end = self.bytes.len();
        match self.marks.last_mut() {
            Some(run) if end - run.start <= MAX_RUN => run.count += 1,
            _ => self.marks.push(RunMark { start, count: 1 }),
        }
    }

    /// Hands the events over and takes empty buffers for them.
    pub(crate) fn swap(&mut self, taken: &mut Taken) {
        debug_assert!(taken.bytes.is_empty() && taken.marks.is_empty(), "the driver resets what it gives");
        std::mem::swap(&mut self.bytes, &mut taken.bytes);
        std::mem::swap(&mut self.marks, &mut taken.marks);
    }
}

#[cfg(test)]
mod tests {
    use super::{Batch, Taken};
    use devts_proto::claim::{EVENT_HEADER, event_at};
    use devts_proto::config::MAX_RUN;

    /// As a peer reads it: runs of (type, length of body), from the marks alone.
    fn runs(taken: &Taken) -> Vec<Vec<(u16, usize)>> {
        let ends = taken.marks.iter().skip(1).map(|mark| mark.start).chain([taken.bytes.len()]);
        taken
            .marks
            .iter()
            .zip(ends)
            .map(|(mark, end)| {
                let (mut at, mut run) = (mark.start, Vec::new());
                while at < end {
                    let (len, ty) = event_at(&taken.bytes[at..end]).unwrap();
                    run.push((ty, len));
                    at += EVENT_HEADER + len;
                }
                assert_eq!(run.len(), mark.count as usize);
                run
            })
            .collect()
    }

    #[test]
    fn stands_in_wire_form() {
        let mut batch = Batch::default();
        assert_eq!(batch.push(3, &7u8, 100).unwrap(), [1, 0, 0, 0, 3, 0, 7]);
        batch.push(4, &"ab", 100).unwrap();
        let mut taken = Taken::default();
        batch.swap(&mut taken);
        assert_eq!(runs(&taken), [vec![(3, 1), (4, 3)]]);
        assert_eq!((batch.count(), batch.is_empty()), (2, true));
    }

    #[test]
    fn runs_are_cut_at_their_bound_and_a_large_event_is_alone() {
        let (mut batch, mut taken) = (Batch::default(), Taken::default());
        let sizes = [20_000, 20_000, 20_000, 20_000, 100_000, 10];
        for size in sizes {
            batch.push(0, &"x".repeat(size), 1 << 20).unwrap();
        }
        batch.swap(&mut taken);
        let counts: Vec<usize> = runs(&taken).iter().map(Vec::len).collect();
        assert_eq!(counts, [3, 1, 1, 1]);
        const { assert!(3 * (20_000 + 10) <= MAX_RUN) };
    }

    #[test]
    fn what_cannot_be_encoded_leaves_no_trace() {
        let (mut batch, mut taken) = (Batch::default(), Taken::default());
        batch.push(0, &1u8, 100).unwrap();
        assert!(batch.push(0, &"x".repeat(200), 100).is_err());
        batch.push(0, &2u8, 100).unwrap();
        batch.swap(&mut taken);
        assert_eq!(runs(&taken), [vec![(0, 1), (0, 1)]]);
        assert_eq!(batch.count(), 2);
    }
}
