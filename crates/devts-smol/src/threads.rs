//! The threads that run an executor of ours, what relieves them and what ends them. It knows nothing of what runs.

use async_channel::{Receiver, Sender};
use async_executor::Executor;
use std::io;
use std::num::NonZeroUsize;
use std::panic::catch_unwind;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

/// Running threads. They end when the last clone is dropped, which closes the channel that they listen to.
#[derive(Clone, Debug)]
pub(crate) struct Threads {
    relieved: Sender<()>,
    guests: Arc<Guests>,
}

impl Threads {
    /// Starts all, or none when one of them cannot be had.
    pub(crate) fn start(count: usize, executor: &Arc<Executor<'static>>) -> io::Result<Threads> {
        let (relieved, relief) = async_channel::bounded(1);
        let guests = Arc::new(Guests::default());
        for number in 0..count {
            let (executor, relief, guests) = (Arc::clone(executor), relief.clone(), Arc::clone(&guests));
            let name = format!("devts-smol-{number}");
            thread::Builder::new().name(name).spawn(move || run(&executor, &relief, &guests))?;
        }
        Ok(Threads { relieved, guests })
    }

    /// Lets one thread rest while the caller runs the executor in its place. Two threads for the work of one would
    /// wake each other for every event (measured: 32 µs a round trip on loopback, and 16 µs with one).
    pub(crate) fn relieve(&self) -> Guest {
        self.guests.change(|count| count + 1);
        // A full channel has told one already.
        let _ = self.relieved.try_send(());
        Guest(Arc::clone(&self.guests))
    }
}

fn run(executor: &Executor<'static>, relief: &Receiver<()>, guests: &Guests) {
    loop {
        // A panic stays in its task. The destructor of one may still panic, and must not end the thread.
        match catch_unwind(|| async_io::block_on(executor.run(relief.recv()))) {
            Ok(Ok(())) => guests.wait_for_none(),
            Ok(Err(_closed)) => return,
            Err(_panic) => (),
        }
    }
}

/// How many threads of the user's run the executor just now.
#[derive(Debug, Default)]
struct Guests {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Guests {
    fn change(&self, to: impl FnOnce(usize) -> usize) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count = to(*count);
        self.changed.notify_all();
    }

    fn wait_for_none(&self) {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_while(count, |count| *count > 0));
    }
}

/// A thread of the user's that runs the executor. Dropping it brings ours back.
pub(crate) struct Guest(Arc<Guests>);

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.change(|count| count - 1);
    }
}

/// How many threads the environment asks for, by the variable that smol itself reads.
pub(crate) fn wanted() -> usize {
    let wanted = std::env::var("SMOL_THREADS").ok().and_then(|count| count.parse().ok());
    wanted.map_or(1, NonZeroUsize::get)
}
