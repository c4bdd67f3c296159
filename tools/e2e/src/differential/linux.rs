//! Linux's side: raw frames from one end of a pair of interfaces, sockets at the other.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};

use anyhow::Result;
use corpus::tag::tcp as tag;
use nix::sys::socket::{setsockopt, sockopt};

use super::{Conversation, OURS, PEER_PORT, PORT, Peers, STEP, THEIRS, byte};
use crate::frame::{Mac, TYPE_IPV4, ethernet, ipv4};
use crate::namespace::Namespace;
use crate::packet_socket::PacketSocket;
use crate::wait::Deadline;

/// Linux's end, and the peers'.
const MACS: [Mac; 2] = [Mac([2, 0xba, 0x5e, 0, 0, 1]), Mac([2, 0xba, 0x5e, 0, 0, 2])];
/// TCP's number in IPv4.
const PROTOCOL: u8 = 6;

/// Linux's TCP, behind a pair of interfaces in a namespace.
pub struct Linux {
    namespace: Namespace,
    socket: PacketSocket,
}

/// One conversation with it.
struct Stage {
    listener: TcpListener,
    held: [Option<TcpStream>; tag::PEERS],
    peers: Peers,
    /// Of its first peer.
    port: u16,
}

impl Linux {
    /// What it answers at each step of each conversation.
    pub fn play(conversations: &[Conversation]) -> Result<Vec<Vec<Vec<String>>>> {
        let linux = Self::new()?;
        let mut stages = BTreeMap::new();
        for (index, _) in conversations.iter().enumerate() {
            let port = PEER_PORT + (index * tag::PEERS) as u16;
            // A port of its own for each, so that everybody accepts only what is theirs.
            let own = PORT + index as u16;
            let listener = linux.namespace.enter(|| TcpListener::bind((OURS, own)))??;
            listener.set_nonblocking(true)?;
            stages.insert(
                index,
                Stage { listener, held: Default::default(), peers: Peers::default(), port },
            );
        }
        let mut answers: Vec<Vec<Vec<String>>> = conversations.iter().map(|_| vec![]).collect();
        let steps = conversations.iter().map(|one| one.steps.len()).max().unwrap_or(0);
        for step in 0..steps {
            for (index, stage) in &mut stages {
                let Some((tag, bytes)) = conversations[*index].steps.get(step) else { continue };
                answers[*index].push(stage.step(
                    &linux.socket,
                    PORT + *index as u16,
                    *tag,
                    bytes,
                )?);
            }
            // Nothing tells that nothing more will come.
            let deadline = Deadline::after(STEP);
            while let Some(frame) = linux.socket.receive(deadline.left())? {
                let Some((port, segment)) = Self::segment(&frame) else { continue };
                let Some(number) = port.checked_sub(PEER_PORT).map(usize::from) else { continue };
                let (index, peer) = (number / tag::PEERS, number % tag::PEERS);
                let Some(stage) = stages.get_mut(&index) else { continue };
                let answer = stage.peers.answer(peer, segment);
                if let Some(answers) = answers[index].get_mut(step) {
                    answers.extend(answer);
                }
            }
        }
        Ok(answers)
    }

    fn new() -> Result<Self> {
        let namespace = Namespace::new()?;
        let mac = |mac: Mac| mac.0.map(|byte| format!("{byte:02x}")).join(":");
        let (ours, theirs) = (mac(MACS[0]), mac(MACS[1]));
        let address = format!("{OURS}/24");
        let peer = THEIRS.to_string();
        for line in [
            &["link", "add", "v0", "address", &ours, "type", "veth", "peer", "name", "v1"][..],
            &["link", "set", "v0", "gso_max_segs", "1"],
            &["address", "add", &address, "dev", "v0"],
            &["link", "set", "v0", "up"],
            &["link", "set", "v1", "up"],
            &["neigh", "add", &peer, "lladdr", &theirs, "dev", "v0", "nud", "permanent"],
        ] {
            namespace.ip(line)?;
        }
        let socket = namespace.enter(|| PacketSocket::open("v1"))??;
        Ok(Self { namespace, socket })
    }

    /// The segment in a frame of Linux's, and the port it is for.
    fn segment(frame: &[u8]) -> Option<(u16, &[u8])> {
        let is_ours = frame.starts_with(&MACS[1].0) && frame.get(12..15) == Some(&[8, 0, 0x45]);
        if !is_ours || frame.get(23) != Some(&PROTOCOL) {
            return None;
        }
        let total = usize::from(u16::from_be_bytes([frame[16], frame[17]]));
        let segment = frame.get(34..14 + total)?;
        let port = u16::from_be_bytes(*segment.get(2..)?.first_chunk()?);
        Some((port, segment))
    }
}

impl Stage {
    fn step(
        &mut self,
        socket: &PacketSocket,
        own: u16,
        tag: u8,
        bytes: &[u8],
    ) -> Result<Vec<String>> {
        let count = usize::from(u16::from_le_bytes([byte(bytes, 1), byte(bytes, 2)]));
        let peer = usize::from(byte(bytes, 0)) % tag::PEERS;
        let result = |result: std::io::Result<usize>| match result {
            Ok(count) => count.to_string(),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => "empty".into(),
            Err(_) => "error".into(),
        };
        let mut answers = Vec::new();
        match (tag, &mut self.held[peer]) {
            (tag::SEGMENT, _) => {
                let (_, mut segment) = self.peers.segment(bytes, self.port);
                // The script's port 80 is this conversation's own; others stay.
                if segment.get(2..4) == Some(&PORT.to_be_bytes()[..]) {
                    segment[2..4].copy_from_slice(&own.to_be_bytes());
                }
                checksum(&mut segment);
                let packet = ipv4(THEIRS, OURS, PROTOCOL, &segment);
                socket.send(&ethernet(MACS[0], MACS[1], TYPE_IPV4, &packet))?;
            }
            (tag::ACCEPT, _) => {
                let accepted = self.listener.accept().ok();
                answers.push(format!("{}", accepted.is_some()));
                if let Some((stream, from)) = accepted {
                    stream.set_nonblocking(true)?;
                    self.held[usize::from(from.port() - self.port)] = Some(stream);
                }
            }
            (_, None) => {}
            (tag::WRITE, Some(stream)) => {
                let written = stream.write(&vec![0; count]);
                answers.push(written.map_or("refused".into(), |count| count.to_string()));
            }
            (tag::READ, Some(stream)) => answers.push(result(stream.read(&mut vec![0; count]))),
            (tag::CLOSE, Some(stream)) => drop(stream.shutdown(Shutdown::Write)),
            (tag::ABORT, Some(stream)) => {
                let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
                setsockopt(stream, sockopt::Linger, &at_once)?;
                self.held[peer] = None;
            }
            (_, held) => *held = None,
        }
        Ok(answers)
    }
}

/// Writes the checksum that Linux looks for.
fn checksum(segment: &mut [u8]) {
    if segment.len() < 20 {
        return;
    }
    segment[16..18].fill(0);
    let length = (segment.len() as u16).to_be_bytes();
    let sum = crate::frame::checksum(&[
        &OURS.octets(),
        &THEIRS.octets(),
        &[0, PROTOCOL],
        &length,
        segment,
    ]);
    segment[16..18].copy_from_slice(&sum.to_be_bytes());
}
