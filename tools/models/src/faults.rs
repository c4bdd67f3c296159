//! What can go wrong on the bus: by script, or by a seed.
//!
//! Faults act on single transactions. A script says which: "the third IN of endpoint 2". A seed
//! throws dice for each, and the same seed throws the same.

use crate::Random;
use crate::usb::{Call, Token};

/// What happens to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The device is busy. (A SETUP is lost instead: devices may not NAK it.)
    Nak,
    /// The device is busy for this long, and then answers: once in each use of a channel.
    Late(std::time::Duration),
    /// The endpoint halts, until CLEAR_FEATURE; endpoint 0 until the next SETUP.
    Stall,
    /// The device does not hear the host.
    Silence,
    /// The device hears the host and answers, and the answer is lost.
    AnswerLost,
    /// The host hears the data, and its ACK is lost: the device will send it again.
    AckLost,
    /// The device sends more than its packet size.
    Babble,
    /// The data of the device is cut to this many bytes.
    Short(usize),
    /// The cable is pulled out of the root port.
    Unplug,
    /// The port disables itself, as after noise on the bus; the device stays.
    PortDrop,
}

/// Which kind of token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// SETUP.
    Setup,
    /// OUT.
    Out,
    /// IN.
    In,
}

impl TokenKind {
    const fn of(token: &Token<'_>) -> Self {
        match token {
            Token::Setup(_) => Self::Setup,
            Token::Out(..) | Token::Ping => Self::Out,
            Token::In => Self::In,
        }
    }
}

/// A line of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Endpoint number.
    pub endpoint: u8,
    /// Kind of token.
    pub token: TokenKind,
    /// How many such transactions go well first.
    pub after: u32,
    /// How many then do not.
    pub times: u32,
    /// What happens to them.
    pub fault: Fault,
}

/// Dice for each transaction.
#[derive(Clone, Debug)]
struct Dice {
    random: Random,
    per_mille: usize,
    faults: Vec<Fault>,
}

/// All that will go wrong.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    rules: Vec<Rule>,
    dice: Option<Dice>,
    injected: usize,
}

impl Faults {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// These rules, all at once, each counting for itself. The first one that is due happens.
    pub fn script(rules: &[Rule]) -> Self {
        Self { rules: rules.to_vec(), ..Self::default() }
    }

    /// One of `faults`, by dice, in `per_mille` of a thousand transactions.
    pub fn seeded(seed: u64, per_mille: usize, faults: &[Fault]) -> Self {
        let dice = Dice { random: Random::new(seed), per_mille, faults: faults.to_vec() };
        Self { dice: Some(dice), ..Self::default() }
    }

    /// How many faults happened so far.
    pub fn injected(&self) -> usize {
        self.injected
    }

    /// What happens to this transaction.
    pub(crate) fn choose(&mut self, call: &Call<'_>) -> Option<Fault> {
        let mut chosen = None;
        for rule in &mut self.rules {
            if rule.endpoint != call.endpoint || rule.token != TokenKind::of(&call.token) {
                continue;
            }
            if rule.after > 0 {
                rule.after -= 1;
            } else if rule.times > 0 && chosen.is_none() {
                rule.times -= 1;
                chosen = Some(rule.fault);
            }
        }
        if let (None, Some(dice)) = (chosen, &mut self.dice)
            && !dice.faults.is_empty()
            && dice.random.per_mille(dice.per_mille)
        {
            let index = dice.random.below(dice.faults.len());
            chosen = Some(match dice.faults[index] {
                Fault::Short(max) => Fault::Short(dice.random.below(max)),
                other => other,
            });
        }
        self.injected += usize::from(chosen.is_some());
        chosen
    }
}
