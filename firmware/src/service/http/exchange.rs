//! `/bytes` on a connection: bytes out, bytes in. And forms, which are taken in whole.

use core::fmt::Write as _;

use crc::{CRC_32_ISO_HDLC, Crc};
use embassy_time::{Instant, with_deadline};
use embedded_io_async::{Read, Write};

use super::Source;
use super::bytes::{Sequence, Turn, Wanted};
use super::connection::{Asked, Connection, Ended, send, time};
use super::lab;
use super::request::{Content, Method};
use super::response::{Code, Framing, Head, Kind};
use crate::limits::{HTTP_BYTES_MAX, HTTP_BYTES_TIMEOUT, HTTP_FORM_BYTES_MAX, HTTP_HEAD_BYTES_MAX};
use crate::status::count;

/// To whoever waits for a word before it sends content.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The sum that `PUT /bytes` answers, that of Ethernet, gzip and PNG.
static SUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

impl<S: Read + Write, B: Source, C: AsyncFn()> Connection<'_, S, B, C> {
    /// Sends bytes, unless somebody else is being sent some.
    pub(super) async fn send_bytes(&mut self, asked: &Asked, wanted: Wanted) -> Result<(), Ended> {
        let Some(_turn) = Turn::take(&self.source.streams().sending) else {
            return self.answer(asked, Err(Code::ServiceUnavailable)).await;
        };
        count(&self.source.counters().http_requests);
        let framing = Framing::Parts(wanted.count);
        let head = Head { kind: Kind::Bytes, framing, ..asked.head() };
        if asked.method == Method::Head {
            return send(self.stream, self.response.head(&head)).await;
        }
        let until = Instant::now() + time(HTTP_BYTES_TIMEOUT);
        let mut sequence = Sequence::new(wanted.seed);
        let mut rest = wanted.count;
        // Bounded: each turn takes a part from the rest.
        loop {
            self.response.clear();
            let is_first = rest == wanted.count;
            rest -= self.response.append_with(rest, |out| sequence.fill(out)) as u64;
            self.send_part(&head, is_first, rest == 0).await?;
            if rest == 0 {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(Ended::Failed("client reads too slowly"));
            }
        }
    }

    /// Takes a form, does what it says, and sends the client back to the page.
    pub(super) async fn take_form(&mut self, asked: &Asked) -> Result<(), Ended> {
        let length = match asked.content {
            Content::None => 0,
            Content::Bytes(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX),
            Content::Chunked => return Err(self.refuse(Code::LengthRequired).await),
        };
        if length > HTTP_FORM_BYTES_MAX {
            return Err(self.refuse(Code::ContentTooLarge).await);
        }
        if asked.expects_continue && !asked.is_http_1_0 && self.received < length {
            send(self.stream, CONTINUE).await?;
        }
        let began = Instant::now();
        // Bounded: each turn takes a byte at least.
        while self.received < length {
            self.received += self.read_more(began, self.received..HTTP_HEAD_BYTES_MAX).await?;
        }
        count(&self.source.counters().http_requests);
        self.response.clear();
        let done = lab::turn(self.source, &self.request[..length], self.response);
        self.forget(length);
        match done {
            Ok(()) => {
                let location = Some(lab::PATH);
                let head = Head { code: Code::SeeOther, location, ..asked.head() };
                send(self.stream, self.response.with_head(&head, true)).await
            }
            Err(code) => self.complain(asked, code).await,
        }
    }

    /// Takes bytes, unless somebody else's are being taken, and answers what they were.
    pub(super) async fn take_bytes(&mut self, asked: &Asked) -> Result<(), Ended> {
        let mut rest = match asked.content {
            Content::None => 0,
            Content::Bytes(bytes) if bytes <= HTTP_BYTES_MAX => bytes,
            Content::Bytes(_) => return Err(self.refuse(Code::ContentTooLarge).await),
            Content::Chunked => return Err(self.refuse(Code::LengthRequired).await),
        };
        let total = rest;
        let Some(_turn) = Turn::take(&self.source.streams().taking) else {
            return Err(self.refuse(Code::ServiceUnavailable).await);
        };
        if asked.expects_continue && !asked.is_http_1_0 && rest > 0 {
            send(self.stream, CONTINUE).await?;
        }
        let until = Instant::now() + time(HTTP_BYTES_TIMEOUT);
        let mut sum = SUM.digest();
        // Bounded: each turn takes a byte at least from the rest.
        loop {
            let here = usize::try_from(rest).map_or(self.received, |rest| rest.min(self.received));
            sum.update(&self.request[..here]);
            self.forget(here);
            rest -= here as u64;
            if rest == 0 {
                break;
            }
            // The buffer is empty, and what follows the content stays where it is.
            let wanted = usize::try_from(rest)
                .map_or(HTTP_HEAD_BYTES_MAX, |rest| rest.min(HTTP_HEAD_BYTES_MAX));
            match with_deadline(until, self.stream.read(&mut self.request[..wanted])).await {
                Ok(Ok(0)) => return Err(Ended::Answered("client closed within a request")),
                Ok(Ok(bytes)) => self.received = bytes,
                Ok(Err(_)) => return Err(Ended::Failed("connection lost")),
                Err(_) => return Err(self.refuse(Code::RequestTimeout).await),
            }
        }
        count(&self.source.counters().http_requests);
        self.response.clear();
        let sum = sum.finalize();
        // Cannot fail: the page is empty.
        let _ = writeln!(self.response, "{{\"bytes\":{total},\"crc32\":\"{sum:08x}\"}}");
        let head = Head { kind: Kind::Json, ..asked.head() };
        send(self.stream, self.response.with_head(&head, true)).await
    }
}
