//! Sizes and times, with their units.

use core::time::Duration;

/// Channels used. The BCM2835's core has 8 (GHWCFG2.NumHstChnl).
pub const CHANNELS: usize = 8;

/// Bytes of the register file: up to and with PCGCTL at 0xe00.
pub const REGISTERS_BYTES: usize = 0x1000;

/// Bytes of the largest data stage of a control transfer: a configuration descriptor fits.
pub const CONTROL_BYTES_MAX: usize = 1024;

/// Bytes of the largest bulk or interrupt transfer. HCTSIZ.XferSize has 19 bits; QEMU's controller
/// never completes more than 65,536.
pub const TRANSFER_BYTES_MAX: usize = 64 * 1024;

/// Packets of the largest transfer: HCTSIZ.PktCnt has 10 bits.
pub const TRANSFER_PACKETS_MAX: usize = 1023;

/// Core reset, AHB idle and FIFO flushes: microseconds on a live core (Linux allows 10 ms, U-Boot 1
/// s).
pub const CORE_WAIT_MAX: Duration = Duration::from_millis(100);

/// After a core reset the PHY clock needs a moment (Linux waits 1 ms).
pub const CORE_SETTLE: Duration = Duration::from_millis(1);

/// A core reset makes a device of the core until it has looked at its ID pin again, or at the bit
/// that forces host mode: up to 25 ms, says Synopsys; Linux waits 110 ms at most.
pub const HOST_MODE_WAIT_MAX: Duration = Duration::from_millis(110);

/// A stage of a control transfer. A device may take 5 s for a request in the extreme (USB 2.0,
/// 9.2.6.1), 500 ms for its first data and 50 ms for a status (9.2.6.4); the loop stands still
/// meanwhile, so this is nearer to the latter.
pub const CONTROL_WAIT_MAX: Duration = Duration::from_secs(2);

/// An interrupt endpoint that had nothing to say is asked again no sooner, however short an
/// interval it wishes for: each question wakes the CPU, and what Ethernet devices tell this way,
/// the link's state, can wait. (A LAN9514 asks for 1 ms.)
pub const INTERRUPT_INTERVAL_MIN: Duration = Duration::from_millis(16);

/// An OUT transfer that no device took for this long is given up.
pub const OUT_WAIT_MAX: Duration = Duration::from_secs(2);

/// A channel that was told to stop has this long to do so.
pub const HALT_WAIT_MAX: Duration = Duration::from_millis(20);

/// Halts with a transaction error that are answered by going on; the core itself tries each packet
/// three times before it halts.
pub const TRANSACTION_RETRIES: u8 = 3;

/// Debounce of a connection (USB 2.0, 7.1.7.3: TATTDB, 100 ms).
pub const DEBOUNCE: Duration = Duration::from_millis(100);

/// Reset of a root port (USB 2.0, 7.1.7.5: TDRSTR, at least 50 ms).
pub const RESET: Duration = Duration::from_millis(55);

/// Recovery after a reset (USB 2.0, 7.1.7.5: TRSTRCY, 10 ms), and what a turn of the loop may
/// be early: its time is taken before the port is written.
pub const RESET_RECOVERY: Duration = Duration::from_millis(12);

/// A port that did not come up is tried again after this long.
pub const PORT_RETRY: Duration = Duration::from_millis(500);

/// Words of the receive FIFO: two high-speed bulk packets with their status, several times over.
pub const RX_FIFO_WORDS: u32 = 1024;
/// Words of the non-periodic transmit FIFO.
pub const NON_PERIODIC_TX_FIFO_WORDS: u32 = 1024;
/// Words of the periodic transmit FIFO.
pub const PERIODIC_TX_FIFO_WORDS: u32 = 512;

/// Words of FIFO memory in the BCM2835's core (GHWCFG3.DfifoDepth, 4080).
pub const FIFO_WORDS: u32 = 4080;

const _: () = assert!(
    RX_FIFO_WORDS + NON_PERIODIC_TX_FIFO_WORDS + PERIODIC_TX_FIFO_WORDS <= FIFO_WORDS,
    "the FIFOs share one memory"
);
const _: () = assert!(TRANSFER_BYTES_MAX < 1 << 19);
