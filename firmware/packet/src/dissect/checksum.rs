//! The Internet checksum (RFC 1071).

/// Adds up bytes as 16-bit numbers in one's complement.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum(u32);

impl Sum {
    /// With these bytes; those added before must have been even in number.
    #[must_use]
    pub fn add(self, bytes: &[u8]) -> Self {
        let pairs = bytes.chunks(2).map(|pair| match *pair {
            [high, low] => u16::from_be_bytes([high, low]),
            [high] => u16::from_be_bytes([high, 0]),
            _ => 0,
        });
        Self(pairs.fold(self.0, |sum, pair| fold(sum + u32::from(pair))))
    }

    /// The complement: 0 if the bytes hold a correct checksum.
    pub fn complement(self) -> u16 {
        !(fold(self.0) as u16)
    }
}

const fn fold(sum: u32) -> u32 {
    (sum & 0xffff) + (sum >> 16)
}

/// What a checksum field should hold, given what it holds and the complement over all.
pub fn should_be(field: u16, complement: u16) -> u16 {
    fold(fold(u32::from(field) + u32::from(complement))) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correct_sum_is_zero_and_a_wrong_one_is_mended() {
        let header = [
            0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8,
            0, 0xc7,
        ];
        assert_eq!(Sum::default().add(&header).complement(), 0);
        let mut wrong = header;
        wrong[10] = 0x12;
        let complement = Sum::default().add(&wrong).complement();
        assert_eq!(should_be(0x1261, complement), 0xb861);
    }
}
