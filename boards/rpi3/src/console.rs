//! The console's first and last lines: UART0, written in a blocking way, bounded.
//!
//! In between, the main loop uses the UART itself ([`Console::uart`]), which never blocks.

use core::fmt;

use bcm2837::gpio::{Function, Gpio, Pin, Pull};
use bcm2837::pl011::{BAUD_MIN, Pl011};
use mmio::{Pointer, Registers};

use crate::time::Clock;

/// Bits a second on both UARTs.
pub const BAUD: u32 = 115_200;
const _: () = assert!(BAUD >= BAUD_MIN);
/// The PL011's clock where the firmware does not say (`init_uart_clock` of config.txt).
pub const USUAL_CLOCK_HZ: u32 = 48_000_000;

const TRANSMIT: Pin = Pin::new(14);
const RECEIVE: Pin = Pin::new(15);

const BLUETOOTH_TRANSMIT: Pin = Pin::new(32);
const BLUETOOTH_RECEIVE: Pin = Pin::new(33);

/// Gives GPIO 14 and 15 to UART0, which the firmware leaves to Bluetooth on a Pi 3. The pull keeps
/// an open receive pin from chattering.
pub fn connect_pins<R: Registers>(gpio: &mut Gpio<R>, clock: &mut Clock) {
    // Where the firmware left UART0 to Bluetooth; two pins may not feed one receiver.
    gpio.set_function(BLUETOOTH_TRANSMIT, Function::Input);
    gpio.set_function(BLUETOOTH_RECEIVE, Function::Input);
    gpio.set_pull(clock, TRANSMIT, Pull::None);
    gpio.set_pull(clock, RECEIVE, Pull::Up);
    gpio.set_function(TRANSMIT, Function::Alt0);
    gpio.set_function(RECEIVE, Function::Alt0);
}

/// UART0 as a place for text; lines end as a terminal wants them.
#[derive(Debug)]
pub struct Console {
    /// The UART: read and write without blocking.
    pub uart: Pl011<Pointer>,
    clock: Clock,
    /// The UART stopped taking bytes; the rest of the text is dropped, not waited for.
    stuck: bool,
}

impl Console {
    /// Writes to `uart`, which is set up.
    pub const fn new(uart: Pl011<Pointer>, clock: Clock) -> Self {
        Self { uart, clock, stuck: false }
    }

    /// Waits, bounded, until the last byte is on the line.
    pub fn flush(&mut self) {
        let _ = self.uart.flush(&mut self.clock);
    }

    fn write_bytes(&mut self, bytes: &[u8]) {
        self.stuck = self.stuck || self.uart.write_all(&mut self.clock, bytes).is_err();
    }
}

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for line in text.split_inclusive('\n') {
            match line.strip_suffix('\n') {
                Some(line) => {
                    self.write_bytes(line.as_bytes());
                    self.write_bytes(b"\r\n");
                }
                None => self.write_bytes(line.as_bytes()),
            }
        }
        Ok(())
    }
}
