//! What is in a frame, to be changed, and checksums made right again.

use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, Icmpv4Packet, Icmpv6Packet, IpAddress, IpProtocol, Ipv4Packet,
    Ipv6Packet, TcpPacket, UdpPacket,
};

/// An unfragmented TCP segment of a frame, and its addresses.
#[derive(Debug)]
pub struct Segment<'a> {
    /// The segment.
    pub tcp: TcpPacket<&'a mut [u8]>,
    /// Who sent it.
    pub from: IpAddress,
    /// To whom.
    pub to: IpAddress,
}

/// The TCP segment in a frame, if there is one.
pub fn segment(frame: &mut [u8]) -> Option<Segment<'_>> {
    let Transport { protocol, bytes, from, to } = transport(frame)?;
    let tcp = (protocol == IpProtocol::Tcp).then(|| TcpPacket::new_checked(bytes).ok())??;
    Some(Segment { tcp, from, to })
}

/// Makes all checksums of a frame right, as `tcprewrite --fixcsum` does; those of fragments stay.
pub fn mend(frame: &mut [u8]) {
    if let Some(mut ip) = ipv4(frame) {
        ip.fill_checksum();
    }
    let Some(Transport { protocol, bytes, from, to }) = transport(frame) else { return };
    // What is too short for its header has no checksum.
    match (protocol, from, to) {
        (IpProtocol::Tcp, ..) => {
            TcpPacket::new_checked(bytes).iter_mut().for_each(|tcp| tcp.fill_checksum(&from, &to));
        }
        (IpProtocol::Udp, ..) => {
            UdpPacket::new_checked(bytes).iter_mut().for_each(|udp| udp.fill_checksum(&from, &to));
        }
        (IpProtocol::Icmp, ..) => {
            Icmpv4Packet::new_checked(bytes).iter_mut().for_each(Icmpv4Packet::fill_checksum);
        }
        (IpProtocol::Icmpv6, IpAddress::Ipv6(from), IpAddress::Ipv6(to)) => {
            let mut icmp = Icmpv6Packet::new_checked(bytes);
            icmp.iter_mut().for_each(|icmp| icmp.fill_checksum(&from, &to));
        }
        _ => {}
    }
}

/// What an unfragmented IP packet carries.
struct Transport<'a> {
    protocol: IpProtocol,
    bytes: &'a mut [u8],
    from: IpAddress,
    to: IpAddress,
}

/// Bytes of an Ethernet header.
const ETHERNET_BYTES: usize = EthernetFrame::<&[u8]>::header_len();

fn ethertype(frame: &[u8]) -> Option<EthernetProtocol> {
    Some(EthernetFrame::new_checked(frame).ok()?.ethertype())
}

fn ipv4(frame: &mut [u8]) -> Option<Ipv4Packet<&mut [u8]>> {
    (ethertype(frame)? == EthernetProtocol::Ipv4).then_some(())?;
    Ipv4Packet::new_checked(&mut frame[ETHERNET_BYTES..]).ok()
}

fn transport(frame: &mut [u8]) -> Option<Transport<'_>> {
    let (protocol, from, to, header_bytes, packet_bytes) = match ethertype(frame)? {
        EthernetProtocol::Ipv4 => {
            let ip = Ipv4Packet::new_checked(&frame[ETHERNET_BYTES..]).ok()?;
            let is_whole = !ip.more_frags() && ip.frag_offset() == 0;
            let (from, to) = (ip.src_addr().into(), ip.dst_addr().into());
            let sizes = (usize::from(ip.header_len()), usize::from(ip.total_len()));
            is_whole.then(|| (ip.next_header(), from, to, sizes.0, sizes.1))?
        }
        EthernetProtocol::Ipv6 => {
            let ip = Ipv6Packet::new_checked(&frame[ETHERNET_BYTES..]).ok()?;
            let (from, to) = (ip.src_addr().into(), ip.dst_addr().into());
            (ip.next_header(), from, to, ip.header_len(), ip.total_len())
        }
        _ => return None,
    };
    let bytes = frame.get_mut(ETHERNET_BYTES + header_bytes..ETHERNET_BYTES + packet_bytes)?;
    Some(Transport { protocol, bytes, from, to })
}
