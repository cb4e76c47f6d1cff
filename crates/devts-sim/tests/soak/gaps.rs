//! What a life may be told to miss: what nobody in its view has had for a while. Who lives keeps everything for whoever of
//! its cluster lacks it, however long that one was away, as long as histories are not full.

use super::book::Note;
use devts::{Gap, Life, View};
use devts_sim::check::LifeId;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Who has it for less may have been asked before that: longer than whoever asks waits for answers.
const A_WHILE: Duration = Duration::from_secs(8);

/// What was told in one run, and who has what.
#[derive(Debug, Default)]
pub struct Gaps {
    lives: BTreeMap<Life, LifeId>,
    /// Lives that began a cluster of their own because they reached nobody, and those that joined one of these: what was
    /// said before the clusters met was for nobody else.
    apart: BTreeSet<LifeId>,
    /// Who heard which note of whom, and when.
    heard: BTreeMap<(LifeId, LifeId, u64), Duration>,
    now: Duration,
    /// What nobody has looked at yet: who was told, and its view.
    told: Vec<(LifeId, Gap, View)>,
}

impl Gaps {
    /// A life has joined those of its first view.
    pub fn joined(&mut self, me: LifeId, life: Life, view: &View) {
        self.lives.insert(life, me);
        let others =
            || view.iter().filter_map(|member| self.lives.get(&member.life())).filter(|other| **other != me);
        let founder = view.len() == 1 && me != LifeId::new(0, 0);
        if founder || others().any(|other| self.apart.contains(other)) {
            self.apart.insert(me);
        }
    }

    /// A note came, or was spoken: the number of a note is that of its event.
    pub fn heard(&mut self, me: LifeId, note: &Note) {
        let by = LifeId::new(note.by.0, note.by.1);
        self.heard.insert((me, by, note.number), self.now);
    }

    /// A life was told a gap.
    pub fn told(&mut self, me: LifeId, gap: Gap, view: View) {
        self.told.push((me, gap, view));
    }

    /// The first that should not have been told, in words. Asked after each turn.
    pub fn wrong(&mut self, now: Duration, lives: impl Fn(Life) -> bool) -> Result<(), String> {
        self.now = now;
        for (me, gap, view) in std::mem::take(&mut self.told) {
            let Some(origin) = self.lives.get(&gap.origin) else { continue };
            let has = |life: &Life| lives(*life) && self.has(*life, *origin, (gap.first, gap.last));
            let holder = view.iter().map(devts::Member::life).find(has);
            let apart = self.apart.contains(&me) || self.apart.contains(origin);
            if let Some(holder) = holder.filter(|_| !apart) {
                let (first, last, holder) = (gap.first, gap.last, &self.lives[&holder]);
                return Err(format!(
                    "{me} was told that it misses {first} to {last} of {origin}, of which {holder} has some"
                ));
            }
        }
        Ok(())
    }

    /// Whether it has had any of them for a while.
    fn has(&self, life: Life, origin: LifeId, (first, last): (u64, u64)) -> bool {
        let Some(life) = self.lives.get(&life) else { return false };
        let mut heard = self.heard.range((*life, origin, first)..=(*life, origin, last));
        heard.any(|(_, at)| *at + A_WHILE <= self.now)
    }
}
