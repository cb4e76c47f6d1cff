//! One machine of a world, in one of its lives: the runtime that a node is given. Knows tasks, clocks and where its
//! network begins; nothing of other machines.

use crate::disk::Disk;
use crate::fault::MachineId;
use crate::net::SimTransport;
use crate::shared::{Shared, ip_of};
use crate::task::{Task, TaskWaker};
use crate::time::Nanos;
use devts_rt::{BoxFuture, Runtime, Transport};
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A machine, from one start to the next kill or loss of power: the host that a node on it is given. What is spawned on
/// a life that is over is dropped, and its sleeps never end.
///
/// ```
/// use devts_rt::Runtime;
/// let world = devts_sim::World::new(7);
/// let machine = world.machine("n1");
/// let hour = machine.sleep(std::time::Duration::from_secs(3600));
/// world.block_on(hour).unwrap();
/// assert!(machine.now() >= std::time::Duration::from_secs(3600));
/// ```
#[derive(Clone)]
pub struct Machine {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: usize,
    pub(crate) life: u32,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Machine(n{}, life {})", self.id + 1, self.life)
    }
}

impl Machine {
    /// Its number, which is its place in the order in which machines were added.
    pub fn id(&self) -> MachineId {
        MachineId(self.id)
    }

    /// Its name, which resolves in its world.
    pub fn machine_name(&self) -> String {
        self.shared.with(|state| state.machines[self.id].name.clone())
    }

    /// Its one address: 127.0.0.1 for the first machine, 127.0.0.2 for the second, and so on. Whatever loopback address
    /// something on it listens on, it is this one.
    pub fn ip(&self) -> IpAddr {
        ip_of(self.id)
    }

    /// Its disk, which outlives crashes.
    pub fn disk(&self) -> Disk {
        self.shared.with(|state| state.machines[self.id].disk.clone())
    }

    /// This life of it goes on.
    pub fn is_up(&self) -> bool {
        self.shared.with(|state| state.lives(self.id, self.life))
    }

    /// Starts it again after a kill or a loss of power: the handle of its new life. A machine that is up stays as it is.
    pub fn start(&self) -> Machine {
        let life = self.shared.with(|state| state.start(self.id));
        Machine { life, ..self.clone() }
    }

    fn here(&self, what: &str) -> bool {
        self.shared.must_be_here(what, Some(self.id))
    }
}

/// Spawns a task; a machine's life owns it, or nobody. A future that will not run is given back.
pub(crate) fn spawn(
    shared: &Arc<Shared>,
    machine: Option<(usize, u32)>,
    future: BoxFuture<()>,
) -> Option<BoxFuture<()>> {
    let id = shared.with(|state| match machine {
        Some((id, life)) if !state.lives(id, life) => None,
        _ => Some(state.tasks.next_id()),
    });
    let Some(id) = id else { return Some(future) };
    let mark = TaskWaker::new(shared, id, machine.map(|(id, _)| id));
    let waker = Waker::from(mark.clone());
    waker.wake_by_ref();
    shared.with(|state| state.tasks.put(id, Task { future: Some(future), waker, mark, machine }));
    None
}

impl Runtime for Machine {
    fn name(&self) -> &'static str {
        "sim"
    }

    fn spawn(&self, future: BoxFuture<()>) {
        self.here("a task was spawned");
        drop(spawn(&self.shared, Some((self.id, self.life)), future));
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        let length = nanos(duration);
        let until = self.shared.with(|state| {
            let local = state.machines[self.id].local(state.now);
            local.saturating_add(length)
        });
        Box::pin(Sleep {
            shared: self.shared.clone(),
            machine: Some((self.id, self.life)),
            until,
            armed: None,
        })
    }

    fn now(&self) -> Duration {
        Duration::from_nanos(self.shared.with(|state| state.machines[self.id].local(state.now)))
    }

    fn wall(&self) -> Duration {
        Duration::from_nanos(self.shared.with(|state| state.machines[self.id].wall(state.now)))
    }

    /// Runs the work on the world's thread a little later: it takes no virtual time.
    fn blocking(&self, work: Box<dyn FnOnce() + Send + 'static>) -> BoxFuture<()> {
        self.here("blocking work was started");
        let done = Arc::new(Mutex::new(Done::default()));
        let result = done.clone();
        let latency = self.shared.with(|state| state.rng.below(nanos(state.settings.tick) + 1));
        let sleep = self.sleep(Duration::from_nanos(latency));
        self.spawn(Box::pin(async move {
            sleep.await;
            let ended = catch_unwind(AssertUnwindSafe(work));
            let waker = {
                let mut done = crate::shared::lock(&result);
                done.ended = Some(ended);
                done.waker.take()
            };
            waker.into_iter().for_each(Waker::wake);
        }));
        Box::pin(std::future::poll_fn(move |cx| {
            let mut done = crate::shared::lock(&done);
            match done.ended.take() {
                Some(Ok(())) => Poll::Ready(()),
                Some(Err(panic)) => {
                    drop(done);
                    resume_unwind(panic)
                }
                None => {
                    done.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        }))
    }

    fn fill_random(&self, buffer: &mut [u8]) -> io::Result<()> {
        self.shared.with(|state| {
            let rng = &mut state.machines[self.id].rng;
            for part in buffer.chunks_mut(8) {
                part.copy_from_slice(&rng.next_u64().to_le_bytes()[..part.len()]);
            }
        });
        Ok(())
    }

    fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(SimTransport { machine: self.clone() })
    }
}

/// What became of blocking work.
#[derive(Default)]
struct Done {
    ended: Option<Result<(), Box<dyn Any + Send>>>,
    waker: Option<Waker>,
}

/// A duration that fits; what does not is the end of time.
pub(crate) fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}

/// A sleep on the clock of a machine, or on the true one.
pub(crate) struct Sleep {
    pub(crate) shared: Arc<Shared>,
    pub(crate) machine: Option<(usize, u32)>,
    /// When it ends, on that clock.
    pub(crate) until: Nanos,
    pub(crate) armed: Option<(u32, u32)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let shared = this.shared.clone();
        shared.must_be_here("a sleep was polled", this.machine.map(|(id, _)| id));
        shared.with(|state| {
            let (here, at) = match this.machine {
                Some((id, _)) => {
                    let machine = &state.machines[id];
                    (machine.local(state.now), machine.when(state.now, this.until))
                }
                None => (state.now, this.until),
            };
            if here >= this.until {
                return Poll::Ready(());
            }
            match this.armed.filter(|(slot, round)| state.agenda.is_armed(*slot, *round)) {
                Some((slot, _)) => {
                    let old = state.agenda.rearm(slot, cx.waker());
                    state.waste.extend(old);
                }
                None => {
                    let (at, tie) = (state.tick(at), state.tie());
                    this.armed = Some(state.agenda.arm(at, tie, cx.waker().clone()));
                }
            }
            Poll::Pending
        })
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some((slot, round)) = self.armed {
            self.shared.with(|state| {
                let waker = state.agenda.disarm(slot, round);
                state.waste.extend(waker);
            });
        }
    }
}
