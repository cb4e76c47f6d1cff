//! The order of measuring: for each host and size raw, devts, raw, devts .. so that what else the machine does falls on
//! both; and what the samples say together. Starts processes, prints nothing but progress.

use crate::Result;
use crate::child::{Role, Way};
use crate::host::Host;
use crate::options::Options;
use crate::others::{Others, QUIET, wait};
use crate::pair::{Load, Sample};
use crate::process::Process;
use std::time::{Duration, Instant};

/// A raw sample, then one of devts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) samples: [Sample; 2],
    /// What others used of the machine meanwhile, in cores: the more of both samples.
    pub(crate) others: f64,
}

/// All that was measured at one host and size.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) host: Host,
    pub(crate) size: usize,
    pub(crate) pairs: Vec<Pair>,
}

/// Median, least and most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Spread {
        let mut sorted: Vec<f64> = values.collect();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        let (low, high) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
        let median = (at(low) + at(high)) / 2.0;
        Spread { median, least: at(0), most: at(sorted.len().saturating_sub(1)) }
    }
}

impl Cell {
    /// The median of something, raw and devts.
    pub(crate) fn medians(&self, what: impl Fn(&Sample) -> f64) -> [f64; 2] {
        [0, 1].map(|way| Spread::of(self.pairs.iter().map(|pair| what(&pair.samples[way]))).median)
    }

    /// devts over raw, pair by pair.
    pub(crate) fn ratio(&self, what: impl Fn(&Sample) -> f64) -> Spread {
        Spread::of(self.pairs.iter().map(|Pair { samples: [raw, devts], .. }| what(devts) / what(raw)))
    }

    /// What others used of the machine during the pair that they disturbed most, in cores.
    pub(crate) fn others(&self) -> f64 {
        self.pairs.iter().map(|pair| pair.others).fold(0.0, f64::max)
    }
}

pub(crate) fn run(options: &Options) -> Result<Vec<Cell>> {
    let (mut cells, mut patience) = (Vec::new(), options.patience);
    for &host in &options.hosts {
        for &size in &options.sizes {
            cells.push(cell(host, size, options, &mut patience)?);
        }
    }
    Ok(cells)
}

fn cell(host: Host, size: usize, options: &Options, patience: &mut Duration) -> Result<Cell> {
    let load = Load { size, events: options.events(size), echoes: options.echoes() };
    let mut pairs = Vec::new();
    for count in 1..=options.pairs {
        let kept = quiet_pair(host, load, patience)?;
        let Pair { samples: [raw, devts], others } = kept;
        eprintln!(
            "{host:13} {size:>5} B  {count}/{}  events x{:.2} ({:.0}/s)  echo x{:.2} ({:.1} us)  others {others:.2}",
            options.pairs,
            devts.events / raw.events,
            devts.events,
            devts.echo[0] / raw.echo[0],
            devts.echo[0],
        );
        pairs.push(kept);
    }
    Ok(Cell { host, size, pairs })
}

/// A pair while the machine is quiet; when patience is used up, the one that others disturbed least.
fn quiet_pair(host: Host, load: Load, patience: &mut Duration) -> Result<Pair> {
    wait(patience);
    let mut start = Instant::now();
    let mut best = pair(host, load)?;
    while best.others > QUIET && !patience.is_zero() {
        *patience = patience.saturating_sub(start.elapsed());
        wait(patience);
        start = Instant::now();
        let next = pair(host, load)?;
        best = if next.others < best.others { next } else { best };
    }
    Ok(best)
}

fn pair(host: Host, load: Load) -> Result<Pair> {
    let (raw, others) = sample(host, Way::Raw, load)?;
    let (devts, more) = sample(host, Way::Devts, load)?;
    Ok(Pair { samples: [raw, devts], others: others.max(more) })
}

/// One pair of processes, from start to end; and what others did meanwhile.
fn sample(host: Host, way: Way, load: Load) -> Result<(Sample, f64)> {
    let others = Others::start();
    let mut receiver = Process::start(host, Role::Receive { way, size: load.size })?;
    let port = receiver.port()?;
    let mut emitter = Process::start(host, Role::Emit { way, port, load })?;
    let sample = emitter.line()?.parse()?;
    Ok((sample, others.read(&[receiver.id(), emitter.id()])))
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn spreads() {
        let odd = Spread::of([3.0, 1.0, 2.0].into_iter());
        assert_eq!(odd, Spread { median: 2.0, least: 1.0, most: 3.0 });
        assert_eq!(Spread::of([4.0, 1.0].into_iter()).median, 2.5);
    }
}
