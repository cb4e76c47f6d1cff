//! What was measured, as Markdown. Measures nothing.

use crate::bars;
use crate::idle::Idle;
use crate::rounds::{Cell, Spread};
use std::fmt::Write;

/// All tables, as `docs/benchmarks.md` holds them.
pub(crate) fn markdown(cells: &[Cell], idle: &[Idle]) -> String {
    let mut out = String::new();
    write_all(&mut out, cells, idle).expect("a string takes all that is written");
    out
}

fn write_all(out: &mut String, cells: &[Cell], idle: &[Idle]) -> std::fmt::Result {
    one_way(out, cells)?;
    used(out, cells)?;
    echo(out, cells)?;
    if !idle.is_empty() {
        idles(out, idle)?;
    }
    asked(out, cells, idle)
}

fn one_way(out: &mut String, cells: &[Cell]) -> std::fmt::Result {
    out.push_str("### One way\n\n");
    out.push_str(
        "| host | bytes | raw events/s | devts events/s | devts MiB/s | devts / raw | least - most |\n",
    );
    out.push_str("|---|---:|---:|---:|---:|---:|---:|\n");
    for cell in cells {
        let [raw, devts] = cell.medians(|sample| sample.events);
        let Spread { median, least, most } = cell.ratio(|sample| sample.events);
        let mib = devts * cell.size as f64 / f64::from(1 << 20);
        let (host, size) = (cell.host, cell.size);
        writeln!(
            out,
            "| {host} | {size} | {} | {} | {mib:.0} | **{median:.2}** | {least:.2} - {most:.2} |",
            thousands(raw),
            thousands(devts)
        )?;
    }
    let others = cells.iter().map(Cell::others).fold(0.0, f64::max);
    writeln!(
        out,
        "\nOthers used at most {others:.2} cores of the machine while a pair was measured that counts here."
    )
}

fn used(out: &mut String, cells: &[Cell]) -> std::fmt::Result {
    out.push_str("\n### What an event uses, one way\n\n");
    out.push_str(
        "| host | bytes | raw CPU ns, both ends | devts CPU ns | devts / raw | allocations: raw | devts |\n",
    );
    out.push_str("|---|---:|---:|---:|---:|---:|---:|\n");
    for cell in cells {
        let [raw, devts] = cell.medians(|sample| sample.cpu);
        let ratio = cell.ratio(|sample| sample.cpu).median;
        let [raw_emitter, emitter] = cell.medians(|sample| sample.allocations[0]);
        let [raw_receiver, receiver] = cell.medians(|sample| sample.allocations[1]);
        writeln!(
            out,
            "| {} | {} | {} | {} | {ratio:.2} | {raw_emitter:.4} + {raw_receiver:.4} | {emitter:.4} + {receiver:.4} |",
            cell.host,
            cell.size,
            thousands(raw),
            thousands(devts),
        )?;
    }
    Ok(())
}

fn echo(out: &mut String, cells: &[Cell]) -> std::fmt::Result {
    out.push_str("\n### Request and answer, one at a time\n\n");
    out.push_str(
        "| host | bytes | raw p50 µs | p99 | devts p50 µs | p99 | p50: devts / raw | least - most |\n",
    );
    out.push_str("|---|---:|---:|---:|---:|---:|---:|---:|\n");
    for cell in cells {
        let [raw, devts] = cell.medians(|sample| sample.echo[0]);
        let [raw99, devts99] = cell.medians(|sample| sample.echo[1]);
        let Spread { median, least, most } = cell.ratio(|sample| sample.echo[0]);
        let (host, size) = (cell.host, cell.size);
        writeln!(
            out,
            "| {host} | {size} | {raw:.1} | {raw99:.1} | {devts:.1} | {devts99:.1} | **{median:.2}** | {least:.2} - {most:.2} |"
        )?;
    }
    Ok(())
}

fn idles(out: &mut String, idle: &[Idle]) -> std::fmt::Result {
    out.push_str("\n### One idle node in a cluster of 9 processes\n\n");
    out.push_str("| host | CPU ms a second | MiB in RAM | of these no file behind |\n|---|---:|---:|---:|\n");
    for Idle { host, cpu, memory: [all, own] } in idle {
        writeln!(out, "| {host} | {cpu:.3} | {all:.1} | {own:.1} |")?;
    }
    Ok(())
}

fn asked(out: &mut String, cells: &[Cell], idle: &[Idle]) -> std::fmt::Result {
    out.push_str("\n### What was asked\n\n| what | asked | measured | |\n|---|---|---:|---|\n");
    for bar in bars::bars(cells, idle) {
        let verdict = if bar.holds { "holds" } else { "**missed**" };
        writeln!(out, "| {} | {} | {} | {verdict} |", bar.what, bar.asked, bar.measured)?;
    }
    Ok(())
}

/// A whole number with its thousands apart.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0.4, 999.0, 1234.0, 1_234_567.0].map(thousands), ["0", "999", "1 234", "1 234 567"]);
    }
}
