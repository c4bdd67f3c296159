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
use crate::limits::{CAPTURE_FRAMES, FRAME_BYTES_MAX, LIFE_FRAME_BYTES, LIFE_FRAMES, LIFE_WINDOW};
use crate::wire::{Captured, Recorder, Way};

/// Bytes of the expression that a visitor's frames match: `host` and an IPv6 address.
const EXPRESSION_BYTES: usize = 64;
/// Bytes of a frame's line, as tcpdump prints it; the rest is cut.
const LINE_BYTES: usize = 400;
/// Bytes of a frame that are shown.
const SHOWN_BYTES: usize = 128;

/// What stands around the frames on the page.
const PAGE_BEGIN: &str = "\
<p class=\"lead\">To show you this page, your computer and this board exchanged the frames below. The
board kept the first bytes of each one, and what every layer did with it, from the USB transfer that
carried it to the service that answered.</p>
<div class=\"life\"><section><h2>On the wire</h2>
<p id=\"asked\"><a href=\"/life\">Ask again</a>: the answer itself is not among them yet.</p>
<div id=\"diagram\"><ol class=\"frames\">
";
const PAGE_END: &str = "\
</ol></div>
<h3>What you do not see here, and why</h3>
<ul id=\"not-seen\"><li>What went to others, and what came before the board began to remember.</li></ul>
</section>
<section id=\"detail\" aria-live=\"polite\"><h2>Byte by byte</h2><p>With a script, a frame can be
chosen here, and its bytes stand beside its fields. Without one, on your side:
<code>curl -sN http://this-board/pcap/ring | tcpdump -nr -</code>.</p></section>
</div>
";

/// Writes the document in parts.
pub(super) struct Life {
    filter: Option<Filter>,
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
        if !self.begun {
            self.begun = true;
            // Cannot fail: the part is empty.
            let _ = self.begin(source, out);
        }
        let mut bytes = [0; FRAME_BYTES_MAX];
        // Bounded: the ring is.
        while self.next < self.end && self.written < LIFE_FRAMES {
            if out.room() < LIFE_FRAME_BYTES {
                return false;
            }
            let next = self.next;
            let read = source.with_recorder(|recorder| recorder.read(next, &mut bytes));
            let Some(frame) = read.filter(|frame| frame.number < self.end) else { break };
            self.next = frame.number + 1;
            let kept = &bytes[..frame.captured_bytes];
            let is_theirs = self
                .filter
                .as_ref()
                .is_some_and(|filter| filter.accepts(kept, frame.original_bytes));
            if frame.at < self.since || !is_theirs {
                continue;
            }
            let before = out.length();
            let wrote = match self.is_page {
                true => self.line(&frame, kept, out),
                false => self.frame(&frame, kept, out),
            };
            if wrote.is_err() {
                out.truncate(before);
                continue;
            }
            self.written += 1;
        }
        if out.room() < LIFE_FRAME_BYTES {
            return false;
        }
        // Cannot fail: there is room for a frame.
        let _ = match self.is_page {
            true => out.write_str(PAGE_END).and_then(|()| page::end(out, &["life.json"])),
            false => out.write_str("\n]}\n"),
        };
        true
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
        write!(out, "<li><code>{}</code><br>{}</li>\n", Html(line.trim_end()), Html(frame))
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
        out.write_str("],\"dropped\":")?;
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
