//! `chat CLUSTER_PORT NAME`: lines from stdin go to all. `/to NAME text` goes to one, `/who` tells who is there, and the
//! end of stdin (ctrl-d) leaves.

use async_channel::Receiver;
use devts::{Cluster, Context, Event, Member, Node, PeerEvent, Result, ctrl_c};
use devts_examples::{argument, run, say};
use futures_util::future::select;
use serde::{Deserialize, Serialize};
use std::io;
use std::pin::pin;
use std::process::ExitCode;
use std::thread;

/// A line to all.
#[derive(Serialize, Deserialize, Event)]
#[event("chat.say")]
struct Say {
    name: String,
    text: String,
}

/// A line to one.
#[derive(Serialize, Deserialize, Event)]
#[event("chat.whisper")]
struct Whisper {
    name: String,
    text: String,
}

/// A node that shows what it hears. It has no state: a name is its node's info, which all members know.
struct Chat;

#[devts::node("chat")]
impl Node for Chat {
    #[on]
    fn say(&mut self, event: Say) {
        say(format_args!("{}: {}", event.name, event.text));
    }

    #[on]
    fn whisper(&mut self, event: Whisper) {
        say(format_args!("{} (to you): {}", event.name, event.text));
    }

    async fn peer(&mut self, event: PeerEvent, _cx: &mut Context<Self>) {
        match event {
            PeerEvent::Joined(member) | PeerEvent::Rejoined(member) => {
                say(format_args!("* {} is here", name(&member)));
            }
            PeerEvent::Left(member) => say(format_args!("* {} left", name(&member))),
            PeerEvent::Failed(member) => say(format_args!("* {} is out of reach", name(&member))),
            _ => (),
        }
    }
}

fn name(member: &Member) -> String {
    member.info().unwrap_or_else(|_| member.id.to_string())
}

/// Does what a line asks for.
async fn obey(line: &str, my_name: &str, cluster: &Cluster) -> Result {
    let my_name = my_name.to_owned();
    if line == "/who" {
        let view = cluster.view();
        let chatters = view.iter().filter(|member| member.kind == "chat");
        chatters.for_each(|member| say(format_args!("* {}", name(member))));
    } else if let Some(rest) = line.strip_prefix("/to ") {
        let (to, text) = rest.split_once(' ').unwrap_or((rest, ""));
        match cluster.find_node(|member| member.kind == Chat::kind() && name(member) == to) {
            Some(member) => cluster.send(member.id, Whisper { name: my_name, text: text.to_owned() }).await?,
            None => say(format_args!("* nobody here is called {to}: /who tells who is")),
        }
    } else if line.starts_with('/') {
        say("* there are `/to NAME text` and `/who`; anything else is said to all");
    } else if !line.is_empty() {
        cluster.emit(Say { name: my_name, text: line.to_owned() }).await?;
    }
    Ok(())
}

/// The lines of stdin, read on a thread of its own: it blocks, and ends with the process.
fn lines() -> Receiver<String> {
    let (sender, receiver) = async_channel::bounded(16);
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(io::Result::ok) {
            if sender.send_blocking(line).is_err() {
                break;
            }
        }
    });
    receiver
}

fn main() -> ExitCode {
    run(async |host| {
        let (port, name): (u16, String) = (argument(1, "CLUSTER_PORT")?, argument(2, "NAME")?);
        let stop = ctrl_c();
        let node = devts::join(port, Chat).info(&name).runtime(host).await?;
        let typed = async {
            let lines = lines();
            while let Ok(line) = lines.recv().await {
                if let Err(error) = obey(line.trim_end(), &name, &node).await {
                    say(format_args!("* {error}"));
                }
            }
        };
        node.run_until(select(pin!(stop), pin!(typed))).await
    })
}
