//! A node's port as the world finds it: other protocols, lies, silence, floods. The node closes what is wrong in time,
//! and goes on following its writer; it neither grows nor keeps descriptors. Rows 1-8 of the fault list, on real
//! processes of both hosts.
#![cfg(target_os = "linux")]

use crate::process::{Directory, Host, Process};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

/// Whatever a connection still gets to read, and that it was closed, within the handshake's time and some slack.
fn wait_closed(stream: &mut TcpStream, within: Duration) {
    let start = Instant::now();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut bytes = [0; 4096];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                assert!(start.elapsed() < within, "still open after {within:?}");
            }
            Err(_) => return, // reset: closed as well
        }
    }
}

struct Victim {
    process: Process,
    writer: Process,
    port: u16,
    memory: u64,
    descriptors: usize,
}

impl Victim {
    fn new(host: Host, name: &str) -> (Victim, Directory) {
        let directory = Directory::new(name);
        let writer = Process::start(host, "register", &["1", "w"], directory.path());
        let process = Process::start(host, "register", &[&writer.port()], directory.path());
        let port = process.port().parse().unwrap();
        process.wait_value(2);
        let memory = process.resident_bytes();
        let descriptors = process.descriptors();
        (Victim { process, writer, port, memory, descriptors }, directory)
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).unwrap()
    }

    /// It follows the writer, has not grown, and has closed what it should.
    fn is_well(&self) {
        let seen = self.process.values().last().copied().unwrap_or(0);
        self.process.wait_value(seen + 2);
        let end = Instant::now() + Duration::from_secs(15);
        while self.process.descriptors() > self.descriptors && Instant::now() < end {
            thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(self.process.descriptors(), self.descriptors, "descriptors are given back");
        let grown = self.process.resident_bytes().saturating_sub(self.memory);
        assert!(grown < 32 << 20, "it grew by {grown} bytes");
        let failed = |process: &Process| process.logged().iter().any(|line| line.contains("failed register"));
        assert!(!failed(&self.process) && !failed(&self.writer), "nobody was declared failed");
    }
}

/// Reproducible noise.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut rng = devts_proto::rng::Rng::new(seed);
    (0..len).map(|_| rng.next_u64() as u8).collect()
}

fn foreign_protocols(host: Host, name: &str) {
    let (victim, _directory) = Victim::new(host, name);
    let mut tls = vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc];
    tls.extend(noise(1, 500));
    let huge = [0xff_u8; 16];
    let banners: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        &tls,
        &huge,
        &[0; 16],
        &noise(2, 4096),
    ];
    for bytes in banners {
        let mut stream = victim.connect();
        let _ = stream.write_all(bytes);
        wait_closed(&mut stream, Duration::from_secs(8));
    }
    victim.is_well();
}

#[test]
fn e06_foreign_protocols_on_smol() {
    foreign_protocols(Host::Smol, "foreign-smol");
}

#[test]
fn e06_foreign_protocols_on_tokio() {
    foreign_protocols(Host::Tokio, "foreign-tokio");
}

/// Silence, and a byte a second, are cut off after 5 s in all, and keep nobody else out.
#[test]
fn e07_silent_connections() {
    let (victim, directory) = Victim::new(Host::Tokio, "silent");
    let mut silent: Vec<TcpStream> = (0..12).map(|_| victim.connect()).collect();
    let mut slow = victim.connect();
    let start = Instant::now();
    for byte in [0x60_u8, 0, 0, 0] {
        let _ = slow.write_all(&[byte]);
        thread::sleep(Duration::from_millis(1000));
    }
    let member = Process::start(Host::Smol, "register", &[&victim.port.to_string()], directory.path());
    member.wait_log(&format!("joined register 127.0.0.1:{}", victim.port));
    for stream in silent.iter_mut().chain([&mut slow]) {
        wait_closed(stream, Duration::from_secs(12));
    }
    assert!(start.elapsed() < Duration::from_secs(15), "5 s in all, and slack for a busy machine");
    drop(member);
}

fn mutated_handshakes(host: Host, name: &str) {
    let (victim, _directory) = Victim::new(host, name);
    let mut rng = devts_proto::rng::Rng::new(400);
    for round in 0..400 {
        let mut bytes = greeting(1 + rng.below(1 << 40));
        for _ in 0..=rng.below(4) {
            let at = rng.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << rng.below(8);
        }
        bytes.truncate(rng.below(bytes.len() as u64 + 1) as usize);
        let mut stream = victim.connect();
        if round % 2 == 0 {
            let _ = stream.write_all(&bytes);
        } else {
            for byte in &bytes {
                let _ = stream.write_all(std::slice::from_ref(byte)); // a byte at a time
            }
        }
    }
    victim.is_well();
}

/// A sound greeting of a node that wants to join.
fn greeting(node: u64) -> Vec<u8> {
    use devts_proto::{Life, NodeId, checksum::crc32c, wire::Frame, wire::Hello};
    let mut bytes = Vec::new();
    let hello = Hello {
        min_version: 1,
        max_version: 1,
        features: 0,
        life: Life { node: NodeId::new(node).unwrap(), boot: 1 },
        incarnation: 0,
        revision: 0,
        joining: true,
        ready: false,
        expects: None,
        dial: 1,
        last_link: None,
        highest_boot: 0,
        address: "127.0.0.1:1".parse().unwrap(),
        kind: "liar".into(),
    };
    Frame::Hello(hello).encode(crc32c, &mut bytes);
    bytes
}

#[test]
fn e05_mutated_handshakes_on_smol() {
    mutated_handshakes(Host::Smol, "mutated-smol");
}

#[test]
fn e05_mutated_handshakes_on_tokio() {
    mutated_handshakes(Host::Tokio, "mutated-tokio");
}

fn connect_and_reset(host: Host, name: &str) {
    let (victim, _directory) = Victim::new(host, name);
    for round in 0..2000 {
        let mut stream = victim.connect();
        if round % 3 == 0 {
            // Data that nobody has read makes the close a reset.
            let _ = stream.write_all(&[0x60, 0, 0, 0, 1]);
        }
    }
    victim.is_well();
}

#[test]
fn e08_connect_and_reset_on_smol() {
    connect_and_reset(Host::Smol, "reset-smol");
}

#[test]
fn e08_connect_and_reset_on_tokio() {
    connect_and_reset(Host::Tokio, "reset-tokio");
}
