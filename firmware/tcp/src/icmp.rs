//! ICMP errors (RFC 9293 3.9.2.2, RFC 5927, RFC 5461, RFC 1191, RFC 8201).
//!
//! Anybody can send one. It is believed only if it quotes a segment that is in flight, and even
//! then it ends nothing that is established: it explains why nothing answers.

use crate::connection::{Connection, Context};
use crate::counters::count;
use crate::events::Ended;
use crate::flow::Flow;
use crate::limits::{MSS_MIN, PATH_MTU_MIN_V4, PATH_MTU_MIN_V6};
use crate::seq::Seq;
use crate::status::State;

/// What an ICMP error says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcmpKind {
    /// IPv4 "fragmentation needed", IPv6 "packet too big": the MTU of the next hop; 0 from old
    /// routers.
    TooBig {
        /// Bytes.
        mtu: u32,
    },
    /// Protocol or port unreachable: nobody there speaks TCP, or not on that port.
    Refused,
    /// Net, host or source route: no way there, for now.
    Unreachable,
    /// Time exceeded, parameter problem.
    Transit,
    /// Source quench: to be ignored (RFC 9293 MUST-55, RFC 6633).
    Quench,
}

/// An ICMP error about a segment of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// What it says.
    pub kind: IcmpKind,
    /// The flow of the segment it quotes, from our side.
    pub flow: Flow,
    /// That segment's sequence number.
    pub seq: Seq,
}

/// MTUs that are common, for routers that tell none (RFC 1191 7).
const PLATEAUS: [u16; 8] = [32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, PATH_MTU_MIN_V4];

impl Connection {
    /// Takes an ICMP error; false if it cannot be about what is in flight.
    pub fn take_icmp(&mut self, context: &mut Context<'_, '_>, error: &IcmpError) -> bool {
        let sender = self.sender();
        let in_flight = match self.state {
            State::SynSent | State::SynReceived => error.seq == sender.first(),
            _ => error.seq.within(sender.una(), sender.nxt()),
        };
        if !in_flight {
            count(&mut context.counters.out_of_window_icmps);
            return false;
        }
        match error.kind {
            IcmpKind::Quench => {}
            IcmpKind::TooBig { mtu } => self.path_shrunk(context, mtu),
            // RFC 5461 4: while nothing is established, an error that would last ends the attempt.
            IcmpKind::Refused if self.state == State::SynSent => {
                self.end(context, Ended::Refused);
            }
            IcmpKind::Refused | IcmpKind::Unreachable | IcmpKind::Transit => {
                self.unreachable = true;
                self.news.trouble = true;
            }
        }
        true
    }

    /// RFC 1191 6, RFC 8201 4: only ever smaller, and never absurd.
    fn path_shrunk(&mut self, context: &mut Context<'_, '_>, mtu: u32) {
        if !self.state.is_synchronized() {
            return;
        }
        let headers = self.flow.header_bytes();
        let now = self.sender().segment_bytes() as u16 + headers;
        let told = match u16::try_from(mtu) {
            Ok(0) => PLATEAUS.into_iter().find(|plateau| *plateau < now).unwrap_or(now),
            Ok(mtu) => mtu,
            Err(_) => return,
        };
        let least = if self.flow.is_v6() { PATH_MTU_MIN_V6 } else { PATH_MTU_MIN_V4 };
        let told = told.max(least);
        if told >= now {
            return;
        }
        count(&mut context.counters.mtup_success);
        self.sender_mut().path_shrunk((told - headers).max(MSS_MIN));
        self.dirty = true;
    }
}
