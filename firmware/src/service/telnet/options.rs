//! Which options there are, and how far each is negotiated.

use super::codes::command::{DO, DONT, WILL, WONT};
use super::codes::option::{
    BINARY, ECHO, LINEMODE, STATUS, SUPPRESS_GO_AHEAD, TERMINAL_TYPE, WINDOW_SIZE,
};
use super::negotiation::{Answer, Negotiation};

/// Whose side of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Ours: we say WILL, the peer DO.
    Ours,
    /// The peer's: it says WILL, we DO.
    Theirs,
}

/// One side of an option that we know.
type Row = (Side, u8, Negotiation);

/// Every option that is known, all welcome and off.
#[derive(Debug)]
pub struct Options([Row; 9]);

/// What came of a command about an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The verb to answer with.
    pub answer: Option<u8>,
    /// The option was off and is on now.
    pub began: bool,
    /// The option is known and off now, by the peer's word.
    pub refused: bool,
}

/// A row of an option that is agreed to.
const fn known(side: Side, option: u8) -> Row {
    (side, option, Negotiation::new(true))
}

impl Options {
    /// At the start of a connection.
    pub const fn new() -> Self {
        Self([
            known(Side::Ours, BINARY),
            known(Side::Theirs, BINARY),
            known(Side::Ours, ECHO),
            known(Side::Ours, SUPPRESS_GO_AHEAD),
            known(Side::Theirs, SUPPRESS_GO_AHEAD),
            known(Side::Ours, STATUS),
            known(Side::Theirs, TERMINAL_TYPE),
            known(Side::Theirs, WINDOW_SIZE),
            known(Side::Theirs, LINEMODE),
        ])
    }

    /// The same for a client: what it agrees to. LINEMODE is refused.
    pub const fn client() -> Self {
        Self([
            known(Side::Ours, BINARY),
            known(Side::Theirs, BINARY),
            known(Side::Theirs, ECHO),
            known(Side::Ours, SUPPRESS_GO_AHEAD),
            known(Side::Theirs, SUPPRESS_GO_AHEAD),
            known(Side::Theirs, STATUS),
            known(Side::Ours, TERMINAL_TYPE),
            known(Side::Ours, WINDOW_SIZE),
            (Side::Ours, LINEMODE, Negotiation::new(false)),
        ])
    }

    fn find(&mut self, side: Side, option: u8) -> Option<&mut Negotiation> {
        let mut rows = self.0.iter_mut();
        rows.find(|row| (row.0, row.1) == (side, option)).map(|row| &mut row.2)
    }

    /// True while the option is in force on that side.
    pub fn is_on(&self, side: Side, option: u8) -> bool {
        self.0.iter().any(|row| (row.0, row.1) == (side, option) && row.2.is_on())
    }

    /// Those in force: the verb that stands for each, and the option.
    pub fn in_force(&self) -> impl Iterator<Item = (u8, u8)> + '_ {
        let on = self.0.iter().filter(|row| row.2.is_on());
        on.map(|&(side, option, _)| (verb(side, Answer::Agree), option))
    }

    /// We want it on, or off; the verb to say, if one is.
    pub fn want(&mut self, side: Side, option: u8, on: bool) -> Option<u8> {
        let negotiation = self.find(side, option)?;
        let answer = if on { negotiation.enable() } else { negotiation.disable() };
        answer.map(|answer| verb(side, answer))
    }

    /// The peer said WILL, WONT, DO or DONT.
    pub fn heard(&mut self, said: u8, option: u8) -> Change {
        let side = if matches!(said, DO | DONT) { Side::Ours } else { Side::Theirs };
        let agreed = matches!(said, DO | WILL);
        let Some(negotiation) = self.find(side, option) else {
            // RFC 855: what is not supported is refused; a refusal of it is no news.
            let answer = agreed.then_some(verb(side, Answer::Refuse));
            return Change { answer, began: false, refused: false };
        };
        let was_on = negotiation.is_on();
        let answer = if agreed { negotiation.peer_agrees() } else { negotiation.peer_refuses() };
        Change {
            answer: answer.map(|answer| verb(side, answer)),
            began: !was_on && negotiation.is_on(),
            refused: !agreed && !negotiation.is_on(),
        }
    }
}

fn verb(side: Side, answer: Answer) -> u8 {
    match (side, answer) {
        (Side::Ours, Answer::Agree) => WILL,
        (Side::Ours, Answer::Refuse) => WONT,
        (Side::Theirs, Answer::Agree) => DO,
        (Side::Theirs, Answer::Refuse) => DONT,
    }
}
