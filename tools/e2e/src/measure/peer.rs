//! The image and Linux's smsc95xx on the same model of the chip, one after the other.
//!
//! Both have the same laboratory, the same QEMU, the same server of the chip and the same peers on
//! this machine: a TCP client here reads 16 MiB that the guest's web server sends, and sends (the
//! image: `PUT /bytes`) or serves (Linux: wget) as many. The clock stops when the last byte was
//! read, or its reader said so.

use std::io::{BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use xtask::qemu::{Attachment, Nic};
use xtask::witness::{Place, crc32, linux};

use crate::board::{Hardware, Model, Server, cpu_time};
use crate::lab::{HOST, Lab, STATIC};
use crate::measure::transfer::{Content, connect, fetch, head, put, set_up};
use crate::measure::{Times, ping};
use crate::process::{Mark, Process};
use crate::script::bytes::BYTES;
use crate::stage::{Boot, Session};

/// Pings of one turn.
const PINGS: u16 = 300;
/// The PHY, whose link the guest waits for, and 33 MB of kernel.
const BOOT_MAX: Duration = Duration::from_secs(180);

/// Who drives the chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Our image.
    Image,
    /// Debian's kernel.
    Linux,
}

/// What a transfer of [`BYTES`] took.
#[derive(Clone, Copy, Debug)]
pub struct Moved {
    /// Time.
    pub wall: Duration,
    /// Of the CPU, by QEMU.
    pub emulator: Duration,
    /// Of the CPU, by the server of the chip.
    pub server: Duration,
}

impl Moved {
    /// Bytes a second.
    pub fn rate(&self) -> f64 {
        BYTES as f64 / self.wall.as_secs_f64()
    }
}

/// One turn's figures.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// Round trips of pings of 56 bytes, to a guest that does nothing else.
    pub ping: Times,
    /// From the guest to this machine.
    pub out: Moved,
    /// From this machine to the guest.
    pub back: Moved,
}

/// Boots one of them in a laboratory of its own, and measures.
///
/// # Errors
/// If it does not boot, or a byte was wrong.
pub fn turn(who: Who) -> Result<Turn> {
    let content = Content::new(BYTES);
    let bytes = &content.bytes;
    match who {
        Who::Image => {
            let hardware = Hardware::Lan9514(Attachment::RootPort);
            let model = Model { name: "lan9514_root", hardware };
            let session = Session::start(model, Boot::Static)?;
            session.wait_for_ping()?;
            let pids = session.board.pids();
            let lab = session.lab()?;
            let ping = ping(lab, session.address, PINGS)?;
            let path = format!("/bytes?count={BYTES}");
            let out = timed(&pids, || fetch(open(lab), &path, bytes))?;
            let back = timed(&pids, || put(open(lab), &content))?;
            Ok(Turn { ping, out, back })
        }
        Who::Linux => {
            let Linux { guest, server, lab } = Linux::start()?;
            let pids = [guest.id(), server.process.id()];
            let ping = ping(&lab, STATIC, PINGS)?;
            let back = timed(&pids, || serve(&lab, bytes))?;
            let out = timed(&pids, || fetch(open(&lab), "/data", bytes))?;
            Ok(Turn { ping, out, back })
        }
    }
}

/// Linux in a laboratory of its own, at [`STATIC`].
#[derive(Debug)]
pub struct Linux {
    // Dropped in this order: the emulator, what serves its chip, the network.
    guest: Process,
    server: Server,
    /// The laboratory.
    pub lab: Lab,
}

impl Linux {
    /// Boots it, and waits until its web server serves.
    ///
    /// # Errors
    /// If it does not.
    pub fn start() -> Result<Self> {
        let lab = Lab::new()?;
        let server = Server::start(Attachment::RootPort, lab.folder(), &lab)?;
        let place = Place { address: STATIC, host: HOST, fetch: None };
        let machine = linux(place).map_err(|error| anyhow!("{error}"))?;
        let machine = machine.nic(Nic::redirected(&server.socket));
        let command = machine.command().map_err(|error| anyhow!("{error}"))?;
        let guest = lab.spawn(command)?;
        let ready = guest.output.wait_for(Mark::default(), &["witness: obeys"], BOOT_MAX);
        ready.with_context(|| guest.output.tail(40))?;
        Ok(Self { guest, server, lab })
    }
}

/// Adds the CPU time that these processes, QEMU and the server, took meanwhile.
fn timed(pids: &[u32; 2], work: impl FnOnce() -> Result<Duration>) -> Result<Moved> {
    let used = || -> Result<[Duration; 2]> { Ok([cpu_time(pids[0])?, cpu_time(pids[1])?]) };
    let before = used()?;
    let wall = work()?;
    let after = used()?;
    let [emulator, server] = [0, 1].map(|at| after[at].saturating_sub(before[at]));
    Ok(Moved { wall, emulator, server })
}

/// Opens a connection from the laboratory to the guest.
fn open(lab: &Lab) -> impl FnOnce() -> Result<TcpStream> {
    || connect(lab.namespace(), STATIC)
}

/// Tells Linux to fetch these bytes, and serves them to it. Linux computes their CRC-32 once the
/// clock has stopped.
fn serve(lab: &Lab, bytes: &[u8]) -> Result<Duration> {
    let listener = lab.namespace().enter(|| TcpListener::bind((HOST, 0)))??;
    let port = listener.local_addr()?.port();
    let mut teller = open(lab)()?;
    write!(teller, "GET /cgi-bin/fetch?{port} HTTP/1.0\r\nHost: {STATIC}\r\n\r\n")?;
    // Linux tells when it is done, or cannot: so nobody waits here for one that does not come.
    let server = thread::spawn({
        let bytes = bytes.to_vec();
        move || serve_once(&listener, &bytes)
    });
    let mut said = String::new();
    teller.read_to_string(&mut said)?;
    let expected = format!("{} bytes, crc32 {:08x}", bytes.len(), crc32(bytes));
    ensure!(said.contains(&expected), "{said}, not {expected}");
    server.join().map_err(|_| anyhow!("the server panicked"))?
}

fn serve_once(listener: &TcpListener, bytes: &[u8]) -> Result<Duration> {
    let (stream, _) = listener.accept()?;
    let began = Instant::now();
    set_up(&stream)?;
    let mut reader = BufReader::new(stream);
    head(&mut reader)?;
    let mut stream = reader.into_inner();
    write!(stream, "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len())?;
    stream.write_all(bytes)?;
    // wget closes when it has them all.
    stream.read_to_end(&mut Vec::new())?;
    Ok(began.elapsed())
}
