//! The LAN9514 beside QEMU: a process that serves the model of the chip (`tools/usbredir`) and ends
//! with QEMU.
//!
//! ```text
//!   QEMU ══ FOLDER/usb ══ server           requests of the DWC2, answers of the chip
//!   QEMU ── FOLDER/qemu ── FOLDER/wire ──  one datagram a frame, to the user-mode network
//! ```

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Context, Error, Result};
use crate::qemu::{Cable, Forward, Nic};

/// Only the user of the machine may speak to the adapter.
const FOLDER_MODE: u32 = 0o700;

/// Where the server's sockets are.
#[derive(Clone, Debug)]
pub struct Redirect {
    folder: PathBuf,
    /// Behind QEMU's hub, which runs at full speed.
    hub: bool,
}

impl Redirect {
    /// Sockets in a folder of this process.
    pub fn new(hub: bool) -> Self {
        let folder = std::env::temp_dir().join(format!("barewire-run-{}", std::process::id()));
        Self { folder, hub }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The adapter on the user-mode network, for QEMU.
    pub fn nic(&self, forwards: Vec<Forward>, board: Ipv4Addr) -> Nic {
        let (qemu, adapter) = (self.at("qemu"), self.at("wire"));
        Nic::redirected(self.at("usb")).cable(Cable::UserDatagrams {
            forwards,
            board,
            qemu,
            adapter,
        })
    }

    /// The server's command line, behind `cargo xtask`.
    pub fn arguments(&self) -> Vec<String> {
        let shown = |path: &Path| path.display().to_string();
        let mut line = vec!["usbredir".into(), "--socket".into(), shown(&self.at("usb"))];
        line.extend(["--control".into(), shown(&self.at("control"))]);
        line.extend(["--datagrams".into(), shown(&self.at("wire")), shown(&self.at("qemu"))]);
        line.extend(["--speed", if self.hub { "full" } else { "high" }].map(Into::into));
        line.extend(["--one-guest", "--say-ready", "--clean-up"].map(Into::into));
        line.push(shown(&self.folder));
        line
    }

    /// Starts the server and waits until QEMU can be started. It ends with the QEMU that connects,
    /// or with this process, and takes the folder with it.
    ///
    /// # Errors
    /// If the folder cannot be made, or the server does not come up; it has said why then.
    pub fn start(&self) -> Result<()> {
        let mut folder = fs::DirBuilder::new();
        folder
            .mode(FOLDER_MODE)
            .create(&self.folder)
            .context(|| format!("make the folder {}", self.folder.display()))?;
        let this = std::env::current_exe().context(|| "find this program's file".into())?;
        let mut command = Command::new(this);
        command.args(self.arguments()).stdin(Stdio::null()).stdout(Stdio::piped());
        // A Ctrl-C at the terminal is for QEMU; the server sees it leave.
        command.process_group(0);
        let started = command.spawn().context(|| "start the adapter's server".into());
        let mut said = String::new();
        let result = started.and_then(|mut server| {
            if let Some(output) = server.stdout.take() {
                let read = BufReader::new(output).read_line(&mut said);
                read.context(|| "hear from the adapter's server".into())?;
            }
            match said.trim() {
                "ready" => Ok(()),
                _ => Err(Error::new("the adapter's server did not come up")),
            }
        });
        if result.is_err() {
            // The server could not.
            let _ = fs::remove_dir_all(&self.folder);
        }
        result
    }
}
