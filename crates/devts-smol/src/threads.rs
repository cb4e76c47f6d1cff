//! The threads that run an executor of ours, and what ends them. It knows nothing of what runs there.

use async_channel::{Receiver, Sender};
use async_executor::Executor;
use std::convert::Infallible;
use std::io;
use std::num::NonZeroUsize;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::thread;

/// Running threads. They end when the last clone is dropped, as nothing is ever sent and the channel closes.
#[derive(Clone, Debug)]
pub(crate) struct Threads {
    _running: Sender<Infallible>,
}

impl Threads {
    /// Starts all, or none when one of them cannot be had.
    pub(crate) fn start(count: usize, executor: &Arc<Executor<'static>>) -> io::Result<Threads> {
        let (running, ended) = async_channel::bounded(1);
        for number in 0..count {
            let (executor, ended) = (Arc::clone(executor), ended.clone());
            let name = format!("devts-smol-{number}");
            thread::Builder::new().name(name).spawn(move || run(&executor, &ended))?;
        }
        Ok(Threads { _running: running })
    }
}

fn run(executor: &Executor<'static>, ended: &Receiver<Infallible>) {
    // Tasks catch their own panics. The destructor of one may still panic, and must not end the thread.
    while catch_unwind(|| async_io::block_on(executor.run(ended.recv()))).is_err() {}
}

/// How many threads the environment asks for, by the variable that smol itself reads.
pub(crate) fn wanted() -> usize {
    let wanted = std::env::var("SMOL_THREADS").ok().and_then(|count| count.parse().ok());
    wanted.map_or(1, NonZeroUsize::get)
}
