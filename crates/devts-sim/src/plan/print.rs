//! The text form of plans, steps, faults and times, printed. Knows no grammar: what it prints, `read` reads back.

use std::fmt;
use std::time::Duration;

use super::{Plan, Step};
use crate::fault::{Fault, Nodes};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} {}", Plain(self.at), self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Cut { from, to, both } => write!(f, "cut {}", Sides(from, to, *both)),
            Fault::Heal => write!(f, "heal"),
            Fault::Mend { from, to, both } => write!(f, "mend {}", Sides(from, to, *both)),
            Fault::Slow { from, to, both, latency, jitter, rate } => {
                write!(f, "slow {} latency {}", Sides(from, to, *both), Plain(*latency))?;
                slow_extras(f, *jitter, *rate)
            }
            Fault::Lose { from, to, both, percent } => {
                write!(f, "lose {percent}% {}", Sides(from, to, *both))
            }
            Fault::Reset { from, to } => write!(f, "reset {from} from {to}"),
            Fault::Kill { node } => write!(f, "kill {node}"),
            Fault::PowerOff { node } => write!(f, "power off {node}"),
            Fault::Start { node } => write!(f, "start {node}"),
            Fault::Pause { node, time } => write!(f, "pause {node} for {}", Plain(*time)),
            Fault::Starve { node, delay, time } => {
                write!(f, "starve {node} by {} for {}", Plain(*delay), Plain(*time))
            }
            Fault::ClockRate { node, per_mille: 0 } => write!(f, "clock {node} true"),
            Fault::ClockRate { node, per_mille } => {
                let way = if *per_mille > 0 { "fast" } else { "slow" };
                write!(f, "clock {node} {way} {} per mille", per_mille.unsigned_abs())
            }
            Fault::WallJump { node, by_ms } => {
                let sign = if *by_ms < 0 { '-' } else { '+' };
                write!(f, "wall {node} {sign}{}", Plain(Duration::from_millis(by_ms.unsigned_abs())))
            }
            Fault::DiskFull { node, full: true } => write!(f, "disk full {node}"),
            Fault::DiskFull { node, full: false } => write!(f, "disk free {node}"),
            Fault::Flap { from, to, up, down, time } => {
                let (up, down, time) = (Plain(*up), Plain(*down), Plain(*time));
                write!(f, "flap {from} from {to} up {up} down {down} for {time}")
            }
        }
    }
}

fn slow_extras(f: &mut fmt::Formatter<'_>, jitter: Duration, rate: Option<u64>) -> fmt::Result {
    if !jitter.is_zero() {
        write!(f, " jitter {}", Plain(jitter))?;
    }
    rate.map_or(Ok(()), |rate| write!(f, " rate {rate}"))
}

/// `A from B`, or `A to B` for one way.
struct Sides<'a>(&'a Nodes, &'a Nodes, bool);

impl fmt::Display for Sides<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sides(from, to, both) = self;
        write!(f, "{from} {} {to}", if *both { "from" } else { "to" })
    }
}

/// A time as plans and stories write it: `250ms`, `12.5s`, `10m`, `24h`. Seconds up to ten minutes, so that a column of
/// times can be compared at a glance.
pub(crate) struct Plain(pub(crate) Duration);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.0.as_secs(), self.0.subsec_nanos());
        match (seconds, nanos) {
            (0, 0) => write!(f, "0s"),
            (0, n) if n % 1_000_000 == 0 => write!(f, "{}ms", n / 1_000_000),
            (0, n) if n % 1_000 == 0 => write!(f, "{}us", n / 1_000),
            (0, n) => write!(f, "{n}ns"),
            (s, 0) if s >= 3_600 && s % 3_600 == 0 => write!(f, "{}h", s / 3_600),
            (s, 0) if s >= 600 && s % 60 == 0 => write!(f, "{}m", s / 60),
            (s, 0) => write!(f, "{s}s"),
            (s, n) => write!(f, "{s}.{}s", format!("{n:09}").trim_end_matches('0')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::words::time;

    #[test]
    fn times_are_printed_plainly() {
        let table = [
            (0, "0s"),
            (1, "1ns"),
            (2_000, "2us"),
            (250_000_000, "250ms"),
            (12_500_000_000, "12.5s"),
            (1_000_000_001, "1.000000001s"),
            (90_000_000_000, "90s"),
            (600_000_000_000, "10m"),
            (86_400_000_000_000, "24h"),
        ];
        for (nanos, text) in table {
            let span = Duration::from_nanos(nanos);
            assert_eq!(Plain(span).to_string(), text);
            assert_eq!(time(text), Some(span));
        }
    }
}
