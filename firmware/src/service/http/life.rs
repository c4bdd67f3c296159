//! `/life.json`: the frames that passed between a visitor and the board just now, and what each
//! layer did with them; without I/O.
//!
//! What the bytes mean is left to the reader, who has all of the first ones; what was decided only
//! the board can tell.

use core::fmt::{self, Write};
use core::time::Duration;

use packet::filter::Filter;
use packet::{Dissector, Frame, Options, Stamps, Timestamp};
use smoltcp::wire::IpEndpoint;

use super::Source;
use super::frames::Services;
use super::response::Response;
use super::text::Json;
use crate::Text;
use crate::limits::{CAPTURE_FRAMES, FRAME_BYTES_MAX, LIFE_FRAME_BYTES, LIFE_FRAMES, LIFE_WINDOW};
use crate::wire::{Captured, Recorder, Way};

/// Bytes of the expression that a visitor's frames match: `host` and an IPv6 address.
const EXPRESSION_BYTES: usize = 64;
/// Bytes of a frame's line, as tcpdump prints it; the rest is cut.
const LINE_BYTES: usize = 400;
/// Bytes of a frame that are shown.
const SHOWN_BYTES: usize = 128;

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
}

impl Life {
    /// The story of this visitor, from its beginning.
    pub fn of(source: &impl Source, peer: IpEndpoint) -> Self {
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
        }
    }

    /// Appends as many whole frames as fit; returns true if there are no more.
    pub fn fill(&mut self, source: &impl Source, out: &mut Response) -> bool {
        if !self.begun {
            self.begun = true;
            let board = source.status().hostname;
            // Cannot fail: the part is empty.
            let _ = write!(out, "{{\"visitor\":{},\"board\":{}", Json(&self.visitor), Json(&board));
            let _ = out.write_str(",\"frames\":[");
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
            let gap = if self.written > 0 { ",\n" } else { "\n" };
            let wrote = out.write_str(gap).and_then(|()| self.frame(&frame, kept, out));
            if wrote.is_err() {
                out.truncate(before);
                continue;
            }
            self.written += 1;
        }
        // Cannot fail: there is room for a frame.
        let _ = out.write_str("\n]}\n");
        true
    }

    fn frame(&mut self, frame: &Captured, bytes: &[u8], out: &mut Response) -> fmt::Result {
        let way = match frame.way {
            Way::In => "in",
            Way::Out => "out",
        };
        let at = frame.at.as_micros();
        write!(out, "{{\"number\":{},\"at_microseconds\":{at}", frame.number)?;
        write!(out, ",\"way\":\"{way}\",\"interface\":\"{}\"", frame.port.name())?;
        write!(out, ",\"bytes\":{}", frame.original_bytes)?;
        let mut line = Text::<LINE_BYTES>::new();
        let shown = Frame { bytes, length: frame.original_bytes, at: Timestamp::default() };
        // A Text never fails.
        let _ = self.dissector.print(&shown, &Services, &mut line);
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
