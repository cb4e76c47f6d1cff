//! The passes of tracing: how often a value is made, what the current pass is inside of, who is to blame where it
//! ends early. Knows nothing of what a type asks; `de` answers that.
//!
//! A *pass* makes one value of the type. It sees one variant of each enum, so passes are made until nothing new is
//! seen. A type met inside itself is noted and then made as small as can be (`place: None`: nothing is noted).

use super::de::Tracing;
use super::tree::{Id, Kind, MAX_DEPTH, ROOT, Tree};
use serde::de::{DeserializeOwned, DeserializeSeed, Error as _};
use std::any::type_name;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Passes over one type at most: each sees a new variant or gives up a sample.
const MAX_PASSES: usize = 4096;
/// Questions answered at most, over all passes.
const MAX_STEPS: usize = 1 << 20;

/// Fills the tree with what `T` is.
pub(super) fn trace<T: DeserializeOwned>(tree: &mut Tree) {
    let mut tracer = Tracer::new(tree, type_name::<T>());
    for _ in 0..MAX_PASSES {
        tracer.outer.clear();
        tracer.small.clear();
        let pass = || enter(&mut tracer, Some(ROOT), 0, PhantomData::<T>).is_ok();
        // A user's `Deserialize` may panic on a sample; that is a refusal.
        if catch_unwind(AssertUnwindSafe(pass)).is_err() {
            let (place, name) = tracer.inside;
            tracer.tree.refused(place, name);
        }
        if tracer.tree.complete() || tracer.steps > MAX_STEPS {
            return;
        }
    }
}

/// Why a pass ended early.
#[derive(Debug)]
pub(super) struct Refused {
    /// The cause is noted: outer places have nothing to do with it.
    pub(super) noted: bool,
}

const NOTED: Refused = Refused { noted: true };

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sample was refused")
    }
}

impl std::error::Error for Refused {}

impl serde::de::Error for Refused {
    fn custom<T: fmt::Display>(_: T) -> Refused {
        Refused { noted: false }
    }
}

pub(super) struct Tracer<'t> {
    pub(super) tree: &'t mut Tree,
    /// The types that the pass is inside of, outermost first, and whether they show in the text.
    pub(super) outer: Vec<(&'static str, bool)>,
    /// The innermost place and its type: where to put a panic.
    inside: (Id, &'static str),
    /// Enums that are being made small, with their number of variants.
    pub(super) small: Vec<(&'static str, usize)>,
    /// The variant with which an enum is made small, where it is not the first.
    pub(super) choices: BTreeMap<&'static str, usize>,
    steps: usize,
}

impl<'t> Tracer<'t> {
    fn new(tree: &'t mut Tree, name: &'static str) -> Tracer<'t> {
        let (outer, small, choices) = (Vec::new(), Vec::new(), BTreeMap::new());
        Tracer { tree, outer, inside: (ROOT, name), small, choices, steps: 0 }
    }

    pub(super) fn step(&mut self) -> Result<(), Refused> {
        self.steps += 1;
        if self.steps > MAX_STEPS { Err(NOTED) } else { Ok(()) }
    }

    /// Enters a type that holds others; `shows` where the text does. `None`: nothing inside is to be noted.
    pub(super) fn open(
        &mut self,
        place: Option<Id>,
        name: &'static str,
        shows: bool,
    ) -> Result<Option<Id>, Refused> {
        self.step()?;
        let Some(id) = place else {
            if self.outer.len() >= 2 * MAX_DEPTH {
                return Err(Refused::custom("too deep"));
            }
            self.outer.push((name, shows));
            return Ok(None);
        };
        let limit = match self.outer.iter().position(|(outer, _)| *outer == name) {
            Some(from) => Some(Kind::Up(self.outer[from..].iter().filter(|(_, shows)| *shows).count())),
            None => (self.outer.len() >= MAX_DEPTH).then_some(Kind::Beyond),
        };
        self.outer.push((name, shows));
        match limit {
            Some(kind) => {
                self.tree.is(id, kind, &[]);
                Ok(None)
            }
            None => Ok(place),
        }
    }

    /// Another variant for the innermost enum that has one left.
    pub(super) fn choose_again(&mut self) -> Refused {
        for (name, variants) in self.small.iter().rev() {
            let choice = self.choices.entry(name).or_default();
            if *choice + 1 < *variants {
                *choice += 1;
                return NOTED;
            }
        }
        Refused { noted: false }
    }

    pub(super) fn child(&mut self, place: Option<Id>, number: usize) -> Option<Id> {
        self.tree.child(place?, number)
    }
}

/// Makes the value of one place.
pub(super) fn enter<'de, S: DeserializeSeed<'de>>(
    tracer: &mut Tracer<'_>,
    place: Option<Id>,
    sample: usize,
    seed: S,
) -> Result<S::Value, Refused> {
    inside(tracer, place, sample, type_name::<S::Value>(), |at| seed.deserialize(at))
}

/// Runs `make` at a place; where that fails and nothing further in was to blame, the place is.
pub(super) fn inside<'t, R>(
    tracer: &mut Tracer<'t>,
    place: Option<Id>,
    sample: usize,
    name: &'static str,
    make: impl FnOnce(Tracing<'_, 't>) -> Result<R, Refused>,
) -> Result<R, Refused> {
    let Some(id) = place else { return make(Tracing { tracer, place, sample }) };
    let outer = std::mem::replace(&mut tracer.inside, (id, name));
    let sample = tracer.tree.attempts(id).max(sample);
    let result = make(Tracing { tracer: &mut *tracer, place, sample });
    tracer.inside = outer;
    result.map_err(|refused| {
        if !refused.noted {
            tracer.tree.refused(id, name);
        }
        NOTED
    })
}
