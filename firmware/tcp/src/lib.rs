//! TCP without I/O, heap or clock.
//!
//! [`Tcp`] is a state machine: segments and the time go in, segments and the next deadline come
//! out. Its memory is the caller's, every size has a name in [`limits`], and it does not know what
//! carries its segments.
//!
//! ```text
//!   IP ──input(now, SegmentIn)──> Tcp ──poll_output(now, |SegmentOut| ..)──> IP
//!                                  │
//!   tasks <──next_event()──────────┤──next_deadline()──> who sleeps
//!         ──read, write, close────>┘
//! ```
//!
//! | room | what it does | from |
//! |---|---|---|
//! | `engine` | tables of connections, listeners, half-open ones, TIME-WAIT | RFC 9293 |
//! | `connection` | one connection: state machine, what it sends | RFC 9293 3.10, 5961, 7323 |
//! | `send` | queue, scoreboard, RACK-TLP, timeouts, probes | RFC 6298, 6675, 8985, 6582 |
//! | `receive` | window, reassembly, SACK blocks, delayed ACKs | RFC 9293 3.8.6, 2018, 2883 |
//! | `congestion` | slow start, CUBIC, PRR, pacing; BBR | RFC 9406, 9438, 6928, 6937; drafts |
//! | `listen`, `time_wait` | what is not, or no longer, a connection | RFC 4987, 1337, 6191 |
//! | `isn`, `ports`, `challenge` | what must not be guessed | RFC 6528, 6056, 5961 |
//! | `icmp` | what routers say, and whether to believe it | RFC 5927, 5461, 1191, 8201 |
//! | `memory`, `ring` | blocks, and rings that grow with use | |
//!
//! An example that talks to itself is in `examples/echo.rs`.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod challenge;
mod checksum;
mod config;
mod congestion;
mod connection;
mod counters;
mod engine;
mod events;
mod flow;
mod icmp;
mod isn;
pub mod limits;
mod listen;
mod memory;
mod options;
mod ports;
mod receive;
mod ring;
mod rtt;
mod segment;
mod send;
mod seq;
mod status;
mod time;
mod time_wait;

pub use config::{Config, CongestionControl, ConnectionConfig, EcnUse};
pub use counters::Counters;
pub use engine::{
    ConnectError, ConnectionId, Entry, Gone, ListenError, ListenerId, Read, Slot, Storage, Tcp,
    WriteError,
};
pub use events::{Ended, Event, Verdict, Why};
pub use flow::{Ecn, Endpoint, Flow};
pub use icmp::{IcmpError, IcmpKind};
pub use listen::HalfOpen;
pub use memory::Block;
pub use options::{Options, SackBlock, SackBlocks, Timestamps};
pub use segment::{BadSegment, Checksum, Emit, Flags, Header, Segment, SegmentIn, SegmentOut};
pub use seq::Seq;
pub use status::{BbrInfo, ConnectionInfo, ListenerInfo, SenderInfo, State, Timer};
pub use time::Instant;
pub use time_wait::TimeWait;
