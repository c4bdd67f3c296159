//! How a pipe is doing: when to try again, when to give up.

use core::time::Duration;

use usb::TransferError;

use crate::limits::{ERROR_REST, ERRORS_IN_A_ROW_MAX};

/// What the last transfers of a pipe came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Health {
    errors_in_a_row: u32,
    /// No transfer before this time.
    rest_until: Duration,
    /// The endpoint is halted until CLEAR_FEATURE(ENDPOINT_HALT).
    halted: bool,
    /// The pipe is beyond the help of rests.
    lost: Option<TransferError>,
}

impl Health {
    /// A transfer succeeded.
    pub(crate) fn good(&mut self) {
        self.errors_in_a_row = 0;
    }

    /// A transfer failed.
    pub(crate) fn bad(&mut self, now: Duration, error: TransferError) {
        self.errors_in_a_row += 1;
        self.rest_until = now + ERROR_REST;
        self.halted |= error == TransferError::Stall;
        if error == TransferError::Disconnected || self.errors_in_a_row >= ERRORS_IN_A_ROW_MAX {
            self.lost = self.lost.or(Some(error));
        }
    }

    /// The chip was reset, which is a new chance; a halt outlives it.
    pub(crate) fn forgive(&mut self) {
        *self = Self { halted: self.halted, ..Self::default() };
    }

    /// True if a transfer may be started.
    pub(crate) fn may_start(&self, now: Duration) -> bool {
        !self.halted && self.lost.is_none() && now >= self.rest_until
    }

    /// When a transfer may be started, if not now.
    pub(crate) fn rests_until(&self, now: Duration) -> Option<Duration> {
        (now < self.rest_until).then_some(self.rest_until)
    }

    /// True if the endpoint has to be told to go on, and has had its rest.
    pub(crate) fn needs_clearing(&self, now: Duration) -> bool {
        self.halted && self.lost.is_none() && now >= self.rest_until
    }

    /// The halt was cleared.
    pub(crate) fn cleared(&mut self) {
        self.halted = false;
    }

    /// Why the pipe was given up, if it was.
    pub(crate) fn lost(&self) -> Option<TransferError> {
        self.lost
    }
}
