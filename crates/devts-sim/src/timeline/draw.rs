//! The order in which a picture is drawn, its head and its colours. Knows all its parts, and how none of them is drawn.

use super::axis;
use super::facts::Facts;
use super::glyph;
use super::layout::{LINE, Layout, MARGIN, SMALL, WIDTH};
use super::legend;
use super::lives::{self, Lives};
use super::marks;
use super::rows;
use super::shades;
use super::spans::Faults;
use super::svg::{Svg, shortened, text_width};
use super::track::Track;

/// Everything that a part of the picture may look at.
pub(super) struct Picture<'a> {
    pub(super) facts: &'a Facts,
    pub(super) faults: &'a Faults,
    pub(super) lives: Vec<Lives>,
    pub(super) layout: Layout,
}

/// Colours that those tell apart who see red and green alike (Okabe and Ito), and shapes that differ as well.
const STYLE: &str = "\
text{fill:#1b2733}.muted{fill:#5b6875}.end{text-anchor:end}.mid{text-anchor:middle}.bold{font-weight:bold}\
.page{fill:#fff}.grid{stroke:#e1e6eb;fill:none}.axis{stroke:#5b6875;fill:none}\
.bar{fill:#e8eef4;stroke:#b3c1cf;stroke-width:.6}.dead{stroke:#8a97a4;stroke-width:1;stroke-dasharray:1.5 4;fill:none}\
.load{fill:#bccad7}.handled{fill:#0072b2}.emitted{fill:#1b2733}.tick{stroke:#1b2733;stroke-width:1.3;fill:none}\
.gap{stroke:#d01030;stroke-width:3;fill:none}\
.failed{fill:#d01030}.suspect{fill:#fff;stroke:#d01030}.left{fill:#7a8793}\
.joined{fill:#009e73}.rejoined{fill:#fff;stroke:#009e73;stroke-width:1.3}\
.note{fill:#fff;stroke:#1b2733;stroke-width:.9}\
.killed{stroke:#1b2733;stroke-width:2.2;fill:none}.off{fill:#1b2733}.stopped{fill:#fff;stroke:#1b2733;stroke-width:1.4}\
.started{fill:#1b2733}\
.cut{fill:#cc79a7;fill-opacity:.5}.slow{fill:#f0e442;fill-opacity:.5}.lossy{fill:#e69f00;fill-opacity:.4}\
.flap{fill:url(#flap)}.paused{fill:url(#paused)}.starved{fill:url(#starved)}.clock{fill:#56b4e9;fill-opacity:.4}\
.disk{fill:#8c6d46;fill-opacity:.35}.other{fill:#5b6875;fill-opacity:.2}.far{opacity:.45}\
.link{stroke:#8a3d66;stroke-width:1.2;fill:none}.side{fill:#8a3d66}.peer{fill:#fff;stroke:#8a3d66;stroke-width:1.2}\
.moment{stroke:#1b2733;stroke-width:1.2;fill:none}\
.over{paint-order:stroke;stroke:#fff;stroke-width:3;stroke-opacity:.75}\
.failure{stroke:#d01030;stroke-width:2;fill:none}.why{fill:#b00020;font-weight:bold}";

/// Hatches, for what is neither there nor gone.
const HATCHES: &str = "<defs>\
<pattern id=\"paused\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
<path d=\"M1.5 0v6\" stroke=\"#1b2733\" stroke-width=\"2\" stroke-opacity=\".55\"/></pattern>\
<pattern id=\"starved\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(-45)\">\
<path d=\"M1 0v7\" stroke=\"#1b2733\" stroke-width=\"1\" stroke-opacity=\".4\"/></pattern>\
<pattern id=\"flap\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">\
<path d=\"M2 0v8\" stroke=\"#cc79a7\" stroke-width=\"4\" stroke-opacity=\".6\"/></pattern></defs>\n";

/// So many lines of a failure's text are written; the tip has all of it.
const FAILURE_LINES: usize = 3;
/// Characters of a failure's text a line: they fit into half of the picture, in bold.
const FAILURE_WIDTH: usize = 80;
/// Bold text is wider by this.
const BOLD: f64 = 1.15;

/// The whole picture, as a file.
pub(super) fn picture(facts: &Facts, faults: &Faults, title: &str, subtitle: &str) -> String {
    let mut layout = Layout::new(facts.lanes.iter().map(|lane| lane.name.as_str()), facts.until);
    let why = facts.failure.as_ref().map(|failure| wrapped(&failure.1)).unwrap_or_default();
    let head = if subtitle.is_empty() { 36.0 } else { 54.0 };
    let faults_top = head + LINE * why.len() as f64 + if why.is_empty() { 0.0 } else { 4.0 };
    let track = Track::new(faults, &layout);
    layout.top = faults_top + track.height() + 8.0;

    let lanes = facts.lanes.iter().enumerate();
    let lives = lanes.map(|(i, lane)| lives::of(i, lane, faults, facts.until)).collect();
    let picture = Picture { facts, faults, lives, layout };
    let mut svg = Svg::default();
    svg.raw(HATCHES);
    let legend = legend::entries(&picture);
    let legend_top = picture.layout.bottom() + 40.0;
    let height = legend_top + legend::height(&legend) + MARGIN;

    svg.rect("page", [0.0, 0.0, WIDTH, height], "");
    heading(&mut svg, title, subtitle);
    grid(&mut svg, &picture.layout, facts.until);
    rows::bars(&mut svg, &picture);
    track.draw(&mut svg, &picture.layout, faults_top);
    shades::draw(&mut svg, &picture);
    rows::densities(&mut svg, &picture);
    shades::links(&mut svg, &picture);
    marks::draw(&mut svg, &picture);
    failure(&mut svg, &picture, &why, head);
    legend::draw(&mut svg, &legend, legend_top);
    svg.finish(WIDTH, height, STYLE)
}

fn heading(svg: &mut Svg, title: &str, subtitle: &str) {
    let room = WIDTH - 2.0 * MARGIN;
    svg.text("bold", [MARGIN, 25.0], 17.0, &shortened(title, 17.0 * BOLD, room));
    if !subtitle.is_empty() {
        svg.text("muted", [MARGIN, 44.0], 12.0, &shortened(subtitle, 12.0, room));
    }
}

fn grid(svg: &mut Svg, layout: &Layout, until: u64) {
    let (top, bottom) = (layout.top, layout.bottom());
    for (at, text) in axis::ticks(until) {
        let x = layout.x(at);
        svg.path("grid", &glyph::stroke(x, top, bottom - top), "");
        svg.path("axis", &glyph::stroke(x, bottom + 2.0, 4.0), "");
        // The first and the last text stay within the picture.
        let half = text_width(&text, SMALL) / 2.0;
        svg.text("mid", [x.clamp(half, WIDTH - half - 1.0), bottom + 18.0], SMALL, &text);
    }
    svg.path("axis", &glyph::area([layout.left, bottom + 2.0, layout.right - layout.left, 0.0]), "");
    svg.text("muted end", [layout.right, bottom + 32.0], SMALL, axis::unit(until));
}

fn failure(svg: &mut Svg, picture: &Picture<'_>, why: &[String], top: f64) {
    let Some((at, text)) = &picture.facts.failure else { return };
    let layout = &picture.layout;
    let x = layout.x(*at);
    let line = glyph::stroke(x, top - 4.0, layout.bottom() - top + 4.0);
    svg.path("failure", &line, &format!("failed at {}: {}", axis::said(*at), shortened(text, 1.0, 1000.0)));
    let left_of_it = x > (layout.left + layout.right) / 2.0;
    for (row, text) in why.iter().enumerate() {
        let y = top + LINE * row as f64 + 8.0;
        match left_of_it {
            true => svg.text("why end", [x - 6.0, y], SMALL, text),
            false => svg.text("why", [x + 6.0, y], SMALL, text),
        }
    }
}

/// The text in lines of bounded number and width, broken between words where it can be.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is a line from the start on");
        if !line.is_empty() && line.chars().count() + word.chars().count() >= FAILURE_WIDTH {
            lines.push(word.to_string());
        } else {
            let space = if line.is_empty() { "" } else { " " };
            line.push_str(space);
            line.push_str(word);
        }
    }
    if lines.len() > FAILURE_LINES {
        lines.truncate(FAILURE_LINES);
        lines.last_mut().expect("some are left").push_str(" …");
    }
    lines.iter().map(|line| shortened(line, 1.0, FAILURE_WIDTH as f64 * 0.6 + 0.1)).collect()
}
