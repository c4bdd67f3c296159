//! What the responder says: probes, answers, and the records in them.

use domain::base::iana::{Class, Rtype};
use domain::base::message_builder::{AnswerBuilder, QuestionBuilder, RecordSectionBuilder};
use domain::base::rdata::UnknownRecordData;
use domain::base::{MessageBuilder, StaticCompressor, Ttl};
use octseq::Array;

use super::records::{CACHE_FLUSH, Record, Set};
use super::responder::{Packet, Responder};
use crate::net::names::dns::QueryName;

/// The longest life that a client which does not speak mDNS is told, in seconds (6.7).
pub(super) const LEGACY_TTL_SECONDS_MAX: u32 = 10;
/// The top bit of a question's class: an answer to the asker alone is welcome (5.4).
pub(super) const UNICAST_RESPONSE: u16 = 0x8000;

const _: () = assert!(CACHE_FLUSH == UNICAST_RESPONSE, "the same bit, of questions and of records");

/// Where a message is written: names that were written before are pointed to.
pub(super) type Target = StaticCompressor<Packet>;

impl Responder {
    /// The names that are ours alone, one record of each.
    pub(super) fn claims(&self) -> [(QueryName, Record); 3] {
        [Record::HostTypes, Record::InstanceTypes(0), Record::InstanceTypes(1)]
            .map(|record| (self.identity.owner(record), record))
    }

    /// The records that a probe proposes.
    pub(super) fn probed(&self) -> Set {
        let is_claim = |record: &Record| {
            record.is_unique() && record.rtype() != Rtype::NSEC && *record != Record::Reverse4
        };
        self.identity.records().iter().filter(is_claim).fold(Set::default(), Set::with)
    }

    /// A probe: who has these names, which we would like to have?
    pub(super) fn question(&self) -> Packet {
        let message = MessageBuilder::from_target(target()).expect("a header fits");
        let mut message = message.question();
        let class = Class::from_int(Class::IN.to_int() | UNICAST_RESPONSE);
        for (name, _) in self.claims() {
            message.push((name, Rtype::ANY, class)).expect("three names fit");
        }
        let mut message = message.authority();
        for record in self.probed().iter() {
            let data = self.identity.data(record);
            let data = UnknownRecordData::from_octets(record.rtype(), data).expect("short");
            let owner = self.identity.owner(record);
            // Without the cache-flush bit: it is not ours yet. What does not fit is not fought for.
            let _ = message.push((owner, Class::IN, record.ttl(), data));
        }
        message.finish().into_target()
    }

    /// An answer with these records, and behind them those that will be asked for next; and what of
    /// `records` is in it.
    pub(super) fn answer(
        &self,
        message: QuestionBuilder<Target>,
        records: Set,
        is_legacy: bool,
    ) -> (Packet, Set) {
        let mut answer = start_answer(message);
        let mut sent = Set::default();
        let ttl = |record: Record| match is_legacy {
            true => Some(Ttl::from_secs(record.ttl().as_secs().min(LEGACY_TTL_SECONDS_MAX))),
            false => None,
        };
        for record in records.iter() {
            if !self.push(&mut answer, record, ttl(record), is_legacy) {
                break;
            }
            sent = sent.with(record);
        }
        if sent.is_empty() {
            // Not even one fits into an empty message: there is no such name.
            sent = records;
        }
        let next = sent.iter().map(Record::leads_to).fold(Set::default(), Set::and);
        let mut additional = answer.additional();
        for record in next.without(sent).iter() {
            if self.identity.records().contains(record)
                && !self.push(&mut additional, record, ttl(record), is_legacy)
            {
                break;
            }
        }
        (additional.finish().into_target(), sent)
    }

    /// Appends a record; false if there is no room.
    pub(super) fn push(
        &self,
        to: &mut impl RecordSectionBuilder<Target>,
        record: Record,
        ttl: Option<Ttl>,
        is_legacy: bool,
    ) -> bool {
        let data = self.identity.data(record);
        let data = UnknownRecordData::from_octets(record.rtype(), data).expect("short");
        let ttl = ttl.unwrap_or(record.ttl());
        to.push((self.identity.owner(record), record.class(is_legacy), ttl, data)).is_ok()
    }
}

/// An empty message.
pub(super) fn target() -> Target {
    StaticCompressor::new(Array::new())
}

/// A message of ours that answers.
pub(super) fn start_answer(mut message: QuestionBuilder<Target>) -> AnswerBuilder<Target> {
    message.header_mut().set_qr(true);
    message.header_mut().set_aa(true);
    message.answer()
}

/// The message, whole.
pub(super) fn finish(answer: AnswerBuilder<Target>) -> Packet {
    answer.finish().into_target()
}
