//! The `http` example on both hosts in one cluster: what is put at one is had at the other, and what is refused gets
//! a sentence.

use crate::process::{Directory, Host, PATIENCE, Process};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Instant;

/// A process of the example, and where its page is.
struct Site {
    process: Process,
    port: u16,
}

impl Site {
    fn start(host: Host, cluster_port: &str, directory: &Directory) -> Site {
        let port = free_port();
        let arguments = [cluster_port, &port.to_string()];
        let process = Process::start(host, "http", &arguments, directory.path());
        process.wait_log(&port.to_string());
        Site { process, port }
    }

    /// One request on a connection of its own: the status and the body.
    fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    fn get(&self, path: &str) -> String {
        let (status, body) = self.ask("GET", path, b"");
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Waits until the store is this: what was put elsewhere is on its way.
    fn wait_store(&self, json: &str) {
        let end = Instant::now() + PATIENCE;
        while self.get("/store") != json {
            assert!(Instant::now() < end, "{} never became {json}", self.get("/store"));
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

#[test]
fn one_map_on_both_hosts() {
    let directory = Directory::new("http");
    let one = Site::start(Host::Tokio, "1", &directory);
    let two = Site::start(Host::Smol, &one.process.port(), &directory);
    assert_eq!(two.get("/store"), "{}");
    assert_eq!(one.ask("PUT", "/store/drink", b"tea \"hot\"").0, 200);
    two.wait_store(r#"{"drink":"tea \"hot\""}"#);
    two.get("/set/a%2Fb/1");
    one.wait_store(r#"{"a/b":"1","drink":"tea \"hot\""}"#);

    // Who comes later has it at once.
    let mut three = Site::start(Host::Smol, &two.process.port(), &directory);
    assert_eq!(three.get("/store"), r#"{"a/b":"1","drink":"tea \"hot\""}"#);
    assert_eq!(three.get("/members").matches("\"kv\"").count(), 3, "{}", three.get("/members"));
    assert!(three.get("/").contains("tea &quot;hot&quot;"), "{}", three.get("/"));

    assert_eq!(three.ask("DELETE", "/store/drink", b"").0, 200);
    one.wait_store(r#"{"a/b":"1"}"#);
    assert!(three.process.terminate().success());
    one.process.wait_log("left kv 127.0.0.1:");
    assert_eq!(one.get("/members").matches("\"kv\"").count(), 2);
}

#[test]
fn what_is_refused_gets_a_sentence() {
    let directory = Directory::new("http-refused");
    for host in [Host::Tokio, Host::Smol] {
        let site = Site::start(host, "1", &directory);
        let refused = |method: &str, path: &str, body: &[u8], status: u16, word: &str| {
            let (got, sentence) = site.ask(method, path, body);
            assert_eq!(got, status, "{method} {path:.40}: {sentence}");
            assert!(
                sentence.contains(word) && sentence.trim().contains(' '),
                "{method} {path:.40}: {sentence:?}"
            );
        };
        let long_name = format!("/store/{}", "n".repeat(1025));
        let over_mebibyte = vec![b'x'; (1 << 20) + 1];
        refused("PUT", &long_name, b"v", 400, "1024");
        refused("GET", &format!("/set/{}/v", "n".repeat(1025)), b"", 400, "1024");
        refused("PUT", "/store/big", &over_mebibyte, 413, "1048576");
        refused("PUT", "/store/big", &vec![b'x'; 2 << 20], 413, "1048576");
        refused("PUT", "/store/raw", &[0xff, 0xfe], 400, "UTF-8");
        refused("PUT", "/store/%ff", b"v", 400, "UTF-8");
        refused("GET", "/set/name/%ff", b"", 400, "UTF-8");
        refused("DELETE", "/store/absent", b"", 404, "absent");
        refused("GET", "/nowhere", b"", 404, "/nowhere");
        refused("PUT", "/elsewhere", &over_mebibyte, 404, "/elsewhere");
        refused("POST", "/store/name", b"v", 405, "POST");
        assert_eq!(site.get("/store"), "{}");
        // The limits themselves are allowed.
        assert_eq!(site.ask("PUT", &format!("/store/{}", "n".repeat(1024)), &over_mebibyte[1..]).0, 200);
    }
}
