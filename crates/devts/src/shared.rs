//! What everybody in one node shares: the queues between callers, driver and dispatch, and where the node stands in its
//! life. Knows no user type.

use crate::command::{Command, Errand};
use crate::config::{Config, OnPanic};
use crate::dial::Report;
use crate::mailbox::{Item, Mailbox};
use crate::member::Views;
use crate::outbox::{Bounds, Caller, Outbox, Refused, Shut};
use crate::promise::Promise;
use crate::stats::{Pulse, Tally};
use crate::tap::Tap;
use crate::tasks::Tasks;
use crate::waiters::Waiters;
use crate::{Event, JoinError, turn, types};
use bytes::Bytes;
use devts_proto::NodeId;
use devts_proto::engine::Counters;
use devts_rt::{Runtime, Transport};
use futures_util::task::AtomicWaker;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How much more than outside callers a turn may say before it is told `Full`.
const TURN_EXTRA: usize = 1 << 20;

/// Why a node stops or has stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Somebody called `stop`, or the `joined` hook failed, which `join` tells.
    Asked,
    /// A turn panicked.
    Panicked(String),
    /// A younger life of this id is in the cluster.
    Superseded,
    /// Turns did not end in time and were dropped.
    Overdue,
    /// devts itself failed.
    Internal(String),
    /// The host dropped the node's tasks.
    HostGone,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Running,
    Stopping(Cause),
    Stopped(Cause),
}

#[derive(Debug)]
struct Lifecycle {
    stage: Stage,
    waiters: Waiters,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) node: NodeId,
    pub(crate) address: SocketAddr,
    pub(crate) kind: String,
    pub(crate) config: Config,
    pub(crate) on_panic: OnPanic,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) mailbox: Mailbox,
    /// Wakes the driver.
    pub(crate) driver: AtomicWaker,
    pub(crate) views: Arc<Views>,
    pub(crate) tasks: Tasks,
    pub(crate) tally: Tally,
    pub(crate) pulse: Pulse,
    pub(crate) tap: Tap,
    pub(crate) counters: Mutex<Counters>,
    outbox: Mutex<Outbox>,
    reports: Mutex<Vec<Report>>,
    lifecycle: Mutex<Lifecycle>,
    join: Mutex<Option<Promise<Result<(), JoinError>>>>,
    calls: AtomicU64,
}

/// What a core is made of.
pub(crate) struct Parts {
    pub(crate) node: NodeId,
    pub(crate) address: SocketAddr,
    pub(crate) kind: String,
    pub(crate) config: Config,
    pub(crate) on_panic: OnPanic,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) join: Promise<Result<(), JoinError>>,
    pub(crate) tap: Tap,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    pub(crate) fn new(parts: Parts) -> Core {
        let soft = parts.config.outgoing;
        let bounds = Bounds { soft, hard: soft + TURN_EXTRA, message: parts.config.engine.max_message };
        Core {
            node: parts.node,
            address: parts.address,
            kind: parts.kind,
            on_panic: parts.on_panic,
            transport: parts.transport,
            mailbox: Mailbox::default(),
            driver: AtomicWaker::new(),
            views: Views::new(),
            tasks: Tasks::new(parts.runtime.clone()),
            tally: Tally::default(),
            pulse: Pulse::default(),
            tap: parts.tap,
            counters: Mutex::default(),
            outbox: Mutex::new(Outbox::new(bounds)),
            reports: Mutex::default(),
            lifecycle: Mutex::new(Lifecycle { stage: Stage::Running, waiters: Waiters::default() }),
            join: Mutex::new(Some(parts.join)),
            calls: AtomicU64::new(0),
            runtime: parts.runtime,
            config: parts.config,
        }
    }

    // ---- what callers and turns say --------------------------------------------------------------------------

    pub(crate) fn outbox(&self) -> MutexGuard<'_, Outbox> {
        lock(&self.outbox)
    }

    /// The outbox, and the short id of `E` in it.
    #[inline]
    fn outbox_for<E: Event>(&self) -> Result<(MutexGuard<'_, Outbox>, u16), Refused> {
        let mut outbox = self.outbox();
        match outbox.types.get::<E>() {
            Some(ty) => Ok((outbox, ty)),
            None => {
                drop(outbox);
                self.add_type::<E>()
            }
        }
    }

    /// First use: the shape is traced outside the lock, for it runs the user's `Deserialize`.
    #[cold]
    fn add_type<E: Event>(&self) -> Result<(MutexGuard<'_, Outbox>, u16), Refused> {
        if !types::is_name(E::NAME) {
            return Err(Refused::Name(E::NAME));
        }
        let entry = types::entry::<E>();
        let mut outbox = self.outbox();
        if let Some(ty) = outbox.types.get::<E>() {
            return Ok((outbox, ty));
        }
        let ty = outbox.types.add::<E>(entry.clone()).ok_or(Refused::Name(E::NAME))?;
        self.mailbox.push(Item::OwnTypes(vec![entry]));
        Ok((outbox, ty))
    }

    /// Emits, or says why not.
    #[inline]
    pub(crate) fn emit<E: Event>(&self, event: &E, to_self: bool, caller: Caller<'_>) -> Result<(), Refused> {
        let (mut outbox, ty) = self.outbox_for::<E>()?;
        let (asleep, encoded) = outbox.emit(ty, event, to_self, caller)?;
        if to_self {
            // Under the lock, so that this node takes its own events in the order in which they are numbered.
            self.mailbox.push_own_event(encoded);
        }
        let number = outbox.count();
        drop(outbox);
        self.tap.emitted(number);
        if asleep {
            self.driver.wake();
        }
        Ok(())
    }

    /// Queues a call, or says why not. The errand is taken only when the call is.
    pub(crate) fn call<E: Event>(
        &self,
        to: NodeId,
        event: &E,
        errand: &mut Option<Errand>,
        caller: Caller<'_>,
    ) -> Result<(), Refused> {
        if to == self.node {
            return self.call_self(event, errand, caller);
        }
        if self.views.view().member(to).is_none() {
            return Err(if self.is_stopping() { Refused::Stopped } else { Refused::NotMember });
        }
        let (mut outbox, ty) = self.outbox_for::<E>()?;
        let asleep = outbox.call((to, ty), event, errand, caller)?;
        drop(outbox);
        if asleep {
            self.driver.wake();
        }
        Ok(())
    }

    fn call_self<E: Event>(
        &self,
        event: &E,
        errand: &mut Option<Errand>,
        caller: Caller<'_>,
    ) -> Result<(), Refused> {
        let (mut outbox, ty) = self.outbox_for::<E>()?;
        let body = Bytes::from(outbox.call_self(event, caller)?);
        let reply = match errand.take() {
            Some(Errand::Request(request)) => Some(request.promise),
            Some(Errand::Send(receipt)) => {
                receipt.into_iter().for_each(|receipt| receipt.keep(Ok(())));
                None
            }
            // Refused by the verb itself.
            Some(Errand::Open(_)) | None => None,
        };
        self.mailbox.push(Item::OwnCall { ty, body, reply });
        Ok(())
    }

    /// Queues a command.
    pub(crate) fn command(&self, command: Command) {
        let asleep = self.outbox().push(command);
        if asleep {
            self.driver.wake();
        }
    }

    /// A number for a request.
    pub(crate) fn next_call(&self) -> u64 {
        self.calls.fetch_add(1, Relaxed)
    }

    /// Whether a turn of this node runs on this thread; it must not wait.
    #[inline]
    pub(crate) fn in_turn(&self) -> bool {
        turn::current(self).is_some()
    }

    // ---- what tasks report to the driver ---------------------------------------------------------------------

    /// Reports to the driver. `false`: too many reports wait already, and this one is dropped.
    pub(crate) fn report(&self, report: Report) -> bool {
        let mut reports = lock(&self.reports);
        if reports.len() >= self.config.connections {
            return false;
        }
        reports.push(report);
        drop(reports);
        self.driver.wake();
        true
    }

    /// Reports to the driver whatever waits there already: for what must not be lost and is small.
    pub(crate) fn report_always(&self, report: Report) {
        lock(&self.reports).push(report);
        self.driver.wake();
    }

    /// Takes all reports.
    pub(crate) fn take_reports(&self, taken: &mut Vec<Report>) {
        std::mem::swap(&mut *lock(&self.reports), taken);
    }

    // ---- the node's life -------------------------------------------------------------------------------------

    /// Tells who awaits `join`, once.
    pub(crate) fn joined(&self, result: Result<(), JoinError>) {
        if let Some(promise) = lock(&self.join).take() {
            promise.keep(result);
        }
    }

    /// `stop` was called, or it has stopped.
    pub(crate) fn is_stopping(&self) -> bool {
        lock(&self.lifecycle).stage != Stage::Running
    }

    /// Begins to stop, unless it does already: queued turns first.
    pub(crate) fn stop(&self, cause: Cause) {
        if !self.stopping(cause) {
            return;
        }
        self.outbox().shut(Shut::Outside).wake();
        self.mailbox.push(Item::Stop);
        self.command(Command::Stop);
    }

    fn stopping(&self, cause: Cause) -> bool {
        let mut lifecycle = lock(&self.lifecycle);
        let running = lifecycle.stage == Stage::Running;
        if running {
            lifecycle.stage = Stage::Stopping(cause);
        }
        running
    }

    /// Says why it really stops, once that is worse than what was asked.
    pub(crate) fn blame(&self, cause: Cause) {
        let mut lifecycle = lock(&self.lifecycle);
        if let Stage::Stopping(known @ Cause::Asked) = &mut lifecycle.stage {
            *known = cause;
        }
    }

    /// The host drops the node's tasks: nobody stops in order any more.
    pub(crate) fn abandoned(&self) {
        self.stopping(Cause::HostGone);
        self.blame(Cause::HostGone);
    }

    /// Dispatch is done: nothing more can be said.
    pub(crate) fn drained(&self) {
        self.mailbox.close();
        self.outbox().shut(Shut::All).wake();
        self.command(Command::Drained);
    }

    /// The driver is done, and all tasks with it: whoever waits for anything of the node is told.
    pub(crate) fn stopped(&self) {
        self.mailbox.close();
        self.views.close();
        drop(lock(&self.join).take());
        lock(&self.reports).clear();
        let mut outbox = self.outbox();
        let mut queue = crate::command::Queue::default();
        let woken = outbox.shut(Shut::Dead);
        let more = outbox.swap(&mut queue, None);
        drop(outbox);
        [woken, more].into_iter().for_each(crate::waiters::Woken::wake);
        // Promises in it are broken now, with no lock held.
        drop(queue);
        let mut lifecycle = lock(&self.lifecycle);
        let cause = match &lifecycle.stage {
            Stage::Running => Cause::Asked,
            Stage::Stopping(cause) | Stage::Stopped(cause) => cause.clone(),
        };
        lifecycle.stage = Stage::Stopped(cause);
        let woken = lifecycle.waiters.take();
        drop(lifecycle);
        woken.wake();
    }

    /// Why it has stopped; registers the caller if it has not.
    pub(crate) fn poll_stopped(&self, key: &mut Option<u64>, waker: &std::task::Waker) -> Option<Cause> {
        let mut lifecycle = lock(&self.lifecycle);
        match &lifecycle.stage {
            Stage::Stopped(cause) => Some(cause.clone()),
            _ => {
                lifecycle.waiters.register(key, waker);
                None
            }
        }
    }

    /// Who waited for the end is dropped.
    pub(crate) fn forget_stopped(&self, key: u64) {
        lock(&self.lifecycle).waiters.remove(key);
    }
}
