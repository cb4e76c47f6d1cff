//! What is promised of the events that nodes emit, held against what they tell: per origin in order, each once, and gaps
//! told. Knows which life of a node is which process of a machine; the rule is the checker's.

use crate::Life;
use devts_proto::claim::Vector;
use devts_sim::check::LifeId;
use devts_sim::check::delivery::{Delivery, Gaps, Violation};
use std::collections::BTreeMap;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Contract {
    lives: BTreeMap<Life, LifeId>,
    delivery: Delivery,
}

impl Contract {
    /// A node is in the cluster: on which machine, at its how-manieth start, counted from 1.
    pub(crate) fn joined(
        &mut self,
        life: Life,
        (machine, start): (u16, u16),
        baseline: &Vector,
    ) -> Result<(), String> {
        let id = LifeId::new(machine, start - 1);
        self.lives.insert(life, id);
        let baseline = self.named(baseline)?;
        self.delivery.joined(id, baseline);
        self.judged()
    }

    pub(crate) fn stopped(&mut self, life: Life) {
        if let Some(id) = self.lives.get(&life) {
            self.delivery.stopped(*id);
        }
    }

    /// Machine and start of a life that has joined.
    pub(crate) fn whose(&self, life: Life) -> Option<(u16, u16)> {
        self.lives.get(&life).map(|id| (id.machine, id.boot + 1))
    }

    pub(crate) fn emitted(&mut self, origin: Life, seq: u64) -> Result<(), String> {
        let origin = self.id(origin)?;
        self.delivery.emitted(origin, seq);
        self.judged()
    }

    pub(crate) fn handled(
        &mut self,
        receiver: Life,
        origin: Life,
        first: u64,
        last: u64,
    ) -> Result<(), String> {
        let (receiver, origin) = (self.id(receiver)?, self.id(origin)?);
        self.delivery.handled(receiver, origin, first, last + 1 - first);
        self.judged()
    }

    pub(crate) fn gap(&mut self, receiver: Life, origin: Life, first: u64, last: u64) -> Result<(), String> {
        let (receiver, origin) = (self.id(receiver)?, self.id(origin)?);
        self.delivery.gap(receiver, origin, first, last);
        self.judged()
    }

    pub(crate) fn restored(&mut self, receiver: Life, vector: &Vector) -> Result<(), String> {
        let (receiver, vector) = (self.id(receiver)?, self.named(vector)?);
        self.delivery.restored(receiver, vector);
        self.judged()
    }

    /// What is wrong, now that nothing is under way any more and these lives are there.
    pub(crate) fn missing(&self, lives: &[Life]) -> Vec<String> {
        let alive: Vec<LifeId> = lives.iter().filter_map(|life| self.lives.get(life).copied()).collect();
        self.delivery.finish(&alive, Gaps::Allowed).iter().map(Violation::to_string).collect()
    }

    fn id(&self, life: Life) -> Result<LifeId, String> {
        let known = self.lives.get(&life).copied();
        known.ok_or_else(|| format!("there are events of {life}, which has not joined"))
    }

    fn named(&self, vector: &Vector) -> Result<Vec<(LifeId, u64)>, String> {
        let emitted = vector.iter().filter(|(_, seq)| **seq > 0);
        emitted.map(|(life, seq)| Ok((self.id(*life)?, *seq))).collect()
    }

    fn judged(&self) -> Result<(), String> {
        self.delivery.violations().first().map_or(Ok(()), |violation| Err(violation.to_string()))
    }
}
