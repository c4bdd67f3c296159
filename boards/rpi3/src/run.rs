//! The loop: USB, frames, tasks, consoles, sleep.

use core::fmt::{self, Write as _};
use core::time::Duration;

use bcm2837::mailbox::{self, Mailbox, PowerDevice};
use dwc2::Dwc2;
use firmware::config::Config;
use firmware::status::{BoardFacts, Link, NicCounters, NicFacts};
use firmware::wire::Absent;
use firmware::{
    Buffers, Facts, Firmware, LogSource, Memory, RestartRequest, Sockets, System, Text,
};
use mmio::Pointer;
use nic::{Nic, NicEvent};
use smoltcp::wire::EthernetAddress;
use static_cell::{ConstStaticCell, StaticCell};
use usb::Host as _;

use crate::board::{self, Board};
use crate::carried::Carried;
use crate::console::Console;
use crate::tasks::Tasks;
use crate::time::Clock;
use crate::{log, memory, restart, time};

/// The longest sleep.
const IDLE_MAX: Duration = Duration::from_secs(1);

/// While a UART has something to send its FIFO is filled this often: 16 bytes take 1.4 ms at
/// 115,200 baud.
const UART_INTERVAL: Duration = Duration::from_millis(1);

/// Bytes moved between the console and the firmware in one turn.
const CONSOLE_CHUNK_BYTES: usize = 64;

static BUFFERS: ConstStaticCell<Buffers> = ConstStaticCell::new(Buffers::new());
static SOCKETS: StaticCell<Sockets> = StaticCell::new();
static SYSTEM: StaticCell<System> = StaticCell::new();

/// The binary log, for readers on the network.
struct Log;

impl LogSource for Log {
    fn read(&self, position: &mut u64, out: &mut [u8]) -> usize {
        let mut cursor = log::Cursor::at(*position);
        let bytes = log::read(&mut cursor, out);
        *position = cursor.position();
        bytes
    }
}

/// Runs for ever, or until a restart.
pub fn run(mut board: Board) -> ! {
    let (config, faults) = Config::of_board(board.facts.device_tree, &board.facts.command_line);
    let mac_fallback = config.mac.map(|mac| mac.0).or(board.facts.mac.ok());
    let seed = seed(&mut board);
    let Board { mut clock, mut console, mut log_uart, mut mailbox, usb, pool, facts, .. } = board;
    let memory = Memory {
        buffers: BUFFERS.take(),
        sockets: SOCKETS.init(firmware::no_sockets()),
        system: SYSTEM.uninit(),
    };
    let board = board_facts(&facts);
    let facts = Facts { board, config, faults, seed, log: Some(&Log), clock: time::now };
    let mut firmware = Firmware::new(memory, facts);
    let mut tasks = Tasks::take().expect("the tasks are taken once");
    firmware.spawn(&mut tasks).expect("limits.rs has a listener for every service");
    defmt::info!("tasks use {=usize} bytes", tasks.used_bytes());

    let mut nic = match network(&mut mailbox, &mut clock, usb, pool, mac_fallback, &firmware) {
        Ok(nic) => Some(nic),
        Err(why) => {
            firmware.note("usb", format_args!("{why}; no network until the next restart"));
            None
        }
    };

    let mut pump = ConsolePump::new();
    let mut log_drain = log::Drain::new();
    loop {
        let now = time::now();
        let mut due = now + IDLE_MAX;
        if let Some(nic) = &mut nic {
            while let Some(event) = nic.poll(now, &mut clock) {
                let due = matches!(event, NicEvent::PowerCycleDue { .. });
                tell(&mut firmware, event);
                if due {
                    power_cycle(nic, &mut mailbox, &mut clock, &firmware);
                }
            }
            let counters = counters(&nic.counters());
            let mut wire = Carried::new(nic, firmware.system().trail());
            due = firmware.poll(now, &mut wire, counters).unwrap_or(due).min(due);
            due = due.min(nic.next_deadline());
        } else {
            due = firmware.poll(now, &mut Absent, NicCounters::default()).unwrap_or(due).min(due);
        }
        pump.receive(&mut console, &firmware);
        due = tasks.poll().unwrap_or(due).min(due);
        let more_console = pump.send(&mut console, &firmware);
        let more_log = log_drain.poll(&mut log_uart);
        match firmware.restart_due(now) {
            Some(RestartRequest::Restart) => {
                console.flush();
                if let Some(Err(error)) = nic.as_mut().map(|nic| nic.stop(&mut clock)) {
                    let _ = writeln!(console, "usb: {error}");
                    console.flush();
                }
                restart::restart();
            }
            Some(RestartRequest::Panic) => panic!("asked for by `reboot --panic`"),
            None => {}
        }
        if tasks.pending() || firmware.has_work() {
            continue;
        }
        if more_console || more_log {
            due = due.min(now + UART_INTERVAL);
        }
        time::idle_until(Some(due));
    }
}

fn board_facts(facts: &board::Facts) -> BoardFacts {
    let image = memory::image();
    let model = facts.revision.map_or(Text::from("unknown board"), |revision| {
        Text::of(format_args!("{}", revision.model()))
    });
    BoardFacts {
        model,
        revision: facts.revision.map_or(0, |revision| revision.0),
        serial: facts.serial.ok().flatten().unwrap_or(0),
        memory_bytes: facts.memory.map_or(0, |memory| u64::from(memory.bytes)),
        used_bytes: (image.end - image.start) as u64,
        loaded_at: facts.entry.loaded_at as u64,
        cpu_hz: facts.arm_hz.unwrap_or(0),
        restart: Text::of(format_args!("{}", facts.last_restart)),
    }
}

/// Randomness for sequence numbers, ports and addresses.
fn seed(board: &mut Board) -> [u8; 32] {
    let mut seed = [0; 32];
    if let Err(error) = board.rng.fill(&mut board.clock, &mut seed) {
        // Better a board that answers and says what is wrong with it than one that does not start.
        let _ = writeln!(board.console, "rng: {error}; sequence numbers are predictable");
        let ticks = time::now().as_nanos() as u64;
        seed[..8].copy_from_slice(&ticks.to_le_bytes());
        seed[8..14].copy_from_slice(&board.facts.mac.unwrap_or_default());
    }
    seed
}

/// Powers the USB controller and brings it up.
fn network(
    mailbox: &mut Mailbox<Pointer>,
    clock: &mut Clock,
    usb: Pointer,
    pool: dma::Pool,
    mac_fallback: Option<[u8; 6]>,
    firmware: &Firmware,
) -> Result<Nic<Dwc2<Pointer>>, Text<80>> {
    // It may be on already; the controller's identification will tell.
    if let Err(error) = switch_usb(mailbox, clock, true) {
        firmware.note("usb", format_args!("{error}"));
    }
    let mut host = Dwc2::stopped(usb, pool).map_err(|error| Text::of(format_args!("{error}")))?;
    // What does not start now may do so after a power cycle, which the interface will ask for.
    if let Err(error) = host.start(clock) {
        firmware.note("usb", format_args!("{error}"));
    }
    Nic::new(host, nic::Config { mac_fallback }).map_err(|error| Text::of(format_args!("{error}")))
}

/// Why the USB controller's power was not switched.
enum SwitchError {
    Mailbox(mailbox::Error),
    Refused,
}

impl fmt::Display for SwitchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mailbox(error) => write!(f, "power: {error}"),
            Self::Refused => f.write_str("the VideoCore firmware does not switch the USB power"),
        }
    }
}

/// Switches the USB controller's power, and waits until it is stable.
fn switch_usb(
    mailbox: &mut Mailbox<Pointer>,
    clock: &mut dyn mmio::Clock,
    on: bool,
) -> Result<(), SwitchError> {
    match mailbox.set_power(clock, PowerDevice::UsbHcd, on) {
        Ok(is_on) if is_on == on => Ok(()),
        Ok(_) => Err(SwitchError::Refused),
        Err(error) => Err(SwitchError::Mailbox(error)),
    }
}

/// Takes the power from the USB controller for a moment: the last that can be done for an interface
/// that does not come up.
fn power_cycle(
    nic: &mut Nic<Dwc2<Pointer>>,
    mailbox: &mut Mailbox<Pointer>,
    clock: &mut Clock,
    firmware: &Firmware,
) {
    match nic.power_cycle(clock, |clock, on| switch_usb(mailbox, clock, on)) {
        Ok(()) => firmware.note("usb", format_args!("the power was off and is on again")),
        Err(error) => firmware.note("usb", format_args!("power cycle: {error}")),
    }
}

/// Passes on what happened to the network interface.
fn tell(firmware: &mut Firmware, event: NicEvent) {
    match event {
        NicEvent::Found { driver, mac, topology } => firmware.nic_found(NicFacts {
            driver: driver.name(),
            mac: EthernetAddress(mac),
            topology: Text::from(topology.as_str()),
        }),
        NicEvent::Link(nic::Link::Down) => firmware.link(Link::Down),
        NicEvent::Link(nic::Link::Up { rate: None }) => firmware.link(Link::Up),
        NicEvent::Link(nic::Link::Up { rate: Some(nic::Rate { megabits, full_duplex }) }) => {
            firmware.link(Link::UpAt { megabits, full_duplex });
        }
        NicEvent::Lost(reason) => {
            firmware.note("nic", format_args!("{reason}"));
            firmware.nic_lost();
        }
        NicEvent::Note(note) => firmware.note("usb", format_args!("{note}")),
        NicEvent::PowerCycleDue { restarts } => firmware.note(
            "usb",
            format_args!("{restarts} restarts of the port did not help: power off and on"),
        ),
    }
}

fn counters(of: &nic::Counters) -> NicCounters {
    NicCounters {
        transfers_in: of.transfers_in,
        transfers_out: of.transfers_out,
        receive_errors: of.receive_errors,
        receive_frame_errors: of.receive_frame_errors,
        send_errors: of.send_errors,
        send_busy: of.send_busy,
        recoveries: of.recoveries,
        receive_overruns: of.overruns,
        carrier_errors: of.carrier_errors,
        collisions: of.collisions,
        power_cycles: of.power_cycles,
    }
}

/// Moves bytes between the UART and the firmware's console.
struct ConsolePump {
    chunk: [u8; CONSOLE_CHUNK_BYTES],
    from: usize,
    to: usize,
}

impl ConsolePump {
    const fn new() -> Self {
        Self { chunk: [0; CONSOLE_CHUNK_BYTES], from: 0, to: 0 }
    }

    /// Hands over what was typed. Damaged bytes are left out: the person sees that nothing was
    /// echoed.
    fn receive(&self, console: &mut Console, firmware: &Firmware) {
        for _ in 0..CONSOLE_CHUNK_BYTES {
            match console.uart.read() {
                Some(Ok(byte)) => firmware.console_input(&[byte]),
                Some(Err(_)) => {}
                None => return,
            }
        }
    }

    /// Sends as much as the UART takes; true if there is more.
    fn send(&mut self, console: &mut Console, firmware: &Firmware) -> bool {
        for _ in 0..firmware::limits::CONSOLE_OUTPUT_BYTES {
            if self.from == self.to {
                self.from = 0;
                self.to = firmware.console_output(&mut self.chunk);
                if self.to == 0 {
                    return false;
                }
            }
            if console.uart.try_write(self.chunk[self.from]).is_err() {
                return true;
            }
            self.from += 1;
        }
        true
    }
}
