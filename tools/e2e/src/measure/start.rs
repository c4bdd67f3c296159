//! From the start of the emulator to the first answered ping.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::board::{Board, Model, cpu_time};
use crate::frame::{Frame, Icmp, Payload};
use crate::lab::{LEASED, Lab, STATIC};
use crate::raw_peer::Neighbor;
use crate::stage::Boot;
use crate::tool::Dnsmasq;
use crate::wait::{Deadline, PATIENCE};

/// A question is asked this often: no answer is noticed later than that.
const INTERVAL: Duration = Duration::from_millis(2);

/// What a start took.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// From the start of the process to the answer.
    pub wall: Duration,
    /// What the emulator used of the CPU until then.
    pub cpu: Duration,
}

/// Starts a board in a laboratory of its own and waits for the first echo reply, asking every 2 ms:
/// by ARP until the board's Ethernet address is known, then by echo requests.
///
/// # Errors
/// If the board does not answer.
pub fn start(model: Model, boot: Boot) -> Result<Start> {
    let lab = Lab::new()?;
    let address = match boot {
        Boot::Dhcp | Boot::Routed => LEASED,
        Boot::Static => STATIC,
        Boot::Named => bail!("a boot with names is as long as one without"),
        Boot::Alone => bail!("a link-local address is not known beforehand"),
    };
    // Dropped before the lab.
    let _dnsmasq = if boot == Boot::Dhcp { Some(Dnsmasq::start(&lab)?) } else { None };
    let peer = lab.raw_peer(9)?;
    // Built before the clock starts.
    crate::board::prepare(model)?;

    let began = Instant::now();
    let mut board = Board::start(model, &boot.append(), Some(&lab), lab.folder())?;
    let pid = board.process().id();
    let deadline = Deadline::after(PATIENCE);
    let mut found: Option<Neighbor> = None;
    let mut sequence = 0;
    while !deadline.has_passed() {
        match found {
            None => peer.send_arp_request(address)?,
            Some(neighbor) => {
                sequence += 1;
                let echo = Icmp::echo(0xb007, sequence, vec![0; 56]);
                peer.send(neighbor, &Payload::Icmp(echo))?;
            }
        }
        let again = Deadline::after(INTERVAL);
        while let Some(frame) = peer.receive(again.left())? {
            if is_answer(&frame) {
                let wall = began.elapsed();
                return Ok(Start { wall, cpu: cpu_time(pid)? });
            }
            let reply = frame.arp().filter(|arp| arp.is_reply && arp.sender == address);
            if let (Some(arp), None) = (reply, found) {
                found = Some(Neighbor { mac: arp.sender_mac, address });
                break;
            }
        }
    }
    Err(anyhow::anyhow!("{}", board.report())).context("no answered ping")
}

fn is_answer(frame: &Frame) -> bool {
    frame.icmp().is_some_and(|(_, icmp)| icmp.kind == 0 && icmp.rest[..2] == [0xb0, 0x07])
}
