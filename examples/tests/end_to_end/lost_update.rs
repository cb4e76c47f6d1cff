//! The `lost_update` example, as somebody runs it and types its last line; and its test, as `cargo test` runs it.

use crate::process::{Directory, program};
use std::path::Path;
use std::process::Command;

#[path = "../../lost_update/store.rs"]
mod store;

use store::{Hasty, Patient, SEEDS, writes_are_kept};

/// The test of the chapter. It fails, for the store has a mistake, and so it runs only where a seed is asked for.
#[test]
fn hasty_writes_are_kept() {
    if std::env::var_os("DEVTS_SEED").is_some() {
        devts::sim::seeds(SEEDS).check(writes_are_kept::<Hasty>);
    }
}

#[test]
fn patient_writes_are_kept() {
    devts::sim::seeds(SEEDS).check(writes_are_kept::<Patient>);
}

/// What a program says, and whether it ends well; with a seed asked for, or none.
fn run(program: &Path, arguments: &[&str], directory: &Path, seed: Option<&str>) -> (bool, String) {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory).env_remove("DEVTS_SEED").env_remove("DEVTS_SEEDS");
    seed.map(|seed| command.env("DEVTS_SEED", seed));
    let output = command.output().unwrap();
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.success(), text)
}

/// What was found, without where it is drawn and how it is made again.
fn report(text: &str) -> String {
    let begin = text.find("\nseed ").unwrap_or_else(|| panic!("no failure in {text}"));
    text[begin..].lines().take_while(|line| !line.starts_with("  timeline")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_mistake_is_found_and_its_replay_line_finds_it_again() {
    let directory = Directory::new("lost-update");
    let example = program("lost_update");
    let (well, first) = run(&example, &[], directory.path(), None);
    assert!(well && first.contains("no write was lost in 100 seeds"), "{first}");
    assert!(report(&first).contains("always \"an acknowledged write is kept\" does not hold"), "{first}");
    let line =
        first.lines().find_map(|line| line.trim().strip_prefix("replay ")).expect("a line to type").trim();
    let seed =
        line.strip_prefix("DEVTS_SEED=").and_then(|rest| rest.split(' ').next()).expect("it names the seed");
    assert!(line.contains("cargo run") && line.ends_with("--example lost_update"), "{line}");

    let (well, again) = run(&example, &[], directory.path(), Some(seed));
    assert!(well && again.contains("no write was lost in 1 seed"), "{again}");
    assert_eq!(report(&first), report(&again));

    let test = std::env::current_exe().unwrap();
    let name = "lost_update::hasty_writes_are_kept";
    let (passed, tested) = run(&test, &["--exact", name, "--nocapture"], directory.path(), Some(seed));
    assert!(!passed && tested.contains(&format!("{name}\n")), "{tested}");
    assert_eq!(report(&first), report(&tested));
}

/// What is not compiled there is compiled in the chapter.
#[test]
fn the_readme_shows_the_chapters_test() {
    let [readme, chapter] = [include_str!("../../../README.md"), include_str!("../../../docs/simulation.md")];
    let (_, code) = readme.split_once("```rust,ignore\n").expect("a test of a store");
    let (code, _) = code.split_once("```").expect("it ends");
    assert!(chapter.contains(code), "{code}");
}
