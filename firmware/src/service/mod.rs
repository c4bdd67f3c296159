//! The services: one async task each, spawned by [`crate::Firmware::spawn`].

pub mod console;
pub mod http;
pub mod log;
pub mod mdns;
pub mod ntp;
pub mod syslog;
pub mod telnet;
