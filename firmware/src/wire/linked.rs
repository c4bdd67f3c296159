//! A device of Ethernet frames as one of IP packets: what is above [`Link`].

use core::time::Duration;

use smoltcp::phy::{Device, DeviceCapabilities, Medium, PacketMeta, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::EthernetAddress;

use super::capture::{Recorder, Way as Direction};
use super::guard::Guard;
use super::link::{Link, Way, write_header};
use super::passage::Note;
use super::slots::{HEADER_BYTES, Place};
use crate::net::Port;
use crate::status::{Drop, Drops};

/// The device of the stack.
#[derive(Debug)]
pub struct Linked<'a, D> {
    /// The device of frames.
    pub device: D,
    /// What is known of the wire.
    pub link: &'a Link,
    /// What may be sent.
    pub guard: &'a Guard,
    /// Where packets to ourselves are recorded.
    pub recorder: &'a Recorder,
    /// Where drops are counted.
    pub drops: &'a Drops,
    /// The time.
    pub now: Duration,
}

/// What both tokens need.
#[derive(Clone, Copy, Debug)]
pub struct Shared<'a> {
    link: &'a Link,
    guard: &'a Guard,
    recorder: &'a Recorder,
    drops: &'a Drops,
    now: Duration,
}

impl<'a, D: Device> Linked<'a, D> {
    fn shared(&self) -> Shared<'a> {
        let Self { link, guard, recorder, drops, now, .. } = *self;
        Shared { link, guard, recorder, drops, now }
    }

    /// Sends a packet of our own making, as the stack sends its own; false if the device has no
    /// room.
    pub fn send(&mut self, packet: &[u8]) -> bool {
        let at = crate::net::instant(self.now);
        match self.transmit(at) {
            Some(token) => {
                token.consume(packet.len(), |out| out.copy_from_slice(packet));
                true
            }
            None => false,
        }
    }

    /// Sends what waited for its neighbour, then questions and answers of our own.
    pub fn flush(&mut self) {
        let at = crate::net::instant(self.now);
        let Shared { link, recorder, now, drops, .. } = self.shared();
        link.give_up(drops);
        let known = |neighbor: &_| link.neighbors.borrow().known(neighbor).is_some();
        // Bounded: each turn one packet waits less.
        while let Some((place, neighbor)) = link.slots.first_waiting(known) {
            let mac = link.neighbors.borrow().known(&neighbor);
            let (Some(token), Some(mac)) = (self.device.transmit(at), mac) else { return };
            link.slots.take(place, |frame| {
                write_header(frame, mac, link.mac.get());
                token.consume(frame.len(), |out| out.copy_from_slice(frame));
                recorder.note_sent(Note::Waited);
            });
        }
        // Bounded: the queue is, and so are the questions of one moment.
        while !link.outbox.borrow().is_empty() {
            let Some(token) = self.device.transmit(at) else { return };
            if let Some(frame) = link.outbox.borrow_mut().pop_front() {
                token.consume(frame.len(), |out| out.copy_from_slice(&frame));
                recorder.note_sent(Note::Link);
            }
        }
        let is_due = || link.next_deadline().is_some_and(|due| due <= now);
        while is_due() {
            let Some(token) = self.device.transmit(at) else { return };
            let question = link.neighbors.borrow_mut().poll(now);
            let Some(question) = question else { break };
            if let Some(frame) = link.question(&question) {
                token.consume(frame.len(), |out| out.copy_from_slice(&frame));
                recorder.note_sent(Note::Link);
            }
        }
        // Whom nobody answered is known only now.
        link.give_up(drops);
    }
}

impl<D: Device> Device for Linked<'_, D> {
    type RxToken<'t>
        = LinkedRx<'t, D::RxToken<'t>>
    where
        Self: 't;
    type TxToken<'t>
        = LinkedTx<'t, D::TxToken<'t>>
    where
        Self: 't;

    fn receive(&mut self, at: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let shared = self.shared();
        if let Some(place) = shared.link.slots.first_loop() {
            // What answers a packet of ours mostly goes to ourselves again: it needs no room in the
            // device.
            let token = self.device.transmit(at);
            return Some((LinkedRx::Loop { place, shared }, LinkedTx { token, shared }));
        }
        let (token, transmit) = self.device.receive(at)?;
        Some((LinkedRx::Wire { token, shared }, LinkedTx { token: Some(transmit), shared }))
    }

    fn transmit(&mut self, at: Instant) -> Option<Self::TxToken<'_>> {
        let shared = self.shared();
        let token = self.device.transmit(at);
        // Without a link nothing waits for room: what is for ourselves passes, all else is lost.
        let may_send = token.is_some() || !shared.link.is_up();
        may_send.then_some(LinkedTx { token, shared })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = self.device.capabilities();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit -= HEADER_BYTES;
        capabilities
    }
}

/// A received packet.
#[derive(Debug)]
pub enum LinkedRx<'a, T> {
    /// Of ours, gone round.
    Loop {
        /// Where it is.
        place: Place,
        /// What it needs.
        shared: Shared<'a>,
    },
    /// Of a frame.
    Wire {
        /// The device's.
        token: T,
        /// What it needs.
        shared: Shared<'a>,
    },
}

impl<T: RxToken> RxToken for LinkedRx<'_, T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        match self {
            Self::Wire { token, shared: Shared { link, recorder, drops, now, .. } } => token
                .consume(|frame| {
                    let packet = link.received(now, frame, drops);
                    let note = packet.map(|_| Note::Stack).or_else(|| dealt_with(frame));
                    note.into_iter().for_each(|note| recorder.note(note));
                    f(packet.unwrap_or(&[]))
                }),
            Self::Loop { place, shared: Shared { link, recorder, drops, now, .. } } => {
                link.slots.take(place, |frame| {
                    link.loopback.count_received(frame.len());
                    recorder.receive(now, Port::Lo, frame, drops, |frame| {
                        let packet = &frame[HEADER_BYTES..];
                        link.count_received(packet);
                        recorder.note(Note::Stack);
                        f(packet)
                    })
                })
            }
        }
    }

    fn meta(&self) -> PacketMeta {
        match self {
            Self::Wire { token, .. } => token.meta(),
            Self::Loop { .. } => PacketMeta::default(),
        }
    }
}

/// Protocols above IP.
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// What the link does with a frame that it does not hand on: by the frame's type.
fn dealt_with(frame: &[u8]) -> Option<Note> {
    match frame.get(12..14) {
        Some([8, 6]) => Some(Note::Arp),
        // What makes no sense is handed on by nobody, and noted as nothing.
        Some([8, 0]) => (frame.get(23) == Some(&UDP)).then_some(Note::Dhcp),
        Some([0x86, 0xdd]) => (frame.get(20) == Some(&ICMPV6)).then_some(Note::Discovery),
        _ => None,
    }
}

/// Leave to send a packet.
#[derive(Debug)]
pub struct LinkedTx<'a, T> {
    /// None for an answer to ourselves, when the device has no room.
    token: Option<T>,
    shared: Shared<'a>,
}

impl<T: TxToken> TxToken for LinkedTx<'_, T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Shared { link, guard, recorder, drops, now } = self.shared;
        let mut staging = link.staging.borrow_mut();
        let frame = &mut staging[..HEADER_BYTES + len];
        let result = f(&mut frame[HEADER_BYTES..]);
        write_header(frame, EthernetAddress([0; 6]), EthernetAddress([0; 6]));
        let way = guard
            .check_sent(crate::net::instant(now), frame)
            .and_then(|()| link.way(now, &frame[HEADER_BYTES..]));
        let sent = match way {
            Err(why) => Err(why),
            Ok(Way::Loop) => {
                recorder.record(now, Direction::Out, Port::Lo, frame);
                link.loopback.count_sent(frame.len());
                link.slots.put_loop(frame).then_some(()).ok_or(Drop::LoopbackFull)
            }
            Ok(Way::Wait(neighbor)) => {
                link.slots.put_waiting(neighbor, frame).then_some(()).ok_or(Drop::Unreachable)
            }
            Ok(Way::Frame(mac)) => match self.token {
                Some(token) => {
                    write_header(frame, mac, link.mac.get());
                    token.consume(frame.len(), |out| out.copy_from_slice(frame));
                    recorder.note_sent(Note::Guard);
                    Ok(())
                }
                None => Err(Drop::NoTransmitBuffer),
            },
        };
        match sent {
            Ok(()) => {
                guard.note_acknowledged(frame);
                link.count_sent(&frame[HEADER_BYTES..]);
            }
            Err(why) => {
                drops.count(why);
                // It is this frame's, and not that of the one it may answer.
                drops.take_last();
                recorder.record_unsent(now, frame, why);
            }
        }
        result
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        if let Some(token) = &mut self.token {
            token.set_meta(meta);
        }
    }
}
