//! The driver over another `usb::Host` than this repository's: one that exists on paper only.
//!
//! `cargo run -p barewire-lan9514 --example another_host`
//!
//! The host has a chip at its root port whose transmitter is wired to its receiver. The program
//! enumerates the bus, brings the chip up, waits for the link, and sends a frame to itself: what a
//! program of your own does with a controller of your own.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use dma::{Buffer, Coherence, Pool};
use lan9514::{Config, Event, Filter, Lan9514};
use smoltcp::phy::{RxToken, TxToken};
use usb::bus::enumerate;
use usb::{
    Completion, Data, Endpoint, Host, Kind, Pieces, Pipe, RootPort, Setup, Speed, StartError,
    Target, TransferError, Way,
};

const MAC: [u8; 6] = [0xb8, 0x27, 0xeb, 1, 2, 3];

fn main() {
    let mut clock = Clock(Instant::now());
    let mut host = PaperHost::new();
    let config = Config { offload: false, filter: Filter::AllMulticast };
    let mut ethernet = Lan9514::new(&mut host, config).expect("DMA memory");

    let now = mmio::Clock::now(&mut clock);
    let RootPort::Ready(speed) = host.root_port(now) else { panic!("nothing is plugged in") };
    let topology = enumerate(&mut host, &mut clock, speed, &mut |host, clock, device| {
        let (vendor, product) = (device.descriptor.vendor, device.descriptor.product);
        let Some(name) = lan9514::product(vendor, product) else { return false };
        match ethernet.attach(host, clock, device, Some(MAC)) {
            Ok(mac) => println!("{name} is {mac:02x?}"),
            Err(error) => println!("{name}: {error}"),
        }
        true
    });
    println!("bus: {}", topology.expect("a device that answers"));

    let mut frame = [0x55; 60];
    frame[..6].copy_from_slice(&MAC);
    for _ in 0..1000 {
        let now = mmio::Clock::now(&mut clock);
        match ethernet.poll(&mut host, &mut clock, now) {
            Some(Event::Link(link)) => println!("link: {link}"),
            Some(event) => println!("{event:?}"),
            None => {}
        }
        // Without a link there is no room.
        if let Some(room) = ethernet.with(&mut host, now).into_transmit() {
            room.consume(frame.len(), |out| out.copy_from_slice(&frame));
        }
        if let Some((received, _answer)) = ethernet.with(&mut host, now).into_receive() {
            received.consume(|bytes| assert_eq!(bytes, frame));
            println!("{:?}", ethernet.counters());
            return;
        }
    }
    panic!("the frame did not come back");
}

struct Clock(Instant);

impl mmio::Clock for Clock {
    fn now(&mut self) -> Duration {
        self.0.elapsed()
    }
}

/// This host moves bytes by itself: there are no caches to maintain.
struct NoCaches;

impl Coherence for NoCaches {
    fn clean(&self, _: u32, _: &[u8]) {}
    fn invalidate(&self, _: u32, _: &mut [u8]) {}
}

/// A host controller and the chip at its root port.
struct PaperHost {
    pool: Pool,
    registers: [u32; 0x140 / 4],
    phy: [u16; 32],
    /// Open pipes, with the transfer that each has under way.
    pipes: Vec<(Endpoint, Option<(Buffer, usize)>)>,
    /// Frames on their way from the transmitter to the receiver.
    wire: VecDeque<Vec<u8>>,
}

const HW_CFG: usize = 0x14;
const MII_ADDR: usize = 0x114;
const MII_DATA: usize = 0x118;

impl PaperHost {
    fn new() -> Self {
        let region = vec![0; 128 * 1024].leak();
        let bus = (region.as_ptr().addr() % 4096) as u32;
        let mut registers = [0; 0x140 / 4];
        registers[0] = 0xec00_0002;
        let mut phy = [0; 32];
        // Link and agreement, identifiers, a partner that can do everything.
        (phy[1], phy[2], phy[3], phy[5]) = (0x782d, 0x0007, 0xc0c3, 0xcde1);
        let (pipes, wire) = (Vec::new(), VecDeque::new());
        Self { pool: Pool::new(region, bus, &NoCaches), registers, phy, pipes, wire }
    }

    fn write(&mut self, at: usize, value: u32) {
        self.registers[at / 4] = match at {
            0x08 => 0,
            // Resets are over as soon as they begin.
            HW_CFG => value & !0x9,
            0x20 => value & !0x10,
            MII_ADDR => {
                let register = (value >> 6 & 31) as usize;
                if value & 2 == 0 {
                    self.registers[MII_DATA / 4] = self.phy[register].into();
                } else {
                    self.phy[register] = self.registers[MII_DATA / 4] as u16 & !0x8200;
                }
                value & !1
            }
            _ => value,
        };
    }
}

const DEVICE: [u8; 18] = [18, 1, 0, 2, 0xff, 0, 1, 64, 0x24, 0x04, 0x00, 0xec, 0, 2, 0, 0, 0, 1];
const CONFIGURATION: [u8; 32] = [
    9, 2, 32, 0, 1, 1, 0, 0xe0, 1, 9, 4, 0, 0, 2, 0xff, 0, 0xff, 0, 7, 5, 0x81, 2, 0, 2, 0, 7, 5,
    0x02, 2, 0, 2, 0,
];

impl Host for PaperHost {
    fn root_port(&mut self, _: Duration) -> RootPort {
        RootPort::Ready(Speed::High)
    }

    fn generation(&self) -> u32 {
        1
    }

    fn restart_port(&mut self, _: Duration) {}

    fn stop(&mut self, _: &mut dyn mmio::Clock) -> Result<(), mmio::TimedOut> {
        Ok(())
    }

    fn start(&mut self, _: &mut dyn mmio::Clock) -> Result<(), StartError> {
        Ok(())
    }

    fn control(
        &mut self,
        _: &mut dyn mmio::Clock,
        _: &Target,
        setup: Setup,
        data: Data<'_>,
    ) -> Result<usize, TransferError> {
        let at = usize::from(setup.index) & 0x13c;
        match (setup.request, data) {
            (5 | 9, Data::None) => Ok(0),
            (6, Data::In(out)) => {
                let from: &[u8] = if setup.value >> 8 == 1 { &DEVICE } else { &CONFIGURATION };
                let len = out.len().min(from.len());
                out[..len].copy_from_slice(&from[..len]);
                Ok(len)
            }
            (0xa0, Data::Out(&[a, b, c, d])) => {
                self.write(at, u32::from_le_bytes([a, b, c, d]));
                Ok(4)
            }
            (0xa1, Data::In(out)) => {
                out.copy_from_slice(&self.registers[at / 4].to_le_bytes());
                Ok(4)
            }
            _ => Err(TransferError::Stall),
        }
    }

    fn open(&mut self, _: &Target, on: &Endpoint, _: Pieces) -> Result<Pipe, TransferError> {
        assert_eq!(on.kind, Kind::Bulk, "the descriptors have no interrupt endpoint");
        self.pipes.push((*on, None));
        Ok(Pipe(self.pipes.len() as u8 - 1))
    }

    fn close(&mut self, pipe: Pipe) -> Option<Buffer> {
        let (_, transfer) = self.pipes.get_mut(usize::from(pipe.0))?;
        transfer.take().map(|(buffer, _)| buffer)
    }

    fn post(
        &mut self,
        _: Duration,
        pipe: Pipe,
        buffer: Buffer,
        len: usize,
    ) -> Result<(), (Buffer, TransferError)> {
        match self.pipes.get_mut(usize::from(pipe.0)) {
            Some((_, transfer @ None)) => {
                *transfer = Some((buffer, len));
                Ok(())
            }
            Some(_) => Err((buffer, TransferError::Busy)),
            None => Err((buffer, TransferError::WrongPipe)),
        }
    }

    fn take(&mut self, _: Duration, pipe: Pipe) -> Option<Completion> {
        let (endpoint, transfer) = self.pipes.get_mut(usize::from(pipe.0))?;
        if endpoint.way == Way::Out {
            let (buffer, len) = transfer.take()?;
            // Behind the two command words.
            self.wire.push_back(buffer[8..len].to_vec());
            return Some((buffer, Ok(len)));
        }
        // Status word, frame, FCS.
        transfer.as_ref()?;
        let frame = self.wire.pop_front()?;
        let (mut buffer, _) = transfer.take()?;
        let length = frame.len() + 4;
        buffer[..4].copy_from_slice(&((length as u32) << 16).to_le_bytes());
        buffer[4..4 + frame.len()].copy_from_slice(&frame);
        Some((buffer, Ok(4 + length)))
    }

    fn idle(&self, pipe: Pipe) -> bool {
        self.pipes.get(usize::from(pipe.0)).is_none_or(|(_, transfer)| transfer.is_none())
    }

    fn buffer(&mut self, bytes: usize) -> Result<Buffer, dma::NoMemory> {
        self.pool.take(bytes)
    }
}
