//! A process that asks itself to end. Where nobody listened, the signal would kill the test.
#![cfg(unix)]

use std::process::Command;

#[test]
fn ctrl_c_hears_both_signals() {
    for signal in ["-INT", "-TERM"] {
        let heard = devts_tokio::block_on(async {
            let asked = devts_tokio::ctrl_c();
            let me = std::process::id().to_string();
            assert!(Command::new("kill").args([signal, &me]).status().expect("kill(1) is there").success());
            asked.await
        });
        heard.expect("threads can be had").expect("the signals were registered");
    }
}

#[test]
fn ctrl_c_outside_a_runtime_says_so() {
    let error = devts_rt::conformance::park_on(devts_tokio::ctrl_c()).expect_err("nothing could listen");
    assert!(error.to_string().contains("inside a tokio runtime"), "{error}");
}
