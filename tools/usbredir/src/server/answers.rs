//! What QEMU is told of the transfers that wait.

use std::time::Duration;

use super::{Server, Waiting, Work};
use crate::device::{Device, Inward, Outward};
use crate::limits::REPORTS_PER_TURN_MAX;
use crate::message::{BulkPacket, Message, SmallPacket, Status};

impl<D: Device> Server<D> {
    /// Answers the requests of an endpoint, the oldest first, until one has to wait.
    pub(super) fn serve(&mut self, now: Duration, row: usize) {
        while let Some(waiting) = self.pipes[row].waiting.front() {
            let endpoint = waiting.endpoint;
            let held_enough = self.hold.is_some_and(|hold| now >= waiting.since + hold);
            let (status, length, data) = match &waiting.work {
                Work::In { .. } if std::mem::take(&mut self.pipes[row].owes_end) => {
                    (Status::Success, 0, Vec::new())
                }
                Work::In { wanted } => {
                    let wanted = *wanted as usize;
                    let answer = match self.keeps_a_send() {
                        true => Inward::Pending,
                        false => self.device.bulk_in(now, endpoint, wanted),
                    };
                    match answer {
                        Inward::Data(mut data) => {
                            let fits = data.len() <= wanted;
                            data.truncate(wanted);
                            let status = if fits { Status::Success } else { Status::Babble };
                            let whole = !data.is_empty() && data.len() < wanted;
                            let pipe = &mut self.pipes[row];
                            pipe.owes_end = whole && data.len().is_multiple_of(pipe.max_packet);
                            (status, data.len() as u32, data)
                        }
                        Inward::Pending if held_enough => (Status::Success, 0, Vec::new()),
                        Inward::Pending => return,
                        Inward::Refused(refusal) => (refusal.into(), 0, Vec::new()),
                    }
                }
                // Until the device is gone.
                Work::Out { .. } if self.unplug_due.is_some() => return,
                Work::Out { data } => match self.device.bulk_out(now, endpoint, data) {
                    Outward::Taken => (Status::Success, data.len() as u32, Vec::new()),
                    Outward::Pending => return,
                    Outward::Refused(refusal) => (refusal.into(), 0, Vec::new()),
                },
            };
            let Some(Waiting { id, stream, .. }) = self.pipes[row].waiting.pop_front() else {
                return;
            };
            match endpoint & 0x80 {
                0 => self.counters.bulk_out += 1,
                _ => self.counters.bulk_in += 1,
            }
            let answer = BulkPacket { endpoint, status, length, stream, data };
            self.send(id, &Message::Bulk(answer));
        }
    }

    /// Sends the reports that an interrupt endpoint has.
    pub(super) fn report(&mut self, now: Duration, row: usize) {
        let endpoint = 0x80 | (row as u8 & 15);
        for _ in 0..REPORTS_PER_TURN_MAX {
            if !self.pipes[row].receiving {
                return;
            }
            match self.device.interrupt_in(now, endpoint) {
                Inward::Data(data) => {
                    let id = self.pipes[row].reports;
                    self.pipes[row].reports += 1;
                    self.counters.reports += 1;
                    let (status, length) = (Status::Success, data.len() as u16);
                    let report = SmallPacket { endpoint, status, length, data };
                    self.send(id, &Message::Interrupt(report));
                }
                Inward::Pending => return,
                Inward::Refused(refusal) => {
                    // The guest starts again once it has cleared the halt.
                    self.pipes[row].receiving = false;
                    let status = refusal.into();
                    self.send(0, &Message::InterruptStatus { status, endpoint });
                }
            }
        }
    }

    /// The guest does not want this answer any more.
    pub(super) fn give_up(&mut self, id: u64) {
        for row in 0..self.pipes.len() {
            let waiting = &mut self.pipes[row].waiting;
            if let Some(at) = waiting.iter().position(|waiting| waiting.id == id)
                && let Some(waiting) = waiting.remove(at)
            {
                self.cancel(&waiting);
                return;
            }
        }
    }

    pub(super) fn cancel(&mut self, waiting: &Waiting) {
        self.counters.cancelled += 1;
        let &Waiting { id, endpoint, stream, .. } = waiting;
        let status = Status::Cancelled;
        let answer = BulkPacket { endpoint, status, length: 0, stream, data: Vec::new() };
        self.send(id, &Message::Bulk(answer));
    }
}
