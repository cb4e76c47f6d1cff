//! This node's type table: which Rust type has which short id, and what peers are told of it. Knows no bytes.

use crate::Event;
use devts_proto::claim::TypeEntry;
use std::any::TypeId;

/// The types this node sends or takes; the index in the table is the short id on the wire.
#[derive(Debug, Default)]
pub(crate) struct Types {
    ids: Vec<(TypeId, u16)>,
    last: usize,
    names: Vec<String>,
    /// Added and not told to the engine yet.
    fresh: Vec<TypeEntry>,
}

impl Types {
    /// The short id of `E`, if it was used before. The last hit is looked at first.
    #[inline]
    pub(crate) fn get<E: Event>(&mut self) -> Option<u16> {
        let wanted = TypeId::of::<E>();
        match self.ids.get(self.last) {
            Some((ty, id)) if *ty == wanted => Some(*id),
            _ => self.search(wanted),
        }
    }

    fn search(&mut self, wanted: TypeId) -> Option<u16> {
        self.last = self.ids.iter().position(|(ty, _)| *ty == wanted)?;
        Some(self.ids[self.last].1)
    }

    /// Adds `E`, unless it is there; `None` when the table is full.
    pub(crate) fn add<E: Event>(&mut self, entry: TypeEntry) -> Option<u16> {
        if let Some(id) = self.search(TypeId::of::<E>()) {
            return Some(id);
        }
        let id = u16::try_from(self.names.len()).ok().filter(|id| *id < u16::MAX)?;
        self.ids.push((TypeId::of::<E>(), id));
        self.names.push(entry.name.clone());
        self.fresh.push(entry);
        Some(id)
    }

    /// What was added and not taken.
    pub(crate) fn fresh(&self) -> &[TypeEntry] {
        &self.fresh
    }

    /// All that was added since, to be told before anything that uses it.
    pub(crate) fn take_fresh(&mut self) -> Vec<TypeEntry> {
        std::mem::take(&mut self.fresh)
    }

    /// The name of a short id of this node.
    pub(crate) fn name(&self, id: u16) -> &str {
        self.names.get(usize::from(id)).map_or("?", String::as_str)
    }
}

/// What peers are told of `E`.
pub(crate) fn entry<E: Event>() -> TypeEntry {
    TypeEntry { name: E::NAME.into(), version: E::VERSION, shape: crate::shape::of::<E>(), codec: 0 }
}

/// A wire name: 1 to 64 of `[a-z0-9_.-]`, and not devts' own.
pub(crate) fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-');
    (1..=64).contains(&name.len()) && name.bytes().all(allowed) && !name.starts_with("devts.")
}

#[cfg(test)]
mod tests {
    use super::{Types, entry, is_name};

    #[derive(serde::Serialize, serde::Deserialize)]
    struct A;
    #[derive(serde::Serialize, serde::Deserialize)]
    struct B;

    impl crate::Event for A {
        const NAME: &'static str = "a";
        type Reply = ();
    }
    impl crate::Event for B {
        const NAME: &'static str = "b";
        type Reply = ();
    }

    #[test]
    fn a_type_is_added_once_and_told_once() {
        let mut types = Types::default();
        assert_eq!(types.get::<A>(), None);
        assert_eq!(types.add::<A>(entry::<A>()), Some(0));
        assert_eq!(types.add::<B>(entry::<B>()), Some(1));
        assert_eq!(types.add::<A>(entry::<A>()), Some(0));
        assert_eq!((types.get::<A>(), types.get::<B>()), (Some(0), Some(1)));
        let told: Vec<_> = types.take_fresh().into_iter().map(|entry| entry.name).collect();
        assert_eq!(told, ["a", "b"]);
        assert!(types.take_fresh().is_empty());
        assert_eq!((types.name(1), types.name(7)), ("b", "?"));
    }

    #[test]
    fn names() {
        assert!(is_name("register.replicate") && is_name("a_b-1"));
        for bad in ["", "Upper", "devts.x", "sp ace", &"x".repeat(65)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
