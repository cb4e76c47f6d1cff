//! The rows: names, bars of life, and densities of traffic and events. Knows no faults.

use std::fmt::Write;

use super::axis::said;
use super::draw::Picture;
use super::facts::{Density, Facts, Lane};
use super::glyph;
use super::layout::{Layout, MARGIN};
use super::svg::{N, Svg, ending};

/// With more rows than these, a row has a bar and its events only.
const DETAILED: usize = 250;

/// Names and bars.
pub(super) fn bars(svg: &mut Svg, picture: &Picture<'_>) {
    for (row, lane) in picture.facts.lanes.iter().enumerate() {
        label(svg, &picture.layout, row, &lane.name);
        bar(svg, picture, row);
    }
}

/// What happened too often to be drawn one by one.
pub(super) fn densities(svg: &mut Svg, picture: &Picture<'_>) {
    let facts = picture.facts;
    if facts.lanes.len() <= DETAILED {
        traffic(svg, picture);
    }
    if facts.handled.get().is_none() {
        density(svg, picture, "handled", |lane| &lane.handled, [0.78, 0.48]);
    }
    if facts.emitted.get().is_none() {
        density(svg, picture, "emitted", |lane| &lane.emitted, [1.0, 0.18]);
    }
}

/// The count at which a profile has its full height, for all rows, so that rows can be compared. Higher are the few
/// columns with bursts, which would flatten the rest.
pub(super) fn full(facts: &Facts, of: fn(&Lane) -> &Density) -> u32 {
    let columns = facts.lanes.iter().flat_map(|lane| of(lane).columns().iter().copied());
    let mut counts: Vec<u32> = columns.filter(|&count| count > 0).collect();
    let place = counts.len() * 98 / 100;
    match counts.is_empty() {
        true => 0,
        false => *counts.select_nth_unstable(place).1,
    }
}

fn label(svg: &mut Svg, layout: &Layout, row: usize, name: &str) {
    let size = layout.label_size();
    let text = ending(name, size, layout.left - MARGIN - 6.0);
    svg.text("end", [layout.left - 6.0, layout.middle(row) + 0.36 * size], size, &text);
}

fn bar(svg: &mut Svg, picture: &Picture<'_>, row: usize) {
    let Picture { facts, layout, .. } = picture;
    let lives = &picture.lives[row];
    let (y, height) = (layout.bar_top(row), layout.bar());
    let mut alive = String::new();
    let mut dead = String::new();
    let mut end = layout.left;
    for &(from, to) in &lives.alive {
        let (x0, x1) = (layout.x(from), layout.x(to));
        gap(&mut dead, layout, row, end, x0);
        alive.push_str(&glyph::area([x0, y, (x1 - x0).max(0.5).min(layout.right - x0), height]));
        end = x1;
    }
    gap(&mut dead, layout, row, end, layout.right);
    svg.path("dead", &dead, "");
    let told: Vec<_> =
        lives.alive.iter().take(6).map(|(from, to)| format!("{} to {}", said(*from), said(*to))).collect();
    svg.path("bar", &alive, &format!("{}: up {}", facts.name(row), told.join(", ")));
}

fn gap(path: &mut String, layout: &Layout, row: usize, from: f64, to: f64) {
    if to > from {
        write!(path, "M{} {}H{}", N(from), N(layout.middle(row)), N(to)).expect("a string takes all");
    }
}

fn traffic(svg: &mut Svg, picture: &Picture<'_>) {
    let Picture { facts, layout, .. } = picture;
    let full = full(facts, |lane| &lane.traffic);
    for (row, lane) in facts.lanes.iter().enumerate() {
        svg.path("load", &profile(layout, &lane.traffic, full, [layout.on_bar(row, 1.0), 0.14]), "");
    }
}

fn density(
    svg: &mut Svg,
    picture: &Picture<'_>,
    class: &str,
    of: fn(&Lane) -> &Density,
    [base, height]: [f64; 2],
) {
    let Picture { facts, layout, .. } = picture;
    let full = full(facts, of);
    let column = said(facts.column_time());
    for (row, lane) in facts.lanes.iter().enumerate() {
        let (total, peak) = (of(lane).total(), of(lane).peak());
        let tip = format!("{} {class} {total} events, at most {peak} in {column}", lane.name);
        svg.path(class, &profile(layout, of(lane), full, [layout.on_bar(row, base), height]), &tip);
    }
}

/// Counts as a profile that stands on `base` and takes this share of the bar where the count is `full` or more.
fn profile(layout: &Layout, density: &Density, full: u32, [base, share]: [f64; 2]) -> String {
    let most = share * layout.bar();
    let height = |count: u32| {
        let height = (f64::from(count) / f64::from(full.max(1))).min(1.0) * most;
        if count == 0 { 0 } else { (height * 2.0).round().max(1.0) as i64 } // in half pixels: equal ones join
    };
    let heights: Vec<i64> = density.columns().iter().map(|&count| height(count)).collect();
    outline(layout, base, &heights)
}

/// The outline of columns that have a height, in half pixels.
fn outline(layout: &Layout, base: f64, heights: &[i64]) -> String {
    let mut path = String::new();
    let (mut column, mut before) = (0, 0);
    for run in heights.chunk_by(|a, b| a == b) {
        let (x, y) = (N(layout.column(column, heights.len())), N(base - run[0] as f64 / 2.0));
        column += run.len();
        let next = N(layout.column(column, heights.len()));
        match (before, run[0]) {
            (0, 0) => Ok(()),
            (_, 0) => write!(path, "V{}z", N(base)),
            (0, _) => write!(path, "M{x} {}V{y}H{next}", N(base)),
            _ => write!(path, "V{y}H{next}"),
        }
        .expect("a string takes all");
        before = run[0];
    }
    if before > 0 {
        write!(path, "V{}z", N(base)).expect("a string takes all");
    }
    path
}
