//! `Kv` nodes in clusters: on both real hosts at once over loopback, and on two machines of a simulated world.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use devts::rt::BoxFuture;
use devts::sim::World;
use devts::{Config, NodeHandle, Profile, Result, Runtime, Smol, Tokio, Transport};
use devts_nodes::{
    Change, Fed, Kv, KvConfig, KvError, KvHandle, KvInfo, Limits, Notice, Refusal, WriteError,
};
use futures_util::StreamExt;
use futures_util::future::{Either, select as first};
use futures_util::stream::select;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

type Host = Arc<dyn Runtime>;

/// Far longer than anything here takes: only a fault meets it.
const PATIENCE: Duration = Duration::from_secs(30);
/// The orders in which each test is run in the simulator.
const SEEDS: std::ops::Range<u64> = 0..5;

/// Each named `async fn(Hosts) -> Result` as a test on each pair of hosts.
macro_rules! on_every_host {
    ($($name:ident),+ $(,)?) => {
        mod on_tokio_and_smol {
            $(#[test] fn $name() { super::on_tokio_and_smol(super::$name); })+
        }
        mod in_simulation {
            $(#[test] fn $name() { super::in_simulation(super::$name); })+
        }
    };
}

on_every_host!(
    what_one_writes_all_have_and_who_joins_is_given_it,
    a_watcher_gets_the_map_and_each_change_after_it,
    sides_that_diverged_merge_and_lost_writes_are_reported,
    a_write_from_the_future_is_refused_and_reported,
    a_full_store_refuses_and_keeps_what_it_has,
    many_large_values_from_both_sides_all_arrive,
    a_turn_of_ones_own,
);

/// Where the nodes of one cluster run.
#[derive(Clone)]
struct Hosts {
    one: Host,
    two: Host,
}

fn on_tokio_and_smol<F: Future<Output = Result>>(test: impl FnOnce(Hosts) -> F) {
    let run = async {
        let hosts = Hosts { one: Arc::new(Tokio::current()?), two: Arc::new(Smol::global()?) };
        within(&hosts.one.clone(), test(hosts)).await?
    };
    devts::block_on(run).unwrap_or_else(|error| panic!("{error:?}"));
}

fn in_simulation<F: Future<Output = Result>>(test: impl Fn(Hosts) -> F) {
    for seed in SEEDS {
        let world = World::new(seed);
        let hosts = Hosts { one: Arc::new(world.machine("n1")), two: Arc::new(world.machine("n2")) };
        let ran = world.block_on(async { within(&hosts.one, test(hosts.clone())).await? });
        ran.unwrap().unwrap_or_else(|error| panic!("seed {seed}: {error:?}"));
    }
}

/// A node on this host.
async fn kv(host: &Host, seeds: impl devts::ToSeeds, config: KvConfig) -> Result<KvHandle> {
    let builder = devts::join(seeds, Kv::new(config)).profile(Profile::Local).runtime(host.clone());
    Ok(builder.await?.into())
}

/// Waits until this node holds the value.
async fn has(host: &Host, kv: &KvHandle, key: &str, value: Option<&str>) -> Result {
    let wanted = value.map(str::as_bytes);
    let (now, mut changes) = kv.watch(key).await?;
    let mut held = now.into_iter().find(|(other, _)| other == key).map(|(_, value)| value);
    while held.as_deref() != wanted {
        match within(host, changes.next()).await? {
            Some(Fed::Item(change)) if change.key == key => held = change.value,
            Some(_) => held = kv.get(key).await?,
            None => return Err(devts::Error::msg("the node stopped")),
        }
    }
    Ok(())
}

async fn within<T>(host: &Host, future: impl Future<Output = T>) -> Result<T> {
    match first(pin!(future), host.sleep(PATIENCE)).await {
        Either::Left((output, _)) => Ok(output),
        Either::Right(_) => Err(devts::Error::msg("it takes too long")),
    }
}

/// Waits until all other members tell the digest that this node has.
async fn same_digest(host: &Host, kv: &KvHandle, members: usize) -> Result {
    // Either may be last, the info of a member or an event with less urgency than infos: look again and again.
    loop {
        let digest = kv.node().with(|kv, _| kv.store().digest()).await?;
        let view = kv.node().view();
        let same = |member: &devts::Member| {
            member.id == kv.node().id() || member.info::<KvInfo>().is_ok_and(|info| info.digest == digest)
        };
        if view.len() == members && view.iter().all(same) {
            return Ok(());
        }
        host.sleep(Duration::from_millis(5)).await;
    }
}

async fn what_one_writes_all_have_and_who_joins_is_given_it(hosts: Hosts) -> Result {
    let one = kv(&hosts.one, (), KvConfig::default()).await?;
    let two = kv(&hosts.two, one.node().address(), KvConfig::default()).await?;
    one.put("a", "1").await?;
    has(&hosts.one, &two, "a", Some("1")).await?;
    two.put("a", "2").await?;
    two.put_all([("b/1", "x"), ("b/2", "y")]).await?;
    has(&hosts.one, &one, "a", Some("2")).await?;
    has(&hosts.one, &one, "b/2", Some("y")).await?;
    assert!(one.delete("b/1").await?);
    assert!(!one.delete("b/1").await?, "it is gone already");

    let three = kv(&hosts.one, two.node().address(), KvConfig::default()).await?;
    let keys = |all: Vec<(String, _)>| all.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    has(&hosts.one, &two, "b/1", None).await?;
    assert_eq!(keys(three.scan("").await?).first().map(String::as_str), Some("a"));
    has(&hosts.one, &three, "b/1", None).await?;
    has(&hosts.one, &three, "b/2", Some("y")).await?;
    for kv in [&one, &two, &three] {
        same_digest(&hosts.one, kv, 3).await?;
    }
    for kv in [one, two, three] {
        kv.node().stop().await?;
    }
    Ok(())
}

async fn a_watcher_gets_the_map_and_each_change_after_it(hosts: Hosts) -> Result {
    let kv = kv(&hosts.two, (), KvConfig::default()).await?;
    kv.put("in/1", "x").await?;
    let (now, mut changes) = kv.watch("in/").await?;
    assert_eq!(now.len(), 1);
    kv.put("out", "y").await?;
    kv.put("in/2", "z").await?;
    kv.delete("in/1").await?;
    let second = Change { key: "in/2".into(), value: Some("z".into()) };
    assert_eq!(within(&hosts.one, changes.next()).await?, Some(Fed::Item(second)));
    let third = Change { key: "in/1".into(), value: None };
    assert_eq!(within(&hosts.one, changes.next()).await?, Some(Fed::Item(third)));
    kv.node().stop().await?;
    assert_eq!(within(&hosts.one, changes.next()).await?, None);
    assert!(matches!(kv.put("in/3", "late").await, Err(KvError::Turn(_))));
    Ok(())
}

/// Two founders write the same key; when they find each other both keep the same value, and the other is reported.
async fn sides_that_diverged_merge_and_lost_writes_are_reported(hosts: Hosts) -> Result {
    let free = hosts.two.transport().listen(([127, 0, 0, 1], 0).into()).await?.address();
    // Looks for the other seldom enough that both have written before they meet.
    let mut config = Config::local();
    config.engine.redial = (Duration::from_secs(2), Duration::from_secs(2));
    let (mut first, mut second) = (Kv::default(), Kv::default());
    let (mut at_one, mut at_two) = (first.notices(), second.notices());
    let one: KvHandle = devts::join(free, first).config(config).runtime(hosts.one.clone()).await?.into();
    one.put("both", "one").await?;
    one.put("only one", "1").await?;
    let two: KvHandle = devts::join((), second).bind(free).runtime(hosts.two.clone()).await?.into();
    two.put("both", "two").await?;
    two.put("only two", "2").await?;
    // Who takes the other's state first sees both, and tells.
    let mut told = select(&mut at_one, &mut at_two);
    let Some(Fed::Item(Notice::Overwrote(lost))) = within(&hosts.one, told.next()).await? else {
        panic!("no lost write is reported");
    };
    assert_eq!(lost.key, "both");
    // The later one; both may have been written in one millisecond, and then the node ids decide.
    let values = [lost.winner.value, lost.loser.value].map(Option::unwrap);
    assert!(values == ["one", "two"] || values == ["two", "one"], "{values:?}");
    for kv in [&one, &two] {
        has(&hosts.one, kv, "only one", Some("1")).await?;
        has(&hosts.one, kv, "only two", Some("2")).await?;
        has(&hosts.one, kv, "both", std::str::from_utf8(&values[0]).ok()).await?;
        same_digest(&hosts.one, kv, 2).await?;
    }
    one.node().stop().await?;
    Ok(two.node().stop().await?)
}

/// A host whose wall clock is an hour ahead.
#[derive(Debug)]
struct Ahead(Arc<dyn Runtime>);

impl Runtime for Ahead {
    fn wall(&self) -> Duration {
        self.0.wall() + Duration::from_secs(3600)
    }
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn spawn(&self, future: BoxFuture<()>) {
        self.0.spawn(future);
    }
    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        self.0.sleep(duration)
    }
    fn now(&self) -> Duration {
        self.0.now()
    }
    fn blocking(&self, work: Box<dyn FnOnce() + Send + 'static>) -> BoxFuture<()> {
        self.0.blocking(work)
    }
    fn fill_random(&self, buffer: &mut [u8]) -> std::io::Result<()> {
        self.0.fill_random(buffer)
    }
    fn transport(&self) -> Arc<dyn Transport> {
        self.0.transport()
    }
}

async fn a_write_from_the_future_is_refused_and_reported(hosts: Hosts) -> Result {
    let ahead = Ahead(hosts.one.clone());
    let wrong: KvHandle = devts::join((), Kv::default()).profile(Profile::Local).runtime(ahead).await?.into();
    let right = kv(&hosts.two, wrong.node().address(), KvConfig::default()).await?;
    let mut notices = right.notices().await?;
    wrong.put("k", "from the future").await?;
    let notice = within(&hosts.one, notices.next()).await?;
    let Some(Fed::Item(Notice::Refused { key, why: Refusal::Clock(error), .. })) = notice else {
        panic!("{notice:?}");
    };
    assert_eq!(key, "k");
    assert!(error.ahead > error.max_drift);
    assert_eq!(right.get("k").await?, None);

    // What is refused as an event is refused in a snapshot too.
    let late = kv(&hosts.one, wrong.node().address(), KvConfig::default()).await?;
    assert_eq!(late.get("k").await?, None);
    for kv in [wrong, right, late] {
        kv.node().stop().await?;
    }
    Ok(())
}

async fn a_full_store_refuses_and_keeps_what_it_has(hosts: Hosts) -> Result {
    let limits = Limits { entries: 2, bytes: 100 };
    let kv = kv(&hosts.one, (), KvConfig { limits, ..KvConfig::default() }).await?;
    kv.put_all([("a", "1"), ("b", "2")]).await?;
    let refused = kv.put("c", "3").await;
    assert!(matches!(refused, Err(KvError::Write(WriteError::Full { .. }))), "{refused:?}");
    let long = vec![0; (1 << 20) + 1];
    assert!(matches!(kv.put("a", long).await, Err(KvError::Write(WriteError::ValueTooLong { .. }))));
    assert_eq!(kv.scan("").await?.len(), 2);
    kv.delete("a").await?;
    kv.put("a", "4").await?;
    Ok(kv.node().stop().await?)
}

/// More than may wait to be sent: writers wait, none is told `Full`, nothing is lost.
async fn many_large_values_from_both_sides_all_arrive(hosts: Hosts) -> Result {
    let one = kv(&hosts.one, (), KvConfig::default()).await?;
    let two = kv(&hosts.two, one.node().address(), KvConfig::default()).await?;
    let writer = |kv: KvHandle, name: &'static str| async move {
        for number in 0..24_u8 {
            kv.put(format!("{name}/{number:02}"), vec![number; 1 << 20]).await?;
        }
        Ok::<(), KvError>(())
    };
    let writers = futures_util::future::join(writer(one.clone(), "one"), writer(two.clone(), "two"));
    let (first, second) = within(&hosts.one, writers).await?;
    first.and(second)?;
    for kv in [&one, &two] {
        same_digest(&hosts.one, kv, 2).await?;
        assert_eq!(kv.scan("").await?.len(), 48);
    }
    one.node().stop().await?;
    Ok(two.node().stop().await?)
}

/// What a turn reads and writes stands together.
async fn a_turn_of_ones_own(hosts: Hosts) -> Result {
    let node: NodeHandle<Kv> = devts::join((), Kv::default()).runtime(hosts.one).await?;
    let increment = |kv: &mut Kv, cx: &mut devts::Context<Kv>| {
        let count = kv.store().get("count").map_or(0, |count| count[0]);
        kv.put("count", vec![count + 1], cx)
    };
    let all = (0..20).map(|_| node.with(increment));
    for done in futures_util::future::join_all(all).await {
        done??;
    }
    assert_eq!(KvHandle::from(node.clone()).get("count").await?.as_deref(), Some(&[20][..]));
    Ok(node.stop().await?)
}
