//! The probes of one run: which are under way, how long each is waited for, and what came of it.

use core::fmt;
use core::time::Duration;

use smoltcp::wire::IpAddress;

use super::super::icmp::Quote;
use super::settings::{Settings, Wait};
use crate::limits::TRACEROUTE_PROBES;

/// What an answer says beside its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Nothing: a router on the way, or the target itself.
    None,
    /// A letter: `!H`.
    Letter(char),
    /// A packet too big for the next hop, and the size that is not: `!F-1400`.
    TooBig(u32),
    /// A code without a letter: `!<14>`.
    Code(u8),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Letter(letter) => write!(f, " !{letter}"),
            Self::TooBig(mtu) => write!(f, " !F-{mtu}"),
            Self::Code(code) => write!(f, " !<{code}>"),
        }
    }
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Who sent it.
    pub from: IpAddress,
    /// When it came.
    pub at: Duration,
    /// What it says.
    pub note: Note,
    /// True if there is nothing behind.
    pub is_final: bool,
}

/// Reads an error: what it says, and whether it ends the way.
pub fn meaning(quote: &Quote<'_>) -> (Note, bool) {
    let Quote { kind, code, rest, to, .. } = *quote;
    let note = match (to, kind, code) {
        (IpAddress::Ipv4(_), 11, 0) | (IpAddress::Ipv6(_), 3, 0) => return (Note::None, false),
        (IpAddress::Ipv4(_), 3, 3) | (IpAddress::Ipv6(_), 1, 4) => Note::None,
        (IpAddress::Ipv4(_), 3, 0 | 6 | 8 | 11) | (IpAddress::Ipv6(_), 1, 0) => Note::Letter('N'),
        (IpAddress::Ipv4(_), 3, 1 | 7 | 12) | (IpAddress::Ipv6(_), 1, 2 | 3) => Note::Letter('H'),
        (IpAddress::Ipv4(_), 3, 2) | (IpAddress::Ipv6(_), 4, 1) => Note::Letter('P'),
        (IpAddress::Ipv4(_), 3, 4) => Note::TooBig(rest & 0xffff),
        (IpAddress::Ipv6(_), 2, _) => Note::TooBig(rest),
        (IpAddress::Ipv4(_), 3, 5) => Note::Letter('S'),
        (IpAddress::Ipv4(_), 3, 9 | 10 | 13) | (IpAddress::Ipv6(_), 1, 1) => Note::Letter('X'),
        (IpAddress::Ipv4(_), 3, 14) => Note::Letter('V'),
        (IpAddress::Ipv4(_), 3, 15) => Note::Letter('C'),
        _ => Note::Code(code),
    };
    (note, true)
}

#[derive(Clone, Copy, Debug)]
struct Probe {
    sent_at: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    UnderWay,
    Answered(Answer),
    GivenUp,
}

/// The probes, numbered from 0: the first hop's come first.
#[derive(Debug)]
pub struct Probes {
    ring: [Option<Probe>; TRACEROUTE_PROBES],
    queries: usize,
    simultaneous: usize,
    wait: Wait,
    first: usize,
    /// The next one to be sent.
    pub next: usize,
    /// The next one to be told of.
    told: usize,
    /// One behind the last.
    end: usize,
}

impl Probes {
    /// None sent yet.
    pub fn new(settings: &Settings<'_>) -> Self {
        let Settings { queries, simultaneous, wait, first, hops, .. } = *settings;
        let end = (hops + 1 - first) * queries;
        let ring = [None; TRACEROUTE_PROBES];
        Self { ring, queries, simultaneous, wait, first, next: 0, told: 0, end }
    }

    /// The hop of a probe.
    pub fn hop(&self, number: usize) -> usize {
        self.first + number / self.queries
    }

    /// True if another one may be sent.
    pub fn may_send(&self) -> bool {
        let under_way = (self.told..self.next).filter(|number| self.is_under_way(*number)).count();
        let has_room = self.next - self.told < TRACEROUTE_PROBES;
        self.next < self.end && under_way < self.simultaneous && has_room
    }

    /// Notes that the next one was sent.
    pub fn send(&mut self, now: Duration) {
        self.ring[self.next % TRACEROUTE_PROBES] =
            Some(Probe { sent_at: now, state: State::UnderWay });
        self.next += 1;
    }

    /// Notes an answer.
    pub fn answer(&mut self, number: usize, answer: Answer) {
        if !self.is_under_way(number) {
            return;
        }
        if let Some(probe) = &mut self.ring[number % TRACEROUTE_PROBES] {
            probe.state = State::Answered(answer);
        }
        if answer.is_final {
            // The rest of its hop is the last.
            self.end = self.end.min((number / self.queries + 1) * self.queries);
        }
    }

    /// Gives up what was waited for long enough, and says when to look again.
    pub fn expire(&mut self, now: Duration) -> Option<Duration> {
        let mut due: Option<Duration> = None;
        for number in self.told..self.next {
            let Some(until) = self.waits_until(number) else { continue };
            if until > now {
                due = Some(due.map_or(until, |due| due.min(until)));
            } else if let Some(probe) = &mut self.ring[number % TRACEROUTE_PROBES] {
                probe.state = State::GivenUp;
            }
        }
        due
    }

    /// The next result in order, once it is there: the probe's number, and its answer and time.
    pub fn tell(&mut self) -> Option<(usize, Option<(Answer, Duration)>)> {
        // Behind the hop of the target's answer nobody asks any more.
        if self.told >= self.next.min(self.end) {
            return None;
        }
        let number = self.told;
        let Probe { sent_at, state } = self.ring[number % TRACEROUTE_PROBES]?;
        let result = match state {
            State::UnderWay => return None,
            State::GivenUp => None,
            State::Answered(answer) => Some((answer, answer.at.saturating_sub(sent_at))),
        };
        self.told += 1;
        Some((number, result))
    }

    /// True if all is told.
    pub fn is_done(&self) -> bool {
        self.told >= self.end
    }

    fn is_under_way(&self, number: usize) -> bool {
        let is_known = (self.told..self.next).contains(&number);
        let probe = self.ring[number % TRACEROUTE_PROBES];
        is_known && probe.is_some_and(|probe| probe.state == State::UnderWay)
    }

    fn took(&self, number: usize) -> Option<Duration> {
        match self.ring[number % TRACEROUTE_PROBES]? {
            Probe { sent_at, state: State::Answered(answer) } => {
                Some(answer.at.saturating_sub(sent_at))
            }
            _ => None,
        }
    }

    /// Until when a probe is waited for: a hop that answers at all answers about as fast each time,
    /// and one before a hop that answered is not slower by far.
    fn waits_until(&self, number: usize) -> Option<Duration> {
        if !self.is_under_way(number) {
            return None;
        }
        let Probe { sent_at, .. } = self.ring[number % TRACEROUTE_PROBES]?;
        let Wait { most, here, near } = self.wait;
        let hop = number / self.queries * self.queries;
        // What the ring has forgotten is not there any more.
        let oldest = self.next.saturating_sub(TRACEROUTE_PROBES);
        let hop = hop.max(oldest)..(hop + self.queries).min(self.next);
        let same = hop.into_iter().filter(|_| here > 0).find_map(|other| self.took(other));
        let later = (number + 1..self.next).filter(|_| near > 0).find_map(|other| self.took(other));
        let wait = match (same, later) {
            (Some(took), _) => times(took, here).min(most),
            (None, Some(took)) => times(took, near).min(most),
            (None, None) => most,
        };
        Some(sent_at + wait)
    }
}

/// So many millionths of a time.
fn times(time: Duration, millionths: i64) -> Duration {
    let micros = time.as_micros() * millionths.unsigned_abs() as u128 / 1_000_000;
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::vec::Vec;

    use super::*;

    const ROUTER: IpAddress = IpAddress::v4(192, 0, 2, 1);

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn answer(at: Duration, is_final: bool) -> Answer {
        Answer { from: ROUTER, at, note: Note::None, is_final }
    }

    fn probes(words: &[&str]) -> Probes {
        Probes::new(&Settings::read("traceroute", words).unwrap())
    }

    #[test]
    fn sixteen_at_a_time_and_no_further_than_the_target() {
        let mut probes = probes(&["h"]);
        while probes.may_send() {
            probes.send(ms(0));
        }
        assert_eq!((probes.next, probes.hop(15)), (16, 6));
        probes.answer(3, answer(ms(2), true));
        (0..3).for_each(|number| probes.answer(number, answer(ms(1), false)));
        probes.answer(4, answer(ms(2), true));
        assert!(!probes.may_send());
        let told: Vec<_> = core::iter::from_fn(|| probes.tell()).collect();
        assert_eq!(told.len(), 5);
        assert!(!probes.is_done());
        // The last probe of that hop has three times what the others took.
        assert_eq!(probes.expire(ms(3)), Some(ms(6)));
        let _ = probes.expire(ms(6));
        assert_eq!(probes.tell(), Some((5, None)));
        assert!(probes.is_done());
    }

    #[test]
    fn silence_is_waited_for_as_long_as_others_suggest() {
        let mut probes = probes(&["-q1", "-m4", "h"]);
        (0..4).for_each(|_| probes.send(ms(0)));
        assert_eq!(probes.expire(ms(1)), Some(ms(5000)));
        probes.answer(1, answer(ms(7), false));
        assert_eq!(probes.expire(ms(8)), Some(ms(70)));
        let _ = probes.expire(ms(70));
        assert_eq!(probes.tell(), Some((0, None)));
        assert_eq!(probes.tell(), Some((1, Some((answer(ms(7), false), ms(7))))));
        assert_eq!(probes.tell(), None);
        assert_eq!(probes.expire(ms(71)), Some(ms(5000)));
        assert_eq!(probes.expire(ms(5000)), None);
        probes.answer(2, answer(ms(5001), true));
        assert_eq!(core::iter::from_fn(|| probes.tell()).count(), 2);
        assert!(probes.is_done());
    }

    #[test]
    fn a_way_longer_than_the_ring() {
        let mut probes = probes(&["-q10", "-m255", "-N", "128", "h"]);
        let mut told = 0;
        let mut now = ms(0);
        while !probes.is_done() {
            while probes.may_send() {
                probes.send(now);
            }
            now += ms(5000);
            let _ = probes.expire(now);
            told += core::iter::from_fn(|| probes.tell()).count();
        }
        assert_eq!(told, 2550);
    }

    #[test]
    fn letters_of_the_tool() {
        let v4 = IpAddress::v4(10, 0, 0, 1);
        for (kind, code, rest, text, is_final) in [
            (11, 0, 0, "", false),
            (3, 3, 0, "", true),
            (3, 0, 0, " !N", true),
            (3, 1, 0, " !H", true),
            (3, 2, 0, " !P", true),
            (3, 4, 1400, " !F-1400", true),
            (3, 13, 0, " !X", true),
            (3, 77, 0, " !<77>", true),
        ] {
            let quote = Quote { kind, code, rest, protocol: 17, to: v4, payload: &[] };
            let (note, last) = meaning(&quote);
            assert_eq!((note.to_string().as_str(), last), (text, is_final));
        }
    }
}
