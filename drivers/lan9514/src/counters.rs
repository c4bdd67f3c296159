//! What happened, as numbers.

/// What happened since the driver was made; devices come and go, the counts stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Receive transfers that brought something.
    pub bursts: u64,
    /// Good frames received.
    pub frames_in: u64,
    /// Transfers that the chip took, of one or more frames.
    pub transfers_out: u64,
    /// Frames that the chip took.
    pub frames_out: u64,
    /// Receive transfers that failed.
    pub receive_errors: u64,
    /// Frames lost since their transfer failed, or the device went away before it.
    pub send_errors: u64,
    /// Times that no transmit buffer was free when one was asked for.
    pub send_busy: u64,

    /// Bursts that ended in part of a status word.
    pub bursts_status_cut: u64,
    /// Bursts that ended by a frame longer than what was left of them.
    pub bursts_beyond_end: u64,
    /// Bursts that ended by a frame shorter than an Ethernet header.
    pub bursts_too_short: u64,
    /// Bursts that ended by a frame longer than Ethernet allows.
    pub bursts_too_long: u64,

    /// Frames with a wrong FCS.
    pub crc_errors: u64,
    /// Frames that a collision cut off.
    pub runts: u64,
    /// Frames of more than 1,518 bytes.
    pub giants: u64,
    /// Frames with another error.
    pub other_frame_errors: u64,
    /// TCP segments with a wrong checksum.
    pub checksum_errors: u64,
    /// TCP segments with a right checksum that the chip's sum did not confirm. More than a few mean
    /// that this chip's sums are of another kind than we think.
    pub sums_doubted: u64,
    /// Fragments of TCP segments, which are dropped while the driver checks their checksums.
    pub tcp_fragments: u64,

    /// Frames that the chip dropped since its receive FIFO was full, by its own statistics.
    pub fifo_dropped: u64,
    /// Collisions of frames that were sent in the end, by the chip's own statistics.
    pub collisions: u64,
    /// Frames that were given up after too many collisions, or a late one, by the chip's own
    /// statistics.
    pub collision_errors: u64,
    /// Frames that were not sent for want of a carrier, by the chip's own statistics.
    pub carrier_errors: u64,

    /// Looks at the chip at which its receive FIFO had overflowed since the one before.
    pub fifo_overflows: u64,
    /// Looks at the chip at which its transmitter reported an error.
    pub transmitter_errors: u64,
    /// Times that the link was lost and back again before anybody looked.
    pub link_flaps: u64,

    /// Register accesses that were repeated.
    pub access_retries: u64,
    /// Halted endpoints that were brought back.
    pub halts_cleared: u64,
    /// Lite resets that brought the chip back.
    pub lite_resets: u64,
}

impl Counters {
    /// Bursts that ended before their end, for whatever reason.
    pub fn bad_bursts(&self) -> u64 {
        self.bursts_status_cut
            + self.bursts_beyond_end
            + self.bursts_too_short
            + self.bursts_too_long
    }

    /// Frames that the chip marked as bad, for whatever reason.
    pub fn damaged_frames(&self) -> u64 {
        self.crc_errors + self.runts + self.giants + self.other_frame_errors
    }
}
