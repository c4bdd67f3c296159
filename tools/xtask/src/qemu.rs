//! QEMU's command line for this board: one place that knows which options give which Raspberry Pi
//! 3.
//!
//! ```
//! use xtask::qemu::{Machine, Nic, Serial};
//!
//! let machine = Machine::new("target/kernel8.img")
//!     .nic(Nic::tap("tap0").behind_hub())
//!     .bootargs("ip=dhcp", "target/tap0.dtb")
//!     .console(Serial::File("target/console.txt".into()));
//! let line = machine.arguments().join(" ");
//! assert!(line.contains("-netdev tap,id=net0,ifname=tap0"));
//! ```
//!
//! [`Machine::command`] writes the device tree that carries the bootargs and returns a [`Command`]
//! to spawn.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Context, Result};
use crate::fdt;
use crate::workspace;

/// The emulator.
pub const PROGRAM: &str = "qemu-system-aarch64";
/// The board. Its only RAM size is 1 GiB, so no `-m` is given.
pub const BOARD: &str = "raspi3b";
/// Where QEMU's user-mode network puts the guest, unless the guest chooses an address of its own.
pub const USER_NET_GUEST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);

/// Where the adapter sits on the bus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attachment {
    /// On the root port.
    #[default]
    RootPort,
    /// Behind the full-speed hub that QEMU inserts, as the real chip sits behind the hub in its
    /// package.
    Hub,
}

/// A TCP port of this machine that leads to one of the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Port on 127.0.0.1.
    pub host: u16,
    /// Port of the board.
    pub board: u16,
}

/// The other end of the network cable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cable {
    /// QEMU's user-mode network: needs no rights, has DHCP, reaches the board through `forwards`
    /// only.
    User {
        /// The ports that lead in.
        forwards: Vec<Forward>,
        /// Where they lead: the board's address in 10.0.2.0/24.
        board: Ipv4Addr,
    },
    /// A TAP interface that exists already and that this process may open.
    Tap(String),
    /// QEMU's user-mode network, one Unix datagram a frame: for an adapter that is not QEMU's.
    UserDatagrams {
        /// The ports that lead in.
        forwards: Vec<Forward>,
        /// Where they lead: the board's address in 10.0.2.0/24.
        board: Ipv4Addr,
        /// The socket that QEMU makes.
        qemu: PathBuf,
        /// The socket of the adapter's other side.
        adapter: PathBuf,
    },
    /// None of QEMU's business: the adapter has a cable of its own.
    Elsewhere,
}

/// What is plugged into the USB port.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Plug {
    /// QEMU's `usb-net`, a CDC Ethernet device.
    UsbNet,
    /// A device of another process, over the usbredir protocol; QEMU connects to this socket.
    Redirected(PathBuf),
}

/// The network adapter: QEMU's `usb-net`, or a model of another one behind `usb-redir`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nic {
    plug: Plug,
    cable: Cable,
    attachment: Attachment,
    mac: Option<String>,
    pcap: Option<PathBuf>,
    usb_pcap: Option<PathBuf>,
}

impl Nic {
    /// QEMU's own adapter on this cable, on the root port.
    pub fn new(cable: Cable) -> Self {
        Self {
            plug: Plug::UsbNet,
            cable,
            attachment: Attachment::RootPort,
            mac: None,
            pcap: None,
            usb_pcap: None,
        }
    }

    /// An adapter on the user-mode network, whose guest has [`USER_NET_GUEST`].
    pub fn user(forwards: impl Into<Vec<Forward>>) -> Self {
        Self::new(Cable::User { forwards: forwards.into(), board: USER_NET_GUEST })
    }

    /// An adapter on the TAP interface of this name.
    pub fn tap(interface: &str) -> Self {
        Self::new(Cable::Tap(interface.into()))
    }

    /// An adapter that a server (`tools/usbredir`) serves at this socket, on the root port. The
    /// server listens before QEMU starts; its cable does not lead through QEMU unless
    /// [`Nic::cable`] says so.
    pub fn redirected(socket: impl Into<PathBuf>) -> Self {
        Self { plug: Plug::Redirected(socket.into()), ..Self::new(Cable::Elsewhere) }
    }

    /// Puts the adapter on another cable.
    #[must_use]
    pub fn cable(mut self, cable: Cable) -> Self {
        self.cable = cable;
        self
    }

    /// Puts a hub between the root port and the adapter. The hub is a full-speed one, and a
    /// redirected adapter has to know that: its server is started with `--speed full`.
    #[must_use]
    pub fn behind_hub(self) -> Self {
        self.attached(Attachment::Hub)
    }

    /// Puts the adapter there.
    #[must_use]
    pub fn attached(mut self, attachment: Attachment) -> Self {
        self.attachment = attachment;
        self
    }

    /// Gives QEMU's own adapter this MAC address, written with colons. QEMU's choice is
    /// 52:54:00:12:34:56.
    #[must_use]
    pub fn mac(mut self, mac: &str) -> Self {
        self.mac = Some(mac.into());
        self
    }

    /// Writes every Ethernet frame to this pcap file, if the cable leads through QEMU.
    #[must_use]
    pub fn pcap(mut self, file: impl Into<PathBuf>) -> Self {
        self.pcap = Some(file.into());
        self
    }

    /// Writes every USB packet to this pcap file.
    #[must_use]
    pub fn usb_pcap(mut self, file: impl Into<PathBuf>) -> Self {
        self.usb_pcap = Some(file.into());
        self
    }

    fn arguments(&self, into: &mut Vec<String>) {
        self.cable.arguments(into);
        let mut device = match &self.plug {
            Plug::UsbNet => String::from("usb-net,netdev=net0"),
            Plug::Redirected(socket) => {
                let chardev = format!("socket,id=redir0,path={}", escape_path(socket));
                into.extend(["-chardev".into(), chardev]);
                String::from("usb-redir,chardev=redir0")
            }
        };
        if self.attachment == Attachment::RootPort {
            device += ",port=1";
        }
        if let (Some(mac), Plug::UsbNet) = (&self.mac, &self.plug) {
            device += &format!(",mac={}", escape(mac));
        }
        if let Some(file) = &self.usb_pcap {
            device += &format!(",pcap={}", escape_path(file));
        }
        into.extend(["-device".into(), device]);
        if let (Some(file), true) = (&self.pcap, self.cable != Cable::Elsewhere) {
            let dump = format!("filter-dump,id=pcap0,netdev=net0,file={}", escape_path(file));
            into.extend(["-object".into(), dump]);
        }
    }
}

impl Cable {
    /// Its netdev `net0`, and what belongs to it.
    fn arguments(&self, into: &mut Vec<String>) {
        let user = |forwards: &[Forward], board: &Ipv4Addr| {
            let mut user = String::from("user,id=net0");
            for Forward { host, board: port } in forwards {
                user += &format!(",hostfwd=tcp:127.0.0.1:{host}-{board}:{port}");
            }
            user
        };
        match self {
            Self::User { forwards, board } => {
                into.extend(["-netdev".into(), user(forwards, board)]);
            }
            Self::Tap(name) => {
                let tap = format!("tap,id=net0,ifname={},script=no,downscript=no", escape(name));
                into.extend(["-netdev".into(), tap]);
            }
            Self::UserDatagrams { forwards, board, qemu, adapter } => {
                let (qemu, adapter) = (escape_path(qemu), escape_path(adapter));
                let datagrams = format!(
                    "dgram,id=net1,local.type=unix,local.path={qemu},\
                     remote.type=unix,remote.path={adapter}"
                );
                // Two netdevs find each other in a hub of QEMU's.
                let port = |netdev| format!("hubport,id=hub-{netdev},hubid=0,netdev={netdev}");
                for netdev in [user(forwards, board), datagrams, port("net0"), port("net1")] {
                    into.extend(["-netdev".into(), netdev]);
                }
            }
            // Without this, QEMU says that it has a network nobody asked for.
            Self::Elsewhere => into.extend(["-nic", "none"].map(Into::into)),
        }
    }
}

/// Where a UART of the board ends on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serial {
    /// The terminal, shared with QEMU's monitor: Ctrl-A X quits, Ctrl-A C switches.
    Terminal,
    /// QEMU's standard input and output, nothing else on them.
    Stdio,
    /// Output to a file.
    File(PathBuf),
    /// A pair of FIFOs, `PATH.in` and `PATH.out`, that exist already.
    Pipe(PathBuf),
    /// A Unix socket that QEMU creates; the board does not wait for somebody to connect.
    Socket(PathBuf),
    /// Nowhere.
    Null,
}

impl Serial {
    fn value(&self) -> String {
        match self {
            Self::Terminal => "mon:stdio".into(),
            Self::Stdio => "stdio".into(),
            Self::File(path) => format!("file:{}", path.display()),
            Self::Pipe(path) => format!("pipe:{}", path.display()),
            Self::Socket(path) => format!("unix:{},server=on,wait=off", escape_path(path)),
            Self::Null => "null".into(),
        }
    }
}

#[derive(Clone, Debug)]
struct Bootargs {
    text: String,
    tree: PathBuf,
}

/// A Raspberry Pi 3 to be emulated.
#[derive(Clone, Debug)]
pub struct Machine {
    kernel: PathBuf,
    nic: Option<Nic>,
    bootargs: Option<Bootargs>,
    console: Serial,
    log: Serial,
    qmp: Option<PathBuf>,
    monitor: Option<PathBuf>,
    extra: Vec<String>,
}

impl Machine {
    /// A board that runs this flat image, with no network, no command line and both UARTs nowhere.
    pub fn new(kernel: impl Into<PathBuf>) -> Self {
        Self {
            kernel: kernel.into(),
            nic: None,
            bootargs: None,
            console: Serial::Null,
            log: Serial::Null,
            qmp: None,
            monitor: None,
            extra: Vec::new(),
        }
    }

    /// Plugs an adapter in.
    #[must_use]
    pub fn nic(mut self, nic: Nic) -> Self {
        self.nic = Some(nic);
        self
    }

    /// Gives the kernel this command line, in a device tree that [`Machine::command`] writes to
    /// `tree`. Machines that start at the same time need files of their own.
    #[must_use]
    pub fn bootargs(mut self, text: &str, tree: impl Into<PathBuf>) -> Self {
        self.bootargs = Some(Bootargs { text: text.into(), tree: tree.into() });
        self
    }

    /// Where UART0 (PL011), the console, ends.
    #[must_use]
    pub fn console(mut self, serial: Serial) -> Self {
        self.console = serial;
        self
    }

    /// Where UART1 (mini UART), the defmt log, ends.
    #[must_use]
    pub fn log(mut self, serial: Serial) -> Self {
        self.log = serial;
        self
    }

    /// Opens a QMP socket (JSON) at this path.
    #[must_use]
    pub fn qmp(mut self, socket: impl Into<PathBuf>) -> Self {
        self.qmp = Some(socket.into());
        self
    }

    /// Opens a monitor socket (for people) at this path.
    #[must_use]
    pub fn monitor(mut self, socket: impl Into<PathBuf>) -> Self {
        self.monitor = Some(socket.into());
        self
    }

    /// Adds an argument as it is.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.extra.push(argument.into());
        self
    }

    /// The arguments, without the program's name.
    pub fn arguments(&self) -> Vec<String> {
        let mut line: Vec<String> = ["-M", BOARD, "-kernel"].map(Into::into).into();
        line.push(self.kernel.display().to_string());
        if let Some(Bootargs { text, tree }) = &self.bootargs {
            line.extend(["-dtb".into(), tree.display().to_string()]);
            line.extend(["-append".into(), text.clone()]);
        }
        // The first -serial is the PL011, the second the mini UART.
        for serial in [&self.console, &self.log] {
            line.extend(["-serial".into(), serial.value()]);
        }
        line.extend(["-display", "none"].map(Into::into));
        for (option, socket) in [("-qmp", &self.qmp), ("-monitor", &self.monitor)] {
            if let Some(path) = socket {
                line.extend([option.into(), Serial::Socket(path.clone()).value()]);
            }
        }
        if self.monitor.is_none() && self.console != Serial::Terminal {
            line.extend(["-monitor", "none"].map(Into::into));
        }
        match &self.nic {
            Some(nic) => nic.arguments(&mut line),
            None => line.extend(["-nic", "none"].map(Into::into)),
        }
        line.extend(self.extra.iter().cloned());
        line
    }

    /// The command, ready to spawn. Writes the device tree.
    ///
    /// # Errors
    /// If the device tree cannot be written.
    pub fn command(&self) -> Result<Command> {
        self.write_tree()?;
        let mut command = Command::new(PROGRAM);
        command.args(self.arguments());
        Ok(command)
    }

    /// Writes the device tree, for callers that start [`PROGRAM`] in a way of their own.
    ///
    /// # Errors
    /// If the device tree cannot be written.
    pub fn write_tree(&self) -> Result<()> {
        let Some(Bootargs { text, tree }) = &self.bootargs else { return Ok(()) };
        fs::write(tree, fdt::raspberry_pi_3(text)).context(|| format!("write {}", tree.display()))
    }
}

/// Does this QEMU know the device? Some are in packages of their own.
///
/// # Errors
/// If QEMU cannot be asked.
pub fn has_device(name: &str) -> Result<bool> {
    let mut command = Command::new(PROGRAM);
    command.args(["-device", "help"]);
    let devices = workspace::output(&mut command, "ask QEMU for its devices")?;
    Ok(String::from_utf8_lossy(&devices).contains(&format!("name \"{name}\"")))
}

/// QEMU's `key=value` options end at a comma; a comma in a value is doubled.
fn escape(value: &str) -> String {
    value.replace(',', ",,")
}

fn escape_path(path: &Path) -> String {
    escape(&path.display().to_string())
}

#[cfg(test)]
#[path = "qemu_tests.rs"]
mod tests;
