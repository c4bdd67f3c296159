//! Daemons that the board meets: chrony, rsyslog, avahi. Each has its files in the lab's folder and
//! nothing elsewhere; ended with the lab.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::lab::{HOST, INTERFACE, Lab};
use crate::process::{Mark, Process};
use crate::tool::run;
use crate::wait::{PATIENCE, until};

/// A daemon that runs. Dropping it ends it.
#[derive(Debug)]
pub struct Daemon {
    process: Process,
}

impl Daemon {
    /// Starts one, and waits until it says these words.
    fn start(lab: &Lab, command: Command, words: &[&str]) -> Result<Self> {
        let process = lab.spawn(command)?;
        let said = process.errors.wait_for(Mark::default(), words, PATIENCE);
        said.with_context(|| process.errors.text())?;
        Ok(Self { process })
    }

    /// What it said last.
    pub fn tail(&self) -> String {
        self.process.errors.tail(20)
    }
}

/// chrony as NTP server at [`HOST`]: it tells this machine's time, and leaves it alone.
///
/// # Errors
/// If it does not start.
pub fn chronyd(lab: &Lab) -> Result<Daemon> {
    let folder = lab.folder();
    let file = folder.join("chrony.conf");
    let pid = folder.join("chronyd.pid");
    // Without a command socket and port; one of stratum 10 need not know the time from elsewhere.
    fs::write(
        &file,
        format!(
            "local stratum 10\nallow\ncmdport 0\nbindcmdaddress /\npidfile {}\n",
            pid.display()
        ),
    )?;
    let mut command = Command::new("chronyd");
    command.args(["-d", "-x", "-u", "root", "-f"]).arg(&file);
    Daemon::start(lab, command, &["chronyd version"])
}

/// rsyslog as receiver at [`HOST`], and the file that it fills.
#[derive(Debug)]
pub struct Rsyslog {
    _daemon: Process,
    file: PathBuf,
}

impl Rsyslog {
    /// Starts it, and waits until it listens.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(lab: &Lab) -> Result<Self> {
        let folder = lab.folder();
        let [config, file, pid] =
            ["rsyslog.conf", "syslog", "rsyslogd.pid"].map(|name| folder.join(name));
        // A line for each message: what rsyslog's parser made of it, field by field.
        let fields = [
            "pri-text",
            "protocol-version",
            "timereported:::date-rfc3339",
            "hostname",
            "app-name",
            "procid",
            "msgid",
            "structured-data",
            "msg",
            "rawmsg",
        ];
        let template = fields.map(|field| format!("%{field}%")).join("|");
        let text = format!(
            "global(workDirectory=\"{}\")\n\
             module(load=\"imudp\")\n\
             template(name=\"fields\" type=\"string\" string=\"{template}\\n\")\n\
             input(type=\"imudp\" address=\"{HOST}\" port=\"514\")\n\
             action(type=\"omfile\" file=\"{}\" template=\"fields\")\n",
            folder.display(),
            file.display()
        );
        fs::write(&config, text)?;
        let mut command = Command::new("rsyslogd");
        command.arg("-n").arg("-f").arg(&config).arg("-i").arg(&pid);
        let mut daemon = lab.spawn(command)?;
        until("rsyslogd listens", PATIENCE, || {
            if !daemon.is_running() {
                bail!("rsyslogd ended: {}{}", daemon.output.text(), daemon.errors.text());
            }
            let sockets = run(Some(lab), "cat", &["/proc/net/udp"], PATIENCE)?;
            // Port 514, as the kernel writes it.
            Ok(sockets.contains(":0202 ").then_some(()))
        })?;
        Ok(Self { _daemon: daemon, file })
    }

    /// Waits for a message of which `fits` is true; it gets the fields.
    ///
    /// # Errors
    /// If none comes; with those that came.
    pub fn wait_for(&self, what: &str, fits: impl Fn(&[&str]) -> bool) -> Result<Vec<String>> {
        let found = until(what, PATIENCE, || {
            let text = fs::read_to_string(&self.file).unwrap_or_default();
            let lines = text.lines().map(|line| line.split('|').collect::<Vec<_>>());
            let mut fitting = lines.filter(|fields| fits(fields));
            Ok(fitting.next().map(|fields| fields.into_iter().map(String::from).collect()))
        });
        found.with_context(|| fs::read_to_string(&self.file).unwrap_or_default())
    }
}

/// avahi, another responder on the board's link, and the bus by which its tools reach it.
#[derive(Debug)]
pub struct Avahi {
    bus: String,
    _daemons: [Daemon; 2],
}

impl Avahi {
    /// Starts it under a name of its own, or under that which the board wants.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(lab: &Lab, name: &str) -> Result<Self> {
        let folder = lab.folder();
        let bus = format!("unix:path={}", folder.join("bus").display());
        let [bus_file, file] = ["dbus.conf", "avahi.conf"].map(|name| folder.join(name));
        fs::write(
            &bus_file,
            format!(
                "<busconfig><type>system</type><listen>{bus}</listen><auth>EXTERNAL</auth>\
                 <policy context=\"default\"><allow send_destination=\"*\"/><allow own=\"*\"/>\
                 <allow receive_sender=\"*\"/><allow user=\"*\"/></policy></busconfig>\n"
            ),
        )?;
        // A bus that was left behind would be found in place of the new one.
        let _ = fs::remove_file(folder.join("bus"));
        let mut command = Command::new("dbus-daemon");
        command.arg("--config-file").arg(&bus_file).args(["--nofork", "--print-address=2"]);
        let dbus = Daemon::start(lab, command, &["unix:path="])?;
        fs::write(
            &file,
            format!("[server]\nhost-name={name}\nallow-interfaces={INTERFACE}\nuse-ipv6=yes\n"),
        )?;
        // avahi keeps its files in a place of its own, which it shares with nobody: in a mount
        // namespace.
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c"]);
        command.arg(format!(
            "mount -t tmpfs tmpfs /run && exec avahi-daemon -f {} --no-drop-root --no-chroot \
             --no-proc-title --debug",
            file.display()
        ));
        command.env("DBUS_SYSTEM_BUS_ADDRESS", &bus);
        let avahi = Daemon::start(lab, command, &["Server startup complete"])?;
        Ok(Self { bus, _daemons: [dbus, avahi] })
    }

    /// Runs one of avahi's tools and returns what it printed.
    ///
    /// # Errors
    /// If it fails.
    pub fn ask(&self, lab: &Lab, program: &str, arguments: &[&str]) -> Result<String> {
        let bus = format!("DBUS_SYSTEM_BUS_ADDRESS={}", self.bus);
        run(Some(lab), "env", &[&[&bus, program], arguments].concat(), PATIENCE)
    }

    /// Asks until the answer contains all `words`.
    ///
    /// # Errors
    /// If it does not come.
    pub fn ask_for(
        &self,
        lab: &Lab,
        program: &str,
        arguments: &[&str],
        words: &[&str],
    ) -> Result<String> {
        let mut last = String::new();
        let found = until(&format!("{program} {arguments:?}: {words:?}"), PATIENCE, || {
            last = match self.ask(lab, program, arguments) {
                Ok(text) => text,
                Err(error) => format!("{error:#}"),
            };
            Ok(words.iter().all(|word| last.contains(word)).then(|| last.clone()))
        });
        found.with_context(|| last)
    }
}
