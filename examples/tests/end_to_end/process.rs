//! An example as a real process: started, read line by line, signalled, and gone at the end of the test whatever
//! happens. Knows no scenario.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before the test gives up: long, as machines that test are busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Which host a process runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Smol,
    Tokio,
}

impl Host {
    fn name(self) -> &'static str {
        match self {
            Host::Smol => "smol",
            Host::Tokio => "tokio",
        }
    }
}

/// A running example.
pub(crate) struct Process {
    what: String,
    child: Child,
    out: Arc<Lines>,
    log: Arc<Lines>,
}

impl Process {
    /// Starts `example` on this host with these arguments, in this directory.
    pub(crate) fn start(host: Host, example: &str, arguments: &[&str], directory: &Path) -> Process {
        let mut child = Command::new(program(example))
            .args(arguments)
            .current_dir(directory)
            .env("DEVTS_HOST", host.name())
            .env("RUST_LOG", "info")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {example}: {error}"));
        let out = Lines::read(child.stdout.take().unwrap());
        let log = Lines::read(child.stderr.take().unwrap());
        let what = format!("{example} {arguments:?} on {}, process {}", host.name(), child.id());
        Process { what, child, out, log }
    }

    /// Its cluster port, once it has logged it.
    pub(crate) fn port(&self) -> String {
        let line = self.wait_log("cluster port 127.0.0.1:");
        let (_, port) = line.rsplit_once("127.0.0.1:").unwrap();
        assert!(port.parse::<u16>().is_ok(), "{line:?} ends in a port");
        port.to_owned()
    }

    /// Waits for a line in the log that contains this.
    pub(crate) fn wait_log(&self, text: &str) -> String {
        self.log.wait(&self.what, &format!("{text:?} in the log"), |lines| find(lines, text))
    }

    /// Waits for a line on stdout that contains this.
    pub(crate) fn wait_out(&self, text: &str) -> String {
        self.out.wait(&self.what, &format!("{text:?} on stdout"), |lines| find(lines, text))
    }

    /// Waits until the last number on stdout is at least this, and gives it.
    pub(crate) fn wait_value(&self, least: i64) -> i64 {
        self.out.wait(&self.what, &format!("{least} or more"), |lines| {
            lines.last().map(|line| number(line)).filter(|value| *value >= least)
        })
    }

    /// The numbers on stdout so far.
    pub(crate) fn values(&self) -> Vec<i64> {
        self.out.lines().iter().map(|line| number(line)).collect()
    }

    /// The log so far.
    pub(crate) fn logged(&self) -> Vec<String> {
        self.log.lines()
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Closes its stdin.
    pub(crate) fn close_stdin(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Whether a line on stdout so far contains this.
    pub(crate) fn has_out(&self, text: &str) -> bool {
        find(&self.out.lines(), text).is_some()
    }

    /// Ends it without a word to anybody.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// How much memory it holds.
    #[cfg(target_os = "linux")]
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// How many descriptors it holds.
    #[cfg(target_os = "linux")]
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// Asks it to end, and gives how it did.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        self.wait_end()
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait_end(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "{} does not end; its log:\n{}", self.what, self.log.text());
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- {}\n{}\n--- stdout\n{}", self.what, self.log.text(), self.out.text());
        }
    }
}

/// What a process wrote so far.
#[derive(Default)]
struct Lines {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

impl Lines {
    fn read(pipe: impl Read + Send + 'static) -> Arc<Lines> {
        let lines = Arc::new(Lines::default());
        let shared = lines.clone();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                shared.lines.lock().unwrap().push(line);
                shared.more.notify_all();
            }
        });
        lines
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    fn text(&self) -> String {
        self.lines().join("\n")
    }

    fn wait<T>(&self, who: &str, what: &str, look: impl Fn(&[String]) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        let mut lines = self.lines.lock().unwrap();
        loop {
            if let Some(found) = look(&lines) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(lines);
                panic!("{who}: no {what} within {PATIENCE:?}; there is:\n{}", self.text());
            }
            lines = self.more.wait_timeout(lines, left).unwrap().0;
        }
    }
}

fn find(lines: &[String], text: &str) -> Option<String> {
    lines.iter().find(|line| line.contains(text)).cloned()
}

fn number(line: &str) -> i64 {
    line.parse().unwrap_or_else(|_| panic!("{line:?} is no whole number"))
}

/// Where cargo puts the examples of the package that this test belongs to.
pub(crate) fn program(example: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().and_then(Path::parent).unwrap().join("examples").join(example);
    let program = program.with_extension(std::env::consts::EXE_EXTENSION);
    assert!(
        program.exists(),
        "{program:?} is not built: `cargo build --examples` (`cargo test` alone builds all)"
    );
    program
}

/// An empty directory that goes with the test.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new(name: &str) -> Directory {
        let path = std::env::temp_dir().join(format!("devts-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
