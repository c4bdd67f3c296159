//! The memory of all sockets, given by the owner of the firmware.

use core::fmt;

use smoltcp::iface::SocketStorage;
use smoltcp::socket::{raw, udp};
use smoltcp::storage::PacketMetadata;
use tcp::Block;
use tcp::limits::BLOCK_BYTES;

use super::icmp::IcmpHeader;
use super::output::Header;
use super::tcp_host::Tables;
use crate::limits::{
    CAPTURE_FRAMES, DATAGRAM_BYTES_MAX, DHCP_INBOX, DHCP_PACKET_BYTES_MAX, FRAME_BYTES_MAX,
    ICMP_MESSAGES, ICMP_RING_BYTES, ICMP_SOCKETS, NETEM_FRAMES, OUTPUT_PACKETS, RAW_SOCKETS,
    TCP_BLOCKS, UDP_DATAGRAMS, UDP_RING_BYTES, UDP_SOCKETS,
};

/// The rings of all sockets, the DHCP client's packet and the captured frames. All zero, so that as
/// a static it takes no room in the image.
pub struct Buffers {
    /// The rings of all TCP connections.
    pub(super) tcp: [Block; TCP_BLOCKS],
    pub(super) udp_receive: [[u8; UDP_RING_BYTES]; UDP_SOCKETS],
    pub(super) udp_send: [[u8; UDP_RING_BYTES]; UDP_SOCKETS],
    pub(super) icmp: [[u8; ICMP_RING_BYTES]; ICMP_SOCKETS],
    /// What the raw sockets received, before it is handed out.
    pub(super) raw: [[u8; RAW_BYTES]; RAW_SOCKETS],
    /// Messages to be sent.
    pub(super) output: [u8; RAW_BYTES],
    pub(super) dhcp: [u8; DHCP_PACKET_BYTES_MAX],
    pub(super) frames: [[u8; FRAME_BYTES_MAX]; CAPTURE_FRAMES],
    /// Frames that wait at the fault dial.
    pub(super) late: [[u8; FRAME_BYTES_MAX]; NETEM_FRAMES],
}

/// Bytes of a raw socket's ring: a reassembled message with its header, and more.
pub(super) const RAW_BYTES: usize = 2 * DATAGRAM_BYTES_MAX;
/// Packets in a raw socket's ring.
pub(super) const RAW_PACKETS: usize = 16;

impl Default for Buffers {
    fn default() -> Self {
        Self::new()
    }
}

impl Buffers {
    /// All zero.
    pub const fn new() -> Self {
        Self {
            tcp: [[0; BLOCK_BYTES]; TCP_BLOCKS],
            udp_receive: [[0; UDP_RING_BYTES]; UDP_SOCKETS],
            udp_send: [[0; UDP_RING_BYTES]; UDP_SOCKETS],
            icmp: [[0; ICMP_RING_BYTES]; ICMP_SOCKETS],
            raw: [[0; RAW_BYTES]; RAW_SOCKETS],
            output: [0; RAW_BYTES],
            dhcp: [0; DHCP_PACKET_BYTES_MAX],
            frames: [[0; FRAME_BYTES_MAX]; CAPTURE_FRAMES],
            late: [[0; FRAME_BYTES_MAX]; NETEM_FRAMES],
        }
    }
}

impl fmt::Debug for Buffers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Buffers")
    }
}

/// The tables of sockets, and the lists of packets in their rings. Not all zero when empty.
pub struct Sockets {
    pub(super) tcp: Tables,
    /// The stack's: all but TCP's.
    pub(super) table: [SocketStorage<'static>; UDP_SOCKETS + RAW_SOCKETS],
    pub(super) udp: [[[udp::PacketMetadata; UDP_DATAGRAMS]; 2]; UDP_SOCKETS],
    pub(super) raw: [[raw::PacketMetadata; RAW_PACKETS]; RAW_SOCKETS],
    pub(super) output: [PacketMetadata<Header>; OUTPUT_PACKETS],
    pub(super) dhcp: [PacketMetadata<()>; DHCP_INBOX],
    pub(super) icmp: [[PacketMetadata<IcmpHeader>; ICMP_MESSAGES]; ICMP_SOCKETS],
}

impl fmt::Debug for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sockets")
    }
}

/// An empty table.
pub const fn no_sockets() -> Sockets {
    Sockets {
        tcp: Tables::new(),
        table: [SocketStorage::EMPTY; _],
        udp: [[[udp::PacketMetadata::EMPTY; _]; _]; _],
        raw: [[raw::PacketMetadata::EMPTY; _]; _],
        output: [PacketMetadata::EMPTY; _],
        dhcp: [PacketMetadata::EMPTY; _],
        icmp: [[PacketMetadata::EMPTY; _]; _],
    }
}
