//! The stage: boots a board once for a row of scripts, and afresh after one that failed.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::board::{Board, Model};
use crate::lab::{HOST, LEASED, Lab, STATIC};
use crate::lint::Verdict;
use crate::process::Mark;
use crate::script::names;
use crate::tool::{Dnsmasq, read_pings, run};
use crate::wait::{PATIENCE, until};

/// How a board comes by its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boot {
    /// From a DHCP server: dnsmasq in the lab, QEMU's own on user-mode networks.
    Dhcp,
    /// The same, and the server knows names, domains, and where the time and the log are.
    Named,
    /// From a DHCP server, in a network with a router to another one.
    Routed,
    /// From `ip=` on the kernel command line.
    Static,
    /// From nobody: no server answers, the command line is empty.
    Alone,
}

impl Boot {
    /// True if a DHCP server has to be there.
    pub fn needs_server(self) -> bool {
        matches!(self, Self::Dhcp | Self::Named | Self::Routed)
    }

    /// The kernel command line.
    pub fn append(self) -> String {
        match self {
            Self::Dhcp | Self::Named | Self::Routed | Self::Alone => String::new(),
            Self::Static => format!("ip={STATIC}::{HOST}:255.255.255.0:planted:eth0:off"),
        }
    }
}

/// A board that has an address, and what is around it.
#[derive(Debug)]
pub struct Session {
    // Dropped in this order: the board lets go of the TAP before the lab removes it.
    /// The board.
    pub board: Board,
    /// The DHCP server, if one runs.
    pub dnsmasq: Option<Dnsmasq>,
    /// The lab, unless the network is QEMU's user-mode one.
    pub lab: Option<Lab>,
    /// The board's address.
    pub address: Ipv4Addr,
    boot: Boot,
    _folder: Option<TempDir>,
}

impl Session {
    /// Sets up the network, switches the board on, and waits until it says its address.
    ///
    /// # Errors
    /// If it does not come so far; with its console.
    pub fn start(model: Model, boot: Boot) -> Result<Self> {
        Self::begin(model, boot, Board::start)
    }

    /// The same with more words on the kernel command line.
    ///
    /// # Errors
    /// As for [`Session::start`].
    pub fn start_with(model: Model, boot: Boot, more: &str) -> Result<Self> {
        Self::begin(model, boot, |model, append, lab, folder| {
            Board::start(model, format!("{append} {more}").trim(), lab, folder)
        })
    }

    /// The same under the eyes of the lint: slower, and not to be measured.
    ///
    /// # Errors
    /// As for [`Session::start`].
    pub fn start_watched(model: Model, boot: Boot) -> Result<Self> {
        Self::begin(model, boot, Board::start_watched)
    }

    fn begin(
        model: Model,
        boot: Boot,
        start: impl FnOnce(Model, &str, Option<&Lab>, &Path) -> Result<Board>,
    ) -> Result<Self> {
        let (lab, folder) = if model.needs_lab() {
            let lab = if boot == Boot::Routed { Lab::routed()? } else { Lab::new()? };
            (Some(lab), None)
        } else {
            (None, Some(tempfile::Builder::new().prefix("barewire-").tempdir()?))
        };
        let dnsmasq = match &lab {
            Some(lab) if boot == Boot::Named => {
                Some(Dnsmasq::start_with(lab, LEASED, &names::settings(lab)?)?)
            }
            Some(lab) if boot.needs_server() => Some(Dnsmasq::start(lab)?),
            _ => None,
        };
        let path = lab
            .as_ref()
            .map_or_else(|| folder.as_ref().map_or(Path::new("."), TempDir::path), Lab::folder);
        let board = start(model, &boot.append(), lab.as_ref(), path)?;
        let address = match boot {
            Boot::Dhcp | Boot::Named | Boot::Routed if lab.is_some() => LEASED,
            Boot::Dhcp | Boot::Named | Boot::Routed => xtask::qemu::USER_NET_GUEST,
            Boot::Static => STATIC,
            Boot::Alone => Ipv4Addr::UNSPECIFIED,
        };
        let mut session = Self { board, dnsmasq, lab, address, boot, _folder: folder };
        session.wait_for_address(Mark::default()).map_err(|error| session.explain(error))?;
        Ok(session)
    }

    /// Waits until the console says, after `mark`, which address the board has.
    ///
    /// # Errors
    /// If it does not, or it is another one than expected.
    pub fn wait_for_address(&mut self, mark: Mark) -> Result<String> {
        let by = match self.boot {
            Boot::Dhcp | Boot::Named | Boot::Routed => "by DHCP",
            Boot::Static => "by command line",
            Boot::Alone => "by link-local",
        };
        let line = self.board.wait_for(mark, &["eth0: address ", by])?;
        let address = line.split("eth0: address ").nth(1).and_then(|rest| rest.split('/').next());
        let address: Ipv4Addr = address.context("no address")?.parse().context(line.clone())?;
        if self.boot == Boot::Alone {
            self.address = address;
        } else if address != self.address {
            bail!("expected the address {}: {line}", self.address);
        }
        Ok(line)
    }

    /// The lab.
    ///
    /// # Errors
    /// On user-mode networks.
    pub fn lab(&self) -> Result<&Lab> {
        self.lab.as_ref().context("this script needs a network namespace")
    }

    /// Where a TCP port of the board is reached.
    ///
    /// # Errors
    /// If it is not forwarded.
    pub fn endpoint(&self, port: u16) -> Result<(Ipv4Addr, u16)> {
        if self.lab.is_some() {
            return Ok((self.address, port));
        }
        self.board.forward(port).with_context(|| format!("port {port} is not forwarded"))
    }

    /// The URL of a path on the board.
    ///
    /// # Errors
    /// If port 80 is not forwarded.
    pub fn url(&self, path: &str) -> Result<String> {
        let (address, port) = self.endpoint(80)?;
        Ok(format!("http://{address}:{port}{path}"))
    }

    /// Waits until the board answers a ping of the host.
    ///
    /// # Errors
    /// If it does not.
    pub fn wait_for_ping(&self) -> Result<()> {
        let lab = self.lab()?;
        let address = self.address.to_string();
        until("an answered ping", PATIENCE, || {
            let arguments = ["-n", "-c", "1", "-W", "1", &address];
            // No answer makes ping fail: that is not an error yet.
            let answered = run(Some(lab), "ping", &arguments, PATIENCE).ok();
            Ok(answered.filter(|text| read_pings(text).is_ok_and(|pings| pings.received == 1)))
        })?;
        Ok(())
    }

    /// An error with all that helps to understand it.
    pub fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let dhcp = self.dnsmasq.as_ref().map(Dnsmasq::tail).unwrap_or_default();
        let report = self.board.report();
        anyhow::anyhow!("{error:#}\n{report}--- the DHCP server, last lines ---\n{dhcp}\n")
    }
}

/// Holds the session that the last script left, so that the next one need not boot, and what the
/// lint said of those before.
#[derive(Debug, Default)]
pub struct Stage {
    place: Mutex<Option<Session>>,
    verdicts: Mutex<Vec<(&'static str, Verdict)>>,
}

impl Stage {
    /// An empty stage.
    pub const fn new() -> Self {
        Self { place: Mutex::new(None), verdicts: Mutex::new(Vec::new()) }
    }

    /// Plays a script on a board that was booted in this way: on the one that runs, if it is the
    /// same and the script before it did not fail.
    ///
    /// # Errors
    /// If the board does not come up, or the script fails.
    pub fn play(
        &self,
        model: Model,
        boot: Boot,
        script: impl FnOnce(&mut Session) -> Result<()>,
    ) -> Result<()> {
        let mut place = lock(&self.place);
        // Taken out: a script that panics leaves the stage empty.
        let last = place.take();
        let fits =
            |session: &Session| session.board.model().name == model.name && session.boot == boot;
        let mut session = match last {
            Some(session) if fits(&session) => session,
            other => {
                other.into_iter().for_each(|session| self.end(session));
                Session::start_watched(model, boot)?
            }
        };
        match script(&mut session) {
            Ok(()) => {
                *place = Some(session);
                Ok(())
            }
            Err(error) => {
                let error = session.explain(error);
                self.end(session);
                Err(error)
            }
        }
    }

    /// Ends what runs, and returns what the lint said of every board of this model so far.
    pub fn verdicts(&self, model: Model) -> Vec<Verdict> {
        self.clear();
        let mut verdicts = lock(&self.verdicts);
        let of_model = verdicts.extract_if(.., |(name, _)| *name == model.name);
        of_model.map(|(_, verdict)| verdict).collect()
    }

    /// Ends what runs.
    pub fn clear(&self) {
        let last = lock(&self.place).take();
        last.into_iter().for_each(|session| self.end(session));
    }

    fn end(&self, session: Session) {
        let Session { board, dnsmasq, lab, .. } = session;
        let name = board.model().name;
        lock(&self.verdicts).extend(board.stop().map(|verdict| (name, verdict)));
        // The board has let go of the TAP before the lab removes it.
        drop((dnsmasq, lab));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A script that panicked leaves nothing half done here.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
