//! One connection: requests in, responses out, each wait with a deadline.
//!
//! Generic over the stream, so that the tests talk to it without TCP.

use core::ops::Range;

use embassy_futures::poll_once;
use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Instant, Timer, with_deadline, with_timeout};
use embedded_io_async::{Read, Write};
use smoltcp::wire::IpEndpoint;

use crate::limits::{
    HTTP_CONTENT_BYTES_MAX, HTTP_HEAD_BYTES_MAX, HTTP_HEAD_TIMEOUT, HTTP_IDLE_TIMEOUT, HTTP_LINGER,
    HTTP_LINGER_BYTES_MAX, HTTP_PATIENCE_IN_A_CROWD, HTTP_REQUESTS_IN_A_CROWD,
    HTTP_REQUESTS_PER_CONNECTION_MAX, HTTP_SEND_TIMEOUT,
};
use crate::status::count;

use super::Source;
use super::file::Served;
use super::pages::{self, Listed, Page};
use super::patience::Patient;
use super::request::{self, Content, Method, Parsed};
use super::response::{Code, Framing, Head, Kind, Response};
use super::route::Work;

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
    /// The client has nothing to ask for now, and others have: it may come again.
    GaveWay,
}

impl Ended {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Answered(reason) | Self::Failed(reason) => reason,
            Self::GaveWay => "gave way",
        }
    }
}

/// What a request asks of us, once its head is no longer needed.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) work: Work,
    pub(super) method: Method,
    pub(super) is_http_1_0: bool,
    pub(super) keep_alive: bool,
    pub(super) content: Content,
    pub(super) expects_continue: bool,
    /// Methods besides GET and HEAD that are offered at the path.
    more_methods: &'static str,
}

/// Answers the requests of `peer` until the connection ends. `crowd` returns when another client
/// waits for somebody to serve it: then this one goes, unless it has a request under way that is
/// neither asked for nor taken too slowly.
pub(super) async fn serve<S: Read + Write>(
    source: &impl Source,
    stream: &mut S,
    peer: IpEndpoint,
    buffers: &mut Buffers,
    crowd: impl AsyncFn(),
) -> Ended {
    let Buffers { request, response } = buffers;
    let stream = &mut Patient::new(stream, &crowd);
    let mut connection =
        Connection { source, stream, peer, request, received: 0, response, crowd: &crowd };
    for served in 1..=HTTP_REQUESTS_PER_CONNECTION_MAX {
        let mut asked = match connection.next_request().await {
            Ok(asked) => asked,
            Err(ended) => return ended,
        };
        // Nor does one that never is silent keep its place for long while others wait; and one that
        // asks ahead, and may not read, is answered but once.
        let is_long = served >= HTTP_REQUESTS_IN_A_CROWD || connection.received > 0;
        let is_crowd = is_long && poll_once(crowd()).is_ready();
        asked.keep_alive &= served < HTTP_REQUESTS_PER_CONNECTION_MAX && !is_crowd;
        if let Err(ended) = connection.do_work(&asked).await {
            return ended;
        }
        if !asked.keep_alive {
            return Ended::Answered("closed after the answer");
        }
    }
    Ended::Answered("enough requests")
}

pub(super) struct Connection<'a, S, B, C> {
    pub(super) source: &'a B,
    pub(super) stream: &'a mut S,
    /// The other end.
    pub(super) peer: IpEndpoint,
    pub(super) request: &'a mut [u8; HTTP_HEAD_BYTES_MAX],
    /// Bytes in `request`: this request, and what the client sent after it.
    pub(super) received: usize,
    pub(super) response: &'a mut Response,
    /// Returns when another client waits for somebody to serve it.
    crowd: &'a C,
}

impl<S: Read + Write, B: Source, C: AsyncFn()> Connection<'_, S, B, C> {
    /// The next request, with its content read past. What cannot be answered by a page is answered
    /// here. While nothing of it is there, the wait ends when another client waits.
    async fn next_request(&mut self) -> Result<Asked, Ended> {
        let mut began = None;
        // Bounded: each turn takes a byte at least, and a full buffer is never incomplete.
        let (asked, used) = loop {
            match request::Head::parse(&self.request[..self.received]) {
                Parsed::Whole(head, used) => break (Asked::of(&head), used),
                Parsed::Refused(code) => return Err(self.refuse(code).await),
                Parsed::Incomplete => {}
            }
            let now = Instant::now();
            if self.received > 0 {
                let began = *began.get_or_insert(now);
                self.received += self.read_more(began, self.received..HTTP_HEAD_BYTES_MAX).await?;
                continue;
            }
            let read = select(self.stream.read(&mut self.request[..]), (self.crowd)());
            match with_deadline(now + time(HTTP_IDLE_TIMEOUT), read).await {
                Ok(Either::First(Ok(0))) => return Err(Ended::Answered("client closed")),
                Ok(Either::First(Ok(bytes))) => self.received = bytes,
                Ok(Either::First(Err(_))) => return Err(Ended::Failed("connection lost")),
                Ok(Either::Second(())) => return Err(Ended::GaveWay),
                Err(_) => return Err(Ended::Answered("idle")),
            }
        };
        self.forget(used);
        self.read_past(asked).await
    }

    /// Reads on in a request that began then, into a part of the buffer. Who is slow with it has
    /// less time while others wait.
    pub(super) async fn read_more(
        &mut self,
        began: Instant,
        room: Range<usize>,
    ) -> Result<usize, Ended> {
        let gives_way = async {
            Timer::at(began + time(HTTP_PATIENCE_IN_A_CROWD)).await;
            (self.crowd)().await;
        };
        let read = select(self.stream.read(&mut self.request[room]), gives_way);
        match with_deadline(began + time(HTTP_HEAD_TIMEOUT), read).await {
            Ok(Either::First(Ok(0))) => Err(Ended::Answered("client closed within a request")),
            Ok(Either::First(Ok(bytes))) => Ok(bytes),
            Ok(Either::First(Err(_))) => Err(Ended::Failed("connection lost")),
            Ok(Either::Second(())) | Err(_) => Err(self.refuse(Code::RequestTimeout).await),
        }
    }

    /// Reads past a request's content. Where that cannot be done the connection ends after the
    /// answer, so that content is never taken for a request.
    async fn read_past(&mut self, asked: Asked) -> Result<Asked, Ended> {
        let mut rest = match asked.content {
            Content::None => return Ok(asked),
            // That is what is wanted.
            _ if matches!(asked.work, Work::Take | Work::Turn) => return Ok(asked),
            Content::Bytes(bytes) if bytes > HTTP_CONTENT_BYTES_MAX => {
                return Err(self.refuse(Code::ContentTooLarge).await);
            }
            Content::Bytes(bytes) if !asked.expects_continue => bytes,
            Content::Bytes(_) | Content::Chunked => {
                return Ok(Asked { keep_alive: false, ..asked });
            }
        };
        let began = Instant::now();
        loop {
            // What is in the buffer counts first.
            let here = usize::try_from(rest).unwrap_or(usize::MAX).min(self.received);
            self.forget(here);
            rest -= here as u64;
            if rest == 0 {
                return Ok(asked);
            }
            self.received = self.read_more(began, 0..HTTP_HEAD_BYTES_MAX).await?;
        }
    }

    /// Takes the first `used` bytes out of the request buffer.
    pub(super) fn forget(&mut self, used: usize) {
        self.request.copy_within(used..self.received, 0);
        self.received -= used;
    }

    async fn do_work(&mut self, asked: &Asked) -> Result<(), Ended> {
        match &asked.work {
            Work::Answer(page) => self.answer(asked, *page).await,
            Work::List(list) => self.answer_in_parts(asked, *list).await,
            Work::File(served) => self.send_file(asked, served).await,
            Work::Send(wanted) => self.send_bytes(asked, *wanted).await,
            Work::Take => self.take_bytes(asked).await,
            Work::Turn => self.take_form(asked).await,
            Work::Life { is_page } => self.tell_life(asked, *is_page).await,
            Work::Events(first) => self.send_events(asked, *first).await,
            Work::Frames(wanted) => self.send_frames(asked, wanted).await,
        }
    }

    /// Answers with a page, or with the reason why there is none.
    pub(super) async fn answer(
        &mut self,
        asked: &Asked,
        page: Result<Page, Code>,
    ) -> Result<(), Ended> {
        count(&self.source.counters().http_requests);
        self.response.clear();
        let mut head = asked.head();
        let rendered = page.and_then(|page| {
            head.kind = page.kind();
            // A page that outgrew its buffer: the tests render the largest there is. Never half a
            // page.
            let all = pages::render(page, self.source, self.response);
            all.map_err(|_| Code::InternalServerError)
        });
        if let Err(code) = rendered {
            pages::error(code, self.response);
            return self.complain(asked, code).await;
        }
        let bytes = match asked.method {
            Method::Head => self.response.head(&head),
            _ => self.response.with_head(&head, true),
        };
        send(self.stream, bytes).await
    }

    /// Answers that something is wrong, in the words that are in the response.
    pub(super) async fn complain(&mut self, asked: &Asked, code: Code) -> Result<(), Ended> {
        count(&self.source.counters().http_errors);
        let head = Head { code, ..asked.head() };
        let bytes = match asked.method {
            Method::Head => self.response.head(&head),
            _ => self.response.with_head(&head, true),
        };
        send(self.stream, bytes).await
    }

    /// A document in as many parts as it takes: in one piece, if it takes but one.
    async fn answer_in_parts(&mut self, asked: &Asked, list: Listed) -> Result<(), Ended> {
        count(&self.source.counters().http_requests);
        let mut head = Head { kind: list.kind(), ..asked.head_of_parts() };
        let mut reader = pages::Reader::new(list);
        let mut is_first = true;
        let mut is_last = false;
        // Bounded: the reader takes an item at least each turn, and there is a limited number of
        // them.
        while !is_last {
            self.response.clear();
            is_last = reader.fill(self.source, self.response);
            if is_first && is_last {
                head = Head { kind: list.kind(), ..asked.head() };
            }
            if asked.method == Method::Head {
                return send(self.stream, self.response.head(&head)).await;
            }
            self.send_part(&head, is_first, is_last).await?;
            is_first = false;
        }
        match head.framing {
            Framing::Length => Ok(()),
            _ => self.after_parts(asked, &head),
        }
    }

    /// A file, or the part of it that was asked for.
    async fn send_file(&mut self, asked: &Asked, served: &Served) -> Result<(), Ended> {
        let code = served.code();
        let mut rest = served.bytes();
        let mut head = Head {
            code,
            kind: served.file.kind,
            framing: Framing::Parts(rest.len() as u64),
            file: Some(served.clone()),
            ..asked.head()
        };
        self.response.clear();
        if code == Code::RangeNotSatisfiable {
            pages::error(code, self.response);
            head = Head { kind: Kind::Text, framing: Framing::Length, ..head };
            count(&self.source.counters().http_errors);
        } else if code == Code::NotModified {
            head.framing = Framing::Nothing;
        }
        count(&self.source.counters().http_requests);
        if asked.method == Method::Head {
            return send(self.stream, self.response.head(&head)).await;
        }
        let mut is_first = true;
        // Bounded: each turn takes a part from the rest.
        loop {
            let (part, left) = rest.split_at(rest.len().min(self.response.room()));
            // Cannot fail: there is room.
            let _ = self.response.append(part);
            rest = left;
            self.send_part(&head, is_first, rest.is_empty()).await?;
            if rest.is_empty() {
                return Ok(());
            }
            is_first = false;
            self.response.clear();
        }
    }

    /// Answers that this is no request of ours. The connection ends, since nobody knows where the
    /// next request would begin; but not before the client had time to see the answer: a client
    /// that is still sending would be told by a reset, and lose it.
    pub(super) async fn refuse(&mut self, code: Code) -> Ended {
        let asked = Asked {
            work: Work::Answer(Err(code)),
            method: Method::Other,
            is_http_1_0: false,
            keep_alive: false,
            content: Content::None,
            expects_continue: false,
            more_methods: "",
        };
        if let Err(ended) = self.answer(&asked, Err(code)).await {
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
        Self {
            work: Work::of(head),
            method: head.method,
            is_http_1_0: head.is_http_1_0,
            keep_alive: head.keep_alive,
            content: head.content,
            expects_continue: head.expects_continue,
            more_methods: Work::more_methods(head.path),
        }
    }

    /// The head of an answer whose length nobody knows. HTTP/1.0 knows no chunks, and finds the end
    /// at the end of the connection.
    pub(super) fn head_of_parts(&self) -> Head {
        let framing = if self.is_http_1_0 { Framing::ToTheEnd } else { Framing::Chunked };
        let keep_alive = self.keep_alive && !self.is_http_1_0;
        Head { framing, keep_alive, ..self.head() }
    }

    /// The head of its answer, if all is well.
    pub(super) fn head(&self) -> Head {
        Head {
            code: Code::Ok,
            kind: Kind::Text,
            framing: Framing::Length,
            keep_alive: self.keep_alive,
            to_http_1_0: self.is_http_1_0,
            more_methods: self.more_methods,
            location: None,
            file: None,
        }
    }
}

/// Writes all of it, within the time a client has for a response.
pub(super) async fn send(stream: &mut impl Write, bytes: &[u8]) -> Result<(), Ended> {
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
pub(super) fn time(limit: core::time::Duration) -> Duration {
    Duration::from_micros(u64::try_from(limit.as_micros()).unwrap_or(u64::MAX))
}
