//! Where a node is about to run: its machine in a life of it, and whom it may join through. Knows no node.

use super::watch::id_of;
use crate::NodeId;
use devts_rt::Runtime;
use devts_sim::{Disk, Machine};
use std::sync::Arc;

/// Where a node is about to start: what [`super::Sim::nodes`] gives to the closure that makes it.
///
/// ```
/// use devts::sim::{Faults, Place, Sim};
/// # struct Logging { starts: u64 }
/// # #[devts::node("logging")] impl devts::Node for Logging {}
/// fn open(place: &Place) -> std::io::Result<Logging> {
///     let log = place.disk().open("starts")?; // what an earlier start has written is there
///     log.append(b"x")?;
///     log.sync()?;
///     Ok(Logging { starts: log.len()? })
/// }
///
/// devts::sim::seeds(1).check(|sim: &mut Sim<Logging>| {
///     sim.nodes(3, |place| open(place).expect("the disk is well"));
///     sim.faults(Faults::only_crashes());
///     let starts = sim.observe(|node: &Logging| node.starts);
///     sim.always("a start is logged", move || starts.all(|starts| *starts > 0));
/// });
/// ```
#[derive(Clone, Debug)]
pub struct Place {
    pub(crate) node: usize,
    pub(crate) start: u16,
    pub(crate) machine: Machine,
    pub(crate) seeds: Vec<String>,
}

impl Place {
    /// Which node: 0 for `n1`, and so on.
    pub fn node(&self) -> usize {
        self.node
    }

    /// Its id, the same at every start.
    pub fn id(&self) -> NodeId {
        id_of(self.node)
    }

    /// How often it was started, this start included: 1 at first.
    pub fn start(&self) -> u64 {
        u64::from(self.start)
    }

    /// The machine's disk, with what an earlier start has written and a crash has left.
    pub fn disk(&self) -> Disk {
        self.machine.disk()
    }

    /// Whom to join through: nobody for the first start of `n1`, `n1` for the first start of the others, and all the
    /// others after that.
    pub fn seeds(&self) -> Vec<String> {
        self.seeds.clone()
    }

    /// The machine as a host, for what a node needs of one before it has a [`crate::Context`].
    pub fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(self.machine.clone())
    }
}
