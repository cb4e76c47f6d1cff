//! What a node costs that does nothing in a cluster of nine. Starts the nine and reads what one of them says.

use crate::Result;
use crate::child::Role;
use crate::host::Host;
use crate::options::Options;
use crate::process::Process;
use std::time::Duration;

/// Nodes of the idle cluster: at nine, every node keeps a link to every other.
const NODES: usize = 9;

/// What the idle node used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Idle {
    pub(crate) host: Host,
    /// Milliseconds of processor a second.
    pub(crate) cpu: f64,
    /// MiB in RAM, and those of them with no file behind.
    pub(crate) memory: [f64; 2],
}

pub(crate) fn run(options: &Options) -> Result<Vec<Idle>> {
    let hosts = if options.idle.is_zero() { &[][..] } else { &options.hosts };
    hosts.iter().map(|&host| watch(host, options.idle)).collect()
}

fn watch(host: Host, time: Duration) -> Result<Idle> {
    let mut first = Process::start(host, Role::Idle { port: None, watch: Duration::ZERO })?;
    let port = Some(first.port()?);
    let mut others = Vec::new();
    for _ in 2..NODES {
        others.push(Process::start(host, Role::Idle { port, watch: Duration::ZERO })?);
    }
    for other in &mut others {
        other.port()?;
    }
    let mut last = Process::start(host, Role::Idle { port, watch: time })?;
    last.port()?;
    let line = last.line()?;
    let numbers = line.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    let [cpu, all, own] = numbers[..] else { return Err(format!("no idle sample: {line:?}").into()) };
    let mib = |bytes: f64| bytes / f64::from(1 << 20);
    eprintln!("{host:13} idle  {cpu:.3} ms/s  {:.1} MiB", mib(all));
    Ok(Idle { host, cpu, memory: [mib(all), mib(own)] })
}
