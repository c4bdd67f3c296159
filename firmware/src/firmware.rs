//! The firmware as its owner drives it: the whole meaning of the loop.

use core::mem::MaybeUninit;
use core::time::Duration;

use smoltcp::phy::Device;

use crate::config::{Config, Faults, Server};
use crate::journal::Event;
use crate::limits::{
    HTTP_BACKLOG, HTTP_IDLE_TIMEOUT, HTTP_PORT, HTTP_WORKERS, LOG_BACKLOG, LOG_PORT, LOG_READERS,
    TELNET_BACKLOG, TELNET_PORT, TELNET_WORKERS,
};
use crate::net::{Buffers, NoSockets, Sockets, Stack};
use crate::service::{console, http, log, mdns, ntp, syslog, telnet};
use crate::status::{BoardFacts, Link, NicCounters, NicFacts};
use crate::system::{LogSource, RestartRequest, System};
use crate::tasks::Counting;

/// The memory the firmware works in, given by its owner: statics on a board, leaked boxes on a
/// desk.
pub struct Memory {
    /// The TCP sockets' rings.
    pub buffers: &'static mut Buffers,
    /// The table of sockets.
    pub sockets: &'static mut Sockets,
    /// Everything else.
    pub system: &'static mut MaybeUninit<System>,
}

/// What the owner knows about the board it runs on.
pub struct Facts {
    /// Model, memory, last restart.
    pub board: BoardFacts,
    /// The settings.
    pub config: Config,
    /// What was wrong with them, to be journalled.
    pub faults: Faults,
    /// 32 bytes of hardware randomness.
    pub seed: [u8; 32],
    /// The binary log, if there is one.
    pub log: Option<&'static dyn LogSource>,
    /// The time, on the scale of [`Firmware::poll`]'s `now`. Nothing is decided by it: the capture
    /// measures with it what each layer takes.
    pub clock: fn() -> Duration,
}

/// Where the tasks live and who runs them: an executor and static memory on a board, the heap on a
/// desk.
pub trait Spawn {
    /// Takes a task for good.
    fn spawn<F: Future<Output = ()> + 'static>(&mut self, name: &'static str, task: F);
}

/// The firmware.
#[derive(Debug)]
pub struct Firmware {
    system: &'static System,
    mdns: bool,
    ntp: Option<Server>,
    syslog: Option<Server>,
}

impl Firmware {
    /// Sets everything up in `memory`; nothing runs yet.
    pub fn new(memory: Memory, facts: Facts) -> Self {
        let Memory { buffers, sockets, .. } = memory;
        let stack = Stack::new(sockets, buffers, &facts.config, facts.seed, facts.clock);
        let Config { hostname, mdns, ntp, syslog, .. } = facts.config;
        let restart = facts.board.restart.clone();
        let system: &'static System =
            memory.system.write(System::new(stack, facts.board, hostname, facts.log));
        system.record(Event::Started);
        if !restart.is_empty() {
            system.record(Event::Restarted(restart));
        }
        for fault in facts.faults.iter() {
            system.record(Event::Config(fault.clone()));
        }
        Self { system, mdns, ntp, syslog }
    }

    /// Hands out the service tasks, one async task each.
    ///
    /// # Errors
    /// [`NoSockets`] if a service finds no listener: a mistake in limits.rs.
    pub fn spawn(&self, tasks: &mut impl Spawn) -> Result<(), NoSockets> {
        let system = self.system;
        let mut tasks = Counting { system, tasks };
        let web = system.listen("httpd", HTTP_PORT, HTTP_BACKLOG)?;
        web.defer_accept(HTTP_IDLE_TIMEOUT);
        for worker in 0..HTTP_WORKERS {
            tasks.spawn("httpd", http::run(system, web, worker));
        }
        let shells = system.listen("telnetd", TELNET_PORT, TELNET_BACKLOG)?;
        for worker in 0..TELNET_WORKERS {
            tasks.spawn("telnetd", telnet::run(system, shells, worker));
        }
        let log = system.listen("logd", LOG_PORT, LOG_BACKLOG)?;
        for _ in 0..LOG_READERS {
            tasks.spawn("logd", log::run(system, log));
        }
        tasks.spawn("console", console::run(system));
        if self.mdns {
            tasks.spawn("mdnsd", mdns::run(system));
        }
        tasks.spawn("ntpd", ntp::run(system, self.ntp.clone()));
        tasks.spawn("syslog", syslog::run(system, self.syslog.clone()));
        Ok(())
    }

    /// One turn: takes a bounded number of frames from `nic`, lets every socket send, and keeps
    /// addresses and connections. Returns when to call again at the latest, if nothing else
    /// happens.
    pub fn poll(
        &mut self,
        now: Duration,
        nic: &mut impl Device,
        counters: NicCounters,
    ) -> Option<Duration> {
        self.system.set_now(now);
        let deadline = self.system.stack.borrow_mut().poll(now, nic, counters, self.system);
        let restart = self.system.restart().map(|(_, due)| due);
        deadline.into_iter().chain(restart).min()
    }

    /// True if tasks left something to send since the last [`Firmware::poll`]: call it again before
    /// sleeping.
    pub fn has_work(&self) -> bool {
        self.system.stack.borrow().has_work()
    }

    /// The network interface was found; frames pass through the device given to [`Firmware::poll`]
    /// from now on.
    pub fn nic_found(&mut self, nic: NicFacts) {
        self.system.record(Event::NicFound {
            driver: nic.driver,
            mac: nic.mac,
            topology: nic.topology.clone(),
        });
        self.system.stack.borrow_mut().nic_found(nic, self.system);
    }

    /// The network interface is gone.
    pub fn nic_lost(&mut self) {
        self.system.record(Event::NicLost);
        self.system.stack.borrow_mut().nic_lost(self.system);
    }

    /// The link changed.
    pub fn link(&mut self, link: Link) {
        self.system.record(Event::Link(link));
        self.system.stack.borrow_mut().set_link(link, self.system);
    }

    /// A driver has something to say.
    pub fn note(&self, driver: &'static str, text: core::fmt::Arguments<'_>) {
        self.system.record(Event::Driver { driver, text: crate::Text::of(text) });
    }

    /// Bytes that came in on the serial console.
    pub fn console_input(&self, bytes: &[u8]) {
        self.system.console_received(bytes);
    }

    /// Takes up to `out.len()` bytes that are to go out on the serial console.
    pub fn console_output(&self, out: &mut [u8]) -> usize {
        self.system.console_output.try_read(out).unwrap_or(0)
    }

    /// The restart that is due now, if one is.
    pub fn restart_due(&self, now: Duration) -> Option<RestartRequest> {
        self.system.restart().filter(|&(_, due)| due <= now).map(|(how, _)| how)
    }

    /// What the tasks see; for owners that show it elsewhere.
    pub fn system(&self) -> &'static System {
        self.system
    }
}
