//! The responder's rules (RFC 6762), no I/O: when it asks, answers, gives way and says goodbye.
//!
//! ```text
//!   no address -> probing (3 x 250 ms) -> announcing (2 x 1 s) -> answering
//!                   ^     | somebody has the name: take the next one, barewire-2
//!                   |     | somebody wants it as well, and more: wait 1 s
//!                   '-----+-- somebody claims it later, or our addresses changed
//! ```

use core::time::Duration;

use domain::base::{MessageBuilder, Ttl};
use octseq::Array;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::records::{Identity, Record, Set};
use super::said::{finish, start_answer, target};
use crate::Text;
use crate::limits::HOSTNAME_BYTES_MAX;

/// The port of mDNS.
pub const PORT: u16 = 5353;
/// Bytes of the longest message of ours: a frame's worth, with room for both IP headers.
pub const MESSAGE_BYTES_MAX: usize = 1440;
/// Probes before a name counts as ours (8.1).
const PROBES: u8 = 3;
/// Between two of them; the first comes after a random part of it.
const PROBE_INTERVAL: Duration = Duration::from_millis(250);
/// Who loses a name that two want at the same time tries again after this long (8.2).
pub(super) const DEFERENCE: Duration = Duration::from_secs(1);
/// Announcements (8.3).
const ANNOUNCEMENTS: u8 = 2;
/// Between two of them.
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(1);
/// So many conflicts within [`CONFLICT_WINDOW`] slow us down to [`CONFLICT_PAUSE`] (8.1).
const CONFLICTS_MAX: u8 = 15;
const CONFLICT_WINDOW: Duration = Duration::from_secs(10);
const CONFLICT_PAUSE: Duration = Duration::from_secs(5);

/// A message as it goes out.
pub type Packet = Array<MESSAGE_BYTES_MAX>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// We have no address to speak of.
    Idle,
    /// So many probes were sent; the next step is due at this time.
    Probing(u8, Duration),
    /// The same with announcements.
    Announcing(u8, Duration),
    /// The name is ours.
    Answering,
}

/// What became of our name, for the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is ours.
    Claimed,
    /// Somebody else has it; this is the one we try next.
    Renamed,
}

/// A responder for one host on one link.
#[derive(Debug)]
pub struct Responder {
    base: Text<HOSTNAME_BYTES_MAX>,
    suffix: u32,
    pub(super) identity: Identity,
    pub(super) state: State,
    /// Answers for the group, and when they are due.
    pub(super) pending: Set,
    pub(super) due: Duration,
    pub(super) sent: [Option<Duration>; Record::ALL.len()],
    /// The name was announced, so others hold what we said of it.
    is_told: bool,
    /// A name that was and is another's now, since then.
    lost: Option<(Text<HOSTNAME_BYTES_MAX>, Duration)>,
    conflicts: u8,
    conflicts_since: Duration,
    event: Option<Event>,
    random: ChaCha8Rng,
}

impl Responder {
    /// A host of this name (one label); it is silent until it has an address.
    pub fn new(name: &str, seed: u64) -> Self {
        Self {
            base: Text::from(name),
            suffix: 1,
            identity: Identity { name: Text::from(name), ..Identity::default() },
            state: State::Idle,
            pending: Set::default(),
            due: Duration::ZERO,
            sent: [None; Record::ALL.len()],
            is_told: false,
            lost: None,
            conflicts: 0,
            conflicts_since: Duration::ZERO,
            event: None,
            random: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Our name and addresses, as others are told.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What happened to the name since the last call.
    pub fn take_event(&mut self) -> Option<Event> {
        self.event.take()
    }

    /// Our addresses, whenever they may have changed. New ones are probed for and announced.
    pub fn set_addresses(&mut self, now: Duration, identity: Identity) {
        let identity = Identity { name: self.identity.name.clone(), ..identity };
        if identity == self.identity {
            return;
        }
        self.identity = identity;
        self.lost = None;
        self.pending = Set::default();
        self.sent = [None; Record::ALL.len()];
        match self.identity.v4.is_none() && self.identity.v6.is_empty() {
            true => self.state = State::Idle,
            false => self.probe(now, Duration::ZERO),
        }
    }

    /// Begins to probe after this pause.
    pub(super) fn probe(&mut self, now: Duration, pause: Duration) {
        let start = self.up_to(PROBE_INTERVAL);
        self.pending = Set::default();
        self.state = State::Probing(0, now + pause + start);
    }

    /// When [`Responder::poll`] has something to do next.
    pub fn deadline(&self) -> Option<Duration> {
        let step = match self.state {
            State::Idle | State::Answering => None,
            State::Probing(_, at) | State::Announcing(_, at) => Some(at),
        };
        let answers = (!self.pending.is_empty()).then_some(self.due);
        let parting = self.lost.as_ref().map(|&(_, at)| at);
        step.into_iter().chain(answers).chain(parting).min()
    }

    /// The next message for the group, if one is due.
    pub fn poll(&mut self, now: Duration) -> Option<Packet> {
        if let Some((name, _)) = self.lost.take() {
            return Some(self.taken_back(name));
        }
        match self.state {
            State::Probing(PROBES, at) if at <= now => {
                self.event = Some(Event::Claimed);
                self.state = State::Announcing(0, now);
            }
            State::Probing(sent, at) if at <= now => {
                self.state = State::Probing(sent + 1, now + PROBE_INTERVAL);
                return Some(self.question());
            }
            _ => {}
        }
        if let State::Announcing(sent, at) = self.state
            && at <= now
        {
            self.state = match sent + 1 {
                ANNOUNCEMENTS => {
                    self.conflicts = 0;
                    State::Answering
                }
                sent => State::Announcing(sent, now + ANNOUNCE_INTERVAL),
            };
            self.is_told = true;
            self.pending = self.identity.records();
            self.due = now;
        }
        if self.pending.is_empty() || now < self.due {
            return None;
        }
        let message = MessageBuilder::from_target(target()).expect("a header fits");
        let (packet, sent) = self.answer(message.question(), self.pending, false);
        // What did not fit is due at once. A record that fits in no message does not exist.
        self.pending = self.pending.without(sent);
        for record in sent.iter() {
            self.sent[position(record)] = Some(now);
        }
        Some(packet)
    }

    /// What is sent before we leave: our records end (10.1).
    pub fn goodbye(&mut self) -> Option<Packet> {
        if !matches!(self.state, State::Announcing(1.., _) | State::Answering) {
            return None;
        }
        self.state = State::Idle;
        self.pending = Set::default();
        Some(self.farewell(self.identity.records().iter(), false))
    }

    /// Our addresses under a name that is another's now (10.1): others may have kept both. Of a
    /// service the other may say the very same, so of that nothing is taken back.
    fn taken_back(&mut self, name: Text<HOSTNAME_BYTES_MAX>) -> Packet {
        let ours = core::mem::replace(&mut self.identity.name, name);
        let is_address = |record: &Record| matches!(record, Record::Address4 | Record::Address6(_));
        // As to plain clients: the cache-flush bit would flush what the other said, too.
        let packet = self.farewell(self.identity.records().iter().filter(is_address), true);
        self.identity.name = ours;
        packet
    }

    /// Says that these records end (10.1): their time to live is 0.
    fn farewell(&self, records: impl Iterator<Item = Record>, is_plain: bool) -> Packet {
        let message = MessageBuilder::from_target(target()).expect("a header fits");
        let mut answer = start_answer(message.question());
        for record in records {
            // What does not fit is forgotten by others when its time is up.
            let _ = self.push(&mut answer, record, Some(Ttl::from_secs(0)), is_plain);
        }
        finish(answer)
    }

    /// Somebody has our name. While we probe for it we take another; later we probe for it again
    /// first, since the other may be gone, or give way to us (9).
    pub(super) fn conflict(&mut self, now: Duration) {
        let is_slow = self.conflicts >= CONFLICTS_MAX;
        if !is_slow && now >= self.conflicts_since + CONFLICT_WINDOW {
            self.conflicts = 0;
            self.conflicts_since = now;
        }
        self.conflicts = self.conflicts.saturating_add(1);
        if let State::Probing(..) = self.state {
            self.suffix = self.suffix.saturating_add(1);
            let next = numbered(&self.base, self.suffix);
            let name = core::mem::replace(&mut self.identity.name, next);
            if core::mem::take(&mut self.is_told) {
                self.lost = Some((name, now));
            }
            self.event = Some(Event::Renamed);
        }
        let pause = match self.conflicts >= CONFLICTS_MAX {
            true => CONFLICT_PAUSE,
            false => Duration::ZERO,
        };
        self.probe(now, pause);
    }

    /// A random time below `limit`.
    pub(super) fn up_to(&mut self, limit: Duration) -> Duration {
        limit * (self.random.next_u32() >> 16) / (1 << 16)
    }
}

/// A record's place in the list of all.
pub(super) fn position(record: Record) -> usize {
    Record::ALL.iter().position(|&other| other == record).unwrap_or(0)
}

/// `barewire-2`: the name with a number, cut where both would be too long.
fn numbered(base: &str, number: u32) -> Text<HOSTNAME_BYTES_MAX> {
    let suffix: Text<12> = Text::of(format_args!("-{number}"));
    let room = HOSTNAME_BYTES_MAX - suffix.len();
    let base = &base[..base.floor_char_boundary(room.min(base.len()))];
    Text::of(format_args!("{base}{suffix}"))
}

#[cfg(test)]
#[path = "responder_tests.rs"]
mod tests;
