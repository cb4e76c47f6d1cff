//! The faults as shades over the rows that they concern, and the links between the two sides of those that lie between
//! machines. Knows what faults look like, not what they do.

use std::collections::{BTreeMap, BTreeSet};

use super::axis::said;
use super::draw::Picture;
use super::glyph;
use super::layout::Layout;
use super::spans::{Span, SpanKind};
use super::svg::Svg;
use super::track::ranges;

/// So many spans have a shade with a tip; those after them share one shade a kind.
const TOLD: usize = 100;
/// So many of those at most of each kind.
const SHARED: usize = 1_000;
/// So many cuts have their link drawn; of those that begin together so many, and so far apart.
const LINKS: usize = 60;
const ABREAST: u32 = 8;
const APART: f64 = 9.0;

/// Spans of one time and kind, which have one shade, or rows that many cuts concern would be darker than others.
struct Shade {
    x: [f64; 2],
    kind: SpanKind,
    near: Vec<usize>,
    far: Vec<usize>,
    tip: String,
}

/// The shades of all spans.
pub(super) fn draw(svg: &mut Svg, picture: &Picture<'_>) {
    let layout = &picture.layout;
    let mut shades: BTreeMap<(u64, u64, SpanKind), Vec<&Span>> = BTreeMap::new();
    for span in &picture.faults.spans {
        shades.entry((span.from, span.to, span.kind)).or_default().push(span);
    }
    let shades: Vec<Shade> = shades.values().map(|spans| Shade::new(layout, spans)).collect();
    let (told, rest) = shades.split_at(shades.len().min(TOLD));
    for shade in told {
        svg.path(class(shade.kind), &shade.path(layout, &shade.near), &shade.tip);
        svg.path(&format!("{} far", class(shade.kind)), &shade.path(layout, &shade.far), &shade.tip);
    }
    for kind in KINDS {
        let mine = rest.iter().filter(|shade| shade.kind == kind).take(SHARED);
        let path: String = mine
            .flat_map(|shade| [shade.path(layout, &shade.near), shade.path(layout, &shade.far)])
            .collect();
        svg.path(class(kind), &path, "");
    }
}

impl Shade {
    fn new(layout: &Layout, spans: &[&Span]) -> Shade {
        let first = spans[0];
        let near: BTreeSet<usize> = spans.iter().flat_map(|span| sides(span).0).copied().collect();
        let far =
            spans.iter().flat_map(|span| sides(span).1).copied().filter(|row| !near.contains(row)).collect();
        let more = if spans.len() == 1 { String::new() } else { format!(" and {} more", spans.len() - 1) };
        Shade {
            x: [layout.x(first.from), layout.x(first.to)],
            kind: first.kind,
            near: near.into_iter().collect(),
            far,
            tip: format!("{} to {}: {}{more}", said(first.from), said(first.to), ranges(&first.text)),
        }
    }

    fn path(&self, layout: &Layout, rows: &[usize]) -> String {
        layout.boxes(self.x[0], self.x[1], rows).into_iter().map(glyph::area).collect()
    }
}

/// The side that is shaded fully, and the other: the smaller side of a cut is the one that one looks for.
fn sides(span: &Span) -> (&[usize], &[usize]) {
    match span.both && !span.others.is_empty() && span.others.len() < span.lanes.len() {
        true => (&span.others, &span.lanes),
        false => (&span.lanes, &span.others),
    }
}

/// Between the two sides: a line, full squares at the one and empty ones at the other, a cross where nothing passes. One
/// way, the receiving end has arrows.
pub(super) fn links(svg: &mut Svg, picture: &Picture<'_>) {
    let layout = &picture.layout;
    let between = picture.faults.spans.iter().filter(|span| !span.others.is_empty());
    let (mut begin, mut abreast) = (f64::MIN, 0);
    for span in between.take(LINKS) {
        let x = layout.x(span.from);
        (begin, abreast) = if x - begin < APART { (begin, abreast + 1) } else { (x, 0) };
        if abreast < ABREAST {
            let x = begin + 5.0 + APART * f64::from(abreast);
            link(svg, layout, span, x.min(layout.right - 5.0));
        }
    }
}

fn link(svg: &mut Svg, layout: &Layout, span: &Span, x: f64) {
    let (near, far) = if span.both { sides(span) } else { (&span.lanes[..], &span.others[..]) };
    let all = || near.iter().chain(far).copied();
    let (Some(first), Some(last)) = (all().min(), all().max()) else { return };
    let radius = layout.radius(0.08, 1.8, 3.5);
    let tip = format!("{} to {}: {}", said(span.from), said(span.to), ranges(&span.text));
    let (top, bottom) = (layout.middle(first), layout.middle(last));
    svg.path("link", &glyph::stroke(x, top, bottom - top), &tip);
    let marks = |rows: &[usize], shape: fn(f64, f64, f64) -> String| -> String {
        rows.iter().map(|&row| shape(x, layout.middle(row), radius)).collect()
    };
    svg.path("side", &marks(near, glyph::square), "");
    svg.path("peer", &marks(far, if span.both { glyph::square } else { glyph::right }), "");
    if span.kind == SpanKind::Cut {
        svg.path("link", &glyph::cross(x, crossing(layout, near, far), 1.4 * radius), "");
    }
}

/// Half-way between the two machines of different sides that are closest to each other in the picture.
fn crossing(layout: &Layout, near: &[usize], far: &[usize]) -> f64 {
    let pairs = near.iter().flat_map(|&a| far.iter().map(move |&b| (a, b)));
    let closest = pairs.min_by_key(|(a, b)| a.abs_diff(*b));
    closest.map_or(layout.top, |(a, b)| (layout.middle(a) + layout.middle(b)) / 2.0)
}

/// All kinds of spans, in the order of the legend.
pub(super) const KINDS: [SpanKind; 9] = [
    SpanKind::Cut,
    SpanKind::Flapping,
    SpanKind::Slow,
    SpanKind::Lossy,
    SpanKind::Paused,
    SpanKind::Starved,
    SpanKind::Clock,
    SpanKind::DiskFull,
    SpanKind::Other,
];

/// The class of a kind's shade.
pub(super) fn class(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Cut => "cut",
        SpanKind::Slow => "slow",
        SpanKind::Lossy => "lossy",
        SpanKind::Flapping => "flap",
        SpanKind::Paused => "paused",
        SpanKind::Starved => "starved",
        SpanKind::Clock => "clock",
        SpanKind::DiskFull => "disk",
        SpanKind::Other => "other",
    }
}

/// What the legend says of a kind.
pub(super) fn meaning(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Cut => "cut off (paler: from whom)",
        SpanKind::Slow => "slow link",
        SpanKind::Lossy => "lossy link",
        SpanKind::Flapping => "link comes and goes",
        SpanKind::Paused => "paused",
        SpanKind::Starved => "short of processor",
        SpanKind::Clock => "clock rate wrong",
        SpanKind::DiskFull => "disk full",
        SpanKind::Other => "other",
    }
}
