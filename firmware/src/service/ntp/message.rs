//! NTP's packets as a simple client writes and reads them (RFC 4330, RFC 5905 7.3); no I/O.
//!
//! A request says nothing about us: its transmit timestamp, which the server sends back as origin,
//! is a random number that tells the answer from a forged one.

use core::fmt;
use core::time::Duration;

use crate::clock::UnixTime;
use crate::limits::NTP_DISTANCE_MAX;
use crate::status::Drop;

/// Bytes of a packet without extensions.
pub const PACKET_BYTES: usize = 48;

/// Seconds from 1900, where NTP's era 0 begins, to 1970.
const TO_1970: u64 = 2_208_988_800;

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Comes back in the answer; not to be guessed.
    pub cookie: u64,
    /// When it was sent, since start.
    pub sent: Duration,
}

/// What a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The time.
    Time(Sample),
    /// A kiss of death (RFC 4330 8): go away, or not so fast.
    Kiss(Kiss),
}

/// What a server says about the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The time of day when the answer arrived.
    pub time: UnixTime,
    /// How long question and answer were on their way, both together. The time may be wrong by half
    /// of it.
    pub delay: Duration,
    /// Servers between this one and a clock: 1 has one itself.
    pub stratum: u8,
}

/// Why a server does not tell the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kiss {
    /// We ask too often: `RATE`.
    Rate,
    /// We may not ask: `DENY`, `RSTR`, and whatever else.
    Deny([u8; 4]),
}

impl fmt::Display for Kiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = match self {
            Self::Rate => b"RATE",
            Self::Deny(code) => code,
        };
        code.iter().try_for_each(|&byte| {
            let shown = if byte.is_ascii_graphic() { char::from(byte) } else { '?' };
            write!(f, "{shown}")
        })
    }
}

/// Why an answer is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It answers something that was not asked.
    Unasked,
    /// It is no answer of a server.
    Malformed,
    /// The server does not know the time itself.
    Unsynchronized,
    /// The server is too far from a clock to be of use.
    Distant,
}

impl Refusal {
    /// As it is counted.
    pub fn reason(self) -> Drop {
        match self {
            Self::Unasked => Drop::NtpUnasked,
            _ => Drop::NtpUnusable,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unasked => "answers what was not asked",
            Self::Malformed => "sends no NTP",
            Self::Unsynchronized => "does not know the time itself",
            Self::Distant => "is too far from a clock",
        })
    }
}

impl Request {
    /// The packet: version 4, client, and the cookie.
    pub fn write(&self) -> [u8; PACKET_BYTES] {
        const VERSION_AND_MODE: u8 = 4 << 3 | 3;
        let mut packet = [0; PACKET_BYTES];
        packet[0] = VERSION_AND_MODE;
        packet[40..].copy_from_slice(&self.cookie.to_be_bytes());
        packet
    }

    /// Reads what came from the server that was asked, at the time `received` since start.
    ///
    /// # Errors
    /// [`Refusal`], by the checks of RFC 4330 5 and RFC 5905 A.5.1.1.
    pub fn read(&self, bytes: &[u8], received: Duration) -> Result<Answer, Refusal> {
        let packet = bytes.first_chunk::<PACKET_BYTES>().ok_or(Refusal::Malformed)?;
        let word = |at: usize| {
            let [a, b, c, d] = [packet[at], packet[at + 1], packet[at + 2], packet[at + 3]];
            u32::from_be_bytes([a, b, c, d])
        };
        let stamp = |at: usize| u64::from(word(at)) << 32 | u64::from(word(at + 4));
        let [leap, version, mode] = [packet[0] >> 6, packet[0] >> 3 & 7, packet[0] & 7];
        if mode != 4 || !(3..=4).contains(&version) {
            return Err(Refusal::Malformed);
        }
        if stamp(24) != self.cookie {
            return Err(Refusal::Unasked);
        }
        let stratum = packet[1];
        if stratum == 0 {
            let code = [packet[12], packet[13], packet[14], packet[15]];
            return Ok(Answer::Kiss(if code == *b"RATE" { Kiss::Rate } else { Kiss::Deny(code) }));
        }
        if leap == 3 || stratum > 15 {
            return Err(Refusal::Unsynchronized);
        }
        let (heard, told) = (stamp(32), stamp(40));
        // An answer takes less than 68 years, also around the end of an era.
        let held = told.wrapping_sub(heard);
        if heard == 0 || told == 0 || held >> 63 != 0 {
            return Err(Refusal::Malformed);
        }
        let delay = received.saturating_sub(self.sent).saturating_sub(fixed(held, 32));
        let root_delay = fixed(u64::from(word(4)), 16);
        let root_dispersion = fixed(u64::from(word(8)), 16);
        if root_delay / 2 + root_dispersion + delay / 2 > NTP_DISTANCE_MAX {
            return Err(Refusal::Distant);
        }
        Ok(Answer::Time(Sample { time: unix(told) + delay / 2, delay, stratum }))
    }
}

/// A number with so many binary places, in seconds.
fn fixed(number: u64, places: u32) -> Duration {
    let nanos = ((number & ((1 << places) - 1)) * 1_000_000_000) >> places;
    Duration::from_secs(number >> places) + Duration::from_nanos(nanos)
}

/// A timestamp of NTP as time of day. It counts from 1900, or, without the top bit, from 2036 (RFC
/// 4330 3).
fn unix(stamp: u64) -> UnixTime {
    let era = if stamp >> 63 == 0 { 1 << 32 } else { 0 };
    let since_1900 = fixed(stamp, 32) + Duration::from_secs(era);
    // The two years of era 0 before 1970 are nobody's time.
    UnixTime::new(since_1900.saturating_sub(Duration::from_secs(TO_1970)))
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    const REQUEST: Request =
        Request { cookie: 0x1234_5678_9abc_def0, sent: Duration::from_secs(100) };

    /// An answer of stratum 2 that was on its way for 10 ms each way, and 5 ms with the server.
    fn answer() -> [u8; PACKET_BYTES] {
        let mut packet = [0; PACKET_BYTES];
        packet[0] = 4 << 3 | 4;
        packet[1] = 2;
        // Root delay and dispersion: 1/4 s and 1/8 s.
        packet[6] = 0x40;
        packet[10] = 0x20;
        packet[24..32].copy_from_slice(&REQUEST.cookie.to_be_bytes());
        // 2026-11-21 10:11:12 UTC and a half.
        let told: u64 = (1_795_255_872 + TO_1970) << 32 | 1 << 31;
        let five_ms = (5 << 32) / 1000;
        packet[32..40].copy_from_slice(&(told - five_ms).to_be_bytes());
        packet[40..].copy_from_slice(&told.to_be_bytes());
        packet
    }

    fn read(packet: &[u8]) -> Result<Answer, Refusal> {
        let mut seed = REQUEST.cookie.to_be_bytes().to_vec();
        seed.extend_from_slice(packet);
        corpus::seed("ntp_answer", &seed);
        REQUEST.read(packet, Duration::from_millis(100_025))
    }

    #[test]
    fn a_request_says_nothing_about_us() {
        let packet = REQUEST.write();
        assert_eq!(packet[0], 0x23);
        assert!(packet[1..40].iter().all(|&byte| byte == 0));
        assert_eq!(packet[40..], REQUEST.cookie.to_be_bytes());
    }

    #[test]
    fn the_time_is_the_servers_and_half_of_the_way() {
        let Ok(Answer::Time(sample)) = read(&answer()) else { panic!() };
        assert_eq!(sample.time.to_string(), "2026-11-21T10:11:12.510000Z");
        assert_eq!((sample.delay.as_millis(), sample.stratum), (20, 2));
        // Extensions and a signature behind it are none of our business.
        let mut long = answer().to_vec();
        long.extend([0; 20]);
        assert_eq!(read(&long), read(&answer()));
        // The second era.
        let mut later = answer();
        later[32..40].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1]);
        later[40..].copy_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0]);
        let later = REQUEST.read(&later, Duration::from_secs(102));
        let Ok(Answer::Time(later)) = later else { panic!("{later:?}") };
        assert_eq!(later.time.to_string(), "2036-02-07T06:28:17.500000Z");
        // The first moment that has the top bit is in 1968.
        assert_eq!(unix(1 << 63), UnixTime::new(Duration::ZERO));
    }

    #[test]
    fn what_is_not_believed() {
        type Change = fn(&mut [u8; PACKET_BYTES]);
        let rows: [(&str, Change, Refusal); 13] = [
            ("a client's", |p| p[0] = 4 << 3 | 3, Refusal::Malformed),
            ("a broadcast", |p| p[0] = 4 << 3 | 5, Refusal::Malformed),
            ("version 2", |p| p[0] = 2 << 3 | 4, Refusal::Malformed),
            ("another's cookie", |p| p[31] ^= 1, Refusal::Unasked),
            ("a cookie of zeros", |p| p[24..32].fill(0), Refusal::Unasked),
            ("leap 3", |p| p[0] |= 0xc0, Refusal::Unsynchronized),
            ("stratum 16", |p| p[1] = 16, Refusal::Unsynchronized),
            ("stratum 255", |p| p[1] = 255, Refusal::Unsynchronized),
            ("no time heard", |p| p[32..40].fill(0), Refusal::Malformed),
            ("no time told", |p| p[40..].fill(0), Refusal::Malformed),
            ("told before it was heard", |p| p[32] ^= 1, Refusal::Malformed),
            ("a far clock", |p| p[5] = 7, Refusal::Distant),
            ("an uncertain clock", |p| p[9] = 3, Refusal::Distant),
        ];
        for (what, change, expected) in rows {
            let mut packet = answer();
            change(&mut packet);
            assert_eq!(read(&packet), Err(expected), "{what}");
        }
        for len in 0..PACKET_BYTES {
            assert_eq!(read(&answer()[..len]), Err(Refusal::Malformed));
        }
        // On its way for longer than it is good for.
        let late = REQUEST.read(&answer(), Duration::from_secs(106));
        assert_eq!(late, Err(Refusal::Distant));
    }

    #[test]
    fn a_kiss_counts_only_if_it_answers() {
        for (code, shown, expected) in [
            (*b"RATE", "RATE", Kiss::Rate),
            (*b"DENY", "DENY", Kiss::Deny(*b"DENY")),
            ([0x1b, b'[', b'2', b'J'], "?[2J", Kiss::Deny([0x1b, b'[', b'2', b'J'])),
        ] {
            let mut packet = answer();
            (packet[0], packet[1]) = (packet[0] | 0xc0, 0);
            packet[12..16].copy_from_slice(&code);
            assert_eq!(read(&packet), Ok(Answer::Kiss(expected)));
            assert_eq!(expected.to_string(), shown);
            packet[24] ^= 1;
            assert_eq!(read(&packet), Err(Refusal::Unasked));
        }
    }
}
