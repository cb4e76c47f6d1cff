//! Machines by number, and sets of them. Knows no machine itself: only how they are called in faults and plans.

use std::fmt;
use std::sync::Arc;

/// A machine of a world: they are numbered from 0 as they are added, and called `n1`, `n2` and so on in plans.
///
/// ```
/// assert_eq!(devts_sim::MachineId(0).to_string(), "n1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineId(pub usize);

impl fmt::Display for MachineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0 + 1)
    }
}

/// A set of machines, in order, each once; cheap to clone.
///
/// ```
/// use devts_sim::{MachineId, Nodes};
///
/// let two = Nodes::from([MachineId(1), MachineId(0)]);
/// assert_eq!(two.to_string(), "n1,n2");
/// assert_eq!(two.others(4).to_string(), "n3,n4");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nodes(Arc<[MachineId]>);

impl Nodes {
    /// All the machines of a world of so many.
    pub fn all(machines: usize) -> Nodes {
        (0..machines).map(MachineId).collect()
    }

    /// Everybody else in a world of so many machines.
    pub fn others(&self, machines: usize) -> Nodes {
        (0..machines).map(MachineId).filter(|id| !self.contains(*id)).collect()
    }

    /// Each machine once, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = MachineId> + ExactSizeIterator + '_ {
        self.0.iter().copied()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the machine is one of them.
    pub fn contains(&self, id: MachineId) -> bool {
        self.0.binary_search(&id).is_ok()
    }

    /// The first machine that is in both sets.
    pub fn shared(&self, other: &Nodes) -> Option<MachineId> {
        self.iter().find(|id| other.contains(*id))
    }
}

impl Default for Nodes {
    fn default() -> Nodes {
        Nodes(Arc::from([]))
    }
}

impl FromIterator<MachineId> for Nodes {
    fn from_iter<I: IntoIterator<Item = MachineId>>(ids: I) -> Nodes {
        let mut ids: Vec<MachineId> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        Nodes(ids.into())
    }
}

impl From<MachineId> for Nodes {
    fn from(id: MachineId) -> Nodes {
        Nodes(Arc::from([id]))
    }
}

impl<const N: usize> From<[MachineId; N]> for Nodes {
    fn from(ids: [MachineId; N]) -> Nodes {
        ids.into_iter().collect()
    }
}

impl From<&[MachineId]> for Nodes {
    fn from(ids: &[MachineId]) -> Nodes {
        ids.iter().copied().collect()
    }
}

impl From<Vec<MachineId>> for Nodes {
    fn from(ids: Vec<MachineId>) -> Nodes {
        ids.into_iter().collect()
    }
}

impl From<&Nodes> for Nodes {
    fn from(nodes: &Nodes) -> Nodes {
        nodes.clone()
    }
}

impl fmt::Display for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, id) in self.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{id}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_ordered_and_holds_each_once() {
        let ids = [3, 0, 3, 1].map(MachineId);
        assert_eq!(Nodes::from(ids), Nodes::from(&ids[..]));
        assert_eq!(Nodes::from(ids).to_string(), "n1,n2,n4");
        assert_eq!(Nodes::from(ids).len(), 3);
        assert_eq!(Nodes::from(ids).others(3).to_string(), "n3");
    }

    #[test]
    fn what_two_sets_share_is_found() {
        let low = Nodes::all(3);
        assert_eq!(low.shared(&low.others(6)), None);
        assert_eq!(low.shared(&Nodes::from([MachineId(5), MachineId(2)])), Some(MachineId(2)));
        assert!(Nodes::default().is_empty());
    }
}
