//! The smallest possible DWC2 driver: raw offsets and raw bits, no register file, no mercy. It
//! shows that the model works without the real driver's definitions, and can be wrong on purpose.

use std::time::Duration;

use dma::{Direction, Loan, Pool};
use mmio::Registers;
use models::Violation;
use models::clock::VirtualClock;
use models::dwc2::{Dwc2, Mode};
use models::memory;
use models::usb::Plug;

pub const GAHBCFG: usize = 0x008;
pub const GRSTCTL: usize = 0x010;
pub const GINTSTS: usize = 0x014;
pub const GRXFSIZ: usize = 0x024;
pub const GNPTXFSIZ: usize = 0x028;
pub const HPTXFSIZ: usize = 0x100;
pub const HPRT: usize = 0x440;

pub const CHENA: u32 = 1 << 31;
pub const CHDIS: u32 = 1 << 30;
pub const DATA0: u32 = 0;
pub const DATA1: u32 = 2;
pub const SETUP: u32 = 3;
pub const CONTROL: u32 = 0;
pub const BULK: u32 = 2;
pub const INTERRUPT: u32 = 3;

/// Register of a channel.
pub const fn hcchar(channel: usize) -> usize {
    0x500 + 0x20 * channel
}
pub const fn hcint(channel: usize) -> usize {
    hcchar(channel) + 0x08
}
pub const fn hctsiz(channel: usize) -> usize {
    hcchar(channel) + 0x10
}
pub const fn hcdma(channel: usize) -> usize {
    hcchar(channel) + 0x14
}

/// One transfer, as the channel registers take it.
#[derive(Clone, Copy, Debug)]
pub struct Transfer {
    pub channel: usize,
    pub address: u8,
    pub endpoint: u8,
    pub is_in: bool,
    pub kind: u32,
    pub max_packet: u32,
    pub pid: u32,
    pub bytes: u32,
    pub packets: u32,
    pub bus: u32,
}

impl Transfer {
    pub fn character(&self) -> u32 {
        self.max_packet
            | u32::from(self.endpoint) << 11
            | u32::from(self.is_in) << 15
            | self.kind << 18
            | 1 << 20
            | u32::from(self.address) << 22
    }

    pub fn size(&self) -> u32 {
        self.bytes | self.packets << 19 | self.pid << 29
    }
}

pub struct Rig {
    pub chip: Dwc2,
    pub clock: VirtualClock,
    pub pool: Pool,
}

impl Rig {
    /// A chip with something in its root port, before any access.
    pub fn cold(mode: Mode, plug: Plug) -> Self {
        let clock = VirtualClock::new();
        let (pool, memory) = memory::region(256 * 1024);
        let chip = Dwc2::new(mode, &clock, memory);
        chip.attach(plug);
        Self { chip, clock, pool }
    }

    /// The same, after core initialisation, with the port powered.
    pub fn initialised(mode: Mode, plug: Plug) -> Self {
        let mut rig = Self::cold(mode, plug);
        rig.write(GRSTCTL, 1);
        rig.until(GRSTCTL, 0x8000_0001, 0x8000_0000);
        rig.until(GINTSTS, 1, 1);
        rig.write(GRXFSIZ, 1024);
        rig.write(GNPTXFSIZ, 1024 << 16 | 1024);
        rig.write(HPTXFSIZ, 1024 << 16 | 2048);
        rig.write(GRSTCTL, 0x10 << 6 | 1 << 5);
        rig.until(GRSTCTL, 1 << 5, 0);
        rig.write(GRSTCTL, 1 << 4);
        rig.until(GRSTCTL, 1 << 4, 0);
        rig.write(GAHBCFG, 1 << 5 | 1);
        rig.write(HPRT, 1 << 12);
        rig.millis(10);
        rig
    }

    /// The same, with the port reset and enabled and the device recovered.
    pub fn ready(mode: Mode, plug: Plug) -> Self {
        let mut rig = Self::initialised(mode, plug);
        rig.acknowledge_port();
        rig.millis(100);
        rig.reset_port(60);
        rig.millis(20);
        rig
    }

    pub fn acknowledge_port(&mut self) {
        let changes = self.read(HPRT) & 0x2a;
        self.write(HPRT, 1 << 12 | changes);
    }

    pub fn reset_port(&mut self, millis: u64) {
        self.write(HPRT, 1 << 12 | 1 << 8);
        self.millis(millis);
        self.write(HPRT, 1 << 12);
        self.until(HPRT, 1 << 2, 1 << 2);
        self.acknowledge_port();
    }

    pub fn read(&mut self, offset: usize) -> u32 {
        self.chip.read_raw(offset)
    }

    pub fn write(&mut self, offset: usize, value: u32) {
        self.chip.write_raw(offset, value);
    }

    pub fn millis(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }

    pub fn until(&mut self, offset: usize, mask: u32, value: u32) {
        for _ in 0..10_000 {
            if self.read(offset) & mask == value {
                return;
            }
            self.clock.advance(Duration::from_micros(10));
        }
        panic!("register {offset:#x} is {:#x}", self.read(offset));
    }

    /// A buffer with these bytes, lent to the device.
    pub fn lend(&mut self, direction: Direction, bytes: &[u8]) -> Loan {
        let mut buffer = self.pool.take(bytes.len().max(64)).unwrap();
        buffer[..bytes.len()].copy_from_slice(bytes);
        let len = buffer.capacity();
        buffer.lend(direction, len)
    }

    pub fn start(&mut self, transfer: &Transfer) {
        let channel = transfer.channel;
        self.write(hcint(channel), u32::MAX);
        self.write(hctsiz(channel), transfer.size());
        self.write(hcdma(channel), transfer.bus);
        self.write(hcchar(channel), transfer.character() | CHENA);
    }

    /// Waits until the channel has halted, and returns HCINT.
    pub fn finish(&mut self, channel: usize) -> u32 {
        self.until(hcint(channel), 2, 2);
        self.read(hcint(channel))
    }

    pub fn run(&mut self, transfer: &Transfer) -> u32 {
        self.start(transfer);
        self.finish(transfer.channel)
    }

    /// A control transfer on channel 0, of packets of 64 bytes. `Err` is HCINT.
    pub fn control(&mut self, address: u8, setup: [u8; 8]) -> Result<Vec<u8>, u32> {
        self.control_of(address, 64, setup)
    }

    pub fn control_of(&mut self, address: u8, mps: u32, setup: [u8; 8]) -> Result<Vec<u8>, u32> {
        let wanted = u32::from(u16::from_le_bytes([setup[6], setup[7]]));
        let loan = self.lend(Direction::ToDevice, &setup);
        let mut transfer = Transfer {
            channel: 0,
            address,
            endpoint: 0,
            is_in: false,
            kind: CONTROL,
            max_packet: mps,
            pid: SETUP,
            bytes: 8,
            packets: 1,
            bus: loan.bus(),
        };
        ended(self.run(&transfer))?;
        let _ = loan.reclaim();
        let (mut data, mut status_in) = (Vec::new(), true);
        if setup[0] & 0x80 != 0 && wanted > 0 {
            let packets = wanted.div_ceil(mps);
            let bytes = packets * mps;
            let loan = self.lend(Direction::FromDevice, &vec![0; bytes as usize]);
            transfer = Transfer { is_in: true, pid: DATA1, bytes, packets, ..transfer };
            transfer.bus = loan.bus();
            ended(self.run(&transfer))?;
            let moved = bytes - (self.read(hctsiz(0)) & 0x7_ffff);
            data = loan.reclaim()[..moved as usize].to_vec();
            status_in = false;
        }
        let loan = self.lend(Direction::FromDevice, &[0; 64]);
        let bytes = if status_in { mps } else { 0 };
        transfer = Transfer { is_in: status_in, pid: DATA1, bytes, packets: 1, ..transfer };
        transfer.bus = loan.bus();
        ended(self.run(&transfer))?;
        Ok(data)
    }

    /// SET_ADDRESS and the configuration.
    pub fn configure(&mut self, address: u8, configuration: u8) {
        self.configure_of(address, configuration, 64);
    }

    pub fn configure_of(&mut self, address: u8, configuration: u8, mps: u32) {
        assert_eq!(self.control_of(0, mps, [0, 5, address, 0, 0, 0, 0, 0]), Ok(vec![]));
        self.millis(3);
        let set = [0, 9, configuration, 0, 0, 0, 0, 0];
        assert_eq!(self.control_of(address, mps, set), Ok(vec![]));
    }

    pub fn violations(&self) -> Vec<Violation> {
        self.chip.violations()
    }
}

fn ended(hcint: u32) -> Result<(), u32> {
    if hcint & 1 != 0 { Ok(()) } else { Err(hcint) }
}
