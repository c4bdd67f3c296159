//! What the pieces of a conversation are, for the targets whose inputs are conversations.

/// Target `dhcp_client`.
pub mod dhcp_client {
    /// What a server sends, as UDP carries it.
    pub const HEARD: u8 = 0;
    /// Time that passes: two bytes, little endian, in units of 100 ms.
    pub const WAIT: u8 = 1;
    /// A new link.
    pub const RESTART: u8 = 2;
    /// The lease is to be renewed.
    pub const RENEW: u8 = 3;
    /// The lease is given back.
    pub const RELEASE: u8 = 4;
    /// Somebody else has the address.
    pub const DECLINE: u8 = 5;
}

/// Target `guard`.
pub mod guard {
    /// A frame that comes.
    pub const RECEIVED: u8 = 0;
    /// A frame that is sent.
    pub const SENT: u8 = 1;
    /// Milliseconds that pass: two bytes, little endian.
    pub const WAIT: u8 = 2;
}

/// Target `mdns_responder`.
pub mod mdns_responder {
    /// A neighbour's message.
    pub const HEARD: u8 = 0;
    /// The message of a client that speaks no mDNS, from a port of its own.
    pub const LEGACY: u8 = 1;
    /// Time that passes: two bytes, little endian, in ms.
    pub const WAIT: u8 = 2;
    /// Our addresses change: an IPv4 address, unless the first byte is 0, and so many of IPv6.
    pub const ADDRESSES: u8 = 3;
    /// We leave.
    pub const GOODBYE: u8 = 4;
}

/// Target `tcp`. The first byte of a piece says which peer, of [`PEERS`](tcp::PEERS), if nothing
/// else is said.
pub mod tcp {
    /// A segment of a peer: bytes of data as two bytes, little endian, then its header, whose
    /// numbers count from both sides' first ones (see [`segment`](crate::segment)). With [`NEXT`]
    /// in the peer's byte they count from what is expected next.
    pub const SEGMENT: u8 = 0;
    /// Time that passes: milliseconds, up to four bytes, little endian. No peer.
    pub const WAIT: u8 = 1;
    /// A connection is opened.
    pub const CONNECT: u8 = 2;
    /// A connection is accepted, whoever's it is. No peer.
    pub const ACCEPT: u8 = 3;
    /// So many bytes are written: two bytes, little endian.
    pub const WRITE: u8 = 4;
    /// So many bytes are read: two bytes, little endian.
    pub const READ: u8 = 5;
    /// The end of what is written.
    pub const CLOSE: u8 = 6;
    /// The connection is reset.
    pub const ABORT: u8 = 7;
    /// Nobody holds the connection any more.
    pub const GIVE_BACK: u8 = 8;
    /// An ICMP error: its kind, the sequence number as in a segment, the MTU, four bytes each but
    /// for the kind, little endian.
    pub const ICMP: u8 = 9;
    /// The device takes so many segments, then none: one byte. No peer.
    pub const REFUSE: u8 = 10;
    /// Choices for the connection: see the target.
    pub const CHOOSE: u8 = 11;

    /// The script that the input is, in words: the target passes it over.
    pub const NAME: u8 = 12;

    /// Peers there are.
    pub const PEERS: usize = 4;
    /// Numbers count from what is expected next.
    pub const NEXT: u8 = 0x80;
}

/// Target `usbredir_server`.
pub mod usbredir_server {
    /// Bytes of the guest, as they are.
    pub const BYTES: u8 = 0;
    /// Time that passes: two bytes, little endian, in units of 50 us.
    pub const WAIT: u8 = 1;
    /// A frame from the wire.
    pub const FRAME: u8 = 2;
    /// The device is pulled out.
    pub const UNPLUG: u8 = 3;
    /// The device is plugged in.
    pub const PLUG: u8 = 4;
    /// The guest is about to restart.
    pub const HOLD: u8 = 5;
    /// A new connection.
    pub const CONNECT: u8 = 6;
    /// The cable: out if the byte is 0.
    pub const CABLE: u8 = 7;
    /// A fault, in words.
    pub const FAULT: u8 = 8;
    /// A message of the guest, whose head is made for it: type (200 and above: 100 and above), id,
    /// body.
    pub const MESSAGE: u8 = 9;
}
