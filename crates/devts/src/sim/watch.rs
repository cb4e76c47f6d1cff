//! What the nodes of a run tell: put down in the trace, counted, held against what is promised, and followed by the
//! question whether the invariants hold. Knows no node's type.

use super::contract::Contract;
use super::failure::Broken;
use super::invariants::Invariants;
use super::panics;
use super::trouble::Trouble;
use crate::member::PeerEvent;
use crate::tap::Observer;
use crate::{Life, NodeId, Undeliverable};
use devts_proto::claim::Vector;
use devts_sim::{Change, NOBODY, What, World};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What was counted in a run, or in many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Events that nodes emitted.
    pub emitted: u64,
    /// Events that turns of other nodes handled.
    pub handled: u64,
    /// Gaps that nodes were told.
    pub gaps: u64,
    /// Times that a node took the state of another.
    pub restored: u64,
    /// Changes of views.
    pub views: u64,
    /// Sends that their sender was told not to arrive.
    pub undeliverable: u64,
    /// Starts of nodes, the first ones included.
    pub starts: u64,
    /// Faults applied, starts included.
    pub faults: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.emitted += other.emitted;
        self.handled += other.handled;
        self.gaps += other.gaps;
        self.restored += other.restored;
        self.views += other.views;
        self.undeliverable += other.undeliverable;
        self.starts += other.starts;
        self.faults += other.faults;
    }
}

/// Everything that is watched in one run.
pub(crate) struct Watching {
    world: World,
    pub(crate) trouble: Trouble,
    told: Mutex<Told>,
    invariants: Mutex<Invariants>,
    /// The cluster is formed: from now on they must hold.
    asking: AtomicBool,
    settings: Mutex<Allowed>,
}

/// What is no failure.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Allowed {
    pub(crate) gaps: bool,
    pub(crate) panics: bool,
}

#[derive(Default)]
struct Told {
    contract: Contract,
    counts: Counts,
    notes: Vec<String>,
}

impl fmt::Debug for Watching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watching").field(&self.counts()).finish()
    }
}

impl Watching {
    pub(crate) fn new(world: World) -> Arc<Watching> {
        Arc::new(Watching {
            world,
            trouble: Trouble::default(),
            told: Mutex::default(),
            invariants: Mutex::default(),
            asking: AtomicBool::new(false),
            settings: Mutex::new(Allowed { gaps: true, panics: false }),
        })
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn invariants(&self) -> MutexGuard<'_, Invariants> {
        self.invariants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn allowed(&self) -> MutexGuard<'_, Allowed> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.told().counts
    }

    pub(crate) fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.told().counts);
    }

    /// The first failure is in the trace, and ends the run.
    pub(crate) fn fail(&self, broken: Broken) {
        let text = broken.to_string();
        if self.trouble.tell(self.world.now(), broken) {
            self.world.record(What::Failed(text.into()));
        }
    }

    /// A line of whoever runs the test.
    pub(crate) fn note(&self, text: &str) {
        let at = self.world.now().as_secs_f64();
        self.told().notes.push(format!("at {at:.3} s: {text}"));
        self.world.record(What::Note { machine: NOBODY, text: text.into() });
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        self.told().notes.clone()
    }

    /// After a turn, or when a node has come or gone: whether all is as it must be. A question that is asked while
    /// another is being answered is none.
    pub(crate) fn look(&self) {
        self.panicked();
        if !self.asking.load(Relaxed) || self.trouble.get().is_some() {
            return;
        }
        let verdict = match self.invariants.try_lock() {
            Ok(mut invariants) => invariants.look(),
            Err(_) => return,
        };
        if let Err(broken) = verdict {
            self.fail(broken);
        }
    }

    /// From now on invariants must hold.
    pub(crate) fn ask(&self) {
        self.asking.store(true, Relaxed);
        self.look();
    }

    /// Whether something has panicked, if that is not allowed.
    pub(crate) fn panicked(&self) -> bool {
        let texts = panics::take();
        let counts = !texts.is_empty() && !self.allowed().panics;
        if counts {
            self.fail(Broken::Panicked { text: texts.join("; then ") });
        }
        counts
    }

    /// Nothing is asked any more.
    pub(crate) fn close(&self) {
        let invariants = std::mem::take(&mut *self.invariants());
        drop(invariants);
    }

    /// What the nodes that run, by their lives, have not handled yet of each other.
    pub(crate) fn missing(&self, lives: &[Life]) -> Vec<String> {
        self.told().contract.missing(lives)
    }

    /// Notes a fact that may break what is promised.
    fn hold(&self, fact: impl FnOnce(&mut Contract) -> Result<(), String>) {
        let verdict = fact(&mut self.told().contract);
        if let Err(found) = verdict {
            self.fail(Broken::Delivery { found });
        }
    }
}

/// What watches one life of one machine.
#[derive(Debug)]
pub(crate) struct Eye {
    watching: Arc<Watching>,
    machine: u16,
    /// How often the machine's node was started: the trace's word for a life.
    start: u16,
    life: Mutex<Option<Life>>,
}

impl Eye {
    pub(crate) fn new(watching: Arc<Watching>, machine: u16, start: u16) -> Arc<Eye> {
        Arc::new(Eye { watching, machine, start, life: Mutex::new(None) })
    }

    pub(crate) fn life(&self) -> Option<Life> {
        *self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life is over, and the trace says so once.
    pub(crate) fn close(&self) {
        let life = self.life.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(life) = life {
            self.record(What::Stopped { machine: self.machine, boot: self.start });
            self.watching.told().contract.stopped(life);
        }
    }

    fn record(&self, what: What) {
        self.watching.world.record(what);
    }

    /// Machine and start of an origin.
    fn origin(&self, origin: Life) -> (u16, u16) {
        self.watching.told().contract.whose(origin).unwrap_or((NOBODY, 0))
    }
}

impl Observer for Eye {
    fn joined(&self, life: Life, baseline: &Vector) {
        *self.life.lock().unwrap_or_else(PoisonError::into_inner) = Some(life);
        self.record(What::Joined { machine: self.machine, boot: self.start });
        self.watching.hold(|contract| contract.joined(life, (self.machine, self.start), baseline));
    }

    fn emitted(&self, seq: u64) {
        let Some(life) = self.life() else { return };
        self.record(What::Emitted { machine: self.machine, boot: self.start, seq });
        self.watching.count(|counts| counts.emitted += 1);
        self.watching.hold(|contract| contract.emitted(life, seq));
    }

    fn handled(&self, origin: Life, first: u64, last: u64) {
        let Some(life) = self.life() else { return };
        let (machine, (origin_machine, origin_boot)) = (self.machine, self.origin(origin));
        let count = u32::try_from(last + 1 - first).unwrap_or(u32::MAX);
        self.record(What::Handled { machine, origin: origin_machine, origin_boot, first, count });
        self.watching.count(|counts| counts.handled += u64::from(count));
        self.watching.hold(|contract| contract.handled(life, origin, first, last));
    }

    fn gap(&self, origin: Life, first: u64, last: u64) {
        let Some(life) = self.life() else { return };
        let (machine, (of, origin_boot)) = (self.machine, self.origin(origin));
        let what = What::Gap { machine, origin: of, origin_boot, first, last };
        let found = what.to_string();
        self.record(what);
        self.watching.count(|counts| counts.gaps += 1);
        self.watching.hold(|contract| contract.gap(life, origin, first, last));
        if !self.watching.allowed().gaps {
            self.watching.fail(Broken::Gap { found });
        }
    }

    fn hole(&self, origin: Life, first: u64, last: u64) {
        let (machine, (of, origin_boot)) = (self.machine, self.origin(origin));
        let what = What::Gap { machine, origin: of, origin_boot, first, last };
        let found = what.to_string();
        self.record(what);
        self.watching.count(|counts| counts.gaps += 1);
        if !self.watching.allowed().gaps {
            self.watching.fail(Broken::Gap { found });
        }
    }

    fn restored(&self, vector: &Vector) {
        let Some(life) = self.life() else { return };
        self.record(What::Note { machine: self.machine, text: "took another's state".into() });
        self.watching.count(|counts| counts.restored += 1);
        self.watching.hold(|contract| contract.restored(life, vector));
    }

    fn member(&self, event: &PeerEvent) {
        let change = match event {
            PeerEvent::Joined(_) => Change::Joined,
            PeerEvent::Left(_) => Change::Left,
            PeerEvent::Failed(_) => Change::Failed,
            PeerEvent::Rejoined(_) => Change::Rejoined,
            PeerEvent::Updated(_) => Change::Updated,
            PeerEvent::Incompatible(_) => return,
        };
        self.watching.count(|counts| counts.views += 1);
        self.record(What::Member { machine: self.machine, about: machine_of(event.id()), change });
    }

    fn undeliverable(&self, to: NodeId, name: &str, why: Undeliverable) {
        self.watching.count(|counts| counts.undeliverable += 1);
        let reason = crate::notice::reason(why);
        let text = format!("{name} cannot be delivered to n{}: {reason}", u32::from(machine_of(to)) + 1);
        self.record(What::Note { machine: self.machine, text: text.into() });
    }

    fn stopped(&self) {
        self.close();
    }
}

/// The id of the node on a machine: its number as people say it.
pub(crate) fn id_of(machine: usize) -> NodeId {
    NodeId::new(machine as u64 + 1).expect("it is at least 1")
}

fn machine_of(id: NodeId) -> u16 {
    u16::try_from(id.get() - 1).unwrap_or(NOBODY)
}
