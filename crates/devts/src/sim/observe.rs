//! What a scenario sees of its nodes: for each that runs, a value taken after its newest turn. Knows no invariant.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many characters of one value a report shows.
const SHOWN: usize = 120;

/// One value per running node, taken after its newest turn: what [`super::Sim::observe`] gives. Nodes are numbered from
/// 0, in reports from `n1`. A node that is down, or has had no turn since it started, has none.
///
/// ```
/// use devts::sim::{Faults, Run, Sim};
/// use std::time::Duration;
/// # struct Turns(u64);
/// # #[devts::node("turns")] impl devts::Node for Turns {}
/// devts::sim::seeds(1).check(|sim: &mut Sim<Turns>| {
///     sim.nodes(3, |_| Turns(0));
///     let turns = sim.observe(|node: &Turns| node.0);
///     sim.faults(Faults::none());
///     sim.workload(async |run: Run<Turns>| {
///         for node in run.running() {
///             node.with(|node, _| node.0 += 1).await?;
///         }
///         Ok(())
///     });
///     let second = turns.clone();
///     sim.eventually("each had its turn", Duration::ZERO, move || turns.count(|turns| *turns == 1) == 3);
///     sim.eventually("n2 as all others", Duration::ZERO, move || second.get(1) == second.get(0));
/// });
/// ```
pub struct Observed<T>(Arc<Mutex<BTreeMap<usize, T>>>);

impl<T> Clone for Observed<T> {
    fn clone(&self) -> Observed<T> {
        Observed(self.0.clone())
    }
}

impl<T: Debug> fmt::Debug for Observed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&lines(&self.lock()).join(", "))
    }
}

impl<T> Observed<T> {
    pub(crate) fn new() -> Observed<T> {
        Observed(Arc::default())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, node: usize, value: T) {
        self.lock().insert(node, value);
    }

    pub(crate) fn clear(&self, node: usize) {
        self.lock().remove(&node);
    }

    /// A line for each node.
    pub(crate) fn lines(&self) -> Vec<String>
    where
        T: Debug,
    {
        lines(&self.lock())
    }

    /// Of how many nodes this holds.
    pub fn count(&self, mut holds: impl FnMut(&T) -> bool) -> usize {
        self.lock().values().filter(|value| holds(value)).count()
    }

    /// Whether it holds of every one of them.
    pub fn all(&self, holds: impl FnMut(&T) -> bool) -> bool {
        self.lock().values().all(holds)
    }

    /// Whether it holds of any.
    pub fn any(&self, holds: impl FnMut(&T) -> bool) -> bool {
        self.lock().values().any(holds)
    }
}

impl<T: Clone> Observed<T> {
    /// The value of one node.
    pub fn get(&self, node: usize) -> Option<T> {
        self.lock().get(&node).cloned()
    }

    /// All of them, by the node's number.
    pub fn values(&self) -> BTreeMap<usize, T> {
        self.lock().clone()
    }
}

impl<T: Debug + PartialEq> Observed<T> {
    /// Whether all are equal; made to be what an invariant answers.
    ///
    /// # Errors
    ///
    /// When two differ; the text shows the values.
    pub fn all_equal(&self) -> Result<(), String> {
        let values = self.lock();
        let mut each = values.values();
        match each.next() {
            Some(first) if !each.all(|value| value == first) => Err(lines(&values).join(", ")),
            _ => Ok(()),
        }
    }
}

/// `n1 has {1, 2}`, `n2 has {1}`, each cut where it is long.
fn lines<T: Debug>(values: &BTreeMap<usize, T>) -> Vec<String> {
    values.iter().map(|(node, value)| format!("n{} has {}", node + 1, cut(&format!("{value:?}")))).collect()
}

/// A long text without its middle: what grows, grows at its end.
fn cut(text: &str) -> String {
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    if ends.len() <= SHOWN {
        return text.to_string();
    }
    let (head, tail) = (ends[SHOWN / 2], ends[ends.len() - SHOWN / 2]);
    format!("{} … {}", &text[..head], &text[tail..])
}

#[cfg(test)]
mod tests {
    use super::Observed;

    #[test]
    fn differences_are_shown() {
        let values = Observed::new();
        assert_eq!(values.all_equal(), Ok(()));
        values.set(0, vec![1]);
        values.set(2, vec![1]);
        assert_eq!((values.all_equal(), values.count(|v| v.len() == 1)), (Ok(()), 2));
        values.set(2, vec![1, 2]);
        assert_eq!(values.all_equal(), Err("n1 has [1], n3 has [1, 2]".into()));
        values.clear(0);
        assert_eq!((values.get(0), values.get(2)), (None, Some(vec![1, 2])));
    }

    #[test]
    fn long_values_are_cut() {
        let values = Observed::new();
        values.set(0, "x".repeat(1000));
        assert!(format!("{values:?}").contains("x … x") && format!("{values:?}").len() < 150);
    }
}
