//! Recording a trace: the image under QEMU's user-mode network, asked for some pages.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::error::{Context, Error, Result};
use crate::install::{self, Ask};
use crate::qemu::{self, Attachment, Forward, Machine, Nic};
use crate::{image, workspace};

/// The board's HTTP port.
const PORT_HTTP: u16 = 80;
/// Requests that are recorded, one after the other.
const REQUESTS: usize = 40;
/// From power-on to the first answer; seconds on a loaded machine.
const FIRST_ANSWER_MAX: Duration = Duration::from_secs(60);
/// Between two attempts to get the first answer.
const RETRY: Duration = Duration::from_millis(100);
/// One request.
const REQUEST_MAX: Duration = Duration::from_secs(10);

/// QEMU's arguments that record what the lint reads, in this file.
///
/// ```
/// let arguments = xtask::lint::trace_arguments("target/e2e.trace".as_ref());
/// assert_eq!(arguments[0], "-trace");
/// ```
pub fn trace_arguments(file: &Path) -> Vec<String> {
    let events =
        ["usb_dwc2_glbreg_write", "usb_dwc2_hreg0_*", "usb_dwc2_hreg1_*", "usb_set_config"];
    let trace = events.iter().flat_map(|event| ["-trace".to_string(), (*event).to_string()]);
    trace.chain(["-D".to_string(), file.display().to_string()]).collect()
}

/// Records both attachments of the adapter.
pub fn both() -> Result<Vec<PathBuf>> {
    install::qemu(Ask::AtTerminal)?;
    let image = image::build()?;
    let places = [("root-port", Attachment::RootPort), ("hub", Attachment::Hub)];
    places.map(|(name, place)| one(&image.kernel, name, place)).into_iter().collect()
}

fn one(kernel: &Path, name: &str, place: Attachment) -> Result<PathBuf> {
    let trace = workspace::target().join(format!("lint-{name}.trace"));
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context(|| "find a port".into())?;
    let host = free.local_addr().context(|| "find a port".into())?.port();
    drop(free);
    let nic = Nic::user([Forward { host, board: PORT_HTTP }]).attached(place);
    let mut machine = Machine::new(kernel).nic(nic);
    for argument in trace_arguments(&trace) {
        machine = machine.argument(argument);
    }
    println!("recording {} with the adapter at the {name}", workspace::shown(&trace));
    let mut command = machine.command()?;
    command.stdin(Stdio::null());
    let child = command.spawn().context(|| format!("start {}", qemu::PROGRAM))?;
    let mut running = Running(child);
    let start = Instant::now();
    while let Err(error) = get(host, "/") {
        if start.elapsed() > FIRST_ANSWER_MAX || running.has_ended() {
            return Err(Error::new(format!("the board does not answer: {error}")));
        }
        std::thread::sleep(RETRY);
    }
    for request in 0..REQUESTS {
        get(host, ["/", "/status.json"][request % 2])?;
    }
    Ok(trace)
}

/// QEMU, which ends with us.
struct Running(Child);

impl Running {
    fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Fetches a page from the board through this port of ours.
fn get(port: u16, path: &str) -> Result<()> {
    let what = || format!("fetch {path}");
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).context(what)?;
    stream.set_read_timeout(Some(REQUEST_MAX)).context(what)?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).context(what)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).context(what)?;
    match answer.windows(4).any(|bytes| bytes == b" 200") {
        true => Ok(()),
        false => Err(Error::new(format!("cannot fetch {path}: no answer"))),
    }
}
