//! Transactions: one packet at a time, with toggles, retries and DMA.

use std::time::Duration;

use super::channels::{
    ACK, AHBERR, BBLERR, DATATGLERR, NAK, NEVER, NYET, PID_SETUP, STALL, XACTERR, XFERCOMPL,
};
use super::{Core, End, Mode, Packet};
use crate::Violation;
use crate::faults::{Fault, TokenKind};
use crate::memory::DmaError;
use crate::usb::{Answer, Call, Moment, Speed, Token, Way};

/// What a transaction costs besides its data: token, handshake, turn-around.
pub(super) const TOKEN_TIME: Duration = Duration::from_micros(2);
/// Until the core asks again after a NAK.
const NAK_RETRY: Duration = Duration::from_micros(20);
/// Until the core asks again after a failed transaction.
const ERROR_RETRY: Duration = Duration::from_micros(10);
/// Failed transactions in a row that end a transfer.
const ERRORS_MAX: u8 = 3;
/// Transfers of up to this many bytes move one packet at a time in QEMU, ...
pub(super) const QEMU_SMALL_BYTES: u32 = 1536;
/// ... one in this time.
const QEMU_SMALL_TIME: Duration = Duration::from_micros(250);
/// Packets that QEMU may move inside one register write: a limit of the model's own.
const AT_ONCE_MAX: usize = 2048;

/// What the host hears, and whether the device hears that it was heard.
struct Heard {
    answer: Option<Answer>,
    ack: bool,
    /// Until a device that answered NAK is asked again, if not as usual.
    late: Option<Duration>,
}

impl Core {
    /// When a channel that is enabled, or moved a packet, at `now` gets the bus next.
    pub(super) fn next_slot(&self, now: Duration, index: usize) -> Duration {
        let channel = &self.channels[index];
        let (true, Some((since, length))) = (channel.periodic(), self.port.frames()) else {
            return now;
        };
        let frame = (now.saturating_sub(since).as_nanos() / length.as_nanos()) as u32 + 1;
        let wait = u32::from((frame % 2 == 1) != channel.odd_frame());
        since + length * (frame + wait)
    }

    /// QEMU: the transfer goes as far as it can, inside the write that starts it.
    pub(super) fn run_at_once(&mut self, index: usize, now: Duration) {
        self.channels[index].retry_at(now);
        for _ in 0..AT_ONCE_MAX {
            if self.channels[index].ready() != Some(now) {
                break;
            }
            self.transact(index, now);
        }
    }

    /// One transaction of a channel.
    pub(super) fn transact(&mut self, index: usize, at: Duration) {
        let channel = &self.channels[index];
        let setup = channel.pid() == PID_SETUP;
        let is_in = channel.is_in() && !setup;
        let kind = match (setup, is_in) {
            (true, _) => TokenKind::Setup,
            (false, true) => TokenKind::In,
            (false, false) => TokenKind::Out,
        };
        if !is_in
            && channel.fetched.is_none()
            && let Err(DmaError::Outside) = self.fetch(index)
        {
            self.record(index, at, kind, End::Memory);
            return self.halt(index, AHBERR);
        }
        let channel = &self.channels[index];
        let packet = channel.fetched.clone().unwrap_or_default();
        let token = match (setup, is_in) {
            (true, _) => Token::Setup(&packet),
            (false, true) => Token::In,
            (false, false) if channel.ping() => Token::Ping,
            (false, false) => Token::Out(channel.toggle(), &packet),
        };
        let (address, endpoint) = (channel.address(), channel.endpoint());
        let call = Call {
            address,
            endpoint,
            token,
            kind: channel.kind(),
            max_packet: channel.max_packet(),
            excused: self.lost.contains(&(address, endpoint, token.way())),
            toggles_count: self.mode == Mode::Hardware,
        };
        let heard = self.exchange(index, at, &call);
        let end = match heard.answer {
            None => self.absent(index, at),
            Some(Answer::Silence) => self.silence(index, at),
            Some(Answer::Stall) => {
                self.halt(index, STALL);
                End::Stall
            }
            Some(Answer::Nak) => self.nak(index, at, heard.late),
            Some(Answer::Ack | Answer::Nyet) if token == Token::Ping => {
                self.channels[index].clear_ping();
                End::Moved(0)
            }
            Some(Answer::Ack) => self.sent(index, at, packet.len(), ACK),
            Some(Answer::Nyet) => self.sent(index, at, packet.len(), ACK | NYET),
            Some(Answer::Data(toggle, bytes)) => {
                self.got(index, at, &call, (toggle, &bytes), heard.ack)
            }
        };
        let bytes = if let End::Moved(bytes) = end { bytes as u64 } else { 0 };
        let nanos = if self.port.speed() == Some(Speed::High) { 17 } else { 667 };
        self.bus_free = at + Duration::from_nanos(bytes * nanos);
        self.record(index, at, kind, end);
    }

    fn record(&mut self, index: usize, at: Duration, token: TokenKind, end: End) {
        let channel = &self.channels[index];
        let (address, endpoint) = (channel.address(), channel.endpoint());
        self.trace(Packet { at, channel: index, address, endpoint, token, end });
    }

    /// Puts the next OUT packet into the transmit FIFO.
    fn fetch(&mut self, index: usize) -> Result<(), DmaError> {
        let channel = &self.channels[index];
        let len = channel.bytes().min(channel.max_packet().into());
        let address = channel.dma;
        let read = self.memory.read(address, len as usize);
        let (bytes, allowed) = match read {
            Ok(read) => read,
            Err(error) => {
                self.note(Violation::DmaOutside { address, bytes: len as usize });
                return Err(error);
            }
        };
        if let Err(DmaError::NotLent(address)) = allowed {
            self.note(Violation::DmaNotLent { address });
        }
        let channel = &mut self.channels[index];
        channel.fetched = Some(bytes);
        // The size counts what went into the FIFO, not what was acknowledged.
        channel.moved(len);
        Ok(())
    }

    /// The transaction on the bus, and what goes wrong with it.
    fn exchange(&mut self, index: usize, at: Duration, call: &Call<'_>) -> Heard {
        let heard = |answer, ack| Heard { answer, ack, late: None };
        let silence = heard(Some(Answer::Silence), false);
        let low_speed = self.channels[index].low_speed();
        let Some(plug) = self.port.plug().cloned() else {
            return silence;
        };
        let Some((speed, true)) = plug.borrow().reach(call.address) else {
            return heard(None, false);
        };
        if low_speed != (speed == Speed::Low) {
            self.note(Violation::SpeedBit { address: call.address });
        }
        let fault = self.faults.choose(call);
        let setup = matches!(call.token, Token::Setup(_));
        match fault {
            Some(Fault::Unplug) => {
                self.port.detach(at);
                return silence;
            }
            Some(Fault::PortDrop) => {
                self.port.disable(at);
                return silence;
            }
            Some(Fault::Silence) => return silence,
            Some(Fault::Nak) if setup => return silence,
            Some(Fault::Nak) => return heard(Some(Answer::Nak), false),
            Some(Fault::Late(by)) if !setup && !self.channels[index].was_late => {
                self.channels[index].was_late = true;
                return Heard { answer: Some(Answer::Nak), ack: false, late: Some(by) };
            }
            Some(Fault::Stall) if !setup => {
                plug.borrow_mut().halt(call.address, call.endpoint, call.token.way());
            }
            _ => {}
        }
        let mut moment = Moment { now: at, violations: &mut self.violations };
        let mut answer = plug.borrow_mut().call(&mut moment, call);
        if setup && fault == Some(Fault::Stall) {
            plug.borrow_mut().halt(call.address, call.endpoint, Way::Out);
        }
        // QEMU refuses a request at its SETUP; a device on a wire may not.
        if setup && self.mode == Mode::Qemu && plug.borrow().refuses(call.address) {
            answer = Some(Answer::Stall);
        }
        let key = (call.address, call.endpoint, call.token.way());
        if matches!(answer, Some(Answer::Ack | Answer::Nyet)) {
            self.lost.retain(|other| *other != key);
        }
        match (fault, answer) {
            (Some(Fault::AnswerLost), Some(answer)) => {
                if matches!(answer, Answer::Ack | Answer::Nyet) && !setup {
                    self.lost.push(key);
                }
                silence
            }
            (Some(Fault::AckLost), answer @ Some(Answer::Data(..))) => {
                self.lost.push(key);
                heard(answer, false)
            }
            (Some(Fault::Babble), Some(Answer::Data(toggle, _))) => {
                let bytes = vec![0xbb; usize::from(call.max_packet) + 1];
                heard(Some(Answer::Data(toggle, bytes)), false)
            }
            (Some(Fault::Short(len)), Some(Answer::Data(toggle, mut bytes))) => {
                bytes.truncate(len);
                heard(Some(Answer::Data(toggle, bytes)), true)
            }
            (_, answer) => heard(answer, true),
        }
    }

    /// No device has this address.
    fn absent(&mut self, index: usize, at: Duration) -> End {
        if self.mode == Mode::Qemu {
            // Swallowed: nothing happens any more.
            self.channels[index].retry_at(NEVER);
        } else {
            self.silence(index, at);
        }
        End::Absent
    }

    fn silence(&mut self, index: usize, at: Duration) -> End {
        let channel = &mut self.channels[index];
        channel.errors += 1;
        if channel.errors >= ERRORS_MAX || self.mode == Mode::Qemu {
            self.halt(index, XACTERR);
        } else {
            channel.retry_at(at + ERROR_RETRY);
        }
        End::Silence
    }

    fn nak(&mut self, index: usize, at: Duration, late: Option<Duration>) -> End {
        let channel = &mut self.channels[index];
        channel.errors = 0;
        channel.raise(NAK);
        if channel.periodic() {
            self.halt(index, NAK);
        } else {
            // QEMU looks again at the next of its frames.
            let wait = if self.mode == Mode::Qemu { QEMU_SMALL_TIME } else { NAK_RETRY };
            channel.retry_at(at + late.unwrap_or(wait));
        }
        End::Nak
    }

    /// An OUT or SETUP packet was acknowledged.
    fn sent(&mut self, index: usize, at: Duration, bytes: usize, interrupts: u32) -> End {
        let channel = &mut self.channels[index];
        channel.fetched = None;
        channel.packet_done(self.mode == Mode::Hardware);
        let done = channel.packets() == 0;
        self.progress(index, at, done, interrupts);
        End::Moved(bytes)
    }

    /// The device sent data.
    fn got(
        &mut self,
        index: usize,
        at: Duration,
        call: &Call<'_>,
        (toggle, bytes): (crate::usb::Toggle, &[u8]),
        ack: bool,
    ) -> End {
        let channel = &self.channels[index];
        let max_packet = usize::from(channel.max_packet());
        if bytes.len() > max_packet || bytes.len() > channel.bytes() as usize {
            self.halt(index, BBLERR);
            return End::Babble;
        }
        if call.toggles_count && toggle != channel.toggle() {
            return self.repeated(index, at, call);
        }
        if ack {
            self.lost.retain(|other| *other != (call.address, call.endpoint, Way::In));
            self.acknowledge(at, call);
        }
        // The core writes whole words.
        let mut words = bytes.to_vec();
        words.resize(bytes.len().next_multiple_of(4), 0xee);
        let address = self.channels[index].dma;
        match self.memory.write(address, &words) {
            Ok(()) => {}
            Err(DmaError::NotLent(address)) => self.note(Violation::DmaNotLent { address }),
            Err(DmaError::Outside) => {
                self.note(Violation::DmaOutside { address, bytes: words.len() });
                self.halt(index, AHBERR);
                return End::Memory;
            }
        }
        let channel = &mut self.channels[index];
        channel.moved(bytes.len() as u32);
        channel.packet_done(self.mode == Mode::Hardware);
        let done = bytes.len() < max_packet || channel.packets() == 0;
        self.progress(index, at, done, ACK);
        End::Moved(bytes.len())
    }

    /// The device sent a packet with the wrong toggle: one that the host has, so it is acknowledged
    /// and dropped (USB 2.0, 8.6.4).
    fn repeated(&mut self, index: usize, at: Duration, call: &Call<'_>) -> End {
        if !call.excused {
            let (address, endpoint) = (call.address, call.endpoint);
            self.note(Violation::DataToggle { address, endpoint, way: Way::In });
        }
        self.lost.retain(|other| *other != (call.address, call.endpoint, Way::In));
        self.acknowledge(at, call);
        let channel = &mut self.channels[index];
        channel.raise(DATATGLERR);
        channel.errors += 1;
        if channel.errors >= ERRORS_MAX {
            self.halt(index, DATATGLERR);
        } else {
            channel.retry_at(at + ERROR_RETRY);
        }
        End::Repeated
    }

    fn acknowledge(&mut self, at: Duration, call: &Call<'_>) {
        let Some(plug) = self.port.plug().cloned() else { return };
        let mut moment = Moment { now: at, violations: &mut self.violations };
        plug.borrow_mut().acknowledge(&mut moment, call.address, call.endpoint);
    }

    /// A packet moved: the transfer ends, or goes on.
    fn progress(&mut self, index: usize, at: Duration, done: bool, interrupts: u32) {
        // QEMU says nothing of handshakes.
        let interrupts = if self.mode == Mode::Qemu { 0 } else { interrupts };
        self.channels[index].raise(interrupts);
        if done {
            return self.halt(index, XFERCOMPL);
        }
        let slow = self.mode == Mode::Qemu && self.channels[index].small;
        let next = if slow { at + QEMU_SMALL_TIME } else { self.next_slot(at, index) };
        self.channels[index].retry_at(next);
    }
}
