//! The simulated host of devts: time, network, crashes and disks of a whole cluster, virtual and from one seed, so that
//! a run can be made again exactly. It runs what ships: a node cannot tell it from another host, but for its name. It
//! knows no node, no event and no view; `devts::sim` does.

pub mod check;
mod disk;
mod fault;
mod generate;
mod machine;
mod net;
mod plan;
mod rng;
mod shared;
mod shrink;
pub mod story;
mod task;
mod time;
pub mod timeline;
mod trace;
mod world;

pub use disk::{Disk, DiskCounts, File};
pub use fault::{Fault, FaultError, MachineId, Nodes};
pub use generate::Faults;
pub use machine::Machine;
pub use plan::{Left, Plan, PlanError, Reason, Step, StepError};
pub use rng::Rng;
pub use shrink::shrink;
pub use trace::{Change, Difference, KEPT_LINES, Line, Lines, Mode, NOBODY, Trace, What, hash_bytes};
pub use world::{Running, Settings, Stuck, World};
