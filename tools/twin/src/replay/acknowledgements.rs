//! The board chooses another first sequence number in a play than when it was captured. So whoever
//! acknowledges the captured ones is made to acknowledge those of now: in the acknowledgement
//! number, in selective acknowledgements, and in the echo of the board's timestamps.
//!
//! If the board's SYN-ACK is not in the file, the first segment after it is taken to acknowledge
//! it and nothing else. Connections that were there before the capture, and those that the board
//! itself opens, stay as they are.

use std::collections::HashMap;

use smoltcp::wire::{IpAddress, TcpSeqNumber};

use super::sums::{self, Segment};

/// TCP's options: their kinds, and the bytes of the fixed ones (RFC 9293 3.1, 2018, 7323).
const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;

/// The other end of a connection and the board's port.
type Key = (IpAddress, u16, u16);

/// The board's numbers: what acknowledges its SYN, and its timestamp.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    acknowledges: u32,
    stamp: u32,
}

/// What the board's SYN-ACK said.
#[derive(Clone, Copy, Debug, Default)]
struct Connection {
    /// In the capture.
    then: Option<Numbers>,
    /// In the play.
    now: Option<Numbers>,
}

/// All connections.
#[derive(Debug, Default)]
pub struct Acknowledgements(HashMap<Key, Connection>);

impl Acknowledgements {
    /// Looks at a frame that the board sent when it was captured.
    pub fn captured(&mut self, frame: &[u8]) {
        if let Some((key, numbers)) = accepted(frame) {
            self.0.entry(key).or_default().then.get_or_insert(numbers);
        }
    }

    /// Looks at a frame that the board sends now.
    pub fn sent(&mut self, frame: &[u8]) {
        if let Some((key, numbers)) = accepted(frame) {
            self.0.entry(key).or_default().now.get_or_insert(numbers);
        }
    }

    /// Makes a frame for the board fit.
    pub fn make_fit(&mut self, frame: &mut [u8]) {
        let Some(Segment { mut tcp, from, to }) = sums::segment(frame) else { return };
        let key = (from, tcp.src_port(), tcp.dst_port());
        if tcp.syn() && !tcp.ack() {
            self.0.remove(&key);
        }
        let Some(connection) = self.0.get_mut(&key).filter(|_| tcp.ack()) else { return };
        let Some(now) = connection.now else { return };
        // A segment that is damaged stays so.
        let was_good = tcp.verify_checksum(&from, &to);
        let acknowledges = tcp.ack_number().0 as u32;
        let options = tcp.options_mut();
        let echo = stamps(options).map(|at| at + 4);
        let stamp = echo.map_or(0, |at| word(options, at));
        let then = *connection.then.get_or_insert(Numbers { acknowledges, stamp });
        let shift = now.acknowledges.wrapping_sub(then.acknowledges);
        if let Some(at) = echo {
            add(options, at, now.stamp.wrapping_sub(then.stamp));
        }
        if let Some((at, bytes)) = find(options, SACK) {
            for edge in (at..at + bytes).step_by(4) {
                add(options, edge, shift);
            }
        }
        tcp.set_ack_number(TcpSeqNumber(acknowledges.wrapping_add(shift) as i32));
        if was_good {
            tcp.fill_checksum(&from, &to);
        }
    }
}

/// The numbers of a SYN-ACK of the board's. If it is sent again, the first one counts.
fn accepted(frame: &[u8]) -> Option<(Key, Numbers)> {
    let mut copy = frame.to_vec();
    let Segment { mut tcp, to, .. } = sums::segment(&mut copy)?;
    (tcp.syn() && tcp.ack()).then_some(())?;
    let key = (to, tcp.dst_port(), tcp.src_port());
    let acknowledges = (tcp.seq_number() + 1).0 as u32;
    let options = tcp.options_mut();
    let stamp = stamps(options).map_or(0, |at| word(options, at));
    Some((key, Numbers { acknowledges, stamp }))
}

/// Where the sender's timestamp is; the echo of the other's follows.
fn stamps(options: &[u8]) -> Option<usize> {
    find(options, TIMESTAMPS).filter(|&(_, bytes)| bytes == 8).map(|(at, _)| at)
}

/// Where the value of an option is, and its bytes.
fn find(options: &[u8], wanted: u8) -> Option<(usize, usize)> {
    let mut at = 0;
    loop {
        match *options.get(at)? {
            END => return None,
            NO_OPERATION => at += 1,
            kind => {
                let bytes = usize::from(*options.get(at + 1)?);
                if bytes < 2 || at + bytes > options.len() {
                    return None;
                }
                if kind == wanted {
                    return (bytes > 2).then_some((at + 2, bytes - 2));
                }
                at += bytes;
            }
        }
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().map_or(0, u32::from_be_bytes)
}

fn add(bytes: &mut [u8], at: usize, more: u32) {
    let sum = word(bytes, at).wrapping_add(more);
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_found_and_never_believed() {
        let options = [1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9, 5, 10, 1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(stamps(&options), Some(4));
        assert_eq!(word(&options, 4), 7);
        assert_eq!(find(&options, SACK), Some((14, 8)));
        for end in 0..options.len() {
            find(&options[..end], SACK);
        }
        assert_eq!(find(&[3, 0, 5, 10], SACK), None);
        assert_eq!(find(&[0, 5, 2], SACK), None);
        assert_eq!(find(&[5, 2], SACK), None);
    }
}
