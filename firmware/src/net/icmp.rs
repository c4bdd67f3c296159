//! ICMP as `ping` and `traceroute` see it: every message to us, version 4 and 6, but for the echo
//! requests that the stack answers.
//!
//! smoltcp's own ICMP sockets pass on echo replies of one identifier, or errors about one port, and
//! miss those that quote little; so messages are taken from raw sockets, reassembled already, and
//! handed to everybody who listens.

use core::future::poll_fn;
use core::task::{Context, Poll};
use core::time::Duration;

use embassy_sync::waitqueue::WakerRegistration;
use smoltcp::iface::{Interface, SocketHandle, SocketSet};
use smoltcp::socket::raw;
use smoltcp::storage::{PacketBuffer, PacketMetadata};
use smoltcp::wire::{
    Icmpv6Packet, IpAddress, IpEndpoint, IpVersion, Ipv4Address, Ipv4Packet, Ipv6Packet, checksum,
};

use super::error::{IcmpError, NetError};
use super::output::{Ends, Output, Send};
use super::stack::Stack;
use super::tables::{Protocol, SocketInfo, SocketState};
use super::tcp_host::TcpHost;
use super::udp::UdpPool;
use crate::clock::UnixTime;
use crate::limits::{DATAGRAM_BYTES_MAX, ICMP_MESSAGES, ICMP_RING_BYTES, ICMP_SOCKETS};
use crate::system::System;

/// Bytes of the longest message that can be sent: a datagram less the IP header.
pub const ICMP_BYTES_MAX: usize = DATAGRAM_BYTES_MAX - 20;

/// An ICMP socket. Dropping it closes it.
#[derive(Debug)]
pub struct IcmpSocket {
    system: &'static System,
    slot: usize,
}

/// A message that was received, from its type on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpReceived {
    /// Bytes of it that are in the buffer; the rest of a longer one is lost.
    pub len: usize,
    /// Bytes of all of it.
    pub original_len: usize,
    /// Who sent it: ourselves, when a neighbour does not answer.
    pub from: IpAddress,
    /// The hop limit (TTL) it arrived with.
    pub hop_limit: u8,
    /// When it was received, since start.
    pub at: Duration,
    /// Messages that were lost before it, since nobody read them in time.
    pub missed: u32,
}

/// What is kept of a message besides its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct IcmpHeader {
    pub from: IpAddress,
    pub hop_limit: u8,
    pub at: Duration,
}

impl System {
    /// Opens an ICMP socket for `owner`, a name that `netstat` shows.
    ///
    /// # Errors
    /// [`NetError::NoSockets`] if all are in use.
    pub fn icmp(&'static self, owner: &'static str) -> Result<IcmpSocket, NetError> {
        let slot = self.stack.borrow_mut().icmp.open(owner).ok_or(NetError::NoSockets)?;
        Ok(IcmpSocket { system: self, slot })
    }
}

impl IcmpSocket {
    /// Sends a message, from its type on; its checksum is filled in.
    ///
    /// # Errors
    /// [`NetError::NetworkUnreachable`] if no route leads there, [`NetError::MessageTooLong`] if
    /// the message is longer than [`ICMP_BYTES_MAX`], or than the MTU and may not be fragmented;
    /// [`NetError::Invalid`] if it is shorter than a type, a code and a checksum.
    pub async fn send(&self, to: IpAddress, message: &[u8], options: Send) -> Result<(), NetError> {
        poll_fn(|context| {
            let mut stack = self.system.stack.borrow_mut();
            let sent = stack.icmp_send(to, message, options, context);
            if sent.is_ready() {
                stack.note_work();
            }
            sent
        })
        .await
    }

    /// Waits for a message.
    pub async fn receive(&self, buffer: &mut [u8]) -> IcmpReceived {
        poll_fn(|context| {
            let mut stack = self.system.stack.borrow_mut();
            stack.icmp.receive(self.slot, buffer, context)
        })
        .await
    }
}

impl Drop for IcmpSocket {
    fn drop(&mut self) {
        self.system.stack.borrow_mut().icmp.slots[self.slot].owner = None;
    }
}

impl Stack {
    fn icmp_send(
        &mut self,
        to: IpAddress,
        message: &[u8],
        options: Send,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), NetError>> {
        let source = match self.link.source_for(&to) {
            Ok(source) => source,
            Err(error) => return Poll::Ready(Err(error)),
        };
        match Ends::of(source, to) {
            Some(ends) => self.output.poll_icmp(ends, options, message, context),
            None => Poll::Ready(Err(NetError::NoAddress)),
        }
    }
}

/// Whom received messages may concern.
pub(super) struct Hearers<'a> {
    pub raw: &'a [SocketHandle],
    pub icmp: &'a mut IcmpPool,
    pub udp: &'a mut UdpPool,
    pub tcp: &'a mut TcpHost,
    pub output: &'a mut Output,
    /// What timestamp requests are answered with.
    pub clock: Option<UnixTime>,
    /// What address mask requests are answered with, if they are.
    pub mask: Option<Ipv4Address>,
}

impl Hearers<'_> {
    /// Hands out what the raw sockets took since this was last called: messages to who listens,
    /// errors to who caused them.
    pub fn distribute(
        &mut self,
        now: Duration,
        interface: &Interface,
        sockets: &mut SocketSet<'static>,
    ) {
        for &handle in self.raw {
            // Bounded: the ring holds RAW_PACKETS. An error is looked at when its packet is read,
            // since both the packet and the sockets that it may concern are in the set.
            while sockets.get::<raw::Socket>(handle).can_recv() {
                let socket = sockets.get_mut::<raw::Socket>(handle);
                let Some(message) = socket.recv().ok().and_then(Message::of) else { continue };
                if !interface.has_ip_addr(message.to) || message.is_echo_request() {
                    continue;
                }
                if let Some(answer) = answer(now, self.clock, self.mask, &message)
                    && let Some(ends) = Ends::of(message.to, message.from)
                {
                    // Without room it is lost: whoever asks in vain asks again.
                    let _ = self.output.icmp(ends, Send::default(), &answer);
                }
                let Message { from, hop_limit, bytes, .. } = message;
                self.icmp.deliver(IcmpHeader { from, hop_limit, at: now }, bytes);
                if let Some(error) = IcmpError::parse(from, bytes)
                    && interface.has_ip_addr(error.local.addr)
                {
                    self.udp.icmp_error(sockets, &error);
                    self.tcp.icmp_error(now, &error);
                }
            }
        }
    }
}

/// The answer to a question that the stack does not answer: for the time (RFC 792), or for the
/// netmask (RFC 950 appendix I). The guard limits how many there are.
fn answer(
    now: Duration,
    clock: Option<UnixTime>,
    mask: Option<Ipv4Address>,
    message: &Message<'_>,
) -> Option<heapless::Vec<u8, 20>> {
    const TIMESTAMP: u8 = 13;
    const MASK: u8 = 17;
    /// RFC 792: the time is not that of the day.
    const NONSTANDARD: u32 = 1 << 31;
    const DAY_MILLIS: u128 = 24 * 60 * 60 * 1000;
    let IpAddress::Ipv4(_) = message.from else { return None };
    match message.bytes {
        [TIMESTAMP, 0, _, _, rest @ ..] if rest.len() >= 16 => {
            let time = match clock {
                Some(clock) => (clock.since_1970().as_millis() % DAY_MILLIS) as u32,
                None => now.as_millis() as u32 | NONSTANDARD,
            };
            let mut answer = heapless::Vec::from_slice(&[TIMESTAMP + 1, 0, 0, 0]).ok()?;
            answer.extend_from_slice(&rest[..8]).ok()?;
            answer.extend_from_slice(&time.to_be_bytes()).ok()?;
            answer.extend_from_slice(&time.to_be_bytes()).ok()?;
            Some(answer)
        }
        [MASK, 0, _, _, rest @ ..] if rest.len() >= 8 => {
            let mut answer = heapless::Vec::from_slice(&[MASK + 1, 0, 0, 0]).ok()?;
            answer.extend_from_slice(&rest[..4]).ok()?;
            answer.extend_from_slice(&mask?.octets()).ok()?;
            Some(answer)
        }
        _ => None,
    }
}

/// A received message, as the raw sockets give it: behind a header of IP.
struct Message<'a> {
    from: IpAddress,
    to: IpAddress,
    hop_limit: u8,
    bytes: &'a [u8],
}

impl<'a> Message<'a> {
    /// None if its checksum is wrong.
    fn of(packet: &'a [u8]) -> Option<Self> {
        packet.first()?;
        match IpVersion::of_packet(packet).ok()? {
            IpVersion::Ipv4 => {
                let ip = Ipv4Packet::new_checked(packet).ok()?;
                let bytes = ip.payload();
                let sound = checksum::data(bytes) == !0;
                let (from, to) = (ip.src_addr().into(), ip.dst_addr().into());
                sound.then_some(Self { from, to, hop_limit: ip.hop_limit(), bytes })
            }
            IpVersion::Ipv6 => {
                let ip = Ipv6Packet::new_checked(packet).ok()?;
                let bytes = ip.payload();
                let (from, to) = (ip.src_addr(), ip.dst_addr());
                let icmp = Icmpv6Packet::new_checked(bytes).ok()?;
                let sound = icmp.verify_checksum(&from, &to);
                let (from, to) = (from.into(), to.into());
                sound.then_some(Self { from, to, hop_limit: ip.hop_limit(), bytes })
            }
        }
    }

    /// The stack answers these.
    fn is_echo_request(&self) -> bool {
        let kind = self.bytes.first().copied();
        kind == Some(if matches!(self.from, IpAddress::Ipv4(_)) { 8 } else { 128 })
    }
}

struct Slot {
    owner: Option<&'static str>,
    ring: PacketBuffer<'static, IcmpHeader>,
    waker: WakerRegistration,
    missed: u32,
}

/// All ICMP sockets.
pub(super) struct IcmpPool {
    slots: heapless::Vec<Slot, ICMP_SOCKETS>,
}

impl IcmpPool {
    pub fn new(
        rings: &'static mut [[u8; ICMP_RING_BYTES]; ICMP_SOCKETS],
        lists: &'static mut [[PacketMetadata<IcmpHeader>; ICMP_MESSAGES]; ICMP_SOCKETS],
    ) -> Self {
        let mut slots = heapless::Vec::new();
        for (ring, list) in rings.iter_mut().zip(lists.iter_mut()) {
            let slot = Slot {
                owner: None,
                ring: PacketBuffer::new(&mut list[..], &mut ring[..]),
                waker: WakerRegistration::new(),
                missed: 0,
            };
            // Cannot fail: as many slots as rings.
            let _ = slots.push(slot);
        }
        Self { slots }
    }

    fn open(&mut self, owner: &'static str) -> Option<usize> {
        let index = self.slots.iter().position(|slot| slot.owner.is_none())?;
        let slot = &mut self.slots[index];
        // What the last owner left: the list is bounded, and shrinks by one each time.
        while slot.ring.dequeue().is_ok() {}
        (slot.owner, slot.missed) = (Some(owner), 0);
        Some(index)
    }

    /// Hands a message to everybody who listens.
    pub fn deliver(&mut self, header: IcmpHeader, message: &[u8]) {
        for slot in self.slots.iter_mut().filter(|slot| slot.owner.is_some()) {
            match slot.ring.enqueue(message.len(), header) {
                Ok(room) => room.copy_from_slice(message),
                Err(_) => slot.missed = slot.missed.saturating_add(1),
            }
            slot.waker.wake();
        }
    }

    fn receive(
        &mut self,
        index: usize,
        buffer: &mut [u8],
        context: &mut Context<'_>,
    ) -> Poll<IcmpReceived> {
        let slot = &mut self.slots[index];
        let Ok((header, bytes)) = slot.ring.dequeue() else {
            slot.waker.register(context.waker());
            return Poll::Pending;
        };
        let len = bytes.len().min(buffer.len());
        buffer[..len].copy_from_slice(&bytes[..len]);
        Poll::Ready(IcmpReceived {
            len,
            original_len: bytes.len(),
            from: header.from,
            hop_limit: header.hop_limit,
            at: header.at,
            missed: core::mem::take(&mut slot.missed),
        })
    }

    /// What `netstat` shows of a socket.
    pub fn info(&self, index: usize) -> Option<SocketInfo> {
        let slot = self.slots.get(index)?;
        Some(SocketInfo {
            protocol: Protocol::Raw,
            // netstat shows a raw socket's protocol as its port: 1 is ICMP.
            local: IpEndpoint::new(super::ANY, 1),
            remote: None,
            state: SocketState::Unconnected,
            receive_queued: slot.ring.payload_bytes_count(),
            send_queued: 0,
            timer: tcp::Timer::Off,
            number: index,
            owner: slot.owner?,
        })
    }
}
