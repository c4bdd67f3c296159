//! Boards: the image in QEMU, with its network adapter attached in several ways, and the twin.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use xtask::qemu::{self, Attachment, Forward, Machine, Nic, Serial};
use xtask::workspace;

use crate::lab::{INTERFACE, Lab};
use crate::lint::{Verdict, Watch};
use crate::process::{Mark, Output, Process};
use crate::tool::is_installed;
use crate::wait::{self, PATIENCE};

/// The MAC address that every board here is given. QEMU's usb-net hands it to the guest in a
/// descriptor; a LAN9514 without an EEPROM is told by the command line.
pub const MAC: &str = "52:54:00:ba:5e:01";

/// Ports of the board that are reached through QEMU's user-mode network.
const FORWARDED: [u16; 3] = [80, 23, 4242];

/// Hardware of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hardware {
    /// The firmware as a Linux process on the TAP.
    Twin,
    /// QEMU raspi3b with usb-net on the TAP.
    Qemu(Attachment),
    /// QEMU raspi3b with the LAN9514's model, which a process of its own serves, on the TAP.
    Lan9514(Attachment),
    /// QEMU raspi3b with usb-net on the user-mode network, for users without root.
    QemuUser,
}

/// A row of the table of boards.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// As trials are named.
    pub name: &'static str,
    /// What it is.
    pub hardware: Hardware,
}

/// Every board there is to test.
pub const MODELS: [Model; 6] = [
    Model { name: "twin", hardware: Hardware::Twin },
    Model { name: "lan9514_root", hardware: Hardware::Lan9514(Attachment::RootPort) },
    Model { name: "lan9514_hub", hardware: Hardware::Lan9514(Attachment::Hub) },
    Model { name: "qemu_root", hardware: Hardware::Qemu(Attachment::RootPort) },
    Model { name: "qemu_hub", hardware: Hardware::Qemu(Attachment::Hub) },
    Model { name: "qemu_user", hardware: Hardware::QemuUser },
];

impl Model {
    /// True if it needs a namespace with a TAP, hence root.
    pub fn needs_lab(&self) -> bool {
        self.hardware != Hardware::QemuUser
    }

    /// True if the image itself runs, in QEMU.
    pub fn is_emulated(&self) -> bool {
        self.hardware != Hardware::Twin
    }

    /// Why it cannot run on this machine, if it cannot.
    pub fn missing(&self) -> Option<String> {
        if self.needs_lab() && !nix::unistd::geteuid().is_root() {
            return Some("needs root, for a network namespace".into());
        }
        if self.needs_lab() && !Path::new("/dev/net/tun").exists() {
            return Some("needs /dev/net/tun".into());
        }
        let programs: &[&str] = match self.hardware {
            Hardware::Twin => &["ip"],
            Hardware::Qemu(_) | Hardware::Lan9514(_) => &["ip", qemu::PROGRAM],
            Hardware::QemuUser => &[qemu::PROGRAM],
        };
        let missing = programs.iter().find(|program| !is_installed(program));
        missing.map(|program| format!("needs {program}, which is not installed"))
    }
}

/// A board that runs. Dropping it pulls the plug.
#[derive(Debug)]
pub struct Board {
    model: Model,
    process: Process,
    /// What serves the chip; it outlives the emulator, which is dropped first.
    server: Option<Server>,
    forwards: Vec<Forward>,
    /// Looks at the emulator's trace of the USB controller.
    watch: Option<Watch>,
}

impl Board {
    /// Switches a board on, with this kernel command line; in the lab, if the model needs one.
    ///
    /// # Errors
    /// If the image or the twin cannot be built, or the process does not start.
    pub fn start(model: Model, append: &str, lab: Option<&Lab>, folder: &Path) -> Result<Self> {
        Self::begin(model, append, lab, folder, None)
    }

    /// Switches a board on under the eyes of the lint, if it is an emulated one: slower, and not to
    /// be measured.
    ///
    /// # Errors
    /// As for [`Board::start`].
    pub fn start_watched(
        model: Model,
        append: &str,
        lab: Option<&Lab>,
        folder: &Path,
    ) -> Result<Self> {
        Self::begin(model, append, lab, folder, Some(Watch::default()))
    }

    fn begin(
        model: Model,
        append: &str,
        lab: Option<&Lab>,
        folder: &Path,
        watch: Option<Watch>,
    ) -> Result<Self> {
        let forwards = if model.needs_lab() { Vec::new() } else { free_ports()? };
        let mut append = append.to_owned();
        let mut server = None;
        let nic = match model.hardware {
            Hardware::Twin => return Self::start_twin(model, &append, lab.context("no lab")?),
            Hardware::Qemu(attachment) => Nic::tap(INTERFACE).attached(attachment).mac(MAC),
            Hardware::Lan9514(attachment) => {
                append = format!("{append} mac={MAC}");
                let serving = Server::start(attachment, folder, lab.context("no lab")?)?;
                let nic = Nic::redirected(&serving.socket).attached(attachment);
                server = Some(serving);
                nic
            }
            Hardware::QemuUser => Nic::user(forwards.clone()).mac(MAC),
        };
        let mut machine = Machine::new(image()?).nic(nic).console(Serial::Stdio);
        if !append.is_empty() {
            machine = machine.bootargs(&append, folder.join("board.dtb"));
        }
        if watch.is_some() {
            let events = xtask::lint::trace_events();
            machine = events.into_iter().fold(machine, |machine, word| machine.argument(word));
        }
        let command = machine.command().map_err(|error| anyhow!("{error}"))?;
        let sieve = watch.as_ref().map(Watch::sieve);
        let process = match lab {
            Some(lab) => lab.namespace().enter(|| Process::spawn_sifted(command, sieve))??,
            None => Process::spawn_sifted(command, sieve)?,
        };
        Ok(Self { model, process, server, forwards, watch })
    }

    fn start_twin(model: Model, append: &str, lab: &Lab) -> Result<Self> {
        let mut command = Command::new(twin()?);
        command.args(["--tap", INTERFACE, "--mac", MAC, "--console"]);
        if !append.is_empty() {
            command.args(["--append", append]);
        }
        let process = lab.spawn(command)?;
        Ok(Self { model, process, server: None, forwards: Vec::new(), watch: None })
    }

    /// The row of the table.
    pub fn model(&self) -> Model {
        self.model
    }

    /// UART0.
    pub fn console(&self) -> &Output {
        &self.process.output
    }

    /// Waits until the console said a line with these words, after `mark`.
    ///
    /// # Errors
    /// If it does not.
    pub fn wait_for(&self, mark: Mark, words: &[&str]) -> Result<String> {
        self.console().wait_for(mark, words, PATIENCE).context("console")
    }

    /// Types on the console.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn type_keys(&mut self, keys: &str) -> Result<()> {
        self.process.write(keys.as_bytes())
    }

    /// The port of this machine that leads to a port of the board, on user-mode networks.
    pub fn forward(&self, port: u16) -> Option<(Ipv4Addr, u16)> {
        let forward = self.forwards.iter().find(|forward| forward.board == port)?;
        Some((Ipv4Addr::LOCALHOST, forward.host))
    }

    /// The process: QEMU's or the twin's.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Gives the server of the chip a command (`cargo xtask usbredir --help` lists them) and
    /// returns its answer.
    ///
    /// # Errors
    /// If the board has none, or it refuses.
    pub fn chip(&self, command: &str) -> Result<String> {
        let server = self.server.as_ref().context("this board's chip has no server")?;
        usbredir::service::command(&server.control, command)
    }

    /// Pulls the plug and returns what the lint has to say, if it looked.
    pub fn stop(mut self) -> Option<Verdict> {
        self.process.stop();
        self.watch.take().map(|watch| watch.verdict())
    }

    /// The ids of the emulator, or the twin, and of the chip's server; the former twice, if there
    /// is no server.
    pub fn pids(&self) -> [u32; 2] {
        let board = self.process.id();
        [board, self.server.as_ref().map_or(board, |server| server.process.id())]
    }

    /// What a person needs to see why something failed: console, the emulator's words, how to start
    /// it.
    pub fn report(&self) -> String {
        format!(
            "--- console, last lines ---\n{}\n--- standard error, last lines ---\n{}\n\
             --- the chip's server, last lines ---\n{}\n--- started as ---\n{}\n",
            self.process.output.tail(40),
            self.process.errors.tail(20),
            self.server.as_ref().map(|server| server.process.errors.tail(20)).unwrap_or_default(),
            self.process.shown()
        )
    }
}

/// CPU time that a process used so far, user and system (proc(5): /proc/PID/stat, fields 14 and
/// 15).
///
/// # Errors
/// If it has ended.
pub fn cpu_time(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the program's name in parentheses, and may contain anything.
    let (_, rest) = stat.rsplit_once(')').context("/proc/PID/stat has no name")?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let (Some(user), Some(system)) = (ticks(), ticks()) else {
        anyhow::bail!("/proc/PID/stat not understood: {stat}");
    };
    // USER_HZ is 100 on every Linux that Rust runs on.
    Ok(Duration::from_millis((user + system) * 10))
}

/// Ports of this machine that were free a moment ago, one for each of [`FORWARDED`].
pub(crate) fn free_ports() -> Result<Vec<Forward>> {
    // All are held before any is let go: otherwise one could be given twice.
    let held: Vec<_> =
        FORWARDED.iter().map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    let pair = |(listener, board): (TcpListener, u16)| {
        Ok(Forward { host: listener.local_addr()?.port(), board })
    };
    held.into_iter().zip(FORWARDED).map(pair).collect()
}

/// The image, built on first use.
///
/// # Errors
/// If it cannot be built.
pub fn image() -> Result<PathBuf> {
    static IMAGE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let build = || {
        let built = xtask::image::build().map_err(|error| format!("{error}"))?;
        Ok(built.kernel)
    };
    IMAGE.get_or_init(build).clone().map_err(|error| anyhow!("{error}"))
}

/// Builds what the model needs, so that a start that is measured does not.
///
/// # Errors
/// If it cannot be built.
pub fn prepare(model: Model) -> Result<()> {
    match model.hardware {
        Hardware::Twin => twin().map(drop),
        Hardware::Qemu(_) | Hardware::QemuUser => image().map(drop),
        Hardware::Lan9514(_) => chip_server().and_then(|_| image()).map(drop),
    }
}

/// What serves a LAN9514 whose cable leads to the lab's TAP.
#[derive(Debug)]
pub struct Server {
    /// The process.
    pub process: Process,
    /// Where the emulator connects.
    pub socket: PathBuf,
    /// Where commands go.
    control: PathBuf,
}

impl Server {
    /// Starts it, and waits for its sockets.
    ///
    /// # Errors
    /// If it cannot be built, or does not start.
    pub fn start(attachment: Attachment, folder: &Path, lab: &Lab) -> Result<Self> {
        let [socket, control] = ["usb.sock", "chip.sock"].map(|name| folder.join(name));
        // What an earlier server of this session left behind.
        let _ = [&socket, &control].map(std::fs::remove_file);
        let mut command = Command::new(chip_server()?);
        command.arg("--socket").arg(&socket).arg("--control").arg(&control);
        command.args(["--tap", INTERFACE]);
        if attachment == Attachment::Hub {
            // QEMU's hub knows no other.
            command.args(["--speed", "full"]);
        }
        let process = lab.spawn(command)?;
        wait::until("the sockets of the chip's server", PATIENCE, || {
            Ok((socket.exists() && control.exists()).then_some(()))
        })
        .with_context(|| process.errors.text())?;
        Ok(Self { process, socket, control })
    }
}

/// The twin, built on first use.
fn twin() -> Result<PathBuf> {
    static TWIN: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    TWIN.get_or_init(|| tool("twin")).clone().map_err(|error| anyhow!("{error}"))
}

/// The server of the LAN9514's model, built on first use.
fn chip_server() -> Result<PathBuf> {
    static SERVER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    SERVER.get_or_init(|| tool("usbredir")).clone().map_err(|error| anyhow!("{error}"))
}

/// Builds a tool of ours, in the way that we were built: the bench measures optimised ones.
fn tool(name: &str) -> Result<PathBuf, String> {
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--quiet", "--package", &format!("barewire-{name}"), "--bin", name]);
    let folder = if cfg!(debug_assertions) {
        "debug"
    } else {
        cargo.arg("--release");
        "release"
    };
    workspace::run(&mut cargo, &format!("build {name}")).map_err(|error| format!("{error}"))?;
    Ok(workspace::target().join(folder).join(name))
}
