//! The legend: what occurs in this picture, and nothing else.

use super::draw::Picture;
use super::facts::{Density, Lane};
use super::glyph;
use super::layout::{MARGIN, SMALL, WIDTH};
use super::lives::Turn;
use super::svg::{Svg, text_width};
use super::{axis, marks, rows, shades};
use crate::trace::Change;

const ROW: f64 = 18.0;
const SYMBOL: f64 = 16.0;

/// A symbol and its meaning.
pub(super) struct Entry {
    class: &'static str,
    /// Drawn around this middle.
    shape: Box<dyn Fn(f64, f64) -> String>,
    text: String,
}

fn entry(class: &'static str, text: &str, shape: impl Fn(f64, f64) -> String + 'static) -> Entry {
    Entry { class, shape: Box::new(shape), text: text.to_string() }
}

fn shade(x: f64, y: f64) -> String {
    glyph::area([x - 7.0, y - 5.0, 14.0, 10.0])
}

/// The entries for what this picture shows.
pub(super) fn entries(picture: &Picture<'_>) -> Vec<Entry> {
    let mut entries = vec![entry("bar", "alive", shade)];
    if picture.facts.lanes.iter().any(|lane| lane.traffic.peak() > 0) {
        entries.push(entry("load", "tasks run and writes", profile));
    }
    events(&mut entries, picture);
    views(&mut entries, picture);
    turns(&mut entries, picture);
    for kind in shades::KINDS {
        if picture.faults.spans.iter().any(|span| span.kind == kind) {
            entries.push(entry(shades::class(kind), shades::meaning(kind), shade));
        }
    }
    if picture.faults.spans.iter().any(|span| !span.others.is_empty()) {
        entries.push(entry("link", "the sides of a bad link (crossed: cut; an arrow: only that way)", link));
    }
    if picture.facts.failure.is_some() {
        entries.push(entry("failure", "the failure", |x, y| glyph::stroke(x, y - 6.0, 12.0)));
    }
    entries
}

fn link(x: f64, y: f64) -> String {
    let line = glyph::stroke(x, y - 6.0, 12.0);
    [line, glyph::square(x, y - 5.0, 2.0), glyph::square(x, y + 5.0, 2.0), glyph::cross(x, y, 3.0)].concat()
}

fn profile(x: f64, y: f64) -> String {
    let bar = |i: f64, h: f64| glyph::area([x - 7.0 + 3.5 * i, y + 5.0 - h, 3.5, h]);
    [bar(0.0, 4.0), bar(1.0, 9.0), bar(2.0, 6.0), bar(3.0, 2.0)].concat()
}

fn events(entries: &mut Vec<Entry>, picture: &Picture<'_>) {
    let facts = picture.facts;
    let any = |of: fn(&Lane) -> &Density| facts.lanes.iter().any(|lane| of(lane).peak() > 0);
    let column = axis::said(facts.column_time());
    let many = |of: fn(&Lane) -> &Density, verb: &str| {
        format!("events {verb} (full height: {} or more in {column})", rows::full(facts, of))
    };
    if any(|lane| &lane.handled) {
        entries.push(match facts.handled.get() {
            Some(_) => entry("handled", "event handled", |x, y| glyph::dot(x, y, 3.2)),
            None => entry("handled", &many(|lane| &lane.handled, "handled"), profile),
        });
    }
    if any(|lane| &lane.emitted) {
        entries.push(match facts.emitted.get() {
            Some(_) => entry("tick", "event emitted", |x, y| glyph::stroke(x, y - 4.0, 8.0)),
            None => entry("emitted", &many(|lane| &lane.emitted, "emitted"), profile),
        });
    }
    if !facts.gaps.is_empty() {
        entries.push(entry("gap", "events missed", |x, y| glyph::stroke(x, y - 5.0, 10.0)));
    }
    if !facts.notes.is_empty() {
        entries.push(entry("note", "note", |x, y| glyph::diamond(x, y, 4.0)));
    }
}

fn views(entries: &mut Vec<Entry>, picture: &Picture<'_>) {
    for change in [Change::Joined, Change::Rejoined, Change::Suspect, Change::Failed, Change::Left] {
        if picture.facts.views.iter().any(|view| view.change == change) {
            let text = format!("sees that somebody {}", change.verb());
            entries.push(entry(marks::class(change), &text, move |x, y| marks::shape(change, x, y, 4.5)));
        }
    }
}

fn turns(entries: &mut Vec<Entry>, picture: &Picture<'_>) {
    for turn in [Turn::Killed, Turn::PowerOff, Turn::Stopped, Turn::Started] {
        if picture.lives.iter().any(|lives| lives.turns.iter().any(|happened| happened.1 == turn)) {
            entries.push(entry(marks::turn_class(turn), marks::word(turn), move |x, y| {
                marks::turn_shape(turn, x, y, 5.0)
            }));
        }
    }
}

/// Where each entry goes, from the top left of the legend.
fn places(entries: &[Entry]) -> Vec<[f64; 2]> {
    let (mut x, mut y) = (MARGIN, 0.0);
    let place = |entry: &Entry| {
        let width = SYMBOL + 6.0 + text_width(&entry.text, SMALL);
        if x + width > WIDTH - MARGIN && x > MARGIN {
            (x, y) = (MARGIN, y + ROW);
        }
        let here = [x, y];
        x += width + 14.0;
        here
    };
    entries.iter().map(place).collect()
}

/// How high the legend is.
pub(super) fn height(entries: &[Entry]) -> f64 {
    places(entries).last().map_or(0.0, |place| place[1] + ROW)
}

pub(super) fn draw(svg: &mut Svg, entries: &[Entry], top: f64) {
    for (entry, [x, y]) in entries.iter().zip(places(entries)) {
        let middle = top + y + ROW / 2.0;
        svg.path(entry.class, &(entry.shape)(x + SYMBOL / 2.0, middle), "");
        svg.text("", [x + SYMBOL + 6.0, middle + 4.0], SMALL, &entry.text);
    }
}
