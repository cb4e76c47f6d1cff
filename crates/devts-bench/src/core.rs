//! Which processor core a process runs on: the emitter and the receiver each have one of their own. Otherwise the
//! scheduler now puts both on one core and now does not, which moves a result by a factor of two, and the luck of a run
//! would be the ratio. Knows not what runs.

/// The two ends of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Emitter,
    Receiver,
}

/// Keeps this process, whose threads are still to come, on the first or the last core it may use. Where it may use one
/// only, or the system has no such call, nothing changes.
pub(crate) fn keep(end: End) -> crate::Result {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
        let may = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| may.is_set(*core));
        let core = match end {
            End::Emitter => cores.next(),
            End::Receiver => cores.next_back(),
        };
        let mut one = CpuSet::new();
        one.set(core.ok_or("no core")?);
        sched_setaffinity(None, &one)?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = end;
    Ok(())
}
