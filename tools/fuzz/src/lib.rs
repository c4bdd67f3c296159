//! What must hold for any input: one function for each fuzz target.
//!
//! ```text
//!   unit tests ── seed ──> fuzz/corpus/TARGET/* ──┬──> cargo fuzz, which changes them without end
//!                                                └──> tests/replay.rs, on every machine
//!   both call TARGETS[..].check
//! ```
//!
//! A check panics if something does not hold. "No panic" is the least; each one here asks for more:
//! that ranges lie inside, that what is read can be written again, that an independent reading of
//! the same bytes agrees. [`fuzz/README.md`](../../../fuzz/README.md) says how to run them, and how
//! to add one.

#![forbid(unsafe_code)]

pub mod burst;
pub mod checksum;
pub mod command_line;
pub mod conversation;
pub mod descriptors;
pub mod dhcp;
pub mod dns;
pub mod ecm;
pub mod editor;
pub mod guard;
pub mod head;
pub mod lease;
pub mod mdns;
pub mod ntp;
pub mod query;
pub mod redirection;
pub mod redirection_server;
pub mod screen;
pub mod telnet;
pub mod tree;
pub mod words;

/// A fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: that of its file in `fuzz/fuzz_targets` and of its folder in `fuzz/corpus`.
    pub name: &'static str,
    /// Panics if the input shows a mistake of ours.
    pub check: fn(&[u8]),
}

const fn target(name: &'static str, check: fn(&[u8])) -> Target {
    Target { name, check }
}

/// All of them, by name.
pub const TARGETS: [Target; 20] = [
    target("cdc_ecm", ecm::check),
    target("device_tree", tree::check),
    target("dhcp_client", dhcp::check),
    target("dhcp_lease", lease::check),
    target("dns_answer", dns::check),
    target("guard", guard::check),
    target("http_head", head::check),
    target("http_query", query::check),
    target("kernel_command_line", command_line::check),
    target("lan9514_burst", burst::check),
    target("lan9514_checksum", checksum::check),
    target("line_editor", editor::check),
    target("mdns_responder", mdns::check),
    target("ntp_answer", ntp::check),
    target("shell_words", words::check),
    target("tcp", conversation::check),
    target("telnet", telnet::check),
    target("usb_descriptors", descriptors::check),
    target("usbredir_codec", redirection::check),
    target("usbredir_server", redirection_server::check),
];
