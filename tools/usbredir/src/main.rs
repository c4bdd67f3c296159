//! A LAN9514 for QEMU's `-device usb-redir`, as a program. See the README beside it.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use usbredir::options::Options;

#[derive(Parser)]
#[command(name = "usbredir", version)]
struct Command {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    match Command::parse().options.serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("usbredir: {error:#}");
            ExitCode::FAILURE
        }
    }
}
