//! A value that a workload writes and an invariant reads. Knows neither.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What workload and invariants of one run share: clone it into each. Make it in the scenario, so that each run has its
/// own. It is not held over an `.await`, for it is only lent to closures.
///
/// ```
/// use devts::sim::Shared;
/// use std::collections::BTreeSet;
///
/// let acknowledged = Shared::<BTreeSet<u64>>::default();
/// let writer = acknowledged.clone();
/// writer.with(|values| values.insert(7));
/// assert!(acknowledged.with(|values| values.contains(&7)));
/// assert_eq!(acknowledged.get().len(), 1);
/// ```
#[derive(Default)]
pub struct Shared<T>(Arc<Mutex<T>>);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Shared<T> {
        Shared(self.0.clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lock().fmt(f)
    }
}

impl<T> Shared<T> {
    /// With this value at first.
    pub fn new(value: T) -> Shared<T> {
        Shared(Arc::new(Mutex::new(value)))
    }

    /// Lends the value.
    pub fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        act(&mut self.lock())
    }

    /// A copy of it.
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        self.lock().clone()
    }

    /// Another value in its place.
    pub fn set(&self, value: T) {
        *self.lock() = value;
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
