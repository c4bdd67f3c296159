//! Recording a trace: the image under QEMU's user-mode network, asked for some pages.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::error::{Context, Error, Result};
use crate::install::{self, Ask};
use crate::qemu::{self, Attachment, Machine};
use crate::witness::bench::{Adapter, Bench};
use crate::witness::web;
use crate::{image, workspace};

/// Requests that are recorded, one after the other.
const REQUESTS: usize = 40;
/// From power-on to the first answer; seconds on a loaded machine.
const FIRST_ANSWER_MAX: Duration = Duration::from_secs(60);
/// Between two attempts to get the first answer.
const RETRY: Duration = Duration::from_millis(100);

/// QEMU's arguments that record what the lint reads, in this file.
///
/// ```
/// let arguments = xtask::lint::trace_arguments("target/e2e.trace".as_ref());
/// assert_eq!(arguments[0], "-trace");
/// ```
pub fn trace_arguments(file: &Path) -> Vec<String> {
    let mut arguments = trace_events();
    arguments.extend(["-D".into(), file.display().to_string()]);
    arguments
}

/// QEMU's arguments that write what the lint reads to standard error, a line at a time.
pub fn trace_events() -> Vec<String> {
    let events = [
        "usb_dwc2_glbreg_write",
        "usb_dwc2_hreg0_*",
        "usb_dwc2_hreg1_*",
        "usb_set_config",
        "usb_port_detach",
    ];
    events.iter().flat_map(|event| ["-trace".to_string(), (*event).to_string()]).collect()
}

/// Records both adapters at both places.
///
/// # Errors
/// If the image cannot be built or does not answer.
pub fn all() -> Result<Vec<PathBuf>> {
    install::qemu(Ask::AtTerminal)?;
    let image = image::build()?;
    let rows = [
        ("lan9514", Adapter::Lan9514, Attachment::RootPort),
        ("lan9514-hub", Adapter::Lan9514, Attachment::Hub),
        ("usb-net", Adapter::UsbNet, Attachment::RootPort),
        ("usb-net-hub", Adapter::UsbNet, Attachment::Hub),
    ];
    let record = |(name, adapter, place)| one(&image.kernel, name, adapter, place);
    rows.into_iter().map(record).collect()
}

fn one(kernel: &Path, name: &str, adapter: Adapter, place: Attachment) -> Result<PathBuf> {
    let trace = workspace::target().join(format!("lint-{name}.trace"));
    let bench = Bench::new(adapter, place, None)?;
    let mut machine = bench.plug(Machine::new(kernel), None);
    for argument in trace_arguments(&trace) {
        machine = machine.argument(argument);
    }
    println!("recording {}", workspace::shown(&trace));
    let mut command = machine.command()?;
    command.stdin(Stdio::null());
    let child = command.spawn().context(|| format!("start {}", qemu::PROGRAM))?;
    let mut running = Running(child);
    let start = Instant::now();
    while let Err(error) = web::fetch(bench.port, "/") {
        if start.elapsed() > FIRST_ANSWER_MAX || running.has_ended() {
            return Err(Error::new(format!("the board does not answer: {error}")));
        }
        std::thread::sleep(RETRY);
    }
    for request in 0..REQUESTS {
        web::fetch(bench.port, ["/", "/status.json"][request % 2])?;
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
