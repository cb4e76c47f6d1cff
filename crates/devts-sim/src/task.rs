//! The tasks of a world, and the list of those that are ready. Knows no time, no machine beyond its number, and not what
//! tasks do.

use crate::shared::{Shared, lock};
use devts_rt::BoxFuture;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Wake, Waker};

/// A task: its place, and how often the place was taken before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskId {
    pub(crate) place: u32,
    round: u32,
}

/// The one task that is polled in place: what `block_on` was given.
pub(crate) const MAIN: TaskId = TaskId { place: u32::MAX, round: 0 };

/// Puts its task on the list, once until it is polled.
#[derive(Debug)]
pub(crate) struct TaskWaker {
    id: TaskId,
    machine: Option<usize>,
    listed: AtomicBool,
    shared: Weak<Shared>,
}

impl TaskWaker {
    pub(crate) fn new(shared: &Arc<Shared>, id: TaskId, machine: Option<usize>) -> Arc<TaskWaker> {
        Arc::new(TaskWaker { id, machine, listed: AtomicBool::new(false), shared: Arc::downgrade(shared) })
    }

    /// It is polled now: the next wake lists it again.
    pub(crate) fn looked_at(&self) {
        self.listed.store(false, Relaxed);
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.listed.swap(true, Relaxed)
            && let Some(shared) = self.shared.upgrade()
        {
            shared.must_be_here("a task was woken", self.machine);
            shared.ready.push(self.id);
        }
    }
}

/// The tasks that are ready.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    tasks: Mutex<Vec<TaskId>>,
}

impl Ready {
    pub(crate) fn push(&self, id: TaskId) {
        lock(&self.tasks).push(id);
    }

    /// Moves them to the end of a list.
    pub(crate) fn take(&self, list: &mut Vec<TaskId>) {
        list.append(&mut lock(&self.tasks));
    }
}

/// A task between two polls.
pub(crate) struct Task {
    /// `None` while it is polled.
    pub(crate) future: Option<BoxFuture<()>>,
    pub(crate) waker: Waker,
    pub(crate) mark: Arc<TaskWaker>,
    /// Whose it is, and in which of that machine's lives.
    pub(crate) machine: Option<(usize, u32)>,
}

#[derive(Default)]
struct Place {
    round: u32,
    task: Option<Task>,
}

/// All tasks.
#[derive(Default)]
pub(crate) struct Tasks {
    places: Vec<Place>,
    free: Vec<u32>,
}

impl Tasks {
    /// A place for a task that is about to be made.
    pub(crate) fn next_id(&mut self) -> TaskId {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            u32::try_from(self.places.len() - 1).expect("fewer than 2^32 tasks live at once")
        });
        TaskId { place, round: self.places[place as usize].round }
    }

    pub(crate) fn put(&mut self, id: TaskId, task: Task) {
        self.places[id.place as usize].task = Some(task);
    }

    pub(crate) fn get(&mut self, id: TaskId) -> Option<&mut Task> {
        let place = self.places.get_mut(id.place as usize)?;
        place.task.as_mut().filter(|_| place.round == id.round)
    }

    /// The task is over.
    pub(crate) fn remove(&mut self, id: TaskId) -> Option<Task> {
        let place = self.places.get_mut(id.place as usize).filter(|place| place.round == id.round)?;
        let task = place.task.take()?;
        place.round += 1;
        self.free.push(id.place);
        Some(task)
    }

    /// Takes out all tasks for which this holds.
    pub(crate) fn take_if(&mut self, wanted: impl Fn(Option<(usize, u32)>) -> bool) -> Vec<Task> {
        let ids: Vec<TaskId> = self.ids().filter(|(_, machine)| wanted(*machine)).map(|(id, _)| id).collect();
        ids.into_iter().filter_map(|id| self.remove(id)).collect()
    }

    /// How many live, and how many of each machine.
    pub(crate) fn owners(&self) -> Vec<Option<usize>> {
        self.ids().map(|(_, machine)| machine.map(|(id, _)| id)).collect()
    }

    fn ids(&self) -> impl Iterator<Item = (TaskId, Option<(usize, u32)>)> {
        self.places.iter().enumerate().filter_map(|(index, place)| {
            let task = place.task.as_ref()?;
            Some((TaskId { place: index as u32, round: place.round }, task.machine))
        })
    }
}
