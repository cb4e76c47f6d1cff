//! The network: which machine reaches which and how well, and the connections between them, as TCP makes them feel.
//! Knows no task and no bytes' meaning.

mod conn;
mod dial;
mod pipe;
mod stream;

pub(crate) use stream::SimTransport;

use crate::shared::State;
use crate::time::{Due, Nanos};
use crate::world::Settings;
use conn::Conn;
use dial::{Dial, Listening};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// The first retransmission comes after this, each later one after twice the time before: RFC 6298, with the minimum of
/// Linux.
pub(crate) const RETRANSMIT: Nanos = 200_000_000;
/// The longest pause between retransmissions: RFC 6298 allows any limit of at least a minute; this is Linux's.
pub(crate) const RETRANSMIT_MAX: Nanos = 120_000_000_000;
/// After so many a connection is given up: Linux's `tcp_retries2`, about a quarter of an hour.
pub(crate) const RETRIES: u32 = 15;

/// What the network put on the agenda.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NetDue {
    /// Something arrives at the far end of this pipe.
    Arrive { conn: u32, pipe: u8 },
    /// A stalled pipe tries again.
    Retry { conn: u32, pipe: u8 },
    /// Acknowledgements that could not pass are tried again.
    Acknowledge { conn: u32, pipe: u8 },
    /// A dial arrives, or is tried again.
    Dial { dial: u32 },
    /// A dial's answer arrives.
    Answer { dial: u32 },
}

/// How one machine reaches another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) cut: bool,
    /// It flaps, and is down now.
    pub(crate) flapped: bool,
    pub(crate) latency: Nanos,
    pub(crate) jitter: Nanos,
    /// Bytes a second.
    pub(crate) rate: Option<u64>,
    /// How many of a hundred segments are lost.
    pub(crate) loss: u8,
}

impl Path {
    /// Nothing passes.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut || self.flapped
    }
}

/// A link that is up and down in turns.
#[derive(Clone, Debug)]
pub(crate) struct Flap {
    pub(crate) pairs: Vec<(usize, usize)>,
    pub(crate) up: Nanos,
    pub(crate) down: Nanos,
    pub(crate) until: Nanos,
    pub(crate) is_down: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Net {
    paths: Vec<Vec<Path>>,
    conns: Vec<Option<Box<Conn>>>,
    dials: Vec<Option<Dial>>,
    listening: BTreeMap<SocketAddr, Listening>,
    pub(crate) names: BTreeMap<String, Vec<IpAddr>>,
    pub(crate) flaps: Vec<Flap>,
    /// Buffers of segments that were read, for those that are written.
    spare: Vec<Vec<u8>>,
}

impl Net {
    /// One machine more: it reaches all others as the settings say, and itself at once.
    pub(crate) fn grow(&mut self, machines: usize, settings: &Settings) {
        let normal = Path {
            cut: false,
            flapped: false,
            latency: crate::machine::nanos(settings.latency),
            jitter: crate::machine::nanos(settings.jitter),
            rate: settings.rate,
            loss: 0,
        };
        let itself = Path { latency: 0, jitter: crate::machine::nanos(settings.tick), rate: None, ..normal };
        self.paths.iter_mut().for_each(|row| row.resize(machines, normal));
        self.paths.resize(machines, vec![normal; machines]);
        let last = machines - 1;
        self.paths[last][last] = itself;
    }

    pub(crate) fn path(&self, from: usize, to: usize) -> &Path {
        &self.paths[from][to]
    }

    pub(crate) fn path_mut(&mut self, from: usize, to: usize) -> &mut Path {
        &mut self.paths[from][to]
    }

    fn conn(&mut self, conn: u32) -> Option<&mut Conn> {
        self.conns.get_mut(conn as usize)?.as_deref_mut()
    }

    /// How many connections are open or closing.
    pub(crate) fn open_connections(&self) -> usize {
        self.conns.iter().flatten().count()
    }
}

impl State {
    /// Whether a packet sent now arrives: the path is open, the machine has power, and it is not lost.
    fn passes(&mut self, from: usize, to: usize) -> bool {
        let path = *self.net.path(from, to);
        if path.is_cut() || self.machines[to].silent {
            return false;
        }
        path.loss == 0 || !self.rng.percent(u64::from(path.loss))
    }

    /// How long a packet takes: latency, and a part of the jitter.
    fn travel(&mut self, from: usize, to: usize) -> Nanos {
        let path = *self.net.path(from, to);
        path.latency + if path.jitter == 0 { 0 } else { self.rng.below(path.jitter + 1) }
    }

    /// Something of the network is due.
    pub(crate) fn net_due(&mut self, due: NetDue) {
        match due {
            NetDue::Arrive { conn, pipe } => self.arrive(conn, pipe),
            NetDue::Retry { conn, pipe } => self.retry(conn, pipe),
            NetDue::Acknowledge { conn, pipe } => self.acknowledge(conn, pipe),
            NetDue::Dial { dial } => self.dial_arrives(dial),
            NetDue::Answer { dial } => self.dial_answered(dial),
        }
    }

    /// A flip-flop link changes.
    pub(crate) fn flap(&mut self, index: usize) {
        let Some(flap) = self.net.flaps.get_mut(index) else { return };
        let over = self.now >= flap.until;
        flap.is_down = !over && !flap.is_down;
        let (down, pause) = (flap.is_down, if flap.is_down { flap.down } else { flap.up });
        for (from, to) in flap.pairs.clone() {
            self.net.path_mut(from, to).flapped = down;
        }
        if !over {
            let at = (self.now + pause).min(self.net.flaps[index].until);
            self.put(at, Due::Flap(index));
        }
    }
}

/// The pause before the next retransmission.
fn back_off(attempt: u32) -> Nanos {
    RETRANSMIT.checked_shl(attempt).unwrap_or(RETRANSMIT_MAX).min(RETRANSMIT_MAX)
}

#[cfg(test)]
mod tests {
    use super::{RETRANSMIT_MAX, RETRIES, back_off};

    #[test]
    fn retransmissions_are_tcps() {
        assert_eq!([0, 1, 2].map(back_off), [200_000_000, 400_000_000, 800_000_000]);
        assert_eq!(back_off(40), RETRANSMIT_MAX);
        let minutes = (0..RETRIES).map(back_off).sum::<u64>() / 60_000_000_000;
        assert!((13..=17).contains(&minutes), "{minutes}");
    }
}
