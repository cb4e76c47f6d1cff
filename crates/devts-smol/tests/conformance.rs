//! The suite of devts-rt on this host, once for each way to have an executor.

use async_executor::Executor;
use devts_rt::conformance::park_on;
use devts_rt::{BoxFuture, Runtime};
use devts_smol::Smol;
use std::future::pending;
use std::sync::{Arc, LazyLock, mpsc};
use std::thread;
use std::time::Duration;

fn shared(host: &Smol) -> Arc<dyn Runtime> {
    Arc::new(host.clone())
}

fn block_on(future: BoxFuture<()>) {
    devts_smol::block_on(future).expect("async-io runs");
}

mod global {
    use super::*;

    devts_rt::conformance_tests!(shared(&Smol::global().expect("a thread can be had")), block_on);
}

mod two_threads {
    use super::*;

    static HOST: LazyLock<Smol> = LazyLock::new(|| Smol::with_threads(2).expect("two threads can be had"));

    devts_rt::conformance_tests!(shared(&HOST), park_on);
}

/// The user's executor, run by the thread of each test and only as long as the test lasts.
mod given_executor {
    use super::*;

    static EXECUTOR: LazyLock<Arc<Executor<'static>>> = LazyLock::new(Arc::default);
    static HOST: LazyLock<Smol> =
        LazyLock::new(|| Smol::with_executor(Arc::clone(&EXECUTOR)).expect("async-io runs"));

    devts_rt::conformance_tests!(shared(&HOST), |future| smol::block_on(EXECUTOR.run(future)));
}

/// The user's executor on the user's thread, and the caller on one that drives nothing.
mod given_executor_elsewhere {
    use super::*;

    static HOST: LazyLock<Smol> = LazyLock::new(|| {
        let executor = Arc::new(smol::Executor::new());
        let host = Smol::with_executor(Arc::clone(&executor)).expect("async-io runs");
        thread::spawn(move || smol::block_on(executor.run(pending::<()>())));
        host
    });

    devts_rt::conformance_tests!(shared(&HOST), park_on);
}

#[test]
fn threads_end_with_the_last_clone_and_drop_their_tasks() {
    let host = Smol::with_threads(2).expect("two threads can be had");
    let (held, dropped) = mpsc::channel::<()>();
    host.spawn(Box::pin(async move {
        pending::<()>().await;
        drop(held);
    }));
    drop(host);
    let ended = dropped.recv_timeout(Duration::from_secs(60));
    assert_eq!(ended, Err(mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn a_given_executor_is_its_owners_to_drop() {
    let executor = Arc::new(Executor::new());
    let host = Smol::with_executor(Arc::clone(&executor)).expect("async-io runs");
    let (held, dropped) = mpsc::channel::<()>();
    let kept = host.clone();
    host.spawn(Box::pin(async move {
        pending::<()>().await;
        drop((held, kept));
    }));
    smol::block_on(executor.run(async {}));
    drop(executor);
    assert_eq!(dropped.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    host.spawn(Box::pin(async { panic!("nothing runs on an executor that is gone") }));
    assert_eq!(host.block_on(async { 1 }), 1);
}

#[test]
fn tasks_run_on_when_block_on_ends() {
    let host = Smol::with_threads(1).expect("a thread can be had");
    for _ in 0..200 {
        let (done, ended) = mpsc::channel();
        let sleep = host.sleep(Duration::from_micros(300));
        host.block_on(async {
            host.spawn(Box::pin(async move {
                sleep.await;
                done.send(()).expect("the test waits");
            }));
        });
        ended.recv_timeout(Duration::from_secs(60)).expect("the host's own thread is back");
    }
}

#[test]
fn no_threads_is_an_error() {
    let error = Smol::with_threads(0).expect_err("nothing would ever run");
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}
