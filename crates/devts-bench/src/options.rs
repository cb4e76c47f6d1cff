//! What is measured, and how often: the command line. Measures nothing.

use crate::Result;
use crate::host::Host;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const HELP: &str = "\
devts-bench: devts against plain framed TCP, as processes on loopback

  --quick         two short pairs a host and size instead of five
  --pairs N       so many pairs (raw, devts) a host and size
  --patience S    wait so many seconds in all for a quiet machine; 600, or 0 if quick
  --host NAME     this host only: tokio-multi, tokio-current or smol
  --size BYTES    this size only: 16, 256, 4096 or 65536
  --events N      so many one-way events a run, at each size
  --echoes N      so many requests a run, at each size
  --idle S        how many seconds the idle cluster is watched; 0 leaves it out
  --svg PATH      also draw the ratios";

/// The encoded sizes of an event that are measured.
pub(crate) const SIZES: [usize; 4] = [16, 256, 4096, 65536];

/// What to measure.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) quick: bool,
    pub(crate) pairs: usize,
    /// How long in all to wait for a quiet machine, or measure a pair again that had none.
    pub(crate) patience: Duration,
    pub(crate) hosts: Vec<Host>,
    pub(crate) sizes: Vec<usize>,
    pub(crate) idle: Duration,
    pub(crate) svg: Option<PathBuf>,
    events: Option<u64>,
    echoes: Option<u64>,
}

impl Options {
    /// `None` where help is asked for.
    pub(crate) fn parse(arguments: &[String]) -> Result<Option<Options>> {
        let quick = arguments.iter().any(|argument| argument == "--quick");
        let mut options = Options {
            quick,
            pairs: if quick { 2 } else { 5 },
            patience: Duration::from_secs(if quick { 0 } else { 600 }),
            hosts: Host::ALL.to_vec(),
            sizes: SIZES.to_vec(),
            idle: Duration::from_secs(if quick { 3 } else { 10 }),
            svg: None,
            events: None,
            echoes: None,
        };
        let mut rest = arguments.iter();
        while let Some(flag) = rest.next() {
            match flag.as_str() {
                "--quick" => {}
                "--help" | "-h" => return Ok(None),
                _ => options
                    .set(flag, rest.next().ok_or_else(|| format!("{flag} takes a value, see --help"))?)?,
            }
        }
        Ok(Some(options))
    }

    fn set(&mut self, flag: &str, value: &str) -> Result {
        match flag {
            "--pairs" => self.pairs = value.parse::<usize>()?.max(1),
            "--host" => self.hosts = vec![value.parse()?],
            "--size" => self.sizes = vec![size(value)?],
            "--patience" => self.patience = Duration::from_secs(value.parse()?),
            "--events" => self.events = Some(value.parse()?),
            "--echoes" => self.echoes = Some(value.parse()?),
            "--idle" => self.idle = Duration::from_secs(value.parse()?),
            "--svg" => self.svg = Some(value.into()),
            _ => return Err(format!("no option {flag}, see --help").into()),
        }
        Ok(())
    }

    /// One-way events of a run: about half a second's worth for plain TCP.
    pub(crate) fn events(&self, size: usize) -> u64 {
        let whole = match size {
            0..=64 => 16_000_000,
            65..=1024 => 3_000_000,
            1025..=8192 => 400_000,
            _ => 30_000,
        };
        self.events.unwrap_or(if self.quick { whole / 4 } else { whole })
    }

    /// Requests of a run.
    pub(crate) fn echoes(&self) -> u64 {
        self.echoes.unwrap_or(if self.quick { 2_000 } else { 10_000 })
    }
}

fn size(text: &str) -> Result<usize> {
    let size = text.parse()?;
    if SIZES.contains(&size) { Ok(size) } else { Err(format!("sizes are {SIZES:?}").into()) }
}
