//! `cargo xtask lint`: what hardware asks of a driver of the DWC2 and QEMU does not.
//!
//! QEMU's controller ignores data toggles, packet counts and alignment; it lets a driver clear what
//! it never read. But it can record every access to its registers, and this reads the record.
//!
//! ```text
//! qemu-system-aarch64 ... -trace usb_dwc2_hreg0_* -trace usb_dwc2_hreg1_* ... -D FILE
//! cargo xtask lint FILE
//! ```
//!
//! It is meant for traces of this repository's image. Those of other drivers are read as well, but
//! for one rule: Linux and U-Boot take the next toggle from HCTSIZ.PID, which hardware updates and
//! QEMU does not, so under QEMU they are always wrong by it. Ours counts packets.

mod channel;
mod control;
mod record;
mod rules;
mod toggle;
mod trace;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::error::{Context, Error, Result};
use channel::{Channel, DISABLE, ENABLE, HALTED, Transfer, bytes_of, packets_of};
use control::{Outcome, Stage};
pub use record::{trace_arguments, trace_events};
pub use rules::{Rule, Violation};
use toggle::{Pid, Toggles};
use trace::{Access, Event};

/// What to look at.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// QEMU's trace; without it the image is booted and traces are recorded: LAN9514 and
    /// usb-net, on the root port and behind a hub
    #[arg(value_name = "TRACE")]
    pub trace: Option<PathBuf>,
}

/// Violations that are kept in words; the rest is only counted.
const VIOLATIONS_KEPT_MAX: usize = 100;
/// Channels of the controller.
const CHANNELS: u16 = 8;
/// The largest transfer that QEMU completes, in bytes.
const BYTES_MAX: u32 = 65_536;

/// GRSTCTL, HPRT, and the registers of channel 0; byte offsets.
mod at {
    pub const RESET_CONTROL: u16 = 0x010;
    pub const PORT: u16 = 0x440;
    pub const CHANNELS: u16 = 0x500;
    pub const CHANNEL_STRIDE: u16 = 0x20;
    pub const CHARACTER: u16 = 0x00;
    pub const INTERRUPTS: u16 = 0x08;
    pub const SIZE: u16 = 0x10;
    pub const DMA: u16 = 0x14;
}

/// HPRT.
mod port {
    pub const CONNECTED: u32 = 1 << 0;
    pub const CONNECT_DETECTED: u32 = 1 << 1;
    pub const ENABLED: u32 = 1 << 2;
    pub const ENABLE_CHANGED: u32 = 1 << 3;
    pub const OVER_CURRENT_CHANGED: u32 = 1 << 5;
    pub const RESET: u32 = 1 << 8;
    pub const CHANGES: u32 = CONNECT_DETECTED | ENABLE_CHANGED | OVER_CURRENT_CHANGED;
}

/// GRSTCTL.CSftRst.
const CORE_SOFT_RESET: u32 = 1;

/// What was found in a trace.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Accesses to registers that were looked at.
    pub accesses: u64,
    /// Transfers that were started.
    pub transfers: u64,
    /// Of these, bulk and interrupt transfers whose toggle was known beforehand, and checked.
    pub toggles: u64,
    /// The first violations, in the order of the trace.
    pub violations: Vec<Violation>,
    /// How often each rule was broken.
    pub counts: BTreeMap<Rule, u64>,
}

impl Findings {
    /// Nothing was found, in a trace that has something in it.
    pub fn is_clean(&self) -> bool {
        self.counts.is_empty() && self.transfers > 0
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for violation in &self.violations {
            writeln!(f, "{violation}")?;
        }
        for (rule, count) in &self.counts {
            writeln!(f, "{} broken {count} times: {}", rule.name(), rule.reason())?;
        }
        write!(
            f,
            "{} register accesses, {} transfers, {} toggles checked, {} violations",
            self.accesses,
            self.transfers,
            self.toggles,
            self.counts.values().sum::<u64>()
        )
    }
}

/// Lints a trace, or the image. Is it clean?
///
/// # Errors
/// If the trace cannot be read or holds nothing of the controller, or none could be recorded.
pub fn run(options: &Options) -> Result<bool> {
    let traces = match &options.trace {
        Some(trace) => vec![trace.clone()],
        None => record::all()?,
    };
    let mut clean = true;
    for trace in traces {
        println!("{}:", trace.display());
        let findings = check_file(&trace)?;
        println!("{findings}");
        clean &= findings.is_clean();
    }
    Ok(clean)
}

/// Lints a file.
///
/// # Errors
/// If it cannot be read, or no transfer is in it.
pub fn check_file(trace: &Path) -> Result<Findings> {
    let file = File::open(trace).context(|| format!("open {}", trace.display()))?;
    let findings = check(BufReader::new(file)).context(|| format!("read {}", trace.display()))?;
    if findings.transfers == 0 {
        return Err(Error::new(format!(
            "{} shows no transfer of the DWC2; was it recorded with -trace 'usb_dwc2_*'?",
            trace.display()
        )));
    }
    Ok(findings)
}

/// Lints a trace as it is read.
///
/// # Errors
/// If reading fails.
pub fn check(mut trace: impl BufRead) -> io::Result<Findings> {
    let mut lint = Lint::default();
    let mut line = Vec::new();
    // A line need not be UTF-8 to be passed over.
    while trace.read_until(b'\n', &mut line)? > 0 {
        lint.line(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    Ok(lint.findings)
}

/// The controller and its devices as far as the trace has shown them: for traces that are looked at
/// while they are written, and not kept.
///
/// ```
/// let mut lint = xtask::lint::Lint::default();
/// lint.line("usb_dwc2_hreg0_write  0x0440 HPRT0     val 0x00001005 old 0x00001005 result 0x1001");
/// assert!(!lint.findings().is_clean(), "HPRT.ENA was written as 1");
/// ```
#[derive(Debug, Default)]
pub struct Lint {
    line: u64,
    findings: Findings,
    channels: [Channel; CHANNELS as usize],
    toggles: Toggles,
    stages: HashMap<u8, Stage>,
    /// A device has just been given an address; whose, the next SETUP says.
    addressed: bool,
    /// A device was unplugged, and no other one has been given an address since: which transfers
    /// were its own is not known.
    unplugged: bool,
    /// Transfers that were told to stop: forgiven if the core is reset before another one begins.
    stopped: Vec<Violation>,
    /// HPRT as the guest last saw it.
    port: u32,
    /// The changes of HPRT that it has read and not cleared.
    changes_seen: u32,
}

impl Lint {
    /// What was found so far.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Looks at the next line of the trace; what is no line of the controller's is passed over.
    pub fn line(&mut self, text: &str) {
        self.line += 1;
        match trace::parse(text) {
            Some(Event::Access(access)) => self.access(access),
            Some(Event::Configured { address }) => self.toggles.configured(address),
            Some(Event::Unplugged) => self.unplugged = true,
            None => {}
        }
    }

    fn report(&mut self, rule: Rule, what: String) {
        self.blame(Violation { line: self.line, rule, what });
    }

    fn blame(&mut self, violation: Violation) {
        *self.findings.counts.entry(violation.rule).or_default() += 1;
        if self.findings.violations.len() < VIOLATIONS_KEPT_MAX {
            self.findings.violations.push(violation);
        }
    }

    fn access(&mut self, access: Access) {
        self.findings.accesses += 1;
        match access.offset {
            at::PORT => self.port(access),
            at::RESET_CONTROL if access.write.is_some() && access.value & CORE_SOFT_RESET != 0 => {
                // Channels stop; devices learn nothing of it, but the port has to be reset.
                self.channels = Default::default();
                self.stopped.clear();
            }
            offset => {
                let Some(offset) = offset.checked_sub(at::CHANNELS) else { return };
                let channel = offset / at::CHANNEL_STRIDE;
                if channel < CHANNELS {
                    self.channel(usize::from(channel), offset % at::CHANNEL_STRIDE, access);
                }
            }
        }
    }

    fn port(&mut self, access: Access) {
        let Access { value, write, .. } = access;
        let Some(change) = write else {
            self.changes_seen |= value & port::CHANGES;
            self.port = value;
            return;
        };
        self.port = change.result;
        if value & port::ENABLED != 0 {
            self.report(Rule::PortEnable, format!("HPRT written with {value:#010x}"));
        }
        let blind = value & port::CHANGES & !self.changes_seen;
        if blind != 0 {
            self.report(Rule::PortChange, format!("{blind:#x} cleared in HPRT and never read"));
        }
        self.changes_seen &= !value;
        if change.old & port::RESET != 0 && value & port::RESET == 0 {
            self.toggles.forget_all();
            self.stages.clear();
            self.addressed = false;
        }
    }

    fn channel(&mut self, number: usize, register: u16, access: Access) {
        let Access { value, write, .. } = access;
        // What the guest sees, and for a write what it could have seen.
        let seen = write.map_or(value, |change| change.old);
        match register {
            at::INTERRUPTS => {
                self.channels[number].saw(seen);
                if let Some(change) = write {
                    self.channels[number].interrupts = change.result;
                }
            }
            at::SIZE => {
                self.settle(number, seen);
                if write.is_some() {
                    self.check_idle(number, "HCTSIZ");
                    self.channels[number].size = value;
                }
            }
            at::DMA if write.is_some() => {
                self.check_idle(number, "HCDMA");
                self.channels[number].dma = value;
            }
            at::CHARACTER => {
                if let Some(change) = write {
                    self.character(number, value, change.old);
                } else if value & ENABLE == 0 {
                    self.channels[number].running = false;
                }
            }
            _ => {}
        }
    }

    fn check_idle(&mut self, number: usize, register: &str) {
        if self.channels[number].running {
            let what = format!("{register} of channel {number} written while it runs");
            self.report(Rule::Running, what);
        }
    }

    fn character(&mut self, number: usize, value: u32, old: u32) {
        if value & DISABLE != 0 {
            let there = port::CONNECTED | port::ENABLED;
            let ended = self.channels[number].interrupts & HALTED != 0;
            let is_there = self.port & there == there && !self.unplugged;
            if old & ENABLE != 0 && !ended && is_there {
                let what = format!("channel {number} told to stop, its device is there");
                self.stopped.push(Violation { line: self.line, rule: Rule::Cancel, what });
            }
            return;
        }
        if value & ENABLE == 0 {
            return;
        }
        for violation in std::mem::take(&mut self.stopped) {
            self.blame(violation);
        }
        if old & ENABLE != 0 {
            self.report(Rule::Running, format!("channel {number} enabled while it runs"));
        }
        let standing = self.channels[number].interrupts;
        if standing != 0 {
            let what = format!("channel {number} enabled with HCINT {standing:#x}");
            self.report(Rule::Interrupts, what);
        }
        let Channel { size, dma, .. } = self.channels[number];
        let transfer = Transfer::of(value, size);
        self.findings.transfers += 1;
        self.check_shape(number, &transfer, dma);
        self.check_pid(number, &transfer);
        let channel = &mut self.channels[number];
        channel.running = true;
        channel.interrupts = 0;
        channel.transfer = Some(transfer);
    }

    fn check_shape(&mut self, number: usize, transfer: &Transfer, dma: u32) {
        let (bytes, packets) = (bytes_of(transfer.size), packets_of(transfer.size));
        let (due, max_packet) = (transfer.packets_due(), transfer.max_packet);
        if packets != due || max_packet == 0 {
            let what = format!(
                "channel {number}: {packets} packets for {bytes} bytes at {max_packet}, due {due}"
            );
            self.report(Rule::PacketCount, what);
        } else if transfer.endpoint.is_in && !bytes.is_multiple_of(max_packet) {
            let what = format!("channel {number}: IN of {bytes} bytes in packets of {max_packet}");
            self.report(Rule::PacketCount, what);
        }
        if bytes > BYTES_MAX {
            self.report(Rule::Size, format!("channel {number}: {bytes} bytes"));
        }
        if !dma.is_multiple_of(4) {
            self.report(Rule::Alignment, format!("channel {number}: HCDMA {dma:#010x}"));
        }
    }

    fn check_pid(&mut self, number: usize, transfer: &Transfer) {
        let address = transfer.endpoint.address;
        if transfer.is_control {
            if std::mem::take(&mut self.addressed) && address != 0 {
                self.toggles.forget_device(address);
                self.stages.remove(&address);
            }
            let stage = self.stages.entry(address).or_default();
            if let Some(what) = stage.begin(transfer) {
                self.report(Rule::Stages, format!("channel {number}, device {address}: {what}"));
            }
            if transfer.pid() == Pid::Setup {
                self.stages.insert(address, Stage::Setup);
            }
            return;
        }
        let pid = transfer.pid();
        match self.toggles.begin(transfer.endpoint, pid) {
            Ok(known) => self.findings.toggles += u64::from(known),
            Err(due) => {
                self.findings.toggles += 1;
                let what = format!("{} begins with {pid:?}, due is {due:?}", transfer.endpoint);
                self.report(Rule::Toggle, what);
            }
        }
    }

    /// HCTSIZ was seen: if the guest knew by then that the transfer had ended, this is its residue.
    fn settle(&mut self, number: usize, residue: u32) {
        let ended = self.channels[number].transfer.filter(|transfer| transfer.ended.is_some());
        let Some(transfer) = ended else { return };
        self.channels[number].transfer = None;
        let interrupts = transfer.ended.unwrap_or_default();
        if !transfer.is_control {
            let stalled = interrupts & channel::STALL != 0;
            self.toggles.ended(transfer.endpoint, transfer.next_pid(residue), stalled);
            return;
        }
        let address = transfer.endpoint.address;
        let stage = self.stages.entry(address).or_default();
        let (next, outcome) = stage.after(&transfer, residue);
        *stage = next;
        if outcome == Outcome::PlainRequest {
            match address {
                // The only request to address 0 that has no data stage (USB 2.0, 9.4.6).
                0 => {
                    self.addressed = true;
                    self.unplugged = false;
                }
                _ => self.toggles.plain_request(address),
            }
        }
    }
}

#[cfg(test)]
#[path = "lint/tests.rs"]
mod tests;
