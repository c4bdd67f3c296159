//! The controller as [`usb::Host`].

use core::time::Duration;

use dma::{Buffer, Direction};
use mmio::{Clock, Registers, TimedOut};
use usb::{
    Completion, Data, Endpoint, Host, Pieces, Pipe, RootPort, Setup, StartError, Target,
    TransferError, Way,
};

use crate::Dwc2;
use crate::limits::{CHANNELS, TRANSFER_BYTES_MAX, TRANSFER_PACKETS_MAX};
use crate::pipe::PipeState;
use crate::port::PortStatus;

impl<R: Registers> Dwc2<R> {
    /// The channel of an open pipe.
    fn channel_of(&self, pipe: Pipe) -> Option<usize> {
        let channel = usize::from(pipe.0);
        (1..CHANNELS).contains(&channel).then_some(channel).filter(|&c| self.pipes[c].is_some())
    }
}

impl<R: Registers> Host for Dwc2<R> {
    fn root_port(&mut self, now: Duration) -> RootPort {
        self.step_port(now)
    }

    fn generation(&self) -> u32 {
        self.generation
    }

    fn restart_port(&mut self, now: Duration) {
        self.restart(now);
    }

    fn stop(&mut self, clock: &mut dyn Clock) -> Result<(), TimedOut> {
        self.stop_core(clock)
    }

    fn start(&mut self, clock: &mut dyn Clock) -> Result<(), StartError> {
        self.start_core(clock)
    }

    fn control(
        &mut self,
        clock: &mut dyn Clock,
        target: &Target,
        setup: Setup,
        data: Data<'_>,
    ) -> Result<usize, TransferError> {
        self.control_transfer(clock, target, setup, data)
    }

    fn open(
        &mut self,
        target: &Target,
        endpoint: &Endpoint,
        pieces: Pieces,
    ) -> Result<Pipe, TransferError> {
        let speed = self.port.speed().ok_or(TransferError::Disconnected)?;
        if speed != target.speed {
            return Err(TransferError::NeedsSplit);
        }
        if endpoint.max_packet == 0 {
            return Err(TransferError::WrongPipe);
        }
        let channel = (1..CHANNELS)
            .find(|&channel| self.pipes[channel].is_none() && self.halted(channel))
            .ok_or(TransferError::NoChannel)?;
        self.pipes[channel] = Some(PipeState::new(*target, *endpoint, pieces));
        Ok(Pipe(channel as u8))
    }

    fn close(&mut self, pipe: Pipe) -> Option<Buffer> {
        let channel = self.channel_of(pipe)?;
        let state = self.pipes[channel].as_mut()?;
        let done = state.done.take();
        if state.idle() {
            // Nothing under way: the channel is free for another pipe.
            self.pipes[channel] = None;
        }
        done.map(|(buffer, _)| buffer)
    }

    fn post(
        &mut self,
        now: Duration,
        pipe: Pipe,
        buffer: Buffer,
        len: usize,
    ) -> Result<(), (Buffer, TransferError)> {
        let Some(channel) = self.channel_of(pipe) else {
            return Err((buffer, TransferError::WrongPipe));
        };
        if self.port.speed().is_none() || !PortStatus::read(&mut self.registers).enabled() {
            return Err((buffer, TransferError::Disconnected));
        }
        let Some(state) = &self.pipes[channel] else {
            return Err((buffer, TransferError::WrongPipe));
        };
        if !state.idle() {
            return Err((buffer, TransferError::Busy));
        }
        let rounded = state.rounded(len);
        let packets = rounded.div_ceil(usize::from(state.endpoint.max_packet));
        if rounded > buffer.capacity().min(TRANSFER_BYTES_MAX) || packets > TRANSFER_PACKETS_MAX {
            return Err((buffer, TransferError::TooLong(len)));
        }
        let direction = match state.endpoint.way {
            Way::In => Direction::FromDevice,
            Way::Out => Direction::ToDevice,
        };
        self.begin(now, channel, buffer.lend(direction, rounded), len);
        Ok(())
    }

    fn take(&mut self, now: Duration, pipe: Pipe) -> Option<Completion> {
        let channel = self.channel_of(pipe)?;
        self.advance(now, channel);
        self.pipes[channel].as_mut()?.done.take()
    }

    fn idle(&self, pipe: Pipe) -> bool {
        self.channel_of(pipe)
            .and_then(|channel| self.pipes[channel].as_ref())
            .is_none_or(PipeState::idle)
    }

    fn buffer(&mut self, bytes: usize) -> Result<Buffer, dma::NoMemory> {
        self.pool.take(bytes)
    }
}
