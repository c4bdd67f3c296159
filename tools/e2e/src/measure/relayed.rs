//! Bytes through a relay that harms frames: from a Linux host to the board, or to another Linux
//! host.
//!
//! ```text
//!   client 192.168.77.70 ── eth0 ── relay ── tap0 ── the board
//!   client 192.168.77.70 ── eth0 ── relay ── eth0 ── Linux 192.168.77.50
//! ```
//!
//! All interfaces are TAPs: no kernel leaves a checksum to hardware, or takes frames together.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::socket::{setsockopt, sockopt};
use relay::{Faults, Relay, Tally};
use usbredir::tap;

use crate::lab::{INTERFACE, PREFIX, STATIC};
use crate::measure::transfer::{Content, PORT, connect, fetch, put, serve};
use crate::namespace::Namespace;
use crate::packet_socket::PacketSocket;
use crate::script::web;
use crate::stage::Session;

/// The client's address.
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 70);
/// Parts of a million in a hundredth.
const PERCENT: u32 = 10_000;

/// A row of the table: its name, and what happens to frames, both ways.
pub type Row = (&'static str, Faults);

/// What transfers go through.
pub const ROWS: [Row; 5] = [
    ("clean", NONE),
    ("loss1", Faults { loss: PERCENT, ..NONE }),
    ("loss5", LOSS_5),
    ("loss10", Faults { loss: 10 * PERCENT, ..NONE }),
    ("all10", ALL_10),
];
/// A twentieth is lost.
pub const LOSS_5: Faults = Faults { loss: 5 * PERCENT, ..NONE };
/// A tenth each is lost, comes twice, is damaged, and overtakes what was sent in the millisecond
/// before.
pub const ALL_10: Faults = Faults {
    loss: 10 * PERCENT,
    duplicate: 10 * PERCENT,
    corrupt: 10 * PERCENT,
    reorder: 10 * PERCENT,
    delay: Duration::from_millis(1),
    ..NONE
};
const NONE: Faults = Faults {
    loss: 0,
    duplicate: 0,
    corrupt: 0,
    reorder: 0,
    delay: Duration::ZERO,
    jitter: Duration::ZERO,
    rate: 0,
};

/// What a transfer each way took.
#[derive(Clone, Copy, Debug)]
pub struct Moved {
    /// To the client.
    pub out: Duration,
    /// From it.
    pub back: Duration,
}

/// A client, a relay, and a web server behind it. Dropping it takes the client and the relay away.
#[derive(Debug)]
pub struct Cable {
    // Cut before the interfaces go.
    relay: Relay,
    client: Namespace,
    /// Linux as the server, if the board is not.
    linux: Option<(TcpListener, Namespace)>,
    server: Ipv4Addr,
    /// How Linux hosts control congestion.
    congestion: OsString,
}

impl Cable {
    /// To the board of a session. What it does on its own wire goes on beside. `congestion` is how
    /// Linux controls congestion, in its words.
    ///
    /// # Errors
    /// If the kernel refuses, or the board does not answer.
    pub fn to_board(session: &Session, congestion: &str) -> Result<Self> {
        let wire = session.lab()?.namespace().enter(|| PacketSocket::open(INTERFACE))??;
        let wire = OwnedFd::from(wire.only_incoming()?);
        Self::between(wire.into(), None, session.address, congestion)
    }

    /// To a Linux host.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn to_linux(congestion: &str) -> Result<Self> {
        let (namespace, wire) = host(STATIC)?;
        let listener = namespace.enter(|| TcpListener::bind((STATIC, PORT)))??;
        setsockopt(&listener, sockopt::TcpCongestion, &congestion.into())?;
        Self::between(wire, Some((listener, namespace)), STATIC, congestion)
    }

    fn between(
        wire: File,
        linux: Option<(TcpListener, Namespace)>,
        server: Ipv4Addr,
        congestion: &str,
    ) -> Result<Self> {
        let (client, end) = host(CLIENT)?;
        let relay = Relay::between(wire, end)?;
        Ok(Self { relay, client, linux, server, congestion: congestion.into() })
    }

    /// Moves the content each way while frames meet these faults, from the time a connection is
    /// open until all has come; what the relay did to it, for each transfer from the server to the
    /// client and back.
    ///
    /// # Errors
    /// If one byte is wrong or missing.
    pub fn moves_under(
        &self,
        faults: Faults,
        seed: u64,
        content: &Arc<Content>,
    ) -> Result<(Moved, [[Tally; 2]; 2])> {
        let open = || {
            let stream = self.open(content)?;
            self.relay.set([faults; 2], seed);
            Ok(stream)
        };
        let end = |wall: Result<Duration>| -> Result<_> {
            let tally = self.relay.tally();
            self.relay.set([Faults::default(); 2], seed);
            Ok((wall.with_context(|| format!("under {faults:?}: {tally:?}"))?, tally))
        };
        let path = format!("/bytes?count={}", content.bytes.len());
        let (out, sent) = end(fetch(open, &path, &content.bytes))?;
        let (back, taken) = end(put(open, content))?;
        Ok((Moved { out, back }, [sent, taken]))
    }

    /// Opens a connection, and lets Linux serve it; the board does by itself.
    fn open(&self, content: &Arc<Content>) -> Result<TcpStream> {
        let stream = connect(&self.client, self.server)?;
        setsockopt(&stream, sockopt::TcpCongestion, &self.congestion)?;
        if let Some((listener, _)) = &self.linux {
            let (listener, content) = (listener.try_clone()?, Arc::clone(content));
            thread::spawn(move || {
                // The client fails as well, and ends the measurement.
                if let Err(error) = serve(&listener, &content) {
                    eprintln!("the server: {error:#}");
                }
            });
        }
        Ok(stream)
    }

    /// Segments that the client threw away for their checksum (RFC 1213: tcpInErrs's share that
    /// Linux names InCsumErrors).
    ///
    /// # Errors
    /// If the kernel does not say.
    pub fn client_checksum_errors(&self) -> Result<u64> {
        counted(&self.client, "snmp", "Tcp:", "InCsumErrors")
    }

    /// What the server's TCP counted so far, by the name of Linux's TcpExt, as `TCPTimeouts`.
    ///
    /// # Errors
    /// If the server does not say.
    pub fn server_counted(&self, name: &str) -> Result<u64> {
        if let Some((_, linux)) = &self.linux {
            return counted(linux, "netstat", "TcpExt:", name);
        }
        let mut stream = connect(&self.client, self.server)?;
        write!(stream, "GET /metrics HTTP/1.0\r\nHost: {}\r\n\r\n", self.server)?;
        web::tcp_sample(&io::read_to_string(stream)?, name)
    }
}

/// A counter of a host's kernel: its file in /proc/net, the table there, its name.
fn counted(host: &Namespace, file: &str, table: &str, name: &str) -> Result<u64> {
    let path = format!("/proc/thread-self/net/{file}");
    let text = host.enter(|| fs::read_to_string(&path))??;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(table));
    let (names, values) = lines.next().zip(lines.next()).context("no such counters")?;
    let mut both = names.split_whitespace().zip(values.split_whitespace());
    let (_, value) =
        both.find(|(found, _)| *found == name).with_context(|| format!("no {name}"))?;
    Ok(value.parse()?)
}

/// A host on the board's network, and the other end of its only cable.
fn host(address: Ipv4Addr) -> Result<(Namespace, File)> {
    const NAME: &str = "eth0";
    let namespace = Namespace::new()?;
    let end = namespace.enter(|| tap::open(NAME))??;
    namespace.ip(&["address", "add", &format!("{address}/{PREFIX}"), "dev", NAME])?;
    namespace.ip(&["link", "set", NAME, "up"])?;
    // Each connection begins anew, and does not remember how the last one fared.
    namespace.set("net/ipv4/tcp_no_metrics_save", "1")?;
    Ok((namespace, end))
}
