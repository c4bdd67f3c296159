//! Through a relay that harms frames, every byte arrives as it was sent.

use std::sync::Arc;

use anyhow::{Result, ensure};

use crate::measure::relayed::{ALL_10, Cable, LOSS_5};
use crate::measure::transfer::Content;
use crate::stage::Session;

/// Bytes each way where frames are only lost,
const LOSSY_BYTES: usize = 1 << 20;
/// and where all happens to them, which Linux itself hardly gets through: its timeouts double.
const ALL_BYTES: usize = 1 << 17;
/// How Linux controls congestion: every kernel has it, whatever it is set up for.
const CONGESTION: &str = "reno";

/// A twentieth of the frames is lost; then a tenth each is lost, doubled, damaged and overtaken.
pub fn exact(session: &mut Session) -> Result<()> {
    let cable = Cable::to_board(session, CONGESTION)?;
    let [lossy, all] = [LOSSY_BYTES, ALL_BYTES].map(|bytes| Arc::new(Content::new(bytes)));
    let (_, tallies) = cable.moves_under(LOSS_5, 1, &lossy)?;
    ensure!(tallies.as_flattened().iter().all(|way| way.lost > 0), "nothing lost: {tallies:?}");
    let before = cable.client_checksum_errors()?;
    let (_, tallies) = cable.moves_under(ALL_10, 1, &all)?;
    let did = |way: &relay::Tally| {
        way.lost > 0 && way.duplicated > 0 && way.corrupted > 0 && way.reordered > 0
    };
    // Of the direction that the bytes go: of ACKs there are few.
    let all_done = did(&tallies[0][0]) && did(&tallies[1][1]);
    ensure!(all_done, "not all was done: {tallies:?}");
    // Damage is the receiver's to find: nothing on the way repairs a checksum.
    let found = cable.client_checksum_errors()? - before;
    ensure!(found > 0, "Linux found no wrong checksum: {tallies:?}");
    Ok(())
}
