//! A device of Ethernet frames as one of IP packets: what is above [`Link`]. TCP's segments branch
//! off here, so that the stack never sees them.

use core::time::Duration;

use smoltcp::phy::{Device, DeviceCapabilities, Medium, PacketMeta, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress};
use tcp::{SegmentOut, Verdict};

use super::capture::{Recorder, Way as Direction};
use super::guard::Guard;
use super::link::{Link, Way, write_header};
use super::passage::Note;
use super::segments::{self, Sums};
use super::slots::{HEADER_BYTES, Place};
use crate::net::{Port, TcpHost};
use crate::status::{Drop, Drops};

/// The device of the stack.
#[derive(Debug)]
pub struct Linked<'a, D> {
    /// The device of frames.
    pub device: D,
    /// What is known of the wire.
    pub link: &'a Link,
    /// Our TCP, which has its segments before the stack sees the packet.
    pub tcp: &'a mut TcpHost,
    /// What may be sent.
    pub guard: &'a Guard,
    /// Where packets to ourselves are recorded.
    pub recorder: &'a Recorder,
    /// Where drops are counted.
    pub drops: &'a Drops,
    /// Who looks after the checksums of what is on the wire.
    pub sums: Sums,
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
    sums: Sums,
    now: Duration,
}

impl<'a> Shared<'a> {
    /// What the stack is shown of a received packet: nothing, if it is TCP's.
    fn for_stack<'p>(self, packet: &'p [u8], sums: Sums, tcp: &mut TcpHost) -> &'p [u8] {
        let Some(segment) = segments::read(packet, sums) else {
            if !packet.is_empty() {
                self.recorder.note(Note::Stack);
            }
            return packet;
        };
        if self.link.is_ours(&segment.destination.into()) {
            let verdict = tcp.engine.input(self.now.into(), &segment);
            tcp.hurries |= verdict.hurries();
            self.recorder.note(Note::Tcp(verdict));
            count_verdict(verdict, self.drops);
        } else {
            self.drops.count(Drop::NotOurs);
        }
        &[]
    }

    /// Hands a segment of ours to `device`; false if that has no room now.
    fn send_segment<D: Device>(self, device: &mut D, segment: &SegmentOut<'_>) -> bool {
        let Self { link, recorder, drops, sums, now, .. } = self;
        let flow = &segment.flow;
        let (from, to): (IpAddress, IpAddress) =
            (flow.local.address.into(), flow.remote.address.into());
        let len = HEADER_BYTES + segments::packet_bytes(segment);
        let write = |frame: &mut [u8], mac: EthernetAddress, sums| {
            segments::write(segment, &mut frame[HEADER_BYTES..], sums);
            write_header(frame, mac, link.mac.get());
            link.count_sent(&frame[HEADER_BYTES..]);
        };
        let nobody = EthernetAddress([0; 6]);
        let way = match link.is_ours(&from) {
            true => link.way(now, from, to),
            // The address is another one by now.
            false => Err(Drop::NoRoute),
        };
        let lost = match way {
            Ok(Way::Frame(mac)) => {
                let Some(token) = device.transmit(crate::net::instant(now)) else { return false };
                token.consume(len, |frame| write(frame, mac, sums));
                recorder.note_sent(Note::Segment(segment.why));
                return true;
            }
            Ok(Way::Loop) => {
                let put = link.slots.put_loop(len, |frame| {
                    write(frame, nobody, Sums::LOOP);
                    recorder.record(Direction::Out, Port::Lo, frame);
                    link.loopback.count_sent(frame.len());
                });
                // What is in its way goes round in the next step.
                if put || link.is_looping() {
                    return put;
                }
                Drop::LoopbackFull
            }
            Ok(Way::Wait(neighbor)) => {
                if link.slots.put_waiting(neighbor, len, |frame| write(frame, nobody, sums)) {
                    return true;
                }
                Drop::Unreachable
            }
            Err(why) => why,
        };
        // As if it were lost on the wire: TCP will send it again.
        drops.count(lost);
        let mut staging = link.staging.borrow_mut();
        let frame = &mut staging[..len];
        segments::write(segment, &mut frame[HEADER_BYTES..], sums);
        write_header(frame, nobody, nobody);
        recorder.record_unsent(frame, lost);
        true
    }
}

/// Counts a received segment of which TCP had no use.
fn count_verdict(verdict: Verdict, drops: &Drops) {
    match verdict {
        // Answered; that is no drop.
        Verdict::NoConnection => {}
        Verdict::NoRoom => drops.count(Drop::ListenOverflow),
        verdict if verdict.is_drop() => drops.count(Drop::TcpSegment),
        _ => {}
    }
}

impl<'a, D: Device> Linked<'a, D> {
    fn shared(&self) -> Shared<'a> {
        let Self { link, guard, recorder, drops, sums, now, .. } = *self;
        Shared { link, guard, recorder, drops, sums, now }
    }

    /// Takes a packet that the stack put together from fragments, if it is TCP's.
    pub fn take_reassembled(&mut self, packet: &[u8]) {
        let shared = self.shared();
        shared.for_stack(packet, Sums::SOFTWARE, self.tcp);
    }

    /// Lets an ACK go that must not wait for what comes behind its segment (`Verdict::hurries`):
    /// one ACK for a whole turn tells of three pieces, and may be lost.
    pub fn send_hurried(&mut self) {
        if core::mem::take(&mut self.tcp.hurries) {
            self.send_segments();
        }
    }

    /// Lets TCP send what it has, as far as the device has room.
    pub fn send_segments(&mut self) {
        let shared = self.shared();
        let Self { device, tcp, .. } = self;
        let engine = &mut tcp.engine;
        engine.poll_output(shared.now.into(), &mut |segment| shared.send_segment(device, segment));
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
            return Some((
                LinkedRx { from: From::Loop(place), shared, tcp: self.tcp },
                LinkedTx { token, shared },
            ));
        }
        let (token, transmit) = self.device.receive(at)?;
        Some((
            LinkedRx { from: From::Wire(token), shared, tcp: self.tcp },
            LinkedTx { token: Some(transmit), shared },
        ))
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

/// Where a received packet is.
#[derive(Debug)]
enum From<T> {
    /// Of ours, gone round.
    Loop(Place),
    /// In a frame; the device's token.
    Wire(T),
}

/// A received packet.
#[derive(Debug)]
pub struct LinkedRx<'a, T> {
    from: From<T>,
    shared: Shared<'a>,
    tcp: &'a mut TcpHost,
}

impl<T: RxToken> RxToken for LinkedRx<'_, T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let Self { from, shared, tcp } = self;
        let Shared { link, recorder, drops, now, .. } = shared;
        match from {
            From::Wire(token) => token.consume(|frame| {
                let packet = link.received(now, frame, drops);
                if packet.is_none() {
                    dealt_with(frame).into_iter().for_each(|note| recorder.note(note));
                }
                f(shared.for_stack(packet.unwrap_or(&[]), shared.sums, tcp))
            }),
            From::Loop(place) => link.slots.take(place, |frame| {
                link.loopback.count_received(frame.len());
                recorder.receive(Port::Lo, frame, drops, |frame| {
                    let packet = &frame[HEADER_BYTES..];
                    link.count_received(packet);
                    f(shared.for_stack(packet, Sums::LOOP, tcp))
                })
            }),
        }
    }

    fn meta(&self) -> PacketMeta {
        match &self.from {
            From::Wire(token) => token.meta(),
            From::Loop(_) => PacketMeta::default(),
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
        let Shared { link, guard, recorder, drops, now, .. } = self.shared;
        let mut staging = link.staging.borrow_mut();
        let frame = &mut staging[..HEADER_BYTES + len];
        let result = f(&mut frame[HEADER_BYTES..]);
        write_header(frame, EthernetAddress([0; 6]), EthernetAddress([0; 6]));
        let way = guard
            .check_sent(crate::net::instant(now), frame)
            .and_then(|()| link.way_of(now, &frame[HEADER_BYTES..]));
        let sent = match way {
            Err(why) => Err(why),
            Ok(Way::Loop) => {
                recorder.record(Direction::Out, Port::Lo, frame);
                link.loopback.count_sent(frame.len());
                let put = link.slots.put_loop(frame.len(), |out| out.copy_from_slice(frame));
                put.then_some(()).ok_or(Drop::LoopbackFull)
            }
            Ok(Way::Wait(neighbor)) => {
                let copy = |out: &mut [u8]| out.copy_from_slice(frame);
                let put = link.slots.put_waiting(neighbor, frame.len(), copy);
                put.then_some(()).ok_or(Drop::Unreachable)
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
            Ok(()) => link.count_sent(&frame[HEADER_BYTES..]),
            Err(why) => {
                drops.count(why);
                // It is this frame's, and not that of the one it may answer.
                drops.take_last();
                recorder.record_unsent(frame, why);
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
