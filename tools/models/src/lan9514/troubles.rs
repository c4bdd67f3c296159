//! What goes wrong inside the chip: by script, or by a seed. What goes wrong on the bus is
//! [`crate::faults`].

use crate::Random;

/// What goes wrong, and with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A register write is acknowledged and forgotten.
    DropWrite,
    /// The status word of a frame tells another length.
    WrongLength,
    /// The status word of a frame reports an error that there is not.
    ErrorStatus,
    /// A burst ends too early, with what is left of it lost.
    ShortBurst,
    /// A burst goes on behind its end, past BURST_CAP.
    LongBurst,
    /// The bulk IN endpoint answers NAK this many times.
    NakStorm(u32),
    /// A bulk OUT packet is refused with STALL; the next one is not.
    StallOut,
    /// The plug is pulled in the middle of a burst ([`super::Chip::is_unplugged`]).
    Unplug,
}

impl Trouble {
    pub(super) fn strikes_writes(self) -> bool {
        self == Self::DropWrite
    }

    pub(super) fn strikes_frames(self) -> bool {
        matches!(self, Self::WrongLength | Self::ErrorStatus)
    }

    pub(super) fn strikes_bursts(self) -> bool {
        matches!(self, Self::ShortBurst | Self::LongBurst | Self::NakStorm(_) | Self::Unplug)
    }

    pub(super) fn strikes_out(self) -> bool {
        self == Self::StallOut
    }
}

/// A line of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TroubleRule {
    /// What goes wrong.
    pub trouble: Trouble,
    /// How many register writes, frames, bursts or OUT packets go well first.
    pub after: u32,
    /// How many then do not.
    pub times: u32,
}

#[derive(Clone, Debug)]
struct Dice {
    random: Random,
    per_mille: usize,
    troubles: Vec<Trouble>,
}

/// All that will go wrong.
#[derive(Clone, Debug, Default)]
pub struct Troubles {
    rules: Vec<TroubleRule>,
    dice: Option<Dice>,
    struck: usize,
}

impl Troubles {
    /// Nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// These rules, each counting for itself. The first one that is due strikes.
    pub fn script(rules: &[TroubleRule]) -> Self {
        Self { rules: rules.to_vec(), ..Self::default() }
    }

    /// One of `troubles`, by dice, in `per_mille` of a thousand occasions.
    pub fn seeded(seed: u64, per_mille: usize, troubles: &[Trouble]) -> Self {
        let dice = Dice { random: Random::new(seed), per_mille, troubles: troubles.to_vec() };
        Self { dice: Some(dice), ..Self::default() }
    }

    /// How often trouble struck so far.
    pub fn struck(&self) -> usize {
        self.struck
    }

    /// What happens on an occasion that these troubles can strike.
    pub(super) fn choose(&mut self, strikes: fn(Trouble) -> bool) -> Option<Trouble> {
        let mut chosen = None;
        for rule in self.rules.iter_mut().filter(|rule| strikes(rule.trouble)) {
            if rule.after > 0 {
                rule.after -= 1;
            } else if rule.times > 0 && chosen.is_none() {
                rule.times -= 1;
                chosen = Some(rule.trouble);
            }
        }
        if let (None, Some(dice)) = (chosen, &mut self.dice) {
            let mut fitting = dice.troubles.iter().copied().filter(|trouble| strikes(*trouble));
            let count = fitting.clone().count();
            if count > 0 && dice.random.per_mille(dice.per_mille) {
                chosen = fitting.nth(dice.random.below(count));
            }
        }
        self.struck += usize::from(chosen.is_some());
        chosen
    }
}
