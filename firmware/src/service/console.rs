//! The serial console: the same shell on UART0, with the journal printed as it grows.

use core::convert::Infallible;
use core::future::pending;

use crate::System;
use crate::shell::{self, Ended, Options, Terminal, Transfer};
use crate::system::ConsolePort;

impl Terminal for ConsolePort {
    type Error = Infallible;

    async fn transfer(&mut self, out: &[u8], keys: &mut [u8]) -> Result<Transfer, Infallible> {
        shell::terminal::transfer(*self, *self, out, keys).await
    }
}

/// Serves the console for ever: one session after another. The journal goes on where the last one
/// was.
pub async fn run(system: &'static System) {
    let mut port = system.console();
    let mut next_entry = 0;
    loop {
        let options =
            Options { from: "console", idle_timeout: None, journal: Some(&mut next_entry) };
        if shell::run(system, &mut port, options).await == Ended::Restart {
            // A new prompt would only be cut off.
            return pending().await;
        }
    }
}
