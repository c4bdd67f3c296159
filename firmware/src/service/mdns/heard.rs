//! What the responder hears: questions, others' answers and others' claims.

use core::cmp::Ordering;
use core::time::Duration;

use domain::base::iana::{Class, Opcode, Rtype};
use domain::base::message::RecordSection;
use domain::base::{Message, MessageBuilder, ParsedRecord, ToName};
use smoltcp::wire::IpEndpoint;

use super::records::{Data, Record, Set, data_of};
use super::responder::{DEFERENCE, PORT, Packet, Responder, State, position};
use super::said::{UNICAST_RESPONSE, target};
use crate::limits::MDNS_ITEMS_MAX;
use crate::status::Drop;

/// A record is not sent to the group again within this time (6), but to defend a name.
const REPEAT_MIN: Duration = Duration::from_secs(1);
/// The same to answer a probe.
const REPEAT_MIN_PROBE: Duration = Duration::from_millis(250);
/// Answers that others may give as well wait a random time from this one on (6).
pub(super) const SHARED_DELAY_MIN: Duration = Duration::from_millis(20);
/// How much more at most.
pub(super) const SHARED_DELAY_SPREAD: Duration = Duration::from_millis(100);
/// If more known answers are to come, answers wait for them at least this long (7.2).
const TRUNCATED_DELAY_MIN: Duration = Duration::from_millis(400);
/// Records of one name that are compared when two probe for it.
const PROBED_RECORDS_MAX: usize = 8;

impl Responder {
    /// Takes what came to the port of mDNS from a neighbour. Returns what is to be sent back to it
    /// alone.
    ///
    /// # Errors
    /// [`Drop::DnsMalformed`].
    pub fn receive(
        &mut self,
        now: Duration,
        from: IpEndpoint,
        bytes: &[u8],
    ) -> Result<Option<Packet>, Drop> {
        let message = Message::from_slice(bytes).map_err(|_| Drop::DnsMalformed)?;
        let header = message.header();
        if header.opcode() != Opcode::QUERY || self.state == State::Idle {
            return Ok(None);
        }
        match header.qr() {
            true if from.port == PORT => self.hear(now, message).map(|()| None),
            // RFC 6762 6: answers come from that port, or not at all.
            true => Ok(None),
            false => self.query(now, from, message),
        }
    }

    fn query(
        &mut self,
        now: Duration,
        from: IpEndpoint,
        message: &Message<[u8]>,
    ) -> Result<Option<Packet>, Drop> {
        let malformed = |_| Drop::DnsMalformed;
        let known = self.known(message.answer().map_err(malformed)?)?;
        let authority = message.authority().map_err(malformed)?;
        let is_probe = message.header_counts().nscount() > 0;
        if let State::Probing(..) = self.state {
            if self.loses_against(authority)? {
                self.probe(now, DEFERENCE);
            }
            return Ok(None);
        }
        if message.header_counts().qdcount() == 0 {
            // The rest of what somebody knows already (7.2).
            self.pending = self.pending.without(known);
            return Ok(None);
        }

        let is_legacy = from.port != PORT;
        let (mut to_group, mut to_one) = (Set::default(), Set::default());
        let mut is_shared = false;
        for question in message.question().take(MDNS_ITEMS_MAX) {
            let question = question.map_err(malformed)?;
            let class = question.qclass().to_int();
            let in_class = Class::from_int(class & !UNICAST_RESPONSE);
            if in_class != Class::IN && in_class != Class::ANY {
                continue;
            }
            let found = self.identity.matching(question.qname(), question.qtype()).without(known);
            for record in found.iter() {
                let last = self.sent[position(record)].map(|at| now.saturating_sub(at));
                let fresh = Duration::from_secs(record.ttl().as_secs().into()) / 4;
                let wants_one = is_legacy || class & UNICAST_RESPONSE != 0;
                if wants_one && (is_legacy || last.is_some_and(|last| last < fresh)) {
                    to_one = to_one.with(record);
                } else if last.is_none_or(|last| last >= repeat_min(is_probe)) {
                    to_group = to_group.with(record);
                    is_shared |= !record.is_unique();
                }
            }
        }
        if !to_group.is_empty() {
            let delay = if message.header().tc() {
                TRUNCATED_DELAY_MIN + self.up_to(SHARED_DELAY_SPREAD)
            } else if is_shared && !is_probe {
                SHARED_DELAY_MIN + self.up_to(SHARED_DELAY_SPREAD)
            } else {
                Duration::ZERO
            };
            self.due = match self.pending.is_empty() {
                true => now + delay,
                false => self.due.min(now + delay),
            };
            self.pending = self.pending.and(to_group);
        }
        if to_one.is_empty() {
            return Ok(None);
        }
        let mut reply = MessageBuilder::from_target(target()).expect("a header fits");
        if is_legacy {
            reply.header_mut().set_id(message.header().id());
        }
        let mut reply = reply.question();
        if is_legacy {
            for question in message.question().take(MDNS_ITEMS_MAX) {
                let question = question.map_err(malformed)?;
                // Questions that do not fit leave no room for answers either.
                let _ = reply.push((question.qname(), question.qtype(), Class::IN));
            }
        }
        Ok(Some(self.answer(reply, to_one, is_legacy).0))
    }

    /// Records of ours that the asker knows, for half of their life at least (7.1).
    fn known(&self, answers: RecordSection<'_, [u8]>) -> Result<Set, Drop> {
        let mut known = Set::default();
        for theirs in answers.take(MDNS_ITEMS_MAX) {
            let theirs = theirs.map_err(|_| Drop::DnsMalformed)?;
            let same = self.same(&theirs);
            let fresh = |record: &Record| theirs.ttl().as_secs() >= record.ttl().as_secs() / 2;
            known = same.iter().filter(fresh).fold(known, Set::with);
        }
        Ok(known)
    }

    /// The records of ours that say what this one says.
    fn same(&self, theirs: &ParsedRecord<'_, [u8]>) -> Set {
        let Some(data) = data_of(theirs) else { return Set::default() };
        let is_same = |record: &Record| {
            record.rtype() == theirs.rtype()
                && self.identity.owner(*record).name_eq(&theirs.owner())
                && self.identity.data(*record).as_ref().eq_ignore_ascii_case(data.as_ref())
        };
        self.identity.records().iter().filter(is_same).fold(Set::default(), Set::with)
    }

    /// Somebody else's answer: it may save us one, or claim our name.
    fn hear(&mut self, now: Duration, message: &Message<[u8]>) -> Result<(), Drop> {
        let claims = self.claims();
        let mut conflict = false;
        for record in message.iter().take(MDNS_ITEMS_MAX) {
            let (theirs, _) = record.map_err(|_| Drop::DnsMalformed)?;
            let ttl = theirs.ttl().as_secs();
            let same = self.same(&theirs);
            let fresh = |record: &Record| ttl >= record.ttl().as_secs();
            self.pending = same
                .iter()
                .filter(fresh)
                .fold(self.pending, |pending, record| pending.without(Set::of(&[record])));
            let is_claim = claims.iter().any(|(name, _)| name.name_eq(&theirs.owner()));
            if !is_claim || !same.is_empty() || ttl == 0 || theirs.rtype() == Rtype::NSEC {
                continue;
            }
            let have = |record: Record| record.rtype() == theirs.rtype();
            conflict |= match self.state {
                State::Probing(..) => true,
                // Of a type that we do not have there is nothing to fight for.
                _ => self.identity.matching(&theirs.owner(), theirs.rtype()).iter().any(have),
            };
        }
        if conflict {
            self.conflict(now);
        }
        Ok(())
    }

    /// Two probe for a name at once: whose records come later in order has it (8.2).
    fn loses_against(&self, theirs: RecordSection<'_, [u8]>) -> Result<bool, Drop> {
        for (name, _) in self.claims() {
            let mut others = heapless::Vec::<(u16, Data), PROBED_RECORDS_MAX>::new();
            for record in theirs.take(MDNS_ITEMS_MAX) {
                let record = record.map_err(|_| Drop::DnsMalformed)?;
                if record.owner().name_eq(&name)
                    && let Some(data) = data_of(&record)
                {
                    // More than fit are from nobody who means it.
                    let _ = others.push((record.rtype().to_int(), data));
                }
            }
            let mut ours = heapless::Vec::<(u16, Data), { Record::ALL.len() }>::new();
            for record in self.probed().iter() {
                if self.identity.owner(record).name_eq(&name) {
                    // Cannot fail: there is room for all.
                    let _ = ours.push((record.rtype().to_int(), self.identity.data(record)));
                }
            }
            if !others.is_empty() && order(&mut ours, &mut others) == Ordering::Less {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn repeat_min(is_probe: bool) -> Duration {
    if is_probe { REPEAT_MIN_PROBE } else { REPEAT_MIN }
}

/// Compares two sets of records in their order: by type, then by data as unsigned bytes.
fn order(ours: &mut [(u16, Data)], theirs: &mut [(u16, Data)]) -> Ordering {
    let by = |a: &(u16, Data), b: &(u16, Data)| {
        a.0.cmp(&b.0).then_with(|| a.1.as_ref().cmp(b.1.as_ref()))
    };
    ours.sort_unstable_by(by);
    theirs.sort_unstable_by(by);
    for (a, b) in ours.iter().zip(theirs.iter()) {
        match by(a, b) {
            Ordering::Equal => {}
            other => return other,
        }
    }
    ours.len().cmp(&theirs.len())
}
