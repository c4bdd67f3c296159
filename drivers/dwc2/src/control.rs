//! Control transfers: three stages on channel 0, to their end.

use core::time::Duration;

use dma::{Buffer, Direction, Loan};
use mmio::{Clock, Registers};
use usb::{Data, Setup, Target, TransferError};

use crate::Dwc2;
use crate::channel::{Chunk, Ended, EndpointType, Pid};
use crate::limits::{CONTROL_BYTES_MAX, CONTROL_WAIT_MAX, HALT_WAIT_MAX, TRANSACTION_RETRIES};
use crate::port::PortStatus;

/// The control channel.
const CONTROL: usize = 0;

/// A stage's direction, toggle and length.
#[derive(Clone, Copy)]
struct Stage {
    direction: Direction,
    pid: Pid,
    len: usize,
}

impl<R: Registers> Dwc2<R> {
    /// One control transfer. After a transaction error it starts over with SETUP, which a device
    /// must always take (USB 2.0, 8.5.3.4).
    pub(crate) fn control_transfer(
        &mut self,
        clock: &mut dyn Clock,
        target: &Target,
        setup: Setup,
        mut data: Data<'_>,
    ) -> Result<usize, TransferError> {
        let speed = self.port.speed().ok_or(TransferError::Disconnected)?;
        if speed != target.speed {
            return Err(TransferError::NeedsSplit);
        }
        let len = match &data {
            Data::None => 0,
            Data::In(bytes) => bytes.len(),
            Data::Out(bytes) => bytes.len(),
        };
        if len > CONTROL_BYTES_MAX {
            return Err(TransferError::TooLong(len));
        }
        let mut retries = 0;
        loop {
            match self.control_once(clock, target, setup, &mut data) {
                Err(TransferError::Transaction) if retries < TRANSACTION_RETRIES => retries += 1,
                result => return result,
            }
        }
    }

    fn control_once(
        &mut self,
        clock: &mut dyn Clock,
        target: &Target,
        setup: Setup,
        data: &mut Data<'_>,
    ) -> Result<usize, TransferError> {
        let mut packet = self.setup_buffer.take().ok_or(TransferError::Busy)?;
        packet[..8].copy_from_slice(&setup.to_bytes());
        let stage = Stage { direction: Direction::ToDevice, pid: Pid::Setup, len: 8 };
        let (packet, result) = self.stage(clock, target, stage, packet);
        self.setup_buffer = packet;
        result?;

        let mut buffer = self.data_buffer.take().ok_or(TransferError::Busy)?;
        let (stage, status) = match data {
            Data::None => (None, Direction::FromDevice),
            Data::In(bytes) => {
                let len = bytes.len().next_multiple_of(usize::from(target.max_packet_0));
                let len = len.min(buffer.capacity());
                (Some((Direction::FromDevice, len)), Direction::ToDevice)
            }
            Data::Out(bytes) => {
                buffer[..bytes.len()].copy_from_slice(bytes);
                (Some((Direction::ToDevice, bytes.len())), Direction::FromDevice)
            }
        };
        let mut moved = 0;
        if let Some((direction, len)) = stage {
            let stage = Stage { direction, pid: Pid::Data1, len };
            let (back, result) = self.stage(clock, target, stage, buffer);
            let Some(filled) = back else { return result };
            buffer = filled;
            match result.and_then(|bytes| take_data(data, &buffer, bytes)) {
                Ok(bytes) => moved = bytes,
                Err(error) => {
                    self.data_buffer = Some(buffer);
                    return Err(error);
                }
            }
        }
        let stage = Stage { direction: status, pid: Pid::Data1, len: 0 };
        let (back, result) = self.stage(clock, target, stage, buffer);
        self.data_buffer = back;
        result.map(|_| moved)
    }

    /// One stage. The buffer comes back unless the core did not let go of it.
    fn stage(
        &mut self,
        clock: &mut dyn Clock,
        target: &Target,
        stage: Stage,
        buffer: Buffer,
    ) -> (Option<Buffer>, Result<usize, TransferError>) {
        if !PortStatus::read(&mut self.registers).enabled() {
            return (Some(buffer), Err(TransferError::Disconnected));
        }
        let start = clock.now();
        if clock.deadline().is_some_and(|deadline| start >= deadline) {
            return (Some(buffer), Err(TransferError::OutOfTime));
        }
        let loan = buffer.lend(stage.direction, stage.len);
        let chunk = Chunk {
            target: *target,
            endpoint: 0,
            kind: EndpointType::Control,
            direction: stage.direction,
            max_packet: u16::from(target.max_packet_0),
            pid: stage.pid,
            ping: false,
            bus: loan.bus(),
            len: stage.len,
        };
        self.start(CONTROL, &chunk);
        let waited = loop {
            match self.ended(CONTROL) {
                Some(Ended::Complete { left, .. }) => {
                    let moved = match stage.direction {
                        Direction::FromDevice => stage.len - left.min(stage.len),
                        Direction::ToDevice => stage.len,
                    };
                    return (Some(loan.reclaim()), Ok(moved));
                }
                Some(Ended::Failed { error, .. }) => return (Some(loan.reclaim()), Err(error)),
                // A control endpoint's NAK does not halt the channel: the core tries again by
                // itself.
                Some(Ended::Nak) => {
                    let halted = TransferError::Halted(0);
                    return (Some(loan.reclaim()), Err(halted));
                }
                None => {}
            }
            let waited = clock.now().saturating_sub(start);
            let connected = PortStatus::read(&mut self.registers).connected();
            if waited >= CONTROL_WAIT_MAX || !connected {
                break connected.then_some(waited);
            }
            core::hint::spin_loop();
        };
        let error = waited.map_or(TransferError::Disconnected, TransferError::TimedOut);
        (self.abandon(clock, loan), Err(error))
    }

    /// Stops the control channel and takes the buffer back, if the core lets go of it in time.
    fn abandon(&mut self, clock: &mut dyn Clock, loan: Loan) -> Option<Buffer> {
        self.request_halt(CONTROL);
        let stopped =
            mmio::wait(clock, "control channel halt", HALT_WAIT_MAX, || self.halted(CONTROL));
        if stopped.is_err() {
            // The port starts over, with a core reset if the channel still runs then.
            let now: Duration = clock.now();
            self.stuck_loans.push(loan).ok();
            self.restart(now);
            return None;
        }
        // Or its interrupt would keep the CPU from sleeping.
        self.acknowledge(CONTROL);
        Some(loan.reclaim())
    }

    /// Gives the control channel its buffers back, once nothing runs.
    pub(crate) fn recover_control_buffers(&mut self) {
        while let Some(loan) = self.stuck_loans.pop() {
            let buffer = loan.reclaim();
            // The data buffer is the larger one.
            let home = if buffer.capacity() >= CONTROL_BYTES_MAX {
                &mut self.data_buffer
            } else {
                &mut self.setup_buffer
            };
            *home = Some(buffer);
        }
    }
}

/// Hands the received bytes to the caller.
fn take_data(data: &mut Data<'_>, filled: &[u8], bytes: usize) -> Result<usize, TransferError> {
    if let Data::In(out) = data {
        if bytes > out.len() {
            return Err(TransferError::Babble);
        }
        out[..bytes].copy_from_slice(&filled[..bytes]);
    }
    Ok(bytes)
}
