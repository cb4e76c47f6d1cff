//! The hybrid logical clock: stamps that follow the wall clock and never run backwards. Told the time; knows no
//! clock, key or node.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

const COUNTER_BITS: u32 = 16;
/// Wall clocks past the year 6400 are taken for this: half the range stays free for the counter to carry into.
const MILLIS_MAX: u128 = 1 << 47;

/// A moment as a replica stamped it: 48 bits of milliseconds since the Unix epoch, then a 16-bit counter that
/// tells stamps within one millisecond apart. Later is greater.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stamp(u64);

impl Stamp {
    /// The first stamp of this moment of the wall clock.
    pub fn at(wall: Duration) -> Stamp {
        let millis = wall.as_millis().min(MILLIS_MAX) as u64;
        Stamp(millis << COUNTER_BITS)
    }

    /// Milliseconds since the Unix epoch.
    pub fn millis(self) -> u64 {
        self.0 >> COUNTER_BITS
    }

    /// Which stamp of its millisecond this is, from 0.
    pub fn counter(self) -> u16 {
        self.0 as u16
    }

    /// As one number, in the same order.
    pub fn get(self) -> u64 {
        self.0
    }

    /// The stamp after this one. A full counter carries into the millisecond: the clock then runs ahead of the
    /// wall by that one millisecond, which is what waiting for it would have given, without the wait.
    fn next(self) -> Stamp {
        Stamp(self.0.saturating_add(1))
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.millis(), self.counter())
    }
}

/// A stamp that is further ahead of this node's wall clock than the allowed drift. It is not merged: one bad
/// clock must not freeze a key for years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockTooFarAhead {
    /// How far the stamp is ahead.
    pub ahead: Duration,
    /// How far it may be.
    pub max_drift: Duration,
}

impl fmt::Display for ClockTooFarAhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ahead, max_drift } = self;
        write!(f, "a write is stamped {ahead:?} ahead of this node's clock, {max_drift:?} is allowed: ")?;
        f.write_str("compare the clocks of the two machines")
    }
}

impl std::error::Error for ClockTooFarAhead {}

/// Gives stamps, each greater than all that it gave or saw before.
#[derive(Clone, Debug)]
pub struct Clock {
    last: Stamp,
    max_drift: Duration,
}

impl Clock {
    /// A clock that has seen nothing. Stamps more than `max_drift` ahead of the wall are refused.
    pub fn new(max_drift: Duration) -> Clock {
        Clock { last: Stamp::default(), max_drift }
    }

    /// A new stamp. The wall clock may stand still or go back: stamps do not.
    pub fn tick(&mut self, wall: Duration) -> Stamp {
        self.last = Stamp::at(wall).max(self.last.next());
        self.last
    }

    /// Takes note of another's stamp: whatever is stamped here from now on is greater.
    pub fn observe(&mut self, stamp: Stamp, wall: Duration) -> Result<(), ClockTooFarAhead> {
        self.check(stamp, wall)?;
        self.last = self.last.max(stamp);
        Ok(())
    }

    fn check(&self, stamp: Stamp, wall: Duration) -> Result<(), ClockTooFarAhead> {
        let ahead = Duration::from_millis(stamp.millis()).saturating_sub(wall);
        if ahead > self.max_drift {
            Err(ClockTooFarAhead { ahead, max_drift: self.max_drift })
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DRIFT: Duration = Duration::from_secs(60);

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn follows_the_wall_and_counts_within_a_millisecond() {
        let mut clock = Clock::new(DRIFT);
        let first = clock.tick(ms(5));
        let second = clock.tick(ms(5));
        assert_eq!((first.millis(), first.counter()), (5, 0));
        assert_eq!((second.millis(), second.counter()), (5, 1));
        assert_eq!(clock.tick(ms(6)), Stamp::at(ms(6)));
    }

    #[test]
    fn a_full_counter_goes_on_in_the_next_millisecond() {
        let mut clock = Clock::new(DRIFT);
        let mut last = clock.tick(ms(5));
        for _ in 0..u16::MAX {
            last = clock.tick(ms(5));
        }
        assert_eq!((last.millis(), last.counter()), (5, u16::MAX));
        let carried = clock.tick(ms(5));
        assert_eq!((carried.millis(), carried.counter()), (6, 0));
    }

    #[test]
    fn a_stamp_too_far_ahead_is_refused_and_changes_nothing() {
        let mut clock = Clock::new(DRIFT);
        let wall = ms(1_000);
        assert_eq!(clock.observe(Stamp::at(wall + DRIFT), wall), Ok(()));
        let refused = clock.observe(Stamp::at(wall + DRIFT + ms(1)), wall);
        assert_eq!(refused, Err(ClockTooFarAhead { ahead: DRIFT + ms(1), max_drift: DRIFT }));
        assert_eq!(clock.tick(wall), Stamp::at(wall + DRIFT).next());
    }

    #[test]
    fn an_absurd_wall_still_gives_growing_stamps() {
        let mut clock = Clock::new(DRIFT);
        let first = clock.tick(Duration::MAX);
        assert!(clock.tick(Duration::MAX) > first);
    }

    proptest! {
        /// Whatever the wall does and whatever is seen in between: later stamps are greater.
        #[test]
        fn stamps_only_grow(steps in prop::collection::vec((any::<bool>(), 0u64..200_000), 1..100)) {
            let mut clock = Clock::new(DRIFT);
            let mut greatest = Stamp::default();
            for (tick, millis) in steps {
                if tick {
                    let stamp = clock.tick(ms(millis));
                    prop_assert!(stamp > greatest);
                    greatest = stamp;
                } else {
                    let seen = Stamp::at(ms(millis));
                    if clock.observe(seen, ms(100_000)).is_ok() {
                        greatest = greatest.max(seen);
                    }
                }
            }
        }
    }
}
