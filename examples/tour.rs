//! `tour`: the main job in one command. Starts nodes on smol and on tokio in one cluster over real TCP, and shows
//! joining, an event to all, a send, a request, a late joiner, a node that is killed, and a leave: what was expected
//! beside what came. Ends with 0 if they are the same, with 1 if anything differs.
//!
//! ```sh
//! cargo run --example tour
//! ```

use devts::{Context, Event, Node, NodeHandle, NodeId, PeerEvent, Result, Runtime};
use devts_examples::say;
use serde::{Deserialize, Serialize};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// To all: everybody notes this.
#[derive(Clone, Serialize, Deserialize, Event)]
#[event("tour.note")]
struct Note {
    text: String,
}

/// To one: only you note this.
#[derive(Serialize, Deserialize, Event)]
#[event("tour.whisper")]
struct Whisper {
    text: String,
}

/// To one, and it answers.
#[derive(Serialize, Deserialize, Event)]
#[event("tour.multiply", reply = u64)]
struct Multiply {
    a: u64,
    b: u64,
}

/// Keeps notes, and what it saw of the others.
#[derive(Default)]
struct Notebook {
    notes: Vec<String>,
    seen: Vec<(&'static str, NodeId)>,
}

#[devts::node("notebook")]
impl Node for Notebook {
    #[on]
    fn note(&mut self, event: Note) {
        self.notes.push(event.text);
    }

    #[on]
    fn whisper(&mut self, event: Whisper) {
        self.notes.push(event.text);
    }

    #[on]
    fn multiply(&mut self, event: Multiply) -> u64 {
        event.a * event.b
    }

    /// Handed to a node that joins later.
    #[snapshot]
    fn snapshot(&self) -> Vec<String> {
        self.notes.clone()
    }

    #[restore]
    fn restore(&mut self, notes: Vec<String>) {
        self.notes = notes;
    }

    async fn peer(&mut self, event: PeerEvent, _cx: &mut Context<Self>) {
        let what = match event {
            PeerEvent::Joined(_) => "joined",
            PeerEvent::Left(_) => "left",
            PeerEvent::Failed(_) => "failed",
            _ => return,
        };
        self.seen.push((what, event.id()));
    }
}

/// What the tour has found so far.
struct Guide {
    host: Arc<dyn Runtime>,
    right: bool,
}

impl Guide {
    /// Shows what was expected beside what came, which gets five seconds to come.
    async fn show<F: Future<Output = Result<String>>>(
        &mut self,
        what: &str,
        expected: &str,
        came: impl Fn() -> F,
    ) -> Result {
        let end = self.host.now() + Duration::from_secs(5);
        let mut found = came().await?;
        while found != expected && self.host.now() < end {
            self.host.sleep(Duration::from_millis(5)).await;
            found = came().await?;
        }
        let verdict = if found == expected { "as expected" } else { "NOT AS EXPECTED" };
        self.right &= found == expected;
        say(format_args!("{what}\n    expected  {expected}\n    came      {found}    {verdict}"));
        Ok(())
    }
}

async fn notes(node: &NodeHandle<Notebook>) -> Result<String> {
    Ok(node.with(|notebook, _| notebook.notes.join(", ")).await?)
}

/// The last thing that a node saw of another.
async fn last_seen(node: &NodeHandle<Notebook>, of: NodeId) -> Result<String> {
    let seen = move |notebook: &mut Notebook, _: &mut Context<Notebook>| {
        notebook.seen.iter().rev().find(|(_, id)| *id == of).map_or("nothing", |(what, _)| what).to_string()
    };
    Ok(node.with(seen).await?)
}

async fn tour() -> Result<bool> {
    let (first_host, second_host) = hosts()?;
    let mut guide = Guide { host: second_host.clone(), right: true };
    let (first, second) = (first_host.name(), second_host.name());
    match first == second {
        false => say(format_args!("Two nodes on {first} and one on {second}, in one cluster over TCP.\n")),
        true => say(format_args!(
            "Three nodes in one cluster over TCP; all on {first}, the only host built in.\n"
        )),
    }

    let ann = devts::join((), Notebook::default()).runtime(first_host.clone()).await?;
    let ben = devts::join(ann.address(), Notebook::default()).runtime(second_host.clone()).await?;
    let cat = devts::join(ben.address(), Notebook::default()).runtime(first_host).await?;
    guide
        .show("1. Ann is the first, Ben joins through her, Cat through Ben. Each sees", "3 3 3", async || {
            Ok(format!("{} {} {}", ann.view().len(), ben.view().len(), cat.view().len()))
        })
        .await?;

    ann.emit(Note { text: "tea at four".into() }).await?;
    guide
        .show("2. Ann emits an event to all. Ben and Cat have", "tea at four | tea at four", async || {
            Ok(format!("{} | {}", notes(&ben).await?, notes(&cat).await?))
        })
        .await?;

    cat.send(ben.id(), Whisper { text: "bring cake".into() }).await?;
    guide
        .show(
            "3. Cat sends one to Ben alone. Ben and Cat have",
            "tea at four, bring cake | tea at four",
            async || Ok(format!("{} | {}", notes(&ben).await?, notes(&cat).await?)),
        )
        .await?;

    let answer = ben.request(ann.id(), Multiply { a: 6, b: 7 }).await?;
    guide.show("4. Ben asks Ann for 6 times 7. She answers", "42", async || Ok(answer.to_string())).await?;

    let late = devts::join(cat.address(), Notebook::default()).runtime(second_host).await?;
    let restored = notes(&late).await?;
    guide
        .show("5. Dan joins late, through Cat, and starts with what she knew", "tea at four", async || {
            Ok(restored.clone())
        })
        .await?;

    killed(&mut guide, &ann, &ben).await?;

    let dan = late.id();
    late.stop().await?;
    guide
        .show("7. Dan leaves. Ann and Cat are told that he", "left left", async || {
            Ok(format!("{} {}", last_seen(&ann, dan).await?, last_seen(&cat, dan).await?))
        })
        .await?;
    guide
        .show("   and each of those who stay sees", "3 3 3", async || {
            Ok(format!("{} {} {}", ann.view().len(), ben.view().len(), cat.view().len()))
        })
        .await?;
    for node in [cat, ben, ann] {
        node.stop().await?;
    }
    Ok(guide.right)
}

/// A process that is killed cannot say goodbye: the others find out.
async fn killed(guide: &mut Guide, ann: &NodeHandle<Notebook>, ben: &NodeHandle<Notebook>) -> Result {
    let mut eve = Process::start(ann.address().port())?;
    let before = ann.view();
    guide
        .show("6. Eve, a process of her own, joins through Ann, who now sees", "5", async || {
            Ok(ann.view().len().to_string())
        })
        .await?;
    let id = ann.find_node(|member| before.member(member.id).is_none()).map_or(ann.id(), |member| member.id);
    eve.0.kill()?;
    guide
        .show("   and is killed. Ann and Ben find that she", "failed failed", async || {
            Ok(format!("{} {}", last_seen(ann, id).await?, last_seen(ben, id).await?))
        })
        .await
}

/// This program again, as a node that stays until it is killed; killed at the latest when the tour ends.
struct Process(Child);

impl Process {
    fn start(port: u16) -> Result<Process> {
        let program = std::env::current_exe()?;
        let child =
            Command::new(program).args(["--stay", &port.to_string()]).stderr(Stdio::null()).spawn()?;
        Ok(Process(child))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn stay(port: String) -> Result<bool> {
    let node = devts::join(port, Notebook::default()).must_join().await?;
    node.run_until(devts::ctrl_c()).await?;
    Ok(true)
}

/// smol and tokio where both are built in, else the same one twice.
fn hosts() -> Result<(Arc<dyn Runtime>, Arc<dyn Runtime>)> {
    #[cfg(all(feature = "smol", feature = "tokio"))]
    return Ok((Arc::new(devts::Smol::global()?), Arc::new(devts::Tokio::current()?)));
    #[cfg(all(feature = "smol", not(feature = "tokio")))]
    return Ok((Arc::new(devts::Smol::global()?), Arc::new(devts::Smol::global()?)));
    #[cfg(all(feature = "tokio", not(feature = "smol")))]
    return Ok((Arc::new(devts::Tokio::current()?), Arc::new(devts::Tokio::current()?)));
    #[cfg(not(any(feature = "smol", feature = "tokio")))]
    return Err(devts::Error::msg("build the tour with the feature `smol`, `tokio` or both"));
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let child = arguments.next().is_some_and(|word| word == "--stay").then(|| arguments.next()).flatten();
    let result = devts::block_on(async move {
        match child {
            Some(port) => stay(port).await,
            None => tour().await,
        }
    });
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("the tour broke off: {error:?}");
            ExitCode::FAILURE
        }
    }
}
