//! Telnet clients that nobody here wrote, each under a terminal of its own.

use std::net::IpAddr;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use rexpect::session::{Options, PtySession, spawn_with_options};

use crate::lab::Lab;
use crate::wait::PATIENCE;

/// A client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// GNU inetutils: LINEMODE, and a prompt of its own behind Ctrl-].
    Inetutils,
    /// busybox: character and line mode by ECHO.
    Busybox,
    /// PuTTY's plink, which speaks first.
    Plink,
    /// netcat, which speaks no telnet.
    Netcat,
}

impl Client {
    fn command(self, address: IpAddr, port: u16) -> Command {
        let (address, port) = (address.to_string(), port.to_string());
        let words: [&str; 5] = match self {
            Self::Inetutils => ["telnet", &address, &port, "", ""],
            Self::Busybox => ["busybox", "telnet", &address, &port, ""],
            Self::Plink => ["plink", "-telnet", "-P", &port, &address],
            Self::Netcat => ["nc", &address, &port, "", ""],
        };
        let mut command = Command::new(words[0]);
        command.args(words[1..].iter().filter(|word| !word.is_empty()));
        command.env("TERM", "xterm");
        command
    }

    /// What it says when the server has closed the connection.
    fn farewell(self) -> &'static str {
        match self {
            Self::Inetutils | Self::Busybox => "Connection closed by foreign host",
            Self::Plink | Self::Netcat => "",
        }
    }
}

/// A client at work.
pub struct Telnet {
    client: Client,
    session: PtySession,
    log: String,
}

impl Telnet {
    /// Connects to a server; in the lab if there is one.
    ///
    /// # Errors
    /// If there is no terminal to be had.
    pub fn connect(
        client: Client,
        lab: Option<&Lab>,
        address: impl Into<IpAddr>,
        port: u16,
    ) -> Result<Self> {
        let command = client.command(address.into(), port);
        let limit = u64::try_from(PATIENCE.as_millis())?;
        let options = Options::new().timeout_ms(Some(limit)).strip_ansi_escape_codes(true);
        let start = || spawn_with_options(command, options);
        let session = match lab {
            Some(lab) => lab.namespace().enter(start)?,
            None => start(),
        };
        let session = session.with_context(|| format!("start {client:?}"))?;
        let mut telnet = Self { client, session, log: String::new() };
        if matches!(client, Client::Inetutils | Client::Busybox) {
            telnet.expect("Connected to ")?;
        }
        Ok(telnet)
    }

    /// Waits for a text and returns what came before it.
    ///
    /// # Errors
    /// If it does not come; with all that was seen.
    pub fn expect(&mut self, text: &str) -> Result<String> {
        match self.session.exp_string(text) {
            Ok(before) => {
                self.log += &before;
                self.log += text;
                Ok(before)
            }
            Err(error) => {
                let Self { client, log, .. } = self;
                bail!("{client:?}: {text:?} did not come: {error}\nbefore: {log:?}")
            }
        }
    }

    /// Types.
    ///
    /// # Errors
    /// If the client has ended.
    pub fn type_keys(&mut self, keys: &str) -> Result<()> {
        self.session.send(keys)?;
        self.session.flush().context("type into the client")
    }

    /// Types a line at the client's own prompt (inetutils).
    ///
    /// # Errors
    /// If the client has ended, or has no such prompt.
    pub fn tell_client(&mut self, line: &str) -> Result<()> {
        self.type_keys("\x1d")?;
        self.expect("telnet> ")?;
        self.type_keys(&format!("{line}\r"))
    }

    /// Gives the client's window another size.
    ///
    /// # Errors
    /// If the terminal cannot be told.
    pub fn resize(&mut self, columns: u16, rows: u16) -> Result<()> {
        let terminal = self.session.process().get_file_handle().context("the terminal")?;
        let mut stty = Command::new("stty");
        stty.args(["rows", &rows.to_string(), "cols", &columns.to_string()]);
        let status = stty.stdin(Stdio::from(terminal)).status().context("start stty")?;
        ensure!(status.success(), "stty: {status}");
        Ok(())
    }

    /// Waits for the client's end, which the server brought about.
    ///
    /// # Errors
    /// If it does not end, or not by the server's doing.
    pub fn expect_closed(&mut self) -> Result<()> {
        let farewell = self.client.farewell();
        if !farewell.is_empty() {
            self.expect(farewell)?;
        }
        let client = self.client;
        let ended = self.session.exp_eof();
        ended.map_err(|error| anyhow::anyhow!("{client:?} does not end: {error}"))?;
        Ok(())
    }
}
