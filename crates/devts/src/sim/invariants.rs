//! What must hold: always, in the end, or at least once over all seeds. Asked of closures that the scenario gives.
//! Knows no node and no time.

use super::failure::Broken;
use super::panics;
use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// What an invariant's closure answers: `true`, or `Ok(())`, when it holds. The text of an `Err` is in the report, so
/// say in it what was found.
#[diagnostic::on_unimplemented(
    message = "an invariant answers a `bool`, or a `Result<(), E>` whose error says what was found",
    note = "this closure answers `{Self}`: is there a `;` after its last expression?"
)]
pub trait Verdict {
    /// The same, with a text.
    fn verdict(self) -> Result<(), String>;
}

impl Verdict for bool {
    fn verdict(self) -> Result<(), String> {
        if self { Ok(()) } else { Err(String::new()) }
    }
}

impl<E: fmt::Display> Verdict for Result<(), E> {
    fn verdict(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}

/// An invariant's closure, whatever it answers.
pub(crate) type Ask = Box<dyn FnMut() -> Result<(), String> + Send>;

struct Named {
    name: String,
    ask: Ask,
}

impl Named {
    fn holds(&mut self) -> Result<(), String> {
        match catch_unwind(AssertUnwindSafe(&mut self.ask)) {
            Ok(verdict) => verdict,
            Err(_) => Err(panics::take().join("; ")),
        }
    }
}

/// All invariants of one run.
#[derive(Default)]
pub(crate) struct Invariants {
    always: Vec<Named>,
    eventually: Vec<(Named, Duration)>,
    sometimes: Vec<Named>,
    names: BTreeSet<String>,
    /// Those of `sometimes` that were seen to hold.
    fired: BTreeSet<String>,
}

impl fmt::Debug for Invariants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(&self.names).finish()
    }
}

impl Invariants {
    pub(crate) fn always(&mut self, name: &str, ask: Ask) {
        let named = self.named(name, ask);
        self.always.push(named);
    }

    pub(crate) fn eventually(&mut self, name: &str, within: Duration, ask: Ask) {
        let named = self.named(name, ask);
        self.eventually.push((named, within));
    }

    pub(crate) fn sometimes(&mut self, name: &str, ask: Ask) {
        let named = self.named(name, ask);
        self.sometimes.push(named);
    }

    fn named(&mut self, name: &str, ask: Ask) -> Named {
        assert!(
            self.names.insert(name.to_string()),
            "two invariants are called {name:?}: reports tell them by name"
        );
        Named { name: name.to_string(), ask }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Asks what must hold now; of the first that does not, its name and what it found.
    pub(crate) fn look(&mut self) -> Result<(), Broken> {
        self.sometimes.retain_mut(|named| {
            let holds = named.holds().is_ok();
            if holds {
                self.fired.insert(named.name.clone());
            }
            !holds
        });
        for named in &mut self.always {
            named.holds().map_err(|found| Broken::Always { name: named.name.clone(), found })?;
        }
        Ok(())
    }

    /// Asks what must come to hold, `after` this long. Who has held is not asked again. `Ok(true)`: nothing is left.
    pub(crate) fn look_ahead(&mut self, after: Duration) -> Result<bool, Broken> {
        let mut late = None;
        self.eventually.retain_mut(|(named, within)| match named.holds() {
            Ok(()) => false,
            Err(found) => {
                if after >= *within && late.is_none() {
                    late = Some(Broken::Eventually { name: named.name.clone(), within: *within, found });
                }
                true
            }
        });
        late.map_or_else(|| Ok(self.eventually.is_empty()), Err)
    }

    /// Of `sometimes`: all names, and those that held.
    pub(crate) fn fired(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let waiting = self.sometimes.iter().map(|named| named.name.clone());
        (waiting.chain(self.fired.iter().cloned()).collect(), self.fired.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::{Broken, Invariants, Verdict};
    use std::time::Duration;

    #[test]
    fn each_kind_is_judged_in_its_way() {
        let mut invariants = Invariants::default();
        let mut asked = 0;
        invariants.sometimes(
            "seen",
            Box::new(move || {
                asked += 1;
                (asked == 2).verdict()
            }),
        );
        let mut late = 0;
        invariants.eventually(
            "late",
            Duration::from_secs(3),
            Box::new(move || {
                late += 1;
                if late == 2 { Ok(()) } else { Err(format!("only {late}")) }
            }),
        );
        assert_eq!(invariants.look(), Ok(()));
        assert!(invariants.fired().1.is_empty() && invariants.fired().0.len() == 1);
        assert_eq!(invariants.look(), Ok(()));
        assert_eq!(invariants.fired().1.len(), 1);
        assert_eq!(invariants.look_ahead(Duration::from_secs(1)), Ok(false));
        assert_eq!(invariants.look_ahead(Duration::from_secs(2)), Ok(true));
        invariants.always("never", Box::new(|| false.verdict()));
        assert_eq!(invariants.look(), Err(Broken::Always { name: "never".into(), found: String::new() }));
    }

    #[test]
    fn what_never_comes_is_told_with_what_was_found() {
        let mut invariants = Invariants::default();
        let within = Duration::from_secs(3);
        invariants.eventually("equal", within, Box::new(|| Err("n1 lacks 7".into())));
        assert_eq!(invariants.look_ahead(Duration::from_secs(2)), Ok(false));
        let broken = Broken::Eventually { name: "equal".into(), within, found: "n1 lacks 7".into() };
        assert_eq!(invariants.look_ahead(within), Err(broken));
    }

    #[test]
    #[should_panic(expected = "two invariants are called \"equal\"")]
    fn names_are_unique() {
        let mut invariants = Invariants::default();
        invariants.always("equal", Box::new(|| Ok(())));
        invariants.sometimes("equal", Box::new(|| Ok(())));
    }
}
