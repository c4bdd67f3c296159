//! The pages in a real browser: headless Chromium, driven by `tools/browser/look.mjs`, which finds
//! fault with what can be seen. What `/life` says of its own request is compared here with what the
//! host captured of it.

use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use xtask::workspace;

use crate::pcap::Captured;
use crate::stage::Session;
use crate::tool::Tcpdump;

/// The browser, what drives it, and what judges its pages.
pub const TOOLS: &[&str] = &[
    "chromium",
    "node",
    "tcpdump",
    "tools/browser/node_modules/playwright-core",
    "tools/browser/node_modules/axe-core",
];

/// All of it; half a minute on two quiet cores.
const LIMIT: Duration = Duration::from_secs(240);

/// A frame, as the page shows it.
#[derive(Debug)]
struct Shown {
    way: String,
    bytes: usize,
    hex: String,
    label: String,
    steps: Vec<String>,
}

impl Shown {
    fn read(frame: &Value) -> Option<Self> {
        let text = |name: &str| frame[name].as_str().map(str::to_lowercase);
        let steps = frame["steps"].as_array()?.iter().filter_map(Value::as_str);
        Some(Self {
            way: text("way")?,
            bytes: frame["bytes"].as_u64()?.try_into().ok()?,
            hex: text("hex")?,
            label: frame["label"].as_str()?.to_owned(),
            steps: steps.map(ToOwned::to_owned).collect(),
        })
    }
}

/// The browser is content, and the page tells what was on the wire.
pub fn looks(session: &mut Session) -> Result<()> {
    let lab = session.lab()?;
    let script = workspace::root().join("tools/browser/look.mjs");
    let tcpdump = Tcpdump::start(lab, "browser")?;
    let base = format!("http://{}", session.address);
    let said = lab.run("node", &[&script.display().to_string(), &base], LIMIT)?;
    let (wire, _) = tcpdump.stop()?;
    let frames: Vec<Value> = serde_json::from_str(&said).with_context(|| said.clone())?;
    let frames: Option<Vec<_>> = frames.iter().map(Shown::read).collect();
    let frames = frames.with_context(|| said.clone())?;

    // The handshake, the request, and the first segment of the answer: each as the host saw it.
    let syn = 2;
    is_on_the_wire(&frames, &wire, "SYN", "received", |tcp| tcp.flags == syn)?;
    let begins = |text: &'static [u8]| move |tcp: &Segment<'_>| tcp.data.starts_with(text);
    let request = begins(b"GET /life HTTP/1.1\r\n");
    is_on_the_wire(&frames, &wire, "GET /life", "received", request)?;
    let answer = begins(b"HTTP/1.1 200 OK\r\n");
    let answer = is_on_the_wire(&frames, &wire, "HTTP/1.1 200", "sent", answer)?;
    // What only the board knows: how the frame travelled over the bus.
    let is_told = answer.steps.iter().any(|step| step.starts_with("usb transfer "));
    ensure!(is_told, "no USB transfer: {answer:?}");
    for frame in &frames {
        find(frame, &wire).with_context(|| format!("{frame:?} was not on the wire"))?;
    }
    println!("{} frames of the page's own, as the host saw them", frames.len());
    Ok(())
}

/// A captured segment of TCP over IPv4.
struct Segment<'a> {
    flags: u8,
    data: &'a [u8],
}

impl<'a> Segment<'a> {
    fn of(frame: &'a [u8]) -> Option<Self> {
        let packet = frame.get(14..)?;
        let total = usize::from(u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]));
        let segment = packet.get(usize::from(packet[0] & 15) * 4..total)?;
        let data = segment.get(usize::from(segment.get(12)? >> 4) * 4..)?;
        Some(Self { flags: *segment.get(13)?, data })
    }
}

/// The frame that the page calls so is on the wire, and is what it is called.
fn is_on_the_wire<'a>(
    frames: &'a [Shown],
    wire: &[Captured],
    name: &str,
    way: &str,
    is: impl Fn(&Segment<'_>) -> bool,
) -> Result<&'a Shown> {
    let named = |frame: &&Shown| {
        let label = frame.label.split_once(&format!(" {name}"));
        label.is_some_and(|(_, rest)| rest.starts_with(':')) && frame.way == way
    };
    let shown = frames.iter().find(named).with_context(|| format!("no {name}: {frames:#?}"))?;
    let seen = find(shown, wire).with_context(|| format!("{shown:?} was not on the wire"))?;
    let segment = Segment::of(&seen.bytes).context("no segment")?;
    ensure!(is(&segment), "{shown:?} is something else: {:02x?}", seen.bytes);
    Ok(shown)
}

/// The captured frame with the same bytes and the same number of them.
fn find<'a>(shown: &Shown, wire: &'a [Captured]) -> Option<&'a Captured> {
    wire.iter().find(|frame| frame.bytes.len() == shown.bytes && is_alike(&frame.bytes, shown))
}

/// True if the captured bytes begin as those shown do. Of what the board sends, the sum of TCP is
/// put in by the chip, after the board has looked.
fn is_alike(bytes: &[u8], shown: &Shown) -> bool {
    const SUM: Range<usize> = 50..52;
    let Some(kept) = bytes.get(..shown.hex.len() / 2).filter(|kept| !kept.is_empty()) else {
        return false;
    };
    let is_put_in = |at: usize| shown.way == "sent" && SUM.contains(&at);
    kept.iter().enumerate().all(|(at, byte)| {
        is_put_in(at) || shown.hex.get(2 * at..2 * at + 2) == Some(&format!("{byte:02x}"))
    })
}
