//! Every size and count, with its unit.

/// TCP conversations whose first sequence numbers are remembered, so that later ones are printed
/// relative to them. The one that was quiet longest gives way to a new one.
pub const CONVERSATIONS: usize = 64;

/// IP packets within IP packets (tunnels, and the packets that ICMP errors quote) that are printed.
/// A deeper one ends the line with ` [nested too deep]`, which tcpdump does not know.
pub const NESTED_PACKETS: usize = 8;

/// Bytes of a frame that can be given to the dissector: tcpdump's own `MAXIMUM_SNAPLEN`.
pub const FRAME_BYTES_MAX: usize = 262_144;
