//! A test of this file in a process of its own, with an environment of its own: as somebody types it in a shell.

use std::env;
use std::process::Command;

const CHILD: &str = "DEVTS_TESTS_CHILD";

/// Whether this process is such a one: tests that are to fail do nothing elsewhere.
pub(crate) fn is_child() -> bool {
    env::var_os(CHILD).is_some()
}

/// What the test says, and whether it passed.
pub(crate) fn run(test: &str, variable: (&str, &str)) -> (bool, String) {
    let exe = env::current_exe().expect("a test has a file");
    let mut command = Command::new(exe);
    command.args(["--exact", test, "--nocapture"]).env(CHILD, "1").env(variable.0, variable.1);
    let output = command.output().expect("it can be run again");
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("running 1 test"), "{text}");
    (output.status.success(), text)
}
