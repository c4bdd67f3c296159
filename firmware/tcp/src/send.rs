//! The sending half of a connection: what is queued, what is in flight, what may leave next.
//!
//! ```text
//!   SND.UNA          SND.NXT            end
//!   | in flight      | queued           | FIN, once closed
//!     scoreboard       ring
//! ```

use crate::config::CongestionControl;
use crate::congestion::{Congestion, Pace, Rate};
use crate::events::Why;
use crate::limits::{
    OVERRIDE_US, RUN_TIME_PART, SEND_BLOCKS_MIN, SEND_BYTES_INITIAL, SEND_BYTES_MAX,
};
use crate::memory::Pool;
use crate::ring::Ring;
use crate::rtt::Rtt;
use crate::seq::Seq;
use crate::time::Instant;

mod ack;
mod delivery;
mod rack;
mod recovery;
mod scoreboard;
mod timers;

pub(crate) use ack::{AckIn, AckOut};
pub(crate) use recovery::Phase;
pub(crate) use timers::SendTimers;

use delivery::Delivery;
use rack::Rack;
use recovery::Episode;
use scoreboard::Scoreboard;

/// What to send next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub seq: Seq,
    /// Bytes of data.
    pub length: u32,
    pub fin: bool,
    /// It empties the queue.
    pub push: bool,
    pub why: Why,
}

impl Plan {
    /// Sequence numbers it takes.
    fn span(&self) -> u32 {
        self.length + u32::from(self.fin)
    }
}

/// What the peer's window and its updates are.
#[derive(Clone, Copy, Debug)]
struct PeerWindow {
    /// SND.WND.
    size: u32,
    /// The largest it ever was.
    largest: u32,
    /// SND.WL1 and SND.WL2.
    seq: Seq,
    ack: Seq,
}

/// The sending half.
#[derive(Debug)]
pub(crate) struct Sender {
    ring: Ring,
    /// ISS.
    first: Seq,
    una: Seq,
    nxt: Seq,
    end: Seq,
    closed: bool,
    window: PeerWindow,
    /// Bytes of a segment behind its fixed header: the peer's and the path's limit.
    segment_bytes: u32,
    /// Bytes of options in every segment.
    options_bytes: u32,
    /// The peer takes part in SACK.
    pub sack: bool,
    /// No Nagle (RFC 9293 MUST-17).
    pub no_delay: bool,
    /// The end of the last segment that was not full.
    small_end: Seq,
    /// The byte behind the urgent data.
    urgent: Option<Seq>,
    board: Scoreboard,
    rack: Rack,
    delivery: Delivery,
    pub rtt: Rtt,
    congestion: Congestion,
    pace: Pace,
    /// The round trip that a window is spread over: the smoothed or the latest, whichever is
    /// shorter. One delayed ACK makes the smoothed one long for many that follow.
    pace_us: Option<u64>,
    episode: Episode,
    timers: SendTimers,
    /// A writer found no room.
    blocked_writer: bool,
    /// The last time a segment with data left.
    sent_at: Instant,
    /// Bytes delivered by then; wraps.
    sent_delivered: u32,
    /// Segments sent again, for `ss`.
    resent: u32,
    /// Those of them that no duplicate SACK has told of.
    unexplained: u32,
}

impl Sender {
    /// A sender whose SYN will be `first`.
    pub fn new(first: Seq, segment_bytes: u16, congestion: CongestionControl) -> Self {
        let start = first.plus(1);
        Self {
            ring: Ring::new(start, SEND_BLOCKS_MIN),
            first,
            una: start,
            nxt: start,
            end: start,
            closed: false,
            window: PeerWindow { size: 0, largest: 0, seq: Seq(0), ack: Seq(0) },
            segment_bytes: u32::from(segment_bytes),
            options_bytes: 0,
            sack: false,
            no_delay: false,
            small_end: start,
            urgent: None,
            board: Scoreboard::new(start),
            rack: Rack::new(),
            delivery: Delivery::new(),
            rtt: Rtt::new(),
            congestion: Congestion::new(congestion, u32::from(segment_bytes)),
            pace: Pace::default(),
            pace_us: None,
            episode: Episode::new(start),
            timers: SendTimers::default(),
            blocked_writer: false,
            sent_at: Instant::START,
            sent_delivered: 0,
            resent: 0,
            unexplained: 0,
        }
    }

    /// The handshake told what the peer takes.
    pub fn agree(&mut self, segment_bytes: u16, options_bytes: u32, sack: bool) {
        self.segment_bytes = u32::from(segment_bytes);
        self.options_bytes = options_bytes;
        self.sack = sack;
        self.congestion = Congestion::new(self.congestion.control(), self.mss());
    }

    /// The handshake is over; its last segment had this sequence number, ACK and window.
    pub fn open(&mut self, now: Instant, seq: Seq, ack: Seq, window: u32, syn_lost: bool) {
        self.window = PeerWindow { size: window, largest: window, seq, ack };
        if syn_lost {
            self.congestion.lost_syn(self.mss());
        }
        self.sent_at = now;
    }

    /// ISS.
    pub fn first(&self) -> Seq {
        self.first
    }

    /// SND.UNA.
    pub fn una(&self) -> Seq {
        self.una
    }

    /// SND.NXT.
    pub fn nxt(&self) -> Seq {
        self.nxt
    }

    /// The largest window the peer ever offered (RFC 5961 5.2: MAX.SND.WND).
    pub fn window_largest(&self) -> u32 {
        self.window.largest
    }

    /// Bytes of data in a full segment.
    pub fn mss(&self) -> u32 {
        self.segment_bytes.saturating_sub(self.options_bytes).max(1)
    }

    /// Bytes of a segment behind its fixed header.
    pub fn segment_bytes(&self) -> u32 {
        self.segment_bytes
    }

    /// Bytes written and not yet acknowledged.
    pub fn queued(&self) -> u32 {
        self.end.ahead_of(self.una)
    }

    /// Bytes written and not yet sent.
    pub fn unsent(&self) -> u32 {
        self.end.ahead_of(self.nxt)
    }

    /// True once no more will be written.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// True once the FIN was acknowledged.
    pub fn is_finished(&self) -> bool {
        self.closed && self.una == self.end.plus(1)
    }

    /// True if something was sent that is not acknowledged.
    pub fn is_outstanding(&self) -> bool {
        self.una != self.nxt
    }

    /// True once FIN was sent.
    pub fn is_fin_sent(&self) -> bool {
        self.closed && self.nxt == self.end.plus(1)
    }

    /// No more will be written: the FIN follows the last byte.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Bytes that the ring takes at present: two congestion windows behind what is outstanding,
    /// within bounds. One may be acknowledged at once, and the writer is not there at once. What is
    /// outstanding may be many windows, if it begins with a gap: what the peer has of it is not in
    /// flight.
    fn capacity(&self) -> u32 {
        let ready = self.congestion.window().saturating_mul(2);
        let wanted = self.nxt.since(self.una).saturating_add(ready);
        wanted.clamp(SEND_BYTES_INITIAL, SEND_BYTES_MAX)
    }

    /// Takes what there is room for.
    pub fn write(&mut self, pool: &mut Pool<'_>, now: Instant, bytes: &[u8]) -> usize {
        if self.queued() == 0 {
            let idle_us = now.since(self.sent_at);
            let long = idle_us > self.rtt.timeout_us();
            let mss = self.mss();
            self.congestion.idle(idle_us, long, mss);
        }
        let room = self.capacity().saturating_sub(self.queued());
        let wanted = room.min(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        let backed = self.ring.back(pool, self.end.plus(wanted));
        let taken = wanted.min(backed.ahead_of(self.end));
        let bytes_taken = bytes.get(..taken as usize).unwrap_or_default();
        self.ring.write(pool, self.end, bytes_taken);
        self.end = self.end.plus(taken);
        self.blocked_writer = (taken as usize) < bytes.len();
        taken as usize
    }

    /// True once, when a writer that was refused should come again: no more is unsent than half of
    /// what may be.
    pub fn take_writable(&mut self) -> bool {
        if !self.blocked_writer {
            return false;
        }
        let most = self.capacity().saturating_sub(self.nxt.since(self.una));
        self.blocked_writer = most == 0 || self.unsent() > most / 2;
        !self.blocked_writer
    }

    /// What was written so far is urgent (RFC 9293 3.8.5).
    pub fn mark_urgent(&mut self) {
        self.urgent = Some(self.end);
    }

    /// The urgent pointer for a segment that begins at `seq`; none once all urgent data is
    /// acknowledged.
    pub fn urgent_pointer(&self, seq: Seq) -> Option<u16> {
        let ahead = self.urgent?.ahead_of(seq);
        (ahead > 0).then(|| u16::try_from(ahead).unwrap_or(u16::MAX))
    }

    /// In flight as far as we know; without SACK every duplicate ACK stands for a segment that
    /// arrived (RFC 5681 3.2, RFC 3042).
    pub fn flight(&self) -> u32 {
        self.board.in_flight().saturating_sub(self.episode.duplicates * self.mss())
    }

    /// Bytes delivered since a segment left: ACKs that are taken together let none leave between
    /// them.
    fn unreplaced(&self) -> u32 {
        self.delivery.delivered().wrapping_sub(self.sent_delivered)
    }

    /// At which segments leave at most, if they are paced.
    fn rate(&self) -> Option<Rate> {
        self.congestion.rate(self.pace_us)
    }

    fn may_fly(&self, length: u32) -> bool {
        let flight = self.flight();
        flight == 0 || flight.saturating_add(length) <= self.congestion.window()
    }

    /// What to send next, if anything may leave now. `option_bytes` more than usual are taken by
    /// options.
    pub fn plan(&mut self, now: Instant, extra_options: u32) -> Option<Plan> {
        self.timers.pace_at = None;
        let mss = self.mss().saturating_sub(extra_options).max(1);
        let mut plan = self.plan_again(mss);
        if plan.is_none() {
            if (self.timers.tail_due || self.timers.persist_due)
                && let Some(probe) = self.plan_probe(mss)
            {
                return Some(probe);
            }
            plan = self.plan_new(mss);
        }
        let plan = plan?;
        if let Some(rate) = self.rate() {
            self.timers.pace_at = self.pace.wait(now, rate, self.mss());
            if self.timers.pace_at.is_some() {
                return None;
            }
        }
        Some(plan)
    }

    /// What was lost goes first.
    fn plan_again(&self, mss: u32) -> Option<Plan> {
        let (seq, length) = self.board.first_lost()?;
        let why = self.episode.why();
        let plan = self.piece(seq, length.min(mss), why);
        self.may_fly(plan.span()).then_some(plan)
    }

    /// `[seq, seq + span)` of what was sent before, as a segment.
    fn piece(&self, seq: Seq, span: u32, why: Why) -> Plan {
        let length = span.min(self.end.ahead_of(seq));
        let fin = self.closed && seq.plus(span).since(self.end) == 1;
        Plan { seq, length, fin, push: seq.plus(length) == self.end, why }
    }

    /// New data, if window, congestion window, Nagle and SWS avoidance allow it (RFC 9293
    /// 3.8.6.2.1, 3.7.4).
    fn plan_new(&mut self, mss: u32) -> Option<Plan> {
        let unsent = self.unsent();
        let fin_waits = self.closed && self.end.plus(1) != self.nxt;
        if (unsent == 0 && !fin_waits) || !self.board.has_room() {
            return None;
        }
        let usable = self.una.plus(self.window.size).ahead_of(self.nxt);
        let length = unsent.min(usable).min(mss);
        let all = length == unsent;
        let fin = fin_waits && all && usable > length;
        if length == 0 && !fin {
            return None;
        }
        let full = length == mss;
        let idle = self.una == self.nxt || self.no_delay;
        let sensible = if full || fin {
            true
        } else if all {
            // Nagle's rule as Minshall refined it: one segment that is not full at a time.
            idle || self.small_end.le(self.una)
        } else {
            idle && length >= self.window.largest / 2
        };
        if !sensible && !self.timers.override_due {
            return None;
        }
        let plan = Plan { seq: self.nxt, length, fin, push: all, why: Why::Data };
        self.may_fly(plan.span()).then_some(plan)
    }

    /// The data of a plan.
    pub fn payload<'p>(&self, pool: &'p Pool<'_>, plan: &Plan) -> [&'p [u8]; 2] {
        self.ring.pieces(pool, plan.seq, plan.length as usize)
    }

    /// The planned segment has left.
    pub fn sent(&mut self, now: Instant, plan: &Plan, clock: u32) {
        let new = plan.seq == self.nxt;
        let idle = !self.is_outstanding();
        let mut mark = || self.delivery.mark(now, idle);
        if new {
            if idle {
                self.timers.waits_since = Some(now);
            }
            let granule_us = self.rtt.smoothed_us().unwrap_or(0) / RUN_TIME_PART;
            self.board.sent(plan.span(), now, granule_us, mark);
            self.nxt = self.nxt.plus(plan.span());
            // What the window or more options made short is not small in Nagle's sense.
            if plan.push && plan.length < self.mss() {
                self.small_end = self.nxt;
            }
        } else {
            self.board.sent_again(plan.seq, plan.span(), now, mark());
            self.resent = self.resent.wrapping_add(1);
            self.unexplained = self.unexplained.saturating_add(1);
            self.episode.sent_again(plan.span(), clock, plan.seq.plus(plan.span()));
        }
        if let Phase::Recovery { prr, .. } = &mut self.episode.phase {
            prr.sent(plan.span());
        }
        if let Some(rate) = self.rate() {
            self.pace.sent(now, plan.span(), rate);
        }
        // All that leaves at one moment has one probe; the second segment ends the patience with a
        // lone one's ACK.
        let has_probe = self.sent_at == now && self.timers.tail_at.is_some();
        let probes = !(has_probe && self.nxt.since(self.una) > 2 * self.mss());
        self.sent_at = now;
        self.sent_delivered = self.delivery.delivered();
        self.timers.override_due = false;
        self.arm_after_sending(now, plan, probes);
    }

    /// Nothing more may leave now: sees to it that something wakes us.
    pub fn settle(&mut self, now: Instant) {
        let waiting = self.unsent() > 0 || (self.closed && !self.is_fin_sent());
        if self.unsent() == 0 && self.board.lost() == 0 && self.may_fly(self.mss()) {
            self.delivery.limited(self.flight());
        }
        if !waiting || self.is_outstanding() || self.timers.pace_at.is_some() {
            if !self.timers.probing {
                self.timers.persist_at = None;
            }
            return;
        }
        if self.timers.persist_at.is_none() {
            let usable = self.window.size;
            let wait = if usable == 0 { self.rtt.timeout_us() } else { OVERRIDE_US };
            self.timers.persist_at = Some(now.after(wait));
            self.timers.waits_since.get_or_insert(now);
        }
    }

    /// Gives all memory back.
    pub fn free(&mut self, pool: &mut Pool<'_>) {
        self.ring.clear(pool, self.end);
    }

    /// A router says that only so many bytes of a segment get through (RFC 1191, RFC 8201): what
    /// is in flight is sent again in smaller pieces; that is no congestion.
    pub fn path_shrunk(&mut self, segment_bytes: u16) {
        self.segment_bytes = u32::from(segment_bytes);
        self.board.lose(|_, _| true);
        self.episode.path_until = Some(self.nxt);
        self.timers.retransmit_at = None;
    }

    /// What `ss -ti` shows.
    pub fn info(&self, info: &mut crate::status::SenderInfo) {
        info.rtt_us = self.rtt.smoothed_us();
        info.rtt_variation_us = self.rtt.variation_us();
        info.rto_us = self.rtt.timeout_us();
        info.backoff = self.rtt.backoff();
        info.mss = self.mss();
        info.window = self.congestion.window();
        info.threshold = self.congestion.threshold();
        info.in_flight = self.flight();
        info.sacked = self.board.sacked();
        info.lost = self.board.lost();
        info.resent = self.resent;
        info.unsent = self.unsent();
        info.peer_window = self.window.size;
        info.pacing_rate = self.rate().map(Rate::per_second);
        info.reordering = self.rack.reordering_seen();
        info.phase = self.episode.phase.name();
        info.runs = self.board.runs().len();
        info.congestion = self.congestion.control();
        if let Congestion::Bbr(bbr) = &self.congestion {
            info.bbr = Some(bbr.info());
        }
    }
}
