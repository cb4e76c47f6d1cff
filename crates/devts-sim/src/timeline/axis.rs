//! The axis of time: which times are written, and how. Knows no run.

const SECOND: u64 = 1_000_000_000;
const STEPS_MS: [u64; 24] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000,
    300_000, 600_000, 1_200_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000,
];

/// Times to write on an axis that ends at `until`, 6 to 14 of them.
pub(super) fn ticks(until: u64) -> Vec<(u64, String)> {
    let fits = |step: &&u64| until / (**step * 1_000_000) <= 13;
    let step = STEPS_MS.iter().find(fits).map_or(until / 10 + 1, |step| step * 1_000_000);
    let minutes = until > 120 * SECOND;
    (0..=until / step).map(|i| (i * step, text(i * step, minutes))).collect()
}

/// What the axis is counted in.
pub(super) fn unit(until: u64) -> &'static str {
    if until > 120 * SECOND { "virtual time in min:s" } else { "virtual time in s" }
}

fn text(at: u64, minutes: bool) -> String {
    let seconds = at / SECOND;
    if minutes {
        return format!("{}:{:02}", seconds / 60, seconds % 60);
    }
    let fraction = format!("{:03}", at % SECOND / 1_000_000);
    match fraction.trim_end_matches('0') {
        "" => format!("{seconds}"),
        digits => format!("{seconds}.{digits}"),
    }
}

/// A time for a tip: `61.5 s`, to the millisecond.
pub(super) fn said(at: u64) -> String {
    format!("{} s", text(at, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_neither_few_nor_many() {
        let mut until = 4_000_000;
        while until < 40_000 * SECOND {
            let ticks = ticks(until);
            assert!((3..=14).contains(&ticks.len()), "{until}: {ticks:?}");
            assert!(ticks.iter().all(|tick| tick.0 <= until));
            until = until * 5 / 4;
        }
    }

    #[test]
    fn long_runs_count_minutes() {
        assert_eq!(ticks(60 * SECOND).last().unwrap().1, "60");
        assert_eq!(ticks(300 * SECOND).last().unwrap().1, "5:00");
        assert_eq!(said(61_500_400_000), "61.5 s");
    }
}
