//! A connection, a request, and the head of the response.

use core::fmt::{self, Write as _};

use embedded_io_async::{Read, Write};
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::response::{Framing, Head, Parsed};
use super::settings::{Settings, Told};
use super::url::Url;
use super::{NETWORK, PASSWORD, SERVER, Tried, Wget, within};
use crate::Text;
use crate::limits::{SHELL_TEXT_BYTES, WGET_HEAD_BYTES_MAX, WGET_URL_BYTES_MAX};
use crate::net::names::resolver::{literal, resolve};
use crate::net::{NetError, TcpStream};

/// Bytes of a request: the longest URL, twice its host, and what is around them.
const REQUEST_BYTES: usize = WGET_URL_BYTES_MAX * 2 + 256;

/// Why something did not come, for want of an answer.
const TIMED_OUT: Option<&str> = Some("Connection timed out");

impl Wget<'_> {
    /// Opens a connection to the host's first address that answers.
    pub(super) async fn connect(&self, url: &Url) -> Result<TcpStream, Tried> {
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
    pub(super) async fn ask(
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
    pub(super) async fn judge(&self, url: &Url, head: &Head<'_>) -> Result<Framing, Tried> {
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
