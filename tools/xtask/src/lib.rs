//! The one door: everything that is built, run, tested or checked here goes through `cargo xtask`.
//!
//! The binary is a command line over these modules; tools/e2e uses [`qemu`] and [`image`] as a
//! library.

#![forbid(unsafe_code)]

pub mod check;
pub mod error;
pub mod fdt;
pub mod fuzz;
pub mod image;
pub mod install;
pub mod ladder;
pub mod lint;
pub mod log;
pub mod qemu;
pub mod redirect;
pub mod report;
pub mod run;
pub mod sdcard;
pub mod tidy;
pub mod witness;
pub mod workspace;
