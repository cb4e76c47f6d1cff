//! How a node comes to life: checks, listens, builds its parts, starts its tasks, and waits until it is in the cluster.
//! What fails leaves nothing behind. Knows how parts fit together, and nothing of what they do.

use crate::builder::{Builder, JoinError};
use crate::config::{NotLoopback, Security};
use crate::dial::{accept, within};
use crate::dispatch::Dispatch;
use crate::driver::Driver;
use crate::handle::{Jobs, NodeHandle};
use crate::node::Node;
use crate::promise::{Pledge, promise};
use crate::seeds::is_host_port;
use crate::shared::{Cause, Core, Parts};
use crate::{host, turn};
use devts_proto::engine::{Engine, Me};
use devts_proto::{Instant, Life, NodeId};
use devts_rt::{Listener, Runtime, Transport};
use futures_util::FutureExt;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// How long tasks may take to be dropped, once they are told to end.
const DROP: Duration = Duration::from_secs(1);

pub(crate) async fn start<N: Node>(mut builder: Builder<N>) -> Result<NodeHandle<N>, JoinError> {
    check(&builder)?;
    let runtime = match builder.runtime.take() {
        Some(runtime) => runtime,
        None => host::choose().map_err(JoinError::NoRuntime)?,
    };
    let transport = builder.transport.take().unwrap_or_else(|| runtime.transport());
    let (listener, address) = listen(Where::new(&builder), &*transport).await?;
    let (seeds, must) = (builder.seeds.clone(), builder.must_join);
    let (timeout, wait_for) = (builder.config.join_timeout, promise());
    let (core, handle) = launch(builder, runtime, transport, (listener, address), wait_for.0)?;
    let joining = Joining { core: Some(core) };
    joining.wait(wait_for.1, timeout, must.then_some(seeds)).await?;
    Ok(handle)
}

/// Everything that can be told without doing anything.
fn check<N>(builder: &Builder<N>) -> Result<(), JoinError> {
    builder.config.validate().map_err(JoinError::Config)?;
    if !(1..=255).contains(&builder.kind.len()) {
        return Err(JoinError::Kind { kind: builder.kind.clone() });
    }
    if let Err(error) = &builder.info {
        return Err(JoinError::Info(error.clone()));
    }
    match builder.seeds.iter().find(|seed| !is_host_port(seed)) {
        Some(seed) => Err(JoinError::Address { what: "seeds", address: seed.clone(), source: None }),
        None => Ok(()),
    }
}

// ---- addresses -----------------------------------------------------------------------------------------------

/// Where to listen, without the node, which need not be `Sync`.
struct Where {
    bind: String,
    advertise: Option<String>,
    security: Option<Security>,
}

impl Where {
    fn new<N>(builder: &Builder<N>) -> Where {
        let (bind, advertise) = (builder.bind.clone(), builder.advertise.clone());
        Where { bind, advertise, security: builder.security }
    }
}

async fn listen(at: Where, transport: &dyn Transport) -> Result<(Box<dyn Listener>, SocketAddr), JoinError> {
    let bind = resolve(transport, "bind", &at.bind).await?;
    let advertise = match &at.advertise {
        Some(address) => Some(resolve(transport, "advertise", address).await?),
        None => None,
    };
    may_bind(bind, at.security)?;
    if advertise.is_none() && bind.ip().is_unspecified() {
        return Err(JoinError::Address { what: "advertise", address: bind.to_string(), source: None });
    }
    let listener =
        transport.listen(bind).await.map_err(|source| JoinError::Bind { address: bind, source })?;
    let address = advertise.unwrap_or_else(|| listener.address());
    Ok((listener, address))
}

fn may_bind(address: SocketAddr, security: Option<Security>) -> Result<(), JoinError> {
    if address.ip().is_loopback() || security.is_some() {
        return Ok(());
    }
    Err(JoinError::NotLoopback(NotLoopback { address }))
}

/// A number is a port of this machine; what is no address is asked of the resolver.
async fn resolve(transport: &dyn Transport, what: &'static str, text: &str) -> Result<SocketAddr, JoinError> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let fault = |source| JoinError::Address { what, address: text.to_string(), source };
    if !is_host_port(text) {
        return Err(fault(None));
    }
    let addresses = transport.resolve(text.to_string()).await.map_err(|source| fault(Some(source)))?;
    let nothing = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    addresses.into_iter().next().ok_or_else(|| fault(Some(nothing())))
}

// ---- parts and tasks -----------------------------------------------------------------------------------------

fn launch<N: Node>(
    builder: Builder<N>,
    runtime: Arc<dyn Runtime>,
    transport: Arc<dyn Transport>,
    (listener, address): (Box<dyn Listener>, SocketAddr),
    join: crate::promise::Promise<Result<(), JoinError>>,
) -> Result<(Arc<Core>, NodeHandle<N>), JoinError> {
    let events = builder.events.checked().map_err(JoinError::Events)?;
    let seed = random(&*runtime)?;
    let node = match builder.id {
        Some(id) => id,
        None => NodeId::new(random(&*runtime)?.max(1)).expect("it is at least 1"),
    };
    let boot = u64::try_from(runtime.wall().as_millis()).unwrap_or(1).max(1);
    let me = Me {
        life: Life { node, boot },
        address,
        kind: builder.kind.clone(),
        info: builder.info.map_err(JoinError::Info)?,
    };
    let mut config = builder.config;
    config.engine.checksum = crc32c::crc32c_append;
    let engine = Engine::new(Instant::from_origin(runtime.now()), config.engine.clone(), me, seed);
    let (kind, on_panic, tap) = (builder.kind, builder.on_panic, builder.watch.tap);
    let parts = Parts { node, address, kind, config, on_panic, runtime, transport, join, tap };
    let core = Arc::new(Core::new(parts));
    let mut declared = core.outbox();
    events.entries.iter().for_each(|entry| (entry.declare)(&mut declared.types));
    let own = declared.types.fresh().to_vec();
    drop(declared);
    core.mailbox.push(crate::mailbox::Item::OwnTypes(own));
    log::info!(target: "devts", "cluster port {address}");
    let jobs = Jobs::new();
    let handle = NodeHandle::new(core.clone(), jobs.clone());
    let turns = builder.watch.turns;
    let dispatch = Dispatch::new(builder.node, events, turns, handle.clone(), jobs, seed ^ 1);
    let task_core = core.clone();
    let dispatch = core.tasks.spawn(async move { reported(&task_core, "dispatch", dispatch.run()).await });
    core.tasks.spawn(accept(core.clone(), listener));
    let driver = Driver::new(core.clone(), engine, builder.seeds, builder.must_join, dispatch);
    let running = Running { core: core.clone(), driver: Some(driver), left: false };
    core.runtime.spawn(Box::pin(drive(running)));
    Ok((core, handle))
}

fn random(runtime: &dyn Runtime) -> Result<u64, JoinError> {
    let mut bytes = [0; 8];
    runtime.fill_random(&mut bytes).map_err(JoinError::Random)?;
    Ok(u64::from_le_bytes(bytes))
}

/// What runs on the host, beside its tasks. However it ends, nobody waits for the node for ever.
struct Running {
    core: Arc<Core>,
    driver: Option<Driver>,
    left: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.left {
            return;
        }
        self.core.abandoned();
        self.driver = None;
        self.core.tasks.abort();
        self.core.stopped();
    }
}

/// The driver, and after it everything else: when this is over, nothing of the node runs.
async fn drive(mut running: Running) {
    let core = running.core.clone();
    let driver = running.driver.as_mut().expect("it is there until it is done");
    reported(&core, "the driver", driver).await;
    running.driver = None;
    core.tasks.abort();
    let ended = within(&core, DROP, Box::pin(core.tasks.ended())).await;
    if ended.is_none() {
        log::warn!(target: "devts", "a task does not end: a handler blocks its thread");
        core.blame(Cause::Overdue);
    }
    running.left = true;
    core.tap.stopped();
    core.stopped();
}

/// Runs one of devts' own two tasks. Should it panic, the node stops and says so.
async fn reported(core: &Core, what: &str, task: impl Future<Output = ()>) {
    if let Err(panic) = AssertUnwindSafe(task).catch_unwind().await {
        let text = turn::text(&*panic);
        log::error!(target: "devts", "{what} panicked, please report it: {text}");
        core.stop(Cause::Internal(text.clone()));
        core.blame(Cause::Internal(text));
    }
}

/// A join that is under way. If whoever awaits it goes away, so does the node.
struct Joining {
    core: Option<Arc<Core>>,
}

impl Joining {
    async fn wait(
        mut self,
        joined: Pledge<Result<(), JoinError>>,
        after: Duration,
        must: Option<Vec<String>>,
    ) -> Result<(), JoinError> {
        let core = self.core.clone().expect("it is taken below only");
        let result = match within(&core, after, joined).await {
            Some(result) => result.unwrap_or(Err(JoinError::Stopped)),
            None => match must.filter(|_| core.views.view().is_empty()) {
                Some(seeds) => Err(JoinError::NobodyAnswered { seeds, after }),
                None => Err(JoinError::Timeout { after }),
            },
        };
        if result.is_err() {
            core.stop(Cause::Asked);
            stopped(&core).await;
        }
        self.core = None;
        result
    }
}

impl Drop for Joining {
    fn drop(&mut self) {
        if let Some(core) = &self.core {
            core.stop(Cause::Asked);
        }
    }
}

async fn stopped(core: &Core) {
    let mut key = None;
    std::future::poll_fn(|cx| match core.poll_stopped(&mut key, cx.waker()) {
        Some(_) => std::task::Poll::Ready(()),
        None => std::task::Poll::Pending,
    })
    .await;
}

#[cfg(test)]
mod tests {
    use devts_proto::checksum::crc32c;

    #[test]
    fn the_fast_checksum_is_the_engines() {
        let bytes: Vec<u8> = (0..3000u32).map(|number| ((number * 31) >> 3) as u8).collect();
        for cut in [0, 1, 7, 1500, 3000] {
            let (head, tail) = bytes.split_at(cut);
            let fast = ::crc32c::crc32c_append(::crc32c::crc32c_append(0, head), tail);
            assert_eq!(fast, crc32c(crc32c(0, head), tail));
        }
    }
}
