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
/// A device that is there for this long and has moved something counts as sound: the next rest is
/// the shortest one again.
pub const SOUND_AFTER: Duration = Duration::from_secs(10);
/// Failures in a row after which the board is told that a power cycle is due, and so often again:
/// the rests between them grow, and so do the times between power cycles.
pub const POWER_CYCLE_AFTER: u32 = 4;
/// Power cycles in a row after which no other one is asked for; the port is restarted for ever.
pub const POWER_CYCLES_MAX: u32 = 4;
/// For how long the power is off.
pub const POWER_OFF: Duration = Duration::from_millis(100);
/// A root port with a device that is not ready after this long counts as a failure.
pub const PORT_STUCK_MAX: Duration = Duration::from_secs(3);
/// Time for all that a driver asks its device in one look at it, once it runs: a reset of the chip
/// is the longest of it. A stage of a control transfer that is under way then is the last one.
pub const DRIVER_MAX: Duration = Duration::from_secs(5);

const _: () = assert!(EVENTS_MAX >= usb::limits::DEVICES_MAX + 4);
