//! Whether a cluster has come to rest, and if not, what is missing: who is not in whose view, and whose events were not
//! handled by whom. Knows no invariant.

use super::cluster::SimCluster;
use super::watch::id_of;
use crate::{Life, Node, View};
use std::time::Duration;

/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(50);
/// How many lines of what is missing are shown.
const SHOWN: usize = 12;

impl<N: Node> SimCluster<N> {
    /// Starts the first node, then all others through it, and waits until each sees all.
    ///
    /// # Errors
    ///
    /// When that takes longer than `within`; a line for each thing that is missing.
    pub async fn form(&self, within: Duration) -> Result<(), Vec<String>> {
        self.launch(0);
        let first = || if self.node(0).is_some() { Vec::new() } else { self.missing() };
        self.until(within, first).await?;
        (1..self.len()).for_each(|node| self.launch(node));
        self.settled(within).await
    }

    /// What keeps the running nodes from being one cluster in which everything is handled: who tries to join, whose view
    /// lacks whom, and whose events have not arrived where. Empty: nothing does. Nodes that are down are nobody's fault.
    pub fn missing(&self) -> Vec<String> {
        let mut missing: Vec<String> =
            self.absent().into_iter().filter_map(|(node, since)| self.late(node, since)).collect();
        let running = self.lives();
        let lives: Vec<Life> = running.iter().map(|(_, life, _)| *life).collect();
        for (node, _, handle) in &running {
            missing.extend(unlike(*node, &handle.view(), &lives));
        }
        missing.extend(self.watching().missing(&lives));
        shorten(missing)
    }

    fn late(&self, node: usize, since: Option<Duration>) -> Option<String> {
        let waits = self.world().now().saturating_sub(since?);
        Some(format!("n{} has been joining for {waits:?}", node + 1))
    }

    /// Waits until [`SimCluster::missing`] finds nothing.
    ///
    /// # Errors
    ///
    /// When that takes longer than `within`; what it still finds.
    pub async fn settled(&self, within: Duration) -> Result<(), Vec<String>> {
        self.until(within, || self.missing()).await
    }

    /// Waits until a question is answered with nothing.
    pub(crate) async fn until(
        &self,
        within: Duration,
        mut missing: impl FnMut() -> Vec<String>,
    ) -> Result<(), Vec<String>> {
        let end = self.world().now() + within;
        loop {
            let missing = missing();
            if missing.is_empty() || self.world().now() >= end {
                return if missing.is_empty() { Ok(()) } else { Err(missing) };
            }
            self.world().sleep(GLANCE).await;
        }
    }
}

/// How a view differs from who runs.
fn unlike(node: usize, view: &View, lives: &[Life]) -> Option<String> {
    let name = |life: &Life| format!("n{}", life.node.get());
    let known = |life: &Life| view.iter().any(|member| member.life() == *life);
    let lacking: Vec<String> = lives.iter().filter(|life| !known(life)).map(name).collect();
    let beyond = view.iter().filter(|member| !lives.contains(&member.life()));
    let beyond: Vec<String> = beyond.map(|member| format!("a former {}", name(&member.life()))).collect();
    let unready = view.iter().filter(|member| lives.contains(&member.life()) && !member.ready);
    let unready: Vec<String> = unready.map(|member| name(&member.life())).collect();
    let parts = [("not", lacking), ("but also", beyond), ("without the state of", unready)];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(word, names)| format!("{word} {}", names.join(", ")))
        .collect();
    let me = id_of(node).get();
    (!parts.is_empty()).then(|| format!("n{me} sees {} of {}: {}", view.len(), lives.len(), parts.join("; ")))
}

fn shorten(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > SHOWN {
        let more = lines.len() - SHOWN;
        lines.truncate(SHOWN);
        lines.push(format!("and {more} more"));
    }
    lines
}
