//! One connection: requests in, responses out, each wait with a deadline.
//!
//! Generic over the stream, so that the tests talk to it without TCP.

use core::fmt::Write as _;

use core::future::pending;
use crc::{CRC_32_ISO_HDLC, Crc};

use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Instant, with_deadline, with_timeout};
use embedded_io_async::{Read, Write};

use crate::limits::{
    HTTP_BYTES_MAX, HTTP_BYTES_TIMEOUT, HTTP_CONTENT_BYTES_MAX, HTTP_HEAD_BYTES_MAX,
    HTTP_HEAD_TIMEOUT, HTTP_IDLE_TIMEOUT, HTTP_LINGER, HTTP_LINGER_BYTES_MAX,
    HTTP_REQUESTS_PER_CONNECTION_MAX, HTTP_SEND_TIMEOUT,
};
use crate::status::count;

use super::Source;
use super::bytes::{self, Sequence, Turn, Wanted};
use super::pages::{self, Page};
use super::request::{self, Content, Method, Parsed};
use super::response::{Code, Framing, Head, Kind, Response};

/// The sum that `PUT /bytes` answers, that of Ethernet, gzip and PNG.
static SUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// What one connection needs, as large as it ever gets.
pub(super) struct Buffers {
    request: [u8; HTTP_HEAD_BYTES_MAX],
    response: Response,
}

impl Buffers {
    pub(super) const fn new() -> Self {
        Self { request: [0; HTTP_HEAD_BYTES_MAX], response: Response::new() }
    }
}

/// How a connection ended, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Every answer is written; close it properly.
    Answered(&'static str),
    /// The client is gone or does not read; nothing more can be told to it.
    Failed(&'static str),
}

impl Ended {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Answered(reason) | Self::Failed(reason) => reason,
        }
    }
}

/// What a request asks of us, once its head is no longer needed.
#[derive(Clone, Copy)]
struct Asked {
    work: Work,
    method: Method,
    is_http_1_0: bool,
    keep_alive: bool,
    content: Content,
    expects_continue: bool,
    /// PUT is offered at the path.
    takes_content: bool,
}

/// What is to be done about a request.
#[derive(Clone, Copy)]
enum Work {
    /// To answer with a page, or with the reason why there is none.
    Answer(Result<Page, Code>),
    /// To send bytes.
    Send(Wanted),
    /// To take bytes.
    Take,
}

/// Answers requests until the connection ends. `crowd` returns when another client waits for
/// somebody to serve it: then this one goes, unless it has a request under way.
pub(super) async fn serve<S: Read + Write>(
    source: &impl Source,
    stream: &mut S,
    buffers: &mut Buffers,
    crowd: impl AsyncFn(),
) -> Ended {
    let Buffers { request, response } = buffers;
    let mut connection = Connection { source, stream, request, received: 0, response };
    for served in 1..=HTTP_REQUESTS_PER_CONNECTION_MAX {
        let give_way = async || if served > 1 { crowd().await } else { pending().await };
        let asked = match connection.next_request(give_way).await {
            Ok(asked) => asked,
            Err(ended) => return ended,
        };
        let keep_alive = asked.keep_alive && served < HTTP_REQUESTS_PER_CONNECTION_MAX;
        let asked = Asked { keep_alive, ..asked };
        let answered = match asked.work {
            Work::Answer(page) => connection.answer(asked, page).await,
            Work::Send(wanted) => connection.send_bytes(asked, wanted).await,
            Work::Take => connection.take_bytes(asked).await,
        };
        if let Err(ended) = answered {
            return ended;
        }
        if !keep_alive {
            return Ended::Answered("closed after the answer");
        }
    }
    Ended::Answered("enough requests")
}

struct Connection<'a, S, B> {
    source: &'a B,
    stream: &'a mut S,
    request: &'a mut [u8; HTTP_HEAD_BYTES_MAX],
    /// Bytes in `request`: this request, and what the client sent after it.
    received: usize,
    response: &'a mut Response,
}

impl<S: Read + Write, B: Source> Connection<'_, S, B> {
    /// The next request, with its content read past. What cannot be answered by a page is answered
    /// here. While nothing of it is there, the wait ends when `give_way` does.
    async fn next_request(&mut self, give_way: impl AsyncFn()) -> Result<Asked, Ended> {
        let mut deadline = None;
        // Bounded: each turn takes a byte at least, and a full buffer is never incomplete.
        let (asked, used) = loop {
            match request::Head::parse(&self.request[..self.received]) {
                Parsed::Whole(head, used) => break (Asked::of(&head), used),
                Parsed::Refused(code) => return Err(self.refuse(code).await),
                Parsed::Incomplete => {}
            }
            if self.received > 0 && deadline.is_none() {
                deadline = Some(Instant::now() + time(HTTP_HEAD_TIMEOUT));
            }
            let until = deadline.unwrap_or_else(|| Instant::now() + time(HTTP_IDLE_TIMEOUT));
            let is_idle = self.received == 0;
            let room = &mut self.request[self.received..];
            let read = async {
                let crowd = async { if is_idle { give_way().await } else { pending().await } };
                match select(self.stream.read(room), crowd).await {
                    Either::First(read) => Some(read),
                    Either::Second(()) => None,
                }
            };
            let read = match with_deadline(until, read).await {
                Ok(Some(read)) => Ok(read),
                Ok(None) => return Err(Ended::Answered("gave way")),
                Err(late) => Err(late),
            };
            match read {
                Ok(Ok(0)) if self.received == 0 => return Err(Ended::Answered("client closed")),
                Ok(Ok(0)) => return Err(Ended::Answered("client closed within a request")),
                Ok(Ok(bytes)) => self.received += bytes,
                Ok(Err(_)) => return Err(Ended::Failed("connection lost")),
                Err(_) if self.received == 0 => return Err(Ended::Answered("idle")),
                Err(_) => return Err(self.refuse(Code::RequestTimeout).await),
            }
        };
        self.forget(used);
        self.read_past(asked).await
    }

    /// Reads past a request's content. Where that cannot be done the connection ends after the
    /// answer, so that content is never taken for a request.
    async fn read_past(&mut self, asked: Asked) -> Result<Asked, Ended> {
        let mut rest = match asked.content {
            Content::None => return Ok(asked),
            // That is what is wanted.
            _ if matches!(asked.work, Work::Take) => return Ok(asked),
            Content::Bytes(bytes) if bytes > HTTP_CONTENT_BYTES_MAX => {
                return Err(self.refuse(Code::ContentTooLarge).await);
            }
            Content::Bytes(bytes) if !asked.expects_continue => bytes,
            Content::Bytes(_) | Content::Chunked => {
                return Ok(Asked { keep_alive: false, ..asked });
            }
        };
        let until = Instant::now() + time(HTTP_HEAD_TIMEOUT);
        loop {
            // What is in the buffer counts first.
            let here = usize::try_from(rest).unwrap_or(usize::MAX).min(self.received);
            self.forget(here);
            rest -= here as u64;
            if rest == 0 {
                return Ok(asked);
            }
            match with_deadline(until, self.stream.read(&mut self.request[..])).await {
                Ok(Ok(0)) => return Err(Ended::Answered("client closed within a request")),
                Ok(Ok(bytes)) => self.received = bytes,
                Ok(Err(_)) => return Err(Ended::Failed("connection lost")),
                Err(_) => return Err(self.refuse(Code::RequestTimeout).await),
            }
        }
    }

    /// Takes the first `used` bytes out of the request buffer.
    fn forget(&mut self, used: usize) {
        self.request.copy_within(used..self.received, 0);
        self.received -= used;
    }

    /// Answers with a page, or with the reason why there is none.
    async fn answer(&mut self, asked: Asked, page: Result<Page, Code>) -> Result<(), Ended> {
        count(&self.source.counters().http_requests);
        self.response.clear();
        let mut head = asked.head();
        match page {
            Ok(Page::Journal) => return self.answer_with_journal(asked, head).await,
            Ok(page) => match pages::render(page, self.source, self.response) {
                Ok(()) => head.kind = page.kind(),
                // A page that outgrew its buffer: the tests render the largest there is. Never half
                // a page.
                Err(_) => head.code = Code::InternalServerError,
            },
            Err(code) => head.code = code,
        }
        if head.code != Code::Ok {
            count(&self.source.counters().http_errors);
            pages::error(head.code, self.response);
        }
        let bytes = match asked.method {
            Method::Head => self.response.head(&head),
            _ => self.response.with_head(&head, true),
        };
        send(self.stream, bytes).await
    }

    /// The journal, in as many parts as it takes.
    async fn answer_with_journal(&mut self, asked: Asked, head: Head) -> Result<(), Ended> {
        // HTTP/1.0 knows no chunks, and finds the end of the text at the end of the connection.
        let framing = if asked.is_http_1_0 { Framing::ToTheEnd } else { Framing::Chunked };
        let keep_alive = head.keep_alive && !asked.is_http_1_0;
        let head = Head { framing, keep_alive, ..head };
        if asked.method == Method::Head {
            send(self.stream, self.response.head(&head)).await?;
        } else {
            let mut reader = pages::JournalReader::new();
            let mut is_first = true;
            let mut is_last = false;
            // Bounded: the reader takes an entry at least each turn, and a limited number of them.
            while !is_last {
                self.response.clear();
                is_last = reader.fill(self.source, self.response);
                let bytes = match is_first {
                    true => self.response.with_head(&head, is_last),
                    false => self.response.part(framing, is_last),
                };
                send(self.stream, bytes).await?;
                is_first = false;
            }
        }
        if keep_alive || !asked.keep_alive {
            return Ok(());
        }
        Err(Ended::Answered("closed after the answer"))
    }

    /// Sends bytes, unless somebody else is being sent some.
    async fn send_bytes(&mut self, asked: Asked, wanted: Wanted) -> Result<(), Ended> {
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
            let bytes = match is_first {
                true => self.response.with_head(&head, rest == 0),
                false => self.response.part(framing, rest == 0),
            };
            send(self.stream, bytes).await?;
            if rest == 0 {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(Ended::Failed("client reads too slowly"));
            }
        }
    }

    /// Takes bytes, unless somebody else's are being taken, and answers what they were.
    async fn take_bytes(&mut self, asked: Asked) -> Result<(), Ended> {
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
            send(self.stream, b"HTTP/1.1 100 Continue\r\n\r\n").await?;
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

    /// Answers that this is no request of ours. The connection ends, since nobody knows where the
    /// next request would begin; but not before the client had time to see the answer: a client
    /// that is still sending would be told by a reset, and lose it.
    async fn refuse(&mut self, code: Code) -> Ended {
        let asked = Asked {
            work: Work::Answer(Err(code)),
            method: Method::Other,
            is_http_1_0: false,
            keep_alive: false,
            content: Content::None,
            expects_continue: false,
            takes_content: false,
        };
        if let Err(ended) = self.answer(asked, Err(code)).await {
            return ended;
        }
        let until = Instant::now() + time(HTTP_LINGER);
        let mut taken = 0;
        while taken < HTTP_LINGER_BYTES_MAX {
            match with_deadline(until, self.stream.read(&mut self.request[..])).await {
                Ok(Ok(bytes)) if bytes > 0 => taken += bytes,
                _ => break,
            }
        }
        Ended::Answered(code.reason())
    }
}

impl Asked {
    fn of(head: &request::Head<'_>) -> Self {
        let is_bytes = head.path == bytes::PATH;
        let work = match head.method {
            Method::Get | Method::Head if is_bytes => {
                Wanted::parse(head.query).map_or_else(|code| Work::Answer(Err(code)), Work::Send)
            }
            Method::Put if is_bytes => Work::Take,
            Method::Get | Method::Head => Work::Answer(Page::at(head.path).ok_or(Code::NotFound)),
            Method::Put | Method::Other => Work::Answer(Err(Code::MethodNotAllowed)),
        };
        Self {
            work,
            method: head.method,
            is_http_1_0: head.is_http_1_0,
            keep_alive: head.keep_alive,
            content: head.content,
            expects_continue: head.expects_continue,
            takes_content: is_bytes,
        }
    }

    /// The head of its answer, if all is well.
    fn head(&self) -> Head {
        Head {
            code: Code::Ok,
            kind: Kind::Text,
            framing: Framing::Length,
            keep_alive: self.keep_alive,
            to_http_1_0: self.is_http_1_0,
            takes_content: self.takes_content,
        }
    }
}

/// Writes all of it, within the time a client has for a response.
async fn send(stream: &mut impl Write, bytes: &[u8]) -> Result<(), Ended> {
    let all = async {
        let mut rest = bytes;
        while !rest.is_empty() {
            match stream.write(rest).await {
                Ok(taken) if taken > 0 => rest = rest.get(taken..).unwrap_or_default(),
                _ => return Err(Ended::Failed("connection lost")),
            }
        }
        Ok(())
    };
    match with_timeout(time(HTTP_SEND_TIMEOUT), all).await {
        Ok(result) => result,
        Err(_) => Err(Ended::Failed("client does not read")),
    }
}

/// A limit, as the clock of the tasks counts.
fn time(limit: core::time::Duration) -> Duration {
    Duration::from_micros(u64::try_from(limit.as_micros()).unwrap_or(u64::MAX))
}
