//! What this process has used: processor time, memory, allocations. Knows nothing of what it did.

use crate::ALLOCATOR;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What was used in a stretch of time.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Used {
    /// Allocations, growing ones included.
    pub(crate) allocations: u64,
    /// Processor time of all threads, in nanoseconds.
    pub(crate) cpu: u64,
}

/// The start of a stretch.
#[derive(Debug)]
pub(crate) struct Meter(Used);

impl Meter {
    pub(crate) fn start() -> Meter {
        Meter(now())
    }

    /// What was used since the start.
    pub(crate) fn read(&self) -> Used {
        let now = now();
        Used { allocations: now.allocations - self.0.allocations, cpu: now.cpu - self.0.cpu }
    }
}

fn now() -> Used {
    let counted = ALLOCATOR.stats();
    Used { allocations: (counted.allocations + counted.reallocations) as u64, cpu: cpu().as_nanos() as u64 }
}

/// Processor time of this process so far.
pub(crate) fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Memory of this process that is in RAM, in bytes: all, and what is its own alone (no file behind it).
pub(crate) fn memory() -> crate::Result<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| -> crate::Result<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such line in /proc")?;
        Ok(line.trim_end_matches("kB").trim().parse::<u64>()? * 1024)
    };
    Ok((field("VmRSS:")?, field("RssAnon:")?))
}
