//! Every size, count and time of enumeration, with its unit.

use core::time::Duration;

/// Devices on the bus that are given an address, hubs included. A Pi 3 has one hub and four
/// sockets.
pub const DEVICES_MAX: usize = 8;
/// Hubs between the root port and a device (USB 2.0, 4.1.1: five).
pub const HUB_DEPTH_MAX: usize = 5;
/// Ports of a hub that are looked at; further ones stay unpowered.
pub const HUB_PORTS_MAX: u8 = 15;
/// Configurations of a device that are read.
pub const CONFIGURATIONS_MAX: u8 = 4;
/// Bytes of all configuration descriptors of one device. QEMU's `usb-net` has 147, a LAN9514 39.
pub const CONFIGURATION_BYTES_MAX: usize = 1024;
/// Characters of a string descriptor that are kept (the longest possible has 126).
pub const STRING_CHARACTERS_MAX: usize = 32;
/// Bytes of a printed [`Topology`](crate::bus::Topology).
pub const TOPOLOGY_BYTES_MAX: usize = 160;

/// Words of an Ethernet device's own about a frame: at most the three command words of a LAN9514.
pub const FRAME_WORDS_MAX: usize = 3;

/// Tries for one control transfer that ended by a bus error.
pub const CONTROL_TRIES: u32 = 3;
/// Times that a configuration descriptor is read which says wrong things: it may have been damaged
/// on its way once, or be wrong for ever.
pub const DESCRIPTOR_TRIES: u32 = 2;
/// Times that a device behind a hub is reset and asked from the start.
pub const DEVICE_TRIES: u32 = 2;
/// Time for the whole bus, drivers that bring up their devices included; a stage of a control
/// transfer that is under way then is the last one. Ports not reached by then are left alone.
pub const ENUMERATION_MAX: Duration = Duration::from_secs(10);
/// Time for the rest of the bus once a driver has taken a device, which waits meanwhile.
pub const ENUMERATION_MAX_CLAIMED: Duration = Duration::from_secs(2);
/// Time for a look at the ports of hubs while the bus is in use; one more stage of a control
/// transfer may be under way then.
pub const PORT_CHECK_MAX: Duration = Duration::from_secs(1);
/// A device may need this long after SET_ADDRESS (USB 2.0, 9.2.6.3: 2 ms).
pub const SET_ADDRESS_RECOVERY: Duration = Duration::from_millis(2);

/// Connections behind a hub must not change for this long (USB 2.0, 7.1.7.3: 100 ms).
pub const DEBOUNCE: Duration = Duration::from_millis(100);
/// Connections that change for longer are taken as they are.
pub const DEBOUNCE_MAX: Duration = Duration::from_millis(1500);
/// Time between two looks at a hub's ports while something is waited for.
pub const PORT_POLL: Duration = Duration::from_millis(5);
/// A hub ends a port reset after 10 to 20 ms (USB 2.0, 7.1.7.5); the worst are said to take far
/// longer.
pub const PORT_RESET_MAX: Duration = Duration::from_millis(500);
/// A device may need this long after a reset (USB 2.0, 7.1.7.5: TRSTRCY, 10 ms).
pub const RESET_RECOVERY: Duration = Duration::from_millis(10);
/// Time between two looks at a port while the bus is in use: an unplugged device behind a hub is
/// noticed after this time multiplied by the hubs between.
pub const PORT_CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// Bytes of the longest hub descriptor (USB 2.0, table 11-13: 7 and two bit maps of 256 ports).
pub const HUB_DESCRIPTOR_BYTES_MAX: usize = 7 + 2 * 32;

const _: () = assert!(ENUMERATION_MAX_CLAIMED.as_secs() < ENUMERATION_MAX.as_secs());
const _: () = assert!(DEVICES_MAX < 128, "addresses are 1..=127");
const _: () = assert!(HUB_PORTS_MAX < 16, "connections of a hub are kept in 16 bits");
const _: () = assert!(DEBOUNCE.as_millis() < DEBOUNCE_MAX.as_millis());
// `65:(0409:55aa ` and `)` for each device, at most.
const _: () = assert!(TOPOLOGY_BYTES_MAX >= DEVICES_MAX * 16);
