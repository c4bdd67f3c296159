//! Every size, count and time of this crate, with its unit.

use std::time::Duration;

/// Bytes of one bulk packet of the protocol, either way. QEMU's DWC2 asks for 65,536 at most; other
/// host controllers of QEMU's for less than this.
pub const BULK_BYTES_MAX: usize = 256 * 1024;
/// Bytes after a message's header: a bulk packet and its own head.
pub const BODY_BYTES_MAX: usize = BULK_BYTES_MAX + 16;
/// Words of capabilities in a hello; today's protocol has one.
pub const CAPABILITY_WORDS_MAX: usize = 8;

/// Requests that wait on one endpoint. QEMU's DWC2 has eight channels, so eight at most.
pub const REQUESTS_MAX: usize = 64;
/// Requests that a bus reset left behind, all endpoints together.
pub const STALE_MAX: usize = 64;
/// Reports that one turn takes from one interrupt endpoint.
pub const REPORTS_PER_TURN_MAX: usize = 4;
/// How long an unplug waits for the guest to configure the device again when a bus reset left
/// requests behind: completing them before would end QEMU (`usb_ep_get: dev != NULL`).
pub const UNPLUG_WAIT_MAX: Duration = Duration::from_secs(2);

/// How long the guest must have sent nothing before the device is pulled out: long enough for its
/// answer to the last frame, even on a busy machine.
pub const UNPLUG_QUIET: Duration = Duration::from_millis(80);
/// The device is pulled out at most this long after a control transfer: a driver looks at its
/// device now and then, and the time right after a look is the farthest from the next one.
pub const UNPLUG_AFTER_LOOK_MAX: Duration = Duration::from_millis(200);
/// Frames from the wire that a guest still gets while an unplug waits, so that it has something to
/// send: a transfer that waits keeps the next one from crossing the disconnection.
pub const UNPLUG_FRAMES_MAX: usize = 64;

/// Bytes of answers that QEMU has not read; above it no request is read either.
pub const OUTPUT_BYTES_MAX: usize = 1024 * 1024;
/// Bytes that one read takes from QEMU.
pub const READ_BYTES: usize = 64 * 1024;
/// Reads from QEMU before the wire gets its turn.
pub const READS_PER_WAKE_MAX: usize = 16;
/// Frames from the wire before QEMU gets its turn.
pub const FRAMES_PER_WAKE_MAX: usize = 64;
/// Bytes read of a frame: more than any frame that the chip could take, so that one that is too
/// long is seen to be so.
pub const FRAME_BYTES_MAX: usize = 2048 + 1;

/// Connections to the control channel at a time.
pub const CONTROL_CLIENTS_MAX: usize = 8;
/// Bytes of a command's line.
pub const CONTROL_LINE_BYTES_MAX: usize = 512;
/// The longest sleep: how soon the end of a parent process is seen while nobody is connected.
pub const SLEEP_MAX: Duration = Duration::from_secs(1);

const _: () = assert!(UNPLUG_QUIET.as_millis() < UNPLUG_AFTER_LOOK_MAX.as_millis());
const _: () = assert!(BULK_BYTES_MAX >= 65_536 && BODY_BYTES_MAX > BULK_BYTES_MAX);
