//! Plays a story in a world: starts nodes, does at its time what it says, and gives the record. Knows no expectation.

use crate::judge;
use crate::process::{Order, id, live};
use crate::record::{End, Process, Record, Shared};
use crate::scribe::{Desk, Door, Keeper, Scribe};
use async_channel::Sender;
use devts::rt::Runtime;
use devts::{Builder, Bytes, Config, Node};
use devts_sim::story::{Action, Much, Seed, Setting, Story, Who};
use devts_sim::{Fault, Lines, Machine, MachineId, Mode, Settings, World};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const PORT: u16 = 4000;
/// The pause between the starts of the first nodes.
const APART: Duration = Duration::from_millis(10);
/// What is under way at the end has so long to arrive.
const SETTLE: Duration = Duration::from_secs(20);

/// What a run leaves.
pub struct Run {
    pub record: Record,
    pub hash: u64,
    pub lines: Arc<Lines>,
    /// Where it parts from the run that it was held against.
    pub differs: Option<String>,
    /// What went wrong beside what the story expects.
    pub trouble: Vec<String>,
}

/// Plays it once.
pub fn run(story: &Story, seed: u64, mode: Mode) -> Run {
    let world = World::with(seed, settings(story), mode);
    let mut stage = Stage::new(story, &world);
    let played = world.block_on(stage.play());
    let mut trouble: Vec<String> = played.err().map(|stuck| stuck.to_string()).into_iter().collect();
    let panicked = |(machine, text): (Option<usize>, String)| match machine {
        Some(machine) => format!("{} panicked: {text}", MachineId(machine)),
        None => format!("a task panicked: {text}"),
    };
    trouble.extend(world.take_panics().into_iter().map(panicked));
    let hash = world.trace_hash();
    let trace = world.take_trace();
    let differs = trace.difference().map(|difference| difference.to_string());
    let record = stage.shared.close();
    Run { record, hash, lines: trace.into_lines(), differs, trouble }
}

fn settings(story: &Story) -> Settings {
    let mut settings = Settings::default();
    for setting in &story.settings {
        match setting {
            Setting::Latency(latency) => settings.latency = *latency,
            Setting::Tick(tick) => settings.tick = *tick,
            _ => {}
        }
    }
    settings.limit = story.lasts + SETTLE + Duration::from_secs(1);
    settings
}

fn config(story: &Story) -> Config {
    let mut config = Config::lan();
    for setting in &story.settings {
        match setting {
            Setting::History(bytes) => config.engine.history = *bytes as usize,
            Setting::Window(bytes) => config.engine.receive_window = *bytes as usize,
            Setting::Members(members) => config.engine.max_members = *members as usize,
            Setting::Redial(longest) => config.engine.redial.1 = *longest,
            Setting::Forget(after) => config.engine.forget_after = *after,
            _ => {}
        }
    }
    config
}

/// What is on the stage: the machines, and what may be told to the process that runs on each.
struct Stage<'a> {
    story: &'a Story,
    world: World,
    shared: Shared,
    parts: Vec<Part>,
}

struct Part {
    machine: Machine,
    /// How often a node was started on it.
    starts: usize,
    /// Whose id its node has.
    node: usize,
    seeds: Option<Vec<Seed>>,
    now: Option<Playing>,
}

/// A process that runs.
struct Playing {
    process: usize,
    orders: Sender<Order>,
    door: Door,
}

impl<'a> Stage<'a> {
    fn new(story: &'a Story, world: &World) -> Stage<'a> {
        let part = |index| Part {
            machine: world.machine(&MachineId(index).to_string()),
            starts: 0,
            node: index,
            seeds: None,
            now: None,
        };
        let parts = (0..story.machines).map(part).collect();
        Stage { story, world: world.clone(), shared: Shared::new(world.clone()), parts }
    }

    /// Until the story is over, and what was under way has arrived.
    async fn play(&mut self) {
        for (at, what) in timetable(self.story) {
            self.wait_until(at).await;
            match what {
                Happens::Start(machine) => self.start(machine),
                Happens::Step(step) => self.act(&self.story.steps[step].is.action),
            }
        }
        let lasts = self.story.lasts;
        self.wait_until(lasts).await;
        while self.world.now() < lasts + SETTLE
            && !self.shared.with(|record| judge::settled(self.story, record))
        {
            self.world.sleep(Duration::from_millis(250)).await;
        }
    }

    async fn wait_until(&self, at: Duration) {
        let left = at.saturating_sub(self.world.now());
        if !left.is_zero() {
            self.world.sleep(left).await;
        }
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Faults(faults) => faults.iter().for_each(|fault| self.fault(fault)),
            Action::Emit { who, much } => {
                let order = |much: &Much| Order::Emit { times: much.times, ballast: ballast(much.bytes) };
                self.each(who).into_iter().for_each(|machine| self.order(machine, order(much)));
            }
            Action::Send { who, whom, much } => self.pairs(who, whom, |to| Order::Send {
                to,
                times: much.times,
                ballast: ballast(much.bytes),
            }),
            Action::Ask { who, whom, much, within } => self.pairs(who, whom, |of| Order::Ask {
                of,
                times: much.times,
                ballast: ballast(much.bytes),
                within: *within,
            }),
            Action::StopReading(who) => self.doors(who, Door::shut),
            Action::ReadOn(who) => self.doors(who, Door::open),
            Action::Join { who, through, as_node } => {
                for machine in self.meant(who) {
                    self.parts[machine].seeds.clone_from(through);
                    self.parts[machine].node = as_node.map_or(machine, |node| node.0);
                    self.start(machine);
                }
            }
            Action::Leave(who) => {
                for machine in self.each(who) {
                    self.order(machine, Order::Leave);
                    self.end(machine, End::Left);
                }
            }
            other => panic!("the runner does not know {other:?}"),
        }
    }

    fn fault(&mut self, fault: &Fault) {
        self.world.apply(fault).expect("the story names machines that exist");
        match fault {
            Fault::Kill { node } | Fault::PowerOff { node } => self.end(node.0, End::Killed),
            Fault::Start { node } => self.start(node.0),
            _ => {}
        }
    }

    // ---- who -----------------------------------------------------------------------------------------------------

    fn meant(&self, who: &Who) -> Vec<usize> {
        (0..self.parts.len()).filter(|machine| who.holds(MachineId(*machine))).collect()
    }

    /// Those of them that run.
    fn each(&self, who: &Who) -> Vec<usize> {
        self.meant(who).into_iter().filter(|machine| self.parts[*machine].now.is_some()).collect()
    }

    fn order(&self, machine: usize, order: Order) {
        if let Some(playing) = &self.parts[machine].now {
            drop(playing.orders.try_send(order));
        }
    }

    fn pairs(&self, who: &Who, whom: &Who, order: impl Fn(usize) -> Order) {
        let nodes: BTreeSet<usize> = match whom {
            Who::Named(nodes) => nodes.iter().map(|node| node.0).collect(),
            Who::All { .. } => self.each(whom).into_iter().map(|machine| self.parts[machine].node).collect(),
        };
        for machine in self.each(who) {
            let others = nodes.iter().filter(|node| **node != self.parts[machine].node);
            others.for_each(|node| self.order(machine, order(*node)));
        }
    }

    fn doors(&self, who: &Who, act: impl Fn(&Door)) {
        let parts = self.each(who).into_iter().filter_map(|machine| self.parts[machine].now.as_ref());
        parts.for_each(|playing| act(&playing.door));
    }

    // ---- coming and going ----------------------------------------------------------------------------------------

    fn end(&mut self, machine: usize, why: End) {
        if let Some(playing) = self.parts[machine].now.take() {
            self.shared.ink(playing.process).ended(why);
        }
    }

    /// Starts a node on a machine, unless one runs on it.
    fn start(&mut self, machine: usize) {
        let over =
            |playing: &Playing| self.shared.ink(playing.process).with(|process| process.ended.is_some());
        if self.parts[machine].now.as_ref().is_some_and(|playing| !over(playing)) {
            return;
        }
        let (now, node) = (self.world.now(), self.parts[machine].node);
        let process = self.shared.with(|record| {
            record.processes.push(Process::new(machine, node, now));
            record.processes.len() - 1
        });
        let seeds = self.seeds(machine);
        let part = &mut self.parts[machine];
        part.machine = part.machine.start();
        part.starts += 1;
        let (orders, ordered) = async_channel::unbounded();
        let (ink, door) = (self.shared.ink(process), Door::default());
        let desk = Desk { ink: ink.clone(), door: door.clone() };
        let host = part.machine.clone();
        let kept = self.story.settings.iter().find_map(|setting| match setting {
            Setting::State(bytes) => Some(*bytes),
            _ => None,
        });
        match kept {
            Some(bytes) => {
                let keeper = Keeper { desk, ballast: ballast(bytes) };
                let builder = self.builder(&host, seeds, node, keeper);
                host.spawn(Box::pin(live(host.clone(), builder, ink, ordered, true)));
            }
            None => {
                let builder = self.builder(&host, seeds, node, Scribe(desk));
                host.spawn(Box::pin(live(host.clone(), builder, ink, ordered, false)));
            }
        }
        self.parts[machine].now = Some(Playing { process, orders, door });
    }

    /// Usually the first two, which for the very first start of n1 are not there.
    fn seeds(&self, machine: usize) -> Vec<String> {
        let part = &self.parts[machine];
        let name = |seed: &Seed| match seed {
            Seed::Node(node) => format!("{node}:{PORT}"),
            Seed::Nobody => format!("nobody:{PORT}"),
        };
        if let Some(seeds) = &part.seeds {
            return seeds.iter().map(name).collect();
        }
        let usual = if machine == 0 && part.starts == 0 { 0 } else { self.story.nodes.min(2) };
        (0..usual).filter(|node| *node != machine).map(|node| name(&Seed::Node(MachineId(node)))).collect()
    }

    fn builder<N: Node>(&self, machine: &Machine, seeds: Vec<String>, node: usize, what: N) -> Builder<N> {
        devts::join(seeds, what)
            .runtime(machine.clone())
            .node_id(id(node))
            .bind(format!("{}:{PORT}", machine.ip()))
            .config(config(self.story))
    }
}

fn ballast(bytes: u64) -> Bytes {
    vec![7; bytes as usize].into()
}

#[derive(Clone, Copy)]
enum Happens {
    Start(usize),
    Step(usize),
}

/// Everything that happens, in the order of its time; of the same time, in the order of the lines.
fn timetable(story: &Story) -> Vec<(Duration, Happens)> {
    let mut table: Vec<(Duration, Happens)> =
        (0..story.nodes).map(|machine| (APART * machine as u32, Happens::Start(machine))).collect();
    for (index, line) in story.steps.iter().enumerate() {
        let step = &line.is;
        let (pause, until) = step.again.unwrap_or((story.lasts, step.from + Duration::from_nanos(1)));
        let mut at = step.from;
        while at < until.min(story.lasts) {
            table.push((at, Happens::Step(index)));
            at += pause;
        }
    }
    table.sort_by_key(|(at, _)| *at);
    table
}
