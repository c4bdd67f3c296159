//! One option on one side: the Q method (RFC 1143), by which both ends agree and no loop can arise.
//!
//! The same machine serves both sides: of ours we say WILL and hear DO, of theirs we say DO and
//! hear WILL. The names below are neutral: to *agree* is WILL or DO, to *refuse* is WONT or DONT.

/// What is to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// WILL (our side) or DO (theirs).
    Agree,
    /// WONT (our side) or DONT (theirs).
    Refuse,
}

/// RFC 1143 section 7: the state of one side, and the queue bit in the two states that have one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// NO: off.
    #[default]
    No,
    /// YES: on.
    Yes,
    /// WANTNO: we asked to turn it off; with `opposite`, we want it on again after that.
    WantNo { opposite: bool },
    /// WANTYES: we asked to turn it on; with `opposite`, we want it off again after that.
    WantYes { opposite: bool },
}

/// The state of one option on one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Negotiation {
    state: State,
    /// True if the peer may turn it on by itself.
    welcome: bool,
}

impl Negotiation {
    /// Off; if the peer asks for it, we agree only to a `welcome` one.
    pub const fn new(welcome: bool) -> Self {
        Self { state: State::No, welcome }
    }

    /// True while the option is in force.
    pub fn is_on(self) -> bool {
        // While turning it off is not confirmed, it is still on at the peer's end; we have stopped
        // already.
        self.state == State::Yes
    }

    /// We want it on.
    pub fn enable(&mut self) -> Option<Answer> {
        let (state, answer) = match self.state {
            State::No => (State::WantYes { opposite: false }, Some(Answer::Agree)),
            State::WantNo { .. } => (State::WantNo { opposite: true }, None),
            State::WantYes { .. } => (State::WantYes { opposite: false }, None),
            State::Yes => (State::Yes, None),
        };
        self.state = state;
        answer
    }

    /// We want it off.
    pub fn disable(&mut self) -> Option<Answer> {
        let (state, answer) = match self.state {
            State::Yes => (State::WantNo { opposite: false }, Some(Answer::Refuse)),
            State::WantYes { .. } => (State::WantYes { opposite: true }, None),
            State::WantNo { .. } => (State::WantNo { opposite: false }, None),
            State::No => (State::No, None),
        };
        self.state = state;
        answer
    }

    /// The peer said WILL or DO.
    pub fn peer_agrees(&mut self) -> Option<Answer> {
        let (state, answer) = match self.state {
            State::No if self.welcome => (State::Yes, Some(Answer::Agree)),
            State::No => (State::No, Some(Answer::Refuse)),
            State::Yes => (State::Yes, None),
            // "Error: DONT answered by WILL": the peer is wrong; believe that it is off.
            State::WantNo { opposite: false } => (State::No, None),
            State::WantNo { opposite: true } => (State::Yes, None),
            State::WantYes { opposite: false } => (State::Yes, None),
            State::WantYes { opposite: true } => {
                (State::WantNo { opposite: false }, Some(Answer::Refuse))
            }
        };
        self.state = state;
        answer
    }

    /// The peer said WONT or DONT.
    pub fn peer_refuses(&mut self) -> Option<Answer> {
        let (state, answer) = match self.state {
            State::No => (State::No, None),
            State::Yes => (State::No, Some(Answer::Refuse)),
            State::WantNo { opposite: false } => (State::No, None),
            State::WantNo { opposite: true } => {
                (State::WantYes { opposite: false }, Some(Answer::Agree))
            }
            State::WantYes { .. } => (State::No, None),
        };
        self.state = state;
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO: State = State::No;
    const YES: State = State::Yes;
    const WANT_NO: State = State::WantNo { opposite: false };
    const WANT_NO_OPPOSITE: State = State::WantNo { opposite: true };
    const WANT_YES: State = State::WantYes { opposite: false };
    const WANT_YES_OPPOSITE: State = State::WantYes { opposite: true };

    type Transition = (State, State, Option<Answer>);

    #[track_caller]
    fn check(
        event: fn(&mut Negotiation) -> Option<Answer>,
        welcome: bool,
        transitions: [Transition; 6],
    ) {
        for (before, after, answer) in transitions {
            let mut negotiation = Negotiation { state: before, welcome };
            let said = event(&mut negotiation);
            assert_eq!((negotiation.state, said), (after, answer), "from {before:?}");
        }
    }

    const AGREE: Option<Answer> = Some(Answer::Agree);
    const REFUSE: Option<Answer> = Some(Answer::Refuse);

    #[test]
    fn we_want_it_on() {
        check(
            Negotiation::enable,
            false,
            [
                (NO, WANT_YES, AGREE),
                (YES, YES, None),
                (WANT_NO, WANT_NO_OPPOSITE, None),
                (WANT_NO_OPPOSITE, WANT_NO_OPPOSITE, None),
                (WANT_YES, WANT_YES, None),
                (WANT_YES_OPPOSITE, WANT_YES, None),
            ],
        );
    }

    #[test]
    fn we_want_it_off() {
        check(
            Negotiation::disable,
            false,
            [
                (NO, NO, None),
                (YES, WANT_NO, REFUSE),
                (WANT_NO, WANT_NO, None),
                (WANT_NO_OPPOSITE, WANT_NO, None),
                (WANT_YES, WANT_YES_OPPOSITE, None),
                (WANT_YES_OPPOSITE, WANT_YES_OPPOSITE, None),
            ],
        );
    }

    #[test]
    fn the_peer_agrees() {
        let rest = [
            (YES, YES, None),
            (WANT_NO, NO, None),
            (WANT_NO_OPPOSITE, YES, None),
            (WANT_YES, YES, None),
            (WANT_YES_OPPOSITE, WANT_NO, REFUSE),
        ];
        let with = |first| [first, rest[0], rest[1], rest[2], rest[3], rest[4]];
        check(Negotiation::peer_agrees, true, with((NO, YES, AGREE)));
        check(Negotiation::peer_agrees, false, with((NO, NO, REFUSE)));
    }

    #[test]
    fn the_peer_refuses() {
        check(
            Negotiation::peer_refuses,
            true,
            [
                (NO, NO, None),
                (YES, NO, REFUSE),
                (WANT_NO, NO, None),
                (WANT_NO_OPPOSITE, WANT_YES, AGREE),
                (WANT_YES, NO, None),
                (WANT_YES_OPPOSITE, NO, None),
            ],
        );
    }
}
