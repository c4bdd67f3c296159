//! TCP checksums as the LAN9514's driver sees to them. Input: whether the chip gave a sum (bit 0)
//! and whether it is right (bit 1), the wrong sum (two bytes), then a frame.

use lan9514::checksum::{Filled, Verdict, check as judge, fill};

/// A frame that is right is never dropped, one that is wrong is dropped unless the chip says it is
/// right, and what is filled in is right.
pub fn check(input: &[u8]) {
    let Some((&[head, high, low], frame)) = input.split_first_chunk() else { return };
    let truth = truth(frame);
    let chip = match head & 3 {
        0 | 2 => None,
        1 => Some(u16::from_be_bytes([high, low])),
        _ => Some(sum(frame.get(14..).unwrap_or_default())),
    };
    let is_right_sum = head & 3 == 3;
    match (judge(frame, chip), truth) {
        (Verdict::NotTcp, Truth::Other) | (Verdict::Fragment, Truth::Fragment) => {}
        (Verdict::Good, Truth::Tcp { good, .. }) => {
            assert!(chip.is_some(), "there is no sum to be right");
            assert!(good || !is_right_sum, "a wrong frame passed");
        }
        (Verdict::GoodAfterAll, Truth::Tcp { good, .. }) => {
            assert!(good, "a wrong frame passed");
            assert!(!is_right_sum, "a right sum was doubted");
        }
        (Verdict::Wrong, Truth::Tcp { good, .. }) => assert!(!good, "a right frame was dropped"),
        (verdict, truth) => panic!("{verdict:?}, and it is {truth:?}"),
    }
    fills(frame, truth);
}

/// What is sent has the right checksum, and nothing else in it was changed.
fn fills(frame: &[u8], truth: Truth) {
    let mut sent = frame.to_vec();
    let filled = fill(&mut sent);
    let Truth::Tcp { segment, .. } = truth else {
        assert_eq!((sent.as_slice(), filled), (frame, Filled::Already));
        return;
    };
    if let Filled::ByChip { start, field } = filled {
        assert_eq!((start, field), (segment, segment + 16));
        let checksum = !sum(&sent[start..]);
        sent[field..field + 2].copy_from_slice(&checksum.to_be_bytes());
    }
    let Truth::Tcp { good, .. } = self::truth(&sent) else { panic!("it was a segment") };
    assert!(good, "the checksum that was filled in is wrong");
    sent[segment + 16..segment + 18].copy_from_slice(&frame[segment + 16..segment + 18]);
    assert_eq!(sent, frame, "more than the checksum was changed");
}

/// What a frame is.
#[derive(Clone, Copy, Debug)]
enum Truth {
    /// A whole TCP segment, which begins at this byte; whether its checksum is right.
    Tcp {
        segment: usize,
        good: bool,
    },
    Fragment,
    Other,
}

/// A reading of our own, by the offsets of RFC 791 and RFC 9293.
fn truth(frame: &[u8]) -> Truth {
    let word = |at: usize| usize::from(frame[at]) << 8 | usize::from(frame[at + 1]);
    if frame.len() < 14 + 10 || word(12) != 0x0800 || frame[14] >> 4 != 4 || frame[23] != 6 {
        return Truth::Other;
    }
    let (header, total) = (usize::from(frame[14] & 15) * 4, word(16));
    if header < 20 || total < header || 14 + total > frame.len() {
        return Truth::Other;
    }
    let (more, offset) = (word(20) & 0x2000, word(20) & 0x1fff);
    if more != 0 || offset != 0 {
        return Truth::Fragment;
    }
    if total - header < 20 {
        return Truth::Other;
    }
    let segment = 14 + header;
    let length = (total - header) as u16;
    let pseudo = [&frame[26..34], &[0, 6], &length.to_be_bytes()].concat();
    let good = sum(&[&pseudo, &frame[segment..14 + total]].concat()) == 0xffff;
    Truth::Tcp { segment, good }
}

/// RFC 1071, a word at a time.
fn sum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|word| match *word {
        [high, low] => u32::from(high) << 8 | u32::from(low),
        [high] => u32::from(high) << 8,
        _ => 0,
    });
    words.fold(0_u32, |sum, word| {
        let sum = sum + word;
        (sum & 0xffff) + (sum >> 16)
    }) as u16
}
