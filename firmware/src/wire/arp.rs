//! ARP (RFC 826), with the conflict detection of RFC 5227.

use core::time::Duration;

use smoltcp::wire::{ArpOperation, ArpPacket, EthernetAddress, Ipv4Address};

use super::link::{Link, SmallFrame};
use crate::net::link_local::{reply_from, request};
use crate::net::{Heard, Verdict};
use crate::status::{Drop, Drops};

/// An ARP frame that concerns an address of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArpHeard {
    /// Someone claims the watched address: its frame carries it as the sender's.
    Claim(EthernetAddress),
    /// Someone probes for the watched address (RFC 5227 2.1.1: sender address zero).
    Probe(EthernetAddress),
}

impl Link {
    /// The address whose claims are to be reported: ours, or one that we consider.
    pub fn watch(&self, address: Option<Ipv4Address>) {
        self.watched.set(address);
    }

    /// The next ARP frame that concerned the watched address of its time.
    pub fn take_arp(&self) -> Option<(Ipv4Address, ArpHeard)> {
        self.arp_heard.borrow_mut().pop_front()
    }

    /// Looks at a received ARP packet.
    pub(super) fn arp_received(
        &self,
        now: Duration,
        packet: &[u8],
        drops: &Drops,
    ) -> Result<(), Drop> {
        let arp = ArpPacket::new_checked(packet).map_err(|_| Drop::BadArp)?;
        if arp.hardware_len() != 6 || arp.protocol_len() != 4 {
            return Err(Drop::BadArp);
        }
        let mac = EthernetAddress::from_bytes(arp.source_hardware_addr());
        let sender = address_of(arp.source_protocol_addr());
        let target = address_of(arp.target_protocol_addr());
        if mac == self.mac.get() {
            // Our own, come back by a loop in the network.
            return Ok(());
        }
        if !mac.is_unicast() {
            return Err(Drop::BogusSource);
        }
        if let Some(watched) = self.watched.get() {
            let heard = if sender == watched {
                Some(ArpHeard::Claim(mac))
            } else if sender.is_unspecified() && target == watched {
                Some(ArpHeard::Probe(mac))
            } else {
                None
            };
            if let Some(heard) = heard {
                // A full queue loses the newest: the ones before it say the same.
                let _ = self.arp_heard.borrow_mut().push_back((watched, heard));
            }
        }
        let Some(ours) = self.ours.borrow().v4 else { return Ok(()) };
        // A probe is answered by who watches; whoever claims our address is no neighbour.
        if sender.is_unspecified() || sender == ours.address() {
            return Ok(());
        }
        let is_near = ours.contains_addr(&sender) && ours.broadcast() != Some(sender);
        if !is_near || sender.is_multicast() || sender.is_loopback() {
            return if target == ours.address() { Err(Drop::BogusSource) } else { Ok(()) };
        }
        let is_for_us = target == ours.address();
        let how = match arp.operation() {
            ArpOperation::Request if is_for_us => Heard::Question,
            // RFC 5227 1.1: an announcement has its own address as the target.
            ArpOperation::Request if target == sender => Heard::Announcement,
            ArpOperation::Reply if is_for_us => Heard::Answer,
            ArpOperation::Reply => Heard::Announcement,
            ArpOperation::Request => return Ok(()),
            ArpOperation::Unknown(_) => return Err(Drop::BadArp),
        };
        let verdict = self.neighbors.borrow_mut().heard(now, sender.into(), mac, how);
        if how == Heard::Question {
            self.queue(&reply_from(self.mac.get(), ours.address(), mac, sender), drops);
        }
        match verdict {
            Verdict::Taken => Ok(()),
            // Announcements of strangers are nothing to us.
            Verdict::Refused if how == Heard::Announcement => Ok(()),
            Verdict::Refused => Err(Drop::UnsolicitedArp),
            Verdict::Full => Err(Drop::NeighborsFull),
        }
    }

    /// Asks everybody who has an address, or the one who should.
    pub(super) fn arp_question(
        &self,
        address: Ipv4Address,
        of: Option<EthernetAddress>,
    ) -> Option<SmallFrame> {
        let ours = self.ours.borrow().v4?;
        let to = of.unwrap_or(EthernetAddress::BROADCAST);
        SmallFrame::from_slice(&request(self.mac.get(), ours.address(), to, address)).ok()
    }
}

fn address_of(bytes: &[u8]) -> Ipv4Address {
    bytes.try_into().map_or(Ipv4Address::UNSPECIFIED, |bytes: [u8; 4]| Ipv4Address::from(bytes))
}
