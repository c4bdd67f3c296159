//! The web server: what the board is, and its live counters, for people (`/`) and programs
//! (`/status.json`, documented in docs/http-api.md).
//!
//! ```text
//!   request.rs      bytes -> Head            (no I/O)
//!   pages.rs        path -> Page -> content  (no I/O); index.rs, status_json.rs, icon.rs
//!   response.rs     Head + content -> bytes  (no I/O)
//!   bytes.rs        a path to measure by     (no I/O)
//!   connection.rs   requests and responses on one connection, with deadlines
//! ```

mod bytes;
mod connection;
mod icon;
mod index;
mod pages;
pub mod request;
mod response;
mod status_json;
mod text;

#[cfg(test)]
mod tests;

use crate::journal::Entry;
use crate::net::TcpListener;
use crate::status::{BoardFacts, Drops, ServiceCounters, Status};
use crate::system::System;

pub use bytes::Streams;
use connection::{Buffers, Ended};
pub use response::Code;

/// What pages show: of the system, and in tests of nothing.
trait Source {
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
    /// Who moves bytes of `/bytes`.
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
        let ended = connection::serve(system, &mut stream, &mut buffers, crowd).await;
        defmt_or_log::debug!("httpd {}: {}", worker, ended.reason());
        match ended {
            Ended::Failed(_) => stream.abort(),
            // The stack sees to it that everything is sent, and to the FIN with the last of it; a
            // client that is slow to acknowledge does not keep this task.
            Ended::Answered(_) => drop(stream),
        }
    }
}
