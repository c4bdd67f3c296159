//! Single frames of the first peer, which no stack would send by itself.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, Icmpv4Packet, Icmpv4Repr, IpAddress, IpProtocol, Ipv4Address, Ipv4Packet,
    Ipv4Repr, TcpPacket, TcpRepr,
};
use twin::desk::{BOARD, BOARD_MAC, PEER};

/// The Ethernet address of a peer that is no stack. Its IPv4 address is [`FORGER`].
pub const FORGER_MAC: EthernetAddress = EthernetAddress([0x02, 0xba, 0x5e, 0, 9, 9]);
/// Its address.
pub const FORGER: Ipv4Address = Ipv4Address::new(192, 168, 77, 99);

const ECHO_IDENTIFIER: u16 = 0x1d1d;

fn ethernet(to: EthernetAddress, kind: EthernetProtocol, bytes: usize) -> EthernetFrame<Vec<u8>> {
    let repr = EthernetRepr { src_addr: FORGER_MAC, dst_addr: to, ethertype: kind };
    let mut frame = EthernetFrame::new_unchecked(vec![0; 14 + bytes]);
    repr.emit(&mut frame);
    frame
}

fn arp(operation: ArpOperation, to: EthernetAddress, target: Ipv4Address) -> Vec<u8> {
    let repr = ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: FORGER_MAC,
        source_protocol_addr: FORGER,
        target_hardware_addr: to,
        target_protocol_addr: target,
    };
    let mut frame = ethernet(to, EthernetProtocol::Arp, repr.buffer_len());
    repr.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
    frame.into_inner()
}

/// Who has the board's address?
pub fn arp_request() -> Vec<u8> {
    arp(ArpOperation::Request, EthernetAddress::BROADCAST, BOARD)
}

/// The forger has its address.
pub fn arp_reply() -> Vec<u8> {
    arp(ArpOperation::Reply, BOARD_MAC, BOARD)
}

/// An ARP packet, if this frame is one.
pub fn read_arp(frame: &[u8]) -> Option<ArpRepr> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    let arp = (frame.ethertype() == EthernetProtocol::Arp).then(|| frame.payload())?;
    ArpRepr::parse(&ArpPacket::new_checked(arp).ok()?).ok()
}

/// The board's answer to [`arp_request`].
pub fn is_arp_reply(frame: &[u8]) -> Option<()> {
    let ArpRepr::EthernetIpv4 { operation, source_protocol_addr, source_hardware_addr, .. } =
        read_arp(frame)?
    else {
        return None;
    };
    let ours = source_protocol_addr == BOARD && source_hardware_addr == BOARD_MAC;
    (operation == ArpOperation::Reply && ours).then_some(())
}

/// A question for the forger's address, which must be answered before the board can talk to it.
pub fn asks_for_forger(frame: &[u8]) -> bool {
    matches!(
        read_arp(frame),
        Some(ArpRepr::EthernetIpv4 { operation: ArpOperation::Request, target_protocol_addr, .. })
            if target_protocol_addr == FORGER
    )
}

/// An IPv4 frame from the forger to the board.
fn ipv4(protocol: IpProtocol, payload: &[u8]) -> Vec<u8> {
    let repr = Ipv4Repr {
        src_addr: FORGER,
        dst_addr: BOARD,
        next_header: protocol,
        payload_len: payload.len(),
        hop_limit: 64,
    };
    let mut frame = ethernet(BOARD_MAC, EthernetProtocol::Ipv4, repr.buffer_len() + payload.len());
    let mut packet = Ipv4Packet::new_unchecked(frame.payload_mut());
    repr.emit(&mut packet, &ChecksumCapabilities::default());
    packet.payload_mut().copy_from_slice(payload);
    frame.into_inner()
}

/// The IPv4 payload of a frame from the board to the forger.
pub fn read_ipv4(frame: &[u8], protocol: IpProtocol) -> Option<Vec<u8>> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    if frame.ethertype() != EthernetProtocol::Ipv4 || frame.dst_addr() != FORGER_MAC {
        return None;
    }
    let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
    let ours = packet.dst_addr() == FORGER && packet.next_header() == protocol;
    (ours && packet.verify_checksum()).then(|| packet.payload().to_vec())
}

/// An echo request of the forger.
pub fn echo_request(data: &[u8]) -> Vec<u8> {
    let repr = Icmpv4Repr::EchoRequest { ident: ECHO_IDENTIFIER, seq_no: 1, data };
    let mut bytes = vec![0; repr.buffer_len()];
    let mut packet = Icmpv4Packet::new_unchecked(&mut bytes[..]);
    repr.emit(&mut packet, &ChecksumCapabilities::default());
    ipv4(IpProtocol::Icmp, &bytes)
}

/// An ICMP message of the forger, from its type on.
pub fn icmp(message: &[u8]) -> Vec<u8> {
    let mut bytes = message.to_vec();
    bytes[2..4].fill(0);
    let sum = !smoltcp::wire::checksum::data(&bytes);
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    ipv4(IpProtocol::Icmp, &bytes)
}

/// True if this is the answer to [`echo_request`] with this data.
pub fn is_echo_reply(frame: &[u8], expected: &[u8]) -> bool {
    let Some(bytes) = read_ipv4(frame, IpProtocol::Icmp) else { return false };
    let Ok(packet) = Icmpv4Packet::new_checked(&bytes) else { return false };
    matches!(
        Icmpv4Repr::parse(&packet, &ChecksumCapabilities::default()),
        Ok(Icmpv4Repr::EchoReply { ident: ECHO_IDENTIFIER, data, .. }) if data == expected
    )
}

/// A TCP segment of the forger.
pub fn tcp(repr: &TcpRepr<'_>) -> Vec<u8> {
    let mut bytes = vec![0; repr.buffer_len()];
    let mut packet = TcpPacket::new_unchecked(&mut bytes[..]);
    let (from, to) = (IpAddress::Ipv4(FORGER), IpAddress::Ipv4(BOARD));
    repr.emit(&mut packet, &from, &to, &ChecksumCapabilities::default());
    ipv4(IpProtocol::Tcp, &bytes)
}

/// What the tests look at in a segment.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Sequence number.
    pub sequence: i32,
    /// SYN, FIN and RST count.
    pub syn: bool,
    /// The sender has no more data.
    pub fin: bool,
    /// Payload.
    pub data: Vec<u8>,
}

/// A TCP segment from the board to the forger.
pub fn read_tcp(frame: &[u8]) -> Option<Segment> {
    let bytes = read_ipv4(frame, IpProtocol::Tcp)?;
    let packet = TcpPacket::new_checked(&bytes).ok()?;
    let (from, to) = (IpAddress::Ipv4(BOARD), IpAddress::Ipv4(FORGER));
    assert!(packet.verify_checksum(&from, &to), "the board sent a bad TCP checksum");
    let data = packet.payload().to_vec();
    Some(Segment { sequence: packet.seq_number().0, syn: packet.syn(), fin: packet.fin(), data })
}

/// The address of the first peer, the board's router.
pub const ROUTER: Ipv4Address = PEER;
