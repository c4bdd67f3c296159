//! The smallest HTTP server and client that a witness can be asked with.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::error::{Context, Error, Result};

/// One read or write may take this long.
const STALL_MAX: Duration = Duration::from_secs(60);
/// Lines of a request's head.
const HEAD_LINES_MAX: usize = 64;

/// Serves these bytes, whatever is asked for, on a port of 127.0.0.1 that is returned. The server
/// ends with the process.
pub fn serve(bytes: Vec<u8>) -> Result<u16> {
    let what = || "serve HTTP on 127.0.0.1".into();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context(what)?;
    let port = listener.local_addr().context(what)?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if let Err(error) = answer(stream, &bytes) {
                eprintln!("serving HTTP: {error}");
            }
        }
    });
    Ok(port)
}

fn answer(stream: TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    stream.set_read_timeout(Some(STALL_MAX))?;
    stream.set_write_timeout(Some(STALL_MAX))?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    for _ in 0..HEAD_LINES_MAX {
        line.clear();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
    }
    let mut stream = reader.into_inner();
    write!(stream, "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len())?;
    stream.write_all(bytes)
}

/// Fetches a page from a port of 127.0.0.1.
pub fn fetch(port: u16, path: &str) -> Result<Vec<u8>> {
    let what = || format!("fetch {path} from port {port}");
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).context(what)?;
    stream.set_read_timeout(Some(STALL_MAX)).context(what)?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).context(what)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).context(what)?;
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4);
    match head {
        Some(at) if answer[..at].windows(5).any(|bytes| bytes == b" 200 ") => {
            Ok(answer.split_off(at))
        }
        _ => Err(Error::new(format!("cannot {}: no answer of 200", what()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_served_can_be_fetched() {
        let bytes = super::super::data(300_000);
        let port = serve(bytes.clone()).expect("served");
        assert!(fetch(port, "/x").expect("there") == bytes);
        assert!(fetch(1, "/x").is_err());
    }
}
