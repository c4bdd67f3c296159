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
