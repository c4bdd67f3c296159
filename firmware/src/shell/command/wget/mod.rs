//! `wget`: fetches what a web server has, as GNU wget 1.21.3 does.
//!
//! There are no files: content goes to the screen (`-O -`), to `/dev/null`, or is counted and
//! summed up, which is said where the real one says that it saves.

mod progress;
mod response;
mod settings;
mod url;

use core::fmt::{self, Write as _};

use crc::{CRC_32_ISO_HDLC, Crc, Digest};
use embassy_time::{Instant, Timer, with_timeout};
use embedded_io_async::{Read, Write};
use smoltcp::wire::{IpAddress, IpEndpoint};

use self::progress::{Bar, rate_text, size_text, time_text};
use self::response::{Framing, Head, Parsed};
use self::settings::{Output, Settings, Told};
use self::url::Url;
use super::date::{self, Stamp};
use super::{About, Arguments, Context, FAILURE, Misuse, Operands, Outcome, Then};
use super::{flag, value};
use crate::Text;
use crate::limits::{SHELL_TEXT_BYTES, WGET_HEAD_BYTES_MAX, WGET_URL_BYTES_MAX, WGET_WAIT_MAX};
use crate::net::names::resolver::{literal, resolve};
use crate::net::{NetError, TcpStream};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[OPTION]... [URL]...",
    summary: "fetch what a web server has",
    options: &[
        value("O", "output-document", "FILE", "write to the screen (-) or nowhere"),
        flag("q", "quiet", "quiet (no output)"),
        flag("v", "verbose", "be verbose (this is the default)"),
        flag("", "no-verbose", "a line for each file"),
        value("n", "", "v", "-nv: a line for each file"),
        flag("S", "server-response", "print server response"),
        flag("", "spider", "don't download anything"),
        value("t", "tries", "NUMBER", "set number of retries to NUMBER (0 unlimits)"),
        value("T", "timeout", "SECONDS", "set all timeout values to SECONDS"),
        value("", "max-redirect", "NUMBER", "maximum redirections allowed per page"),
        flag("4", "inet4-only", "connect only to IPv4 addresses"),
        flag("6", "inet6-only", "connect only to IPv6 addresses"),
    ],
    operands: Operands::Hosts,
    usage: Some(USAGE),
    misuse: Misuse { status: 2, then: Then::Text(TRY), ..About::NEW.misuse },
    ..About::NEW
};

// In the words of wget.
const USAGE: &str = "\
Usage: wget [OPTION]... [URL]...

Mandatory arguments to long options are mandatory for short options too.

  -h,  --help                      print this help
  -q,  --quiet                     quiet (no output)
  -v,  --verbose                   be verbose (this is the default)
  -nv, --no-verbose                turn off verboseness, without being quiet
  -t,  --tries=NUMBER              set number of retries to NUMBER (0 unlimits)
  -O,  --output-document=FILE      write documents to FILE: - or /dev/null
  -S,  --server-response           print server response
       --spider                    don't download anything
  -T,  --timeout=SECONDS           set all timeout values to SECONDS
  -4,  --inet4-only                connect only to IPv4 addresses
  -6,  --inet6-only                connect only to IPv6 addresses
       --max-redirect              maximum redirections allowed per page
";
const TRY: &str = "\
Usage: wget [OPTION]... [URL]...

Try `wget --help' for more options.
";

/// The exit status of trouble with the network.
const NETWORK: u8 = 4;
/// The exit status of a password that is missing.
const PASSWORD: u8 = 6;
/// The exit status of an answer that says no.
const SERVER: u8 = 8;

/// Bytes of a request: the longest URL, twice its host, and what is around them.
const REQUEST_BYTES: usize = WGET_URL_BYTES_MAX * 2 + 256;

/// The sum that `PUT /bytes` answers, that of Ethernet, gzip and PNG.
static SUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let settings = match Settings::read(arguments) {
        Ok(settings) => settings,
        Err(wrong) => {
            context.complain(format_args!("{wrong}")).await;
            return Outcome::Status(2);
        }
    };
    if settings.urls.is_empty() {
        context.complain(format_args!("missing URL")).await;
        context.write(TRY).await;
        return FAILURE;
    }
    let mut wget = Wget { context, settings: &settings, files: 0, bytes: 0, taken: Taken::ZERO };
    let begun = Instant::now();
    let mut worst = 0;
    for typed in &settings.urls {
        worst = match Url::typed(typed) {
            Ok(url) => wget.fetch(url).await.max(worst),
            Err(wrong) => {
                wget.say(Told::Little, format_args!("{typed}: {wrong}.\n")).await;
                worst.max(1)
            }
        };
    }
    if settings.urls.len() > 1 && wget.files > 0 {
        wget.tell_all(begun).await;
    }
    Outcome::Status(worst)
}

type Taken = core::time::Duration;

/// A run.
struct Wget<'a> {
    context: &'a Context<'a>,
    settings: &'a Settings<'a>,
    files: u32,
    bytes: u64,
    taken: Taken,
}

/// How one try to fetch something ended.
enum Tried {
    /// With this exit status.
    Done(u8),
    /// Elsewhere is where it is.
    Moved(Url),
    /// In a way that may be better the next time.
    Again,
}

/// What content came to.
struct Fetched {
    /// Bytes, those of earlier tries included.
    bytes: u64,
    /// How long it took.
    taken: Taken,
    /// Why it is not all.
    missing: Option<Missing>,
}

/// Why content is not whole.
enum Missing {
    /// The server closed the connection.
    Closed,
    /// It cannot be read.
    Unreadable(&'static str),
}

/// Content so far, over all tries.
struct Content {
    bytes: u64,
    sum: Digest<'static, u32>,
}

impl Wget<'_> {
    /// Prints text if as much is to be told.
    async fn say(&self, least: Told, text: fmt::Arguments<'_>) {
        if self.settings.told >= least {
            self.context.print(text).await;
        }
    }

    fn stamp(&self) -> Stamp {
        date::stamp(self.context.system)
    }

    /// Fetches one thing, in as many tries as it takes; returns the exit status.
    async fn fetch(&mut self, mut url: Url) -> u8 {
        let Settings { tries, redirections, spider, .. } = *self.settings;
        let mut content = Content { bytes: 0, sum: SUM.digest() };
        if spider {
            let text = format_args!("Spider mode enabled. Check if remote file exists.\n");
            self.say(Told::All, text).await;
        }
        let mut moves = 0;
        let mut tried: u32 = 1;
        loop {
            let stamp = self.stamp();
            match tried {
                1 => self.say(Told::All, format_args!("--{stamp}--  {url}\n")).await,
                _ => {
                    self.say(Told::All, format_args!("--{stamp}--  (try:{tried:2})  {url}\n")).await
                }
            }
            match self.once(&url, &mut content, tried).await {
                Tried::Done(status) => return status,
                Tried::Moved(next) => {
                    moves += 1;
                    if moves > redirections {
                        let text = format_args!("{redirections} redirections exceeded.\n");
                        self.say(Told::Little, text).await;
                        return SERVER;
                    }
                    (url, tried) = (next, 1);
                }
                Tried::Again if tried == tries => {
                    self.say(Told::All, format_args!("Giving up.\n\n")).await;
                    return NETWORK;
                }
                Tried::Again => {
                    self.say(Told::All, format_args!("Retrying.\n\n")).await;
                    let pause = u64::from(tried).min(WGET_WAIT_MAX.as_secs());
                    Timer::after_secs(pause).await;
                    tried += 1;
                }
            }
        }
    }

    /// One try.
    async fn once(&mut self, url: &Url, content: &mut Content, tried: u32) -> Tried {
        let mut stream = match self.connect(url).await {
            Ok(stream) => stream,
            Err(tried) => return tried,
        };
        self.say(Told::All, format_args!("HTTP request sent, awaiting response... ")).await;
        let mut buffer = [0; WGET_HEAD_BYTES_MAX];
        let mut received = match self.ask(url, &mut stream, &mut buffer).await {
            Ok(received) => received,
            Err(what) => {
                match what {
                    None => self.say(Told::Little, format_args!("No data received.\n")).await,
                    Some(why) => {
                        let text = format_args!("Read error ({why}) in headers.\n");
                        self.say(Told::Little, text).await;
                    }
                }
                return Tried::Again;
            }
        };
        let (verdict, used) = match Head::parse(&buffer[..received]) {
            Parsed::Whole(head, used) => (self.judge(url, &head).await, used),
            Parsed::Incomplete | Parsed::None => {
                self.say(Told::All, format_args!("200 No headers, assuming HTTP/0.9\n")).await;
                self.announce(url, Framing::Close, "").await;
                (Ok(Framing::Close), 0)
            }
        };
        let framing = match verdict {
            Ok(framing) => framing,
            Err(tried) => return tried,
        };
        buffer.copy_within(used..received, 0);
        received -= used;
        let fetched = self.take(url, framing, &mut stream, &mut buffer, received, content).await;
        self.conclude(url, framing, &fetched, content, tried).await
    }

    /// Opens a connection to the host's first address that answers.
    async fn connect(&self, url: &Url) -> Result<TcpStream, Tried> {
        let Self { context, settings, .. } = *self;
        let (host, port) = (url.host(), url.port);
        let is_name = literal(host).is_none();
        if is_name {
            self.say(Told::All, format_args!("Resolving {host} ({host})... ")).await;
        }
        let addresses = match resolve(context.system, host, settings.family).await {
            Ok(addresses) => addresses,
            Err(error) => {
                self.say(Told::Little, format_args!("failed: {error}.\n")).await;
                let text = format_args!("wget: unable to resolve host address ‘{host}’\n");
                self.say(Told::Little, text).await;
                return Err(Tried::Done(NETWORK));
            }
        };
        if is_name {
            let mut text = Text::<SHELL_TEXT_BYTES>::new();
            let mut comma = "";
            for address in &addresses {
                // A Text never fails.
                let _ = write!(text, "{comma}{address}");
                comma = ", ";
            }
            self.say(Told::All, format_args!("{text}\n")).await;
        }
        let mut may_pass = false;
        for address in addresses {
            let shown = Shown(address);
            match is_name {
                true => {
                    let text = format_args!("Connecting to {host} ({host})|{shown}|:{port}... ");
                    self.say(Told::All, text).await;
                }
                false => {
                    self.say(Told::All, format_args!("Connecting to {shown}:{port}... ")).await
                }
            }
            let connecting = context.system.connect("wget", IpEndpoint::new(address, port));
            let error = match within(settings, connecting).await.unwrap_or(Err(NetError::TimedOut))
            {
                Ok(stream) => {
                    self.say(Told::All, format_args!("connected.\n")).await;
                    return Ok(stream);
                }
                Err(error) => error,
            };
            self.say(Told::Little, format_args!("failed: {error}.\n")).await;
            may_pass = error == NetError::TimedOut;
        }
        Err(if may_pass { Tried::Again } else { Tried::Done(NETWORK) })
    }

    /// Sends the request and reads until the response's head is whole, or none comes. Returns how
    /// many bytes are there, or why not: `None` if the connection was closed.
    async fn ask(
        &self,
        url: &Url,
        stream: &mut TcpStream,
        buffer: &mut [u8; WGET_HEAD_BYTES_MAX],
    ) -> Result<usize, Option<&'static str>> {
        let method = if self.settings.spider { "HEAD" } else { "GET" };
        let request: Text<REQUEST_BYTES> = Text::of(format_args!(
            "{method} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: Wget/1.21.3 (barewire/{})\r\n\
             Accept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n",
            url.path(),
            url.authority(),
            env!("CARGO_PKG_VERSION"),
        ));
        let sent = within(self.settings, stream.write_all(request.as_bytes())).await;
        sent.ok_or(TIMED_OUT)?.map_err(|error| Some(error.words()))?;
        let mut received = 0;
        // Bounded: each turn brings a byte at least, and the buffer is finite.
        loop {
            let room = &mut buffer[received..];
            if room.is_empty() {
                return Err(Some("header too long"));
            }
            let read = within(self.settings, stream.read(room)).await.ok_or(TIMED_OUT)?;
            match read.map_err(|error| Some(error.words()))? {
                0 if received == 0 => return Err(None),
                // The head was cut off, or what came is all there is.
                0 => {
                    let parsed = Head::parse(&buffer[..received]);
                    let is_cut = matches!(parsed, Parsed::Incomplete);
                    return if is_cut { Err(None) } else { Ok(received) };
                }
                count => received += count,
            }
            if !matches!(Head::parse(&buffer[..received]), Parsed::Incomplete) {
                return Ok(received);
            }
        }
    }

    /// Tells of a response's head, and decides what is to be done with what follows.
    async fn judge(&self, url: &Url, head: &Head<'_>) -> Result<Framing, Tried> {
        let Settings { head: shows_head, spider, told, .. } = *self.settings;
        let (status, reason) = (head.status, head.reason());
        if shows_head {
            self.say(Told::All, format_args!("\n")).await;
            for line in head.lines() {
                self.context.write("  ").await;
                self.context.write(line).await;
                self.context.write("\n").await;
            }
        } else {
            self.say(Told::All, format_args!("{status} {reason}\n")).await;
        }
        match status {
            300 | 301 | 302 | 303 | 307 | 308 => {
                let Some(location) = head.field("Location") else {
                    self.say(Told::All, format_args!("Location: unspecified\n")).await;
                    let text = format_args!("ERROR: Redirection ({status}) without location.\n");
                    self.say(Told::Little, text).await;
                    return Err(Tried::Done(SERVER));
                };
                self.say(Told::All, format_args!("Location: {location} [following]\n")).await;
                match url.follow(location) {
                    Ok(next) => return Err(Tried::Moved(next)),
                    Err(wrong) => {
                        self.say(Told::Little, format_args!("{location}: {wrong}.\n")).await;
                        return Err(Tried::Done(1));
                    }
                }
            }
            401 => {
                let text = format_args!("\nUsername/Password Authentication Failed.\n");
                self.say(Told::Little, text).await;
                return Err(Tried::Done(PASSWORD));
            }
            200..=299 => {}
            _ if spider => {
                let text = format_args!("Remote file does not exist -- broken link!!!\n\n");
                self.say(Told::All, text).await;
                return Err(Tried::Done(SERVER));
            }
            _ => {
                if told == Told::Little {
                    self.say(Told::Little, format_args!("{url}:\n")).await;
                }
                let (stamp, none) = (self.stamp(), "(no description)");
                let reason = if reason.is_empty() { none } else { reason };
                self.say(Told::Little, format_args!("{stamp} ERROR {status}: {reason}.\n")).await;
                self.say(Told::All, format_args!("\n")).await;
                return Err(Tried::Done(SERVER));
            }
        }
        let kind = head.content_type();
        let mut shown = heapless::String::<64>::new();
        if let Some(kind) = kind {
            // What is too long is not shown.
            let _ = write!(shown, " [{kind}]");
        }
        let framing = head.framing();
        if status != 204 {
            self.announce(url, framing, &shown).await;
        }
        if spider {
            // Without a type it is taken for a page.
            let is_page = kind.is_none_or(|kind| kind.eq_ignore_ascii_case("text/html"));
            let text = match is_page {
                true => {
                    "Remote file exists and could contain further links,\n\
                     but recursion is disabled -- not retrieving.\n\n"
                }
                false => "Remote file exists.\n\n",
            };
            self.say(Told::All, format_args!("{text}")).await;
            return Err(Tried::Done(0));
        }
        Ok(framing)
    }

    /// Tells how much will come, and where it goes.
    async fn announce(&self, url: &Url, framing: Framing, kind: &str) {
        match framing {
            Framing::Length(bytes @ 1024..) => {
                let size = size_text(bytes, 10.0, 1);
                self.say(Told::All, format_args!("Length: {bytes} ({size}){kind}\n")).await;
            }
            Framing::Length(bytes) => {
                self.say(Told::All, format_args!("Length: {bytes}{kind}\n")).await;
            }
            _ => self.say(Told::All, format_args!("Length: unspecified{kind}\n")).await,
        }
        if self.settings.spider {
            return;
        }
        match self.settings.output {
            Output::Screen => self.say(Told::All, format_args!("Saving to: ‘STDOUT’\n\n")).await,
            Output::Named(NOWHERE) => {
                self.say(Told::All, format_args!("Saving to: ‘{NOWHERE}’\n\n")).await;
            }
            _ => {
                let name = self.name(url);
                let text = format_args!("Not saving ‘{name}’: there are no files here\n\n");
                self.say(Told::All, text).await;
            }
        }
    }

    /// What the content is called.
    fn name<'u>(&'u self, url: &'u Url) -> &'u str {
        match self.settings.output {
            Output::Counted => url.file(),
            Output::Screen => "-",
            Output::Named(name) => name,
        }
    }

    /// Takes the content: what is in the buffer already, and what comes.
    async fn take(
        &self,
        url: &Url,
        mut framing: Framing,
        stream: &mut TcpStream,
        buffer: &mut [u8; WGET_HEAD_BYTES_MAX],
        mut received: usize,
        content: &mut Content,
    ) -> Fetched {
        let total = match framing {
            Framing::Length(bytes) => Some(bytes),
            _ => None,
        };
        let shows = self.settings.told == Told::All && framing != Framing::Nothing;
        let mut bar = Bar::new(self.name(url), total, self.context.screen.columns);
        let begun = Instant::now();
        if shows {
            self.context.write(&bar.draw(elapsed(begun), false)).await;
        }
        // Bytes of an earlier try, which come once more.
        let mut known = content.bytes;
        let mut bytes = 0;
        let missing = loop {
            let mut rest = &buffer[..received];
            let mut wrong = false;
            while !rest.is_empty() && !framing.is_done() {
                let Ok((data, used)) = framing.take(rest) else {
                    wrong = true;
                    break;
                };
                rest = &rest[used..];
                bytes += data.len() as u64;
                let new = &data[data.len().min(usize::try_from(known).unwrap_or(usize::MAX))..];
                known -= (data.len() - new.len()) as u64;
                content.bytes += new.len() as u64;
                content.sum.update(new);
                if self.settings.output == Output::Screen {
                    self.context.channel.output.write_all(new).await;
                }
                let is_due = bar.count(data.len() as u64, elapsed(begun));
                if shows && is_due {
                    self.context.write(&bar.draw(elapsed(begun), false)).await;
                }
            }
            if wrong {
                break Some(Missing::Unreadable("bad chunk"));
            }
            if framing.is_done() {
                break None;
            }
            match within(self.settings, stream.read(buffer)).await {
                None => break Some(Missing::Unreadable("Connection timed out")),
                Some(Err(error)) => break Some(Missing::Unreadable(error.words())),
                Some(Ok(0)) if framing.ends_by_close() => break None,
                Some(Ok(0)) => break Some(Missing::Closed),
                Some(Ok(count)) => received = count,
            }
        };
        let taken = elapsed(begun);
        if shows {
            self.context.write(&bar.draw(taken, true)).await;
            self.context.write("\n\n").await;
        }
        Fetched { bytes, taken, missing }
    }

    /// Tells what came of it.
    async fn conclude(
        &mut self,
        url: &Url,
        framing: Framing,
        fetched: &Fetched,
        content: &Content,
        tried: u32,
    ) -> Tried {
        let Fetched { bytes, taken, missing } = fetched;
        let (stamp, rate) = (self.stamp(), rate_text(*bytes, *taken));
        let head: Text<64> = Text::of(format_args!("{stamp} ({rate}) - "));
        let total = match framing {
            Framing::Length(total) => Some(total),
            _ => None,
        };
        match missing {
            Some(Missing::Closed) => {
                let text = format_args!("{head}Connection closed at byte {bytes}. ");
                self.say(Told::All, text).await;
                return Tried::Again;
            }
            Some(Missing::Unreadable(why)) => {
                match total {
                    Some(total) => {
                        let text =
                            format_args!("{head}Read error at byte {bytes}/{total} ({why}). ");
                        self.say(Told::All, text).await;
                    }
                    None => {
                        let text = format_args!("{head}Read error at byte {bytes} ({why}). ");
                        self.say(Told::All, text).await;
                    }
                }
                return Tried::Again;
            }
            None => {}
        }
        self.files += 1;
        self.bytes += bytes;
        self.taken += *taken;
        let size: Text<48> = match total {
            Some(total) => Text::of(format_args!("[{bytes}/{total}]")),
            None => Text::of(format_args!("[{bytes}]")),
        };
        let name = self.name(url);
        let sum = content.sum.clone().finalize();
        match (self.settings.told, self.settings.output) {
            (Told::Nothing, _) => {}
            (Told::Little, Output::Screen | Output::Named(NOWHERE)) => {
                let text = format_args!("{stamp} URL:{url} {size} -> \"{name}\" [{tried}]\n");
                self.say(Told::Little, text).await;
            }
            (Told::Little, _) => {
                let text = format_args!("{stamp} URL:{url} {size}, CRC-32 {sum:08x} [{tried}]\n");
                self.say(Told::Little, text).await;
            }
            (Told::All, Output::Screen) => {
                let text = format_args!("{head}written to stdout {size}\n\n");
                self.say(Told::All, text).await;
            }
            (Told::All, Output::Named(NOWHERE)) => {
                self.say(Told::All, format_args!("{head}‘{name}’ saved {size}\n\n")).await;
            }
            (Told::All, _) => {
                let text = format_args!("{head}‘{name}’ counted {size}, CRC-32 {sum:08x}\n\n");
                self.say(Told::All, text).await;
            }
        }
        Tried::Done(0)
    }

    /// Tells what several files came to.
    async fn tell_all(&self, begun: Instant) {
        let Self { files, bytes, taken, .. } = *self;
        let (stamp, wall) = (self.stamp(), time_text(elapsed(begun)));
        let text = format_args!("FINISHED --{stamp}--\nTotal wall clock time: {wall}\n");
        self.say(Told::Little, text).await;
        let (size, time) = (size_text(bytes, 10.0, 1), time_text(taken));
        let rate = rate_text(bytes, taken);
        let text = format_args!("Downloaded: {files} files, {size} in {time} ({rate})\n");
        self.say(Told::Little, text).await;
    }
}

/// The file into which everything goes, and nothing stays.
const NOWHERE: &str = "/dev/null";

/// Why something did not come, for want of an answer.
const TIMED_OUT: Option<&str> = Some("Connection timed out");

fn elapsed(since: Instant) -> Taken {
    since.elapsed().into()
}

/// Waits no longer than the settings allow.
async fn within<F: Future>(settings: &Settings<'_>, work: F) -> Option<F::Output> {
    let limit = settings.timeout.and_then(|limit| embassy_time::Duration::try_from(limit).ok());
    match limit {
        Some(limit) => with_timeout(limit, work).await.ok(),
        None => Some(work.await),
    }
}

/// An address as it stands before a port.
struct Shown(IpAddress);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddress::Ipv4(address) => write!(f, "{address}"),
            IpAddress::Ipv6(address) => write!(f, "[{address}]"),
        }
    }
}
