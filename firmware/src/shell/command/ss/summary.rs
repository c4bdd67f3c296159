//! `ss -s`: how many sockets there are.

use core::fmt;

use smoltcp::wire::IpAddress;

use super::{ALL, STATES, Wanted, sockets};
use crate::System;
use crate::net::SocketState;

/// Sockets, counted.
#[derive(Debug, Default)]
pub struct Summary {
    /// By protocol: raw, UDP, TCP; of IPv4, and of IPv6.
    sockets: [(usize, usize); 3],
    open: usize,
    orphaned: usize,
    time_wait: usize,
}

impl Summary {
    /// Counts.
    pub fn of(system: &'static System) -> Self {
        let mut summary = Self::default();
        let wanted = Wanted { tcp: true, udp: true, raw: true, states: ALL, ..Wanted::default() };
        for socket in sockets(system, &wanted) {
            let state = STATES[socket.state].0;
            if state == SocketState::TimeWait {
                summary.time_wait += 1;
                continue;
            }
            let row = &mut summary.sockets[socket.protocol as usize];
            match socket.local.addr {
                IpAddress::Ipv4(_) => row.0 += 1,
                IpAddress::Ipv6(_) => row.1 += 1,
            }
            summary.open += usize::from(state == SocketState::Established);
            summary.orphaned += usize::from(socket.tcp.is_some_and(|info| info.orphan));
        }
        summary
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [tcp, udp, raw] = self.sockets;
        let sum = |(v4, v6): (usize, usize)| v4 + v6;
        let all: usize = self.sockets.iter().copied().map(sum).sum();
        let (tcps, closed) = (sum(tcp) + self.time_wait, self.time_wait);
        writeln!(f, "Total: {all}")?;
        write!(f, "TCP:   {tcps} (estab {}, closed {closed}, orphaned ", self.open)?;
        writeln!(f, "{}, timewait {})\n", self.orphaned, self.time_wait)?;
        writeln!(f, "Transport Total     IP        IPv6")?;
        let inet = (tcp.0 + udp.0 + raw.0, tcp.1 + udp.1 + raw.1);
        let rows = [("RAW", raw), ("UDP", udp), ("TCP", tcp), ("INET", inet), ("FRAG", (0, 0))];
        for (name, row) in rows {
            writeln!(f, "{name}\t  {:<9} {:<9} {:<9} ", sum(row), row.0, row.1)?;
        }
        f.write_str("\n")
    }
}
