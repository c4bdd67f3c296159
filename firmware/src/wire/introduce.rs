//! Introduces neighbours to the stack, so that the first answer to a neighbour is not lost.
//!
//! smoltcp learns Ethernet addresses from ARP alone. A peer that knows us already, from our
//! announcement or from DHCP, sends its first frame without asking; smoltcp then throws its answer
//! away and asks who the peer is. So a frame that comes from an address of our subnet that the
//! stack cannot know is held back for one step, and an ARP reply made from its source addresses is
//! shown first. The frame is copied once, for a peer that was silent for [`INTRODUCTION_LIFETIME`].
//!
//! This believes no more than ARP does: any station may claim an address by an ARP request as well.
//! An address that ARP, or an earlier frame, gave to another station is not handed on.

use core::cell::{Cell, RefCell};

use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, RxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{
    ArpPacket, EthernetAddress, EthernetFrame, EthernetProtocol, Ipv4Address, Ipv4Cidr, Ipv4Packet,
};

use crate::limits::{FRAME_BYTES_MAX, INTRODUCTION_LIFETIME, NEIGHBORS};
use crate::net::link_local::{ARP_FRAME_BYTES, reply_from};
use crate::net::{Neighbor, NeighborState};

/// A neighbour that the stack was introduced to.
#[derive(Clone, Copy, Debug)]
struct Known {
    address: Ipv4Address,
    mac: EthernetAddress,
    at: Instant,
}

/// A frame held back.
#[derive(Debug)]
struct Held {
    frame: [u8; FRAME_BYTES_MAX],
    len: usize,
}

/// Who was introduced, and the frame that waits for it.
#[derive(Debug)]
pub struct Introductions {
    ours: Cell<Option<(EthernetAddress, Ipv4Cidr)>>,
    known: [Cell<Option<Known>>; NEIGHBORS],
    held: RefCell<Held>,
}

impl Default for Introductions {
    fn default() -> Self {
        Self::new()
    }
}

impl Introductions {
    /// Nobody is known.
    pub fn new() -> Self {
        Self {
            ours: Cell::new(None),
            known: [const { Cell::new(None) }; NEIGHBORS],
            held: RefCell::new(Held { frame: [0; FRAME_BYTES_MAX], len: 0 }),
        }
    }

    /// Our addresses; the stack forgets its neighbours when they change, and so do we.
    pub fn set_ours(&self, ours: Option<(EthernetAddress, Ipv4Cidr)>) {
        if self.ours.replace(ours) == ours {
            return;
        }
        self.known.iter().for_each(|known| known.set(None));
    }

    /// The neighbours that were introduced, one after the other.
    pub fn nth(&self, index: usize, now: core::time::Duration) -> Option<Neighbor> {
        let known = self.known.iter().filter_map(Cell::get).nth(index)?;
        let since = core::time::Duration::from_micros(known.at.total_micros().max(0) as u64);
        let expires_in = (since + INTRODUCTION_LIFETIME).checked_sub(now);
        let state =
            if expires_in.is_some() { NeighborState::Reachable } else { NeighborState::Stale };
        let (address, mac) = (known.address.into(), Some(known.mac));
        Some(Neighbor { address, mac, state, since, expires_in })
    }

    /// True if a frame waits to be taken.
    pub fn is_holding(&self) -> bool {
        self.held.borrow().len > 0
    }

    /// Where a neighbour is kept: one place each, so that a flood of sources costs no more than its
    /// frames.
    fn slot(&self, address: Ipv4Address) -> &Cell<Option<Known>> {
        &self.known[address.to_bits() as usize % NEIGHBORS]
    }

    /// The ARP reply that must come before this frame, if one must.
    fn introduction(&self, now: Instant, frame: &[u8]) -> Option<[u8; ARP_FRAME_BYTES]> {
        let (our_mac, ours) = self.ours.get()?;
        let ethernet = EthernetFrame::new_checked(frame).ok()?;
        let mac = ethernet.src_addr();
        match ethernet.ethertype() {
            EthernetProtocol::Arp => {
                // The stack learns from it by itself.
                let arp = ArpPacket::new_checked(ethernet.payload()).ok()?;
                let address: [u8; 4] = arp.source_protocol_addr().try_into().ok()?;
                let target: [u8; 4] = arp.target_protocol_addr().try_into().ok()?;
                if Ipv4Address::from(target) == ours.address() {
                    self.remember(now, address.into(), mac);
                }
                None
            }
            EthernetProtocol::Ipv4 if ethernet.dst_addr() == our_mac => {
                let ip = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
                let address = ip.src_addr();
                if !ours.contains_addr(&address) || frame.len() > FRAME_BYTES_MAX {
                    return None;
                }
                let known = self.slot(address).get().filter(|known| known.address == address);
                if let Some(known) = known
                    && now < known.at + INTRODUCTION_LIFETIME.into()
                {
                    if known.mac == mac {
                        // The stack, too, keeps a neighbour for as long as it hears from it.
                        self.remember(now, address, mac);
                    }
                    return None;
                }
                self.remember(now, address, mac);
                let mut held = self.held.borrow_mut();
                held.frame[..frame.len()].copy_from_slice(frame);
                held.len = frame.len();
                Some(reply_from(mac, address, our_mac, ours.address()))
            }
            _ => None,
        }
    }

    fn remember(&self, at: Instant, address: Ipv4Address, mac: EthernetAddress) {
        self.slot(address).set(Some(Known { address, mac, at }));
    }
}

/// A device whose peers are introduced.
#[derive(Debug)]
pub struct Introduced<'a, D> {
    /// The device.
    pub device: D,
    /// Who was introduced.
    pub introductions: &'a Introductions,
}

impl<D: Device> Device for Introduced<'_, D> {
    type RxToken<'t>
        = IntroducedRx<'t, D::RxToken<'t>>
    where
        Self: 't;
    type TxToken<'t>
        = D::TxToken<'t>
    where
        Self: 't;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let introductions = self.introductions;
        if introductions.is_holding() {
            return Some((IntroducedRx::Held(introductions), self.device.transmit(now)?));
        }
        let (token, transmit) = self.device.receive(now)?;
        Some((IntroducedRx::New { token, now, introductions }, transmit))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.device.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// A received frame: one that may need an introduction, or one that had it.
#[derive(Debug)]
pub enum IntroducedRx<'a, T> {
    /// From the device.
    New {
        /// The device's token.
        token: T,
        /// When.
        now: Instant,
        /// Who was introduced.
        introductions: &'a Introductions,
    },
    /// Held back one step ago.
    Held(&'a Introductions),
}

impl<T: RxToken> RxToken for IntroducedRx<'_, T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        match self {
            Self::New { token, now, introductions } => {
                token.consume(|frame| match introductions.introduction(now, frame) {
                    Some(arp) => f(&arp),
                    None => f(frame),
                })
            }
            Self::Held(introductions) => {
                let mut held = introductions.held.borrow_mut();
                let len = core::mem::take(&mut held.len);
                f(&held.frame[..len])
            }
        }
    }

    fn meta(&self) -> PacketMeta {
        match self {
            Self::New { token, .. } => token.meta(),
            Self::Held(_) => PacketMeta::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use smoltcp::phy::ChecksumCapabilities;
    use smoltcp::time::Duration;
    use smoltcp::wire::{ArpOperation, EthernetRepr, IpProtocol, Ipv4Repr};

    use super::*;

    const OURS: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
    const PEER: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 2]);
    const OUR_IP: Ipv4Address = Ipv4Address::new(192, 0, 2, 1);

    fn from(source: [u8; 4]) -> Vec<u8> {
        let ethernet =
            EthernetRepr { src_addr: PEER, dst_addr: OURS, ethertype: EthernetProtocol::Ipv4 };
        let ip = Ipv4Repr {
            src_addr: source.into(),
            dst_addr: OUR_IP,
            next_header: IpProtocol::Icmp,
            payload_len: 0,
            hop_limit: 64,
        };
        let mut frame = vec![0; 34];
        ethernet.emit(&mut EthernetFrame::new_unchecked(&mut frame[..]));
        ip.emit(&mut Ipv4Packet::new_unchecked(&mut frame[14..]), &ChecksumCapabilities::default());
        frame
    }

    #[test]
    fn a_stranger_is_introduced_once_in_a_while() {
        let introductions = Introductions::new();
        introductions.set_ours(Some((OURS, Ipv4Cidr::new(OUR_IP, 24))));
        let frame = from([192, 0, 2, 9]);
        let arp = introductions.introduction(Instant::ZERO, &frame).expect("a stranger");
        let arp = ArpPacket::new_checked(&arp[14..]).unwrap();
        assert_eq!(arp.operation(), ArpOperation::Reply);
        assert_eq!(arp.source_hardware_addr(), PEER.as_bytes());
        assert_eq!(arp.source_protocol_addr(), [192, 0, 2, 9]);
        assert_eq!(arp.target_protocol_addr(), OUR_IP.octets());
        assert!(introductions.is_holding());
        let token = IntroducedRx::<NoToken>::Held(&introductions);
        assert_eq!(token.consume(<[u8]>::to_vec), frame);
        assert!(!introductions.is_holding());

        assert_eq!(introductions.introduction(Instant::from_secs(1), &frame), None, "known");
        let later = Instant::from_secs(1) + Duration::from(INTRODUCTION_LIFETIME);
        assert!(introductions.introduction(later, &frame).is_some(), "may be forgotten by now");
    }

    #[test]
    fn the_far_side_of_a_router_is_not_a_neighbour() {
        let introductions = Introductions::new();
        introductions.set_ours(Some((OURS, Ipv4Cidr::new(OUR_IP, 24))));
        assert_eq!(introductions.introduction(Instant::ZERO, &from([198, 51, 100, 1])), None);
        assert!(!introductions.is_holding());
    }

    struct NoToken;

    impl RxToken for NoToken {
        fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
            f(&[])
        }
    }
}
