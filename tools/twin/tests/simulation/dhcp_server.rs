//! A DHCP server that offers what it is told to, right or wrong (RFC 2131).

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    DhcpMessageType, DhcpPacket, DhcpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, IpAddress, IpProtocol, Ipv4Address, Ipv4Packet, Ipv4Repr, UdpPacket, UdpRepr,
};
use twin::desk::BOARD_MAC;

use crate::packets::{FORGER_MAC, ROUTER};

const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;

/// What is offered.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// The address.
    pub address: Ipv4Address,
    /// The netmask, as the server writes it.
    pub mask: Ipv4Address,
    /// The router.
    pub router: Option<Ipv4Address>,
    /// Seconds of the lease.
    pub lease_seconds: u32,
}

/// The answer to a frame, if it is the board's DISCOVER or REQUEST.
pub fn answer(frame: &[u8], offer: &Offer) -> Option<Vec<u8>> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    let ip = Ipv4Packet::new_checked(frame.payload()).ok()?;
    let udp = (ip.next_header() == IpProtocol::Udp).then(|| ip.payload())?;
    let udp = UdpPacket::new_checked(udp).ok()?;
    let dhcp = (udp.dst_port() == SERVER_PORT).then(|| udp.payload())?;
    let packet = DhcpPacket::new_checked(dhcp).ok()?;
    let question = DhcpRepr::parse(&packet).ok()?;
    let message_type = match question.message_type {
        DhcpMessageType::Discover => DhcpMessageType::Offer,
        DhcpMessageType::Request => DhcpMessageType::Ack,
        _ => return None,
    };
    Some(wrap(&DhcpRepr {
        message_type,
        transaction_id: question.transaction_id,
        secs: 0,
        client_hardware_address: BOARD_MAC,
        client_ip: Ipv4Address::UNSPECIFIED,
        your_ip: offer.address,
        server_ip: ROUTER,
        router: offer.router,
        subnet_mask: Some(offer.mask),
        relay_agent_ip: Ipv4Address::UNSPECIFIED,
        broadcast: true,
        requested_ip: None,
        client_identifier: None,
        server_identifier: Some(ROUTER),
        parameter_request_list: None,
        dns_servers: None,
        max_size: None,
        lease_duration: Some(offer.lease_seconds),
        renew_duration: None,
        rebind_duration: None,
        additional_options: &[],
    }))
}

fn wrap(dhcp: &DhcpRepr<'_>) -> Vec<u8> {
    let broadcast = Ipv4Address::BROADCAST;
    let udp = UdpRepr { src_port: SERVER_PORT, dst_port: CLIENT_PORT };
    let ip = Ipv4Repr {
        src_addr: ROUTER,
        dst_addr: broadcast,
        next_header: IpProtocol::Udp,
        payload_len: udp.header_len() + dhcp.buffer_len(),
        hop_limit: 64,
    };
    let bytes = 14 + ip.buffer_len() + ip.payload_len;
    let mut frame = EthernetFrame::new_unchecked(vec![0; bytes]);
    let ethernet = EthernetRepr {
        src_addr: FORGER_MAC,
        dst_addr: EthernetAddress::BROADCAST,
        ethertype: EthernetProtocol::Ipv4,
    };
    ethernet.emit(&mut frame);
    let checksums = ChecksumCapabilities::default();
    let mut packet = Ipv4Packet::new_unchecked(frame.payload_mut());
    ip.emit(&mut packet, &checksums);
    udp.emit(
        &mut UdpPacket::new_unchecked(packet.payload_mut()),
        &IpAddress::Ipv4(ROUTER),
        &IpAddress::Ipv4(broadcast),
        dhcp.buffer_len(),
        |payload| {
            let mut packet = DhcpPacket::new_unchecked(payload);
            dhcp.emit(&mut packet).expect("the buffer has the length that was asked for");
        },
        &checksums,
    );
    frame.into_inner()
}
