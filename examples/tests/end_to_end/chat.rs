//! The `chat` example: to all, to one, who is there.

use crate::process::{Directory, Host, Process};

fn chat(host: Host, port: &str, name: &str, directory: &Directory) -> Process {
    Process::start(host, "chat", &[port, name], directory.path())
}

#[test]
fn to_all_and_to_one() {
    let directory = Directory::new("chat");
    let mut ann = chat(Host::Tokio, "1", "ann", &directory);
    let mut ben = chat(Host::Smol, &ann.port(), "ben", &directory);
    let cat = chat(Host::Tokio, &ben.port(), "cat", &directory);
    ann.wait_out("* ben is here");
    ann.wait_out("* cat is here");

    ann.type_line("good morning");
    for other in [&ben, &cat] {
        other.wait_out("ann: good morning");
    }
    ben.type_line("/to ann psst");
    ann.wait_out("ben (to you): psst");
    ben.type_line("/who");
    for name in ["* ann", "* ben", "* cat"] {
        ben.wait_out(name);
    }
    ben.type_line("/to zoe hello");
    ben.wait_out("nobody here is called zoe");

    ben.close_stdin();
    assert!(ben.wait_end().success(), "the end of stdin leaves");
    ann.wait_out("* ben left");
    cat.wait_out("* ben left");
    assert!(!cat.has_out("psst"), "what is for one is for one");
    assert!(ann.terminate().success());
}
