//! The ratios as a picture: a group of bars a size, a bar a host, and the line of plain TCP. Measures nothing.

use crate::host::Host;
use crate::options::SIZES;
use crate::rounds::{Cell, Spread};
use std::fmt::Write;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 240.0;
/// Where a panel's bars stand.
const LEFT: f64 = 48.0;
const TOP: f64 = 40.0;
const BASE: f64 = 200.0;
/// A colour a host, told apart in print too.
const COLOURS: [&str; 3] = ["#30638e", "#d1495b", "#8aa29e"];

/// Two panels: events a second, and the echo's median.
pub(crate) fn svg(cells: &[Cell]) -> String {
    let mut out = String::new();
    write_all(&mut out, cells).expect("a string takes all that is written");
    out
}

fn write_all(out: &mut String, cells: &[Cell]) -> std::fmt::Result {
    let height = 2.0 * HEIGHT + 30.0;
    writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">"#
    )?;
    writeln!(out, r#"<rect width="{WIDTH}" height="{height}" fill="white"/>"#)?;
    let events: Vec<_> = cells.iter().map(|cell| (cell, cell.ratio(|sample| sample.events))).collect();
    panel(out, 0.0, "One way: events/s of devts over plain framed TCP (higher is better)", &events)?;
    let echo: Vec<_> = cells.iter().map(|cell| (cell, cell.ratio(|sample| sample.echo[0]))).collect();
    panel(out, HEIGHT, "Echo: median time of devts over plain framed TCP (lower is better)", &echo)?;
    legend(out, 2.0 * HEIGHT + 12.0)?;
    writeln!(out, "</svg>")
}

fn panel(out: &mut String, down: f64, title: &str, ratios: &[(&Cell, Spread)]) -> std::fmt::Result {
    let most = ratios.iter().map(|(_, ratio)| ratio.most).fold(1.0, f64::max);
    let unit = (BASE - TOP) / (most * 1.05);
    writeln!(
        out,
        r#"<g transform="translate(0 {down})"><text x="{LEFT}" y="22" font-size="14">{title}</text>"#
    )?;
    for (cell, ratio) in ratios {
        bar(out, cell, *ratio, unit)?;
    }
    let one = BASE - unit;
    writeln!(out, r##"<path d="M{LEFT} {one:.1}H{WIDTH}" stroke="#222" stroke-dasharray="4 3"/>"##)?;
    writeln!(out, r#"<text x="8" y="{:.1}">1.0</text>"#, one + 4.0)?;
    writeln!(out, r##"<path d="M{LEFT} {BASE}H{WIDTH}" stroke="#222"/></g>"##)
}

fn bar(out: &mut String, cell: &Cell, ratio: Spread, unit: f64) -> std::fmt::Result {
    let group = (WIDTH - LEFT) / SIZES.len() as f64;
    let size = SIZES.iter().position(|size| *size == cell.size).unwrap_or_default();
    let host = Host::ALL.iter().position(|host| *host == cell.host).unwrap_or_default();
    let x = LEFT + group * size as f64 + 18.0 + 46.0 * host as f64;
    let top = BASE - ratio.median * unit;
    let (high, low) = (BASE - ratio.most * unit, BASE - ratio.least * unit);
    let (centre, colour) = (x + 20.0, COLOURS[host]);
    writeln!(
        out,
        r#"<rect x="{x:.1}" y="{top:.1}" width="40" height="{:.1}" fill="{colour}"/>"#,
        BASE - top
    )?;
    writeln!(out, r##"<path d="M{centre:.1} {high:.1}V{low:.1}" stroke="#222"/>"##)?;
    writeln!(
        out,
        r#"<text x="{centre:.1}" y="{:.1}" text-anchor="middle" fill="white">{:.2}</text>"#,
        BASE - 6.0,
        ratio.median
    )?;
    if host == 1 {
        writeln!(out, r#"<text x="{centre:.1}" y="216" text-anchor="middle">{} B</text>"#, cell.size)?;
    }
    Ok(())
}

fn legend(out: &mut String, y: f64) -> std::fmt::Result {
    for (index, host) in Host::ALL.iter().enumerate() {
        let x = LEFT + 140.0 * index as f64;
        writeln!(
            out,
            r#"<rect x="{x}" y="{:.1}" width="12" height="12" fill="{}"/>"#,
            y - 10.0,
            COLOURS[index]
        )?;
        writeln!(out, r#"<text x="{}" y="{y}">{host}</text>"#, x + 18.0)?;
    }
    Ok(())
}
