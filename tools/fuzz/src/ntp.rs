//! What an NTP server answers. Input: the cookie of the question, eight bytes, then the packet.

use std::time::Duration;

use firmware::service::ntp::message::{Answer, Kiss, Request};

/// When the question was sent, and the answer came: those of the unit tests.
const SENT: Duration = Duration::from_secs(100);
const ROUND_TRIP: Duration = Duration::from_millis(25);

/// What is believed answers the question, comes from a server that knows the time, and names a time
/// that lies where the server's own words put it.
pub fn check(input: &[u8]) {
    let Some((cookie, packet)) = input.split_first_chunk() else { return };
    let request = Request { cookie: u64::from_be_bytes(*cookie), sent: SENT };
    let Ok(answer) = request.read(packet, SENT + ROUND_TRIP) else { return };
    assert!(packet.len() >= 48 && packet[0] & 7 == 4 && packet[24..32] == cookie[..]);
    match answer {
        Answer::Kiss(kiss) => {
            assert_eq!(packet[1], 0);
            assert_eq!(kiss == Kiss::Rate, packet[12..16] == *b"RATE");
            let shown = kiss.to_string();
            assert!(shown.len() == 4 && shown.bytes().all(|byte| byte.is_ascii_graphic()));
        }
        Answer::Time(sample) => {
            assert_eq!(sample.stratum, packet[1]);
            assert!((1..16).contains(&sample.stratum) && packet[0] >> 6 != 3);
            assert!(sample.delay <= ROUND_TRIP);
            let told =
                packet[40..44].iter().fold(0, |seconds, byte| seconds << 8 | i64::from(*byte));
            let era = if packet[40] & 0x80 == 0 { 1 << 32 } else { 0 };
            let seconds = (told + era - 2_208_988_800).max(0);
            let since_1970 = sample.time.since_1970().as_secs() as i64;
            assert!((seconds..=seconds + 1).contains(&since_1970), "{seconds} {since_1970}");
            let _ = sample.time.to_string();
        }
    }
}
