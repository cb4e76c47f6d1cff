//! A process that asks itself to end. Where nobody listened, the signal would kill the test.
#![cfg(unix)]

use std::process::Command;

#[test]
fn ctrl_c_hears_both_signals() {
    for signal in ["-INT", "-TERM"] {
        let asked = devts_smol::ctrl_c();
        let me = std::process::id().to_string();
        assert!(Command::new("kill").args([signal, &me]).status().expect("kill(1) is there").success());
        devts_smol::block_on(asked).expect("async-io runs").expect("the signals were registered");
    }
}
