//! The names of a disk: as the kernel shows them, and as a power loss finds them. Knows files as numbers only.

use super::Loss;
use crate::Rng;
use std::collections::{BTreeMap, BTreeSet};

/// So many changes wait for a sync; older ones the kernel makes durable itself. It also bounds what removed files cost.
const WRITE_BACK: usize = 64;

#[derive(Default)]
pub(super) struct Names {
    /// What the kernel shows.
    shown: BTreeMap<String, u64>,
    /// What is durable.
    durable: BTreeMap<String, u64>,
    /// What happened since, oldest first.
    changes: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Create { name: String, file: u64 },
    Remove { name: String, file: u64 },
    Rename { from: String, to: String, file: u64 },
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Change::Create { name, file } => {
                names.insert(name.clone(), *file);
            }
            Change::Remove { name, .. } => {
                names.remove(name);
            }
            Change::Rename { from, to, file } => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
        }
    }

    fn touches(&self) -> impl Iterator<Item = &String> {
        let (one, other) = match self {
            Change::Create { name, .. } | Change::Remove { name, .. } => (name, None),
            Change::Rename { from, to, .. } => (from, Some(to)),
        };
        std::iter::once(one).chain(other)
    }

    fn file(&self) -> u64 {
        match self {
            Change::Create { file, .. } | Change::Remove { file, .. } | Change::Rename { file, .. } => *file,
        }
    }
}

impl Names {
    pub(super) fn get(&self, name: &str) -> Option<u64> {
        self.shown.get(name).copied()
    }

    pub(super) fn list(&self) -> Vec<String> {
        self.shown.keys().cloned().collect()
    }

    pub(super) fn create(&mut self, name: &str, file: u64) {
        self.change(Change::Create { name: name.to_owned(), file });
    }

    /// `false`: there is none.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        let Some(file) = self.get(name) else { return false };
        self.change(Change::Remove { name: name.to_owned(), file });
        true
    }

    /// `false`: there is none to rename.
    pub(super) fn rename(&mut self, from: &str, to: &str) -> bool {
        let Some(file) = self.get(from) else { return false };
        if from != to {
            self.change(Change::Rename { from: from.to_owned(), to: to.to_owned(), file });
        }
        true
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.shown);
        self.changes.push(change);
        if self.changes.len() > WRITE_BACK {
            self.changes.remove(0).apply(&mut self.durable);
        }
    }

    /// Whether a file is shown under a name.
    pub(super) fn has(&self, file: u64) -> bool {
        self.shown.values().any(|shown| *shown == file)
    }

    /// Whether a file has a name, or may have one after a power loss.
    pub(super) fn may_have(&self, file: u64) -> bool {
        let changing = self.changes.iter().any(|change| change.file() == file);
        changing || self.has(file) || self.durable.values().any(|durable| *durable == file)
    }

    pub(super) fn sync_all(&mut self) {
        self.changes.clear();
        self.durable.clone_from(&self.shown);
    }

    /// What concerns this file becomes durable, and what was done before to the names it went through.
    pub(super) fn sync(&mut self, file: u64) {
        let mut names: BTreeSet<String> = BTreeSet::new();
        let mut durable = Vec::new();
        let mut rest = Vec::new();
        for change in std::mem::take(&mut self.changes).into_iter().rev() {
            if change.file() == file || change.touches().any(|name| names.contains(name)) {
                names.extend(change.touches().cloned());
                durable.push(change);
            } else {
                rest.push(change);
            }
        }
        durable.iter().rev().for_each(|change| change.apply(&mut self.durable));
        rest.reverse();
        self.changes = rest;
    }

    /// Each change is lost or kept; one that is lost takes the later ones of its names with it.
    pub(super) fn crash(&mut self, loss: Loss, rng: &mut Rng) {
        let mut lost: BTreeSet<String> = BTreeSet::new();
        for change in std::mem::take(&mut self.changes) {
            let loses = match loss {
                Loss::Everything => true,
                Loss::Nothing => false,
                Loss::Some => rng.percent(50),
            };
            if loses || change.touches().any(|name| lost.contains(name)) {
                lost.extend(change.touches().cloned());
            } else {
                change.apply(&mut self.durable);
            }
        }
        self.shown.clone_from(&self.durable);
    }
}
