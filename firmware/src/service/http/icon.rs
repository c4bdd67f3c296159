//! The picture in a browser's tab: two machines on a wire, 16 by 16, in the ICO format's oldest
//! form, so that `/favicon.ico` is a picture everywhere and 198 bytes.

/// A row a number, the leftmost pixel in the highest bit.
const ROWS: [u16; 16] = [
    0b0000_0000_0000_0000,
    0b0111_1110_0000_0000,
    0b0100_0010_0000_0000,
    0b0101_1010_0000_0000,
    0b0101_1010_0000_0000,
    0b0100_0010_0000_0000,
    0b0111_1110_0000_0000,
    0b0001_1000_0000_0000,
    0b0001_1111_1111_1000,
    0b0000_0000_0001_1000,
    0b0000_0000_0111_1110,
    0b0000_0000_0100_0010,
    0b0000_0000_0101_1010,
    0b0000_0000_0101_1010,
    0b0000_0000_0100_0010,
    0b0000_0000_0111_1110,
];

/// ICONDIR, one ICONDIRENTRY, BITMAPINFOHEADER, two colours, 16 rows of colour, 16 rows of
/// transparency.
const BYTES: usize = 6 + 16 + 40 + 8 + 16 * 4 + 16 * 4;

/// The file.
pub(super) static ICON: [u8; BYTES] = icon();

const fn icon() -> [u8; BYTES] {
    // Numbers are little-endian. The bitmap's height counts both pictures: colour and transparency.
    let head: [u8; 70] = [
        0, 0, 1, 0, 1, 0, // reserved, kind 1 (icon), one picture
        16, 16, 2, 0, 1, 0, 1, 0, // width, height, colours, reserved, planes, bits a pixel
        176, 0, 0, 0, 22, 0, 0, 0, // its bytes, where they begin
        40, 0, 0, 0, 16, 0, 0, 0, 32, 0, 0, 0, 1, 0, 1,
        0, // header's bytes, width, height, planes, bits
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, // no compression, defaults
        0, 0, 0, 0, 0x4B, 0x12, 0xC5, 0, // colour 0: not seen; colour 1: blue, green, red
    ];
    let mut bytes = [0; BYTES];
    let mut at = 0;
    while at < head.len() {
        bytes[at] = head[at];
        at += 1;
    }
    let mut row = 0;
    while row < 16 {
        // The lowest row comes first; a row is padded to four bytes. Transparent is what is not
        // set.
        let [high, low] = ROWS[15 - row].to_be_bytes();
        bytes[70 + row * 4] = high;
        bytes[71 + row * 4] = low;
        bytes[134 + row * 4] = !high;
        bytes[135 + row * 4] = !low;
        row += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_lengths_agree() {
        let word = |at: usize| u32::from_le_bytes(ICON[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!(ICON.len(), 198);
        assert_eq!(word(14) + word(18), ICON.len());
        assert_eq!(word(22), 40);
    }
}
