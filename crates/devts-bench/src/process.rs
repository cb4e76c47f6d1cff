//! A process of a run, as the one who started it sees it: lines to read, and gone when dropped. Knows no protocol.

use crate::Result;
use crate::child::{self, Role};
use crate::host::Host;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// How long a process may take for its next line: far more than any takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A process that plays a role.
#[derive(Debug)]
pub(crate) struct Process {
    what: String,
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    pub(crate) fn start(host: Host, role: Role) -> Result<Process> {
        let arguments = child::arguments(host, role);
        let what = arguments.join(" ");
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = child.stdout.take().ok_or("a piped stdout is there")?;
        let (line, lines) = channel();
        thread::spawn(move || {
            for text in BufReader::new(out).lines().map_while(std::io::Result::ok) {
                // Who does not listen any more has dropped the process.
                let _ = line.send(text);
            }
        });
        Ok(Process { what, child, lines })
    }

    /// Its next line.
    pub(crate) fn line(&mut self) -> Result<String> {
        self.lines.recv_timeout(PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Timeout => format!("`{}` said nothing for {PATIENCE:?}", self.what).into(),
            RecvTimeoutError::Disconnected => {
                format!("`{}` ended early: {:?}", self.what, self.child.wait()).into()
            }
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its next line, which is a port.
    pub(crate) fn port(&mut self) -> Result<u16> {
        Ok(self.line()?.parse()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
