//! Peers that mean harm, in numbers, and the polite ones that must be served meanwhile.
//!
//! [`crowd`] keeps connections and never lets them end, [`flood`] sends SYNs from sources that do
//! not exist, [`polite`] asks for the index page as a browser would, and [`sequence`] guesses what
//! the board's next sequence number will be. The trials and `bench --crowds` use the same ones, for
//! shorter and for longer.

pub mod crowd;
pub mod flood;
pub mod polite;
pub mod sequence;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Result, anyhow};

/// Does `work` while `attack` runs on a thread of its own; that is told to stop when the work is
/// done.
///
/// # Errors
/// Of either.
pub(crate) fn during<T, A: Send>(
    attack: impl FnOnce(&AtomicBool) -> Result<A> + Send,
    work: impl FnOnce() -> Result<T>,
) -> Result<(T, A)> {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let attack = scope.spawn(|| attack(&stop));
        let done = work();
        stop.store(true, Ordering::Relaxed);
        let attacked = attack.join().map_err(|_| anyhow!("the attack panicked"))?;
        Ok((done?, attacked?))
    })
}
