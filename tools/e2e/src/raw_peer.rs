//! A peer made of single frames: it answers ARP for an address of its own, and sends what a kernel
//! never would.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::frame::{Arp, Body, Frame, Icmp, Ipv4, Mac, Payload, Tcp, arp_frame, flag, ipv4_frame};
use crate::packet_socket::PacketSocket;
use crate::wait::{Deadline, PATIENCE};

/// How often a question is repeated while there is no answer.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// The peer.
#[derive(Debug)]
pub struct RawPeer {
    socket: PacketSocket,
    mac: Mac,
    address: Ipv4Addr,
}

/// A board as this peer sees it.
#[derive(Clone, Copy, Debug)]
pub struct Neighbor {
    /// Its Ethernet address.
    pub mac: Mac,
    /// Its address.
    pub address: Ipv4Addr,
}

impl RawPeer {
    /// A peer with these addresses, which nobody else on the wire may use.
    pub fn new(socket: PacketSocket, mac: Mac, address: Ipv4Addr) -> Self {
        Self { socket, mac, address }
    }

    /// Its Ethernet address.
    pub fn mac(&self) -> Mac {
        self.mac
    }

    /// Its address.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Sends bytes as a frame.
    ///
    /// # Errors
    /// If the kernel refuses it.
    pub fn send_bytes(&self, frame: &[u8]) -> Result<()> {
        self.socket.send(frame)
    }

    /// Sends a payload to a board.
    ///
    /// # Errors
    /// If the kernel refuses it.
    pub fn send(&self, to: Neighbor, payload: &Payload) -> Result<()> {
        let frame = ipv4_frame((self.mac, to.mac), self.address, to.address, payload);
        self.socket.send(&frame)
    }

    /// The next frame for us, or none within `limit`. Questions for our address are answered on the
    /// way.
    ///
    /// # Errors
    /// If a frame for us is malformed.
    pub fn receive(&self, limit: Duration) -> Result<Option<Frame>> {
        let deadline = Deadline::after(limit);
        while let Some(bytes) = self.socket.receive(deadline.left())? {
            let ours = bytes.starts_with(&self.mac.0) || bytes.starts_with(&Mac::BROADCAST.0);
            // Our own frames pass by, too.
            if !ours || bytes.get(6..12) == Some(&self.mac.0[..]) {
                continue;
            }
            let frame = Frame::parse(&bytes).context("a malformed frame on the wire")?;
            match frame.body {
                Body::Arp(arp) if arp.target == self.address && !arp.is_reply => {
                    self.answer_arp(&arp)?;
                }
                // Broadcasts of others that are not about us.
                _ if frame.to == Mac::BROADCAST => {}
                _ => return Ok(Some(frame)),
            }
        }
        Ok(None)
    }

    fn answer_arp(&self, question: &Arp) -> Result<()> {
        let answer = Arp {
            is_reply: true,
            sender_mac: self.mac,
            sender: self.address,
            target_mac: question.sender_mac,
            target: question.sender,
        };
        self.socket.send(&arp_frame(question.sender_mac, &answer))
    }

    /// Asks who has an address.
    ///
    /// # Errors
    /// If the kernel refuses the frame.
    pub fn send_arp_request(&self, address: Ipv4Addr) -> Result<()> {
        let request = Arp {
            is_reply: false,
            sender_mac: self.mac,
            sender: self.address,
            target_mac: Mac([0; 6]),
            target: address,
        };
        self.socket.send(&arp_frame(Mac::BROADCAST, &request))
    }

    /// Finds a board by ARP.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn find(&self, address: Ipv4Addr) -> Result<Neighbor> {
        let mac = self.ask(
            "ARP reply",
            || self.send_arp_request(address),
            |frame| {
                let arp = frame.arp().filter(|arp| arp.is_reply && arp.sender == address)?;
                Some(arp.sender_mac)
            },
        )?;
        Ok(Neighbor { mac, address })
    }

    /// Sends an echo request until it is answered, and checks that the answer repeats its data.
    ///
    /// # Errors
    /// If there is no answer, or another one.
    pub fn echo(&self, to: Neighbor, identifier: u16, sequence: u16, data: &[u8]) -> Result<()> {
        let request = Icmp::echo(identifier, sequence, data.to_vec());
        let expected = Icmp { kind: 0, ..request.clone() };
        let payload = Payload::Icmp(request);
        let answer = self.ask(
            "echo reply",
            || self.send(to, &payload),
            |frame| {
                let (_, icmp) = frame.icmp()?;
                (icmp.kind == 0 && icmp.rest == expected.rest).then(|| icmp.clone())
            },
        )?;
        ensure!(answer == expected, "{} bytes came back changed", data.len());
        Ok(())
    }

    /// Sends a segment until a segment for its source port comes back that `wanted` accepts.
    ///
    /// # Errors
    /// If none comes.
    pub fn exchange(
        &self,
        to: Neighbor,
        segment: &Tcp,
        wanted: impl Fn(&Tcp) -> bool,
    ) -> Result<Tcp> {
        let payload = Payload::Tcp(segment.clone());
        self.ask(
            "TCP segment",
            || self.send(to, &payload),
            |frame| {
                let (_, tcp) = frame.tcp()?;
                let ours = tcp.to == segment.from && tcp.from == segment.to;
                (ours && wanted(tcp)).then(|| tcp.clone())
            },
        )
    }

    /// Opens a TCP connection and returns the segment that acknowledges the board's SYN.
    ///
    /// # Errors
    /// If the board does not accept it.
    pub fn connect(&self, to: Neighbor, from: u16, port: u16) -> Result<Tcp> {
        let sequence = 1_000_000 + u32::from(from);
        let syn =
            Tcp { from, to: port, sequence, flags: flag::SYN, window: 65_535, ..Tcp::default() };
        let answer = self.exchange(to, &syn, |tcp| tcp.has(flag::SYN) || tcp.has(flag::RST))?;
        ensure!(answer.has(flag::SYN | flag::ACK), "refused: {answer:?}");
        let acknowledgement = answer.sequence.wrapping_add(1);
        let sequence = answer.acknowledgement;
        let ack = Tcp { sequence, acknowledgement, flags: flag::ACK, ..syn };
        self.send(to, &Payload::Tcp(ack.clone()))?;
        Ok(ack)
    }

    /// Counts the frames that a board sends us within `time`.
    ///
    /// # Errors
    /// If one is malformed.
    pub fn count_from(&self, from: Neighbor, time: Duration) -> Result<usize> {
        let deadline = Deadline::after(time);
        let mut count = 0;
        while let Some(frame) = self.receive(deadline.left())? {
            let ours =
                matches!(frame.body, Body::Ipv4(Ipv4 { source, .. }) if source == from.address);
            count += usize::from(ours);
        }
        Ok(count)
    }

    fn ask<T>(
        &self,
        what: &str,
        mut question: impl FnMut() -> Result<()>,
        mut answer: impl FnMut(&Frame) -> Option<T>,
    ) -> Result<T> {
        let deadline = Deadline::after(PATIENCE);
        loop {
            question()?;
            let again = Deadline::after(ASK_AGAIN_AFTER);
            while let Some(frame) = self.receive(again.left())? {
                if let Some(found) = answer(&frame) {
                    return Ok(found);
                }
            }
            if deadline.has_passed() {
                bail!("no {what} within {PATIENCE:?}");
            }
        }
    }
}
