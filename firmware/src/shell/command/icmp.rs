//! What `ping` and `traceroute` know of ICMP: echo messages, and the packet that an error quotes.
//!
//! No command itself. Messages begin with their type, as the sockets take and give them; version 4
//! and 6 (RFC 792, RFC 4443) are alike but for the numbers.

use smoltcp::wire::{IpAddress, Ipv4Address, Ipv6Address};

/// Bytes of an echo message before its data.
pub const HEADER_BYTES: usize = 8;
/// Bytes of an address mask request (RFC 950): the header and a mask.
pub const MASK_BYTES: usize = HEADER_BYTES + 4;

/// The protocol number of UDP.
pub const UDP: u8 = 17;

/// The type of address mask replies.
const MASK_REPLY: u8 = 18;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// An echo.
    Echo,
    /// The network's mask: version 4 only.
    Mask,
}

impl Ask {
    /// The type of a request to an address.
    pub const fn request(self, to: IpAddress) -> u8 {
        match (self, to) {
            (Self::Mask, _) => 17,
            (Self::Echo, IpAddress::Ipv4(_)) => 8,
            (Self::Echo, IpAddress::Ipv6(_)) => 128,
        }
    }

    /// The type of the answer.
    const fn reply(self, from: IpAddress) -> u8 {
        match (self, from) {
            (Self::Mask, _) => MASK_REPLY,
            (Self::Echo, IpAddress::Ipv4(_)) => 0,
            (Self::Echo, IpAddress::Ipv6(_)) => 129,
        }
    }

    /// Writes the header of a request; what follows it is the caller's, and the checksum the
    /// socket's.
    pub fn write(self, message: &mut [u8], to: IpAddress, id: u16, sequence: u16) {
        let ([a, b], [c, d]) = (id.to_be_bytes(), sequence.to_be_bytes());
        let header = [self.request(to), 0, 0, 0, a, b, c, d];
        message.iter_mut().zip(header).for_each(|(slot, byte)| *slot = byte);
    }

    /// The sequence number of an answer to requests with this id.
    pub fn answered(self, from: IpAddress, message: &[u8], id: u16) -> Option<u16> {
        let &[kind, _, _, _, a, b, c, d] = message.first_chunk()?;
        let is_ours = kind == self.reply(from) && u16::from_be_bytes([a, b]) == id;
        is_ours.then_some(u16::from_be_bytes([c, d]))
    }
}

/// An error, and the packet of ours that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote<'a> {
    /// ICMP type.
    pub kind: u8,
    /// ICMP code.
    pub code: u8,
    /// The second word of the header: an MTU, a pointer, a router.
    pub rest: u32,
    /// The protocol of the packet.
    pub protocol: u8,
    /// Where it was to go.
    pub to: IpAddress,
    /// What is quoted of its payload: eight bytes at least, if it had them.
    pub payload: &'a [u8],
}

impl<'a> Quote<'a> {
    /// Reads an error that came `from` there; `None` if it is none.
    pub fn of(from: IpAddress, message: &'a [u8]) -> Option<Self> {
        let &[kind, code, _, _, a, b, c, d] = message.first_chunk()?;
        let rest = u32::from_be_bytes([a, b, c, d]);
        let packet = &message[HEADER_BYTES..];
        let (protocol, to, payload) = match from {
            // RFC 792: unreachable, source quench, redirect, time exceeded, parameter problem.
            IpAddress::Ipv4(_) if matches!(kind, 3 | 4 | 5 | 11 | 12) => {
                let header_bytes = usize::from(packet.first()? & 0x0f) * 4;
                let to = Ipv4Address::from(*packet.get(16..)?.first_chunk::<4>()?);
                (packet[9], to.into(), packet.get(header_bytes.max(20)..)?)
            }
            // RFC 4443: errors have types below 128.
            IpAddress::Ipv6(_) if kind < 128 => {
                let to = Ipv6Address::from(*packet.get(24..)?.first_chunk::<16>()?);
                (packet[6], to.into(), packet.get(40..)?)
            }
            _ => return None,
        };
        Some(Self { kind, code, rest, protocol, to, payload })
    }

    /// True if it tells of a better way (RFC 792), and of no failure.
    pub const fn is_redirect(&self) -> bool {
        matches!((self.to, self.kind), (IpAddress::Ipv4(_), 5))
    }

    /// The sequence number of the request with this id that the error is about.
    pub fn request(&self, ask: Ask, id: u16) -> Option<u16> {
        let &[kind, _, _, _, a, b, c, d] = self.payload.first_chunk()?;
        let is_icmp = matches!(self.protocol, 1 | 58);
        let is_ours = is_icmp && kind == ask.request(self.to) && u16::from_be_bytes([a, b]) == id;
        is_ours.then_some(u16::from_be_bytes([c, d]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTER: IpAddress = IpAddress::v4(192, 0, 2, 254);
    const TARGET: IpAddress = IpAddress::v4(198, 51, 100, 7);

    #[test]
    fn a_request_its_answer_and_an_error_about_it() {
        let mut request = [0; 8];
        Ask::Echo.write(&mut request, TARGET, 0x1234, 7);
        assert_eq!(request, [8, 0, 0, 0, 0x12, 0x34, 0, 7]);
        let mut answer = request;
        answer[0] = 0;
        assert_eq!(Ask::Echo.answered(TARGET, &answer, 0x1234), Some(7));
        assert_eq!(Ask::Echo.answered(TARGET, &answer, 0x1235), None);
        assert_eq!(Ask::Mask.answered(TARGET, &answer, 0x1234), None);
        assert_eq!(Ask::Echo.answered(TARGET, &answer[..7], 0x1234), None);

        let mut error = [0; 36];
        error[0] = 11;
        error[8..28].copy_from_slice(&[
            0x45, 0, 0, 28, 0, 0, 0, 0, 1, 1, 0, 0, 192, 0, 2, 1, 198, 51, 100, 7,
        ]);
        error[28..].copy_from_slice(&request);
        let quote = Quote::of(ROUTER, &error).unwrap();
        assert_eq!((quote.kind, quote.to), (11, TARGET));
        assert_eq!(quote.request(Ask::Echo, 0x1234), Some(7));
        assert_eq!(quote.request(Ask::Mask, 0x1234), None);
        for cut in 0..error.len() {
            let request =
                Quote::of(ROUTER, &error[..cut]).and_then(|q| q.request(Ask::Echo, 0x1234));
            assert_eq!(request, None, "{cut} bytes");
        }
        assert_eq!(Quote::of(ROUTER, &answer), None);
    }
}
