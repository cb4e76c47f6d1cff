//! How byte streams come about: dialled in a small task each, accepted in one loop; both report to the driver and wait
//! for nobody's handshake. Knows no frame and no member.

use crate::shared::Core;
use devts_proto::LinkId;
use devts_proto::engine::DialFailure;
use devts_rt::{Listener, Stream};
use futures_util::future::{Either, select};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The most addresses of one name that are tried.
const ADDRESSES: usize = 8;
/// How long resolving a name, and connecting to one address, may take.
const EACH: Duration = Duration::from_secs(2);
/// The pause after an accept that failed: out of descriptors, most likely.
const BACK_OFF: Duration = Duration::from_millis(50);

/// What happened to a stream, for the driver.
#[derive(Debug)]
pub(crate) enum Report {
    Dialled(LinkId, Result<Box<dyn Stream>, DialFailure>),
    Accepted(Box<dyn Stream>, SocketAddr),
}

/// What to dial.
#[derive(Debug)]
pub(crate) enum Goal {
    Name(String),
    Address(SocketAddr),
}

/// Dials in a task of its own and reports.
pub(crate) fn dial(core: &Arc<Core>, link: LinkId, goal: Goal) {
    let task_core = core.clone();
    core.tasks.spawn(async move {
        let result = connect(&task_core, goal).await;
        // A report that is not taken is a dial that failed: there are far too many connections.
        if !task_core.report(Report::Dialled(link, result)) {
            task_core.report_always(Report::Dialled(link, Err(DialFailure::Unreachable)));
        }
    });
}

async fn connect(core: &Core, goal: Goal) -> Result<Box<dyn Stream>, DialFailure> {
    let addresses = match goal {
        Goal::Address(address) => vec![address],
        Goal::Name(name) => resolve(core, name).await,
    };
    let mut failure = DialFailure::Unreachable;
    for address in addresses.into_iter().take(ADDRESSES) {
        match within(core, EACH, core.transport.connect(address)).await {
            Some(Ok(stream)) => return Ok(stream),
            Some(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                failure = DialFailure::Refused
            }
            Some(Err(error)) => log::debug!(target: "devts::transport", "dialling {address}: {error}"),
            None => log::debug!(target: "devts::transport", "dialling {address}: no answer in {EACH:?}"),
        }
    }
    Err(failure)
}

async fn resolve(core: &Core, name: String) -> Vec<SocketAddr> {
    match within(core, EACH, core.transport.resolve(name.clone())).await {
        Some(Ok(addresses)) => addresses,
        Some(Err(error)) => {
            log::debug!(target: "devts::transport", "resolving {name}: {error}");
            Vec::new()
        }
        None => Vec::new(),
    }
}

/// The future's output, unless it takes longer.
pub(crate) async fn within<T>(
    core: &Core,
    time: Duration,
    future: impl Future<Output = T> + Unpin,
) -> Option<T> {
    match select(future, core.runtime.sleep(time)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// Accepts until the node stops.
pub(crate) async fn accept(core: Arc<Core>, listener: Box<dyn Listener>) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                if !core.report(Report::Accepted(stream, from)) {
                    crate::stats::Tally::count(&core.tally.connections_refused);
                }
            }
            Err(error) => {
                log::debug!(target: "devts::transport", "accepting: {error}");
                core.runtime.sleep(BACK_OFF).await;
            }
        }
    }
}
