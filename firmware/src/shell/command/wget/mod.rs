//! `wget`: fetches what a web server has, as GNU wget 1.21.3 does.
//!
//! There are no files: content goes to the screen (`-O -`), to `/dev/null`, or is counted and
//! summed up, which is said where the real one says that it saves.

mod content;
mod exchange;
mod progress;
mod response;
mod settings;
mod url;

use core::fmt;

use crc::{CRC_32_ISO_HDLC, Crc, Digest};
use embassy_time::{Instant, Timer, with_timeout};

use self::progress::{rate_text, size_text, time_text};
use self::response::{Framing, Head, Parsed};
use self::settings::{Settings, Told};
use self::url::Url;
use super::date::{self, Stamp};
use super::{About, Arguments, Context, FAILURE, Misuse, Operands, Outcome, Then};
use super::{flag, value};
use crate::limits::{WGET_HEAD_BYTES_MAX, WGET_WAIT_MAX};

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
#[expect(clippy::large_enum_variant, reason = "one at a time, and there is no heap")]
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
