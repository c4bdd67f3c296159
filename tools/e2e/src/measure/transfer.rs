//! Bytes by HTTP, each way, every one of them checked: `GET /bytes` and `PUT /bytes`, as the board
//! answers them, or a few lines here that do the same on Linux.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use xtask::witness::{crc32, data};

use crate::namespace::Namespace;
use crate::script::bytes::LIMIT;

/// The port of web servers.
pub const PORT: u16 = 80;
/// Lines of a head.
const HEAD_LINES_MAX: usize = 64;

/// What is moved.
#[derive(Debug)]
pub struct Content {
    /// The bytes.
    pub bytes: Vec<u8>,
    sum: String,
}

impl Content {
    /// The first `count` bytes of what `/bytes` sends.
    pub fn new(count: usize) -> Self {
        let bytes = data(count);
        let sum = sum(&bytes);
        Self { bytes, sum }
    }
}

/// Opens a connection from a namespace to a web server.
///
/// # Errors
/// If it is not answered.
pub fn connect(from: &Namespace, address: Ipv4Addr) -> Result<TcpStream> {
    let stream = from.enter(|| TcpStream::connect((address, PORT)))??;
    set_up(&stream)?;
    Ok(stream)
}

/// What is written leaves at once, and nothing is waited for without an end.
///
/// # Errors
/// If the socket is not one.
pub fn set_up(stream: &TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    Ok(())
}

/// Reads a head up to and with its empty line; the number in its Content-Length.
///
/// # Errors
/// If it is longer than any should be, or the number none.
pub fn head(reader: &mut impl BufRead) -> Result<Option<usize>> {
    let mut length = None;
    for _ in 0..HEAD_LINES_MAX {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            return Ok(length);
        }
        let field = line.split_once(':').filter(|(n, _)| n.eq_ignore_ascii_case("content-length"));
        if let Some((_, value)) = field {
            length = Some(value.trim().parse().with_context(|| line.clone())?);
        }
    }
    Err(anyhow!("a head of more than {HEAD_LINES_MAX} lines"))
}

/// Fetches a path, which must have these bytes; the time from before the connection is opened until
/// the last one was read.
///
/// # Errors
/// If others come, or nothing does.
pub fn fetch(
    open: impl FnOnce() -> Result<TcpStream>,
    path: &str,
    expected: &[u8],
) -> Result<Duration> {
    let began = Instant::now();
    let mut stream = open()?;
    let host = stream.peer_addr()?.ip();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
    let mut reader = BufReader::new(stream);
    let length = head(&mut reader)?;
    ensure!(length == Some(expected.len()), "{length:?} bytes, not {}", expected.len());
    let mut bytes = vec![0; expected.len()];
    reader.read_exact(&mut bytes)?;
    let wall = began.elapsed();
    ensure!(bytes == expected, "not the bytes that were sent");
    Ok(wall)
}

/// Sends bytes, of which the server must answer the CRC-32; the time until it did.
///
/// # Errors
/// If it answers another one, or nothing.
pub fn put(open: impl FnOnce() -> Result<TcpStream>, content: &Content) -> Result<Duration> {
    let Content { bytes, sum: expected } = content;
    let began = Instant::now();
    let mut stream = open()?;
    let (host, length) = (stream.peer_addr()?.ip(), bytes.len());
    write!(stream, "PUT /bytes HTTP/1.0\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n")?;
    stream.write_all(bytes)?;
    let mut reader = BufReader::new(stream);
    let length = head(&mut reader)?.context("an answer without a length")?;
    let mut answer = vec![0; length];
    reader.read_exact(&mut answer)?;
    let wall = began.elapsed();
    let answer = String::from_utf8_lossy(&answer);
    ensure!(answer.contains(expected), "{answer}, not {expected}");
    Ok(wall)
}

/// What the board says of bytes that it took.
fn sum(bytes: &[u8]) -> String {
    format!("\"crc32\":\"{:08x}\"", crc32(bytes))
}

/// The server's side of the next connection, on Linux: takes what the client sends, or sends it the
/// content.
///
/// # Errors
/// If the connection ends early.
pub fn serve(listener: &TcpListener, content: &Content) -> Result<()> {
    let (mut stream, _) = listener.accept()?;
    set_up(&stream)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut answer = |body: &[u8]| -> Result<()> {
        write!(stream, "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", body.len())?;
        Ok(stream.write_all(body)?)
    };
    let Some(length) = head(&mut reader)? else { return answer(&content.bytes) };
    let mut taken = vec![0; length];
    reader.read_exact(&mut taken)?;
    // The client's clock runs: only bytes that are not those expected are summed.
    if taken == content.bytes {
        answer(content.sum.as_bytes())
    } else {
        answer(sum(&taken).as_bytes())
    }
}
