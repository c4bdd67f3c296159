//! The compiled form of an expression, and the machine that runs it.

use core::net::{Ipv4Addr, Ipv6Addr};

use crate::limits::{ARITHMETIC_DEPTH, FILTER_INSTRUCTIONS};

/// Where the EtherType is, and where what it tells of starts; each VLAN tag moves them.
const TYPE_AT: usize = 12;
const PAYLOAD_AT: usize = 14;
pub const TAG_BYTES: u8 = 4;
/// A type field up to this is a length.
const LENGTH_MAX: u32 = 1500;

const TYPE_IP: u32 = 0x0800;
const TYPE_ARP: u32 = 0x0806;
const TYPE_RARP: u32 = 0x8035;
const TYPE_IP6: u32 = 0x86dd;
const TYPES_VLAN: [u32; 3] = [0x8100, 0x88a8, 0x9100];

/// A jump's target that is not yet known.
pub const PENDING: u16 = u16::MAX;

/// Which end of a frame, packet or segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Source,
    Destination,
    Either,
    Both,
}

impl End {
    /// Does `test` hold for the ends that are asked for? It takes whether the end is the source.
    fn test(self, mut test: impl FnMut(bool) -> Option<bool>) -> Option<bool> {
        match self {
            Self::Source => test(true),
            Self::Destination => test(false),
            Self::Either => Some(test(true)? || test(false)?),
            Self::Both => Some(test(true)? && test(false)?),
        }
    }
}

/// Protocols with IPv4 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Ip,
    Arp,
    Rarp,
}

/// What a load's offset counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// The frame's first byte.
    Link,
    /// The payload's first byte.
    Network,
    /// The first byte behind an IPv4 header.
    AboveIp,
    /// The first byte behind an IPv6 header.
    AboveIp6,
}

/// A comparison of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    Greater,
    GreaterOrEqual,
    Equal,
    LessOrEqual,
    Less,
    NotEqual,
}

impl Relation {
    const fn holds(self, left: u32, right: u32) -> bool {
        match self {
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
            Self::Equal => left == right,
            Self::LessOrEqual => left <= right,
            Self::Less => left < right,
            Self::NotEqual => left != right,
        }
    }
}

/// A calculation with two numbers, modulo 2^32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
}

impl Operator {
    /// `None` for a division by zero, which refuses the frame.
    pub fn apply(self, left: u32, right: u32) -> Option<u32> {
        Some(match self {
            Self::Add => left.wrapping_add(right),
            Self::Subtract => left.wrapping_sub(right),
            Self::Multiply => left.wrapping_mul(right),
            Self::Divide => left.checked_div(right)?,
            Self::Remainder => left.checked_rem(right)?,
            Self::And => left & right,
            Self::Or => left | right,
            Self::Xor => left ^ right,
            Self::ShiftLeft => left.checked_shl(right).unwrap_or(0),
            Self::ShiftRight => left.checked_shr(right).unwrap_or(0),
        })
    }
}

/// An instruction. Those that test set the truth; numbers are on a stack.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    /// Is this the EtherType, or the destination's service access point in 802.3?
    Type(u32),
    /// Is this the protocol above IPv4? Above IPv6, also behind a fragment header?
    IpProtocol(u32),
    Ip6Protocol(u32),
    /// Is this the next header of IPv6?
    Ip6Next(u8),
    /// Is it not a later fragment of IPv4?
    FirstFragment,
    /// An IPv4 address under a mask.
    Host {
        family: Family,
        end: End,
        address: Ipv4Addr,
        mask: Ipv4Addr,
    },
    /// An IPv6 address's first bits.
    Host6 {
        end: End,
        address: Ipv6Addr,
        bits: u8,
    },
    /// An Ethernet address.
    Ethernet {
        end: End,
        address: [u8; 6],
    },
    /// A group of Ethernet addresses, broadcast included.
    EthernetGroup,
    /// A port, of one transport protocol or of TCP, UDP and SCTP; in IPv6 or IPv4.
    Port {
        protocol: Option<u8>,
        end: End,
        low: u16,
        high: u16,
    },
    /// Is the destination an IPv4 group? An IPv6 group?
    IpGroup,
    Ip6Group,
    /// Is the destination a network's first or last address under this mask?
    IpBroadcast(Ipv4Addr),
    /// A VLAN tag, of this number.
    Vlan(Option<u16>),
    /// The frame's length on the wire.
    FrameLength(Relation, u32),
    /// Turns the truth around.
    Not,
    /// Goes on at an instruction further down if the truth is this.
    JumpIf(bool, u16),
    /// Puts a number on the stack.
    Push(u32),
    /// Puts the frame's length on the stack.
    PushLength,
    /// Replaces the offset on the stack by the number of so many bytes there.
    Load {
        base: Base,
        size: u8,
    },
    /// Replaces two numbers by the result.
    Calculate(Operator),
    /// Negates the number on the stack.
    Negate,
    /// Takes two numbers off the stack and sets the truth.
    Compare(Relation),
}

/// An instruction, and by how many bytes of VLAN tags its places are moved.
#[derive(Clone, Copy, Debug)]
struct Instruction {
    op: Op,
    tags: u8,
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Program {
    instructions: [Instruction; FILTER_INSTRUCTIONS],
    length: usize,
}

impl Program {
    /// Without instructions: accepts all frames.
    pub const fn new() -> Self {
        let nothing = Instruction { op: Op::Not, tags: 0 };
        Self { instructions: [nothing; FILTER_INSTRUCTIONS], length: 0 }
    }

    /// How many instructions there are.
    pub const fn length(&self) -> usize {
        self.length
    }

    /// Adds an instruction; its index, or `None` if there is no more room.
    pub fn push(&mut self, op: Op, tags: u8) -> Option<usize> {
        let index = self.length;
        *self.instructions.get_mut(index)? = Instruction { op, tags };
        self.length += 1;
        Some(index)
    }

    /// Lets the jumps from `index` on that lead to [`PENDING`] lead to the next instruction to be
    /// added.
    pub fn land(&mut self, index: usize) {
        let here = self.length as u16;
        for instruction in self.instructions.iter_mut().take(self.length).skip(index) {
            if let Op::JumpIf(_, target @ PENDING) = &mut instruction.op {
                *target = here;
            }
        }
    }

    /// Is a frame accepted?
    pub fn run(&self, bytes: &[u8], length: usize) -> bool {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.try_run(Machine { bytes, length, truth: true, stack: Stack::default() })
            .unwrap_or(false)
    }

    /// `None` if the frame ends before what is asked for.
    fn try_run(&self, mut machine: Machine<'_>) -> Option<bool> {
        let mut next = 0;
        while let Some(Instruction { op, tags }) = self.instructions.get(..self.length)?.get(next) {
            next += 1;
            match *op {
                // Jumps lead forwards only: the program comes to an end.
                Op::JumpIf(when, target) if machine.truth == when => {
                    next = next.max(target.into());
                }
                op => machine.step(op, usize::from(*tags))?,
            }
        }
        Some(machine.truth)
    }
}

/// Numbers being calculated with.
#[derive(Default)]
struct Stack {
    numbers: [u32; ARITHMETIC_DEPTH],
    height: usize,
}

impl Stack {
    fn push(&mut self, number: u32) -> Option<()> {
        *self.numbers.get_mut(self.height)? = number;
        self.height += 1;
        Some(())
    }

    fn pop(&mut self) -> Option<u32> {
        self.height = self.height.checked_sub(1)?;
        self.numbers.get(self.height).copied()
    }
}

/// A frame and what is known of it.
struct Machine<'a> {
    bytes: &'a [u8],
    length: u32,
    truth: bool,
    stack: Stack,
}

impl Machine<'_> {
    /// `size` bytes as a number.
    fn load(&self, at: usize, size: usize) -> Option<u32> {
        let bytes = self.bytes.get(at..at.checked_add(size)?)?;
        Some(bytes.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)))
    }

    fn step(&mut self, op: Op, tags: usize) -> Option<()> {
        match op {
            Op::Not => self.truth = !self.truth,
            Op::JumpIf(..) => {}
            Op::Push(number) => self.stack.push(number)?,
            Op::PushLength => self.stack.push(self.length)?,
            Op::Load { base, size } => {
                let offset = self.stack.pop()?;
                let base = match base {
                    Base::Link => 0,
                    Base::Network => PAYLOAD_AT + tags,
                    Base::AboveIp => self.above_ip(PAYLOAD_AT + tags)?,
                    Base::AboveIp6 => PAYLOAD_AT + tags + 40,
                };
                // As in the machine of libpcap: sums above 32 bits wrap, and find nothing.
                let at = usize::try_from(offset).ok()?.checked_add(base)?;
                self.stack.push(self.load(at, size.into())?)?;
            }
            Op::Calculate(operator) => {
                let right = self.stack.pop()?;
                let left = self.stack.pop()?;
                self.stack.push(operator.apply(left, right)?)?;
            }
            Op::Negate => {
                let number = self.stack.pop()?;
                self.stack.push(number.wrapping_neg())?;
            }
            Op::Compare(relation) => {
                let right = self.stack.pop()?;
                let left = self.stack.pop()?;
                self.truth = relation.holds(left, right);
            }
            test => self.truth = self.test(test, tags)?,
        }
        Some(())
    }

    /// Where what is above IPv4 starts.
    fn above_ip(&self, payload_at: usize) -> Option<usize> {
        let header_bytes = (self.load(payload_at, 1)? & 0x0f) * 4;
        Some(payload_at + header_bytes as usize)
    }

    fn test(&self, op: Op, tags: usize) -> Option<bool> {
        let payload_at = PAYLOAD_AT + tags;
        let is_type = |wanted| self.is_type(wanted, tags);
        Some(match op {
            Op::Type(wanted) => is_type(wanted)?,
            Op::IpProtocol(number) => is_type(TYPE_IP)? && self.load(payload_at + 9, 1)? == number,
            Op::Ip6Protocol(number) => {
                const FRAGMENT: u32 = 44;
                is_type(TYPE_IP6)? && {
                    let next = self.load(payload_at + 6, 1)?;
                    next == number || (next == FRAGMENT && self.load(payload_at + 40, 1)? == number)
                }
            }
            Op::Ip6Next(number) => self.load(payload_at + 6, 1)? == number.into(),
            Op::FirstFragment => self.load(payload_at + 6, 2)? & 0x1fff == 0,
            Op::Host { family, end, address, mask } => {
                let (kind, source_at, destination_at) = match family {
                    Family::Ip => (TYPE_IP, 12, 16),
                    Family::Arp => (TYPE_ARP, 14, 24),
                    Family::Rarp => (TYPE_RARP, 14, 24),
                };
                is_type(kind)?
                    && end.test(|is_source| {
                        let at = if is_source { source_at } else { destination_at };
                        Some(self.load(payload_at + at, 4)? & mask.to_bits() == address.to_bits())
                    })?
            }
            Op::Host6 { end, address, bits } => {
                is_type(TYPE_IP6)?
                    && end.test(|is_source| {
                        let at = payload_at + if is_source { 8 } else { 24 };
                        self.has_prefix(at, address, bits)
                    })?
            }
            Op::Ethernet { end, address } => end.test(|is_source| {
                let at = if is_source { 6 } else { 0 };
                self.has_ethernet(at, address)
            })?,
            Op::EthernetGroup => self.load(0, 1)? & 1 != 0,
            Op::Port { protocol, end, low, high } => {
                let ports = u32::from(low)..=u32::from(high);
                let ports_at = if is_type(TYPE_IP6)? {
                    has_ports(protocol, self.load(payload_at + 6, 1)?).then_some(payload_at + 40)
                } else if is_type(TYPE_IP)?
                    && has_ports(protocol, self.load(payload_at + 9, 1)?)
                    && self.load(payload_at + 6, 2)? & 0x1fff == 0
                {
                    Some(self.above_ip(payload_at)?)
                } else {
                    None
                };
                let Some(ports_at) = ports_at else { return Some(false) };
                end.test(|is_source| {
                    let at = ports_at + if is_source { 0 } else { 2 };
                    Some(ports.contains(&self.load(at, 2)?))
                })?
            }
            Op::IpGroup => is_type(TYPE_IP)? && self.load(payload_at + 16, 1)? >= 224,
            Op::Ip6Group => is_type(TYPE_IP6)? && self.load(payload_at + 24, 1)? == 255,
            Op::IpBroadcast(mask) => {
                is_type(TYPE_IP)? && {
                    let hosts = !mask.to_bits();
                    let host = self.load(payload_at + 16, 4)? & hosts;
                    host == 0 || host == hosts
                }
            }
            Op::Vlan(number) => {
                TYPES_VLAN.contains(&self.load(TYPE_AT + tags, 2)?)
                    && match number {
                        None => true,
                        Some(number) => self.load(payload_at, 2)? & 0x0fff == u32::from(number),
                    }
            }
            Op::FrameLength(relation, length) => relation.holds(self.length, length),
            Op::Not
            | Op::JumpIf(..)
            | Op::Push(_)
            | Op::PushLength
            | Op::Load { .. }
            | Op::Calculate(_)
            | Op::Negate
            | Op::Compare(_) => return None,
        })
    }

    /// Is this what the frame carries?
    fn is_type(&self, wanted: u32, tags: usize) -> Option<bool> {
        const ISO: u32 = 0xfe;
        const IP: u32 = 0x06;
        const NETBEUI: u32 = 0xf0;
        const IPX: u32 = 0xe0;
        const TYPE_IPX: u32 = 0x8137;
        const ATALK: u32 = 0x809b;
        const AARP: u32 = 0x80f3;
        let field = self.load(TYPE_AT + tags, 2)?;
        let is_length = field <= LENGTH_MAX;
        let payload_at = PAYLOAD_AT + tags;
        Some(match wanted {
            ISO | IP | NETBEUI => is_length && self.load(payload_at, 2)? == (wanted << 8 | wanted),
            IPX => {
                let snap = || self.is_snap(payload_at, 0, TYPE_IPX);
                field == TYPE_IPX
                    || (is_length
                        && (snap()?
                            || self.load(payload_at, 1)? == IPX
                            || self.load(payload_at, 2)? == 0xffff))
            }
            ATALK => {
                field == wanted || (is_length && self.is_snap(payload_at, 0x08_0007, wanted)?)
            }
            AARP => field == wanted || (is_length && self.is_snap(payload_at, 0, wanted)?),
            0..=LENGTH_MAX => is_length && self.load(payload_at, 1)? == wanted,
            _ => field == wanted,
        })
    }

    /// A protocol of an organization behind a SNAP header.
    fn is_snap(&self, at: usize, organization: u32, protocol: u32) -> Option<bool> {
        let start = 0xaaaa_0300 | organization >> 16;
        let end = (organization & 0xffff) << 16 | protocol;
        Some(self.load(at, 4)? == start && self.load(at + 4, 4)? == end)
    }

    fn has_ethernet(&self, at: usize, address: [u8; 6]) -> Option<bool> {
        Some(self.bytes.get(at..at + 6)? == address)
    }

    fn has_prefix(&self, at: usize, address: Ipv6Addr, bits: u8) -> Option<bool> {
        let words = address.to_bits().to_be_bytes();
        for (index, word) in words.chunks(4).enumerate() {
            let bits = u32::from(bits).saturating_sub(index as u32 * 32).min(32);
            if bits == 0 {
                break;
            }
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            let wanted = word.iter().fold(0, |number, &byte| number << 8 | u32::from(byte));
            if self.load(at + index * 4, 4)? & mask != wanted {
                return Some(false);
            }
        }
        Some(true)
    }
}

/// Has this protocol the ports that are asked for?
fn has_ports(wanted: Option<u8>, protocol: u32) -> bool {
    const TCP: u32 = 6;
    const UDP: u32 = 17;
    const SCTP: u32 = 132;
    match wanted {
        Some(wanted) => protocol == u32::from(wanted),
        None => [TCP, UDP, SCTP].contains(&protocol),
    }
}
