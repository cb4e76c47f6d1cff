//! What a node's state lacks although its vector passes over it: the gaps that it was told. They go with the state to
//! whoever takes it, so that a loss is told to him too and not handed on in silence. Knows no turn.

use crate::notice::Gap;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use devts_proto::claim::Vector;
use devts_proto::{Life, NodeId};

/// More are made fewer: the two of one origin that are nearest become one, which then tells of more than is lost.
const MOST: usize = 1024;
/// Node, boot, first and last.
const ENTRY: usize = 32;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Holes(Vec<Gap>);

impl Holes {
    /// One more.
    pub(super) fn add(&mut self, gap: Gap) {
        let same = |known: &&mut Gap| known.origin == gap.origin && known.last + 1 >= gap.first;
        let full = self.0.len() >= MOST;
        let near = |known: &&mut Gap| known.origin == gap.origin;
        let known = match self.0.iter_mut().rev().find(same) {
            None if full => self.0.iter_mut().rev().find(near),
            known => known,
        };
        match known {
            Some(known) => {
                known.first = known.first.min(gap.first);
                known.last = known.last.max(gap.last);
            }
            None => self.0.push(gap),
        }
    }

    /// Those that are left when another state, with this vector and these holes, was merged into this one.
    pub(super) fn merge(&mut self, vector: &Vector, theirs: &Holes) {
        let has = |gap: &Gap| {
            let meets = |other: &Gap| {
                other.origin == gap.origin && other.first <= gap.last && gap.first <= other.last
            };
            vector.get(&gap.origin).is_some_and(|last| *last >= gap.last) && !theirs.0.iter().any(meets)
        };
        self.0.retain(|gap| !has(gap));
    }

    /// Whether a state with these holes lacks something that one with this vector, and holes of its own, reflects.
    pub(super) fn lack(&self, vector: &Vector, own: &Holes) -> bool {
        let reflects = |gap: &Gap| {
            let known = vector.get(&gap.origin).copied().unwrap_or(0);
            let within = |hole: &Gap| {
                hole.origin == gap.origin && hole.first <= gap.first && gap.last.min(known) <= hole.last
            };
            known >= gap.first && !own.0.iter().any(within)
        };
        self.0.iter().any(reflects)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Gap> {
        self.0.iter().copied()
    }

    /// Puts them before a state.
    pub(super) fn with(&self, state: Vec<u8>) -> Bytes {
        if self.0.is_empty() {
            return before(&[0; 4], &state);
        }
        let mut head = BytesMut::with_capacity(4 + self.0.len() * ENTRY);
        head.put_u32_le(self.0.len() as u32);
        for Gap { origin, first, last } in &self.0 {
            [origin.node.get(), origin.boot, *first, *last]
                .into_iter()
                .for_each(|number| head.put_u64_le(number));
        }
        before(&head, &state)
    }

    /// Takes them from before a state; `None` when there are none such.
    pub(super) fn split(mut bytes: Bytes) -> Option<(Holes, Bytes)> {
        let count = bytes.try_get_u32_le().ok()? as usize;
        if bytes.len() / ENTRY < count {
            return None;
        }
        let mut holes = Holes::default();
        for _ in 0..count {
            let [node, boot, first, last] = [(); 4].map(|()| bytes.get_u64_le());
            let node = NodeId::new(node)?;
            if first == 0 || first > last {
                return None;
            }
            holes.0.push(Gap { origin: Life { node, boot }, first, last });
        }
        Some((holes, bytes))
    }
}

fn before(head: &[u8], state: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(head.len() + state.len());
    bytes.put_slice(head);
    bytes.put_slice(state);
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::{Gap, Holes, MOST};
    use bytes::Bytes;
    use devts_proto::claim::Vector;
    use devts_proto::{Life, NodeId};

    fn gap(node: u64, first: u64, last: u64) -> Gap {
        Gap { origin: Life { node: NodeId::new(node).unwrap(), boot: 1 }, first, last }
    }

    #[test]
    fn they_go_with_the_state() {
        let mut holes = Holes::default();
        assert_eq!(
            Holes::split(holes.with(vec![9, 9])),
            Some((Holes::default(), Bytes::from_static(&[9, 9])))
        );
        holes.add(gap(1, 3, 4));
        holes.add(gap(1, 5, 6));
        holes.add(gap(2, 7, 7));
        assert_eq!(holes.iter().collect::<Vec<_>>(), [gap(1, 3, 6), gap(2, 7, 7)]);
        assert_eq!(Holes::split(holes.with(vec![9])), Some((holes.clone(), Bytes::from_static(&[9]))));
        let cut = holes.with(vec![]);
        assert!((0..cut.len()).all(|len| Holes::split(cut.slice(..len)).is_none()));
        assert_eq!(Holes::split(Bytes::from_static(&[255; 40])), None);
    }

    #[test]
    fn a_merge_fills_what_the_other_has() {
        let mut holes = Holes(vec![gap(1, 3, 4), gap(2, 7, 7), gap(3, 1, 9)]);
        let vector =
            Vector::from([(gap(1, 1, 1).origin, 4), (gap(2, 1, 1).origin, 6), (gap(3, 1, 1).origin, 9)]);
        holes.merge(&vector, &Holes(vec![gap(3, 9, 9)]));
        assert_eq!(holes.0, [gap(2, 7, 7), gap(3, 1, 9)]);
    }

    #[test]
    fn a_state_that_lacks_what_is_here_is_none() {
        let vector = Vector::from([(gap(1, 1, 1).origin, 4)]);
        let lacks = |theirs: Vec<Gap>, own: Vec<Gap>| Holes(theirs).lack(&vector, &Holes(own));
        assert!(lacks(vec![gap(1, 3, 3)], vec![]));
        assert!(lacks(vec![gap(1, 3, 9)], vec![gap(1, 4, 4)]));
        assert!(!lacks(vec![gap(1, 3, 9)], vec![gap(1, 2, 4)]));
        assert!(!lacks(vec![gap(1, 5, 9), gap(2, 1, 2)], vec![]));
    }

    #[test]
    fn there_are_never_too_many() {
        let mut holes = Holes::default();
        (1..5000).for_each(|number| holes.add(gap(1, number * 3, number * 3)));
        assert_eq!(holes.0.len(), MOST);
        assert_eq!((holes.0[0].first, holes.0[MOST - 1].last), (3, 14_997));
    }
}
