//! The servers that both clients talk to: busybox's, which nobody here wrote, for what servers
//! usually do, and one with answers by heart, for what they do now and then.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use crate::lab::{HOST, Lab};
use crate::process::Process;
use crate::wait::{PATIENCE, until};

/// The port of the answers by heart.
pub const HTTP_PORT: u16 = 8080;
/// The port of busybox's server.
pub const BUSYBOX_PORT: u16 = 8083;
/// The port of the telnet server.
pub const TELNET_PORT: u16 = 8023;
/// Bytes of a file that is long enough for a bar to move.
const BIG_BYTES: usize = 300_000;

/// What the telnet server says first: WILL ECHO, WILL SUPPRESS-GO-AHEAD, DO TIMING-MARK and an
/// option that nobody has.
const GREETING: &[u8] = b"\xff\xfb\x01\xff\xfb\x03\xff\xfd\x06\xff\xfb\x63\xff\xfd\x63hello\r\n";

/// What is answered to each path.
const ANSWERS: &[(&str, &[u8])] = &[
    ("/plain", b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello, world\n"),
    (
        "/chunks",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n\
          5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\nField: value\r\n\r\n",
    ),
    ("/moved", b"HTTP/1.1 302 Found\r\nLocation: /chunks\r\nContent-Length: 0\r\n\r\n"),
    ("/a/b", b"HTTP/1.1 301 Moved Permanently\r\nLocation: ../c?d#e\r\nContent-Length: 0\r\n\r\n"),
    ("/c?d", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    ("/loop", b"HTTP/1.1 301 Moved Permanently\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n"),
    ("/nowhere", b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"),
    ("/foo", b"HTTP/1.1 302 Found\r\nLocation: foo://x/\r\nContent-Length: 0\r\n\r\n"),
    ("/short", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"),
    ("/junk", b"garbage\r\n\r\n"),
    ("/empty", b""),
    ("/none", b"HTTP/1.1 204 No Content\r\n\r\n"),
    ("/zero", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("/error", b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"),
    ("/silent", b"HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n"),
    (
        "/secret",
        b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\
          Content-Length: 0\r\n\r\n",
    ),
    ("/typed", b"HTTP/1.1 200 OK\r\nContent-Type: image/png; x=y\r\nContent-Length: 3\r\n\r\nabc"),
];

/// The servers, at work until [`Servers::stop`].
pub struct Servers {
    busybox: Process,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    heard: Receiver<Vec<u8>>,
}

impl Servers {
    /// Starts them on the router.
    pub fn start(lab: &Lab) -> Result<Self> {
        let folder = lab.folder().join("www");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("favicon.ico"), vec![b'x'; 1406])?;
        fs::write(folder.join("index.html"), "<title>hello</title>\n")?;
        let big: Vec<u8> = (0..BIG_BYTES).map(|index| ((index * index) >> 8) as u8).collect();
        fs::write(folder.join("big.bin"), big)?;
        let mut command = Command::new("busybox");
        command.args(["httpd", "-f", "-p", &BUSYBOX_PORT.to_string(), "-h"]).arg(&folder);
        let busybox = lab.spawn(command)?;
        let listen = |port| -> Result<TcpListener> {
            let listener = lab.namespace().enter(move || TcpListener::bind(("0.0.0.0", port)))?;
            listener.with_context(|| format!("listen on port {port}"))
        };
        let stop = Arc::new(AtomicBool::new(false));
        let (teller, heard) = mpsc::channel();
        let teller = Mutex::new(teller);
        let telnet = move |stream: TcpStream| {
            if let (Ok(bytes), Ok(teller)) = (listen_to(stream), teller.lock()) {
                // Nobody may be left to hear it.
                let _ = teller.send(bytes);
            }
        };
        let threads = vec![
            serve(listen(HTTP_PORT)?, &stop, |stream| drop(answer(stream))),
            serve(listen(TELNET_PORT)?, &stop, telnet),
        ];
        let servers = Self { busybox, stop, threads, heard };
        until("busybox's HTTP server", PATIENCE, || {
            let connect = || TcpStream::connect((HOST, BUSYBOX_PORT));
            Ok(lab.namespace().enter(connect)?.ok())
        })?;
        Ok(servers)
    }

    /// What the telnet server heard in its next connection, from the beginning to the end.
    pub fn heard(&self) -> Result<Vec<u8>> {
        self.heard.recv_timeout(PATIENCE).context("no telnet client came and went")
    }

    /// Ends them.
    pub fn stop(self, lab: &Lab) -> Result<()> {
        let Self { busybox, stop, threads, .. } = self;
        drop(busybox);
        stop.store(true, Ordering::Relaxed);
        for port in [HTTP_PORT, TELNET_PORT] {
            // Whoever waits for a connection gets one.
            drop(lab.namespace().enter(|| TcpStream::connect((HOST, port)))?);
        }
        for thread in threads {
            thread.join().map_err(|_| anyhow!("a server panicked"))?;
        }
        Ok(())
    }
}

fn serve(
    listener: TcpListener,
    stop: &Arc<AtomicBool>,
    work: impl Fn(TcpStream) + Send + Sync + 'static,
) -> JoinHandle<()> {
    let stop = Arc::clone(stop);
    let work = Arc::new(work);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let work = Arc::clone(&work);
            thread::spawn(move || work(stream));
        }
    })
}

/// Reads a request's head and gives the answer to its path.
fn answer(mut stream: TcpStream) -> Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut request = Vec::new();
    while !request.windows(4).any(|four| four == b"\r\n\r\n") {
        let mut chunk = [0; 1024];
        match stream.read(&mut chunk)? {
            0 => return Ok(()),
            len => request.extend_from_slice(&chunk[..len]),
        }
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    let mut words = text.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if path == "/hang" {
        // Until the client has had enough.
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let _ = stream.read(&mut [0; 1]);
        return Ok(());
    }
    let known = ANSWERS.iter().find(|(known, _)| *known == path);
    let mut bytes =
        known.map_or(&b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"[..], |row| row.1);
    if method == "HEAD" {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
        bytes = &bytes[..end];
    }
    stream.write_all(bytes)?;
    stream.shutdown(Shutdown::Write)?;
    Ok(())
}

/// Greets a telnet client and hears it out.
fn listen_to(mut stream: TcpStream) -> Result<Vec<u8>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(GREETING)?;
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard)?;
    Ok(heard)
}
