//! SVG text: elements, and texts escaped. Knows no timeline.

use std::fmt::{self, Display, Write};

/// A growing picture.
#[derive(Default)]
pub(super) struct Svg {
    body: String,
}

impl Svg {
    /// The finished file.
    pub(super) fn finish(self, width: f64, height: f64, style: &str) -> String {
        let (w, h) = (N(width), N(height));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" \
             font-family=\"sans-serif\">\n<style>{style}</style>\n{}</svg>\n",
            self.body
        )
    }

    /// Definitions that need no escaping: patterns.
    pub(super) fn raw(&mut self, text: &str) {
        self.body.push_str(text);
    }

    pub(super) fn rect(&mut self, class: &str, [x, y, w, h]: [f64; 4], tip: &str) {
        let (x, y, w, h) = (N(x), N(y), N(w), N(h));
        let shape = format_args!("rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"");
        self.shape("rect", shape, tip);
    }

    /// A path; none where it is empty.
    pub(super) fn path(&mut self, class: &str, d: &str, tip: &str) {
        if !d.is_empty() {
            self.shape("path", format_args!("path class=\"{class}\" d=\"{d}\""), tip);
        }
    }

    /// A text whose baseline begins at `x`, `y`.
    pub(super) fn text(&mut self, class: &str, [x, y]: [f64; 2], size: f64, text: &str) {
        let (x, y, size) = (N(x), N(y), N(size));
        self.write(format_args!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\" font-size=\"{size}\">"));
        self.escaped(text);
        self.body.push_str("</text>\n");
    }

    fn shape(&mut self, name: &str, shape: fmt::Arguments<'_>, tip: &str) {
        if tip.is_empty() {
            self.write(format_args!("<{shape}/>\n"));
            return;
        }
        self.write(format_args!("<{shape}><title>"));
        self.escaped(tip);
        self.write(format_args!("</title></{name}>\n"));
    }

    fn write(&mut self, text: fmt::Arguments<'_>) {
        self.body.write_fmt(text).expect("writing to a string does not fail");
    }

    fn escaped(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.body.push_str("&amp;"),
                '<' => self.body.push_str("&lt;"),
                '>' => self.body.push_str("&gt;"),
                '"' => self.body.push_str("&quot;"),
                '\n' | '\t' => self.body.push(c),
                // What XML 1.0 cannot hold at all, escaped or not.
                c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => self.body.push('\u{fffd}'),
                c => self.body.push(c),
            }
        }
    }
}

/// A coordinate with one digit after the point, and without it where it is 0.
#[derive(Clone, Copy)]
pub(super) struct N(pub(super) f64);

impl Display for N {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10.0).round() as i64;
        let sign = if tenths < 0 { "-" } else { "" };
        let (whole, tenth) = (tenths.abs() / 10, tenths.abs() % 10);
        if tenth == 0 { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{tenth}") }
    }
}

/// A letter's width by its size. Sans-serif fonts differ, so this is on the safe side.
const LETTER: f64 = 0.6;

/// About so many pixels wide is the text.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * LETTER
}

/// The text, or its beginning and an ellipsis, so that it is not wider.
pub(super) fn shortened(text: &str, size: f64, width: f64) -> String {
    match letters(size, width) {
        room if text.chars().count() <= room => text.to_string(),
        room => text.chars().take(room.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// The text, or an ellipsis and its end, so that it is not wider: names differ in their ends.
pub(super) fn ending(text: &str, size: f64, width: f64) -> String {
    let (count, room) = (text.chars().count(), letters(size, width));
    match count <= room {
        true => text.to_string(),
        false => ['…'].into_iter().chain(text.chars().skip(count + 1 - room.max(1))).collect(),
    }
}

/// How many letters fit.
fn letters(size: f64, width: f64) -> usize {
    (width / (size * LETTER)) as usize
}
