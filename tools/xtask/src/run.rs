//! `cargo xtask run`: the image under QEMU, reachable from this machine, without being root.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::error::{Context, Error, Result};
use crate::image;
use crate::install::{self, Ask};
use crate::qemu::{self, Attachment, Cable, Forward, Machine, Nic, Serial, USER_NET_GUEST};
use crate::redirect::Redirect;
use crate::workspace;

/// The port on which the board sends its defmt log.
pub const BOARD_PORT_LOG: u16 = 4242;
const BOARD_PORT_HTTP: u16 = 80;
const BOARD_PORT_TELNET: u16 = 23;

/// The network adapter on the board's USB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Adapter {
    /// The chip of a Pi 3: a model in another process, which QEMU borrows as it would a USB stick.
    Lan9514,
    /// QEMU's own CDC Ethernet device.
    UsbNet,
    /// No network at all.
    None,
}

/// How to boot the image.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Port of this machine that leads to the board's HTTP server
    #[arg(long, value_name = "PORT", default_value_t = 8080, value_parser = ports())]
    pub port_http: u16,
    /// Port of this machine that leads to the board's telnet server
    #[arg(long, value_name = "PORT", default_value_t = 2323, value_parser = ports())]
    pub port_telnet: u16,
    /// Port of this machine that leads to the board's log
    #[arg(long, value_name = "PORT", default_value_t = BOARD_PORT_LOG, value_parser = ports())]
    pub port_log: u16,
    /// Put a USB hub between the root port and the adapter
    #[arg(long)]
    pub hub: bool,
    /// The network adapter
    #[arg(long, value_enum, default_value_t = Adapter::Lan9514)]
    pub nic: Adapter,
    /// The kernel command line, such as "ip=10.0.2.42::10.0.2.2:255.255.255.0"
    #[arg(long, value_name = "TEXT")]
    pub append: Option<String>,
    /// Record every Ethernet frame in this pcap file
    #[arg(long, value_name = "FILE")]
    pub pcap: Option<PathBuf>,
    /// Print QEMU's command line and stop; builds and starts nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Boot this ELF instead of building one; cargo's runner passes it
    #[arg(value_name = "ELF")]
    pub elf: Option<PathBuf>,
}

/// Any port but 0, which would mean "some port".
fn ports() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..)
}

impl Options {
    /// The ports that lead in, with the option that changes each.
    fn forwards(&self) -> [(&'static str, Forward); 3] {
        let forward = |host, board| Forward { host, board };
        [
            ("--port-http", forward(self.port_http, BOARD_PORT_HTTP)),
            ("--port-telnet", forward(self.port_telnet, BOARD_PORT_TELNET)),
            ("--port-log", forward(self.port_log, BOARD_PORT_LOG)),
        ]
    }

    /// The server of the adapter, if it needs one.
    fn redirect(&self) -> Option<Redirect> {
        (self.nic == Adapter::Lan9514).then(|| Redirect::new(self.hub))
    }

    /// The machine these options describe, with the adapter of `redirect` if there is one.
    fn machine(&self, redirect: Option<&Redirect>) -> Machine {
        let folder = workspace::target();
        let mut machine = Machine::new(image::kernel_path())
            .console(Serial::Terminal)
            .log(Serial::File(log_path()));
        if let Some(text) = &self.append {
            machine = machine.bootargs(text, folder.join("run.dtb"));
        }
        if self.nic == Adapter::None {
            return machine;
        }
        let board = self.append.as_deref().and_then(client_address).unwrap_or(USER_NET_GUEST);
        let forwards = self.forwards().map(|(_, forward)| forward).to_vec();
        let place = if self.hub { Attachment::Hub } else { Attachment::RootPort };
        let nic = match redirect {
            Some(redirect) => redirect.nic(forwards, board),
            None => Nic::new(Cable::User { forwards, board }),
        };
        let mut nic = nic.attached(place);
        if let Some(file) = &self.pcap {
            nic = nic.pcap(file);
        }
        machine.nic(nic)
    }
}

/// Where UART1's defmt stream goes.
pub fn log_path() -> PathBuf {
    workspace::target().join("log.defmt")
}

/// Installs what is missing, builds the image, says what to type, and becomes QEMU.
///
/// # Errors
/// If a port is taken, or something cannot be installed, built or started.
pub fn run(options: &Options) -> Result<()> {
    let redirect = options.redirect();
    let machine = options.machine(redirect.as_ref());
    if options.dry_run {
        if let Some(redirect) = &redirect {
            println!("cargo xtask {} &", shell_line(&redirect.arguments()));
        }
        println!("{} {}", qemu::PROGRAM, shell_line(&machine.arguments()));
        return Ok(());
    }
    if options.nic != Adapter::None {
        check_ports(&options.forwards())?;
    }
    install::qemu(Ask::AtTerminal)?;
    if redirect.is_some() && !qemu::has_device("usb-redir")? {
        return Err(Error::new(format!(
            "this {} cannot borrow USB devices (usb-redir; on Debian: sudo apt-get install \
             qemu-system-common); its own adapter needs no such thing: --nic usb-net",
            qemu::PROGRAM
        )));
    }
    image::report(&match &options.elf {
        Some(elf) => image::from_elf(elf)?,
        None => image::build()?,
    });
    let mut command = machine.command()?;
    print_help(options);
    if let Some(redirect) = &redirect {
        redirect.start()?;
    }
    // QEMU takes our place, so that the terminal, signals and the exit code are its own. The
    // adapter's server ends with it.
    Err(command.exec()).context(|| format!("start {}", qemu::PROGRAM))
}

fn print_help(options: &Options) {
    println!("\nbooting under QEMU; the board's console follows. To quit: Ctrl-A, then X.");
    if options.nic == Adapter::None {
        println!("no network adapter (--nic none)\n");
        return;
    }
    println!("in another terminal:");
    println!("  curl http://localhost:{}", options.port_http);
    println!("  telnet localhost {}", options.port_telnet);
    match options.port_log {
        BOARD_PORT_LOG => println!("  cargo xtask log"),
        port => println!("  cargo xtask log --tcp localhost:{port}"),
    }
    println!();
}

/// Says which port is taken before QEMU says it in its own words.
fn check_ports(forwards: &[(&'static str, Forward)]) -> Result<()> {
    for (index, (option, Forward { host, .. })) in forwards.iter().enumerate() {
        let earlier = forwards[..index].iter().find(|(_, forward)| forward.host == *host);
        if let Some((other, _)) = earlier {
            return Err(Error::new(format!("port {host} is given to both {other} and {option}")));
        }
        if let Err(error) = TcpListener::bind((Ipv4Addr::LOCALHOST, *host)) {
            return Err(Error::new(format!(
                "port {host} of this machine cannot be used ({error}); \
                 choose another with {option} PORT"
            )));
        }
    }
    Ok(())
}

/// The board's own address in `ip=ADDRESS:...`, to which the forwarded ports then lead.
fn client_address(bootargs: &str) -> Option<Ipv4Addr> {
    let value = bootargs.split_whitespace().filter_map(|word| word.strip_prefix("ip=")).next_back();
    value?.split(':').next()?.parse().ok()
}

/// The arguments as a shell would need them.
fn shell_line(arguments: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+".contains(c);
    let quote = |argument: &String| match argument.chars().all(plain) && !argument.is_empty() {
        true => argument.clone(),
        false => format!("'{}'", argument.replace('\'', r"'\''")),
    };
    arguments.iter().map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options {
            port_http: 8080,
            port_telnet: 2323,
            port_log: 4242,
            hub: false,
            nic: Adapter::UsbNet,
            append: None,
            pcap: None,
            dry_run: false,
            elf: None,
        }
    }

    #[test]
    fn the_default_needs_no_rights_and_no_device_tree() {
        let line = options().machine(None).arguments().join(" ");
        assert!(line.contains("-netdev user,id=net0,hostfwd=tcp:127.0.0.1:8080-10.0.2.15:80,"));
        assert!(line.contains("-serial mon:stdio -serial file:"));
        assert!(!line.contains("-dtb"));
    }

    #[test]
    fn the_lan9514_is_on_the_user_network_too() {
        let options = Options { nic: Adapter::Lan9514, hub: true, ..options() };
        let redirect = options.redirect().expect("a server");
        let line = options.machine(Some(&redirect)).arguments().join(" ");
        assert!(line.contains("-netdev user,id=net0,hostfwd=tcp:127.0.0.1:8080-10.0.2.15:80,"));
        assert!(line.ends_with("-device usb-redir,chardev=redir0"));
        let server = redirect.arguments().join(" ");
        assert!(server.starts_with("usbredir --socket ") && server.contains(" --speed full"));
        assert!(!server.contains("ip="));
        let usb_net = Options { nic: Adapter::UsbNet, ..options };
        assert!(usb_net.redirect().is_none());
    }

    #[test]
    fn the_forwards_follow_a_static_address() {
        let append = Some("ip=10.0.2.42::10.0.2.2:255.255.255.0 hostname=x".into());
        let line = Options { append, hub: true, ..options() }.machine(None).arguments().join(" ");
        assert!(line.contains("tcp:127.0.0.1:2323-10.0.2.42:23"));
        assert!(line.ends_with("-device usb-net,netdev=net0"));
        assert_eq!(client_address("ip=dhcp"), None);
        assert_eq!(client_address("quiet"), None);
        assert_eq!(client_address("ip="), None);
    }

    #[test]
    fn a_taken_port_is_named_with_its_option() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let host = taken.local_addr().expect("bound").port();
        let error =
            check_ports(&[("--port-http", Forward { host, board: 80 })]).expect_err("taken");
        assert!(error.to_string().contains(&format!("port {host} ")));
        assert!(error.to_string().contains("--port-http PORT"));
    }

    #[test]
    fn one_port_cannot_lead_to_two() {
        drop(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let host = free.local_addr().expect("bound").port();
        drop(free);
        let twice = [
            ("--port-http", Forward { host, board: 80 }),
            ("--port-log", Forward { host, board: 4242 }),
        ];
        let error = check_ports(&twice).expect_err("twice").to_string();
        assert!(error.contains("both --port-http and --port-log"));
    }

    #[test]
    fn the_shell_line_can_be_pasted() {
        let words = ["-append", "ip=dhcp it's", ""].map(String::from);
        assert_eq!(shell_line(&words), r"-append 'ip=dhcp it'\''s' ''");
    }
}
