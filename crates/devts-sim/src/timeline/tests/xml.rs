//! A small reader of the SVG that is written here: it panics where the file is not well-formed, or something lies outside
//! the view box.

use std::collections::BTreeMap;

/// What the file holds.
#[derive(Default)]
pub(super) struct Found {
    pub(super) elements: usize,
    /// How many elements have this class.
    pub(super) classes: BTreeMap<String, usize>,
    view: [f64; 2],
    open: Vec<(String, BTreeMap<String, String>)>,
}

pub(super) fn check(svg: &str) -> Found {
    let mut found = Found::default();
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        found.text(&rest[..start]);
        let end = start + rest[start..].find('>').expect("a tag ends");
        found.tag(&rest[start + 1..end]);
        rest = &rest[end + 1..];
    }
    assert!(found.open.is_empty() && rest.trim().is_empty(), "all is closed at the end");
    found
}

impl Found {
    fn tag(&mut self, tag: &str) {
        if let Some(name) = tag.strip_prefix('/') {
            let (open, _) = self.open.pop().expect("a closing tag closes something");
            assert_eq!(open, name);
            return;
        }
        let (tag, closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, rest) = tag.split_once(' ').unwrap_or((tag, ""));
        let attributes = attributes(rest);
        self.element(name, &attributes);
        if !closed {
            self.open.push((name.to_string(), attributes));
        }
    }

    fn element(&mut self, name: &str, of: &BTreeMap<String, String>) {
        self.elements += 1;
        if let Some(class) = of.get("class") {
            *self.classes.entry(class.clone()).or_default() += 1;
        }
        let number = |key: &str| of[key].parse::<f64>().expect("a number");
        let in_defs = self.open.iter().any(|(open, _)| open == "defs");
        match name {
            "svg" => self.view = [number("width"), number("height")],
            "rect" => {
                let (x, y) = (number("x"), number("y"));
                self.inside(x, y, name);
                self.inside(x + number("width"), y + number("height"), name);
            }
            "path" if !in_defs => points(&of["d"]).iter().for_each(|&(x, y)| self.inside(x, y, &of["d"])),
            _ => {}
        }
    }

    /// Text between tags: escaped, and where it is drawn, within the picture.
    fn text(&self, text: &str) {
        assert!(!text.contains('>'), "{text}");
        assert!(!text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{text:?}");
        let mut entities = text.split('&').skip(1);
        let known = ["amp;", "lt;", "gt;", "quot;"];
        assert!(entities.all(|entity| known.iter().any(|known| entity.starts_with(known))), "{text}");
        if let Some(("text", of)) = self.open.last().map(|(name, of)| (name.as_str(), of)) {
            self.drawn(text, of);
        }
    }

    fn drawn(&self, text: &str, of: &BTreeMap<String, String>) {
        let number = |key: &str| of[key].parse::<f64>().expect("a number");
        let letters =
            text.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "'");
        let (x, width) = (number("x"), letters.chars().count() as f64 * number("font-size") * 0.6);
        let before = match of["class"].split(' ').next_back() {
            Some("end") => width,
            Some("mid") => width / 2.0,
            _ => 0.0,
        };
        self.inside(x - before, number("y"), text);
        self.inside(x - before + width, number("y"), text);
    }

    fn inside(&self, x: f64, y: f64, what: &str) {
        let [width, height] = self.view;
        let within = (-1.0..=width + 1.0).contains(&x) && (-1.0..=height + 1.0).contains(&y);
        assert!(within, "{x} {y} is outside {width} {height}: {what}");
    }
}

fn attributes(mut text: &str) -> BTreeMap<String, String> {
    let mut attributes = BTreeMap::new();
    while let Some((key, rest)) = text.split_once("=\"") {
        let (value, rest) = rest.split_once('"').expect("a value ends");
        assert!(!value.contains(['<', '&']));
        assert!(
            attributes.insert(key.trim().to_string(), value.to_string()).is_none(),
            "{key} is there once"
        );
        text = rest;
    }
    assert!(text.trim().is_empty(), "{text}");
    attributes
}

/// All points that a path passes, in the commands that are used here.
fn points(d: &str) -> Vec<(f64, f64)> {
    let (mut x, mut y, mut points) = (0.0, 0.0, Vec::new());
    let starts: Vec<usize> =
        d.char_indices().filter(|(_, c)| c.is_ascii_alphabetic()).map(|(i, _)| i).collect();
    for (i, &start) in starts.iter().enumerate() {
        let end = starts.get(i + 1).copied().unwrap_or(d.len());
        let n = numbers(&d[start + 1..end]);
        match (&d[start..=start], &n[..]) {
            ("M" | "L", &[to_x, to_y]) => (x, y) = (to_x, to_y),
            ("l", &[by_x, by_y]) | ("a", &[_, _, _, _, _, by_x, by_y]) => (x, y) = (x + by_x, y + by_y),
            ("H", &[to]) => x = to,
            ("h", &[by]) => x += by,
            ("V", &[to]) => y = to,
            ("v", &[by]) => y += by,
            ("z", &[]) => {}
            other => panic!("{other:?} in {d}"),
        }
        points.push((x, y));
    }
    points
}

fn numbers(text: &str) -> Vec<f64> {
    let spaced = text.replace('-', " -");
    spaced.split_whitespace().map(|number| number.parse().expect("a number")).collect()
}
