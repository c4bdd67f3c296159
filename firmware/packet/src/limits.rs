//! Every size and count, with its unit.

/// TCP conversations whose first sequence numbers are remembered, so that later ones are printed
/// relative to them. The one that was quiet longest gives way to a new one.
pub const CONVERSATIONS: usize = 64;

/// IP packets within IP packets (tunnels, and the packets that ICMP errors quote) that are printed.
/// A deeper one ends the line with ` [nested too deep]`, which tcpdump does not know.
pub const NESTED_PACKETS: usize = 8;

/// Bytes of a frame that can be given to the dissector: tcpdump's own `MAXIMUM_SNAPLEN`.
pub const FRAME_BYTES_MAX: usize = 262_144;

/// Interfaces of a pcapng file that is read.
pub const SAVEFILE_INTERFACES: usize = 16;

/// Instructions of a compiled filter expression: a primitive takes one to three, `and` and `or` one
/// each.
pub const FILTER_INSTRUCTIONS: usize = 128;

/// Parentheses and `not` within each other in a filter expression.
pub const FILTER_DEPTH: usize = 16;

/// Numbers that a calculation in a filter expression keeps at a time.
pub const ARITHMETIC_DEPTH: usize = FILTER_DEPTH + 2;

/// Instructions of one calculation with a comparison.
pub const ARITHMETIC_INSTRUCTIONS: usize = 32;

/// Addresses of a host that a filter compares with.
pub const HOST_ADDRESSES: usize = 4;
