//! Answers that go on for as long as somebody listens: `/events`, `/pcap`.
//!
//! They take a worker each, and so there are not many of them at a time. One that is not read loses
//! frames, and after [`HTTP_SEND_TIMEOUT`](crate::limits::HTTP_SEND_TIMEOUT) its connection.

use core::cell::Cell;
use core::fmt::{self, Write as _};
use core::pin::pin;

use embassy_futures::select::{Either, select};
use embassy_time::Timer;
use embedded_io_async::{Read, Write};
use packet::filter::Filter;

use super::Source;
use super::connection::{Asked, Connection, Ended, send, time};
use super::frames::{self, FRAME_BLOCK_BYTES_MAX, Services, Writer};
use super::life::Life;
use super::request::Method;
use super::response::{Code, Framing, Head, Kind, Response};
use super::tables::Seconds;
use super::text::Json;
use crate::journal::Entry;
use crate::limits::{FRAME_BYTES_MAX, HTTP_EVENT_INTERVAL, HTTP_LISTENERS};
use crate::status::count;
use crate::wire::{CaptureReader, Recorder};

/// How many listen to `/events`.
#[derive(Debug, Default)]
pub struct Listeners(Cell<usize>);

/// A place among them, until it is dropped.
pub(super) struct Listening<'a>(&'a Cell<usize>);

impl Listeners {
    pub(super) fn enter(&self) -> Option<Listening<'_>> {
        let listeners = self.0.get();
        (listeners < HTTP_LISTENERS).then(|| {
            self.0.set(listeners + 1);
            Listening(&self.0)
        })
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl<S: Read + Write, B: Source, C: AsyncFn()> Connection<'_, S, B, C> {
    /// Tells the status once a second, and what is new in the journal.
    pub(super) async fn send_events(&mut self, asked: &Asked, first: u64) -> Result<(), Ended> {
        let Some(_listening) = self.source.streams().listeners.enter() else {
            return self.answer(asked, Err(Code::ServiceUnavailable)).await;
        };
        let head = self.begin(asked, Kind::Events).await?;
        if asked.method == Method::Head {
            return send(self.stream, self.response.head(&head)).await;
        }
        let mut next = first;
        let mut is_first = true;
        // For as long as somebody listens.
        loop {
            self.response.clear();
            // A status that does not fit, which tests rule out, is not told.
            let _ = status_event(self.source, self.response);
            // Bounded: the journal is.
            loop {
                let entry = self.source.journal_after(next);
                if let Some(entry) = &entry
                    && journal_event(entry, self.response).is_ok()
                {
                    next = entry.number + 1;
                    continue;
                }
                self.send_part(&head, is_first, false).await?;
                is_first = false;
                self.response.clear();
                if entry.is_none() {
                    break;
                }
            }
            self.wait(Timer::after(time(HTTP_EVENT_INTERVAL))).await?;
        }
    }

    /// Tells the visitor's own frames.
    pub(super) async fn tell_life(&mut self, asked: &Asked, is_page: bool) -> Result<(), Ended> {
        let kind = if is_page { Kind::Html } else { Kind::Json };
        let head = self.begin(asked, kind).await?;
        if asked.method == Method::Head {
            return send(self.stream, self.response.head(&head)).await;
        }
        let mut life = Life::of(self.source, self.peer, is_page);
        let (mut is_first, mut is_last) = (true, false);
        // Bounded: each part takes frames from the ring.
        while !is_last {
            self.response.clear();
            is_last = life.fill(self.source, self.response);
            self.send_part(&head, is_first, is_last).await?;
            is_first = false;
        }
        self.after_parts(asked, &head)
    }

    /// Sends the frames that pass, or those of the ring.
    pub(super) async fn send_frames(
        &mut self,
        asked: &Asked,
        wanted: &frames::Wanted,
    ) -> Result<(), Ended> {
        let filter = match Filter::compile(&wanted.filter, &Services) {
            Ok(filter) => filter,
            Err(error) => {
                count(&self.source.counters().http_requests);
                self.response.clear();
                let marked = error.marked(&wanted.filter);
                // What does not fit is not said.
                let _ = write!(self.response, "400 Bad Request\nfilter: {error}\n{marked}\n");
                return self.complain(asked, Code::BadRequest).await;
            }
        };
        let source = self.source;
        let viewers = &source.streams().viewers;
        let place = viewers.enter(self.peer);
        let reader = source.capture(wanted.snap_bytes);
        let (Some(_viewing), Ok(mut reader)) = (place, reader) else {
            return self.answer(asked, Err(Code::ServiceUnavailable)).await;
        };
        let head = self.begin(asked, Kind::Frames).await?;
        if asked.method == Method::Head {
            return send(self.stream, self.response.head(&head)).await;
        }
        if wanted.shows_unsent {
            reader.show_unsent();
        }
        let end = source.with_recorder(Recorder::count);
        if wanted.is_ring {
            reader.rewind();
        }
        let mut writer = Writer::new(wanted, &filter, viewers, source.started_at());
        self.response.clear();
        // Cannot fail: there is room for much more.
        let _ = writer.begin(self.response);
        let mut is_first = true;
        let mut is_done = false;
        let mut bytes = [0; FRAME_BYTES_MAX];
        // For as long as somebody looks, or until there are enough.
        while !is_done {
            if !is_first && !wanted.is_ring {
                let frame = self.wait(reader.next(&mut bytes)).await?;
                // Cannot fail: the response is empty.
                let _ = writer.frame(&frame, &bytes[..frame.captured_bytes], self.response);
            }
            is_done = self.gather(&mut reader, &mut writer, &mut bytes, wanted.is_ring, end);
            if is_done {
                // Cannot fail: see FRAME_BLOCK_BYTES_MAX.
                let _ = writer.end(source.status().uptime, reader.missed(), self.response);
            }
            self.send_part(&head, is_first, is_done).await?;
            self.response.clear();
            is_first = false;
        }
        self.after_parts(asked, &head)
    }

    /// Appends the frames that are there already. True if there are enough, or no more.
    fn gather(
        &mut self,
        reader: &mut CaptureReader<'_, B>,
        writer: &mut Writer<'_>,
        bytes: &mut [u8],
        is_ring: bool,
        end: u64,
    ) -> bool {
        // Bounded: no frame passes meanwhile.
        while !writer.is_done() {
            if self.response.room() < 2 * FRAME_BLOCK_BYTES_MAX {
                return false;
            }
            let Some(frame) = reader.try_next(bytes) else { return is_ring };
            if is_ring && frame.number >= end {
                return true;
            }
            // Cannot fail: there is room.
            let _ = writer.frame(&frame, &bytes[..frame.captured_bytes], self.response);
        }
        true
    }

    /// The head of an answer in parts.
    async fn begin(&mut self, asked: &Asked, kind: Kind) -> Result<Head, Ended> {
        count(&self.source.counters().http_requests);
        self.response.clear();
        Ok(Head { kind, ..asked.head_of_parts() })
    }

    /// Sends a part of an answer.
    pub(super) async fn send_part(
        &mut self,
        head: &Head,
        is_first: bool,
        is_last: bool,
    ) -> Result<(), Ended> {
        let bytes = match is_first {
            true => self.response.with_head(head, is_last),
            false => self.response.part(head.framing, is_last),
        };
        // Nothing to send is no reason to wait for room.
        if bytes.is_empty() {
            return Ok(());
        }
        send(self.stream, bytes).await
    }

    /// After the last part: the connection ends if that is how the client is told.
    pub(super) fn after_parts(&self, asked: &Asked, head: &Head) -> Result<(), Ended> {
        if head.framing == Framing::Chunked || !asked.keep_alive {
            return Ok(());
        }
        Err(Ended::Answered("closed after the answer"))
    }

    /// Waits, but not for longer than the client is there. What it sends meanwhile is kept: it is
    /// the next request. A client that closes its half has heard enough.
    async fn wait<T>(&mut self, what: impl Future<Output = T>) -> Result<T, Ended> {
        let mut what = pin!(what);
        // Bounded: each turn takes a byte at least.
        while self.received < self.request.len() {
            let room = &mut self.request[self.received..];
            match select(what.as_mut(), self.stream.read(room)).await {
                Either::First(done) => return Ok(done),
                Either::Second(Ok(0)) => return Err(Ended::Answered("client closed")),
                Either::Second(Ok(bytes)) => self.received += bytes,
                Either::Second(Err(_)) => return Err(Ended::Failed("connection lost")),
            }
        }
        Ok(what.await)
    }
}

/// `event: status`: the document of `/status.json`.
pub(super) fn status_event(source: &impl Source, out: &mut Response) -> fmt::Result {
    let before = out.length();
    let write = |out: &mut Response| {
        out.write_str("event: status\ndata: ")?;
        super::status_json::write(source, &mut Data(out))?;
        out.write_str("\n\n")
    };
    write(out).inspect_err(|_| out.truncate(before))
}

/// `event: journal`: an entry of the journal, whose number is the event's.
fn journal_event(entry: &Entry, out: &mut Response) -> fmt::Result {
    let before = out.length();
    let write = |out: &mut Response| {
        let Entry { number, at, event } = entry;
        write!(out, "event: journal\nid: {number}\ndata: {{\"number\":{number}")?;
        write!(out, ",\"at_seconds\":{},\"text\":{}}}\n\n", Seconds(*at), Json(event))
    };
    write(out).inspect_err(|_| out.truncate(before))
}

/// Text of several lines as the data of an event.
struct Data<'a>(&'a mut Response);

impl fmt::Write for Data<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut lines = text.split('\n');
        self.0.write_str(lines.next().unwrap_or_default())?;
        lines.try_for_each(|line| {
            self.0.write_str("\ndata: ")?;
            self.0.write_str(line)
        })
    }
}
