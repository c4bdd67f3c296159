//! The firmware with all that its owner gives it, and one turn of the main loop.

use std::future::Future;
use std::mem::MaybeUninit;
use std::time::Duration;

use anyhow::{Result, anyhow};
use firmware::config::Config;
use firmware::net::Buffers;
use firmware::status::{BoardFacts, Link, NicCounters, NicFacts};
use firmware::{Facts, Firmware, Memory, Spawn, Text};
use smoltcp::phy::Device;
use smoltcp::wire::EthernetAddress;

use crate::executor::Executor;
use crate::time;

/// What the machine is made to believe.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The kernel command line.
    pub append: String,
    /// The Ethernet address, unless the command line names another.
    pub mac: EthernetAddress,
    /// Why it restarted; empty if it did not.
    pub restart: String,
    /// What the hardware's random numbers would be.
    pub seed: [u8; 32],
    /// How the network device is called.
    pub driver: &'static str,
}

/// The firmware and its executor.
pub struct Machine {
    firmware: Firmware,
    executor: Executor,
}

struct Tasks(Executor);

impl Spawn for Tasks {
    fn spawn<F: Future<Output = ()> + 'static>(&mut self, _name: &'static str, task: F) {
        self.0.spawn(task);
    }
}

impl Machine {
    /// Sets the firmware up, with a network device that is there and whose link is up. Its memory,
    /// some 6 MiB, is never given back: the firmware owns it for ever, as on the board.
    ///
    /// # Errors
    /// If the firmware finds no sockets for its services.
    pub fn new(settings: &Settings) -> Result<Self> {
        let memory = Memory {
            buffers: buffers()?,
            sockets: Box::leak(Box::new(firmware::no_sockets())),
            system: Box::leak(Box::new(MaybeUninit::uninit())),
        };
        let (config, faults) = Config::parse(&settings.append);
        let mac = config.mac.unwrap_or(settings.mac);
        let board = BoardFacts {
            model: Text::from("Twin on Linux"),
            restart: Text::from(settings.restart.as_str()),
            ..BoardFacts::default()
        };
        let facts =
            Facts { board, config, faults, seed: settings.seed, log: None, clock: time::now };
        let mut firmware = Firmware::new(memory, facts);
        let executor = Executor::new();
        firmware
            .spawn(&mut Tasks(executor))
            .map_err(|error| anyhow!("no sockets for port {}", error.port))?;
        firmware.nic_found(NicFacts { driver: settings.driver, mac, topology: Text::from("desk") });
        firmware.link(Link::Up);
        Ok(Self { firmware, executor })
    }

    /// One turn of the main loop. Returns when the next one is due at the latest, if nothing
    /// happens before; `now` if there is more to do at once.
    pub fn turn(
        &mut self,
        now: Duration,
        nic: &mut impl Device,
        counters: NicCounters,
    ) -> Option<Duration> {
        let deadline = self.firmware.poll(now, nic, counters);
        let timer = time::wake_expired();
        self.executor.poll();
        if self.has_work() { Some(now) } else { deadline.into_iter().chain(timer).min() }
    }

    /// Runs one more task, such as a test's.
    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.executor.spawn(task);
    }

    /// True if a turn would find something to do now.
    pub fn has_work(&self) -> bool {
        self.firmware.has_work() || self.executor.has_work()
    }

    /// The firmware.
    pub fn firmware(&mut self) -> &mut Firmware {
        &mut self.firmware
    }
}

/// Stack for whoever makes the buffers, which an unoptimised build puts there more than once.
const BUFFERS_STACK_BYTES: usize = 8 * size_of::<Buffers>();

/// The firmware's buffers, for good.
fn buffers() -> Result<&'static mut Buffers> {
    let make = || Box::leak(Box::new(Buffers::new()));
    let maker = std::thread::Builder::new().stack_size(BUFFERS_STACK_BYTES).spawn(make)?;
    maker.join().map_err(|_| anyhow!("no memory for the firmware's buffers"))
}
