//! An app's state and who has it: one turn at a time, which takes it out and puts it back, or many with clones. Knows
//! no event.

use crate::shared::lock;
use std::fmt;
use std::future::poll_fn;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

/// Where the state is when nobody has it; and how many more turns may run. Dispatch alone waits here.
#[derive(Debug)]
pub(crate) struct Place<T> {
    inside: Mutex<(T, Option<Waker>)>,
}

impl<T> Place<T> {
    fn new(inside: T) -> Arc<Place<T>> {
        Arc::new(Place { inside: Mutex::new((inside, None)) })
    }

    /// Waits until something can be taken.
    async fn take<R>(&self, mut take: impl FnMut(&mut T) -> Option<R>) -> R {
        poll_fn(|cx| {
            let mut inside = lock(&self.inside);
            match take(&mut inside.0) {
                Some(taken) => Poll::Ready(taken),
                None => {
                    inside.1 = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    fn put(&self, put: impl FnOnce(&mut T)) {
        let waker = {
            let mut inside = lock(&self.inside);
            put(&mut inside.0);
            inside.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// See the module.
pub(crate) enum Seat<S> {
    One(Arc<Place<Option<S>>>),
    Many { state: S, clone: fn(&S) -> S, left: Arc<Place<usize>> },
}

impl<S> Seat<S> {
    pub(crate) fn one(state: S) -> Seat<S> {
        Seat::One(Place::new(Some(state)))
    }

    pub(crate) fn many(self, turns: usize) -> Seat<S>
    where
        S: Clone,
    {
        let state = match self {
            Seat::One(place) => lock(&place.inside).0.take().expect("no turn has run yet"),
            Seat::Many { state, .. } => state,
        };
        Seat::Many { state, clone: S::clone, left: Place::new(turns.max(1)) }
    }

    /// The state for one turn, once it may run; a permit if it runs beside others.
    pub(crate) async fn take(&mut self) -> (State<S>, Option<Permit>) {
        match self {
            Seat::One(place) => {
                let state = place.take(Option::take).await;
                (State { state: Some(state), home: Some(place.clone()) }, None)
            }
            Seat::Many { state, clone, left } => {
                left.take(|left| left.checked_sub(1).map(|less| *left = less)).await;
                let state = State { state: Some(clone(state)), home: None };
                (state, Some(Permit(left.clone())))
            }
        }
    }
}

/// The leave to run beside other turns.
pub(crate) struct Permit(Arc<Place<usize>>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.put(|left| *left += 1);
    }
}

/// An app's state in a turn. Without [`crate::App::concurrent`] the turn has it for itself, and the next turn begins
/// when this is dropped.
pub struct State<S> {
    state: Option<S>,
    home: Option<Arc<Place<Option<S>>>>,
}

impl<S> Deref for State<S> {
    type Target = S;

    fn deref(&self) -> &S {
        self.state.as_ref().expect("it is taken on drop only")
    }
}

impl<S> DerefMut for State<S> {
    fn deref_mut(&mut self) -> &mut S {
        self.state.as_mut().expect("it is taken on drop only")
    }
}

impl<S> Drop for State<S> {
    fn drop(&mut self) {
        if let Some(home) = &self.home {
            home.put(|place| *place = self.state.take());
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for State<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::Seat;
    use futures_util::FutureExt;

    #[test]
    fn one_turn_has_the_state_for_itself() {
        let mut seat = Seat::one(1);
        let (mut state, permit) = seat.take().now_or_never().unwrap();
        assert!(permit.is_none() && seat.take().now_or_never().is_none());
        *state += 1;
        drop(state);
        assert_eq!(*seat.take().now_or_never().unwrap().0, 2);
    }

    #[test]
    fn many_turns_have_clones_and_a_bound() {
        let mut seat = Seat::one(1).many(2);
        let first = seat.take().now_or_never().unwrap();
        let _second = seat.take().now_or_never().unwrap();
        assert!(seat.take().now_or_never().is_none());
        drop(first);
        assert!(seat.take().now_or_never().is_some());
    }
}
