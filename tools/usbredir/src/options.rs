//! The program's command line, which `cargo xtask run` uses too.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use models::lan9514::Settings;
use nix::sched::{CloneFlags, setns};

use crate::device::Speed;
use crate::lan9514::Lan9514;
use crate::service::{Life, Service};
use crate::wire::Wire;

/// At which speed the device runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Rate {
    /// 480 Mbit/s: on the root port.
    #[default]
    High,
    /// 12 Mbit/s: behind QEMU's hub, which knows no other.
    Full,
}

impl From<Rate> for Speed {
    fn from(rate: Rate) -> Self {
        match rate {
            Rate::High => Self::High,
            Rate::Full => Self::Full,
        }
    }
}

/// A LAN9514 for QEMU's `-device usb-redir`
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Where QEMU connects: -chardev socket,id=c,path=PATH -device usb-redir,chardev=c,port=1
    #[arg(long, value_name = "PATH")]
    pub socket: PathBuf,
    /// Take commands here, one a line: link up|down, plug, unplug, hold, fault .., stats, quit
    #[arg(long, value_name = "PATH")]
    pub control: Option<PathBuf>,
    /// The cable leads to this TAP interface
    #[arg(long, value_name = "NAME", conflicts_with = "datagrams")]
    pub tap: Option<String>,
    /// The cable leads from the first Unix datagram socket, which is made, to the second
    #[arg(long, num_args = 2, value_names = ["OURS", "THEIRS"])]
    pub datagrams: Option<Vec<PathBuf>>,
    /// The TAP interface is in this network namespace, such as /run/netns/NAME
    #[arg(long, value_name = "FILE")]
    pub netns: Option<PathBuf>,
    /// The speed on the bus
    #[arg(long, value_enum, default_value_t)]
    pub speed: Rate,
    /// The MAC address in the chip's EEPROM, which a Pi does not have; written with colons
    #[arg(long, value_name = "MAC", value_parser = mac)]
    pub eeprom_mac: Option<[u8; 6]>,
    /// How long the PHY negotiates
    #[arg(long, value_name = "MS", default_value_t = 300)]
    pub autonegotiation_ms: u64,
    /// End a bulk IN that waits this long with an empty packet
    #[arg(long, value_name = "MS")]
    pub in_hold_ms: Option<u64>,
    /// End with the first QEMU that leaves, or with the process that started this one
    #[arg(long)]
    pub one_guest: bool,
    /// Remove this folder at the end, with all that is in it
    #[arg(long, value_name = "FOLDER")]
    pub clean_up: Option<PathBuf>,
    /// Print "ready" on standard output once QEMU can be started
    #[arg(long)]
    pub say_ready: bool,
}

fn mac(text: &str) -> Result<[u8; 6], String> {
    let byte = |part: &str| u8::from_str_radix(part, 16).ok().filter(|_| part.len() == 2);
    let bytes: Option<Vec<u8>> = text.split(':').map(byte).collect();
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| "a MAC address looks like 02:00:00:00:00:01".into())
}

impl Options {
    /// Does what the command line says, until it is over.
    ///
    /// # Errors
    /// If a socket, the TAP interface or the namespace fails.
    pub fn serve(&self) -> Result<()> {
        let result = self.bind().and_then(|service| {
            if self.say_ready {
                writeln!(stdout(), "ready").context("say that all is ready")?;
            }
            service.run(self.device(), self.hold())
        });
        if let Some(folder) = &self.clean_up {
            // It may be gone already; nobody waits for it.
            let _ = std::fs::remove_dir_all(folder);
        }
        result
    }

    /// The chip.
    pub fn device(&self) -> Lan9514 {
        let autonegotiation = Duration::from_millis(self.autonegotiation_ms);
        let settings =
            Settings { eeprom_mac: self.eeprom_mac, autonegotiation, ..Settings::default() };
        Lan9514::new(settings, self.speed.into())
    }

    /// Listens at the sockets, inside the network namespace if one is given: the calling thread
    /// stays in it.
    ///
    /// # Errors
    /// If a socket or the TAP interface cannot be made, or the namespace cannot be entered.
    pub fn bind(&self) -> Result<Service> {
        if let Some(path) = &self.netns {
            let what = || format!("enter the network namespace {}", path.display());
            let namespace = std::fs::File::open(path).with_context(what)?;
            setns(namespace, CloneFlags::CLONE_NEWNET).with_context(what)?;
        }
        let wire = match (&self.tap, self.datagrams.as_deref()) {
            (Some(name), _) => Wire::tap(name)?,
            (None, Some([ours, theirs])) => Wire::datagrams(ours, theirs)?,
            _ => Wire::None,
        };
        let life = if self.one_guest { Life::OneGuest } else { Life::Forever };
        Service::bind(&self.socket, self.control.as_deref(), wire, life)
    }

    /// How long a bulk IN waits at most, if not for ever.
    pub fn hold(&self) -> Option<Duration> {
        self.in_hold_ms.map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn parse(line: &str) -> Result<Options, clap::Error> {
        let words = ["usbredir"].into_iter().chain(line.split_whitespace());
        Line::try_parse_from(words).map(|line| line.options)
    }

    #[test]
    fn the_cable_leads_to_one_place() {
        let tap = parse("--socket u --tap tap0 --speed full --eeprom-mac 02:00:00:00:00:ff");
        let tap = tap.expect("good");
        assert_eq!((tap.speed, tap.eeprom_mac), (Rate::Full, Some([2, 0, 0, 0, 0, 0xff])));
        assert_eq!(tap.hold(), None);
        let user = parse("--socket u --datagrams m q --in-hold-ms 20").expect("good");
        assert_eq!(user.hold(), Some(Duration::from_millis(20)));
        for bad in [
            "",
            "--socket u --tap tap0 --datagrams m q",
            "--socket u --datagrams m",
            "--socket u --eeprom-mac 2:0:0:0:0:1",
            "--socket u --eeprom-mac 02:00:00:00:00",
            "--socket u --speed low",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
