//! The small shapes that stand for things, as path data around a middle. Knows no meaning of theirs.

use super::svg::N;

/// A triangle that stands on its base.
pub(super) fn up(x: f64, y: f64, r: f64) -> String {
    format!("M{} {}h{}L{} {}z", N(x - r), N(y + r), N(2.0 * r), N(x), N(y - r))
}

/// A triangle that stands on its point.
pub(super) fn down(x: f64, y: f64, r: f64) -> String {
    format!("M{} {}h{}L{} {}z", N(x - r), N(y - r), N(2.0 * r), N(x), N(y + r))
}

/// A triangle that points to later times.
pub(super) fn right(x: f64, y: f64, r: f64) -> String {
    format!("M{} {}v{}L{} {}z", N(x - r), N(y - r), N(2.0 * r), N(x + r), N(y))
}

/// Two crossed strokes.
pub(super) fn cross(x: f64, y: f64, r: f64) -> String {
    let d = N(2.0 * r);
    format!("M{} {}l{d} {d}M{} {}l{d}-{d}", N(x - r), N(y - r), N(x - r), N(y + r))
}

/// A square.
pub(super) fn square(x: f64, y: f64, r: f64) -> String {
    let d = N(2.0 * r);
    format!("M{} {}h{d}v{d}h-{d}z", N(x - r), N(y - r))
}

/// A square on its corner.
pub(super) fn diamond(x: f64, y: f64, r: f64) -> String {
    let r1 = N(r);
    format!("M{} {}l{r1} {r1}l-{r1} {r1}l-{r1}-{r1}z", N(x), N(y - r))
}

/// A disc.
pub(super) fn dot(x: f64, y: f64, r: f64) -> String {
    let (r1, d) = (N(r), N(2.0 * r));
    format!("M{} {}a{r1} {r1} 0 1 0 {d} 0a{r1} {r1} 0 1 0-{d} 0z", N(x - r), N(y))
}

/// A stroke downwards of this length.
pub(super) fn stroke(x: f64, top: f64, length: f64) -> String {
    format!("M{} {}v{}", N(x), N(top), N(length))
}

/// A box.
pub(super) fn area([x, y, w, h]: [f64; 4]) -> String {
    let w = N(w);
    format!("M{} {}h{w}v{}h-{w}z", N(x), N(y), N(h))
}
