//! The stories, one test each: every seed twice, with equal traces, and judged by what the story expects.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
#![allow(unreachable_pub, reason = "modules of a test")]

mod delivery;
mod judge;
mod process;
mod record;
mod run;
mod scribe;

use devts_sim::Mode;
use devts_sim::story::Story;
use std::fmt::Write;
use std::path::{Path, PathBuf};

macro_rules! stories {
    ($($name:ident $(= $why:literal)?),* $(,)?) => {
        $(#[test] $(#[ignore = $why])? fn $name() { play(stringify!($name)); })*

        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

stories! {
    e03_bytes_as_they_come,
    e13_oneself_among_the_seeds,
    e17_both_dial_at_once,
    e19_an_answer_too_late,
    e20_too_many_requests,
    e22_the_cap_on_members,
    e23_partition_heals,
    e24_one_way_cut,
    e25_partial_cut,
    e26_a_chain,
    e26_a_ring,
    e27_loss_of_20_percent,
    e27_loss_of_40_percent,
    e27_loss_of_5_percent,
    e28_one_node_loses_80_percent,
    e29_flip_flop_link,
    e30_delays,
    e30_jitter,
    e31_power_off,
    e33_the_address_changes,
    e34_seeds_that_do_not_answer,
    e35_a_slow_reader,
    e36_a_narrow_link,
    e37_kill,
    e38_restart_with_the_same_id,
    e39_two_with_one_id,
    e40_a_node_sleeps,
    e41_a_node_starves,
    e41_three_seconds_late = "a starved node takes others for dead: its own late dials are not excused as its late driver is",
    e42_rolling_restart,
    e43_half_of_the_nodes_die,
    e44_mass_join,
    e45_leaving,
    e52_set_back_between_two_seeds,
    e52_wall_clocks_jump,
    e53_a_coarse_clock,
    e53_a_long_sleep,
    e54_clock_rates,
    e62_events_by_another_way,
    e63_a_state_transfer_is_interrupted,
    e63_the_donor_dies,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("stories")
}

/// Of what was seen instead, so much is shown.
const SHOWN: usize = 6;

fn play(name: &str) {
    let text = std::fs::read_to_string(folder().join(format!("{name}.txt"))).unwrap();
    let story = Story::parse(&text).unwrap_or_else(|error| panic!("stories/{name}.txt, {error}"));
    for seed in seeds(story.seeds) {
        let report = report(&story, seed);
        if !report.is_empty() {
            let again = format!("DEVTS_SEED={seed} cargo test -p devts-sim --test stories {name}");
            panic!("stories/{name}.txt, seed {seed}:\n{report}  again: {again}");
        }
    }
}

/// What was not as the story expects; nothing if all was.
fn report(story: &Story, seed: u64) -> String {
    let first = run::run(story, seed, Mode::Hash);
    let mut report = String::new();
    for trouble in &first.trouble {
        writeln!(report, "  {trouble}").unwrap();
    }
    for failure in judge::judge(story, &first.record) {
        writeln!(report, "  {}", failure.line).unwrap();
        failure.seen.iter().take(SHOWN).for_each(|seen| writeln!(report, "      {seen}").unwrap());
        if failure.seen.len() > SHOWN {
            writeln!(report, "      and {} more", failure.seen.len() - SHOWN).unwrap();
        }
    }
    if run::run(story, seed, Mode::Hash).hash != first.hash {
        writeln!(report, "  two runs of one seed differ:\n{}", difference(story, seed)).unwrap();
    }
    report
}

/// The first line in which two runs part.
fn difference(story: &Story, seed: u64) -> String {
    let kept = run::run(story, seed, Mode::keep()).lines;
    run::run(story, seed, Mode::Compare(kept))
        .differs
        .unwrap_or_else(|| "and do not do so when they are compared".into())
}

/// Those of the story, or what the environment asks for: one seed, or so many.
fn seeds(count: u64) -> Vec<u64> {
    let asked = |name| {
        let text = std::env::var(name).ok()?;
        Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name} is {text:?}, which is no number")))
    };
    match asked("DEVTS_SEED") {
        Some(seed) => vec![seed],
        None => (1..=asked("DEVTS_SEEDS").unwrap_or(count)).collect(),
    }
}

#[test]
fn every_story_is_told_and_named_after_its_row() {
    let mut files: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|file| file.strip_suffix(".txt").map(ToString::to_string))
        .collect();
    files.sort_unstable();
    let mut names: Vec<&str> = NAMES.to_vec();
    names.sort_unstable();
    assert_eq!(files, names, "the files in stories/ and the list in this file");
    for name in names {
        let row = name.strip_prefix('e').and_then(|rest| rest.split_once('_')).map(|(row, _)| row);
        let is_row = |row: &str| row.len() == 2 && row.parse::<u8>().is_ok();
        assert!(row.is_some_and(is_row), "{name} does not begin with its row, as e23_");
    }
}

/// Each of these lines is wrong of what happens, and is told so; of the right ones nothing is told.
#[test]
fn what_does_not_come_true_is_told_with_its_line() {
    let story = "nodes 3
        lasts 30s
        every 500ms n1,n2 emit
        at 1s n2 sends n3
        at 10s cut n3 from n1,n2
        at 11s n1 asks n3 within 500ms
        at 11s n1 sends n3
        by 16s n1 sees n3 failed";
    let right = [
        "by 20s n1 sees only n1,n2",
        "at most 1 view changes at n1 after 5s",
        "by 18s n1 is told timeout of n3",
    ];
    let wrong = [
        ("by 20s n2 sees n3", "n2 sees n3 failed since 1"),
        ("by 20s n1 sees n3 left", "n1 sees n3 failed since 1"),
        ("by 20s n1 sees only n1,n2,n3", "n1 sees n1,n2"),
        ("by 20s n2 is told gap", "n2 is not told gap"),
        ("by 20s n2 has stopped", "n2 runs"),
        ("never before 5s n1 sees n2 present", "n1 sees n2 present since 20.000ms"),
        ("never after 9s n2 sees n3 gone", "n2 sees n3 failed since 1"),
        ("never anybody is told undeliverable", "n1 is told undeliverable of n3 at 1"),
        ("never n1 is told timeout", "n1 is told timeout of n3 at 11"),
        ("at most 0 view changes at n2 after 5s", "n2 sees 1 changes from 1"),
        ("at the end every event was handled once by n3", "n3 lacks"),
        ("at the end every send arrived", "1 of 1 sends of n1 to n3 did not arrive"),
        ("at the end every request was answered", "what n1 asked n3 at 11.000s ended with"),
    ];
    let with =
        |line: &str| Story::parse(&format!("{story}\n{line}")).unwrap_or_else(|error| panic!("{error}"));
    for line in right {
        assert_eq!(report(&with(line), 7), "");
    }
    for (line, seen) in wrong {
        let report = report(&with(line), 7);
        let first = format!("  line 9: `{line}`\n      {seen}");
        assert!(report.starts_with(&first), "{first}\n{report}");
    }
}
