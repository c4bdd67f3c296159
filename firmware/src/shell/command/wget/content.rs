//! What follows the head: it is counted, summed up or shown, and told of.

use embassy_time::Instant;
use embedded_io_async::Read;

use super::progress::{Bar, rate_text, size_text};
use super::response::Framing;
use super::settings::{Output, Told};
use super::url::Url;
use super::{Content, Fetched, Missing, Tried, Wget, elapsed, within};
use crate::Text;
use crate::limits::WGET_HEAD_BYTES_MAX;
use crate::net::TcpStream;

/// The file into which everything goes, and nothing stays.
const NOWHERE: &str = "/dev/null";

impl Wget<'_> {
    /// Tells how much will come, and where it goes.
    pub(super) async fn announce(&self, url: &Url, framing: Framing, kind: &str) {
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
    pub(super) async fn take(
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
    pub(super) async fn conclude(
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
}
