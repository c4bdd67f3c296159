//! The chip as a function of the bus model: endpoints and vendor requests.

use std::time::Duration;

use super::{Chip, Mistake};
use crate::usb::{Answer, EndpointFacts, Function, Kind, Moment, Setup};

// Vendor requests `[seen]`.
const WRITE_REGISTER: u8 = 0xa0;
const READ_REGISTER: u8 = 0xa1;
const GET_STATS: u8 = 0xa2;

impl Chip {
    fn refuse(&mut self, setup: &Setup) {
        let &Setup { request, index, length, .. } = setup;
        self.note(Mistake::BadRequest { request, index, length });
    }
}

impl Function for Chip {
    fn restart(&mut self) {
        self.reset();
    }

    fn configured(&mut self, now: Duration, _value: u8) {
        self.advance(now);
    }

    fn request_in(&mut self, moment: &mut Moment<'_>, setup: &Setup) -> Option<Vec<u8>> {
        self.advance(moment.now);
        match (setup.request_type, setup.request) {
            (0xc0, READ_REGISTER) if setup.length == 4 && setup.index.is_multiple_of(4) => {
                Some(self.read(setup.index).to_le_bytes().to_vec())
            }
            (0xc0, GET_STATS) if setup.index < 2 => {
                let words = self.counters.words(setup.index);
                if self.settings.model.clears_statistics() {
                    self.counters.clear(setup.index);
                }
                words
            }
            _ => {
                self.refuse(setup);
                None
            }
        }
    }

    fn request_out(&mut self, moment: &mut Moment<'_>, setup: &Setup, data: &[u8]) -> bool {
        self.advance(moment.now);
        match (setup.request_type, setup.request, data) {
            (0x40, WRITE_REGISTER, &[a, b, c, d]) if setup.index.is_multiple_of(4) => {
                self.write(setup.index, u32::from_le_bytes([a, b, c, d]));
                true
            }
            _ => {
                self.refuse(setup);
                false
            }
        }
    }

    fn next_packet(&mut self, now: Duration, endpoint: &EndpointFacts) -> Option<Vec<u8>> {
        self.advance(now);
        if endpoint.kind == Kind::Interrupt {
            return self.interrupt_word().map(|word| word.to_le_bytes().to_vec());
        }
        self.bulk_in_packet(endpoint.max_packet.into())
    }

    fn acknowledged(&mut self, endpoint: &EndpointFacts, packet: &[u8]) {
        if endpoint.kind == Kind::Bulk {
            self.bulk_in_acknowledged(packet, endpoint.max_packet.into());
        }
    }

    fn receive(&mut self, endpoint: &EndpointFacts, packet: &[u8]) -> Answer {
        self.bulk_out_packet(packet, endpoint.max_packet.into())
    }
}
