//! One connection: state, both halves, and what the application may do with it (RFC 9293 3.10.1
//! to 3.10.6).

use crate::challenge::Challenges;
use crate::config::{Config, ConnectionConfig};
use crate::counters::{Counters, count};
use crate::engine::ListenerId;
use crate::events::Ended;
use crate::flow::Flow;
use crate::isn::Secret;
use crate::limits::{
    MSS_DEFAULT_V4, MSS_DEFAULT_V6, MSS_MAX, MSS_MIN, RTO_AFTER_LOST_SYN_US, RTO_INITIAL_US,
    TIMESTAMPS_BYTES,
};
use crate::listen::HalfOpen;
use crate::memory::Pool;
use crate::receive::{AckNeed, Receiver};
use crate::send::Sender;
use crate::seq::Seq;
use crate::status::State;
use crate::time::Instant;

mod arrives;
mod output;
mod syn_sent;
mod timers;

pub(crate) use output::Progress;
pub(crate) use syn_sent::Answer;

/// What every step of a connection may use.
pub(crate) struct Context<'c, 'a> {
    pub now: Instant,
    pub config: &'c Config,
    pub secret: &'c Secret,
    pub pool: &'c mut Pool<'a>,
    pub counters: &'c mut Counters,
    pub challenges: &'c mut Challenges,
}

/// Whose it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Owner {
    /// Nobody's yet: it waits to be accepted.
    Ready { listener: ListenerId, since: Instant },
    /// Nobody's: it is accepted when the peer says something, and closes if it does not.
    Quiet { listener: ListenerId, until: Instant },
    /// In the hands of a task.
    Held,
    /// Given back: it has until then to close.
    Orphan { until: Instant },
}

/// Timestamps (RFC 7323).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamps {
    pub on: bool,
    /// Added to the clock.
    offset: u32,
    /// TS.Recent, and when it was set.
    recent: u32,
    recent_at: Instant,
}

/// ECN (RFC 3168).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EcnState {
    pub on: bool,
    /// Congestion was experienced: told in every ACK until CWR comes.
    echo: bool,
    /// The window was reduced: told in the next new segment.
    reduced: bool,
}

/// Our SYN, until it is acknowledged.
#[derive(Clone, Copy, Debug)]
struct Handshake {
    give_up_at: Instant,
    due: bool,
    /// SYNs sent.
    sent: u32,
    sent_at: Instant,
    retry_at: Option<Instant>,
    timeout_us: u64,
}

/// Something changed that a task may wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    pub readable: bool,
    pub writable: bool,
    pub state: bool,
    pub trouble: bool,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub flow: Flow,
    pub state: State,
    pub owner: Owner,
    pub owner_name: &'static str,
    pub config: ConnectionConfig,
    send: Sender,
    receive: Receiver,
    stamps: Stamps,
    ecn: EcnState,
    /// Shift of the peer's windows; none without window scaling.
    scale: Option<u8>,
    handshake: Handshake,
    /// A RST is to be sent, and then no more.
    reset_due: bool,
    challenged_at: Option<Instant>,
    heard_at: Instant,
    keep_alive_probes: u32,
    keep_alive_due: bool,
    /// ICMP told that there is no way, since the last sign of life.
    pub unreachable: bool,
    pub news: News,
    pub ended: Option<Ended>,
    /// Something may have to be sent.
    pub dirty: bool,
}

/// What may be sent in a segment behind its fixed header: the peer's maximum, and our link's.
pub(crate) fn segment_bytes(config: &Config, flow: &Flow, peer_mss: Option<u16>) -> u16 {
    let default = if flow.is_v6() { MSS_DEFAULT_V6 } else { MSS_DEFAULT_V4 };
    let ours = our_mss(config, flow);
    peer_mss.unwrap_or(default).min(ours).clamp(MSS_MIN, MSS_MAX)
}

/// The maximum that we tell (RFC 6691): our link's MTU without the fixed headers.
pub(crate) fn our_mss(config: &Config, flow: &Flow) -> u16 {
    config.mtu.saturating_sub(flow.header_bytes()).max(MSS_MIN)
}

fn options_bytes(timestamps: bool) -> u32 {
    if timestamps { TIMESTAMPS_BYTES as u32 } else { 0 }
}

impl Connection {
    fn new(context: &mut Context<'_, '_>, flow: Flow, iss: Seq, irs: Seq, scaled: bool) -> Self {
        let now = context.now;
        Self {
            flow,
            state: State::SynSent,
            owner: Owner::Held,
            owner_name: "",
            config: context.config.connection,
            send: Sender::new(
                iss,
                segment_bytes(context.config, &flow, None),
                context.config.congestion,
            ),
            receive: Receiver::new(context.pool, now, irs, scaled),
            stamps: Stamps {
                on: false,
                offset: context.secret.timestamp_offset(&flow),
                recent: 0,
                recent_at: now,
            },
            ecn: EcnState::default(),
            scale: None,
            handshake: Handshake {
                give_up_at: now.after(context.config.syn_timeout_us),
                due: false,
                sent: 0,
                sent_at: now,
                retry_at: None,
                timeout_us: RTO_INITIAL_US,
            },
            reset_due: false,
            challenged_at: None,
            heard_at: now,
            keep_alive_probes: 0,
            keep_alive_due: false,
            unreachable: false,
            news: News::default(),
            ended: None,
            dirty: true,
        }
    }

    /// OPEN, active (RFC 9293 3.10.1).
    pub fn open(context: &mut Context<'_, '_>, flow: Flow, owner_name: &'static str) -> Self {
        let iss = context.secret.isn(context.now, &flow);
        let scaled = context.config.window_scaling;
        let mut connection = Self::new(context, flow, iss, Seq(0), scaled);
        connection.owner_name = owner_name;
        connection.send.no_delay = connection.config.no_delay;
        connection.handshake.due = true;
        count(&mut context.counters.active_opens);
        connection
    }

    /// A handshake that a listener held is about to be completed.
    pub fn accept(
        context: &mut Context<'_, '_>,
        half: &HalfOpen,
        owner_name: &'static str,
    ) -> Self {
        let scaled = half.scale.is_some();
        let mut connection = Self::new(context, half.flow, half.iss, half.irs, scaled);
        connection.state = State::SynReceived;
        connection.owner = Owner::Ready { listener: half.listener, since: context.now };
        connection.owner_name = owner_name;
        connection.handshake.sent = 1 + u32::from(half.retries);
        connection.handshake.sent_at = half.sent_at;
        connection.agree(context, half.mss, half.scale, half.sack, half.timestamp);
        connection.ecn.on = half.ecn;
        connection
    }

    /// What both SYNs agreed on.
    fn agree(
        &mut self,
        context: &Context<'_, '_>,
        mss: Option<u16>,
        scale: Option<u8>,
        sack: bool,
        timestamp: Option<u32>,
    ) {
        self.scale = scale;
        self.stamps.on = timestamp.is_some();
        self.stamps.recent = timestamp.unwrap_or(0);
        self.stamps.recent_at = context.now;
        let bytes = segment_bytes(context.config, &self.flow, mss);
        self.send.agree(bytes, options_bytes(self.stamps.on), sack);
        self.send.no_delay = self.config.no_delay;
    }

    /// Our SYN was acknowledged by a segment with this sequence number, ACK and scaled window.
    fn establish(&mut self, context: &mut Context<'_, '_>, seq: Seq, ack: Seq, window: u32) {
        let lost = self.handshake.sent > 1;
        self.send.open(context.now, seq, ack, window, lost);
        if lost {
            // Which of them was answered is not known (Karn); RFC 6298 5.7.
            self.send.rtt.assume(RTO_AFTER_LOST_SYN_US);
        } else {
            self.send.rtt.measure(context.now.since(self.handshake.sent_at));
        }
        self.handshake.retry_at = None;
        self.handshake.due = false;
        self.news.state = true;
        self.news.writable = true;
        if let Owner::Ready { .. } = self.owner {
            count(&mut context.counters.passive_opens);
        }
        let closing = matches!(self.state, State::FinWait1);
        if !closing {
            self.state = State::Established;
        }
    }

    /// Our timestamp clock: milliseconds and a secret.
    pub fn clock(&self, now: Instant) -> u32 {
        (now.millis() as u32).wrapping_add(self.stamps.offset)
    }

    /// True while segments belong to it.
    pub fn is_live(&self) -> bool {
        !matches!(self.state, State::Closed | State::TimeWait)
    }

    /// SEND: takes what there is room for (RFC 9293 3.10.2).
    pub fn write(&mut self, context: &mut Context<'_, '_>, bytes: &[u8]) -> usize {
        let taken = self.send.write(context.pool, context.now, bytes);
        self.dirty |= taken > 0;
        taken
    }

    /// What was written so far is urgent.
    pub fn mark_urgent(&mut self) {
        self.send.mark_urgent();
        self.dirty = true;
    }

    /// RECEIVE (RFC 9293 3.10.3).
    pub fn read(&mut self, context: &mut Context<'_, '_>, out: &mut [u8]) -> usize {
        let round_trip_us = self.send.rtt.smoothed_us().unwrap_or(0);
        let count = self.receive.read(context.pool, context.now, round_trip_us, out);
        self.dirty |= count > 0 && matches!(self.receive.need(), AckNeed::Now(_));
        count
    }

    /// What may be read, as far as it lies in one piece.
    pub fn peek<'p>(&self, pool: &'p Pool<'_>) -> &'p [u8] {
        self.receive.peek(pool)
    }

    /// So many bytes of what `peek` showed are done with.
    pub fn consume(&mut self, context: &mut Context<'_, '_>, count: usize) {
        let round_trip_us = self.send.rtt.smoothed_us().unwrap_or(0);
        self.receive.consume(context.pool, context.now, round_trip_us, count);
        self.dirty |= matches!(self.receive.need(), AckNeed::Now(_));
    }

    /// CLOSE (RFC 9293 3.10.4): no more will be written.
    pub fn close(&mut self, context: &mut Context<'_, '_>) {
        match self.state {
            State::SynSent => self.end(context, Ended::Aborted),
            State::SynReceived | State::Established => {
                self.send.close();
                if self.state == State::Established {
                    self.state = State::FinWait1;
                }
            }
            State::CloseWait => {
                self.send.close();
                self.state = State::LastAck;
            }
            _ => {}
        }
        self.dirty = true;
    }

    /// ABORT (RFC 9293 3.10.5).
    pub fn abort(&mut self, context: &mut Context<'_, '_>) {
        self.reset_due = self.state.is_synchronized() && self.state != State::TimeWait
            || self.state == State::SynReceived;
        if self.is_live() {
            self.end(context, Ended::Aborted);
        }
        self.dirty = true;
    }

    /// The owner has no more use for it.
    pub fn give_back(&mut self, context: &mut Context<'_, '_>) {
        self.owner = Owner::Orphan { until: context.now.after(context.config.linger_us) };
        self.news = News::default();
        if !self.is_live() {
            self.receive.free(context.pool);
            return;
        }
        if self.receive.readable() > 0 {
            // What the peer sent was not read: it is told (RFC 9293 3.6.1, SHLD-3).
            count(&mut context.counters.abort_on_close);
            self.abort(context);
            return;
        }
        self.receive.discards = true;
        self.close(context);
    }

    /// Its owner has no use for it until the peer says something.
    pub fn rest(&mut self, context: &mut Context<'_, '_>, listener: ListenerId, quiet_us: u64) {
        if !self.is_live() {
            return self.give_back(context);
        }
        self.news = News::default();
        self.owner = match self.has_spoken() {
            true => Owner::Ready { listener, since: context.now },
            false => Owner::Quiet { listener, until: context.now.after(quiet_us) },
        };
        self.dirty = true;
    }

    /// There is something to tell its owner.
    pub fn has_news(&self) -> bool {
        let News { readable, writable, state, trouble } = self.news;
        matches!(self.owner, Owner::Held) && (readable | writable | state | trouble)
    }

    /// There is something to read: data, or that no more will come.
    pub fn has_spoken(&self) -> bool {
        self.receive.readable() > 0 || self.receive.is_finished()
    }

    /// It is over.
    pub(crate) fn end(&mut self, context: &mut Context<'_, '_>, why: Ended) {
        if self.state.is_synchronized() {
            if matches!(why, Ended::Reset) {
                count(&mut context.counters.estab_resets);
            }
        } else if self.state != State::Closed {
            count(&mut context.counters.attempt_fails);
        }
        self.state = State::Closed;
        self.ended.get_or_insert(why);
        self.news = News { readable: true, writable: true, state: true, trouble: false };
        self.send.free(context.pool);
        if !matches!(why, Ended::Closed) {
            self.receive.free(context.pool);
        }
        self.dirty = true;
    }

    /// Gives all memory back.
    pub fn free(&mut self, context: &mut Context<'_, '_>) {
        self.send.free(context.pool);
        self.receive.free(context.pool);
    }

    /// True if its slot may be used anew.
    pub fn is_done(&self) -> bool {
        let orphan = matches!(self.owner, Owner::Orphan { .. });
        let unaccepted = matches!(self.owner, Owner::Ready { .. } | Owner::Quiet { .. });
        (orphan || unaccepted && self.state == State::Closed) && !self.is_live() && !self.reset_due
    }

    /// True if an ACK is to go out at once.
    pub fn owes_ack(&self) -> bool {
        self.ack_reason().is_some()
    }

    /// Chooses anew.
    pub fn set_config(&mut self, config: ConnectionConfig) {
        self.config = config;
        self.send.no_delay = config.no_delay;
        self.dirty = true;
    }

    /// The sending half, for status and ICMP.
    pub fn sender(&self) -> &Sender {
        &self.send
    }

    /// The sending half.
    pub fn sender_mut(&mut self) -> &mut Sender {
        &mut self.send
    }

    /// The receiving half.
    pub fn receiver(&self) -> &Receiver {
        &self.receive
    }

    /// Timestamps.
    pub fn stamps(&self) -> &Stamps {
        &self.stamps
    }

    /// TS.Recent.
    pub fn recent(&self) -> u32 {
        self.stamps.recent
    }

    /// ECN is in use.
    pub fn is_ecn(&self) -> bool {
        self.ecn.on
    }

    /// Shift of the peer's windows.
    pub fn scale(&self) -> Option<u8> {
        self.scale
    }
}
