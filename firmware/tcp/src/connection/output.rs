//! What a connection sends.

use super::{Connection, Context, our_mss};
use crate::config::EcnUse;
use crate::counters::count;
use crate::events::Why;
use crate::flow::Ecn;
use crate::limits::{SEGMENTS_PER_TURN, WINDOW_SHIFT};
use crate::options::{Options, Timestamps};
use crate::receive::AckReason;
use crate::segment::{Flags, Header, Outlet, SegmentOut};
use crate::send::Plan;
use crate::seq::Seq;
use crate::status::State;

/// How far a turn came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing more to send now.
    Done,
    /// There may be more; others have their turn first.
    More,
    /// The caller took no more.
    Blocked,
}

impl Connection {
    /// Sends what may be sent now, at most a few segments.
    pub fn poll(&mut self, context: &mut Context<'_, '_>, out: &mut Outlet<'_, '_>) -> Progress {
        self.run_timers(context);
        for _ in 0..SEGMENTS_PER_TURN {
            match self.send_one(context, out) {
                Some(true) if out.room > 0 => {}
                Some(_) => return Progress::Blocked,
                None => {
                    if self.is_live() && self.state.is_synchronized() {
                        self.send.settle(context.now);
                        self.news.writable |= self.send.take_writable();
                    }
                    self.dirty = false;
                    return Progress::Done;
                }
            }
        }
        Progress::More
    }

    /// Sends one segment: `None` if there is nothing to send, `Some(false)` if it was not taken.
    fn send_one(
        &mut self,
        context: &mut Context<'_, '_>,
        out: &mut Outlet<'_, '_>,
    ) -> Option<bool> {
        if self.reset_due {
            return Some(self.send_reset(context, out));
        }
        match self.state {
            // The last ACK of TIME-WAIT comes from its own table.
            State::Closed | State::TimeWait => return None,
            State::SynSent | State::SynReceived if self.handshake.due => {
                return Some(self.send_syn(context, out));
            }
            State::SynSent => return None,
            State::SynReceived => {}
            _ => {
                let blocks = if self.send.sack && self.receive.has_blocks() {
                    self.receive.sack_blocks(self.plain_options(context).sack_room())
                } else {
                    Default::default()
                };
                let extra = if blocks.is_empty() { 0 } else { 4 + 8 * blocks.len() as u32 };
                if let Some(plan) = self.send.plan(context.now, extra) {
                    return Some(self.send_plan(context, out, &plan));
                }
                if self.keep_alive_due {
                    return Some(self.send_keep_alive(context, out));
                }
            }
        }
        let reason = self.ack_reason()?;
        let why = match reason {
            AckReason::Received => Why::Ack,
            AckReason::Delayed => Why::DelayedAck,
            AckReason::Duplicate | AckReason::Unacceptable => Why::DuplicateAck,
            AckReason::Window => Why::WindowUpdate,
            AckReason::Challenge => Why::Challenge,
        };
        Some(self.send_ack(context, out, self.send.nxt(), why))
    }

    /// Options of every segment after the handshake.
    fn plain_options(&self, context: &Context<'_, '_>) -> Options {
        let stamps = Timestamps { value: self.clock(context.now), echo: self.stamps.recent };
        Options { timestamps: self.stamps.on.then_some(stamps), ..Options::default() }
    }

    /// A header with all that an ACK carries, but for SACK blocks: those are written where it is
    /// kept.
    #[inline(always)]
    fn header(&mut self, context: &mut Context<'_, '_>, seq: Seq, flags: Flags) -> Header {
        let window = self.receive.window_field(context.pool);
        let echo = self.ecn.on && self.ecn.echo;
        Header {
            seq,
            ack: self.receive.nxt(),
            flags: (flags | Flags::ACK).with_if(echo, Flags::ECE),
            window,
            urgent: 0,
            options: self.plain_options(context),
        }
    }

    fn tell_blocks(&self, options: &mut Options) {
        if self.send.sack && self.receive.has_blocks() {
            options.sack = self.receive.sack_blocks(options.sack_room());
        }
    }

    fn send_plan(
        &mut self,
        context: &mut Context<'_, '_>,
        out: &mut Outlet<'_, '_>,
        plan: &Plan,
    ) -> bool {
        let new = plan.seq == self.send.nxt();
        // Only new data is ECN capable (RFC 3168 6.1.4, 6.1.5, 6.1.6).
        let fresh = new && plan.length > 0 && plan.why == Why::Data;
        let reduced = self.ecn.reduced && fresh;
        let urgent = self.send.urgent_pointer(plan.seq);
        let flags = Flags::default()
            .with_if(plan.push, Flags::PSH)
            .with_if(plan.fin, Flags::FIN)
            .with_if(reduced, Flags::CWR)
            .with_if(urgent.is_some(), Flags::URG);
        let header = self.header(context, plan.seq, flags);
        let header = Header { urgent: urgent.unwrap_or(0), ..header };
        let window = header.window;
        let mut segment = SegmentOut {
            flow: self.flow,
            header,
            payload: self.send.payload(context.pool, plan),
            ecn: if self.ecn.on && fresh { Ecn::Capable } else { Ecn::NotCapable },
            diffserv: self.config.diffserv,
            hop_limit: self.config.hop_limit,
            why: plan.why,
        };
        self.tell_blocks(&mut segment.header.options);
        if !out.send(&segment) {
            return false;
        }
        self.ecn.reduced &= !reduced;
        count(&mut context.counters.out_segs);
        if !new {
            count(&mut context.counters.retrans_segs);
        }
        match plan.why {
            Why::FastRetransmit | Why::PathRetransmit => {
                count(&mut context.counters.fast_retrans);
            }
            Why::TimeoutRetransmit => count(&mut context.counters.slow_start_retrans),
            Why::TailLossProbe => count(&mut context.counters.loss_probes),
            Why::WindowProbe => count(&mut context.counters.win_probe),
            _ => {}
        }
        let clock = self.clock(context.now);
        self.send.sent(context.now, plan, clock);
        self.receive.told(context.counters, window);
        true
    }

    fn send_ack(
        &mut self,
        context: &mut Context<'_, '_>,
        out: &mut Outlet<'_, '_>,
        seq: Seq,
        why: Why,
    ) -> bool {
        let mut header = self.header(context, seq, Flags::ACK);
        self.tell_blocks(&mut header.options);
        let window = header.window;
        let sent = self.bare(context, out, header, why);
        if sent {
            self.receive.told(context.counters, window);
        }
        sent
    }

    /// A probe with an old sequence number, which any peer answers (RFC 9293 3.8.4).
    fn send_keep_alive(&mut self, context: &mut Context<'_, '_>, out: &mut Outlet<'_, '_>) -> bool {
        let sent = self.send_ack(context, out, self.send.nxt().minus(1), Why::KeepAlive);
        if sent {
            count(&mut context.counters.keep_alive);
            self.keep_alive_due = false;
            self.keep_alive_probes += 1;
        }
        sent
    }

    fn send_reset(&mut self, context: &mut Context<'_, '_>, out: &mut Outlet<'_, '_>) -> bool {
        let header = Header {
            seq: self.send.nxt(),
            ack: self.receive.nxt(),
            flags: Flags::RST | Flags::ACK,
            window: 0,
            urgent: 0,
            options: self.plain_options(context),
        };
        let sent = self.bare(context, out, header, Why::Reset);
        if sent {
            count(&mut context.counters.out_rsts);
            self.reset_due = false;
        }
        sent
    }

    fn bare(
        &self,
        context: &mut Context<'_, '_>,
        out: &mut Outlet<'_, '_>,
        header: Header,
        why: Why,
    ) -> bool {
        let segment = SegmentOut {
            diffserv: self.config.diffserv,
            hop_limit: self.config.hop_limit,
            ..SegmentOut::bare(self.flow, header, why)
        };
        let sent = out.send(&segment);
        if sent && why != Why::Reset {
            count(&mut context.counters.out_segs);
        }
        sent
    }

    /// SYN, or in SYN-RECEIVED SYN-ACK.
    fn send_syn(&mut self, context: &mut Context<'_, '_>, out: &mut Outlet<'_, '_>) -> bool {
        let config = context.config;
        let answer = self.state == State::SynReceived;
        // After the first attempt without ECN: some boxes drop such SYNs (RFC 3168 6.1.1.1).
        let ecn = config.ecn == EcnUse::Always && !answer && self.handshake.sent == 0;
        let stamps = Timestamps { value: self.clock(context.now), echo: self.stamps.recent };
        let header = Header {
            seq: self.send.first(),
            ack: if answer { self.receive.nxt() } else { Seq(0) },
            flags: Flags::SYN.with_if(answer, Flags::ACK).with_if(ecn, Flags::ECE | Flags::CWR),
            window: self.receive.window().min(u32::from(u16::MAX)) as u16,
            urgent: 0,
            options: Options {
                mss: Some(our_mss(config, &self.flow)),
                window_scale: if answer { self.scale.is_some() } else { config.window_scaling }
                    .then_some(WINDOW_SHIFT),
                sack_permitted: if answer { self.send.sack } else { config.sack },
                timestamps: if answer { self.stamps.on } else { config.timestamps }
                    .then_some(stamps),
                ..Options::default()
            },
        };
        let again = self.handshake.sent > 0;
        let why = if again && !answer { Why::SynAgain } else { Why::Syn };
        if !self.bare(context, out, header, why) {
            return false;
        }
        if again {
            count(&mut context.counters.syn_retrans);
        }
        self.ecn.on = ecn;
        let handshake = &mut self.handshake;
        handshake.due = false;
        handshake.sent += 1;
        handshake.sent_at = context.now;
        handshake.retry_at = Some(context.now.after(handshake.timeout_us));
        true
    }
}
