//! What a guest is plugged into: the model or usb-net, and QEMU's user-mode network.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;
use std::{env, fs};

use usbredir::options::Rate;
use usbredir::service::{Life, Service};
use usbredir::wire::Wire;

use crate::error::{Context, Result};
use crate::qemu::{Attachment, Cable, Forward, Machine, Nic, USER_NET_GUEST};

/// Where a guest reaches this machine in QEMU's user-mode network.
pub const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
/// The port of the guest's HTTP server.
pub const GUEST_PORT_HTTP: u16 = 80;
/// Only the user may speak to the adapter.
const FOLDER_MODE: u32 = 0o700;
/// How long the model may take to say what it counted.
const STATISTICS_MAX: Duration = Duration::from_secs(2);
/// The counters that say how a guest drove the model.
const COUNTERS: [&str; 9] = [
    "received",
    "bursts",
    "burst_frames_max",
    "transmitted",
    "checksums_inserted",
    "overflowed",
    "bad_commands",
    "mistakes",
    "last_mistake",
];
/// How long the PHY negotiates; a real one takes two seconds.
const AUTONEGOTIATION_MS: u64 = 300;

/// What is plugged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adapter {
    /// The model of this repository.
    Lan9514,
    /// QEMU's own CDC Ethernet.
    UsbNet,
}

/// The bench. Dropping it clears it away.
#[derive(Debug)]
pub struct Bench {
    folder: PathBuf,
    place: Attachment,
    adapter: Adapter,
    /// The port of this machine that leads to the guest's HTTP server.
    pub port: u16,
}

impl Bench {
    /// Sets it up and starts the model, with this address in its EEPROM, or none as on a Pi.
    ///
    /// # Errors
    /// If a folder, a socket or a port cannot be had.
    pub fn new(adapter: Adapter, place: Attachment, eeprom_mac: Option<[u8; 6]>) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("barewire-bench-{}-{number}", std::process::id());
        let folder = env::temp_dir().join(name);
        let what = || format!("make the folder {}", folder.display());
        fs::DirBuilder::new().mode(FOLDER_MODE).create(&folder).context(what)?;
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context(|| "find a port".into())?;
        let port = free.local_addr().context(|| "find a port".into())?.port();
        let bench = Self { folder, place, adapter, port };
        if adapter == Adapter::Lan9514 {
            bench.serve(eeprom_mac)?;
        }
        Ok(bench)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The model, on a thread that ends with the guest.
    fn serve(&self, eeprom_mac: Option<[u8; 6]>) -> Result<()> {
        let options = usbredir::options::Options {
            socket: self.at("usb"),
            control: Some(self.at("control")),
            tap: None,
            datagrams: None,
            netns: None,
            speed: match self.place {
                Attachment::RootPort => Rate::High,
                Attachment::Hub => Rate::Full,
            },
            eeprom_mac,
            autonegotiation_ms: AUTONEGOTIATION_MS,
            in_hold_ms: None,
            one_guest: true,
            clean_up: None,
            say_ready: false,
        };
        let what = || "serve the model".into();
        let wire = Wire::datagrams(&self.at("wire"), &self.at("qemu")).context(what)?;
        let control = options.control.as_deref();
        let service =
            Service::bind(&options.socket, control, wire, Life::OneGuest).context(what)?;
        thread::spawn(move || {
            if let Err(error) = service.quiet().run(options.device(), options.hold()) {
                eprintln!("the model's server: {error:#}");
            }
        });
        Ok(())
    }

    /// Plugs the adapter in. `tftp` is served by the network, if there is one.
    pub fn plug(&self, machine: Machine, tftp: Option<&Path>) -> Machine {
        let forward = Forward { host: self.port, board: GUEST_PORT_HTTP };
        if self.adapter == Adapter::UsbNet {
            let cable = Cable::User { forwards: vec![forward], board: USER_NET_GUEST };
            return machine.nic(Nic::new(cable).attached(self.place));
        }
        let mut user = format!(
            "user,id=net0,hostfwd=tcp:127.0.0.1:{}-{USER_NET_GUEST}:{GUEST_PORT_HTTP}",
            self.port
        );
        if let Some(folder) = tftp {
            user += &format!(",tftp={}", escaped(folder));
        }
        let datagrams = format!(
            "dgram,id=net1,local.type=unix,local.path={},remote.type=unix,remote.path={}",
            escaped(&self.at("qemu")),
            escaped(&self.at("wire"))
        );
        let port = |netdev| format!("hubport,id=hub-{netdev},hubid=0,netdev={netdev}");
        let machine = machine.nic(Nic::redirected(self.at("usb")).attached(self.place));
        [user, datagrams, port("net0"), port("net1")]
            .into_iter()
            .fold(machine, |machine, netdev| machine.argument("-netdev").argument(netdev))
    }

    /// What the model counted, mistakes of the guest included.
    pub fn statistics(&self) -> Option<String> {
        let mut stream = UnixStream::connect(self.at("control")).ok()?;
        stream.set_read_timeout(Some(STATISTICS_MAX)).ok()?;
        stream.write_all(b"stats\n").ok()?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).ok()?;
        let is_told = |word: &&str| COUNTERS.contains(&word.split('=').next().unwrap_or_default());
        Some(answer.split_whitespace().filter(is_told).collect::<Vec<_>>().join(" "))
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // What is left of it is in the folder for temporary files, where it harms nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn escaped(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}
