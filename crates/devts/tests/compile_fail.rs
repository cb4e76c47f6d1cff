//! Each mistake that a beginner makes does not compile, and says what to do: the texts beside the files in
//! `compile_fail/` are what rustc prints, letter by letter.
//!
//! After a change of texts: `TRYBUILD=overwrite cargo test -p devts --test compile_fail`, and read the difference.

// The default build is what is compared: names that a feature brings make rustc write out paths of others. Built for the
// whole workspace devts has all features, and this is no test.
#![cfg(all(feature = "tokio", not(feature = "sim")))]

use std::io::Write;
use std::process::Command;

/// The toolchain of the texts: another one words its own part otherwise.
const MADE_WITH: &str = "rustc 1.95.";

#[test]
fn mistakes_say_what_to_do() {
    let rustc = Command::new("rustc").arg("--version").output().expect("rustc is there: cargo called it");
    let version = String::from_utf8_lossy(&rustc.stdout).into_owned();
    if !version.starts_with(MADE_WITH) {
        // Not `eprintln!`: the line is to be seen although the test passes.
        writeln!(
            std::io::stderr(),
            "SKIPPED compile_fail: its texts are those of {MADE_WITH}x, this is {}",
            version.trim()
        )
        .expect("stderr is open");
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
