//! The serial console: the same shell on UART0, with the journal printed as it grows.

use core::future::pending;

use crate::System;
use crate::shell::{self, Ended, Options, Screen, Terminal};
use crate::system::ConsolePort;

impl Terminal for ConsolePort {
    fn screen(&self) -> Screen {
        Screen::default()
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
