//! Counters: for the test, and those that the chip itself keeps.

/// What became of the frames, since the beginning; no reset clears them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Frames put into the receive FIFO.
    pub received: u64,
    /// Frames that the host has in full.
    pub delivered: u64,
    /// Bursts that the host has in full.
    pub bursts: u64,
    /// The most frames in one burst.
    pub burst_frames_max: u64,
    /// Frames that arrived without a link.
    pub no_link: u64,
    /// Frames that arrived while the receiver was off.
    pub receiver_off: u64,
    /// Frames that the address filter refused.
    pub filtered: u64,
    /// Of them, multicasts.
    pub filtered_multicast: u64,
    /// Frames that found the receive FIFO full.
    pub overflowed: u64,
    /// Damaged frames that were discarded.
    pub damaged: u64,
    /// PAUSE frames that were obeyed.
    pub pauses: u64,
    /// Frames lost from the FIFO by a flush or a reset.
    pub flushed: u64,
    /// Frames lost on the way in because the duplex does not fit.
    pub duplex_lost_in: u64,
    /// Frames lost on the way out because the duplex does not fit.
    pub duplex_lost_out: u64,
    /// The chip's own frames that came back to it.
    pub echoed: u64,
    /// Frames put on the wire.
    pub transmitted: u64,
    /// Frames transmitted without a link.
    pub no_carrier: u64,
    /// Transmit commands that made no sense.
    pub bad_commands: u64,
    /// Frames that were transmitted and no switch would take.
    pub refused: u64,
    /// Checksums inserted.
    pub checksums_inserted: u64,
    /// Register writes that were dropped by intention.
    pub writes_dropped: u64,
}

/// What the chip counts, for GET_STATS.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    pub(super) rx_good: u32,
    pub(super) rx_crc: u32,
    pub(super) rx_too_long: u32,
    pub(super) rx_late_collision: u32,
    pub(super) rx_bad: u32,
    pub(super) rx_fifo_dropped: u32,
    pub(super) tx_good: u32,
    pub(super) tx_pause: u32,
    pub(super) tx_late_collision: u32,
    pub(super) tx_carrier: u32,
    pub(super) tx_bad: u32,
}

impl Counters {
    /// The answer to GET_STATS: wIndex 0 is receive, 1 transmit; the order of the fields is
    /// `[data sheet]` tables 5-38 and 5-39.
    ///
    /// 8 and 10 words `[data sheet]` of the LAN9500; 10 and 12 with the LAN9730, of which the last
    /// two are reserved. The LAN9512 is taken for one of the former `[assumed]`.
    pub(super) fn words(&self, index: u16) -> Option<Vec<u8>> {
        let words: &[u32] = match index {
            0 => &[
                self.rx_good,
                self.rx_crc,
                0, // Runts: no sender here sends any.
                0, // Alignment errors.
                self.rx_too_long,
                self.rx_late_collision,
                self.rx_bad,
                self.rx_fifo_dropped,
            ],
            1 => &[
                self.tx_good,
                self.tx_pause,
                0, // Single collisions.
                0, // Multiple collisions.
                0, // Excessive collisions.
                self.tx_late_collision,
                0, // Underruns: the model waits for the whole frame.
                0, // Excessive deferral.
                self.tx_carrier,
                self.tx_bad,
            ],
            _ => return None,
        };
        Some(words.iter().flat_map(|word| word.to_le_bytes()).collect())
    }

    /// The counters of one direction start again.
    pub(super) fn clear(&mut self, index: u16) {
        let (before, fresh) = (*self, Self::default());
        *self = match index {
            0 => Self {
                tx_good: before.tx_good,
                tx_pause: before.tx_pause,
                tx_late_collision: before.tx_late_collision,
                tx_carrier: before.tx_carrier,
                tx_bad: before.tx_bad,
                ..fresh
            },
            _ => Self {
                tx_good: 0,
                tx_pause: 0,
                tx_late_collision: 0,
                tx_carrier: 0,
                tx_bad: 0,
                ..before
            },
        };
    }
}
