//! The web server: what the board is, and its live counters, for people (`/`) and programs
//! (`/status.json` and others, documented in docs/http-api.md).
//!
//! ```text
//!   request.rs      bytes -> Head            (no I/O); query.rs
//!   route.rs        Head -> Work             (no I/O): what is where; sender.rs: who may change it
//!   pages.rs        path -> Page -> content  (no I/O); status_json.rs, icon.rs, and what may be
//!                                            longer: index.rs, tables.rs, metrics.rs, lab.rs
//!   page.rs         what the pages for people have in common
//!   file.rs         the files of firmware/web: which form, which part (no I/O)
//!   life.rs         a visitor's frames -> /life.json (no I/O)
//!   frames.rs       captured frames -> pcapng (no I/O)
//!   response.rs     Head + content -> bytes  (no I/O)
//!   bytes.rs        a path to measure by     (no I/O)
//!   connection.rs   requests and responses on one connection, with deadlines;
//!                   exchange.rs (/bytes, /lab), live.rs (/events, /pcap)
//!   patience.rs     what a slow client is granted while others wait
//! ```

mod bytes;
mod connection;
mod exchange;
mod file;
pub mod frames;
mod icon;
mod index;
mod lab;
mod life;
mod live;
mod metrics;
mod page;
mod pages;
mod patience;
pub mod query;
pub mod request;
mod response;
mod route;
mod sender;
mod status_json;
mod tables;
mod text;

#[cfg(test)]
mod tests;

use core::time::Duration;

use crate::clock::UnixTime;
use crate::journal::Entry;
use crate::net::{Neighbor, Route, SocketInfo, TcpListener};
use crate::shell::{Places, Progress};
use crate::status::{BoardFacts, Drops, ServiceCounters, Status};
use crate::system::System;
use crate::wire::{Faults, ProtocolCounters, Recording, Tally, Way};

pub use bytes::Streams;
use connection::{Buffers, Ended};
pub use response::Code;

/// What pages show: of the system, and in tests of nothing.
trait Source: Recording {
    /// This moment's status.
    fn status(&self) -> Status;
    /// What the board is.
    fn facts(&self) -> &BoardFacts;
    /// What was dropped.
    fn drops(&self) -> &Drops;
    /// What services count.
    fn counters(&self) -> &ServiceCounters;
    /// The oldest journal entry whose number is at least `number`.
    fn journal_after(&self, number: u64) -> Option<Entry>;
    /// The time of day at start, since 1970, if it is known.
    fn started_at(&self) -> Option<Duration>;
    /// The sockets.
    fn sockets(&self) -> impl Iterator<Item = SocketInfo>;
    /// The neighbours.
    fn neighbors(&self) -> impl Iterator<Item = Neighbor>;
    /// The routes.
    fn routes(&self) -> impl Iterator<Item = Route>;
    /// What passed, by protocol.
    fn protocols(&self) -> ProtocolCounters;
    /// How the fault dial of this direction stands, and what it did.
    fn netem(&self, way: Way) -> (Faults, Tally);
    /// Turns it.
    fn set_netem(&self, way: Way, faults: Faults);
    /// Who is where in the lessons.
    fn progress(&self) -> Progress;
    /// The board's addresses, for the lessons.
    fn places(&self) -> Places;
    /// Who is busy with something that takes long.
    fn streams(&self) -> &Streams;
}

impl Source for System {
    fn status(&self) -> Status {
        self.status()
    }

    fn facts(&self) -> &BoardFacts {
        self.facts()
    }

    fn drops(&self) -> &Drops {
        self.drops()
    }

    fn counters(&self) -> &ServiceCounters {
        self.counters()
    }

    fn journal_after(&self, number: u64) -> Option<Entry> {
        self.journal_after(number)
    }

    fn started_at(&self) -> Option<Duration> {
        self.clock_at(Duration::ZERO).map(UnixTime::since_1970)
    }

    fn sockets(&self) -> impl Iterator<Item = SocketInfo> {
        self.sockets()
    }

    fn neighbors(&self) -> impl Iterator<Item = Neighbor> {
        self.neighbors()
    }

    fn routes(&self) -> impl Iterator<Item = Route> {
        self.routes()
    }

    fn protocols(&self) -> ProtocolCounters {
        self.protocol_counters()
    }

    fn netem(&self, way: Way) -> (Faults, Tally) {
        self.netem(way)
    }

    fn set_netem(&self, way: Way, faults: Faults) {
        self.set_netem(way, faults, self.random());
    }

    fn progress(&self) -> Progress {
        self.lesson.get()
    }

    fn places(&self) -> Places {
        Places::of(self)
    }

    fn streams(&self) -> &Streams {
        &self.streams
    }
}

/// Serves connections of `listener` for ever, one at a time; `worker` tells the tasks apart in the
/// log.
pub async fn run(system: &'static System, listener: TcpListener, worker: usize) {
    let mut buffers = Buffers::new();
    loop {
        let mut stream = listener.accept().await;
        let crowd = || listener.someone_waits();
        let peer = stream.peer();
        let ended = connection::serve(system, &mut stream, peer, &mut buffers, crowd).await;
        defmt_or_log::debug!("httpd {}: {}", worker, ended.reason());
        match ended {
            Ended::Failed(_) => stream.abort(),
            // The stack sees to it that everything is sent, and to the FIN with the last of it; a
            // client that is slow to acknowledge does not keep this task.
            Ended::Answered(_) => drop(stream),
            Ended::GaveWay => stream.rest(&listener),
        }
    }
}
