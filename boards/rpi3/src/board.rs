//! The board: what it is, and the devices that the firmware uses, set up.

use core::fmt;
use core::fmt::Write as _;

use bcm2837::gpio::Gpio;
use bcm2837::interrupts::{Interrupts, Line, LocalInterrupts};
use bcm2837::mailbox::{self, ClockId, Mailbox, Memory};
use bcm2837::mini_uart::MiniUart;
use bcm2837::pl011::Pl011;
use bcm2837::revision::Revision;
use bcm2837::rng::Rng;
use bcm2837::watchdog::Watchdog;
use mmio::Pointer;

use crate::boot::Entry;
use crate::console::{self, Console};
use crate::memory;
use crate::peripherals::Peripherals;
use crate::restart::{self, Restart};
use crate::time::{self, Clock};

/// The core clock while the firmware keeps it fixed (`core_freq=250` or `enable_uart=1` of
/// config.txt).
const USUAL_CORE_CLOCK_HZ: u32 = 250_000_000;

/// Everything that the main loop needs of the board.
#[derive(Debug)]
pub struct Board {
    /// Time since the start.
    pub clock: Clock,
    /// UART0; received bytes and nothing else of it end the sleep.
    pub console: Console,
    /// UART1, where the log goes.
    pub log_uart: MiniUart<Pointer>,
    /// The VideoCore firmware.
    pub mailbox: Mailbox<Pointer>,
    /// Random numbers, warming up.
    pub rng: Rng<Pointer>,
    /// The DWC2's registers. The controller's power is off until [`Mailbox::set_power`].
    pub usb: Pointer,
    /// Memory for the devices.
    pub pool: dma::Pool,
    /// What the board is.
    pub facts: Facts,
}

/// What the board is, as far as the firmware says.
#[derive(Debug)]
pub struct Facts {
    /// Where the image was, and how it was entered.
    pub entry: Entry,
    /// Board revision code.
    pub revision: Result<Revision, mailbox::Error>,
    /// Build of the VideoCore firmware, in seconds since 1970.
    pub firmware: Result<u32, mailbox::Error>,
    /// Memory of the ARM.
    pub memory: Result<Memory, mailbox::Error>,
    /// Serial number; none under QEMU.
    pub serial: Result<Option<u64>, mailbox::Error>,
    /// MAC address of the board's Ethernet.
    pub mac: Result<[u8; 6], mailbox::Error>,
    /// Rate of the cores, in Hz, after it was set to its highest.
    pub arm_hz: Result<u32, mailbox::Error>,
    /// Rate of the VPU's core, in Hz.
    pub core_hz: Result<u32, mailbox::Error>,
    /// Rate of UART0's clock, in Hz.
    pub uart_hz: Result<u32, mailbox::Error>,
    /// Temperature, in thousandths of a degree Celsius.
    pub temperature: Result<u32, mailbox::Error>,
    /// Kernel command line from the mailbox; that of the device tree, if there is one, is to be
    /// preferred.
    pub command_line: heapless::Vec<u8, { mailbox::BUFFER_BYTES }>,
    /// The device tree, bounded but not checked otherwise.
    pub device_tree: Option<&'static [u8]>,
    /// Why the program started.
    pub last_restart: Restart,
}

impl Board {
    /// Sets the board up. To be called once.
    ///
    /// # Panics
    /// At the second call.
    pub fn start(entry: Entry) -> Self {
        let mut clock = Clock::start();
        let peripherals = Peripherals::take().expect("the board is started once");
        let mut pool = memory::dma_pool().expect("the board is started once");
        let rng = Rng::start(peripherals.rng);
        let mut watchdog = Watchdog::new(peripherals.power);
        watchdog.disarm();
        let last_restart = restart::last_restart(&mut watchdog);
        let buffer = pool.take(mailbox::BUFFER_BYTES).expect("the DMA region holds the mailbox");
        let mut mailbox = Mailbox::new(peripherals.mailbox, buffer);
        let facts = Facts::ask(&mut mailbox, &mut clock, entry, last_restart);

        console::connect_pins(&mut Gpio::new(peripherals.gpio), &mut clock);
        let mut uart = Pl011::new(peripherals.pl011);
        let uart_hz = facts.uart_hz.unwrap_or(console::USUAL_CLOCK_HZ);
        // A clock that cannot make the rate leaves the UART as the firmware set it.
        let _ = uart.init(&mut clock, uart_hz, console::BAUD);
        uart.set_interrupts(true, false);
        let mut log_uart = MiniUart::new(peripherals.auxiliary);
        let core_hz = facts.core_hz.unwrap_or(USUAL_CORE_CLOCK_HZ);
        let _ = log_uart.init(core_hz, console::BAUD);

        LocalInterrupts::new(peripherals.local).route_to_core_0();
        let mut interrupts = Interrupts::new(peripherals.interrupts);
        interrupts.enable(Line::Usb);
        interrupts.enable(Line::Uart0);

        Self {
            clock,
            console: Console::new(uart, clock),
            log_uart,
            mailbox,
            rng,
            usb: peripherals.usb,
            pool,
            facts,
        }
    }

    /// Prints what the board is.
    pub fn introduce(&mut self) {
        // The console drops what its UART does not take; formatting does not fail.
        let _ = write!(self.console, "{}", self.facts);
    }
}

impl Facts {
    fn ask(
        mailbox: &mut Mailbox<Pointer>,
        clock: &mut Clock,
        entry: Entry,
        last_restart: Restart,
    ) -> Self {
        let memory = mailbox.arm_memory(clock);
        // Without an answer, the smallest board's share.
        let memory_end = memory
            .map_or(256 << 20, |memory| memory.base as usize + memory.bytes as usize)
            .min(memory::PERIPHERALS);
        memory::limit(memory_end);
        // The firmware hands the cores over at a low rate and leaves the rest to the kernel.
        let arm_hz = mailbox
            .clock_max_hz(clock, ClockId::Arm)
            .and_then(|hz| mailbox.set_clock_hz(clock, ClockId::Arm, hz))
            .and_then(|_| mailbox.clock_hz(clock, ClockId::Arm));
        let command_line = mailbox.command_line(clock).unwrap_or_default();
        let command_line = heapless::Vec::from_slice(command_line).unwrap_or_default();
        Self {
            entry,
            revision: mailbox.board_revision(clock).map(Revision),
            firmware: mailbox.firmware_revision(clock),
            memory,
            serial: mailbox.serial(clock),
            mac: mailbox.mac_address(clock),
            arm_hz,
            core_hz: mailbox.clock_hz(clock, ClockId::Core),
            uart_hz: mailbox.clock_hz(clock, ClockId::Uart),
            temperature: mailbox.temperature_millicelsius(clock),
            command_line,
            device_tree: memory::device_tree(entry.device_tree, memory_end),
            last_restart,
        }
    }
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { loaded_at, exception_level, .. } = self.entry;
        let image = memory::image().start;
        write!(f, "loaded at {loaded_at:#x}")?;
        if loaded_at != image {
            write!(f, " and moved to {image:#x}")?;
        }
        writeln!(f, ", entered at EL{exception_level}")?;
        line(f, "board", &self.revision)?;
        line(f, "memory", &self.memory.map(MemoryWords))?;
        line(f, "serial", &self.serial.map(SerialWords))?;
        line(f, "mac", &self.mac.map(MacWords))?;
        line(f, "firmware", &self.firmware)?;
        line(f, "arm", &self.arm_hz.map(Megahertz))?;
        line(f, "core", &self.core_hz.map(Megahertz))?;
        line(f, "uart", &self.uart_hz.map(Megahertz))?;
        let guessed = if time::frequency_is_known() { "" } else { " (not told: the crystal's)" };
        writeln!(f, "counter: {}{guessed}", Megahertz(time::frequency_hz() as u32))?;
        line(f, "temperature", &self.temperature.map(Celsius))?;
        match self.device_tree {
            Some(tree) => {
                let at = tree.as_ptr() as usize;
                writeln!(f, "device tree: {} bytes at {at:#x}", tree.len())?;
            }
            None => writeln!(f, "device tree: none")?,
        }
        writeln!(f, "command line: {}", self.command_line.escape_ascii())?;
        writeln!(f, "last restart: {}", self.last_restart)
    }
}

/// One fact, or why it is not known.
fn line<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    fact: &Result<T, mailbox::Error>,
) -> fmt::Result {
    match fact {
        Ok(fact) => writeln!(f, "{name}: {fact}"),
        Err(error) => writeln!(f, "{name}: unknown ({error})"),
    }
}

struct MemoryWords(Memory);

impl fmt::Display for MemoryWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB from {:#x}", self.0.bytes >> 20, self.0.base)
    }
}

struct SerialWords(Option<u64>);

impl fmt::Display for SerialWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(serial) => write!(f, "{serial:016x}"),
            None => f.write_str("none"),
        }
    }
}

struct MacWords([u8; 6]);

impl fmt::Display for MacWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02x}", if index == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

struct Megahertz(u32);

impl fmt::Display for Megahertz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} MHz", self.0 / 1_000_000, self.0 / 100_000 % 10)
    }
}

struct Celsius(u32);

impl fmt::Display for Celsius {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} degrees Celsius", self.0 / 1000, self.0 / 100 % 10)
    }
}
