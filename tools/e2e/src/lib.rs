//! End-to-end tests: the real image in QEMU, and the twin, against real Linux tools.
//!
//! ```text
//!   network namespace (one a session, removed at its end)
//!   ┌─────────────────────────────────────────────────────────────────┐
//!   │  ping  curl  telnet  dnsmasq  tcpdump     forged frames         │
//!   │        └──────┬─────────────────┘               │ AF_PACKET     │
//!   │            kernel 192.168.77.1                  │ 192.168.77.2xx│
//!   │               └───────────── tap0 ──────────────┘               │
//!   │                               │                                 │
//!   │            QEMU raspi3b, kernel8.img    or    the twin          │
//!   └─────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Without root the image runs on QEMU's user-mode network, and the scripts that need no namespace
//! are run.
//!
//! [`stage::Stage`] boots a [`board::Model`] once for a row of scripts; [`script`] holds the
//! scripts; `tests/e2e.rs` is the table of which board plays which; `src/bin/bench` measures.

pub mod attack;
pub mod board;
pub mod card;
pub mod compare;
pub mod differential;
pub mod frame;
pub mod lab;
pub mod lint;
pub mod measure;
pub mod namespace;
pub mod packet_socket;
pub mod pcap;
pub mod peer;
pub mod process;
pub mod raw_peer;
pub mod script;
pub mod shell_port;
pub mod stage;
pub mod surroundings;
pub mod telnet;
pub mod tool;
pub mod wait;
