//! Telnet on port 23: the shell for anyone who connects.
//!
//! ```text
//!   TcpStream <-> TelnetPort <-> shell::session
//!                    |
//!                 Protocol   a byte at a time: commands, ends of line, subnegotiations
//!                    |- Options   which are in force, each side a Negotiation (method Q)
//!                    `- Linemode  what the client edits, and by which keys
//! ```
//!
//! | option | side | for |
//! |---|---|---|
//! | ECHO (RFC 857), SUPPRESS-GO-AHEAD (858) | ours | each key comes at once; without them, lines |
//! | LINEMODE (1184) | theirs | lines that the client edits, by `mode line` or its own wish |
//! | NAWS (1073), TERMINAL-TYPE (1091) | theirs | the line editor's width; what `mode` tells |
//! | BINARY (856) | both | CR as it is |
//! | STATUS (859), TIMING-MARK (860) | ours | answered when asked |
//!
//! A Synch (urgent data that ends with DM) throws away what was typed before it, commands excepted;
//! AO is answered by one, so that the client throws away what is on its way to the screen.
//!
//! There is one task more than there are sessions: whichever takes a connection while all sessions
//! are in use tells so and closes it.

pub mod codes;
pub mod linemode;
pub mod negotiation;
pub mod options;
mod port;
pub mod protocol;
#[cfg(test)]
mod tests;

use embedded_io_async::Write;

pub use self::port::{Connection, TelnetPort};

use crate::limits::{TELNET_IDLE_TIMEOUT, TELNET_SESSIONS};
use crate::net::{TcpListener, TcpStream};
use crate::shell;
use crate::status::count;
use crate::{System, Text};

/// Serves one connection after another, for ever. Spawn [`crate::limits::TELNET_WORKERS`] of these.
pub async fn run(system: &'static System, listener: TcpListener, _worker: usize) {
    let counters = system.counters();
    loop {
        let stream = listener.accept().await;
        if counters.telnet_open.get() >= TELNET_SESSIONS as u64 {
            count(&counters.telnet_refused);
            refuse(stream).await;
            continue;
        }
        count(&counters.telnet_sessions);
        count(&counters.telnet_open);
        serve(system, stream).await;
        counters.telnet_open.set(counters.telnet_open.get().saturating_sub(1));
    }
}

/// One session, from the first offer to the closed connection.
async fn serve(system: &'static System, stream: TcpStream) {
    let from: Text<48> = Text::of(format_args!("{}", stream.peer()));
    let mut port = TelnetPort::new(stream, system.drops());
    let options =
        shell::Options { from: &from, idle_timeout: Some(TELNET_IDLE_TIMEOUT), journal: None };
    let ended = shell::run(system, &mut port, options).await;
    match ended {
        // Nobody is there to take anything.
        shell::Ended::Disconnected => port.into_connection().abort(),
        // What was said last still goes out.
        _ => port.into_connection().close().await,
    }
}

async fn refuse(mut stream: TcpStream) {
    let text: Text<80> = Text::of(format_args!(
        "barewire: all {TELNET_SESSIONS} sessions are in use; try again later\r\n"
    ));
    // The peer's window at the start holds a line; if it is gone already, so be it.
    if stream.write_all(text.as_bytes()).await.is_ok() {
        stream.close().await;
    }
}
