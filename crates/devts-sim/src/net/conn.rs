//! A connection: two pipes, two ends, and how TCP takes a cut, a loss, a death of an end and a machine without power.

use super::pipe::{Pipe, Segment};
use super::{NetDue, RETRIES, back_off};
use crate::shared::State;
use crate::time::{Due, NEVER, Nanos};
use crate::trace::{What, hash_bytes};
use std::io;
use std::net::SocketAddr;
use std::task::{Poll, Waker};

/// How one side stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// A process has it.
    Open,
    /// The process let it go, or was killed: the kernel ends it in order.
    Dropped,
    /// The machine lost power with it.
    Silent,
}

#[derive(Debug)]
pub(super) struct End {
    pub(super) machine: usize,
    pub(super) life: u32,
    pub(super) address: SocketAddr,
    pub(super) held: Held,
    /// The peer reset the connection, or it was given up.
    pub(super) broken: Option<io::ErrorKind>,
}

impl End {
    pub(super) fn new(machine: usize, life: u32, address: SocketAddr) -> End {
        End { machine, life, address, held: Held::Open, broken: None }
    }
}

/// Pipe 0 goes from end 0 to end 1, pipe 1 back.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) ends: [End; 2],
    pub(super) pipes: [Pipe; 2],
}

impl Conn {
    pub(super) fn new(ends: [End; 2]) -> Conn {
        Conn { ends, pipes: [Pipe::default(), Pipe::default()] }
    }

    fn way(&self, pipe: u8) -> (usize, usize) {
        let pipe = usize::from(pipe);
        (self.ends[pipe].machine, self.ends[1 - pipe].machine)
    }

    /// Nobody holds it and nothing is under way.
    fn is_over(&self) -> bool {
        let gone = self.ends.iter().all(|end| end.held != Held::Open);
        gone && self.pipes.iter().all(Pipe::is_empty)
    }
}

// ---- what a process does ---------------------------------------------------------------------------------------

impl State {
    pub(super) fn new_conn(&mut self, ends: [End; 2]) -> u32 {
        self.net.conns.push(Some(Box::new(Conn::new(ends))));
        u32::try_from(self.net.conns.len() - 1).expect("fewer than 2^32 connections in a run")
    }

    /// Reads at an end.
    pub(super) fn read(
        &mut self,
        id: u32,
        end: u8,
        out: &mut [u8],
        waker: &Waker,
    ) -> Poll<io::Result<usize>> {
        let net = &mut self.net;
        let Some(conn) = net.conns.get_mut(id as usize).and_then(Option::as_deref_mut) else {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        };
        let incoming = 1 - end;
        let pipe = &mut conn.pipes[usize::from(incoming)];
        let len = pipe.read(out, &mut net.spare);
        if len > 0 {
            pipe.unacknowledged += len;
            if pipe.unheard.is_none() {
                self.acknowledge(id, incoming);
            }
            return Poll::Ready(Ok(len));
        }
        match conn.ends[usize::from(end)].broken {
            Some(kind) => Poll::Ready(Err(kind.into())),
            None if pipe.ended || out.is_empty() => Poll::Ready(Ok(0)),
            None => {
                let old = keep(&mut pipe.reader, waker);
                self.waste.extend(old);
                Poll::Pending
            }
        }
    }

    /// Writes at an end: as much as there is room for.
    pub(super) fn write(
        &mut self,
        id: u32,
        end: u8,
        parts: &[io::IoSlice<'_>],
        waker: &Waker,
    ) -> Poll<io::Result<usize>> {
        let most = self.at_once(id, end);
        let Some(conn) = self.net.conn(id) else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let side = usize::from(end);
        if let Some(kind) = conn.ends[side].broken {
            return Poll::Ready(Err(kind.into()));
        }
        let pipe = &mut conn.pipes[side];
        if pipe.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = pipe.room().min(most);
        if parts.iter().all(|part| part.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        if room == 0 {
            let old = keep(&mut pipe.writer, waker);
            self.waste.extend(old);
            return Poll::Pending;
        }
        let mut bytes = self.net.spare.pop().unwrap_or_default();
        bytes.clear();
        for part in parts {
            let left = room - bytes.len();
            bytes.extend_from_slice(&part[..part.len().min(left)]);
        }
        let len = bytes.len();
        self.record_write(id, end, &bytes);
        self.transmit(id, end, Segment::Bytes(bytes));
        Poll::Ready(Ok(len))
    }

    /// The most bytes that arrive in one piece: on a narrow path they trickle in, as TCP's segments do.
    fn at_once(&mut self, id: u32, end: u8) -> usize {
        const SEGMENT: u64 = 1460;
        let Some((from, to)) = self.net.conn(id).map(|conn| conn.way(end)) else { return 0 };
        let rate = self.net.path(from, to).rate;
        rate.map_or(usize::MAX, |rate| (rate / 100).max(SEGMENT) as usize)
    }

    fn record_write(&mut self, id: u32, end: u8, bytes: &[u8]) {
        let (from, to) = self.net.conn(id).expect("it is written to").way(end);
        let len = u32::try_from(bytes.len()).expect("a window has fewer than 2^32 bytes");
        self.record(What::Write { machine: from as u16, to: to as u16, len, hash: hash_bytes(bytes) });
    }

    /// Ends the direction that an end writes to.
    pub(super) fn close(&mut self, id: u32, end: u8) {
        let Some(conn) = self.net.conn(id) else { return };
        let pipe = &mut conn.pipes[usize::from(end)];
        if !std::mem::replace(&mut pipe.closed, true) {
            self.transmit(id, end, Segment::End);
        }
    }

    /// A process lets an end go. What it did not read is answered with a reset, as TCP does.
    pub(super) fn let_go(&mut self, id: u32, end: u8) {
        let Some(conn) = self.net.conn(id) else { return };
        let side = usize::from(end);
        if conn.ends[side].held != Held::Open {
            return;
        }
        conn.ends[side].held = Held::Dropped;
        let incoming = &mut conn.pipes[1 - side];
        let unread = incoming.unread() > 0;
        incoming.discard();
        let broken = conn.ends[side].broken.is_some();
        let old = [incoming.reader.take(), conn.pipes[side].writer.take()];
        self.waste.extend(old.into_iter().flatten());
        match (broken, unread) {
            (true, _) => {}
            (false, true) => self.transmit(id, end, Segment::Reset),
            (false, false) => self.close(id, end),
        }
        self.forget(id);
    }

    /// The machine of an end loses power: nothing is said.
    pub(super) fn silence(&mut self, id: u32, end: u8) {
        let Some(conn) = self.net.conn(id) else { return };
        let side = usize::from(end);
        conn.ends[side].held = Held::Silent;
        conn.pipes[side].break_off();
        conn.pipes[1 - side].discard();
        let old = [conn.pipes[1 - side].reader.take(), conn.pipes[side].writer.take()];
        self.waste.extend(old.into_iter().flatten());
        self.forget(id);
    }

    /// Both ends of a connection are told that it is no more.
    pub(super) fn break_conn(&mut self, id: u32, kind: io::ErrorKind) {
        self.break_end(id, 0, kind);
        self.break_end(id, 1, kind);
        self.forget(id);
    }

    fn forget(&mut self, id: u32) {
        if self.net.conn(id).is_some_and(|conn| conn.is_over()) {
            self.net.conns[id as usize] = None;
        }
    }
}

// ---- what the network does -------------------------------------------------------------------------------------

impl State {
    /// Sends a segment on its way, or lets it wait in the line of a stalled pipe.
    fn transmit(&mut self, id: u32, end: u8, segment: Segment) {
        let Some(conn) = self.net.conn(id) else { return };
        let ((from, to), side) = (conn.way(end), usize::from(end));
        if conn.pipes[side].stalled.is_some() {
            return conn.pipes[side].push(NEVER, segment);
        }
        if !self.passes(from, to) {
            let pipe = &mut self.net.conn(id).expect("it is there").pipes[side];
            pipe.stalled = Some(0);
            pipe.push(NEVER, segment);
            self.put(self.now + back_off(0), Due::Net(NetDue::Retry { conn: id, pipe: end }));
            return;
        }
        let len = if let Segment::Bytes(bytes) = &segment { bytes.len() } else { 0 };
        let at = self.arrival(id, end, len);
        self.net.conn(id).expect("it is there").pipes[side].push(at, segment);
        self.expect(id, end);
    }

    /// When something of this length arrives, if it is sent now.
    fn arrival(&mut self, id: u32, end: u8, len: usize) -> Nanos {
        let (from, to) = self.net.conn(id).expect("it is there").way(end);
        let travel = self.travel(from, to);
        let Some(rate) = self.net.path(from, to).rate else { return self.now + travel };
        let now = self.now;
        let pipe = &mut self.net.conn(id).expect("it is there").pipes[usize::from(end)];
        pipe.busy_until = pipe.busy_until.max(now) + len as u64 * 1_000_000_000 / rate.max(1);
        pipe.busy_until + travel
    }

    /// Puts the next arrival on the agenda, unless it is there.
    fn expect(&mut self, id: u32, end: u8) {
        let Some(conn) = self.net.conn(id) else { return };
        let pipe = &mut conn.pipes[usize::from(end)];
        let Some(at) = pipe.next_at().filter(|at| pipe.expected.is_none_or(|known| *at < known)) else {
            return;
        };
        pipe.expected = Some(at);
        self.put(at, Due::Net(NetDue::Arrive { conn: id, pipe: end }));
    }

    pub(super) fn arrive(&mut self, id: u32, end: u8) {
        let now = self.now;
        let Some(conn) = self.net.conn(id) else { return };
        let (side, other) = (usize::from(end), 1 - usize::from(end));
        conn.pipes[side].expected = None;
        let to = conn.ends[other].machine;
        if conn.ends[other].held == Held::Silent {
            return self.arrive_at_nobody(id, end, to);
        }
        let arrival = conn.pipes[side].arrive(now);
        let gone = conn.ends[other].held == Held::Dropped;
        if gone {
            conn.pipes[side].discard();
        }
        let reader = if arrival.bytes { conn.pipes[side].reader.take() } else { None };
        self.wake(reader);
        if arrival.reset {
            self.break_end(id, 1 - end, io::ErrorKind::ConnectionReset);
        } else if gone && arrival.bytes {
            self.answer_with_reset(id, end);
        }
        self.expect(id, end);
        self.forget(id);
    }

    /// At a machine that lost power nothing arrives; once it has started again, its kernel knows no such connection.
    fn arrive_at_nobody(&mut self, id: u32, end: u8, to: usize) {
        if self.machines[to].up {
            self.answer_with_reset(id, end);
            return self.forget(id);
        }
        let Some(conn) = self.net.conn(id) else { return };
        conn.pipes[usize::from(end)].hold();
        self.put(self.now + back_off(0), Due::Net(NetDue::Retry { conn: id, pipe: end }));
    }

    /// The far end of `end`'s pipe has no process: its kernel answers with a reset, once.
    fn answer_with_reset(&mut self, id: u32, end: u8) {
        let Some(conn) = self.net.conn(id) else { return };
        conn.pipes[usize::from(end)].break_off();
        let ended = conn.pipes[usize::from(1 - end)].closed && conn.ends[usize::from(end)].held != Held::Open;
        if conn.ends[usize::from(end)].broken.is_none() && !ended {
            self.transmit(id, 1 - end, Segment::Reset);
        }
    }

    /// An end learns that the connection is no more.
    fn break_end(&mut self, id: u32, end: u8, kind: io::ErrorKind) {
        let Some(conn) = self.net.conn(id) else { return };
        let side = usize::from(end);
        conn.ends[side].broken.get_or_insert(kind);
        conn.pipes[side].break_off();
        let woken = [conn.pipes[1 - side].reader.take(), conn.pipes[side].writer.take()];
        self.woken.extend(woken.into_iter().flatten());
    }

    /// A stalled pipe tries again; at last it is given up.
    pub(super) fn retry(&mut self, id: u32, end: u8) {
        let side = usize::from(end);
        let Some((way, attempt)) =
            self.net.conn(id).and_then(|conn| Some((conn.way(end), conn.pipes[side].stalled?)))
        else {
            return;
        };
        if self.passes(way.0, way.1) {
            let lens: Vec<usize> =
                self.net.conn(id).expect("it is there").pipes[side].stalled_lens().collect();
            let times = lens.into_iter().map(|len| self.arrival(id, end, len));
            let mut times: Vec<Nanos> = times.collect();
            (1..times.len()).for_each(|index| times[index] = times[index].max(times[index - 1]));
            self.net.conn(id).expect("it is there").pipes[side].unstall(times);
            return self.expect(id, end);
        }
        if attempt >= RETRIES {
            self.break_end(id, end, io::ErrorKind::TimedOut);
            return self.forget(id);
        }
        self.net.conn(id).expect("it is there").pipes[side].stalled = Some(attempt + 1);
        self.put(self.now + back_off(attempt + 1), Due::Net(NetDue::Retry { conn: id, pipe: end }));
    }

    /// Tells the writer of a pipe what was read of it; where the way back is cut, that waits.
    pub(super) fn acknowledge(&mut self, id: u32, end: u8) {
        let side = usize::from(end);
        let Some((from, to)) = self.net.conn(id).map(|conn| conn.way(end)) else { return };
        let reaches = !self.net.path(to, from).is_cut();
        let Some(conn) = self.net.conn(id) else { return };
        let pipe = &mut conn.pipes[side];
        if reaches {
            pipe.outstanding -= std::mem::take(&mut pipe.unacknowledged);
            pipe.unheard = None;
            let writer = pipe.writer.take();
            return self.wake(writer);
        }
        let attempt = pipe.unheard.map_or(0, |attempt| attempt + 1);
        pipe.unheard = Some(attempt);
        if attempt > RETRIES {
            return self.break_end(id, end, io::ErrorKind::TimedOut);
        }
        self.put(self.now + back_off(attempt), Due::Net(NetDue::Acknowledge { conn: id, pipe: end }));
    }

    // ---- all connections of a machine, or of a pair ------------------------------------------------------------

    /// The connections in which this holds for the ends' machines and lives.
    pub(crate) fn conns_of(&self, wanted: impl Fn(&[(usize, u32); 2]) -> bool) -> Vec<u32> {
        let ends = |conn: &Conn| conn.ends.each_ref().map(|end| (end.machine, end.life));
        let conns = self.net.conns.iter().enumerate().filter_map(|(id, conn)| Some((id, conn.as_deref()?)));
        conns.filter(|(_, conn)| wanted(&ends(conn))).map(|(id, _)| id as u32).collect()
    }

    /// All ends that a machine has are let go by its kernel, or fall silent.
    pub(crate) fn end_conns(&mut self, machine: usize, silent: bool) {
        for id in self.conns_of(|ends| ends.iter().any(|end| end.0 == machine)) {
            for end in [0, 1] {
                let holds = self.net.conn(id).is_some_and(|conn| {
                    let end = &conn.ends[usize::from(end)];
                    end.machine == machine && end.held == Held::Open
                });
                match (holds, silent) {
                    (false, _) => {}
                    (true, true) => self.silence(id, end),
                    (true, false) => self.let_go(id, end),
                }
            }
        }
    }

    /// All connections between two machines break.
    pub(crate) fn reset_between(&mut self, one: usize, other: usize) {
        let pair = |ends: &[(usize, u32); 2]| {
            let machines = (ends[0].0, ends[1].0);
            machines == (one, other) || machines == (other, one)
        };
        for id in self.conns_of(pair) {
            self.break_conn(id, io::ErrorKind::ConnectionReset);
        }
    }
}

/// Remembers who waits; gives the one before back, to be dropped outside the lock.
pub(super) fn keep(place: &mut Option<Waker>, waker: &Waker) -> Option<Waker> {
    if place.as_ref().is_some_and(|known| known.will_wake(waker)) {
        return None;
    }
    place.replace(waker.clone())
}
