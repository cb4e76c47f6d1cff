//! The suite that every host runs, on the simulated one; and that what it cannot do, another thread, is refused by name.

use devts_rt::{BoxFuture, Runtime};
use devts_sim::{Stuck, World};
use std::sync::Arc;

/// A machine of a new world, and the world's own `block_on`.
struct Simulated(World, Arc<dyn Runtime>);

fn simulated(seed: u64) -> Simulated {
    let world = World::new(seed);
    let host = Arc::new(world.machine("n1"));
    Simulated(world, host)
}

thread_local! {
    static WORLD: std::cell::RefCell<Option<World>> = const { std::cell::RefCell::new(None) };
}

fn host(seed: u64) -> Arc<dyn Runtime> {
    let Simulated(world, host) = simulated(seed);
    WORLD.set(Some(world));
    host
}

fn block_on(future: BoxFuture<()>) {
    let world = WORLD.take().expect("the host was made first");
    world.block_on(future).unwrap_or_else(|stuck| panic!("{stuck}"));
}

mod seed_one {
    devts_rt::conformance_tests!(one thread, super::host(1), super::block_on);
}

mod seed_two {
    devts_rt::conformance_tests!(one thread, super::host(2), super::block_on);
}

/// What needs other threads ends at once, and names them.
#[test]
fn checks_with_threads_are_refused_by_name() {
    let refused = devts_rt::conformance::CHECKS.iter().filter(|check| check.threads);
    for check in refused.filter(|check| check.name.ends_with("plain_thread")) {
        let Simulated(world, host) = simulated(3);
        let stuck = world.block_on(async { check.run(host).await });
        assert!(matches!(stuck, Err(Stuck::Foreign { .. })), "{}: {stuck:?}", check.name);
    }
}
