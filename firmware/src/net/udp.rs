//! UDP as services and commands see it: a socket that sends and receives datagrams, and hears of
//! the ICMP errors that they caused.

use core::future::poll_fn;
use core::task::{Context, Poll};

use embassy_sync::waitqueue::WakerRegistration;
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::udp::{PacketBuffer, PacketMetadata, Socket, UdpMetadata};
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::error::{IcmpError, NetError, Quoted};
use super::ports;
use super::stack::Stack;
use super::tables::{Protocol, SocketInfo, SocketState};
use crate::limits::{GROUPS, UDP_DATAGRAMS, UDP_RING_BYTES, UDP_SOCKETS};
use crate::system::System;

/// A UDP socket. Dropping it closes it.
#[derive(Debug)]
pub struct UdpSocket {
    system: &'static System,
    slot: usize,
    port: u16,
}

/// A datagram that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpReceived {
    /// Bytes of it that are in the buffer; the rest of a longer one is lost, as with `recvfrom`.
    pub len: usize,
    /// Where it came from.
    pub from: IpEndpoint,
    /// The address of ours, or the group, that it was sent to.
    pub to: IpAddress,
}

impl System {
    /// Opens a UDP socket for `owner` (a name that `netstat` shows) on a port, or on a random one
    /// (RFC 6056).
    ///
    /// # Errors
    /// [`NetError::NoSockets`] if all are in use, [`NetError::AddressInUse`] if the port is.
    pub fn udp(
        &'static self,
        owner: &'static str,
        port: Option<u16>,
    ) -> Result<UdpSocket, NetError> {
        let mut stack = self.stack.borrow_mut();
        let (slot, port) = stack.udp_open(owner, port)?;
        Ok(UdpSocket { system: self, slot, port })
    }
}

impl UdpSocket {
    /// Our port.
    pub fn local_port(&self) -> u16 {
        self.port
    }

    /// The hop limit (TTL) of what is sent from now on; `None`: 64.
    ///
    /// Zero is taken for one: no packet begins with nothing left.
    pub fn set_hop_limit(&self, hop_limit: Option<u8>) {
        self.with(|pool, _| pool.slots[self.slot].hop_limit = hop_limit.map(|limit| limit.max(1)));
    }

    /// Takes part in a multicast group, until the socket is dropped.
    ///
    /// # Errors
    /// [`NetError::Invalid`] if it is no group, [`NetError::NoSockets`] if we are in too many.
    pub fn join(&self, group: IpAddress) -> Result<(), NetError> {
        self.system.stack.borrow_mut().udp_join(self.slot, group)
    }

    /// Sends a datagram, as soon as there is room for it.
    ///
    /// # Errors
    /// [`NetError::NetworkUnreachable`] if no route leads there, [`NetError::MessageTooLong`] if
    /// the datagram is longer than [`UDP_RING_BYTES`], [`NetError::Invalid`] if the endpoint has no
    /// address or port.
    pub async fn send_to(&self, bytes: &[u8], to: IpEndpoint) -> Result<(), NetError> {
        poll_fn(|context| {
            let mut stack = self.system.stack.borrow_mut();
            let sent = stack.udp_send(self.slot, bytes, to, context);
            if sent.is_ready() {
                stack.note_work();
            }
            sent
        })
        .await
    }

    /// Waits for a datagram.
    ///
    /// # Errors
    /// An ICMP error about something that this socket sent ends one wait.
    pub async fn receive(&self, buffer: &mut [u8]) -> Result<UdpReceived, IcmpError> {
        poll_fn(|context| self.with(|pool, set| pool.receive(set, self.slot, buffer, context)))
            .await
    }

    fn with<R>(&self, f: impl FnOnce(&mut UdpPool, &mut SocketSet<'static>) -> R) -> R {
        let mut stack = self.system.stack.borrow_mut();
        let Stack { udp, sockets, .. } = &mut *stack;
        f(udp, sockets)
    }
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        self.system.stack.borrow_mut().udp_close(self.slot);
    }
}

impl Stack {
    fn udp_open(
        &mut self,
        owner: &'static str,
        port: Option<u16>,
    ) -> Result<(usize, u16), NetError> {
        let port = match port {
            Some(0) => return Err(NetError::Invalid),
            Some(port) if self.udp.has_port(&self.sockets, port) => {
                return Err(NetError::AddressInUse);
            }
            Some(port) => port,
            None => {
                let (udp, sockets) = (&self.udp, &self.sockets);
                ports::choose(&mut self.random, |port| udp.has_port(sockets, port))
                    .ok_or(NetError::AddressInUse)?
            }
        };
        Ok((self.udp.open(&mut self.sockets, owner, port)?, port))
    }

    fn udp_close(&mut self, slot: usize) {
        let left = self.udp.close(&mut self.sockets, slot);
        if let Some(interface) = &mut self.interface {
            for group in left {
                // Cannot fail: it is a group.
                let _ = interface.leave_multicast_group(group);
            }
        }
        self.note_work();
    }

    fn udp_join(&mut self, slot: usize, group: IpAddress) -> Result<(), NetError> {
        if !group.is_multicast() {
            return Err(NetError::Invalid);
        }
        self.udp.join(slot, group)?;
        if let Some(interface) = &mut self.interface {
            interface.join_multicast_group(group).map_err(|_| NetError::NoSockets)?;
        }
        self.note_work();
        Ok(())
    }

    fn udp_send(
        &mut self,
        slot: usize,
        bytes: &[u8],
        to: IpEndpoint,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), NetError>> {
        if to.addr.is_unspecified() || to.port == 0 {
            return Poll::Ready(Err(NetError::Invalid));
        }
        let source = match self.link.source_for(&to.addr) {
            Ok(source) => source,
            Err(error) => return Poll::Ready(Err(error)),
        };
        let metadata = UdpMetadata { local_address: Some(source), ..UdpMetadata::from(to) };
        self.udp.send(&mut self.sockets, slot, bytes, metadata, context)
    }
}

struct Slot {
    handle: SocketHandle,
    owner: Option<&'static str>,
    hop_limit: Option<u8>,
    error: Option<IcmpError>,
    /// Of the task that waits for a datagram: an ICMP error wakes it, too.
    waker: WakerRegistration,
}

/// All UDP sockets.
pub(super) struct UdpPool {
    slots: heapless::Vec<Slot, UDP_SOCKETS>,
    groups: heapless::Vec<(usize, IpAddress), GROUPS>,
}

impl UdpPool {
    /// Makes the sockets and puts them into the set.
    pub fn new(
        set: &mut SocketSet<'static>,
        receive: &'static mut [[u8; UDP_RING_BYTES]; UDP_SOCKETS],
        send: &'static mut [[u8; UDP_RING_BYTES]; UDP_SOCKETS],
        lists: &'static mut [[[PacketMetadata; UDP_DATAGRAMS]; 2]; UDP_SOCKETS],
    ) -> Self {
        let mut slots = heapless::Vec::new();
        let rings = receive.iter_mut().zip(send.iter_mut()).zip(lists.iter_mut());
        for ((receive, send), [received, sent]) in rings {
            let socket = Socket::new(
                PacketBuffer::new(&mut received[..], &mut receive[..]),
                PacketBuffer::new(&mut sent[..], &mut send[..]),
            );
            let slot = Slot {
                handle: set.add(socket),
                owner: None,
                hop_limit: None,
                error: None,
                waker: WakerRegistration::new(),
            };
            // Cannot fail: as many slots as rings.
            let _ = slots.push(slot);
        }
        Self { slots, groups: heapless::Vec::new() }
    }

    /// True if a socket has this port.
    pub fn has_port(&self, set: &SocketSet<'static>, port: u16) -> bool {
        self.slots.iter().any(|slot| set.get::<Socket>(slot.handle).endpoint().port == port)
    }

    /// Opens a socket on a port that is free.
    pub fn open(
        &mut self,
        set: &mut SocketSet<'static>,
        owner: &'static str,
        port: u16,
    ) -> Result<usize, NetError> {
        let index = self.slots.iter().position(|slot| slot.owner.is_none());
        let index = index.ok_or(NetError::NoSockets)?;
        let slot = &mut self.slots[index];
        set.get_mut::<Socket>(slot.handle).bind(port).map_err(|_| NetError::Invalid)?;
        (slot.owner, slot.hop_limit, slot.error) = (Some(owner), None, None);
        Ok(index)
    }

    /// Closes a socket; returns the groups that nobody is in any more.
    pub fn close(
        &mut self,
        set: &mut SocketSet<'static>,
        index: usize,
    ) -> heapless::Vec<IpAddress, GROUPS> {
        let slot = &mut self.slots[index];
        set.get_mut::<Socket>(slot.handle).close();
        slot.owner = None;
        let left: heapless::Vec<IpAddress, GROUPS> =
            self.groups.iter().filter(|(of, _)| *of == index).map(|(_, group)| *group).collect();
        self.groups.retain(|(of, _)| *of != index);
        left.into_iter().filter(|group| !self.is_member(*group)).collect()
    }

    /// Notes that a socket takes part in a group.
    pub fn join(&mut self, index: usize, group: IpAddress) -> Result<(), NetError> {
        if self.groups.contains(&(index, group)) {
            return Ok(());
        }
        self.groups.push((index, group)).map_err(|_| NetError::NoSockets)
    }

    /// The groups that sockets are in; some may come twice.
    pub fn groups(&self) -> impl Iterator<Item = IpAddress> + '_ {
        self.groups.iter().map(|(_, group)| *group)
    }

    fn is_member(&self, group: IpAddress) -> bool {
        self.groups().any(|other| other == group)
    }

    /// Queues a datagram.
    pub fn send(
        &mut self,
        set: &mut SocketSet<'static>,
        index: usize,
        bytes: &[u8],
        metadata: UdpMetadata,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), NetError>> {
        if bytes.len() > UDP_RING_BYTES {
            return Poll::Ready(Err(NetError::MessageTooLong));
        }
        let slot = &self.slots[index];
        let socket = set.get_mut::<Socket>(slot.handle);
        // The hop limit is the socket's, not the datagram's: what was queued with another one goes
        // first.
        if socket.hop_limit() != slot.hop_limit {
            if socket.send_queue() > 0 {
                socket.register_send_waker(context.waker());
                return Poll::Pending;
            }
            socket.set_hop_limit(slot.hop_limit);
        }
        match socket.send_slice(bytes, metadata) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(smoltcp::socket::udp::SendError::Unaddressable) => {
                Poll::Ready(Err(NetError::Invalid))
            }
            Err(smoltcp::socket::udp::SendError::BufferFull) => {
                socket.register_send_waker(context.waker());
                Poll::Pending
            }
        }
    }

    fn receive(
        &mut self,
        set: &mut SocketSet<'static>,
        index: usize,
        buffer: &mut [u8],
        context: &mut Context<'_>,
    ) -> Poll<Result<UdpReceived, IcmpError>> {
        let slot = &mut self.slots[index];
        if let Some(error) = slot.error.take() {
            return Poll::Ready(Err(error));
        }
        let socket = set.get_mut::<Socket>(slot.handle);
        match socket.recv() {
            Ok((bytes, UdpMetadata { endpoint, local_address, .. })) => {
                let len = bytes.len().min(buffer.len());
                buffer[..len].copy_from_slice(&bytes[..len]);
                // smoltcp always tells for what it received.
                let to = local_address.unwrap_or(endpoint.addr);
                Poll::Ready(Ok(UdpReceived { len, from: endpoint, to }))
            }
            Err(_) => {
                socket.register_recv_waker(context.waker());
                slot.waker.register(context.waker());
                Poll::Pending
            }
        }
    }

    /// Tells the socket that caused it of an ICMP error.
    pub fn icmp_error(&mut self, set: &SocketSet<'static>, error: &IcmpError) {
        if error.quoted != Quoted::Udp || error.local.port == 0 {
            return;
        }
        for slot in &mut self.slots {
            if set.get::<Socket>(slot.handle).endpoint().port == error.local.port {
                slot.error = Some(*error);
                slot.waker.wake();
            }
        }
    }

    /// What `netstat` shows of a socket.
    pub fn info(&self, set: &SocketSet<'static>, index: usize) -> Option<SocketInfo> {
        let slot = self.slots.get(index)?;
        let socket = set.get::<Socket>(slot.handle);
        Some(SocketInfo {
            protocol: Protocol::Udp,
            local: IpEndpoint::new(super::ANY, socket.endpoint().port),
            remote: None,
            state: SocketState::Unconnected,
            receive_queued: socket.recv_queue(),
            send_queued: socket.send_queue(),
            timer: tcp::Timer::Off,
            number: index,
            owner: slot.owner?,
        })
    }
}
