//! Every size, count and time of the network interface, with its unit.

use core::time::Duration;

/// Events that wait to be fetched. A walk of the bus makes one for each device at most, and four
/// more.
pub const EVENTS_MAX: usize = 16;
/// Bytes of a [`NicEvent::Note`](crate::NicEvent::Note); what is beyond is cut off.
pub const NOTE_BYTES_MAX: usize = 112;

/// The main loop comes by this often to look at the root port, should its interrupt be missed.
pub const ROOT_PORT_LOOK: Duration = Duration::from_millis(100);
/// Rest before a device that was lost to errors, or a bus that did not come up, is tried again;
/// doubled each time.
pub const RETRY_MIN: Duration = Duration::from_millis(100);
/// The longest such rest.
pub const RETRY_MAX: Duration = Duration::from_secs(30);
/// A device that works for this long counts as sound: the next rest is the shortest one again.
pub const SOUND_AFTER: Duration = Duration::from_secs(10);
/// Restarts of the port in a row after which the board is told that a power cycle is due.
pub const POWER_CYCLE_AFTER: u32 = 4;

const _: () = assert!(EVENTS_MAX >= usb::limits::DEVICES_MAX + 4);
