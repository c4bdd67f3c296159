//! Sums over bytes: the FCS, the hash of an address, the Internet checksum.

/// The CRC of each byte, since a server computes one for every frame.
const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 != 0 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

/// CRC-32 of Ethernet in the register, before its final inversion (IEEE 802.3, 3.2.9).
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| crc >> 8 ^ TABLE[usize::from(crc as u8 ^ byte)];
    bytes.iter().fold(u32::MAX, step)
}

/// The frame check sequence, in the order of the wire.
pub fn fcs(frame: &[u8]) -> [u8; 4] {
    (!crc(frame)).to_le_bytes()
}

/// Which of the 64 bits of HASHH:HASHL an address falls on: the upper six bits of its CRC
/// `[data sheet]` 5.5.4.2; the register is read with its first bit on top `[seen]` with Linux.
pub fn hash_index(address: &[u8; 6]) -> u32 {
    crc(address).reverse_bits() >> 26
}

/// One's complement sum of big-endian 16-bit words, an odd last byte padded with zero (RFC 1071).
pub fn ones_sum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
