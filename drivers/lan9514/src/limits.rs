//! Every size, count and time of the driver, with its unit.

use core::time::Duration;

/// Bytes of an Ethernet header.
pub const ETHERNET_HEADER_BYTES: usize = 14;
/// Bytes of the longest frame that is sent, without FCS.
pub const FRAME_BYTES_MAX: usize = 1514;
/// Bytes of the longest frame that is handed up, without FCS: one with a VLAN tag.
pub const RECEIVED_FRAME_BYTES_MAX: usize = FRAME_BYTES_MAX + 4;
/// Bytes of the frame check sequence, which the chip hands over with each frame.
pub const FCS_BYTES: usize = 4;
/// Bytes of the sum that the receive checksum engine puts behind the FCS.
pub const SUM_BYTES: usize = 2;
/// Bytes of the status word before each received frame.
pub const STATUS_BYTES: usize = 4;
/// Received frames, and commands, begin at multiples of this many bytes.
pub const WORD_BYTES: usize = 4;

/// High-speed packets of a burst: 18,944 bytes, nearly all of the chip's receive FIFO of 20 KB, so
/// that one transfer empties it; less than all of it, so that the next frame has room meanwhile.
/// Linux asks for as much.
pub const BURST_PACKETS_HIGH: usize = 37;
/// Full-speed packets of a burst: 8,256 bytes, 5.5 ms of the bus.
pub const BURST_PACKETS_FULL: usize = 129;
/// Bytes of a high-speed bulk packet: the unit of BURST_CAP at high speed.
pub const PACKET_BYTES_HIGH: usize = 512;
/// Bytes of a full-speed bulk packet: the unit of BURST_CAP at full speed.
pub const PACKET_BYTES_FULL: usize = 64;
/// Bytes of a burst buffer, which is also the longest transfer that is asked for: a burst never
/// spans two transfers.
pub const BURST_BYTES: usize = BURST_PACKETS_HIGH * PACKET_BYTES_HIGH;
/// One burst is with the chip while another one is read; two more wait for a loop that is late: 4.5
/// ms of the wire.
pub const BURSTS: usize = 4;
/// Time that the chip waits for more frames before it hands over a burst that is not full, in units
/// of 16.67 ns: 34 us, the chip's own reset value. Linux has four times as much, which costs each
/// ping 0.1 ms; under load frames gather anyway, while the loop is at the burst before.
pub const BULK_IN_DELAY: u32 = 0x0800;

/// Bytes of the two command words before each frame.
pub const COMMAND_BYTES: usize = 8;
/// Bytes of the checksum word, which follows them if the chip is to fill in the checksum.
pub const CHECKSUM_WORD_BYTES: usize = 4;
/// Bytes of the longest frame that is sent, with all its words.
pub const SENT_FRAME_BYTES_MAX: usize = COMMAND_BYTES + CHECKSUM_WORD_BYTES + FRAME_BYTES_MAX;
/// Bytes of a transmit buffer: five of the longest frames. The chip's transmit FIFO has as many;
/// from a longer transfer it would take the rest as it sends, but then one that fails loses more.
pub const TRANSMIT_BYTES: usize = 8 * 1024;
/// Transmit buffers: one with the controller, the others waiting or being filled.
pub const TRANSMIT_BUFFERS: usize = 4;
/// The chip fills no checksum into frames up to this many bytes (Linux, smsc95xx.c, found it out).
pub const CHECKSUM_FRAME_BYTES_MIN: usize = 46;
/// Nor into a frame with the checksum among its last bytes: so many must follow the field.
pub const CHECKSUM_BYTES_BEHIND_MIN: usize = 6;

/// Bytes of an interrupt packet: INT_STS.
pub const INTERRUPT_BYTES: usize = 4;
/// Bytes of the buffer for it: one packet of any full-speed interrupt endpoint.
pub const INTERRUPT_BUFFER_BYTES: usize = 64;
/// The main loop comes by this often to look for an interrupt packet.
pub const INTERRUPT_LOOK: Duration = Duration::from_millis(100);
/// Rest after an interrupt packet: the chip repeats it until its cause is gone.
pub const INTERRUPT_REST: Duration = Duration::from_millis(10);

/// Tries for one register access.
pub const ACCESS_TRIES: u32 = 3;
/// Times that a register is written until it reads as it was written.
pub const WRITE_TRIES: u32 = 3;
/// Rest between two looks at a bit that the chip will change.
pub const SETTLE_POLL: Duration = Duration::from_millis(1);
/// A lite reset takes microseconds (Linux allows 1 s).
pub const LITE_RESET_MAX: Duration = Duration::from_millis(500);
/// A PHY reset (IEEE 802.3, 22.2.4.1.1: 0.5 s).
pub const PHY_RESET_MAX: Duration = Duration::from_millis(500);
/// One access to a register of the PHY: 64 bits at 2.5 MHz are 26 us.
pub const MII_MAX: Duration = Duration::from_millis(50);
/// The same, in looks at MII_ADDR, where no time is to be waited.
pub const MII_LOOKS_MAX: u32 = 20;

/// Rest between two looks at the link while it is up; an interrupt packet comes first, as a rule.
pub const LINK_LOOK_UP: Duration = Duration::from_secs(1);
/// Rest between two looks at the link while it is down.
pub const LINK_LOOK_DOWN: Duration = Duration::from_millis(250);

/// Rest between two looks at the chip's statistics, each of two control transfers. A counter of 32
/// bits takes hours to roll over.
pub const STATISTICS_INTERVAL: Duration = Duration::from_secs(10);
/// Transfers under way have this long to end, once the chip was told to be silent.
pub const SILENCE_MAX: Duration = Duration::from_millis(50);

/// Failed transfers in a row after which a pipe is given up.
pub const ERRORS_IN_A_ROW_MAX: u32 = 8;
/// Rest after a failed transfer or register access.
pub const ERROR_REST: Duration = Duration::from_millis(10);
/// Bursts in a row with a wrong length after which the chip is reset.
pub const BAD_BURSTS_MAX: u32 = 8;
/// A bad burst is told this often at most; all of them are counted.
pub const TELL_INTERVAL: Duration = Duration::from_secs(1);
/// A chip that takes no frame for this long, with its link up, is reset.
pub const SEND_MAX: Duration = Duration::from_secs(5);
/// Lite resets after which a chip that still fails is given up.
pub const LITE_RESETS_MAX: u32 = 2;
/// A chip that works for this long after a lite reset has its trials back.
pub const SOUND_AFTER: Duration = Duration::from_secs(10);

const _: () = assert!(BURST_PACKETS_FULL * PACKET_BYTES_FULL <= BURST_BYTES);
const _: () = assert!(BURST_PACKETS_HIGH < 256 && BURST_PACKETS_FULL < 256, "BURST_CAP: 8 bits");
const _: () = assert!(BURST_BYTES < 20 * 1024 && BURST_BYTES > 1536, "the FIFO; QEMU's short ones");
const _: () = assert!(BURSTS >= 2 && TRANSMIT_BUFFERS >= 2);
const _: () = assert!(TRANSMIT_BYTES >= 2 * SENT_FRAME_BYTES_MAX, "frames come together");
const _: () = assert!(TRANSMIT_BYTES.is_multiple_of(64), "whole cache lines");
const _: () = assert!(INTERRUPT_BUFFER_BYTES >= INTERRUPT_BYTES);
