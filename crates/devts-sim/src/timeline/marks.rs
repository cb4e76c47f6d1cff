//! The marks on the rows: events while they are few, gaps, view changes, notes, ends and starts. Marks that would cover
//! each other become one. Knows no faults but those that end or start a machine.

use std::collections::BTreeMap;

use super::axis::said;
use super::draw::Picture;
use super::facts::{Emitted, Gap, Handled, Note, View};
use super::glyph;
use super::lives::Turn;
use super::svg::Svg;
use crate::trace::Change;

/// So many marks of a kind have a tip each.
const VIEWS: usize = 1000;
const GAPS: usize = 250;
const NOTES: usize = 150;
const TURNS: usize = 200;
/// So many marks of a kind there are at most, without tips.
const MOST: usize = 6000;
/// Marks are at least so many pixels apart.
const APART: f64 = 3.0;

pub(super) fn draw(svg: &mut Svg, picture: &Picture<'_>) {
    handled(svg, picture);
    emitted(svg, picture);
    gaps(svg, picture);
    views(svg, picture);
    notes(svg, picture);
    turns(svg, picture);
}

/// One mark, for one or more things that happened close together.
struct Mark {
    class: &'static str,
    shape: String,
    tip: String,
}

/// Draws marks for items, where those of one key that lie close together share one. Where they are too many to have a tip
/// each, all of a class are one path.
fn scatter<T, K: Ord>(
    svg: &mut Svg,
    items: &[T],
    key: impl Fn(&T) -> (K, f64),
    told: usize,
    mark: impl Fn(&[&T]) -> Mark,
) {
    for pixels in [APART, 2.0 * APART] {
        let groups = grouped(items, &key, pixels);
        if groups.len() <= told {
            groups
                .iter()
                .map(|group| mark(group))
                .for_each(|mark| svg.path(mark.class, &mark.shape, &mark.tip));
            return;
        }
    }
    let widths = (0..12).map(|doubled| APART * f64::from(1 << doubled));
    let mut groups = widths.map(|pixels| grouped(items, &key, pixels));
    let Some(groups) = groups.find(|groups| groups.len() <= MOST) else { return };
    let mut paths: BTreeMap<&str, String> = BTreeMap::new();
    for Mark { class, shape, .. } in groups.iter().map(|group| mark(group)) {
        paths.entry(class).or_default().push_str(&shape);
    }
    paths.iter().for_each(|(class, path)| svg.path(class, path, ""));
}

/// Items of one key within so many pixels, each group in its order of time.
fn grouped<T, K: Ord>(items: &[T], key: impl Fn(&T) -> (K, f64), pixels: f64) -> Vec<Vec<&T>> {
    let mut groups: BTreeMap<(K, i64), Vec<&T>> = BTreeMap::new();
    for item in items {
        let (key, x) = key(item);
        groups.entry((key, (x / pixels) as i64)).or_default().push(item);
    }
    groups.into_values().collect()
}

fn handled(svg: &mut Svg, picture: &Picture<'_>) {
    let Picture { facts, layout, .. } = picture;
    let radius = layout.radius(0.09, 1.4, 3.2);
    for Handled { at, lane, origin, first, last } in facts.handled.get().unwrap_or_default() {
        let dot = glyph::dot(layout.x(*at), layout.on_bar(*lane, 0.58), radius);
        let (name, origin) = (facts.name(*lane), facts.name(*origin));
        svg.path(
            "handled",
            &dot,
            &format!("{}: {name} handled {} of {origin}", said(*at), row(*first, *last)),
        );
    }
}

fn emitted(svg: &mut Svg, picture: &Picture<'_>) {
    let Picture { facts, layout, .. } = picture;
    for Emitted { at, lane, seq } in facts.emitted.get().unwrap_or_default() {
        let tick = glyph::stroke(layout.x(*at), layout.on_bar(*lane, 0.8), 0.2 * layout.bar());
        svg.path("tick", &tick, &format!("{}: {} emitted {seq}", said(*at), facts.name(*lane)));
    }
}

fn gaps(svg: &mut Svg, picture: &Picture<'_>) {
    let Picture { facts, layout, .. } = picture;
    let key = |gap: &Gap| (gap.lane, layout.x(gap.at));
    scatter(svg, &facts.gaps, key, GAPS, |gaps| {
        let Gap { at, lane, .. } = *gaps[0];
        let shape = glyph::stroke(layout.x(at), layout.on_bar(lane, 0.36), 0.6 * layout.bar());
        let told = |gap: &&Gap| format!("{} of {}", row(gap.first, gap.last), facts.name(gap.origin));
        let tip = format!("{}: {} missed {}", said(at), facts.name(lane), listed(gaps.iter().map(told)));
        Mark { class: "gap", shape, tip }
    });
}

fn views(svg: &mut Svg, picture: &Picture<'_>) {
    let Picture { facts, layout, .. } = picture;
    let drawn: Vec<View> =
        facts.views.iter().copied().filter(|view| view.change != Change::Updated).collect();
    let radius = layout.radius(0.14, 2.2, 5.5);
    let key = |view: &View| ((view.change, view.lane), layout.x(view.at));
    scatter(svg, &drawn, key, VIEWS, |views| {
        let View { at, lane, change, .. } = *views[0];
        let shape = shape(change, layout.x(at), layout.on_bar(lane, 0.17), radius);
        let about = facts.names(views.iter().map(|view| view.about));
        let tip = format!("{}: {} sees that {about} {}", said(at), facts.name(lane), change.verb());
        Mark { class: class(change), shape, tip }
    });
}

/// The class of a view change's mark.
pub(super) fn class(change: Change) -> &'static str {
    match change {
        Change::Joined | Change::Updated => "joined",
        Change::Left => "left",
        Change::Failed => "failed",
        Change::Rejoined => "rejoined",
        Change::Suspect => "suspect",
    }
}

/// The shape of a view change's mark: on its base for who is there, on its point for who is gone.
pub(super) fn shape(change: Change, x: f64, y: f64, radius: f64) -> String {
    match change {
        Change::Joined | Change::Rejoined | Change::Updated => glyph::up(x, y, radius),
        Change::Left | Change::Failed | Change::Suspect => glyph::down(x, y, radius),
    }
}

fn notes(svg: &mut Svg, picture: &Picture<'_>) {
    let Picture { facts, layout, .. } = picture;
    let radius = layout.radius(0.1, 2.2, 4.5);
    let key = |note: &Note| (note.lane, layout.x(note.at));
    scatter(svg, &facts.notes, key, NOTES, |notes| {
        let Note { at, lane, .. } = *notes[0];
        let (y, who) = match lane {
            Some(lane) => (layout.on_bar(lane, 0.85), facts.name(lane)),
            None => (layout.bottom() + 2.0, "note"),
        };
        let tip = format!("{}: {who}: {}", said(at), listed(notes.iter().map(|note| note.text.to_string())));
        Mark { class: "note", shape: glyph::diamond(layout.x(at), y, radius), tip }
    });
}

fn turns(svg: &mut Svg, picture: &Picture<'_>) {
    let Picture { facts, layout, lives, .. } = picture;
    let each = lives.iter().enumerate();
    let turns: Vec<(usize, u64, Turn)> =
        each.flat_map(|(lane, lives)| lives.turns.iter().map(move |&(at, turn)| (lane, at, turn))).collect();
    let radius = layout.radius(0.2, 3.0, 7.0);
    let key = |(lane, at, turn): &(usize, u64, Turn)| ((*turn, *lane), layout.x(*at));
    scatter(svg, &turns, key, TURNS, |turns| {
        let (lane, at, turn) = *turns[0];
        let times = match turns.len() {
            1 => String::new(),
            many => format!(", and {} times more soon after", many - 1),
        };
        let tip = format!("{}: {} {}{times}", said(at), facts.name(lane), word(turn));
        let shape = turn_shape(turn, layout.x(at), layout.middle(lane), radius);
        Mark { class: turn_class(turn), shape, tip }
    });
}

/// The class of an end's or start's mark.
pub(super) fn turn_class(turn: Turn) -> &'static str {
    match turn {
        Turn::Stopped => "stopped",
        Turn::Killed => "killed",
        Turn::PowerOff => "off",
        Turn::Started => "started",
    }
}

/// The shape of an end's or start's mark.
pub(super) fn turn_shape(turn: Turn, x: f64, y: f64, radius: f64) -> String {
    match turn {
        Turn::Stopped => glyph::square(x, y, 0.7 * radius),
        Turn::PowerOff => glyph::square(x, y, 0.8 * radius),
        Turn::Killed => glyph::cross(x, y, radius),
        Turn::Started => glyph::right(x, y, radius),
    }
}

/// An end or start as its machine's verb.
pub(super) fn word(turn: Turn) -> &'static str {
    match turn {
        Turn::Stopped => "stopped",
        Turn::Killed => "was killed",
        Turn::PowerOff => "lost its power",
        Turn::Started => "started again",
    }
}

fn row(first: u64, last: u64) -> String {
    if first == last { first.to_string() } else { format!("{first}..{last}") }
}

/// The first few, and how many more.
fn listed(items: impl ExactSizeIterator<Item = String>) -> String {
    let count = items.len();
    let shown: Vec<String> = items.take(6).collect();
    match count - shown.len() {
        0 => shown.join("; "),
        more => format!("{}; and {more} more", shown.join("; ")),
    }
}
