//! Every size, count and time of the driver, with its unit.

use core::time::Duration;

/// Bytes of an Ethernet header.
pub const ETHERNET_HEADER_BYTES: usize = 14;
/// Bytes of the longest frame, without FCS: CDC carries none.
pub const FRAME_BYTES_MAX: usize = 1514;
/// Bytes asked for by one receive transfer. More than a frame needs: QEMU moves a transfer of up to
/// 1,536 bytes one packet each 250 us, and a longer one at once. A multiple of every bulk packet
/// size, so that a packet never runs over the end.
pub const RECEIVE_BYTES: usize = 2048;
/// One is with the device while the other one is read.
pub const RECEIVE_BUFFERS: usize = 2;
/// Finished receive transfers that are looked at in search of one frame.
pub const RECEIVE_TRANSFERS_A_LOOK: usize = 4;
/// Bytes of a transmit buffer.
pub const TRANSMIT_BYTES: usize = 1536;
/// Frames that wait for the device, the one under way included.
pub const TRANSMIT_BUFFERS: usize = 16;
/// Bytes of the longest notification that means something to us: CONNECTION_SPEED_CHANGE.
pub const NOTIFICATION_BYTES: usize = 16;
/// Bytes of the buffer for it: one packet of any full-speed interrupt endpoint.
pub const NOTIFICATION_BUFFER_BYTES: usize = 64;

/// Failed transfers in a row after which the device counts as lost.
pub const ERRORS_IN_A_ROW_MAX: u32 = 8;
/// Rest after a failed transfer.
pub const ERROR_REST: Duration = Duration::from_millis(10);
/// A device that does not take a frame for this long, with its link up, counts as lost.
pub const SEND_MAX: Duration = Duration::from_secs(5);
/// The main loop comes by this often to look for notifications, or less often if the device says
/// so.
pub const NOTIFICATION_INTERVAL_MIN: Duration = Duration::from_millis(100);

const _: () = assert!(RECEIVE_BYTES > 1536 && RECEIVE_BYTES.is_multiple_of(512));
const _: () = assert!(RECEIVE_BYTES > FRAME_BYTES_MAX && TRANSMIT_BYTES >= FRAME_BYTES_MAX);
const _: () = assert!(RECEIVE_BUFFERS >= 2 && TRANSMIT_BUFFERS >= 8);
const _: () = assert!(NOTIFICATION_BUFFER_BYTES >= NOTIFICATION_BYTES);
