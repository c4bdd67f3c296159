//! An offered window is never taken back (RFC 9293 SHLD-14): the right edge only moves right, but
//! for what a window of that scale cannot say (RFC 7323 2.4). Such bytes are still accepted.

use tcp::{Flags, Segment, Seq};

/// What each host has offered.
pub struct Edges {
    /// The host whose edges are not ours to judge.
    theirs: Option<usize>,
    /// Shifts as the SYNs told, if both did.
    shifts: [Option<u8>; 2],
    /// Where the connection begins: a late SYN may open another.
    first: [Option<Seq>; 2],
    right: [Option<Seq>; 2],
}

impl Edges {
    pub fn new(theirs: Option<usize>) -> Self {
        Self { theirs, shifts: [None; 2], first: [None; 2], right: [None; 2] }
    }

    /// The host that runs smoltcp.
    pub fn theirs(&self) -> Option<usize> {
        self.theirs
    }

    /// A segment leaves a host.
    pub fn sent(&mut self, host: usize, bytes: &[u8]) -> Result<(), String> {
        let segment = Segment::parse(bytes).map_err(|bad| format!("sent {bad:?}"))?;
        let header = &segment.header;
        if header.flags.has(Flags::SYN) {
            self.shifts[host] = header.options.window_scale;
            if self.first[host].replace(header.seq) != Some(header.seq) {
                self.right[host] = None;
            }
        }
        if !header.flags.has(Flags::ACK) || header.flags.has(Flags::RST) {
            return Ok(());
        }
        let shift = match (header.flags.has(Flags::SYN), self.shifts) {
            (false, [Some(_), Some(_)]) => self.shifts[host].unwrap_or(0),
            _ => 0,
        };
        let edge = header.ack.plus(u32::from(header.window) << shift);
        let before = self.right[host].replace(edge).unwrap_or(edge);
        self.right[host] = Some(edge.max(before));
        let unit = 1 << shift;
        if self.theirs != Some(host) && edge.plus(unit - 1).lt(before) {
            return Err(format!("host {host} took back {} bytes", before.since(edge)));
        }
        Ok(())
    }
}
