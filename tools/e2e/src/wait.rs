//! Waiting for a condition, with a name and an end.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long anything of a board may take to happen. Generous: the machine that runs the tests may
/// be loaded, and what is asserted is that it happens, not how fast.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at something that cannot be waited for by itself.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(5);

/// A moment by which something must have happened.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// That far from now.
    pub fn after(limit: Duration) -> Self {
        Self(Instant::now() + limit)
    }

    /// What is left; zero when it has passed.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// True from the moment on.
    pub fn has_passed(self) -> bool {
        self.left().is_zero()
    }
}

/// Looks until `look` finds something.
///
/// # Errors
/// If nothing was found within `limit`; or the error of `look`.
pub fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Deadline::after(limit);
    loop {
        // Judged before the look, so that the last look comes after the deadline.
        let last = deadline.has_passed();
        if let Some(found) = look()? {
            return Ok(found);
        }
        if last {
            bail!("{what}: not within {limit:?}");
        }
        thread::sleep(LOOK_AGAIN_AFTER.min(deadline.left()));
    }
}
