//! Measuring a board: idle, start, ping, HTTP. Figures, not verdicts: nothing here fails because it
//! was slow.

pub mod peer;
pub mod relayed;
mod start;
mod traffic;
pub mod transfer;

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

pub use start::{Start, start};
pub use traffic::{Demand, Load, Rate, Times, http, ping, wrk};

use crate::board::cpu_time;
use crate::script::web;
use crate::stage::Session;

/// How long an idle board is watched.
pub const IDLE: Duration = Duration::from_secs(10);
/// After its start a board settles before its idleness counts.
const SETTLE: Duration = Duration::from_secs(2);

/// CPU time that the emulator uses while nobody talks to the board, in per cent of one core.
///
/// # Errors
/// If the emulator has ended.
pub fn idle(session: &mut Session) -> Result<f64> {
    thread::sleep(SETTLE);
    let pid = session.board.process().id();
    let (began, before) = (Instant::now(), cpu_time(pid)?);
    thread::sleep(IDLE);
    let used = cpu_time(pid)?.saturating_sub(before);
    Ok(100.0 * used.as_secs_f64() / began.elapsed().as_secs_f64())
}

/// Bytes of memory that the image says it uses, all tables, buffers and stacks included.
///
/// # Errors
/// If the board does not answer.
pub fn memory(session: &Session) -> Result<Option<u64>> {
    let status = web::status(session)?;
    Ok(web::find(&status, "used_bytes").and_then(serde_json::Value::as_u64))
}

/// The middle one; of an even number, the upper of the two.
pub fn median<T: Copy + PartialOrd>(values: &[T]) -> Option<T> {
    percentile(values, 50)
}

/// The value that this many per cent do not exceed.
pub fn percentile<T: Copy + PartialOrd>(values: &[T], percent: usize) -> Option<T> {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    sorted.get((sorted.len() * percent / 100).min(sorted.len().checked_sub(1)?)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let hundred: Vec<u32> = (1..=100).rev().collect();
        assert_eq!(median(&hundred), Some(51));
        assert_eq!(percentile(&hundred, 99), Some(100));
        assert_eq!(percentile(&hundred, 0), Some(1));
        assert_eq!(median(&[3]), Some(3));
        assert_eq!(median::<u32>(&[]), None);
    }
}
