//! The real tcpdump is the judge: the same frames, the same options, line for line; the same filter
//! expressions, frame for frame.
//!
//! As root, real tools talk in network namespaces of this test's own, and what they say is
//! compared. Without root, and in any case besides, frames that no tool makes are built. Where
//! tcpdump is missing nothing can be compared, and the tests say so.

mod builder;
mod built;
mod built_udp;
mod capture;
mod conversations;
mod filters;
mod lab;
mod lines;
mod tcpdump;
