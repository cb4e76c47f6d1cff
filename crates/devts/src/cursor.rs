//! Where a turn's future stands in the events it is given: a run of one type, or a single body. Knows no handler.

use crate::encode::{DecodeError, decode};
use bytes::Bytes;
use devts_proto::claim::{EVENT_HEADER, event_at};
use serde::de::DeserializeOwned;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    bytes: Bytes,
    at: usize,
    ty: Option<u16>,
    passed: u32,
}

/// After how many events of a run other tasks get their turn, the driver with its heartbeats among them.
const PAUSE_EVERY: u32 = 256;

impl Cursor {
    /// At the event at `at`, for as long as events are of its type.
    pub(crate) fn run(bytes: Bytes, at: usize, ty: u16) -> Cursor {
        Cursor { bytes, at, ty: Some(ty), passed: 0 }
    }

    /// At one body without a header.
    pub(crate) fn single(body: Bytes) -> Cursor {
        Cursor { bytes: body, at: 0, ty: None, passed: 0 }
    }

    /// The body that comes next; the cursor has passed it.
    #[inline]
    pub(crate) fn body(&mut self) -> Option<&[u8]> {
        match self.ty {
            Some(wanted) => {
                let (len, ty) = event_at(&self.bytes[self.at..])?;
                if ty != wanted {
                    return None;
                }
                let start = self.at + EVENT_HEADER;
                self.at = start + len;
                self.passed += 1;
                Some(&self.bytes[start..self.at])
            }
            None if self.at == usize::MAX => None,
            None => {
                self.at = usize::MAX;
                Some(&self.bytes)
            }
        }
    }

    /// The event that comes next, decoded.
    #[inline]
    pub(crate) fn next<E: DeserializeOwned>(&mut self) -> Option<Result<E, DecodeError>> {
        self.body().map(decode)
    }

    /// The body that comes next, sharing memory.
    pub(crate) fn shared(&mut self) -> Option<Bytes> {
        let len = self.body()?.len();
        let end = if self.ty.is_some() { self.at } else { self.bytes.len() };
        Some(self.bytes.slice(end - len..end))
    }

    /// So many events have passed that others should run before the next.
    #[inline]
    pub(crate) fn wants_pause(&self) -> bool {
        self.passed % PAUSE_EVERY == PAUSE_EVERY - 1
    }

    /// Where the first event is that it has not passed.
    pub(crate) fn at(&self) -> usize {
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::Cursor;
    use crate::batch::{Batch, Taken};
    use bytes::Bytes;

    #[test]
    fn a_run_ends_where_the_type_changes() {
        let (mut batch, mut taken) = (Batch::default(), Taken::default());
        for (ty, value) in [(1, 10u8), (1, 11), (2, 12)] {
            batch.push(ty, &value, 10).unwrap();
        }
        batch.swap(&mut taken);
        let bytes = Bytes::from(taken.bytes);
        let mut cursor = Cursor::run(bytes.clone(), 0, 1);
        assert_eq!(cursor.next::<u8>(), Some(Ok(10)));
        assert_eq!(cursor.shared().as_deref(), Some(&[11][..]));
        assert_eq!(cursor.next::<u8>(), None);
        let mut rest = Cursor::run(bytes, cursor.at(), 2);
        assert_eq!((rest.next::<u8>(), rest.next::<u8>()), (Some(Ok(12)), None));
    }

    #[test]
    fn a_single_body_comes_once() {
        let mut cursor = Cursor::single(Bytes::from_static(&[7]));
        assert_eq!((cursor.next::<u8>(), cursor.next::<u8>()), (Some(Ok(7)), None));
        let mut cursor = Cursor::single(Bytes::from_static(&[7]));
        assert_eq!((cursor.shared().as_deref(), cursor.shared()), (Some(&[7][..]), None));
    }
}
