//! A capture is played to the board again, in virtual time: what does it answer?
//!
//! ```text
//!   FILE.pcap ── frames that others sent ──> as many microseconds after the first as in the file
//!                frames of the board's ────> left out: it is asked for its own
//!   what the board sends ──────────────────> printed, and written to another file
//! ```
//!
//! The same file and options give the same bytes, so a capture of what went wrong is a test.
//!
//! The others are not there: they say what they said, whatever the board answers now. Only one
//! thing is made to fit, since nothing would be heard beyond a handshake without it: the numbers by
//! which they acknowledge what the board sent ([`acknowledgements`]).

mod acknowledgements;
mod sums;

use std::fmt::Write as _;
use std::time::Duration;

use acknowledgements::Acknowledgements;
use anyhow::{Context, Result};
use packet::pcapng::Way;
use packet::savefile::{Record, Records};
use packet::{Dissector, Frame, Numeric, Timestamp, pcap};
use smoltcp::wire::{
    ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, Ipv4Address, Ipv4Packet,
};

use crate::desk::{Desk, Setup};
use crate::wire::Quality;

/// The board is left alone for so long before the first frame: what it asks and tells everybody
/// after its start is over by then.
const SETTLE: Duration = Duration::from_secs(15);
/// Bytes of the longest frame that is written.
const SNAP_BYTES: u32 = 262_144;

/// A frame and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// When: in a [`Capture`], since 1970; in a play, since the first frame.
    pub at: Duration,
    /// Which way, as the board sees it, if it is known.
    pub way: Option<Way>,
    /// Its bytes, without FCS.
    pub bytes: Vec<u8>,
}

/// A file's frames.
#[derive(Clone, Debug, Default)]
pub struct Capture {
    /// All that can be played.
    pub frames: Vec<Passed>,
    /// How many cannot be: not all of their bytes were captured.
    pub cut: usize,
}

impl Capture {
    /// Reads a file.
    ///
    /// # Errors
    /// If it is no capture of an Ethernet, or has no whole frame.
    pub fn read(file: &[u8]) -> Result<Self> {
        let mut capture = Self::default();
        for record in Records::new(file)? {
            let Record { frame: Frame { bytes, length, at }, way } = record?;
            if bytes.len() < length {
                capture.cut += 1;
                continue;
            }
            // Loopback's frames have no addresses, and never were on the wire.
            if bytes.starts_with(&[0; 12]) {
                continue;
            }
            let at = Duration::new(at.seconds.into(), at.microseconds * 1000);
            capture.frames.push(Passed { at, way, bytes: bytes.to_vec() });
        }
        let cut = capture.cut;
        capture.frames.first().with_context(|| match cut {
            0 => "no frame in it".into(),
            cut => format!("none of its {cut} frames was captured as a whole"),
        })?;
        Ok(capture)
    }

    /// Who the board is, as far as the frames tell: who is asked first, by ARP or by an IPv4 packet
    /// to it alone. Frames that are said to be the board's count as answers.
    pub fn guess(&self) -> Guess {
        let mut guess = Guess::default();
        for Passed { way, bytes, .. } in &self.frames {
            let Ok(frame) = EthernetFrame::new_checked(bytes.as_slice()) else { continue };
            if *way == Some(Way::Out) {
                guess.mac = guess.mac.or(Some(frame.src_addr()));
            } else {
                guess.address = guess.address.or_else(|| asked(&frame));
            }
        }
        guess.mac = guess.mac.or_else(|| self.mac_of(guess.address?));
        guess
    }

    /// The Ethernet address that goes with an IPv4 address.
    pub fn mac_of(&self, address: Ipv4Address) -> Option<EthernetAddress> {
        let frames = self.frames.iter();
        let frames = frames.filter_map(|passed| EthernetFrame::new_checked(&*passed.bytes).ok());
        let macs = frames.filter_map(|frame| match frame.ethertype() {
            EthernetProtocol::Arp => Some(arp(&frame)?.0).filter(|(_, has)| *has == address),
            EthernetProtocol::Ipv4 => {
                let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
                (packet.dst_addr() == address).then(|| (frame.dst_addr(), address))
            }
            _ => None,
        });
        macs.map(|(mac, _)| mac).find(EthernetAddress::is_unicast)
    }
}

/// What is known of the board.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guess {
    /// Its address.
    pub address: Option<Ipv4Address>,
    /// Its Ethernet address.
    pub mac: Option<EthernetAddress>,
}

/// The sender of an ARP packet, and whom it asks for.
type Arp = ((EthernetAddress, Ipv4Address), Ipv4Address);

fn arp(frame: &EthernetFrame<&[u8]>) -> Option<Arp> {
    let packet = ArpPacket::new_checked(frame.payload()).ok()?;
    let ArpRepr::EthernetIpv4 {
        source_hardware_addr,
        source_protocol_addr,
        target_protocol_addr,
        ..
    } = ArpRepr::parse(&packet).ok()?
    else {
        return None;
    };
    Some(((source_hardware_addr, source_protocol_addr), target_protocol_addr))
}

/// Whom this frame asks for something.
fn asked(frame: &EthernetFrame<&[u8]>) -> Option<Ipv4Address> {
    match frame.ethertype() {
        // Who asks for its own address looks for somebody else who has it.
        EthernetProtocol::Arp => arp(frame).filter(|((_, from), to)| from != to).map(|(_, to)| to),
        EthernetProtocol::Ipv4 if frame.dst_addr().is_unicast() => {
            Some(Ipv4Packet::new_checked(frame.payload()).ok()?.dst_addr())
        }
        _ => None,
    }
}

/// The kernel command line of a board with this address, in a network of 24 bits.
pub fn append(address: Ipv4Address) -> String {
    format!("ip={address}:::255.255.255.0::eth0:off")
}

/// How a capture is played.
#[derive(Clone, Debug)]
pub struct Play {
    /// The kernel command line.
    pub append: String,
    /// The board's Ethernet address: frames from there are not played.
    pub mac: EthernetAddress,
    /// Checksums are made right before frames are played: a capture at their sender has them as the
    /// network card was to fill them in.
    pub fix_checksums: bool,
    /// How long the board is listened to after the last frame.
    pub wait: Duration,
}

impl Play {
    /// Plays it: all that passed, both ways.
    pub fn run(&self, capture: &Capture) -> Vec<Passed> {
        let setup = Setup {
            append: format!("mac={} {}", self.mac, self.append),
            // The file says when frames arrive.
            quality: Quality { delay: Duration::ZERO..Duration::ZERO, ..Quality::GOOD },
            peers: 0,
            ..Setup::default()
        };
        Desk::run(&setup, |desk| self.play(desk, capture))
    }

    fn play(&self, desk: &mut Desk, capture: &Capture) -> Vec<Passed> {
        desk.run_for(SETTLE);
        desk.take_frames();
        let start = desk.now();
        let listen = |desk: &mut Desk, until: Duration| {
            desk.run_for(until.saturating_sub(desk.now()));
            let frames = desk.take_stamped_frames().into_iter();
            frames.map(move |(at, bytes)| Passed { at: at - start, way: Some(Way::Out), bytes })
        };
        let mut passed = Vec::new();
        let mut acknowledgements = Acknowledgements::default();
        let Some(first) = capture.frames.first().map(|frame| frame.at) else { return passed };
        for frame in &capture.frames {
            if self.is_of_the_board(frame) {
                acknowledgements.captured(&frame.bytes);
                continue;
            }
            // Frames may stand in a file in another order than that of their times.
            for answer in listen(desk, start + frame.at.saturating_sub(first)) {
                acknowledgements.sent(&answer.bytes);
                passed.push(answer);
            }
            let mut bytes = frame.bytes.clone();
            if self.fix_checksums {
                sums::mend(&mut bytes);
            }
            acknowledgements.make_fit(&mut bytes);
            desk.send_frame(bytes.clone());
            passed.push(Passed { at: desk.now() - start, way: Some(Way::In), bytes });
        }
        passed.extend(listen(desk, desk.now() + self.wait));
        passed
    }

    /// Is it one that the board sent?
    fn is_of_the_board(&self, passed: &Passed) -> bool {
        let from = EthernetFrame::new_checked(&*passed.bytes).map(|frame| frame.src_addr());
        passed.way == Some(Way::Out) || from == Ok(self.mac)
    }
}

/// As tcpdump prints it, with the time since the first frame and the way, as the board sees it.
pub fn print(passed: &[Passed], options: packet::Options) -> String {
    let mut dissector = Dissector::new(options);
    let mut text = String::new();
    for Passed { at, way, bytes } in passed {
        let way = if *way == Some(Way::Out) { "Out" } else { "In" };
        // A String takes everything.
        let _ = write!(text, "{:4}.{:06} {way:<3} ", at.as_secs(), at.subsec_micros());
        let frame = Frame { bytes, length: bytes.len(), at: Timestamp::default() };
        let _ = dissector.print(&frame, &Numeric, &mut text);
    }
    text
}

/// A pcap file of what the board sent, with times that fit to those of the capture.
pub fn answers(capture: &Capture, passed: &[Passed]) -> Vec<u8> {
    let first = capture.frames.first().map(|frame| frame.at).unwrap_or_default();
    let mut file = pcap::file_header(SNAP_BYTES).to_vec();
    for Passed { at, bytes, .. } in passed.iter().filter(|passed| passed.way == Some(Way::Out)) {
        let at = first + *at;
        let seconds = u32::try_from(at.as_secs()).unwrap_or(u32::MAX);
        let at = Timestamp { seconds, microseconds: at.subsec_micros() };
        let length = bytes.len() as u32;
        file.extend(pcap::record_header(at, length, length));
        file.extend(bytes);
    }
    file
}
