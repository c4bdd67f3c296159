//! `cargo xtask log`: the board's defmt stream in words.
//!
//! The board sends indices and arguments; the strings are in the ELF of the very build that runs. A
//! frame that makes no sense is counted and skipped: its end is marked by a zero byte, so the next
//! one is whole again.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use clap::Args;
use defmt_decoder::{DecodeError, Frame, Locations, StreamDecoder, Table};

use crate::error::{Context, Error, Result};
use crate::{image, workspace};

/// How long connecting may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Pause before looking for more: a longer file, a board that is back.
const FOLLOW_PAUSE: Duration = Duration::from_millis(200);
/// Bytes without the end of a frame after which this cannot be a log.
const FRAME_BYTES_MAX: usize = 64 * 1024;
/// Malformed frames before the first good one after which the ELF is probably that of another
/// build.
const STRANGER_FRAMES: u64 = 3;

/// Where the log comes from.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The board's log port; the default is what `cargo xtask run` forwards
    #[arg(long, value_name = "HOST:PORT", default_value = "localhost:4242")]
    pub tcp: String,
    /// A recorded stream instead, such as target/log.defmt
    #[arg(long, value_name = "FILE", conflicts_with = "tcp")]
    pub file: Option<PathBuf>,
    /// The ELF of the image that runs; default target/kernel8.elf
    #[arg(long, value_name = "FILE")]
    pub elf: Option<PathBuf>,
    /// At the end, wait for more: the file growing, or the board coming back
    #[arg(long)]
    pub follow: bool,
}

/// Prints the log until it ends.
///
/// # Errors
/// If there is no usable ELF or no stream; each with what to do about it.
pub fn run(options: &Options) -> Result<()> {
    let elf = options.elf.clone().unwrap_or_else(image::elf_path);
    let (table, locations) = strings(&elf)?;
    let mut printer = Printer::new(&table, &locations, io::stdout().lock());
    let end = match &options.file {
        Some(file) => follow_file(file, options.follow, &mut printer),
        None => follow_tcp(&options.tcp, options.follow, &mut printer),
    };
    let end = end.and_then(|()| printer.finish(&elf));
    match end {
        Err(Stop::Unread) | Ok(()) => Ok(()),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// Why printing stops.
enum Stop {
    /// Nobody reads any more: `cargo xtask log | head`.
    Unread,
    /// Something a person must know.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// The strings of the log, and where in the source each message is.
fn strings(elf: &Path) -> Result<(Table, Locations)> {
    let name = workspace::shown(elf);
    let bytes = fs::read(elf).map_err(|error| {
        let make = "`cargo xtask image` writes target/kernel8.elf";
        Error::new(format!("cannot read {name} ({error}); {make}"))
    })?;
    let table = Table::parse(&bytes).context(|| format!("find the log's strings in {name}"))?;
    let table = table.ok_or_else(|| Error::new(format!("{name} has no .defmt section")))?;
    let locations = table.get_locations(&bytes).context(|| format!("find lines in {name}"))?;
    Ok((table, locations))
}

fn follow_file<W: Write>(path: &Path, follow: bool, to: &mut Printer<'_, W>) -> Result<(), Stop> {
    let mut file = File::open(path).context(|| {
        let hint = "`cargo xtask run` writes target/log.defmt";
        format!("open {} ({hint})", path.display())
    })?;
    loop {
        to.read(&mut file).map_err(|stop| stop.of(path.display()))?;
        if !follow {
            return Ok(());
        }
        thread::sleep(FOLLOW_PAUSE);
    }
}

fn follow_tcp<W: Write>(at: &str, follow: bool, to: &mut Printer<'_, W>) -> Result<(), Stop> {
    let mut stream = connect(at)?;
    loop {
        // Without --follow an error of the connection is an error; with it, the board is
        // restarting.
        match to.read(&mut stream) {
            Ok(()) => {}
            Err(ReadStop::Source(_)) if follow => {}
            Err(stop) => return Err(stop.of(at)),
        }
        if !follow {
            return Ok(());
        }
        to.restart();
        stream = loop {
            thread::sleep(FOLLOW_PAUSE);
            if let Ok(stream) = connect(at) {
                break stream;
            }
        };
    }
}

fn connect(at: &str) -> Result<TcpStream> {
    let hint = "is the board up? `cargo xtask run` starts one under QEMU";
    let addresses = at.to_socket_addrs().context(|| format!("find {at}"))?;
    let mut last = None;
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_LIMIT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    let why = last.map_or_else(|| "no address".into(), |error| error.to_string());
    Err(Error::new(format!("cannot connect to {at}: {why}; {hint}")))
}

/// Why reading a source stops before its end.
enum ReadStop {
    Source(io::Error),
    Unread,
    NotALog,
}

impl ReadStop {
    fn of(self, source: impl std::fmt::Display) -> Stop {
        let text = match self {
            Self::Unread => return Stop::Unread,
            Self::Source(error) => format!("cannot read {source}: {error}"),
            Self::NotALog => {
                format!(
                    "{source}: {FRAME_BYTES_MAX} bytes without the end of a frame: no defmt log"
                )
            }
        };
        Stop::Failed(Error::new(text))
    }
}

/// Decodes bytes as they come and prints each frame as a line.
struct Printer<'a, W> {
    table: &'a Table,
    locations: &'a Locations,
    decoder: Box<dyn StreamDecoder + Send + Sync + 'a>,
    out: W,
    frames: u64,
    malformed: u64,
    since_frame_bytes: usize,
}

impl<'a, W: Write> Printer<'a, W> {
    fn new(table: &'a Table, locations: &'a Locations, out: W) -> Self {
        let decoder = table.new_stream_decoder();
        Self { table, locations, decoder, out, frames: 0, malformed: 0, since_frame_bytes: 0 }
    }

    /// Another stream begins: what is left of the last one means nothing any more.
    fn restart(&mut self) {
        self.decoder = self.table.new_stream_decoder();
        self.since_frame_bytes = 0;
    }

    /// Prints everything up to the end of `source`.
    fn read(&mut self, source: &mut impl Read) -> Result<(), ReadStop> {
        let mut chunk = [0; 4096];
        loop {
            let count = match source.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(ReadStop::Source(error)),
            };
            self.push(&chunk[..count])?;
        }
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), ReadStop> {
        self.decoder.received(bytes);
        self.since_frame_bytes += bytes.len();
        loop {
            match self.decoder.decode() {
                Ok(frame) => {
                    let text = line(&frame, self.locations);
                    writeln!(self.out, "{text}").map_err(|_| ReadStop::Unread)?;
                    self.frames += 1;
                }
                Err(DecodeError::UnexpectedEof) => break,
                Err(DecodeError::Malformed) => {
                    self.malformed += 1;
                    if !self.table.encoding().can_recover() {
                        return Err(ReadStop::NotALog);
                    }
                }
            }
            self.since_frame_bytes = 0;
        }
        if self.since_frame_bytes > FRAME_BYTES_MAX {
            return Err(ReadStop::NotALog);
        }
        self.out.flush().map_err(|_| ReadStop::Unread)
    }

    /// Says what could not be read.
    fn finish(&mut self, elf: &Path) -> Result<(), Stop> {
        if self.malformed == 0 {
            return Ok(());
        }
        eprintln!("{} frames, {} malformed ones skipped", self.frames, self.malformed);
        if self.frames == 0 && self.malformed >= STRANGER_FRAMES {
            let name = workspace::shown(elf);
            let text = format!("no frame could be read: is {name} of the build that runs?");
            return Err(Stop::Failed(Error::new(text)));
        }
        Ok(())
    }
}

/// `TIME LEVEL message  (file:line)`.
fn line(frame: &Frame<'_>, locations: &Locations) -> String {
    let time = frame.display_timestamp().map(|time| time.to_string()).unwrap_or_default();
    let level = frame.level().map(|level| level.as_str().to_uppercase()).unwrap_or_default();
    let mut line = format!("{time:>12} {level:<5} {}", frame.display_message());
    if let Some(location) = locations.get(&frame.index()) {
        line += &format!("  ({}:{})", workspace::shown(&location.file), location.line);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of two strings, as the ELF of a build would give.
    fn table() -> Table {
        let entry = |tag: &str, text: &str| {
            let string = serde_json::json!({ "tag": tag, "string": text });
            serde_json::json!({ "string": string, "raw_symbol": "" })
        };
        let json = serde_json::json!({
            "timestamp": entry("Timestamp", "{=u8:us}"),
            "entries": { "1": entry("Info", "link up"), "2": entry("Warn", "{=u8} frames lost") },
            "bitflags": {},
            "encoding": "Rzcobs",
        });
        serde_json::from_value(json).expect("a table")
    }

    /// rzCOBS of a short frame without long runs: see the crate of that name.
    fn encode(frame: &[u8]) -> Vec<u8> {
        assert!(frame.len() < 7);
        let zeroes = (0..7).filter(|&bit| frame.get(bit).is_none_or(|byte| *byte == 0));
        let mask = zeroes.fold(0_u8, |mask, bit| mask | 1 << bit);
        let mut bytes: Vec<u8> = frame.iter().copied().filter(|byte| *byte != 0).collect();
        bytes.extend([mask, 0]);
        bytes
    }

    fn printed(stream: &[u8], chunk_bytes: usize) -> (String, u64) {
        let (table, mut out) = (table(), Vec::new());
        let location = defmt_decoder::Location {
            file: workspace::root().join("firmware/src/lib.rs"),
            line: 7,
            module: "firmware".into(),
        };
        let locations = Locations::from([(1, location)]);
        let mut printer = Printer::new(&table, &locations, &mut out);
        for chunk in stream.chunks(chunk_bytes) {
            assert!(printer.push(chunk).is_ok());
        }
        let malformed = printer.malformed;
        (String::from_utf8(out).expect("text"), malformed)
    }

    #[test]
    fn frames_become_lines_however_the_bytes_arrive() {
        let stream = [encode(&[1, 0, 5]), encode(&[2, 0, 6, 9])].concat();
        let expected = "    0.000005 INFO  link up  (firmware/src/lib.rs:7)\n    \
                        0.000006 WARN  9 frames lost\n";
        assert_eq!(printed(&stream, 1), (expected.into(), 0));
        assert_eq!(printed(&stream, 100), (expected.into(), 0));
    }

    #[test]
    fn a_malformed_frame_is_counted_and_the_next_one_is_whole() {
        let stream = [vec![0x03, 0], encode(&[9, 9, 1]), encode(&[1, 0, 5])].concat();
        let (text, malformed) = printed(&stream, 3);
        assert!(text.contains("link up"));
        assert_eq!(text.lines().count(), 1);
        assert_eq!(malformed, 2);
    }

    #[test]
    fn endless_noise_is_no_log() {
        let (table, locations) = (table(), Locations::new());
        let mut printer = Printer::new(&table, &locations, io::sink());
        assert!(matches!(printer.push(&[1; FRAME_BYTES_MAX + 1]), Err(ReadStop::NotALog)));
    }

    #[test]
    fn what_is_missing_is_said_with_what_to_do() {
        let gone = strings(Path::new("/nonexistent/kernel8.elf")).expect_err("no file").to_string();
        assert!(gone.contains("cargo xtask image"));
        // A port that was free a moment ago refuses.
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let refused = connect(&port.expect("a free port").to_string()).expect_err("refused");
        assert!(refused.to_string().contains("cargo xtask run"));
    }
}
