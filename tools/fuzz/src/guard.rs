//! The guard around the network device. Input: pieces, see [`corpus::tag::guard`].

use std::collections::VecDeque;

use corpus::tag::guard as tag;
use firmware::limits::{BACKSCATTER_PER_SECOND, CAPTURE_FRAMES, DHCP_PER_SECOND, FRAME_BYTES_MAX};
use firmware::status::Drops;
use firmware::wire::{Guard, Guarded, Recorder};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, Ipv4Address};

/// Those of the guard's unit tests.
const OURS: EthernetAddress = EthernetAddress([0xb8, 0x27, 0xeb, 0, 0, 1]);
const OUR_IP: Ipv4Address = Ipv4Address::new(192, 0, 2, 1);
const BROADCAST: Ipv4Address = Ipv4Address::new(192, 0, 2, 255);

thread_local! {
    /// Takes the guard's notes; its memory is for good.
    static RECORDER: Recorder = {
        let frames = vec![[0; FRAME_BYTES_MAX]; CAPTURE_FRAMES].into_boxed_slice();
        Recorder::new(
            Box::leak(frames.try_into().expect("as many as it holds")),
            || std::time::Duration::ZERO,
        )
    };
}

/// Checks an input with the recorder of this thread.
pub fn check(input: &[u8]) {
    RECORDER.with(|recorder| check_with(recorder, input));
}

/// A frame passes as it is, or is counted once as dropped; what passes is for us and from a
/// station; and what we send that nobody asked for has a rate.
fn check_with(recorder: &Recorder, input: &[u8]) {
    let (guard, drops) = (Guard::new(), Drops::default());
    guard.set_mac(OURS);
    guard.set_address(Some((OUR_IP, Some(BROADCAST))));
    let mut now = Instant::ZERO;
    let mut rates = [Rate::new(BACKSCATTER_PER_SECOND), Rate::new(DHCP_PER_SECOND)];
    let mut wire = Wire::default();
    for (tag, bytes) in corpus::pieces(input) {
        let dropped = || drops.iter().map(|(_, count)| count).sum::<u64>();
        let before = dropped();
        match tag % 3 {
            tag::RECEIVED => {
                let (guard, drops) = (&guard, &drops);
                let mut device = Guarded { device: &mut wire, guard, recorder, drops };
                device.device.incoming = Some(bytes.into());
                let (token, _) = device.receive(now).expect("a frame waits");
                let seen = token.consume(<[u8]>::to_vec);
                let passed = dropped() == before;
                assert!(passed || (dropped() == before + 1 && seen.is_empty()));
                if passed && !bytes.is_empty() {
                    assert_eq!(seen, bytes);
                    is_for_us(bytes);
                }
            }
            tag::SENT => {
                let bytes = &bytes[..bytes.len().min(FRAME_BYTES_MAX)];
                if guard.check_sent(now, bytes).is_ok()
                    && let Some(kind) = limited(bytes)
                {
                    rates[kind].note(now);
                }
            }
            _ => {
                let millis = bytes.first_chunk().map_or(0, |bytes| u16::from_le_bytes(*bytes));
                now += Duration::from_millis(millis.into());
            }
        }
    }
}

fn is_for_us(frame: &[u8]) {
    assert!((14..=FRAME_BYTES_MAX).contains(&frame.len()));
    let (to, from) = (&frame[..6], &frame[6..12]);
    assert!(to == OURS.as_bytes() || to[0] & 1 == 1, "for another station");
    assert!(from[0] & 1 == 0, "from a group");
    // A whole IPv4 packet: from a station that can be one.
    if frame[12..14] == [8, 0] && frame.len() >= 34 && usize::from(frame[14] & 15) >= 5 {
        let total = usize::from(frame[16]) << 8 | usize::from(frame[17]);
        let header = usize::from(frame[14] & 15) * 4;
        if total >= header && 14 + total <= frame.len() {
            let source = &frame[26..30];
            assert!(source[0] < 224 && source[0] != 127 && source != OUR_IP.octets());
        }
    }
}

/// Which limit a frame of ours falls under, by a reading of our own; `None` also for what is cut.
fn limited(frame: &[u8]) -> Option<usize> {
    let is_plain = frame.len() >= 14 + 20 + 20 && frame[12..15] == [8, 0, 0x45];
    let total = usize::from(*frame.get(16)?) << 8 | usize::from(*frame.get(17)?);
    if !is_plain || !(40..=frame.len() - 14).contains(&total) {
        return None;
    }
    match frame[23] {
        1 => matches!(frame[34], 3 | 5 | 11 | 12).then_some(0),
        17 => {
            let length = usize::from(frame[38]) << 8 | usize::from(frame[39]);
            (frame[34..36] == [0, 68] && (8..=total - 20).contains(&length)).then_some(1)
        }
        _ => None,
    }
}

/// What was sent within the last second.
#[derive(Debug)]
struct Rate {
    per_second: u32,
    sent: VecDeque<Instant>,
}

impl Rate {
    fn new(per_second: u32) -> Self {
        Self { per_second, sent: VecDeque::new() }
    }

    fn note(&mut self, now: Instant) {
        self.sent.push_back(now);
        while self.sent.front().is_some_and(|&first| now - first >= Duration::from_secs(1)) {
            self.sent.pop_front();
        }
        // A window of one second may lie across two seconds of the guard's.
        assert!(self.sent.len() <= 2 * self.per_second as usize, "{} in a second", self.sent.len());
    }
}

/// A device with a frame to take.
#[derive(Debug, Default)]
struct Wire {
    incoming: Option<Vec<u8>>,
    outgoing: VecDeque<Vec<u8>>,
}

#[derive(Debug)]
struct Incoming(Vec<u8>);

#[derive(Debug)]
struct Outgoing<'a>(&'a mut VecDeque<Vec<u8>>);

impl RxToken for Incoming {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.push_back(frame);
        result
    }
}

impl Device for &mut Wire {
    type RxToken<'t>
        = Incoming
    where
        Self: 't;
    type TxToken<'t>
        = Outgoing<'t>
    where
        Self: 't;

    fn receive(&mut self, _now: Instant) -> Option<(Incoming, Outgoing<'_>)> {
        let frame = self.incoming.take()?;
        Some((Incoming(frame), Outgoing(&mut self.outgoing)))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Outgoing<'_>> {
        Some(Outgoing(&mut self.outgoing))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_BYTES_MAX;
        capabilities
    }
}
