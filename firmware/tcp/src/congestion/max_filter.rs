//! The largest value of the last rounds.

/// Rounds that count (draft-cardwell-iccrg-bbr-congestion-control-00 4.1.1.4: ten).
pub(crate) const ROUNDS: usize = 10;

/// The largest value of each of the last rounds in which there was one. Rounds pass only when a
/// value comes: who says nothing forgets nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MaxFilter {
    values: [u64; ROUNDS],
    /// Of the last value.
    round: u32,
}

impl MaxFilter {
    /// A value of a round, which is no earlier than the last one.
    pub fn update(&mut self, round: u32, value: u64) {
        let passed = round.wrapping_sub(self.round);
        for after in 1..=passed.min(ROUNDS as u32) {
            *self.slot(self.round.wrapping_add(after)) = 0;
        }
        self.round = round;
        let slot = self.slot(round);
        *slot = value.max(*slot);
    }

    fn slot(&mut self, round: u32) -> &mut u64 {
        &mut self.values[round as usize % ROUNDS]
    }

    /// The largest; 0 without any.
    pub fn get(&self) -> u64 {
        self.values.iter().copied().fold(0, u64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    #[test]
    fn the_largest_is_forgotten_after_ten_rounds() {
        let mut filter = MaxFilter::default();
        filter.update(3, 100);
        filter.update(4, 50);
        filter.update(12, 10);
        assert_eq!(filter.get(), 100);
        filter.update(13, 10);
        assert_eq!(filter.get(), 50);
        filter.update(1000, 7);
        assert_eq!(filter.get(), 7);
    }

    proptest! {
        #[test]
        fn as_looking_at_all_values(
            steps in proptest::collection::vec((0u32..15, 0u64..1000), 1..100),
        ) {
            let mut filter = MaxFilter::default();
            let (mut round, mut all) = (0, Vec::new());
            for (passed, value) in steps {
                round += passed;
                filter.update(round, value);
                all.push((round, value));
                let recent = all.iter().filter(|(at, _)| round - at < ROUNDS as u32);
                prop_assert_eq!(Some(filter.get()), recent.map(|(_, value)| *value).max());
            }
        }
    }
}
