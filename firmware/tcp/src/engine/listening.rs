//! Listeners and handshakes (RFC 9293 3.10.7.2, 3.10.7.4 for SYN-RECEIVED; RFC 4987).

use core::cmp::Reverse;
use core::net::IpAddr;

use super::{ListenerId, Reply, Tcp, context};
use crate::config::EcnUse;
use crate::connection::{Connection, Context, Owner, our_mss, segment_bytes};
use crate::counters::count;
use crate::events::{Verdict, Why};
use crate::flow::{Ecn, Endpoint, Flow};
use crate::limits::{
    COOKIE_LIFETIME_US, CROWD_CONNECTIONS, RECEIVE_BYTES_INITIAL, RTO_INITIAL_US,
    TIMESTAMP_LIFETIME_US, WINDOW_SHIFT,
};
use crate::listen::cookie::{self, Extras};
use crate::listen::{HalfOpen, Place, place};
use crate::options::{Options, Timestamps};
use crate::segment::{Flags, Header, Segment};
use crate::seq::Seq;
use crate::status::State;
use crate::time::Instant;

impl Tcp<'_> {
    /// Who listens there: on that address rather than on all.
    pub(super) fn listener_of(&self, local: Endpoint) -> Option<ListenerId> {
        let all = self.listeners.iter().enumerate();
        let hearing = all.filter_map(|(slot, listener)| {
            let listener = listener.filter(|listener| listener.hears(local))?;
            let id = ListenerId { slot: slot as u16, generation: listener.generation };
            Some((listener.address.is_none(), id))
        });
        hearing.min_by_key(|(any, _)| *any).map(|(_, id)| id)
    }

    /// Connections that wait to be accepted.
    pub fn ready(&self, listener: ListenerId) -> usize {
        let connections = self.slots.iter().filter_map(|slot| slot.connection.as_ref());
        connections.filter(|connection| waits_for(connection, listener)).count()
    }

    /// May one more from `peer` wait? Beyond the backlog, as many again may of peers that have none
    /// waiting yet, so that one crowd does not keep the next visitor out.
    fn has_room(&self, listener: ListenerId, peer: IpAddr) -> bool {
        let known = self.listeners.get(usize::from(listener.slot)).copied().flatten();
        let Some(known) = known.filter(|known| known.generation == listener.generation) else {
            return false;
        };
        let ready = self.ready(listener);
        let waits = |one: &Connection| waits_for(one, listener);
        ready < known.backlog || ready < 2 * known.backlog && self.count_of(peer, waits) == 0
    }

    /// How many connections of a peer's address are such.
    pub(super) fn count_of(&self, peer: IpAddr, such: impl Fn(&Connection) -> bool) -> usize {
        let connections = self.slots.iter().filter_map(|slot| slot.connection.as_ref());
        connections.filter(|one| one.flow.remote.address == peer && such(one)).count()
    }

    /// LISTEN (RFC 9293 3.10.7.2).
    pub(super) fn for_listener(
        &mut self,
        now: Instant,
        listener: ListenerId,
        flow: Flow,
        segment: &Segment<'_>,
        ecn: Ecn,
    ) -> Verdict {
        let flags = segment.header.flags;
        if flags.has(Flags::RST) {
            return Verdict::ResetIgnored;
        }
        if flags.has(Flags::ACK) {
            return self.for_cookie(now, listener, flow, segment, ecn);
        }
        if !flags.has(Flags::SYN) {
            return Verdict::NoAck;
        }
        if !self.has_room(listener, flow.remote.address) {
            // Dropped, not refused: the peer tries again, and then there may be room.
            count(&mut self.counters.listen_overflows);
            count(&mut self.counters.listen_drops);
            return Verdict::NoRoom;
        }
        let options = &segment.header.options;
        let stamp = options.timestamps.filter(|_| self.config.timestamps);
        let asks_ecn = flags.has(Flags::ECE | Flags::CWR) && self.config.ecn != EcnUse::Never;
        let mut half = HalfOpen {
            flow,
            listener,
            iss: self.secret.isn(now, &flow),
            irs: segment.header.seq,
            mss: options.mss,
            scale: options.window_scale.filter(|_| self.config.window_scaling),
            sack: options.sack_permitted && self.config.sack,
            timestamp: stamp.map(|stamps| stamps.value),
            ecn: asks_ecn,
            since: now,
            sent_at: now,
            retry_at: now.after(RTO_INITIAL_US),
            retries: 0,
            due: true,
            challenge_due: false,
            challenged_at: None,
        };
        match place(self.half_open, flow.remote.address, now) {
            Place::Free(index) => self.half_open[index] = Some(half),
            Place::Instead(index) => {
                count(&mut self.counters.req_q_full_drop);
                count(&mut self.counters.listen_drops);
                self.half_open[index] = Some(half);
            }
            Place::None => {
                count(&mut self.counters.req_q_full_do_cookies);
                self.give_cookie(now, &mut half);
                return Verdict::Cookie;
            }
        }
        self.small_due = true;
        self.sweep_at = self.sweep_at.min(half.retry_at);
        Verdict::Opened
    }

    /// Answers a SYN by a cookie, and keeps nothing.
    fn give_cookie(&mut self, now: Instant, half: &mut HalfOpen) {
        let mss = segment_bytes(&self.config, &half.flow, half.mss);
        half.iss = cookie::give(&self.secret, now, &half.flow, half.irs, mss);
        let clock = self.clock(now, &half.flow);
        if half.timestamp.is_none() {
            // Nowhere to remember them.
            half.scale = None;
            half.sack = false;
            half.ecn = false;
        }
        let extras = Extras { scale: half.scale, sack: half.sack, ecn: half.ecn };
        let header = self.syn_ack(half, cookie::stamp(clock, extras));
        self.cookie_at = Some(now);
        count(&mut self.counters.syncookies_sent);
        self.reply(Reply { flow: half.flow, header, why: Why::Cookie });
    }

    /// An ACK for a listener: the end of a handshake of which only the peer knows?
    fn for_cookie(
        &mut self,
        now: Instant,
        listener: ListenerId,
        flow: Flow,
        segment: &Segment<'_>,
        ecn: Ecn,
    ) -> Verdict {
        let header = &segment.header;
        let given = self.cookie_at.is_some_and(|at| now.since(at) < COOKIE_LIFETIME_US);
        if !given || header.flags.has(Flags::SYN) {
            return self.refuse(now, flow, segment);
        }
        let (irs, iss) = (header.seq.minus(1), header.ack.minus(1));
        let Some(mss) = cookie::take(&self.secret, now, &flow, irs, iss) else {
            count(&mut self.counters.syncookies_failed);
            return self.refuse(now, flow, segment);
        };
        let stamps = header.options.timestamps.filter(|_| self.config.timestamps);
        let extras = stamps.map_or(Extras::default(), |stamps| cookie::read_stamp(stamps.echo));
        let half = HalfOpen {
            flow,
            listener,
            iss,
            irs,
            mss: Some(mss),
            scale: extras.scale,
            sack: extras.sack,
            timestamp: stamps.map(|stamps| stamps.value),
            ecn: extras.ecn,
            since: now,
            sent_at: now,
            retry_at: now,
            // The round trip is not known.
            retries: 1,
            due: false,
            challenge_due: false,
            challenged_at: None,
        };
        let verdict = self.promote(now, &half, segment, ecn);
        if verdict == Verdict::Established {
            count(&mut self.counters.syncookies_recv);
        }
        verdict
    }

    /// SYN-RECEIVED (RFC 9293 3.10.7.4), in the order of its steps.
    pub(super) fn for_half_open(
        &mut self,
        now: Instant,
        index: usize,
        segment: &Segment<'_>,
        ecn: Ecn,
    ) -> Verdict {
        let Some(half) = &mut self.half_open[index] else { return Verdict::Nothing };
        let header = &segment.header;
        let flags = header.flags;
        if flags.has(Flags::SYN) && !flags.has(Flags::ACK) && header.seq == half.irs {
            half.due = true;
            self.small_due = true;
            return Verdict::SynAgain;
        }
        let start = half.irs.plus(1);
        let edge = start.plus(RECEIVE_BYTES_INITIAL);
        let old = match (half.timestamp, header.options.timestamps) {
            (Some(recent), Some(stamps)) => {
                Seq(stamps.value).lt(Seq(recent)) && now.since(half.since) < TIMESTAMP_LIFETIME_US
            }
            _ => false,
        };
        if !header.seq.within(start, edge) || (old && !flags.has(Flags::RST)) {
            if flags.has(Flags::RST) {
                return Verdict::ResetIgnored;
            }
            self.challenge_half_open(now, index);
            return if old { Verdict::Old } else { Verdict::OutOfWindow };
        }
        if flags.has(Flags::RST) {
            if header.seq != start {
                self.challenge_half_open(now, index);
                return Verdict::ChallengedReset;
            }
            count(&mut self.counters.embryonic_rsts);
            count(&mut self.counters.attempt_fails);
            self.half_open[index] = None;
            return Verdict::Reset;
        }
        if flags.has(Flags::SYN) {
            // Back to LISTEN; the peer's next SYN begins anew.
            count(&mut self.counters.attempt_fails);
            self.half_open[index] = None;
            return Verdict::Nothing;
        }
        if !flags.has(Flags::ACK) {
            count(&mut self.counters.missing_ack);
            return Verdict::NoAck;
        }
        let half = *half;
        if header.ack != half.iss.plus(1) {
            let header = Header { seq: header.ack, flags: Flags::RST, ..Header::default() };
            self.reset(now, half.flow, header);
            return Verdict::BadAck;
        }
        let verdict = self.promote(now, &half, segment, ecn);
        if verdict != Verdict::NoRoom {
            self.half_open[index] = None;
        }
        verdict
    }

    fn challenge_half_open(&mut self, now: Instant, index: usize) {
        let Some(half) = &mut self.half_open[index] else { return };
        if self.challenges.allow(now, &self.secret, &mut half.challenged_at) {
            count(&mut self.counters.challenge_ack);
            half.challenge_due = true;
            self.small_due = true;
        } else {
            count(&mut self.counters.ack_skipped_challenge);
        }
    }

    /// The handshake's last ACK is here: makes a connection.
    fn promote(
        &mut self,
        now: Instant,
        half: &HalfOpen,
        segment: &Segment<'_>,
        ecn: Ecn,
    ) -> Verdict {
        let may_wait = self.has_room(half.listener, half.flow.remote.address);
        let slot = if may_wait { self.slot_for_new(now) } else { None };
        let listener = usize::from(half.listener.slot);
        let (Some(index), Some(Some(listener))) = (slot, self.listeners.get_mut(listener)) else {
            // The peer thinks that it is connected; its next segment asks again.
            count(&mut self.counters.listen_overflows);
            return Verdict::NoRoom;
        };
        let (owner, quiet_us) = (listener.owner, listener.quiet_us);
        let mut context = context!(self, now);
        let mut connection = Connection::accept(&mut context, half, owner);
        let (verdict, _) = connection.arrives(&mut context, segment, ecn);
        match quiet_us {
            Some(quiet_us) if !connection.has_spoken() => {
                let until = now.after(quiet_us);
                connection.owner = Owner::Quiet { listener: half.listener, until };
            }
            _ => {
                listener.news = true;
                self.listener_news = true;
            }
        }
        self.latest = index;
        self.insert(index, connection, now);
        verdict
    }

    /// A free slot; if need be that of a connection in nobody's hands. A crowd of one address
    /// pushes out its own; else one goes that closes and whose data has all arrived, else a quiet
    /// one, else one that closes; and of these the one that has been so for longest.
    pub(super) fn slot_for_new(&mut self, now: Instant) -> Option<usize> {
        if let Some(index) = self.free_slot() {
            return Some(index);
        }
        let nobody_s = |(index, slot): (usize, &super::Slot)| {
            let connection = slot.connection.as_ref()?;
            let is_done = connection.state == State::Closed || connection.sender().queued() == 0;
            let (loss, until) = match connection.owner {
                Owner::Orphan { until } => (if is_done { 0 } else { 2 }, until),
                Owner::Quiet { until, .. } => (1, until),
                Owner::Held | Owner::Ready { .. } => return None,
            };
            let of_peer = self.count_of(connection.flow.remote.address, |_| true);
            Some((Reverse(of_peer.max(CROWD_CONNECTIONS)), loss, until, index))
        };
        let (_, _, _, index) = self.slots.iter().enumerate().filter_map(nobody_s).min()?;
        let connection = self.slots[index].connection.as_mut()?;
        if connection.is_live() {
            let header = Header {
                seq: connection.sender().nxt(),
                ack: connection.receiver().nxt(),
                flags: Flags::RST | Flags::ACK,
                ..Header::default()
            };
            let flow = connection.flow;
            count(&mut self.counters.abort_on_memory);
            self.reply(Reply { flow, header, why: Why::Reset });
        }
        let mut context = context!(self, now);
        self.slots[index].connection.take()?.free(&mut context);
        self.slots[index].generation = self.slots[index].generation.wrapping_add(1);
        Some(index)
    }

    pub(super) fn clock(&self, now: Instant, flow: &Flow) -> u32 {
        (now.millis() as u32).wrapping_add(self.secret.timestamp_offset(flow))
    }

    /// A SYN-ACK's header.
    pub(super) fn syn_ack(&self, half: &HalfOpen, clock: u32) -> Header {
        let stamps = half.timestamp.map(|echo| Timestamps { value: clock, echo });
        Header {
            seq: half.iss,
            ack: half.irs.plus(1),
            flags: (Flags::SYN | Flags::ACK).with_if(half.ecn, Flags::ECE),
            window: RECEIVE_BYTES_INITIAL as u16,
            urgent: 0,
            options: Options {
                mss: Some(our_mss(&self.config, &half.flow)),
                window_scale: half.scale.map(|_| WINDOW_SHIFT),
                sack_permitted: half.sack,
                timestamps: stamps,
                ..Options::default()
            },
        }
    }
}

/// True of a connection that waits to be accepted there.
fn waits_for(connection: &Connection, listener: ListenerId) -> bool {
    match connection.owner {
        Owner::Ready { listener: of, .. } => of == listener,
        Owner::Held | Owner::Quiet { .. } | Owner::Orphan { .. } => false,
    }
}
