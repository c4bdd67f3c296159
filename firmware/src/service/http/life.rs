//! `/life.json`: the frames that passed between a visitor and the board just now, and what each
//! layer did with them; and `/life`, which tells people the same. Without I/O.
//!
//! What the bytes mean is left to the reader, who has all of the first ones; what was decided only
//! the board can tell. The page tells it in words, of which its script makes a picture.

use core::fmt::{self, Write};
use core::time::Duration;

use packet::filter::Filter;
use packet::{Dissector, Frame, Options, Stamps, Timestamp};
use smoltcp::wire::IpEndpoint;

use super::Source;
use super::frames::Services;
use super::page::{self, Place};
use super::response::Response;
use super::text::{Html, Json};
use crate::Text;
use crate::limits::{
    CAPTURE_FRAMES, FRAME_BYTES_MAX, HTTP_PORT, LIFE_FRAME_BYTES, LIFE_FRAMES, LIFE_WINDOW,
};
use crate::wire::{Captured, Recorder, Way, is_between};

/// Bytes of the expression that a visitor's frames match: `host` and an IPv6 address.
const EXPRESSION_BYTES: usize = 64;
/// Bytes of a frame's line, as tcpdump prints it; the rest is cut.
const LINE_BYTES: usize = 400;
/// Bytes of a frame that are shown.
const SHOWN_BYTES: usize = 128;

/// What stands around the frames on the page.
const PAGE_BEGIN: &str = "\
<p class=\"lead\">To show you this page, your computer and this board exchanged the frames below.
The board kept the first bytes of each one, and what every layer did with it, from the USB transfer
that carried it to the service that answered.</p>
<div class=\"life\"><section><h2>On the wire</h2>
<p id=\"asked\"><a href=\"/life\">Ask again</a>: the answer itself is not among them yet.</p>
<div id=\"diagram\"><ol class=\"frames\">
";
const PAGE_END: &str = "\
</ol></div>
<h3>What you do not see here, and why</h3>
<ul id=\"not-seen\"><li>What went to others, and what came before the board began to
remember.</li></ul>
</section>
<section id=\"detail\" aria-live=\"polite\"><h2>Byte by byte</h2><p>With a script, a frame can be
chosen here, and its bytes stand beside its fields. Without one, on your side:
<code>curl -sN http://this-board/pcap/ring | tcpdump -nr -</code>.</p></section>
</div>
";

/// Writes the document in parts.
pub(super) struct Life {
    filter: Option<Filter>,
    peer: IpEndpoint,
    dissector: Dissector,
    /// The next frame that is looked at.
    next: u64,
    /// Where to stop: frames that come meanwhile are another story.
    end: u64,
    since: Duration,
    written: usize,
    begun: bool,
    visitor: Text<EXPRESSION_BYTES>,
    is_page: bool,
}

impl Life {
    /// The story of this visitor, from its beginning.
    pub fn of(source: &impl Source, peer: IpEndpoint, is_page: bool) -> Self {
        let end = source.with_recorder(Recorder::count);
        let expression = Text::<EXPRESSION_BYTES>::of(format_args!("host {}", peer.addr));
        let options = Options { stamps: Stamps::None, ..Options::default() };
        Self {
            // Cannot fail for an address.
            filter: Filter::compile(&expression, &Services).ok(),
            peer,
            dissector: Dissector::new(options),
            next: end.saturating_sub(CAPTURE_FRAMES as u64),
            end,
            since: source.status().uptime.saturating_sub(LIFE_WINDOW),
            written: 0,
            begun: false,
            visitor: Text::of(format_args!("{}", peer.addr)),
            is_page,
        }
    }

    /// Appends as many whole frames as fit; returns true if there are no more.
    pub fn fill(&mut self, source: &impl Source, out: &mut Response) -> bool {
        let mut bytes = [0; FRAME_BYTES_MAX];
        if !self.begun {
            self.begun = true;
            // Cannot fail: the part is empty.
            let _ = self.begin(source, out);
            // Of many, the last ones.
            let first = self.next;
            let mut count = 0_usize;
            while self.read(source, &mut bytes).is_some() {
                count += 1;
            }
            self.next = first;
            // Bounded: they were counted.
            for _ in LIFE_FRAMES..count {
                self.read(source, &mut bytes);
            }
        }
        // Bounded: the ring is.
        loop {
            if out.room() < LIFE_FRAME_BYTES {
                return false;
            }
            let Some(frame) = self.read(source, &mut bytes) else { break };
            let kept = &bytes[..frame.captured_bytes];
            let before = out.length();
            let wrote = match self.is_page {
                true => self.line(&frame, kept, out),
                false => self.frame(&frame, kept, out),
            };
            match wrote {
                Ok(()) => self.written += 1,
                Err(_) => out.truncate(before),
            }
        }
        // Cannot fail: there is room for a frame.
        let _ = match self.is_page {
            true => out.write_str(PAGE_END).and_then(|()| page::end(out, &["life.json"])),
            false => out.write_str("\n]}\n"),
        };
        true
    }

    /// The next frame of the story, if there is one.
    fn read(&mut self, source: &impl Source, bytes: &mut [u8]) -> Option<Captured> {
        // Bounded: the ring is.
        while self.next < self.end {
            let next = self.next;
            let read = source.with_recorder(|recorder| recorder.read(next, bytes));
            let frame = read.filter(|frame| frame.number < self.end)?;
            self.next = frame.number + 1;
            if frame.at >= self.since && self.is_theirs(&frame, &bytes[..frame.captured_bytes]) {
                return Some(frame);
            }
        }
        None
    }

    /// True for a frame of the visitor's. The page leaves out other connections: they have stories
    /// of their own.
    fn is_theirs(&self, frame: &Captured, bytes: &[u8]) -> bool {
        const TCP: u8 = 6;
        let is_tcp = match bytes.get(12..14) {
            Some([8, 0]) => bytes.get(23) == Some(&TCP),
            Some([0x86, 0xdd]) => bytes.get(20) == Some(&TCP),
            _ => false,
        };
        let is_wanted = !self.is_page || !is_tcp || is_between(HTTP_PORT, self.peer, bytes);
        let filter = self.filter.as_ref().filter(|_| is_wanted);
        filter.is_some_and(|filter| filter.accepts(bytes, frame.original_bytes))
    }

    fn begin(&self, source: &impl Source, out: &mut Response) -> fmt::Result {
        if self.is_page {
            let small = "yours, of just now";
            page::begin(out, Place::Life, &"The life of a packet", &small)?;
            return out.write_str(PAGE_BEGIN);
        }
        let (visitor, board) = (Json(&self.visitor), source.status().hostname);
        write!(out, "{{\"visitor\":{visitor},\"board\":{},\"frames\":[", Json(&board))
    }

    /// A frame as tcpdump prints it, cut where it no longer fits.
    fn print(&mut self, frame: &Captured, bytes: &[u8]) -> Text<LINE_BYTES> {
        let mut line = Text::new();
        let shown = Frame { bytes, length: frame.original_bytes, at: Timestamp::default() };
        // A Text never fails.
        let _ = self.dissector.print(&shown, &Services, &mut line);
        line
    }

    /// A frame in words.
    fn line(&mut self, frame: &Captured, bytes: &[u8], out: &mut Response) -> fmt::Result {
        let line = self.print(frame, bytes);
        writeln!(out, "<li><code>{}</code><br>{}</li>", Html(line.trim_end()), Html(frame))
    }

    fn frame(&mut self, frame: &Captured, bytes: &[u8], out: &mut Response) -> fmt::Result {
        let way = match frame.way {
            Way::In => "in",
            Way::Out => "out",
        };
        let at = frame.at.as_micros();
        out.write_str(if self.written > 0 { ",\n" } else { "\n" })?;
        write!(out, "{{\"number\":{},\"at_microseconds\":{at}", frame.number)?;
        write!(out, ",\"way\":\"{way}\",\"interface\":\"{}\"", frame.port.name())?;
        write!(out, ",\"bytes\":{}", frame.original_bytes)?;
        let line = self.print(frame, bytes);
        write!(out, ",\"line\":{}", Json(line.trim_end()))?;
        out.write_str(",\"hex\":\"")?;
        let mut shown = bytes.iter().take(SHOWN_BYTES);
        shown.try_for_each(|byte| write!(out, "{byte:02x}"))?;
        out.write_str("\",\"notes\":[")?;
        let mut gap = "";
        if let Some(carriage) = &frame.carriage {
            write!(out, "{}", Json(carriage))?;
            gap = ",";
        }
        for note in frame.passage.notes() {
            write!(out, "{gap}{}", Json(note))?;
            gap = ",";
        }
        out.write_str("],\"note_microseconds\":[")?;
        for (index, time) in frame.passage.times().enumerate() {
            write!(out, "{}{}", if index > 0 { "," } else { "" }, Micros(time))?;
        }
        write!(out, "],\"took_microseconds\":{}", Micros(frame.passage.took()))?;
        out.write_str(",\"dropped\":")?;
        match frame.passage.dropped() {
            Some(why) => write!(out, "\"{}\"", why.name())?,
            None => out.write_str("null")?,
        }
        match frame.passage.answered_after() {
            Some(after) => write!(out, ",\"answered_by\":{}}}", frame.number + after),
            None => out.write_str(",\"answered_by\":null}"),
        }
    }
}

/// Microseconds, to the nanosecond.
struct Micros(Duration);

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0.as_micros(), self.0.subsec_nanos() % 1000)
    }
}
