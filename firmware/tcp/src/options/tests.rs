//! Options: round trips, and lengths that lie.

use proptest::prelude::*;

use super::*;

#[test]
fn whatever_is_written_is_read_back() {
    let block = |n| SackBlock { left: Seq(n), right: Seq(n + 10) };
    let all = [
        Options { mss: Some(1460), ..Options::default() },
        Options {
            mss: Some(1460),
            window_scale: Some(3),
            sack_permitted: true,
            timestamps: Some(Timestamps { value: 1, echo: 2 }),
            ..Options::default()
        },
        Options { sack_permitted: true, window_scale: Some(0), ..Options::default() },
        Options {
            timestamps: Some(Timestamps { value: u32::MAX, echo: 0 }),
            sack: SackBlocks::from_slice(&[block(1), block(100), block(u32::MAX - 20)])
                .unwrap_or_default(),
            ..Options::default()
        },
        Options {
            sack: SackBlocks::from_slice(&[block(1), block(2), block(3), block(4)])
                .unwrap_or_default(),
            ..Options::default()
        },
    ];
    for options in all {
        let mut bytes = [0xEE; OPTIONS_BYTES_MAX];
        let length = options.length();
        assert!(length <= OPTIONS_BYTES_MAX && length.is_multiple_of(4), "{options:?}");
        options.emit(&mut bytes[..length]);
        assert_eq!(Options::parse(&bytes[..length]), options);
    }
}

#[test]
fn lengths_that_cannot_be_end_the_reading() {
    for bad in [&[MSS, 0, 1, 1][..], &[MSS, 1, 5, 180], &[MSS, 40, 5, 180], &[TIMESTAMPS], &[9, 0]]
    {
        let mut bytes = std::vec::Vec::from([MSS, 4, 2, 24]);
        bytes.extend(bad);
        bytes.extend([WINDOW_SCALE, 3, 1]);
        let options = Options::parse(&bytes);
        assert_eq!(options, Options { mss: Some(536), ..Options::default() }, "{bad:?}");
    }
}

#[test]
fn unknown_options_are_skipped_and_wrong_sizes_ignored() {
    let bytes =
        [254, 4, 0, 0, MSS, 3, 5, WINDOW_SCALE, 3, 20, SACK, 6, 0, 0, 0, 0, SACK_PERMITTED, 2];
    let options = Options::parse(&bytes);
    let expected = Options { window_scale: Some(14), sack_permitted: true, ..Options::default() };
    assert_eq!(options, expected);
}

#[test]
fn nothing_behind_the_end_is_read() {
    assert_eq!(Options::parse(&[FILL, END, MSS, 4, 5, 180]), Options::default());
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..OPTIONS_BYTES_MAX)) {
        let options = Options::parse(&bytes);
        prop_assert!(options.window_scale.unwrap_or(0) <= WINDOW_SHIFT_MAX);
    }
}
