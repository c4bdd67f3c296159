//! Segments in: whose is it?

use super::{Reply, Tcp, context};
use crate::connection::{Answer, Connection, Context, Owner};
use crate::counters::count;
use crate::events::{Verdict, Why};
use crate::flow::{Ecn, Endpoint, Flow};
use crate::icmp::IcmpError;
use crate::limits::{RESETS_PER_SECOND, WINDOW_SHIFT};
use crate::segment::{BadSegment, Flags, Header, Segment, SegmentIn};
use crate::seq::Seq;
use crate::status::State;
use crate::time::Instant;
use crate::time_wait::{Outcome, TimeWait};

impl Tcp<'_> {
    /// Takes a segment from the wire, and tells what became of it.
    pub fn input(&mut self, now: Instant, from: &SegmentIn<'_>) -> Verdict {
        count(&mut self.counters.in_segs);
        let parts = match from.check() {
            Ok(parts) => parts,
            Err(bad) => {
                count(&mut self.counters.in_errs);
                if bad == BadSegment::Checksum {
                    count(&mut self.counters.in_csum_errors);
                }
                return Verdict::Bad;
            }
        };
        let mut segment = Segment::without_options(parts);
        segment.header.options.read(parts.1);
        let segment = &segment;
        let (to, by) = (segment.destination_port, segment.source_port);
        let is_it = |flow: &Flow| {
            flow.remote.port == by
                && flow.local.port == to
                && flow.remote.address == from.source
                && flow.local.address == from.destination
        };
        if let Some(index) = self.find(is_it) {
            self.latest = index;
            return self.for_connection(now, index, segment, from.ecn);
        }
        let flow = Flow {
            local: Endpoint::new(from.destination, to),
            remote: Endpoint::new(from.source, by),
        };
        if !flow.is_sane() {
            count(&mut self.counters.insane_addresses);
            return Verdict::Insane;
        }
        let of_flow = |entry: &Option<crate::listen::HalfOpen>| {
            entry.as_ref().is_some_and(|half| half.flow == flow)
        };
        if let Some(index) = self.half_open.iter().position(of_flow) {
            return self.for_half_open(now, index, segment, from.ecn);
        }
        let of_flow = |entry: &Option<TimeWait>| entry.as_ref().is_some_and(|tw| tw.flow == flow);
        if let Some(index) = self.time_wait.iter().position(of_flow) {
            return self.for_time_wait(now, index, segment, from.ecn);
        }
        match self.listener_of(flow.local) {
            Some(listener) => self.for_listener(now, listener, flow, segment, from.ecn),
            None => self.refuse(now, flow, segment),
        }
    }

    fn for_connection(
        &mut self,
        now: Instant,
        index: usize,
        segment: &Segment<'_>,
        ecn: Ecn,
    ) -> Verdict {
        let Some(connection) = &mut self.slots[index].connection else { return Verdict::Nothing };
        let before = connection.state;
        let (verdict, answer) = connection.arrives(&mut context!(self, now), segment, ecn);
        let reset = match answer {
            Answer::Reset(seq) => Some((connection.flow, seq)),
            Answer::None => None,
        };
        let woken = match connection.owner {
            Owner::Quiet { listener, .. } if connection.has_spoken() => {
                connection.owner = Owner::Ready { listener, since: now };
                Some(listener)
            }
            _ => None,
        };
        if connection.state == State::TimeWait && before != State::TimeWait {
            // From here on the table answers; for its owner the connection is over.
            let kept = time_wait_of(connection, now, self.config.time_wait_us);
            connection.state = State::Closed;
            self.keep_time_wait(kept);
        }
        if let Some(listener) = woken {
            self.tell(listener);
        }
        if let Some((flow, seq)) = reset {
            let header = Header { seq, flags: Flags::RST, ..Header::default() };
            self.reset(now, flow, header);
        }
        self.refresh(index, now);
        verdict
    }

    fn for_time_wait(
        &mut self,
        now: Instant,
        index: usize,
        segment: &Segment<'_>,
        ecn: Ecn,
    ) -> Verdict {
        let Some(kept) = &mut self.time_wait[index] else { return Verdict::Nothing };
        let flow = kept.flow;
        match kept.arrives(segment) {
            Outcome::Ignored => {}
            Outcome::Answer { again } => {
                if again {
                    kept.until = now.after(self.config.time_wait_us);
                }
                if kept.may_answer(now) {
                    self.small_due = true;
                } else {
                    count(&mut self.counters.ack_skipped_time_wait);
                }
            }
            Outcome::Reopen => {
                if let Some(listener) = self.listener_of(flow.local) {
                    self.time_wait[index] = None;
                    count(&mut self.counters.tw_recycled);
                    return self.for_listener(now, listener, flow, segment, ecn);
                }
            }
        }
        Verdict::TimeWait
    }

    /// Puts a connection into TIME-WAIT; the oldest gives way if it must.
    fn keep_time_wait(&mut self, kept: TimeWait) {
        let free = self.time_wait.iter().position(Option::is_none);
        let index = free.or_else(|| {
            let until = |entry: &Option<TimeWait>| entry.as_ref().map(|tw| tw.until);
            let oldest = self.time_wait.iter().enumerate().min_by_key(|(_, entry)| until(entry))?.0;
            count(&mut self.counters.time_wait_overflow);
            Some(oldest)
        });
        // Without any table there is no TIME-WAIT.
        let Some(index) = index else { return };
        self.small_due |= kept.due;
        self.sweep_at = self.sweep_at.min(kept.until);
        self.time_wait[index] = Some(kept);
    }

    /// CLOSED (RFC 9293 3.10.7.1): there is no such connection.
    pub(super) fn refuse(&mut self, now: Instant, flow: Flow, segment: &Segment<'_>) -> Verdict {
        let header = &segment.header;
        if header.flags.has(Flags::RST) {
            return Verdict::NoConnection;
        }
        let answer = if header.flags.has(Flags::ACK) {
            Header { seq: header.ack, flags: Flags::RST, ..Header::default() }
        } else {
            Header {
                seq: Seq(0),
                ack: header.seq.plus(segment.length()),
                flags: Flags::RST | Flags::ACK,
                ..Header::default()
            }
        };
        self.reset(now, flow, answer);
        Verdict::NoConnection
    }

    /// A RST for no connection, unless there were many.
    pub(super) fn reset(&mut self, now: Instant, flow: Flow, header: Header) {
        if !self.resets.allow(now, RESETS_PER_SECOND) {
            count(&mut self.counters.reply_drop);
            return;
        }
        self.reply(Reply { flow, header, why: Why::Refused });
    }

    /// Queues an answer.
    pub(super) fn reply(&mut self, reply: Reply) {
        if self.replies.push_back(reply).is_err() {
            count(&mut self.counters.reply_drop);
        }
    }

    /// An ICMP error about a segment of ours. False if there is no such segment in flight.
    pub fn icmp(&mut self, now: Instant, error: &IcmpError) -> bool {
        let Some(index) = self.find(|flow| *flow == error.flow) else {
            count(&mut self.counters.out_of_window_icmps);
            return false;
        };
        let Some(connection) = &mut self.slots[index].connection else { return false };
        let taken = connection.take_icmp(&mut context!(self, now), error);
        self.refresh(index, now);
        taken
    }
}

/// What is kept of a connection that enters TIME-WAIT.
fn time_wait_of(connection: &Connection, now: Instant, time_wait_us: u64) -> TimeWait {
    let shift = if connection.scale().is_some() { WINDOW_SHIFT } else { 0 };
    let window = connection.receiver().window();
    TimeWait {
        flow: connection.flow,
        owner: connection.owner_name,
        nxt: connection.sender().nxt(),
        expected: connection.receiver().nxt(),
        window,
        // Rounded up: nothing of what was offered is taken back.
        window_field: window.div_ceil(1 << shift).min(u32::from(u16::MAX)) as u16,
        recent: connection.stamps().on.then_some(connection.recent()),
        until: now.after(time_wait_us),
        due: connection.owes_ack(),
        answered_at: None,
    }
}
