//! What was asked for, and whether it holds: the bars of the table. Measures nothing.

use crate::idle::Idle;
use crate::rounds::Cell;

/// One thing that was asked for.
#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) what: String,
    pub(crate) asked: &'static str,
    pub(crate) measured: String,
    pub(crate) holds: bool,
}

/// More allocations an event than this, beside those of the user's own type, are an event's. Fewer are a batch's, which
/// holds thousands of the smallest events and sixteen of 4 KiB.
fn no_allocation(size: usize) -> f64 {
    if size == 16 { 0.01 } else { 0.5 }
}

/// The bars of what was measured, in order.
pub(crate) fn bars(cells: &[Cell], idle: &[Idle]) -> Vec<Bar> {
    let mut bars = Vec::new();
    bars.extend(cells.iter().filter(|cell| cell.size == 16).map(small));
    bars.extend(cells.iter().filter(|cell| cell.size == 65536).map(large));
    bars.extend(cells.iter().map(echo));
    bars.extend(cells.iter().map(allocations));
    bars.extend(idle.iter().flat_map(idles));
    bars
}

fn small(cell: &Cell) -> Bar {
    let ratio = cell.ratio(|sample| sample.events).median;
    bar(format!("one way, 16 B, {}", cell.host), "≥ 0.5 × raw events/s", format!("{ratio:.2}"), ratio >= 0.5)
}

fn large(cell: &Cell) -> Bar {
    let ratio = cell.ratio(|sample| sample.events).median;
    bar(format!("one way, 64 KiB, {}", cell.host), "≥ 0.6 × raw bytes/s", format!("{ratio:.2}"), ratio >= 0.6)
}

fn echo(cell: &Cell) -> Bar {
    let ratio = cell.ratio(|sample| sample.echo[0]).median;
    bar(
        format!("echo p50, {} B, {}", cell.size, cell.host),
        "≤ 1.8 × raw",
        format!("{ratio:.2}"),
        ratio <= 1.8,
    )
}

fn allocations(cell: &Cell) -> Bar {
    // The type above 16 B owns its body: one at the receiver.
    let own = if cell.size == 16 { 0.0 } else { 1.0 };
    let [_, emitter] = cell.medians(|sample| sample.allocations[0]);
    let [_, receiver] = cell.medians(|sample| sample.allocations[1]);
    let extra = emitter + (receiver - own).max(0.0);
    let what = format!("allocations, {} B, {}", cell.size, cell.host);
    bar(
        what,
        "none an event beyond the user's type",
        format!("{extra:.4}"),
        extra <= no_allocation(cell.size),
    )
}

fn idles(idle: &Idle) -> [Bar; 2] {
    let Idle { host, cpu, memory } = idle;
    [
        bar(format!("idle of 9, {host}"), "≤ 1 ms CPU a second", format!("{cpu:.2}"), *cpu <= 1.0),
        bar(format!("idle of 9, {host}"), "≤ 8 MiB in RAM", format!("{:.1}", memory[0]), memory[0] <= 8.0),
    ]
}

fn bar(what: String, asked: &'static str, measured: String, holds: bool) -> Bar {
    Bar { what, asked, measured, holds }
}
