//! Which frames the receiver takes, by their destination `[data sheet]` table 5-45:
//!
//! | MCPAS | PRMS | INVFILT | HFILT | HPFILT | unicast | multicast |
//! |---|---|---|---|---|---|---|
//! | 0 | 0 | 0 | 0 | 0 | own address | none |
//! | 0 | 0 | 0 | 0 | 1 | own address | hash |
//! | 0 | 0 | 0 | 1 | 1 | hash | hash |
//! | 0 | 0 | 1 | 0 | 0 | any but the own address | any |
//! | x | 1 | 0 | x | x | any | any |
//! | 1 | 0 | 0 | 0 | x | own address | any |
//! | 1 | 0 | 0 | 1 | 1 | hash | any |
//!
//! Broadcasts pass unless BCAST is set; PRMS takes them even then `[data sheet]` 5.5.4.4. RXALL
//! takes everything and marks what should have failed. Rows that the table does not have are
//! `[assumed]`: HFILT counts only with HPFILT, and INVFILT only in the table's fourth row.

use super::bytes::hash_index;
use super::registers::mac_cr;

/// A verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    /// Passed by RXALL only: the status word says "filter fail".
    PassMarked,
    Drop,
}

/// What the filter looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filter {
    pub(super) mac_cr: u32,
    pub(super) own: [u8; 6],
    pub(super) hash: u64,
}

impl Filter {
    /// The verdict on a destination address.
    pub(super) fn judge(&self, destination: &[u8; 6]) -> Verdict {
        let on = |bit: u32| self.mac_cr & bit != 0;
        let broadcast = *destination == [0xff; 6];
        let multicast = destination[0] & 1 != 0;
        let own = *destination == self.own;
        let hashed = self.hash >> hash_index(destination) & 1 != 0;
        let hash_only = on(mac_cr::HFILT) && on(mac_cr::HPFILT);
        let inverse = on(mac_cr::INVFILT) && self.mac_cr & mac_cr::HASHES == 0;
        let pass = if on(mac_cr::PRMS) {
            true
        } else if broadcast {
            !on(mac_cr::BCAST)
        } else if multicast && on(mac_cr::MCPAS) {
            true
        } else if inverse {
            !own
        } else if multicast {
            on(mac_cr::HPFILT) && hashed
        } else if hash_only {
            hashed
        } else {
            own
        };
        match (pass, on(mac_cr::RXALL)) {
            (true, _) => Verdict::Pass,
            (false, true) => Verdict::PassMarked,
            (false, false) => Verdict::Drop,
        }
    }
}
