//! `register_writer CLUSTER_PORT`: another kind of node in the cluster of `register`, tied to it by the event's name
//! alone. It appends each new value as a line to `register.txt` in its working directory.

use devts::{Context, Event, Gap, Node, Rejected, Result, ctrl_c};
use devts_examples::{argument, run};
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::process::ExitCode;

const FILE: &str = "register.txt";

/// The event of `register`, as this program needs it: the name and the fields are what ties them.
#[derive(Serialize, Deserialize, Event)]
#[event("register.replicate")]
struct Replicate {
    value: i64,
}

/// Writes down what it hears.
#[derive(Default)]
struct Writer {
    last: Option<i64>,
}

#[devts::node("register-writer")]
impl Node for Writer {
    /// One turn at a time, each to its end, so the lines stand in the order of the events. The file is written off the
    /// executor, which serves the cluster meanwhile.
    #[on]
    async fn replicate(&mut self, event: Replicate, cx: &mut Context<Self>) -> Result {
        let Replicate { value } = event;
        if self.last != Some(value) {
            cx.unblock(move || append(value)).await?;
            self.last = Some(value);
        }
        Ok(())
    }

    async fn gap(&mut self, gap: Gap, _cx: &mut Context<Self>) {
        log::warn!("{FILE} lacks values that nobody has any more: {gap:?}");
    }

    async fn rejected(&mut self, rejected: Rejected, _cx: &mut Context<Self>) {
        match &rejected {
            // Other kinds of nodes have events of their own.
            Rejected::Unknown { name, .. } if name != Replicate::NAME => (),
            _ => log::error!("{FILE} lacks a value: {rejected}"),
        }
    }
}

fn append(value: i64) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(FILE)?;
    // The line in one write: a reader never sees half a number.
    file.write_all(format!("{value}\n").as_bytes())
}

fn main() -> ExitCode {
    run(async |host| {
        let port: u16 = argument(1, "CLUSTER_PORT")?;
        let stop = ctrl_c();
        let node = devts::join(port, Writer::default()).runtime(host).await?;
        node.run_until(stop).await
    })
}
