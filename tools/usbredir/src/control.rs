//! The control channel: one command a line, one line as the answer.
//!
//! | command | what it does |
//! |---|---|
//! | `link up`, `link down` | the cable goes in or out |
//! | `plug`, `unplug` | the device does: out as soon as QEMU survives it (`stats` says when) |
//! | `hold` | frames from the wire wait until the guest resets the bus: say so before it restarts |
//! | `fault WORDS` | something goes wrong, in the device's own words; `fault` alone lists them |
//! | `stats` | counters as `key=value` |
//! | `quit` | unplugs and ends |
//!
//! Answers begin with `ok` or `error:`.

use std::time::Duration;

use crate::device::Device;
use crate::server::{Counters, Server};

/// What the caller does after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Goes on.
    GoOn,
    /// Ends as soon as the device is out.
    Quit,
}

/// Frames that passed between device and wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WireCounters {
    /// Frames from the wire.
    pub received: u64,
    /// Frames to the wire.
    pub sent: u64,
    /// Frames that the wire lost on the way in.
    pub receive_errors: u64,
    /// Frames that the wire did not take.
    pub send_errors: u64,
}

/// Obeys one line. Returns the answer, without the end of the line.
pub fn obey<D: Device>(
    line: &str,
    now: Duration,
    server: &mut Server<D>,
    wire: &WireCounters,
) -> (String, After) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut ok = String::from("ok");
    let mut after = After::GoOn;
    match words.as_slice() {
        ["link", "up"] => server.device().set_link(now, true),
        ["link", "down"] => server.device().set_link(now, false),
        ["plug"] => server.plug(now),
        ["unplug"] => server.unplug(now),
        ["hold"] => server.hold_wire(),
        ["fault", fault @ ..] => match server.device().fault(now, fault) {
            Ok(said) if said.is_empty() => {}
            Ok(said) => ok = format!("ok {said}"),
            Err(why) => ok = format!("error: {why}"),
        },
        ["stats"] => ok = format!("ok {}", statistics(server, wire)),
        ["quit"] => {
            server.unplug(now);
            after = After::Quit;
        }
        _ => {
            ok = "error: commands are link up|down, plug, unplug, hold, fault .., stats, quit"
                .into();
        }
    }
    (ok.replace(['\n', '\r'], " "), after)
}

fn statistics<D: Device>(server: &mut Server<D>, wire: &WireCounters) -> String {
    let Counters {
        messages,
        control,
        bulk_out,
        bulk_in,
        reports,
        cancelled,
        resets,
        configured,
        rejected,
    } = server.counters();
    let WireCounters { received, sent, receive_errors, send_errors } = wire;
    let (plugged, ready) = (server.is_plugged(), server.is_configured());
    let device = server.device().statistics();
    format!(
        "plugged={plugged} configured_now={ready} messages={messages} control={control} \
         bulk_out={bulk_out} bulk_in={bulk_in} reports={reports} cancelled={cancelled} \
         resets={resets} configured={configured} rejected={rejected} wire_received={received} \
         wire_sent={sent} wire_receive_errors={receive_errors} wire_send_errors={send_errors} \
         {device}"
    )
    .trim_end()
    .into()
}
