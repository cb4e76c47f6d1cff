//! How the checkers name a life: the machine it runs on, and which of its processes it is. Knows no node id and no boot
//! number of a real cluster; whoever feeds a checker translates.

use std::fmt;

/// A process of a machine: receiver, origin, sender. Shown as `n3`, and `n3#2` for the second process of the same machine.
///
/// ```
/// use devts_sim::check::LifeId;
///
/// assert_eq!(LifeId::new(2, 0).to_string(), "n3");
/// assert_eq!(LifeId::new(2, 1).to_string(), "n3#2");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LifeId {
    /// The machine, from 0: the same number as its `MachineId`.
    pub machine: u16,
    /// How often it was started before.
    pub boot: u16,
}

impl LifeId {
    /// The life number `boot` (from 0) of machine number `machine` (from 0).
    pub fn new(machine: u16, boot: u16) -> LifeId {
        LifeId { machine, boot }
    }
}

impl fmt::Display for LifeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", u32::from(self.machine) + 1)?;
        match self.boot {
            0 => Ok(()),
            boot => write!(f, "#{}", u32::from(boot) + 1),
        }
    }
}
