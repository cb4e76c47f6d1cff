//! Pictures of made-up runs: they are well-formed, bounded, and hold what happened.

mod xml;

use std::time::Duration;

use super::*;
use crate::rng::Rng;
use crate::trace::{Change, Line, What};

const MS: u64 = 1_000_000;

/// A made-up run: all machines poll, emit and handle; some are cut off, die, pause, miss events.
struct Run {
    rng: Rng,
    nodes: u16,
    lines: Vec<Line>,
    /// In milliseconds: from when to when a machine is dead.
    dead: Vec<(u16, u64, u64)>,
    /// From when to when the first so many machines are cut off from the others.
    cut: (u16, u64, u64),
}

impl Run {
    /// 50 milliseconds a step, in which each node emits with this chance in a hundred.
    fn new(nodes: u16, ms: u64, percent: u64) -> Run {
        let (from, to) = (ms / 6, ms * 5 / 12);
        let dead = vec![(nodes - 2, ms * 55 / 100, ms * 70 / 100), (nodes / 2, ms * 3 / 4, ms)];
        let cut = (nodes * 2 / 5, from, to);
        let mut run = Run { rng: Rng::new(7), nodes, lines: Vec::new(), dead, cut };
        run.start();
        for at in (200..ms).step_by(50) {
            run.step(at, percent);
        }
        run.changes(ms);
        run.faults(ms);
        run.lines.sort_by_key(|line| line.at);
        run
    }

    fn say(&mut self, at: u64, what: What) {
        let jitter = self.rng.below(MS);
        self.lines.push(Line { at: at * MS + jitter, what });
    }

    fn start(&mut self) {
        for machine in 0..self.nodes {
            self.say(0, What::Poll { task: 0, machine });
            self.say(100, What::Joined { machine, boot: 1 });
            for about in (0..self.nodes).filter(|&about| about != machine) {
                self.say(120 + u64::from(about), What::Member { machine, about, change: Change::Joined });
            }
        }
    }

    fn is_up(&self, machine: u16, at: u64) -> bool {
        !self.dead.iter().any(|&(dead, from, to)| dead == machine && (from..to).contains(&at))
    }

    fn reaches(&self, a: u16, b: u16, at: u64) -> bool {
        let (side, from, to) = self.cut;
        (a < side) == (b < side) || !(from..to).contains(&at)
    }

    fn step(&mut self, at: u64, percent: u64) {
        for machine in (0..self.nodes).filter(|&machine| self.is_up(machine, at)).collect::<Vec<_>>() {
            self.say(at, What::Poll { task: 3, machine });
            if self.rng.percent(percent) {
                let seq = at / 50;
                self.say(at, What::Emitted { machine, boot: 1, seq });
                for other in 0..self.nodes {
                    if other != machine && self.is_up(other, at) && self.reaches(machine, other, at) {
                        let late = at + 5 + self.rng.below(40);
                        let (origin, origin_boot) = (machine, 1);
                        self.say(
                            late,
                            What::Handled { machine: other, origin, origin_boot, first: seq, count: 1 },
                        );
                    }
                }
            }
        }
    }

    /// What nodes see of the cut and the deaths, seconds later.
    fn changes(&mut self, ms: u64) {
        let (side, from, to) = self.cut;
        for machine in 0..self.nodes {
            for about in (0..self.nodes).filter(|&about| (about < side) != (machine < side)) {
                let member = |change| What::Member { machine, about, change };
                let (failed, back) = (self.rng.below(1500), self.rng.below(2500));
                self.say(from + ms / 40 + failed / 2, member(Change::Suspect));
                self.say(from + ms / 20 + failed, member(Change::Failed));
                self.say(to + ms / 60 + back, member(Change::Rejoined));
            }
            for (about, from, to) in self.dead.clone() {
                let seen = ms / 40 + self.rng.below(900);
                self.say(from + seen, What::Member { machine, about, change: Change::Failed });
                if to < ms {
                    self.say(to + seen, What::Member { machine, about, change: Change::Joined });
                }
            }
        }
        self.say(to + 900, What::Gap { machine: 1, origin: 3, origin_boot: 1, first: 40, last: 72 });
        self.say(to + 1900, What::Gap { machine: 0, origin: 2, origin_boot: 1, first: 40, last: 41 });
    }

    fn faults(&mut self, ms: u64) {
        let (side, from, to) = self.cut;
        let sides: Vec<String> = (1..=side).map(|n| format!("n{n}")).collect();
        let killed = self.nodes - 1;
        let off = self.nodes / 2 + 1;
        let seconds = ms / 1000;
        let texts = [
            (from, format!("cut {} from others", sides.join(","))),
            (to, "heal".into()),
            (ms / 2, format!("slow n1 from n{} latency 200ms", self.nodes)),
            (ms / 2, "lose 20% n2 to n3".into()),
            (ms * 55 / 100, format!("kill n{killed}")),
            (ms * 60 / 100, format!("pause n2 for {}s", seconds / 10)),
            (ms * 66 / 100, format!("starve n1 by 1s for {}s", seconds / 12)),
            (ms * 70 / 100, format!("start n{killed}")),
            (ms * 3 / 4, format!("power off n{off}")),
            (ms * 80 / 100, "disk full n3".into()),
            (ms * 90 / 100, "a fault <of> another \"make\" & kind".into()),
        ];
        for (at, text) in texts {
            self.say(at, What::Fault(text.into()));
        }
        self.say(ms / 3, What::Note { machine: crate::NOBODY, text: "the load begins".into() });
        let why = "always: every acknowledged key is at a majority: key `a<7>` of n3 is at n3 only, \
            acknowledged at 41.2s; seen by the checker after the partition had healed and everybody had rejoined";
        self.say(ms * 97 / 100, What::Failed(why.into()));
    }

    fn timeline(&self, ms: u64) -> Timeline {
        let names: Vec<String> = (1..=self.nodes).map(|n| format!("n{n}")).collect();
        let title = format!("a_partition_heals: {} nodes, seed 7", self.nodes);
        let subtitle = "DEVTS_SEED=7 cargo test a_partition_heals";
        Timeline::from_lines(&names, &self.lines, Duration::from_millis(ms), &title, subtitle)
    }
}

fn checked(svg: &str) -> xml::Found {
    let found = xml::check(svg);
    assert!(found.elements <= 8_000, "{} elements", found.elements);
    assert!(svg.len() <= 1_500_000, "{} bytes", svg.len());
    found
}

#[test]
fn a_small_run_shows_each_event() {
    let svg = Run::new(5, 60_000, 2).timeline(60_000).to_svg();
    let found = checked(&svg);
    for (class, count) in [("killed", 2), ("off", 2), ("started", 2), ("gap", 3), ("failure", 2), ("note", 2)]
    {
        assert_eq!(found.classes[class], count, "{class}: one of it and one in the legend");
    }
    for tip in [
        "n2 missed 40..72 of n4",
        "10 s to 25 s: cut n1,n2 from n3..n5",
        "45 s: n3 lost its power",
        "n1: up 0 s to 60 s",
        "n4: up 0 s to 33 s, 42 s to 60 s",
    ] {
        assert!(svg.contains(tip), "{tip}");
    }
    assert!(svg.contains("event handled") && !svg.contains("events handled"), "dots, not densities");
    assert!(svg.contains("a fault &lt;of&gt; another &quot;make&quot; &amp; kind"));
}

#[test]
fn fifty_nodes_with_two_hundred_thousand_events_stay_within_bounds() {
    let run = Run::new(50, 300_000, 2);
    let events =
        run.lines.iter().filter(|line| matches!(line.what, What::Emitted { .. } | What::Handled { .. }));
    assert!(events.count() > 200_000);
    let svg = run.timeline(300_000).to_svg();
    checked(&svg);
    assert!(svg.contains("events handled (full height:"));
    assert!(svg.contains("cut n1..n20 from n21..n50"));
}

#[test]
fn hundreds_of_nodes_stay_within_bounds() {
    let svg = Run::new(250, 20_000, 1).timeline(20_000).to_svg();
    checked(&svg);
}

#[test]
fn too_many_marks_and_faults_stay_within_bounds() {
    let mut lines = Vec::new();
    let mut say = |at: u64, what| lines.push(Line { at, what });
    for at in 0..20_000_u64 {
        let machine = (at % 20) as u16;
        let ms = at * MS;
        say(ms, What::Member { machine, about: 3, change: Change::Failed });
        say(ms, What::Member { machine, about: 3, change: Change::Rejoined });
        say(ms, What::Gap { machine, origin: 4, origin_boot: 1, first: at, last: at + 1 });
        say(ms, What::Note { machine, text: "said <again> and again".into() });
        say(ms, What::Stopped { machine, boot: 1 });
        say(ms, What::Joined { machine, boot: 2 });
        if at % 10 == 0 {
            say(ms, What::Fault(format!("cut n{} from others", at / 10 % 20 + 1).into()));
            say(ms, What::Fault(format!("pause n{} for 3ms", at / 10 % 20 + 1).into()));
        }
    }
    let names: Vec<String> = (1..=20).map(|n| format!("a-machine-with-a-long-name-{n}")).collect();
    let why = "x".repeat(5_000) + " " + &"word ".repeat(1_000);
    say(10_000 * MS, What::Failed(why.into()));
    let title = "title ".repeat(100);
    let svg = Timeline::from_lines(&names, &lines, Duration::from_secs(20), &title, &title).to_svg();
    checked(&svg);
    assert!(svg.contains("more, not written here"));
}

#[test]
fn an_empty_run_is_a_picture_too() {
    let none: [&str; 0] = [];
    checked(&Timeline::from_lines(&none, [], Duration::ZERO, "", "").to_svg());
    checked(&Timeline::from_lines(&["n1"], [], Duration::MAX, "never up", "").to_svg());
}

#[test]
fn texts_may_hold_anything() {
    let wild = "\u{0}\u{1b}[31m </text> ]]> &amp; \u{ffff} \"'\n日本";
    let lines = [
        Line { at: 1, what: What::Failed(wild.into()) },
        Line { at: 1, what: What::Fault(wild.into()) },
        Line { at: 1, what: What::Note { machine: 0, text: wild.into() } },
        Line { at: 1, what: What::Emitted { machine: 900, boot: 1, seq: 1 } },
    ];
    checked(&Timeline::from_lines(&[wild], &lines, Duration::from_nanos(2), wild, wild).to_svg());
}

#[test]
fn what_is_later_than_the_end_is_drawn_at_the_end() {
    let lines = [
        Line { at: 5_000 * MS, what: What::Emitted { machine: 0, boot: 1, seq: 1 } },
        Line { at: 6_000 * MS, what: What::Fault("cut n1 from n2".into()) },
        Line { at: 7_000 * MS, what: What::Failed("late".into()) },
    ];
    let until = Duration::from_secs(1);
    checked(&Timeline::from_lines(&["n1", "n2"], &lines, until, "late", "").to_svg());
}

#[test]
fn a_given_plan_takes_the_place_of_the_faults_in_the_lines() {
    let lines = [Line { at: 0, what: What::Fault("kill n1".into()) }];
    let mut timeline = Timeline::from_lines(&["n1", "n2"], &lines, Duration::from_secs(9), "two", "");
    assert!(timeline.to_svg().contains("kill n1"));
    timeline.faults(&Plan::parse("at 1s kill n2", 2).unwrap());
    let svg = timeline.to_svg();
    assert!(svg.contains("kill n2") && !svg.contains("kill n1"));
}
/// For whoever changes how a run is drawn: `cargo test -p devts-sim --lib pictures_to_look_at -- --ignored`.
#[test]
#[ignore = "writes pictures into the directory for temporary files"]
fn pictures_to_look_at() {
    let runs = [("few_events", 5, 60_000, 2), ("five", 5, 60_000, 30), ("fifty", 50, 300_000, 2)];
    for (name, nodes, ms, percent) in runs {
        let svg = Run::new(nodes, ms, percent).timeline(ms).to_svg();
        std::fs::write(std::env::temp_dir().join(format!("devts_{name}.svg")), svg).unwrap();
    }
}
