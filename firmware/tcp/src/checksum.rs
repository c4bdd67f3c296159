//! The Internet checksum over a segment and its pseudo-header (RFC 9293 3.1).

use core::net::IpAddr;

/// A one's complement sum under way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum(u64);

impl Sum {
    /// The sum of the pseudo-header: addresses, protocol 6, length of the segment in bytes.
    pub fn pseudo_header(source: IpAddr, destination: IpAddr, length: usize) -> Self {
        let mut sum = Self(6 + length as u64);
        for address in [source, destination] {
            match address {
                IpAddr::V4(address) => sum.add(&address.octets()),
                IpAddr::V6(address) => sum.add(&address.octets()),
            }
        }
        sum
    }

    /// Adds bytes that begin at an even distance from the start of the segment.
    pub fn add(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(4);
        // 2^32 words of 32 bits fit into 64 bits: no segment is that long.
        let mut sum = 0u64;
        for word in &mut words {
            sum += u64::from(u32::from_be_bytes([word[0], word[1], word[2], word[3]]));
        }
        let rest = words.remainder();
        let mut last = [0; 4];
        last[..rest.len()].copy_from_slice(rest);
        self.0 += sum + u64::from(u32::from_be_bytes(last));
    }

    /// The checksum: what makes the sum of all words zero.
    pub fn finish(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xFFFF {
            sum = (sum & 0xFFFF) + (sum >> 16);
        }
        !(sum as u16)
    }
}

/// True if a received segment's checksum holds.
pub fn is_right(source: IpAddr, destination: IpAddr, segment: &[u8]) -> bool {
    let mut sum = Sum::pseudo_header(source, destination, segment.len());
    sum.add(segment);
    sum.finish() == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_a_whole_segment_is_zero() {
        let (a, b) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        for length in 20..64 {
            let mut segment: [u8; 64] = core::array::from_fn(|i| (i * 37 + length) as u8);
            segment[16..18].fill(0);
            let mut sum = Sum::pseudo_header(a, b, length);
            sum.add(&segment[..length]);
            segment[16..18].copy_from_slice(&sum.finish().to_be_bytes());
            assert!(is_right(a, b, &segment[..length]), "{length}");
            segment[3] ^= 1;
            assert!(!is_right(a, b, &segment[..length]), "{length}");
        }
    }
}
