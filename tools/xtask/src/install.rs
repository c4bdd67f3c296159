//! What this machine lacks, and how it gets it.
//!
//! The Rust target comes from rustup, programs from Debian's apt-get, as root or through sudo. What
//! is about to be installed is said first; what cannot be installed is said with the command to
//! type.

use std::fs;
use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::workspace::{self, BOARD_TARGET};

/// A program of this machine and the Debian package it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tool {
    /// The program's name.
    pub program: &'static str,
    /// Its package in Debian 12.
    pub package: &'static str,
    /// What it is needed for.
    pub purpose: &'static str,
}

/// The emulator.
pub const QEMU: Tool = Tool {
    program: crate::qemu::PROGRAM,
    package: "qemu-system-arm",
    purpose: "emulates the Raspberry Pi 3",
};

/// Counts instructions, for the bench.
pub const VALGRIND: Tool = Tool {
    program: "valgrind",
    package: "valgrind",
    purpose: "counts the instructions of a segment",
};

/// Everything the end-to-end tests use; they skip the trials whose tools are missing.
pub const E2E: [Tool; 26] = [
    QEMU,
    tool("dnsmasq", "dnsmasq-base", "a real DHCP server"),
    tool("tcpdump", "tcpdump", "shows and records the frames"),
    tool("telnet", "inetutils-telnet", "a real telnet client"),
    tool("busybox", "busybox-static", "another telnet client"),
    tool("plink", "putty-tools", "PuTTY's telnet client"),
    tool("nc", "netcat-openbsd", "a client that speaks no telnet"),
    tool("wget", "wget", "GNU wget"),
    tool("ping", "iputils-ping", "a real ping"),
    tool("traceroute", "traceroute", "a real traceroute"),
    tool("ifconfig", "net-tools", "real ifconfig, arp, netstat, route"),
    tool("host", "bind9-host", "a real DNS client"),
    tool("nslookup", "bind9-dnsutils", "another DNS client"),
    tool("radvd", "radvd", "a real IPv6 router's advertisements"),
    tool("ip", "iproute2", "network namespaces and TAP interfaces"),
    tool("ab", "apache2-utils", "counts HTTP requests a second"),
    tool("wrk", "wrk", "HTTP requests as fast as they go"),
    tool("wrk", "wrk", "many HTTP connections at once"),
    tool("nmap", "nmap", "judges the sequence numbers"),
    tool("curl", "curl", "a real HTTP client"),
    tool("tshark", "tshark", "reads captures, and finds what is malformed"),
    tool("capinfos", "wireshark-common", "says what a capture is"),
    tool("mcopy", "mtools", "reads the SD card's file system"),
    tool("chromium", "chromium", "a real browser"),
    tool("node", "nodejs", "drives the browser"),
    tool("npm", "npm", "fetches what drives the browser"),
];

/// What the end-to-end tests use besides, whose packages start services: see [`daemons`].
pub const DAEMONS: [Tool; 7] = [
    tool("chronyd", "chrony", "a real NTP server"),
    tool("rsyslogd", "rsyslog", "a real receiver of syslog"),
    tool("dbus-daemon", "dbus-daemon", "by which avahi's tools reach avahi"),
    tool("avahi-daemon", "avahi-daemon", "another responder of mDNS"),
    tool("avahi-resolve", "avahi-utils", "asks for names on the link"),
    tool("promtool", "prometheus", "checks metrics"),
    tool("prometheus", "prometheus", "scrapes metrics"),
];

/// What the packet crate's conversations use besides; none of them starts a service when it is
/// installed. Conversations whose programs are missing are skipped.
pub const CONVERSATIONS: [Tool; 9] = [
    tool("tcpdump", "tcpdump", "judges the lines of our own"),
    tool("dnsmasq", "dnsmasq-base", "a real server of DHCP, DNS and TFTP"),
    tool("ping", "iputils-ping", "a real ping"),
    tool("busybox", "busybox", "small real clients and servers"),
    tool("traceroute", "traceroute", "a real traceroute"),
    tool("dig", "bind9-dnsutils", "a real DNS client"),
    tool("nc", "netcat-openbsd", "speaks TCP and UDP by hand"),
    tool("rdisc6", "ndisc6", "asks IPv6 neighbors and routers"),
    tool("curl", "curl", "a real HTTP client"),
];

const fn tool(program: &'static str, package: &'static str, purpose: &'static str) -> Tool {
    Tool { program, package, purpose }
}

/// May a password be asked for?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// If there is a terminal to ask at.
    AtTerminal,
    /// Never: a test must not wait for a person.
    Never,
}

/// Where a program is: in `PATH`, or in the folders for administrators that `PATH` of a user often
/// lacks.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let administrators = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    let mut files = std::env::split_paths(&path).chain(administrators).map(|dir| dir.join(program));
    files.find(|file| is_program(file))
}

/// Cargo finds its subcommands in its own folder too, which need not be in `PATH`.
pub fn is_beside_cargo(program: &str) -> bool {
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    cargo.is_some_and(|home| home.join("bin").join(program).is_file())
}

fn is_program(file: &Path) -> bool {
    const EXECUTABLE_BITS: u32 = 0o111;
    fs::metadata(file).is_ok_and(|data| data.is_file() && data.mode() & EXECUTABLE_BITS != 0)
}

/// Are we root? The owner of a process's folder in `/proc` is its effective user.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|data| data.uid() == 0)
}

/// Adds the target of the image to the toolchain if it is missing.
///
/// # Errors
/// If it is missing and rustup cannot add it; with the command to type.
pub fn rust_target() -> Result<()> {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--print", "target-libdir", "--target", BOARD_TARGET]);
    rustc.current_dir(workspace::root());
    let folder = workspace::output(&mut rustc, "ask rustc for its targets")?;
    if Path::new(String::from_utf8_lossy(&folder).trim()).is_dir() {
        return Ok(());
    }
    let typed = format!("rustup target add {BOARD_TARGET}");
    if find("rustup").is_none() {
        return Err(Error::new(format!(
            "the Rust target {BOARD_TARGET} is missing and there is no rustup to add it; \
             with rustup (https://rustup.rs) it is: {typed}"
        )));
    }
    println!("installing the Rust target {BOARD_TARGET}, which the image is built for: {typed}");
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", BOARD_TARGET]).current_dir(workspace::root());
    workspace::run(&mut rustup, &format!("add the target; try it by hand: {typed}"))
}

/// Installs those of `tools` that are missing, as far as that is possible, and returns those that
/// still are. Says what it does and why.
pub fn programs(tools: &[Tool], ask: Ask) -> Vec<Tool> {
    let missing = missing(tools);
    if missing.is_empty() {
        return missing;
    }
    let Some(apt) = Apt::new(ask) else { return missing };
    for tool in &missing {
        println!("installing {} (package {}): {}", tool.program, tool.package, tool.purpose);
    }
    if !apt.run(&["update", "-qq"]) {
        println!("apt-get update failed; trying with the package lists that are here");
    }
    let options = ["install", "-y", "-qq", "--no-install-recommends"];
    for tool in &missing {
        // One by one: a package that cannot be had does not keep the others away.
        if !apt.run(&[&options[..], &[tool.package]].concat()) {
            println!("apt-get could not install {}", tool.package);
        }
    }
    self::missing(&missing)
}

/// The same for [`DAEMONS`]: only where installing a service does not start it, as in a container.
/// Nobody's machine gets a second time service because it runs our tests.
pub fn daemons() -> Vec<Tool> {
    let has_systemd = Path::new("/run/systemd/system").exists();
    if has_systemd { missing(&DAEMONS) } else { programs(&DAEMONS, Ask::Never) }
}

/// Fetches what drives the browser: the packages that `tools/browser/package-lock.json` names, from
/// npm, unless they are there. Without them the browser's trial is skipped.
pub fn browser_packages() {
    let folder = workspace::root().join("tools/browser");
    let is_there = folder.join("node_modules/playwright-core").exists();
    let Some(npm) = find("npm").filter(|_| !is_there) else { return };
    println!("installing what drives the browser: npm ci in tools/browser");
    let mut npm = Command::new(npm);
    // Nothing of a package is run while it is installed.
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder);
    if !quietly(&mut npm) {
        println!("npm could not fetch them");
    }
}

/// The tools that are not on this machine.
pub fn missing(tools: &[Tool]) -> Vec<Tool> {
    tools.iter().copied().filter(|tool| find(tool.program).is_none()).collect()
}

/// The command that a person types to install these.
pub fn command_to_type(tools: &[Tool]) -> String {
    let packages: Vec<&str> = tools.iter().map(|tool| tool.package).collect();
    format!("sudo apt-get install {}", packages.join(" "))
}

/// Installs QEMU if it is missing.
///
/// # Errors
/// If it still is; with the command to type.
pub fn qemu(ask: Ask) -> Result<()> {
    let missing = programs(&[QEMU], ask);
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::new(format!(
        "{} is missing, which {}, and cannot be installed from here; \
         on Debian or Ubuntu: {}",
        QEMU.program,
        QEMU.purpose,
        command_to_type(&missing)
    )))
}

/// apt-get with the rights it needs.
struct Apt {
    prefix: &'static [&'static str],
}

impl Apt {
    fn new(ask: Ask) -> Option<Self> {
        find("apt-get")?;
        if is_root() {
            return Some(Self { prefix: &[] });
        }
        find("sudo")?;
        if quietly(Command::new("sudo").args(["-n", "true"])) {
            return Some(Self { prefix: &["sudo", "-n"] });
        }
        let may_ask = ask == Ask::AtTerminal && std::io::stdin().is_terminal();
        may_ask.then_some(Self { prefix: &["sudo"] })
    }

    fn run(&self, arguments: &[&str]) -> bool {
        // `env`, because sudo does not pass the environment on; the timeout waits for another
        // apt-get.
        let line = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
        let lock = ["-o", "DPkg::Lock::Timeout=120"];
        let words = [self.prefix, &line, &lock, arguments].concat();
        let [program, rest @ ..] = words.as_slice() else { return false };
        let mut command = Command::new(program);
        command.args(rest).stdout(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

fn quietly(command: &mut Command) -> bool {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_is_found_and_nonsense_is_not() {
        assert!(find("sh").is_some());
        assert_eq!(find("no-such-program-here"), None);
        assert_eq!(find(""), None, "a folder is no program");
    }

    #[test]
    fn what_is_there_is_not_missing() {
        let there = tool("sh", "dash", "a shell");
        let gone = tool("no-such-program-here", "no-such-package", "nothing");
        assert_eq!(missing(&[there, gone]), [gone]);
        assert_eq!(programs(&[there], Ask::Never), []);
    }

    #[test]
    fn the_command_to_type_names_the_packages() {
        let typed = command_to_type(&[QEMU, E2E[1]]);
        assert_eq!(typed, "sudo apt-get install qemu-system-arm dnsmasq-base");
    }
}
