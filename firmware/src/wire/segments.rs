//! TCP's segments in packets: taken out of received ones before the stack sees them, and written
//! into those that are sent.

use smoltcp::phy::DeviceCapabilities;
use smoltcp::wire::{IpProtocol, IpVersion, Ipv4Packet, Ipv6Packet};
use tcp::{Checksum, Ecn, SegmentIn, SegmentOut};

/// Bytes of an IPv4 header without options.
const V4_BYTES: usize = 20;
/// Bytes of an IPv6 header.
const V6_BYTES: usize = 40;

/// Who looks after checksums.
#[derive(Clone, Copy, Debug)]
pub struct Sums {
    /// Those of received IPv4 headers are verified here.
    verify_header: bool,
    /// TCP's, of what is received over IPv4.
    received: Checksum,
    /// TCP's, of what is sent over IPv4.
    sent: Checksum,
    /// TCP's over IPv6, both ways: no device of ours knows it.
    v6: Checksum,
}

fn by(is_software: bool) -> Checksum {
    if is_software { Checksum::Software } else { Checksum::Device }
}

impl Sums {
    /// Nobody: what goes round to ourselves meets no wire.
    pub const LOOP: Self = Self {
        verify_header: false,
        received: Checksum::Device,
        sent: Checksum::Device,
        v6: Checksum::Device,
    };

    /// All here: no device knows the sum of what came in pieces.
    pub const SOFTWARE: Self = Self {
        verify_header: true,
        received: Checksum::Software,
        sent: Checksum::Software,
        v6: Checksum::Software,
    };

    /// As a device says.
    pub fn of(capabilities: &DeviceCapabilities) -> Self {
        let checksum = &capabilities.checksum;
        Self {
            verify_header: checksum.ipv4.rx(),
            received: by(checksum.tcp.rx()),
            sent: by(checksum.tcp.tx()),
            ..Self::SOFTWARE
        }
    }
}

/// The segment that a packet carries, if it is a whole one, and the headers before it are in order.
/// What is in pieces the stack puts together first.
pub fn read(packet: &[u8], sums: Sums) -> Option<SegmentIn<'_>> {
    // smoltcp looks at the first byte without asking whether there is one.
    packet.first()?;
    match IpVersion::of_packet(packet).ok()? {
        IpVersion::Ipv4 => {
            let ip = Ipv4Packet::new_checked(packet).ok()?;
            let is_whole = ip.frag_offset() == 0 && !ip.more_frags();
            let is_ours = ip.next_header() == IpProtocol::Tcp && is_whole;
            if !is_ours || (sums.verify_header && !ip.verify_checksum()) {
                return None;
            }
            Some(SegmentIn {
                source: ip.src_addr().into(),
                destination: ip.dst_addr().into(),
                ecn: Ecn::from_bits(ip.ecn()),
                checksum: sums.received,
                bytes: ip.payload(),
            })
        }
        IpVersion::Ipv6 => {
            let ip = Ipv6Packet::new_checked(packet).ok()?;
            let bytes = match ip.next_header() {
                IpProtocol::Tcp => ip.payload(),
                IpProtocol::HopByHop => behind_options(ip.payload())?,
                _ => return None,
            };
            Some(SegmentIn {
                source: ip.src_addr().into(),
                destination: ip.dst_addr().into(),
                ecn: Ecn::from_bits(ip.traffic_class()),
                checksum: sums.v6,
                bytes,
            })
        }
    }
}

/// What follows a header of hop-by-hop options, if that is TCP, and all options are such that one
/// who does not know them reads on (RFC 8200 4.2). Of others the stack tells the sender.
fn behind_options(payload: &[u8]) -> Option<&[u8]> {
    const PAD_1: u8 = 0;
    /// What to do with an option that is not known; 0: read on.
    const ACTION: u8 = 0b1100_0000;
    let (&next, &len) = (payload.first()?, payload.get(1)?);
    let (header, rest) = payload.split_at_checked((usize::from(len) + 1) * 8)?;
    let mut options = header.get(2..)?;
    while let Some((&kind, after)) = options.split_first() {
        options = match kind {
            PAD_1 => after,
            kind if kind & ACTION != 0 => return None,
            _ => after.get(1 + usize::from(*after.first()?)..)?,
        };
    }
    (IpProtocol::from(next) == IpProtocol::Tcp).then_some(rest)
}

/// Bytes of the packet that carries a segment.
pub fn packet_bytes(segment: &SegmentOut<'_>) -> usize {
    let header = if segment.flow.is_v6() { V6_BYTES } else { V4_BYTES };
    header + segment.length()
}

/// Writes the packet that carries a segment to `out`, which is as long as [`packet_bytes`] says. No
/// router may fragment it (RFC 1191 3), so that it needs no identification (RFC 6864 4.1).
pub fn write(segment: &SegmentOut<'_>, out: &mut [u8], sums: Sums) {
    use core::net::IpAddr::{V4, V6};

    let len = out.len();
    match (segment.flow.local.address, segment.flow.remote.address) {
        (V4(from), V4(to)) => {
            let mut ip = Ipv4Packet::new_unchecked(&mut out[..]);
            ip.set_version(4);
            ip.set_header_len(V4_BYTES as u8);
            ip.set_dscp(segment.diffserv);
            ip.set_ecn(segment.ecn.bits());
            ip.set_total_len(len as u16);
            ip.set_ident(0);
            ip.clear_flags();
            ip.set_dont_frag(true);
            ip.set_more_frags(false);
            ip.set_frag_offset(0);
            ip.set_hop_limit(segment.hop_limit);
            ip.set_next_header(IpProtocol::Tcp);
            ip.set_src_addr(from);
            ip.set_dst_addr(to);
            ip.fill_checksum();
            segment.emit(&mut out[V4_BYTES..], sums.sent);
        }
        (V6(from), V6(to)) => {
            let mut ip = Ipv6Packet::new_unchecked(&mut out[..]);
            ip.set_version(6);
            ip.set_traffic_class(segment.traffic_class());
            ip.set_flow_label(0);
            ip.set_payload_len((len - V6_BYTES) as u16);
            ip.set_next_header(IpProtocol::Tcp);
            ip.set_hop_limit(segment.hop_limit);
            ip.set_src_addr(from);
            ip.set_dst_addr(to);
            segment.emit(&mut out[V6_BYTES..], sums.v6);
        }
        // A flow has both ends of one family.
        _ => {}
    }
}
