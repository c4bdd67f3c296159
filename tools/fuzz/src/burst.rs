//! Bursts of the LAN9514. Input: whether frames end with a sum (bit 0), then the burst.

use lan9514::burst::{Arrival, Cursor};
use lan9514::limits::{ETHERNET_HEADER_BYTES, RECEIVED_FRAME_BYTES_MAX};

/// Frames lie in the burst where their status words say, one behind the other; nothing follows a
/// wrong length; and what was found, packed again, is found again.
pub fn check(input: &[u8]) {
    let Some((&head, burst)) = input.split_first() else { return };
    let sums = head & 1 != 0;
    let trailer = if sums { 6 } else { 4 };
    let mut cursor = Cursor::default();
    // Where the next status word is.
    let mut at = 0;
    let mut frames = Vec::new();
    let mut packed = Vec::new();
    loop {
        let status = status(burst, at);
        let Some(found) = cursor.next(burst, sums) else {
            assert!(at >= burst.len(), "{} bytes were not looked at", burst.len() - at);
            break;
        };
        let Ok(arrival) = found else {
            assert_eq!(cursor.next(burst, sums), None, "something follows a wrong length");
            let all_is_well = status.is_some_and(|(length, bad)| {
                let sizes = ETHERNET_HEADER_BYTES..=RECEIVED_FRAME_BYTES_MAX;
                length <= burst.len() - at - 4
                    && (bad || length.checked_sub(trailer).is_some_and(|n| sizes.contains(&n)))
            });
            assert!(!all_is_well, "a right length was refused");
            break;
        };
        let Some((length, bad)) = status else { panic!("a frame without a status word") };
        let end = at + 4 + length;
        assert!(end <= burst.len(), "a frame reaches beyond the burst");
        match arrival {
            Arrival::Frame { at: place, sum } => {
                assert!(!bad, "a damaged frame was taken");
                assert_eq!(place, at + 4..end - trailer);
                let frame = &burst[place.clone()];
                assert!(frame.len() >= ETHERNET_HEADER_BYTES);
                assert!(frame.len() <= RECEIVED_FRAME_BYTES_MAX);
                let told = sums.then(|| u16::from_be_bytes([burst[end - 2], burst[end - 1]]));
                assert_eq!(sum, told);
                frames.push((frame, sum));
                packed.resize(packed.len().next_multiple_of(4), 0);
                packed.extend(&burst[at..end]);
            }
            Arrival::Damaged(_) => assert!(bad, "a good frame counts as damaged"),
        }
        at = end.next_multiple_of(4);
    }
    let mut cursor = Cursor::default();
    for (frame, sum) in frames {
        let Some(Ok(Arrival::Frame { at, sum: again })) = cursor.next(&packed, sums) else {
            panic!("a frame that was packed again is lost");
        };
        assert_eq!((&packed[at], again), (frame, sum));
    }
    assert_eq!(cursor.next(&packed, sums), None);
}

/// The length in a status word, and whether its error bit is set; a reading of our own.
fn status(burst: &[u8], at: usize) -> Option<(usize, bool)> {
    let &[_, flags, low, high] = burst.get(at..)?.first_chunk()?;
    let length = usize::from(high & 0x3f) << 8 | usize::from(low);
    Some((length, flags & 0x80 != 0))
}
