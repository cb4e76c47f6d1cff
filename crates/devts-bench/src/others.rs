//! What else the machine does while a pair is measured: a pair that shared its cores with others says little. Reads
//! `/proc`, and where there is none sees nothing. Knows not what is measured.

use std::thread;
use std::time::{Duration, Instant};

/// In these the system counts, a hundred a second.
const TICKS: f64 = 100.0;

/// A pair is measured while others use at most so much of the machine, in cores.
pub(crate) const QUIET: f64 = 0.1;
/// So long the machine must have been quiet, and so often it is looked at.
const LOOK: Duration = Duration::from_millis(300);

/// Waits until the machine is quiet, at most as long as `patience` allows, which it uses up.
pub(crate) fn wait(patience: &mut Duration) {
    while *patience >= LOOK {
        let others = Others::start();
        thread::sleep(LOOK);
        if others.read(&[]) <= QUIET {
            return;
        }
        *patience -= LOOK;
    }
}

/// The start of a stretch of time.
#[derive(Debug)]
pub(crate) struct Others {
    busy: Option<u64>,
    start: Instant,
}

impl Others {
    pub(crate) fn start() -> Others {
        Others { busy: busy(), start: Instant::now() }
    }

    /// What all but these processes have used since, in cores. They may have ended, but must not be waited for yet.
    pub(crate) fn read(&self, ours: &[u32]) -> f64 {
        let (Some(before), Some(now)) = (self.busy, busy()) else { return 0.0 };
        let own: u64 = ours.iter().filter_map(|process| used(*process)).sum();
        (now - before).saturating_sub(own) as f64 / TICKS / self.start.elapsed().as_secs_f64()
    }
}

/// Ticks of all processors in programs and in the kernel for them, and those that the machine did not get.
fn busy() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<u64> =
        stat.lines().next()?.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [user, nice, system, _idle, _wait, _irq, _softirq, steal, ..] = ticks[..] else { return None };
    Some(user + nice + system + steal)
}

/// Ticks of one process.
fn used(process: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name comes second and may hold anything, blanks too.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11).map(|word| word.parse::<u64>().ok());
    Some(fields.next()?? + fields.next()??)
}

#[cfg(test)]
mod tests {
    use super::{Others, busy, used};

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_ours_is_not_others() {
        let own = std::process::id();
        assert!(busy().unwrap() >= used(own).unwrap());
        assert!(Others::start().read(&[own]) >= 0.0);
    }
}
