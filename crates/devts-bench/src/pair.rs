//! What one pair of processes does, whichever way its bytes go: one-way events, then requests one at a time, and what
//! that took. Knows no transport.

use crate::Result;
use crate::meter::{Meter, Used};
use crate::payload::Payload;
use std::future::Future;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// The emitting end of a pair.
pub(crate) trait Client<E: Payload>: Send {
    /// Emits so many events; done when the receiver says that the last was handled, and what handling took.
    fn one_way(&mut self, count: u64) -> impl Future<Output = Result<Used>> + Send;
    /// So many requests follow.
    fn begin_echo(&mut self, count: u64) -> impl Future<Output = Result> + Send;
    /// One request and its answer.
    fn echo(&mut self, event: E) -> impl Future<Output = Result<E>> + Send;
}

/// How much a pair does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) size: usize,
    pub(crate) events: u64,
    pub(crate) echoes: u64,
}

/// Ends the process of a receiver that was given something else than what was emitted: no ratio is worth that.
#[inline]
pub(crate) fn check<E: Payload>(event: &E, number: u64, size: usize) {
    if !event.is(number, size) {
        eprintln!("devts-bench: event {number} of {size} bytes is not what was emitted");
        std::process::exit(3);
    }
}

/// What a run took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    /// One-way events a second, first emit to last handled.
    pub(crate) events: f64,
    /// Processor time of both ends, in nanoseconds an event.
    pub(crate) cpu: f64,
    /// Allocations an event at the emitter and at the receiver.
    pub(crate) allocations: [f64; 2],
    /// Half of the requests took at most this, and 99 of 100 that, in microseconds.
    pub(crate) echo: [f64; 2],
}

/// Warms up, then measures.
pub(crate) async fn measure<E: Payload>(mut client: impl Client<E>, load: Load) -> Result<Sample> {
    let Load { size, events, echoes } = load;
    client.one_way(events.div_ceil(8)).await?;
    let (meter, start) = (Meter::start(), Instant::now());
    let receiver = client.one_way(events).await?;
    let (took, emitter) = (start.elapsed(), meter.read());
    let event = |total: u64| total as f64 / events as f64;
    client.begin_echo(echoes.div_ceil(8) + echoes).await?;
    echo(&mut client, 0, echoes.div_ceil(8), size).await?;
    let latencies = echo(&mut client, echoes.div_ceil(8), echoes, size).await?;
    Ok(Sample {
        events: events as f64 / took.as_secs_f64(),
        cpu: event(emitter.cpu + receiver.cpu),
        allocations: [event(emitter.allocations), event(receiver.allocations)],
        echo: [share(&latencies, 50), share(&latencies, 99)],
    })
}

/// The latencies of so many requests, sorted.
async fn echo<E: Payload>(
    client: &mut impl Client<E>,
    first: u64,
    count: u64,
    size: usize,
) -> Result<Vec<Duration>> {
    let event = E::sized(size);
    let mut latencies = Vec::with_capacity(usize::try_from(count)?);
    for number in first..first + count {
        let start = Instant::now();
        let answer = client.echo(event.numbered(number)).await?;
        latencies.push(start.elapsed());
        check(&answer, number, size);
    }
    latencies.sort_unstable();
    Ok(latencies)
}

/// The latency that so many of a hundred stay within, in microseconds.
fn share(sorted: &[Duration], percent: usize) -> f64 {
    sorted
        .get(sorted.len().saturating_sub(1) * percent / 100)
        .map_or(0.0, |latency| latency.as_secs_f64() * 1e6)
}

/// As one line between processes.
impl std::fmt::Display for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Sample { events, cpu, allocations, echo } = self;
        write!(f, "{events} {cpu} {} {} {} {}", allocations[0], allocations[1], echo[0], echo[1])
    }
}

impl FromStr for Sample {
    type Err = Box<dyn std::error::Error + Send + Sync>;

    fn from_str(line: &str) -> Result<Sample> {
        let numbers = line.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        let [events, cpu, emitter, receiver, p50, p99] = numbers[..] else {
            return Err(format!("no sample: {line:?}").into());
        };
        Ok(Sample { events, cpu, allocations: [emitter, receiver], echo: [p50, p99] })
    }
}

#[cfg(test)]
mod tests {
    use super::{Sample, share};
    use std::time::Duration;

    #[test]
    fn a_sample_crosses_as_a_line() {
        let sample = Sample { events: 1.5e6, cpu: 80.25, allocations: [0.0, 1.0], echo: [31.5, 99.0] };
        assert_eq!(sample.to_string().parse::<Sample>().unwrap(), sample);
        assert!("1 2 3".parse::<Sample>().is_err());
    }

    #[test]
    fn shares_of_latencies() {
        let sorted: Vec<_> = (1..=101).map(Duration::from_micros).collect();
        assert_eq!((share(&sorted, 50).round(), share(&sorted, 99).round()), (51.0, 100.0));
        assert_eq!(share(&[], 50), 0.0);
    }
}
