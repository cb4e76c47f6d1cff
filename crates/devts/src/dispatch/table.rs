//! Which of this node's handlers takes which short id of which origin. Knows how definitions are compared; runs nothing.

use crate::events::Entry;
use crate::member::Incompatible;
use devts_proto::Life;
use devts_proto::claim::TypeEntry;
use std::collections::BTreeMap;

/// How many lives' tables are kept; beyond that the lowest goes, whose events are then unknown here.
const ORIGINS: usize = 4096;

/// One type of one origin.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) version: u16,
    /// The index of the entry that takes it.
    pub(crate) entry: Option<usize>,
    /// The `rejected` hook was told of it.
    pub(crate) told: bool,
}

/// The tables of all origins, this node's own included.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    own: Vec<Target>,
    origins: BTreeMap<Life, Vec<Target>>,
}

impl Targets {
    /// Types of this node, after the last.
    pub(crate) fn learn_own<N>(&mut self, entries: &[Entry<N>], types: Vec<TypeEntry>) {
        self.own.extend(types.into_iter().map(|ty| resolve(entries, ty).0));
    }

    /// Types of an origin from `first` on; returns those that are defined otherwise here.
    pub(crate) fn learn<N>(
        &mut self,
        entries: &[Entry<N>],
        (origin, first): (Life, u16),
        types: Vec<TypeEntry>,
    ) -> Vec<Incompatible> {
        if self.origins.len() >= ORIGINS && !self.origins.contains_key(&origin) {
            self.origins.pop_first();
        }
        let known = self.origins.entry(origin).or_default();
        // Told again after a reconnect: what was learnt stays, with what was told of it.
        let news = known.len().saturating_sub(usize::from(first));
        let mut conflicts = Vec::new();
        for ty in types.into_iter().skip(news) {
            let (name, version, theirs) = (ty.name.clone(), ty.version, ty.shape);
            let (target, ours) = resolve(entries, ty);
            known.push(target);
            conflicts.extend(ours.map(|ours| Incompatible { origin, name, version, ours, theirs }));
        }
        conflicts
    }

    /// What a short id of an origin stands for; `None` for this node stands for its own.
    pub(crate) fn get(&mut self, origin: Option<Life>, ty: u16) -> Option<&mut Target> {
        let targets = match origin {
            Some(origin) => self.origins.get_mut(&origin)?,
            None => &mut self.own,
        };
        targets.get_mut(usize::from(ty))
    }
}

/// The entry that takes a type; or the shape of the one that would, were its definition the same.
fn resolve<N>(entries: &[Entry<N>], ty: TypeEntry) -> (Target, Option<u64>) {
    let same = |entry: &Entry<N>| match entry.typed {
        Some((version, _)) => entry.name == ty.name && version == ty.version,
        None => false,
    };
    let typed = entries.iter().position(same);
    let other = typed.and_then(|index| entries[index].typed).map(|(_, shape)| shape);
    let conflict = other.filter(|shape| *shape != ty.shape || ty.codec != 0);
    let named = || entries.iter().position(|entry| entry.typed.is_none() && entry.name == ty.name);
    let entry = typed.filter(|_| conflict.is_none()).or_else(named);
    (Target { name: ty.name, version: ty.version, entry, told: conflict.is_some() }, conflict)
}

#[cfg(test)]
mod tests {
    use super::Targets;
    use crate::context::Context;
    use crate::events::{Entry, Runner};
    use crate::handle::BoxTurn;
    use devts_proto::claim::TypeEntry;
    use devts_proto::{Life, NodeId};

    struct Idle;

    impl Runner<()> for Idle {
        fn run<'a>(&'a self, _: &'a mut (), _: &'a mut Context<()>) -> BoxTurn<'a> {
            Box::pin(async {})
        }
    }

    fn entry(name: &'static str, typed: Option<(u16, u64)>) -> Entry<()> {
        Entry { name: name.into(), typed, runner: Box::new(Idle), declare: |_| () }
    }

    fn ty(name: &str, version: u16, shape: u64) -> TypeEntry {
        TypeEntry { name: name.into(), version, shape, codec: 0 }
    }

    #[test]
    fn types_are_matched_by_name_version_and_shape() {
        let entries = [entry("a", Some((1, 10))), entry("a", Some((2, 20))), entry("raw", None)];
        let origin = Life { node: NodeId::new(1).unwrap(), boot: 1 };
        let mut targets = Targets::default();
        let types = vec![ty("a", 2, 20), ty("a", 1, 99), ty("b", 1, 1), ty("raw", 7, 7)];
        let conflicts = targets.learn(&entries, (origin, 0), types);
        assert_eq!(conflicts.len(), 1);
        assert_eq!((conflicts[0].ours, conflicts[0].theirs, conflicts[0].version), (10, 99, 1));
        let mut entry = |ty| targets.get(Some(origin), ty).and_then(|target| target.entry);
        assert_eq!([entry(0), entry(1), entry(2), entry(3), entry(4)], [Some(1), None, None, Some(2), None]);
    }

    #[test]
    fn what_is_told_again_is_known() {
        let entries = [entry("a", Some((1, 10)))];
        let origin = Life { node: NodeId::new(1).unwrap(), boot: 1 };
        let mut targets = Targets::default();
        assert_eq!(targets.learn(&entries, (origin, 0), vec![ty("a", 1, 99)]).len(), 1);
        assert_eq!(targets.learn(&entries, (origin, 0), vec![ty("a", 1, 99), ty("a", 1, 10)]).len(), 0);
        assert_eq!(targets.get(Some(origin), 1).unwrap().entry, Some(0));
        targets.learn_own(&entries, vec![ty("a", 1, 10)]);
        assert_eq!(targets.get(None, 0).unwrap().entry, Some(0));
    }
}
