//! The first thing that goes wrong in a run, and who waits for it. Knows not what it is.

use super::failure::Broken;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

/// Empty until something goes wrong.
#[derive(Debug, Default)]
pub(crate) struct Trouble(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    first: Option<(Duration, Broken)>,
    waker: Option<Waker>,
}

impl Trouble {
    fn lock(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `true`, if it is the first.
    pub(crate) fn tell(&self, at: Duration, broken: Broken) -> bool {
        let mut told = self.lock();
        let first = told.first.is_none();
        let waker = told.waker.take();
        told.first.get_or_insert((at, broken));
        drop(told);
        waker.into_iter().for_each(Waker::wake);
        first
    }

    pub(crate) fn get(&self) -> Option<(Duration, Broken)> {
        self.lock().first.clone()
    }

    /// Waits for it. One waits at a time.
    pub(crate) async fn wait(&self) -> Broken {
        poll_fn(|cx| {
            let mut told = self.lock();
            if let Some((_, broken)) = &told.first {
                return Poll::Ready(broken.clone());
            }
            told.waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }
}
