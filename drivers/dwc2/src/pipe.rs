//! A pipe's transfer, chunk by chunk.
//!
//! A transfer is one chunk, or, for OUT with [`Pieces::Packet`], one chunk a packet; an OUT
//! transfer that fills its last packet is followed by a chunk of zero bytes. Each chunk is one use
//! of the channel. A transaction error in the middle goes on behind what was moved.

use core::time::Duration;

use dma::{Direction, Loan};
use mmio::Registers;
use usb::{Completion, Endpoint, Kind, Pieces, Speed, Target, TransferError, Way};

use crate::Dwc2;
use crate::channel::{Chunk, Ended, EndpointType, Pid};
use crate::limits::{
    CHANNELS, HALT_WAIT_MAX, INTERRUPT_INTERVAL_MIN, OUT_WAIT_MAX, TRANSACTION_RETRIES,
    TRANSFER_PACKETS_MAX,
};
use crate::port::PortStatus;

/// What a transfer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The channel runs.
    Running,
    /// The interrupt endpoint had nothing; it is asked again then.
    Sleeping { until: Duration },
    /// The channel was told to stop, and why.
    Halting { why: TransferError, until: Duration },
}

/// A transfer under way.
#[derive(Debug)]
struct Transfer {
    loan: Loan,
    /// Bytes wanted.
    total: usize,
    /// Bytes moved by the chunks before.
    moved: usize,
    /// Bytes of this chunk.
    chunk: usize,
    /// The closing zero-length packet was sent, or none is due.
    closed: bool,
    started: Duration,
    retries: u8,
    phase: Phase,
}

/// A pipe.
#[derive(Debug)]
pub(crate) struct PipeState {
    pub target: Target,
    pub endpoint: Endpoint,
    pieces: Pieces,
    /// The next packet's toggle is DATA1.
    data1: bool,
    /// The device answered NYET, or not at all: ask by PING before the next packet.
    ping: bool,
    transfer: Option<Transfer>,
    pub done: Option<Completion>,
}

impl PipeState {
    pub fn new(target: Target, endpoint: Endpoint, pieces: Pieces) -> Self {
        Self { target, endpoint, pieces, data1: false, ping: false, transfer: None, done: None }
    }

    pub fn idle(&self) -> bool {
        self.transfer.is_none() && self.done.is_none()
    }

    fn max_packet(&self) -> usize {
        usize::from(self.endpoint.max_packet)
    }

    /// Bytes given to the controller for a transfer of `len`: whole packets for IN.
    pub fn rounded(&self, len: usize) -> usize {
        match self.endpoint.way {
            Way::In => len.next_multiple_of(self.max_packet()).max(self.max_packet()),
            Way::Out => len,
        }
    }

    /// How long an interrupt endpoint is left alone between questions (USB 2.0, table 9-13).
    fn interval(&self) -> Duration {
        let wished = match self.target.speed {
            Speed::High => {
                let exponent = u32::from(self.endpoint.interval).clamp(1, 16) - 1;
                Duration::from_micros(125 << exponent)
            }
            _ => Duration::from_millis(u64::from(self.endpoint.interval.max(1))),
        };
        wished.max(INTERRUPT_INTERVAL_MIN)
    }
}

impl<R: Registers> Dwc2<R> {
    /// Begins a transfer on a pipe that has none.
    pub(crate) fn begin(&mut self, now: Duration, channel: usize, loan: Loan, total: usize) {
        let Some(pipe) = &mut self.pipes[channel] else { return };
        let closed = match pipe.endpoint.way {
            Way::In => true,
            Way::Out => !total.is_multiple_of(pipe.max_packet()),
        };
        pipe.transfer = Some(Transfer {
            loan,
            total,
            moved: 0,
            chunk: 0,
            // Of a transfer of no bytes, the zero-length packet is all there is.
            closed: closed || total == 0,
            started: now,
            retries: 0,
            phase: Phase::Running,
        });
        self.start_chunk(channel);
        self.advance(now, channel);
    }

    /// Starts the channel on what is left of the transfer.
    fn start_chunk(&mut self, channel: usize) {
        let Some(pipe) = &mut self.pipes[channel] else { return };
        let (max_packet, whole) = (pipe.max_packet(), pipe.rounded(0));
        let Some(transfer) = &mut pipe.transfer else { return };
        let left = transfer.total - transfer.moved;
        transfer.chunk = match (pipe.endpoint.way, pipe.pieces) {
            (Way::In, _) => left.next_multiple_of(max_packet).max(whole),
            (Way::Out, Pieces::Packet) => left.min(max_packet),
            (Way::Out, Pieces::Whole) => left,
        };
        transfer.phase = Phase::Running;
        let chunk = Chunk {
            target: pipe.target,
            endpoint: pipe.endpoint.number,
            kind: match pipe.endpoint.kind {
                Kind::Bulk => EndpointType::Bulk,
                Kind::Interrupt => EndpointType::Interrupt,
            },
            direction: match pipe.endpoint.way {
                Way::In => Direction::FromDevice,
                Way::Out => Direction::ToDevice,
            },
            max_packet: pipe.endpoint.max_packet,
            pid: if pipe.data1 { Pid::Data1 } else { Pid::Data0 },
            ping: core::mem::take(&mut pipe.ping),
            bus: transfer.loan.bus() + transfer.moved as u32,
            len: transfer.chunk,
        };
        self.start(channel, &chunk);
    }

    /// Takes the transfer as far as it goes without waiting.
    pub(crate) fn advance(&mut self, now: Duration, channel: usize) {
        if self.port.speed().is_none() {
            // The port is starting over: every transfer ends there, once no channel runs.
            return;
        }
        // A transfer has no more chunks than packets, a closing one, and its retries.
        for _ in 0..=TRANSFER_PACKETS_MAX + usize::from(TRANSACTION_RETRIES) {
            let Some(transfer) = self.pipes[channel].as_ref().and_then(|p| p.transfer.as_ref())
            else {
                return;
            };
            let go_on = match transfer.phase {
                Phase::Running => self.advance_running(now, channel),
                Phase::Sleeping { until } if now < until => false,
                // A port that has just turned itself off is seen by the next look at it.
                Phase::Sleeping { .. } if !PortStatus::read(&mut self.registers).enabled() => false,
                Phase::Sleeping { .. } => {
                    self.start_chunk(channel);
                    true
                }
                Phase::Halting { why, until } => {
                    if self.halted(channel) {
                        // What was moved before the halt counts, or the toggle would be wrong.
                        self.settle_halted(channel, why);
                    } else if now >= until {
                        // The core is asked to start over; the buffer comes back from there.
                        self.restart(now);
                    }
                    false
                }
            };
            if !go_on {
                return;
            }
        }
    }

    /// Ends the transfer of a channel that was told to stop, and has.
    fn settle_halted(&mut self, channel: usize, why: TransferError) {
        let ended = self.ended(channel);
        self.acknowledge(channel);
        if let Some(pipe) = &mut self.pipes[channel]
            && let Some(transfer) = &pipe.transfer
        {
            let programmed = transfer.chunk.div_ceil(pipe.max_packet()).max(1);
            let packets = match ended {
                Some(Ended::Complete { .. }) => programmed,
                Some(Ended::Failed { packets_left, .. }) => {
                    programmed - packets_left.min(programmed)
                }
                Some(Ended::Nak) | None => 0,
            };
            pipe.data1 ^= !packets.is_multiple_of(2);
        }
        self.finish(channel, Err(why));
    }

    /// Looks at a running channel. True if the next chunk was started.
    fn advance_running(&mut self, now: Duration, channel: usize) -> bool {
        let mut ended = self.ended(channel);
        let enabled = PortStatus::read(&mut self.registers).enabled();
        let Some(pipe) = &mut self.pipes[channel] else { return false };
        let max_packet = pipe.max_packet();
        if pipe.endpoint.kind == Kind::Interrupt
            && let Some(Ended::Failed { error: TransferError::Halted(_), .. }) = ended
        {
            // A periodic channel that halts without a reason has missed its (micro)frame.
            ended = Some(Ended::Nak);
        }
        let Some(transfer) = &mut pipe.transfer else { return false };
        match ended {
            None => {
                let waited = now.saturating_sub(transfer.started);
                if pipe.endpoint.way == Way::Out && waited >= OUT_WAIT_MAX {
                    let why = TransferError::TimedOut(waited);
                    transfer.phase = Phase::Halting { why, until: now + HALT_WAIT_MAX };
                    self.request_halt(channel);
                }
                false
            }
            Some(Ended::Nak) => {
                let until = now + pipe.interval();
                if let Some(transfer) = &mut pipe.transfer {
                    transfer.phase = Phase::Sleeping { until };
                }
                false
            }
            Some(Ended::Complete { left, nyet }) => {
                let was_closing = transfer.moved == transfer.total && transfer.chunk == 0;
                let (bytes, packets) = match pipe.endpoint.way {
                    Way::In => {
                        let bytes = transfer.chunk - left.min(transfer.chunk);
                        let short = usize::from(bytes < transfer.chunk);
                        (bytes, bytes / max_packet + short)
                    }
                    Way::Out => (transfer.chunk, transfer.chunk.div_ceil(max_packet).max(1)),
                };
                pipe.data1 ^= !packets.is_multiple_of(2);
                pipe.ping = nyet && pipe.target.speed == Speed::High;
                transfer.moved += bytes;
                transfer.closed |= was_closing;
                let more = pipe.endpoint.way == Way::Out
                    && (transfer.moved < transfer.total || !transfer.closed);
                if !more {
                    let moved = transfer.moved;
                    self.finish(channel, Ok(moved));
                } else if enabled {
                    self.start_chunk(channel);
                } else {
                    self.finish(channel, Err(TransferError::Disconnected));
                }
                more && enabled
            }
            Some(Ended::Failed { error, left, packets_left }) => {
                let programmed = transfer.chunk.div_ceil(max_packet).max(1);
                let packets = programmed - packets_left.min(programmed);
                let bytes = match pipe.endpoint.way {
                    Way::In => transfer.chunk - left.min(transfer.chunk),
                    Way::Out => (packets * max_packet).min(transfer.chunk),
                };
                pipe.data1 ^= !packets.is_multiple_of(2);
                // After a packet that was not answered, first the question whether there is room
                // (USB 2.0, figure 8-27).
                pipe.ping = error == TransferError::Transaction
                    && pipe.target.speed == Speed::High
                    && (pipe.endpoint.way, pipe.endpoint.kind) == (Way::Out, Kind::Bulk);
                transfer.moved += bytes;
                transfer.retries += 1;
                let again = error == TransferError::Transaction
                    && enabled
                    && transfer.retries <= TRANSACTION_RETRIES
                    && bytes.is_multiple_of(max_packet)
                    && transfer.moved <= transfer.total;
                if again {
                    self.start_chunk(channel);
                } else {
                    let error = if enabled { error } else { TransferError::Disconnected };
                    self.finish(channel, Err(error));
                }
                again
            }
        }
    }

    /// Ends the transfer: the buffer is ours again, and waits to be taken.
    fn finish(&mut self, channel: usize, result: Result<usize, TransferError>) {
        let Some(pipe) = &mut self.pipes[channel] else { return };
        if let Some(transfer) = pipe.transfer.take() {
            // More than was asked for can only be the rest of the last packet: that is babble.
            let result = match result {
                Ok(moved) if moved > transfer.total => Err(TransferError::Babble),
                other => other,
            };
            pipe.done = Some((transfer.loan.reclaim(), result));
        }
    }

    /// True if no channel moves anything.
    pub(crate) fn all_halted(&mut self) -> bool {
        (0..CHANNELS).all(|channel| self.halted(channel))
    }

    /// Ends every transfer with this error. Only to be called when no channel runs.
    pub(crate) fn fail_pipes(&mut self, error: TransferError) {
        self.recover_control_buffers();
        for channel in 0..CHANNELS {
            // Or their interrupts would keep the CPU from sleeping.
            self.acknowledge(channel);
        }
        for channel in 1..CHANNELS {
            self.finish(channel, Err(error));
        }
    }
}
