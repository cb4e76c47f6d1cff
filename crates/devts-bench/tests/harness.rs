//! A short run of everything, raw and devts on each host: every event arrives, numbered and whole, or a process ends
//! and the run with it. No speed is looked at.

use std::process::Command;

#[test]
fn a_few_hundred_events_pass_each_way() {
    let picture = std::env::temp_dir().join(format!("devts-bench-{}.svg", std::process::id()));
    let output = Command::new(env!("CARGO_BIN_EXE_devts-bench"))
        .args([
            "--patience",
            "0",
            "--pairs",
            "1",
            "--events",
            "300",
            "--echoes",
            "20",
            "--idle",
            "1",
            "--svg",
        ])
        .arg(&picture)
        .output()
        .unwrap();
    let (table, progress) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{progress}");
    for host in ["tokio-multi", "tokio-current", "smol"] {
        for size in [16, 256, 4096, 65536] {
            let row = format!("| {host} | {size} |");
            assert_eq!(table.matches(&row).count(), 3, "{row} one way, used, echo:\n{table}\n{progress}");
        }
        assert!(table.contains(&format!("idle of 9, {host}")), "{table}");
    }
    let drawn = std::fs::read_to_string(&picture).unwrap();
    std::fs::remove_file(&picture).unwrap();
    assert_eq!(drawn.matches("<rect").count(), 12 + 12 + 3 + 1, "{drawn}");
}
