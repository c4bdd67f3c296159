//! What QEMU asks for, request by request.

use std::time::Duration;

use super::{Broken, Server, Waiting, Work};
use crate::device::{Device, Refusal, Setup};
use crate::limits::{REQUESTS_MAX, STALE_MAX};
use crate::message::{BulkPacket, ControlPacket, Message, SmallPacket, Status};
use crate::survey::{INTERFACES_MAX, row};

impl<D: Device> Server<D> {
    pub(super) fn request(
        &mut self,
        now: Duration,
        id: u64,
        message: Message,
    ) -> Result<(), Broken> {
        wrong_way(&message)?;
        match message {
            Message::Reset => return self.reset(now),
            Message::SetConfiguration { configuration } => self.configure(now, id, configuration),
            Message::GetConfiguration => {
                let answer = self.ask(now, 0x80, 8, 0, 0, 1);
                let configuration = answer.as_ref().map_or(0, |data| first(data));
                let status = status(&answer);
                self.send(id, &Message::ConfigurationStatus { status, configuration });
            }
            Message::SetAlternate { interface, alternate } => {
                self.select(now, id, interface, alternate);
            }
            Message::GetAlternate { interface } => {
                let answer = self.ask(now, 0x81, 10, 0, interface.into(), 1);
                let alternate = answer.as_ref().map_or(0, |data| first(data));
                let status = status(&answer);
                self.send(id, &Message::AlternateStatus { status, interface, alternate });
            }
            Message::StartInterrupt { endpoint } => {
                let pipe = &mut self.pipes[row(endpoint)];
                pipe.receiving = endpoint & 0x80 != 0;
                let status = if pipe.receiving { Status::Success } else { Status::Invalid };
                self.send(id, &Message::InterruptStatus { status, endpoint });
                self.report(now, row(endpoint));
            }
            Message::StopInterrupt { endpoint } => {
                self.pipes[row(endpoint)].receiving = false;
                self.send(id, &Message::InterruptStatus { status: Status::Success, endpoint });
            }
            Message::Control(packet) => self.control(now, id, packet),
            Message::Bulk(packet) => return self.bulk(now, id, packet),
            Message::Cancel => self.give_up(id),
            message => self.decline(id, message),
        }
        Ok(())
    }

    /// Answers what this server does not do.
    fn decline(&mut self, id: u64, message: Message) {
        let status = Status::Invalid;
        let answer = match message {
            Message::StartIso { endpoint, .. } | Message::StopIso { endpoint } => {
                Message::IsoStatus { status, endpoint }
            }
            Message::AllocateStreams { endpoints, .. } | Message::FreeStreams { endpoints } => {
                Message::StreamsStatus { endpoints, streams: 0, status }
            }
            Message::StartBulk { stream, endpoint, .. }
            | Message::StopBulk { stream, endpoint } => {
                Message::BulkStatus { stream, endpoint, status }
            }
            Message::Interrupt(SmallPacket { endpoint, .. }) => {
                Message::Interrupt(SmallPacket { endpoint, status, length: 0, data: Vec::new() })
            }
            // Isochronous packets have no answer.
            _ => return,
        };
        self.send(id, &answer);
    }

    fn ask(
        &mut self,
        now: Duration,
        request_type: u8,
        request: u8,
        value: u16,
        index: u16,
        length: u16,
    ) -> Result<Vec<u8>, Refusal> {
        let setup = Setup { request_type, request, value, index, length };
        self.device.control(now, &setup, &[])
    }

    fn configure(&mut self, now: Duration, id: u64, configuration: u8) {
        for waiting in std::mem::take(&mut self.stale) {
            self.cancel(&waiting);
        }
        let answer = self.ask(now, 0x00, 9, configuration.into(), 0, 0);
        if answer.is_ok() {
            self.counters.configured += 1;
            self.configuration = configuration;
            self.alternates = [0; INTERFACES_MAX];
            self.describe(now);
        }
        let (status, configuration) = (status(&answer), self.configuration);
        self.send(id, &Message::ConfigurationStatus { status, configuration });
    }

    fn select(&mut self, now: Duration, id: u64, interface: u8, alternate: u8) {
        let answer = self.ask(now, 0x01, 11, alternate.into(), interface.into(), 0);
        if answer.is_ok()
            && let Some(setting) = self.alternates.get_mut(usize::from(interface))
        {
            *setting = alternate;
            self.describe(now);
        }
        let status = status(&answer);
        self.send(id, &Message::AlternateStatus { status, interface, alternate });
    }

    fn reset(&mut self, now: Duration) -> Result<(), Broken> {
        self.counters.resets += 1;
        self.held = false;
        for pipe in &mut self.pipes {
            self.stale.extend(pipe.waiting.drain(..));
        }
        if let (true, Some(waiting)) = (self.stale.len() > STALE_MAX, self.stale.last()) {
            return Err(Broken::TooManyRequests { endpoint: waiting.endpoint });
        }
        self.configuration = 0;
        self.alternates = [0; INTERFACES_MAX];
        self.device.reset(now);
        Ok(())
    }

    fn control(&mut self, now: Duration, id: u64, packet: ControlPacket) {
        self.counters.control += 1;
        let ControlPacket { request, request_type, value, index, length, data, .. } = packet;
        let setup = Setup { request_type, request, value, index, length };
        let outward = if setup.is_in() { 0 } else { length };
        let (status, moved, data) = if data.len() != usize::from(outward) {
            (Status::Invalid, 0, Vec::new())
        } else {
            match self.device.control(now, &setup, &data) {
                Ok(mut answer) if setup.is_in() => {
                    answer.truncate(length.into());
                    (Status::Success, answer.len() as u16, answer)
                }
                Ok(_) => (Status::Success, length, Vec::new()),
                Err(refusal) => (refusal.into(), 0, Vec::new()),
            }
        };
        let answer = ControlPacket { status, length: moved, data, ..packet };
        self.send(id, &Message::Control(answer));
    }

    fn bulk(&mut self, now: Duration, id: u64, packet: BulkPacket) -> Result<(), Broken> {
        let BulkPacket { endpoint, length, stream, data, .. } = packet;
        let inward = endpoint & 0x80 != 0;
        let sound = data.len() == if inward { 0 } else { length as usize };
        if !sound || endpoint & 15 == 0 {
            let status = Status::Invalid;
            let answer = BulkPacket { endpoint, status, length: 0, stream, data: Vec::new() };
            self.send(id, &Message::Bulk(answer));
            return Ok(());
        }
        let waiting = &mut self.pipes[row(endpoint)].waiting;
        if waiting.len() == REQUESTS_MAX {
            return Err(Broken::TooManyRequests { endpoint });
        }
        let work = if inward { Work::In { wanted: length } } else { Work::Out { data } };
        waiting.push_back(Waiting { id, endpoint, stream, since: now, work });
        self.serve(now, row(endpoint));
        Ok(())
    }
}

fn first(data: &[u8]) -> u8 {
    data.first().copied().unwrap_or(0)
}

fn status<T>(answer: &Result<T, Refusal>) -> Status {
    match answer {
        Ok(_) => Status::Success,
        Err(refusal) => (*refusal).into(),
    }
}

/// Refuses the messages that only we send.
pub(super) fn wrong_way(message: &Message) -> Result<(), Broken> {
    match message {
        Message::DeviceConnect(_)
        | Message::DeviceDisconnect
        | Message::InterfaceInfo(_)
        | Message::EndpointInfo(_)
        | Message::ConfigurationStatus { .. }
        | Message::AlternateStatus { .. }
        | Message::IsoStatus { .. }
        | Message::InterruptStatus { .. }
        | Message::StreamsStatus { .. }
        | Message::BulkStatus { .. }
        | Message::BufferedBulk { .. } => Err(Broken::WrongWay(message.kind())),
        _ => Ok(()),
    }
}
