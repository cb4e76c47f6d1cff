//! Row 51 of the list of faults: a system that gives nothing at start. The test runs itself again as a process that
//! has no descriptor left.
#![cfg(unix)]

use devts_smol::Smol;
use std::fs::File;
use std::process::Command;

const CHILD: &str = "DEVTS_TEST_WITHOUT_DESCRIPTORS";

#[test]
fn e51_no_descriptor_at_start_is_an_error() {
    if std::env::var_os(CHILD).is_some() {
        return starts_without_descriptors();
    }
    let me = std::env::current_exe().expect("a test has a file");
    let script = "ulimit -n 64; exec \"$0\" --exact e51_no_descriptor_at_start_is_an_error";
    let child =
        Command::new("sh").args(["-c", script]).arg(me).env(CHILD, "1").output().expect("sh(1) is there");
    assert!(child.status.success(), "{child:?}");
}

fn starts_without_descriptors() {
    let _all: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    for _ in 0..2 {
        let error = Smol::global().expect_err("epoll needs a descriptor");
        assert!(error.to_string().contains("for want of a descriptor"), "{error}");
        let error = devts_smol::block_on(async {}).expect_err("here as well");
        assert!(error.to_string().contains("for want of a descriptor"), "{error}");
    }
}
