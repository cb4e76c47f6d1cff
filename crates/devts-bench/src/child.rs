//! The processes of a run, by hidden arguments: a receiver that prints its port, an emitter that prints its sample, a
//! node that idles. Knows not why they were started.

use crate::core::{self, End};
use crate::host::Host;
use crate::pair::{self, Load, Sample};
use crate::payload::{Large, Payload, Small};
use crate::{Result, cluster, meter, raw};
use devts_rt::Runtime;
use std::fmt;
use std::io::Read;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// The first argument of a process that is part of a run.
pub(crate) const WORD: &str = "child";

/// Which way the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Raw,
    Devts,
}

/// What a process does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    Receive { way: Way, size: usize },
    Emit { way: Way, port: u16, load: Load },
    Idle { port: Option<u16>, watch: Duration },
}

/// The arguments of a process.
pub(crate) fn arguments(host: Host, role: Role) -> Vec<String> {
    [WORD.to_owned(), host.to_string()]
        .into_iter()
        .chain(role.to_string().split(' ').map(str::to_owned))
        .collect()
}

/// Runs a process of a run to its end, which is at the latest that of whoever started it.
pub(crate) fn run(arguments: &[String]) -> Result {
    let (host, role) = arguments.split_first().ok_or("no host")?;
    let role: Role = role.join(" ").parse()?;
    // With as many cores as the system gives, if it is one of nine.
    match role {
        Role::Receive { .. } => core::keep(End::Receiver)?,
        Role::Emit { .. } => core::keep(End::Emitter)?,
        Role::Idle { .. } => {}
    }
    std::thread::Builder::new().stack_size(64 << 10).spawn(end_with_parent)?;
    host.parse::<Host>()?.run(move |host| play(host, role))
}

fn end_with_parent() {
    // Nothing is ever written there: it ends with the one who holds its other end.
    let _ = std::io::stdin().read(&mut [0]);
    std::process::exit(0);
}

async fn play(host: Arc<dyn Runtime>, role: Role) -> Result {
    match role {
        Role::Receive { way, size } if size <= 16 => receive::<Small>(host, way, size).await,
        Role::Receive { way, size } => receive::<Large>(host, way, size).await,
        Role::Emit { way, port, load } if load.size <= 16 => emit::<Small>(host, way, port, load).await,
        Role::Emit { way, port, load } => emit::<Large>(host, way, port, load).await,
        Role::Idle { port, watch } => idle(host, port, watch).await,
    }
}

async fn receive<E: Payload>(host: Arc<dyn Runtime>, way: Way, size: usize) -> Result {
    match way {
        Way::Raw => {
            let listener = raw::listen(&host).await?;
            println!("{}", listener.address().port());
            raw::serve::<E>(listener, size).await
        }
        Way::Devts => cluster::serve(size, |port| println!("{port}")).await,
    }
}

async fn emit<E: Payload>(host: Arc<dyn Runtime>, way: Way, port: u16, load: Load) -> Result {
    let sample: Sample = match way {
        Way::Raw => pair::measure::<E>(raw::RawClient::connect(&host, port, load.size).await?, load).await?,
        Way::Devts => pair::measure::<E>(cluster::DevtsClient::join(port, load.size).await?, load).await?,
    };
    println!("{sample}");
    Ok(())
}

/// Prints its port; then, if it is the one to watch, what it used: milliseconds of processor a second, bytes in all and
/// its own alone. Stays.
async fn idle(host: Arc<dyn Runtime>, port: Option<u16>, watch: Duration) -> Result {
    let _node = cluster::idle(port, |port| println!("{port}")).await?;
    if !watch.is_zero() {
        // What joining started is done by then.
        host.sleep(Duration::from_secs(2)).await;
        let start = meter::cpu();
        host.sleep(watch).await;
        let cpu = (meter::cpu() - start).as_secs_f64() * 1e3 / watch.as_secs_f64();
        let (all, own) = meter::memory()?;
        println!("{cpu} {all} {own}");
    }
    std::future::pending().await
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Role::Receive { way, size } => write!(f, "receive {way} {size}"),
            Role::Emit { way, port, load } => {
                write!(f, "emit {way} {port} {} {} {}", load.size, load.events, load.echoes)
            }
            Role::Idle { port, watch } => write!(f, "idle {} {}", port.unwrap_or(0), watch.as_secs()),
        }
    }
}

impl FromStr for Role {
    type Err = Box<dyn std::error::Error + Send + Sync>;

    fn from_str(text: &str) -> Result<Role> {
        let words: Vec<&str> = text.split(' ').collect();
        Ok(match words[..] {
            ["receive", way, size] => Role::Receive { way: way.parse()?, size: size.parse()? },
            ["emit", way, port, size, events, echoes] => {
                let load = Load { size: size.parse()?, events: events.parse()?, echoes: echoes.parse()? };
                Role::Emit { way: way.parse()?, port: port.parse()?, load }
            }
            ["idle", port, watch] => {
                let port = Some(port.parse()?).filter(|port| *port != 0);
                Role::Idle { port, watch: Duration::from_secs(watch.parse()?) }
            }
            _ => return Err(format!("no role: {text:?}").into()),
        })
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Way::Raw => "raw",
            Way::Devts => "devts",
        })
    }
}

impl FromStr for Way {
    type Err = String;

    fn from_str(name: &str) -> Result<Way, String> {
        match name {
            "raw" => Ok(Way::Raw),
            "devts" => Ok(Way::Devts),
            _ => Err(format!("no way: {name}")),
        }
    }
}
