//! How connections come about: who listens, who dials, and what a dial meets. Knows no stream.

use super::NetDue;
use super::conn::{End, keep};
use crate::shared::{State, ip_of, machine_of};
use crate::time::{Due, Nanos};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::task::{Poll, Waker};

/// The first packet of a dial is sent again after this, and then after twice the time before: RFC 6298.
const AGAIN: Nanos = 1_000_000_000;
/// So often: Linux's `tcp_syn_retries`; a dial that nobody answers ends after two minutes.
const AGAINS: u32 = 6;
/// How many connections wait to be accepted, at most; the backlog that tokio and async-io ask for.
const BACKLOG: usize = 1024;

/// A port that somebody listens on.
#[derive(Debug)]
pub(super) struct Listening {
    life: u32,
    backlog: VecDeque<u32>,
    waker: Option<Waker>,
}

/// A connection that is being made.
#[derive(Debug)]
pub(super) struct Dial {
    from: (usize, u32),
    source: SocketAddr,
    to: SocketAddr,
    attempt: u32,
    stage: Stage,
    waker: Option<Waker>,
}

#[derive(Debug)]
enum Stage {
    /// To be sent, for the first time or again.
    Sending,
    /// Under way.
    Travelling,
    /// The answer is under way.
    Answered(Result<u32, io::ErrorKind>),
    /// The answer is there.
    Done(Result<u32, io::ErrorKind>),
}

// ---- listening -------------------------------------------------------------------------------------------------

impl State {
    /// Binds a port of a machine; 0 takes a free one. Loopback and unspecified addresses mean the machine's own.
    pub(super) fn listen(&mut self, machine: usize, life: u32, at: SocketAddr) -> io::Result<SocketAddr> {
        let own = ip_of(machine);
        let means_own = at.ip() == own || at.ip().is_unspecified() || at.ip() == ip_of(0);
        if !means_own {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        let port = if at.port() == 0 { self.free_port(machine) } else { at.port() };
        let address = SocketAddr::new(own, port);
        if self.net.listening.contains_key(&address) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let listening = Listening { life, backlog: VecDeque::new(), waker: None };
        self.net.listening.insert(address, listening);
        Ok(address)
    }

    fn free_port(&mut self, machine: usize) -> u16 {
        loop {
            let next = &mut self.machines[machine].next_port;
            let port = *next;
            *next = next.checked_add(1).unwrap_or(40_000);
            if !self.net.listening.contains_key(&SocketAddr::new(ip_of(machine), port)) {
                return port;
            }
        }
    }

    /// The next connection of a port.
    pub(super) fn accept(
        &mut self,
        at: SocketAddr,
        life: u32,
        waker: &Waker,
    ) -> Poll<io::Result<(u32, SocketAddr)>> {
        let Some(listening) = self.net.listening.get_mut(&at).filter(|listening| listening.life == life)
        else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        match listening.backlog.pop_front() {
            Some(conn) => {
                let from = self.net.conn(conn).map(|conn| conn.ends[0].address);
                Poll::Ready(Ok((conn, from.unwrap_or(at))))
            }
            None => {
                let old = keep(&mut listening.waker, waker);
                self.waste.extend(old);
                Poll::Pending
            }
        }
    }

    /// Frees a port; who waited to be accepted is refused.
    pub(super) fn unlisten(&mut self, at: SocketAddr, life: u32) {
        if self.net.listening.get(&at).is_none_or(|listening| listening.life != life) {
            return;
        }
        let listening = self.net.listening.remove(&at).expect("it is there");
        self.waste.extend(listening.waker);
        for conn in listening.backlog {
            self.let_go(conn, 1);
        }
    }

    /// All ports of a machine are free.
    pub(crate) fn end_listening(&mut self, machine: usize) {
        let ip = ip_of(machine);
        let ports = self.net.listening.iter().filter(|(at, _)| at.ip() == ip);
        let ports: Vec<_> = ports.map(|(at, listening)| (*at, listening.life)).collect();
        ports.into_iter().for_each(|(at, life)| self.unlisten(at, life));
    }
}

// ---- dialling --------------------------------------------------------------------------------------------------

impl State {
    /// Begins a dial; its number.
    pub(super) fn dial(&mut self, machine: usize, life: u32, to: SocketAddr) -> u32 {
        let source = SocketAddr::new(ip_of(machine), self.free_port(machine));
        let dial = Dial { from: (machine, life), source, to, attempt: 0, stage: Stage::Sending, waker: None };
        self.net.dials.push(Some(dial));
        let id = u32::try_from(self.net.dials.len() - 1).expect("fewer than 2^32 dials in a run");
        self.dial_arrives(id);
        id
    }

    fn dialled(&mut self, id: u32) -> Option<&mut Dial> {
        self.net.dials.get_mut(id as usize)?.as_mut()
    }

    /// The next step of a dial: it is sent, or it arrives.
    pub(super) fn dial_arrives(&mut self, id: u32) {
        let Some(dial) = self.dialled(id) else { return };
        let (from, to) = (dial.from.0, dial.to);
        match dial.stage {
            Stage::Sending => {
                dial.stage = Stage::Travelling;
                let target = machine_of(to.ip(), self.machines.len());
                match target {
                    Some(target) if self.passes(from, target) => {
                        let at = self.now + self.travel(from, target);
                        self.put(at, Due::Net(NetDue::Dial { dial: id }));
                    }
                    _ => self.dial_again(id),
                }
            }
            Stage::Travelling => self.dial_meets(id),
            Stage::Answered(_) | Stage::Done(_) => {}
        }
    }

    /// Nobody answered: it is sent again later, or given up.
    fn dial_again(&mut self, id: u32) {
        let Some(dial) = self.dialled(id) else { return };
        let pause = AGAIN << dial.attempt;
        dial.attempt += 1;
        if dial.attempt > AGAINS {
            dial.stage = Stage::Answered(Err(io::ErrorKind::TimedOut));
            return self.put(self.now + pause, Due::Net(NetDue::Answer { dial: id }));
        }
        dial.stage = Stage::Sending;
        self.put(self.now + pause, Due::Net(NetDue::Dial { dial: id }));
    }

    /// The dial is at its target's kernel.
    fn dial_meets(&mut self, id: u32) {
        let Some(dial) = self.dialled(id) else { return };
        let ((from, from_life), source, to) = (dial.from, dial.source, dial.to);
        let target = machine_of(to.ip(), self.machines.len()).expect("it was sent there");
        let at = SocketAddr::new(ip_of(target), to.port());
        let dead = self.machines[target].silent;
        let full = self.net.listening.get(&at).is_some_and(|listening| listening.backlog.len() >= BACKLOG);
        if dead || full || !self.passes(target, from) {
            return self.dial_again(id);
        }
        let result = match self.net.listening.get(&at).map(|listening| listening.life) {
            None => Err(io::ErrorKind::ConnectionRefused),
            Some(life) => {
                let conn = self.new_conn([End::new(from, from_life, source), End::new(target, life, at)]);
                let listening = self.net.listening.get_mut(&at).expect("it is there");
                listening.backlog.push_back(conn);
                let waker = listening.waker.take();
                self.wake(waker);
                Ok(conn)
            }
        };
        self.dialled(id).expect("it is there").stage = Stage::Answered(result);
        let at = self.now + self.travel(target, from);
        self.put(at, Due::Net(NetDue::Answer { dial: id }));
    }

    /// The answer is there.
    pub(super) fn dial_answered(&mut self, id: u32) {
        let Some(dial) = self.dialled(id) else { return };
        if let Stage::Answered(result) = dial.stage {
            dial.stage = Stage::Done(result);
            let waker = dial.waker.take();
            self.wake(waker);
        }
    }

    /// Whether the dial is over; a connection that it gave is the caller's.
    pub(super) fn poll_dial(&mut self, id: u32, waker: &Waker) -> Poll<io::Result<u32>> {
        let Some(dial) = self.dialled(id) else {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        };
        if let Stage::Done(result) = dial.stage {
            self.net.dials[id as usize] = None;
            return Poll::Ready(result.map_err(io::Error::from));
        }
        let old = keep(&mut dial.waker, waker);
        self.waste.extend(old);
        Poll::Pending
    }

    /// Nobody waits for a dial any more.
    pub(super) fn drop_dial(&mut self, id: u32) {
        let Some(dial) = self.net.dials.get_mut(id as usize).and_then(Option::take) else { return };
        self.waste.extend(dial.waker);
        if let Stage::Answered(Ok(conn)) | Stage::Done(Ok(conn)) = dial.stage {
            self.let_go(conn, 0);
        }
    }
}
