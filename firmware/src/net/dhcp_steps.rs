//! What the DHCP client did last, for `dhclient` to print as it happens.

use core::future::poll_fn;
use core::task::Poll;

use embassy_sync::waitqueue::MultiWakerRegistration;

use super::dhcp::Step;
use crate::limits::{DHCP_READERS, DHCP_STEPS};
use crate::system::System;

/// The last steps.
pub(super) struct Steps {
    ring: heapless::Deque<Step, DHCP_STEPS>,
    /// The number of the next step.
    next: u64,
    readers: MultiWakerRegistration<DHCP_READERS>,
}

impl Steps {
    pub const fn new() -> Self {
        Self { ring: heapless::Deque::new(), next: 0, readers: MultiWakerRegistration::new() }
    }

    pub fn record(&mut self, step: Step) {
        if self.ring.is_full() {
            self.ring.pop_front();
        }
        // Cannot fail: room was made above.
        let _ = self.ring.push_back(step);
        self.next += 1;
        self.readers.wake();
    }

    /// The step of this number, or the oldest after it, with its number.
    fn after(&self, number: u64) -> Option<(u64, Step)> {
        let first = self.next - self.ring.len() as u64;
        let number = number.max(first);
        let step = self.ring.iter().nth(usize::try_from(number - first).ok()?)?;
        Some((number, *step))
    }
}

impl System {
    /// The number that the DHCP client's next step will have.
    pub fn dhcp_steps(&self) -> u64 {
        self.stack.borrow().addressing.steps.next
    }

    /// Waits for the DHCP client's step of this number or, if it was overwritten, the oldest after
    /// it; returns it with its number.
    pub async fn dhcp_step(&self, number: u64) -> (u64, Step) {
        poll_fn(|context| {
            let steps = &mut self.stack.borrow_mut().addressing.steps;
            match steps.after(number) {
                Some(step) => Poll::Ready(step),
                None => {
                    steps.readers.register(context.waker());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_gives_way() {
        let mut steps = Steps::new();
        assert_eq!(steps.after(0), None);
        for interval in 0..DHCP_STEPS as u64 + 2 {
            steps.record(Step::Discover { interval });
        }
        assert_eq!(steps.after(0), Some((2, Step::Discover { interval: 2 })));
        assert_eq!(steps.after(DHCP_STEPS as u64 + 2), None);
    }
}
