//! Row 51 of the list of faults: a runtime that cannot serve is refused when the host is made, with what to do.

use devts_rt::{BoxFuture, Runtime};
use devts_tokio::{Missing, NoRuntime, Tokio};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime as TokioRuntime};

/// The refusal, asked for from outside and from inside the runtime.
fn refused(runtime: &TokioRuntime) -> NoRuntime {
    let outside = Tokio::from_handle(runtime.handle().clone()).expect_err("the runtime cannot serve");
    let inside = runtime.block_on(async { Tokio::current() }).expect_err("the runtime cannot serve");
    assert_eq!(outside, inside);
    outside
}

fn assert_says(error: NoRuntime, missing: Missing, advice: &str) {
    assert_eq!(error.missing, missing);
    assert!(error.to_string().contains(advice), "{error}");
}

#[test]
fn e51_no_time_driver_is_an_error_at_start() {
    for mut builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
        let runtime = builder.enable_io().build().expect("threads can be had");
        assert_says(refused(&runtime), Missing::TimeDriver, "enable_time()");
    }
}

#[test]
fn e51_no_io_driver_is_an_error_at_start() {
    for mut builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
        let runtime = builder.enable_time().build().expect("threads can be had");
        assert_says(refused(&runtime), Missing::IoDriver, "enable_io()");
    }
}

#[test]
fn e51_no_runtime_at_all_is_an_error_at_start() {
    let error = Tokio::current().expect_err("a test runs in no runtime");
    assert_says(error, Missing::Context, "from_handle");
}

#[test]
fn e51_a_runtime_that_has_ended_is_an_error_at_start() {
    for mut builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
        let runtime = builder.enable_all().build().expect("threads can be had");
        let handle = runtime.handle().clone();
        drop(runtime);
        let error = Tokio::from_handle(handle).expect_err("the runtime has ended");
        assert_says(error, Missing::Life, "has ended");
    }
}

#[test]
fn blocking_work_of_a_runtime_that_ended_first_claims_nothing() {
    let runtime = Builder::new_current_thread().enable_all().build().expect("descriptors can be had");
    let host = Tokio::from_handle(runtime.handle().clone()).expect("all drivers are there");
    drop(runtime);
    let mut work: BoxFuture<()> = host.blocking(Box::new(|| unreachable!("the runtime has ended")));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(work.as_mut().poll(&mut cx).is_pending());
}

#[test]
fn block_on_does_not_wait_for_blocking_work() {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let output = devts_tokio::block_on(async {
        let host = Tokio::current().expect("the runtime of block_on can serve");
        let waits = move || assert!(released.recv_timeout(Duration::from_secs(600)).is_err());
        drop(host.blocking(Box::new(waits)));
        7
    });
    assert_eq!(output.expect("threads can be had"), 7);
    drop(release);
}
