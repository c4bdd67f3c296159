//! The address filter, and the trap of the wrong duplex.

use super::*;

const BROADCAST: [u8; 6] = [0xff; 6];
const OTHER: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// The group of mDNS (RFC 6762) and of all hosts.
const MDNS: [u8; 6] = [0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb];
const ALL_HOSTS: [u8; 6] = [0x01, 0x00, 0x5e, 0x00, 0x00, 0x01];

const BITS: [(char, u32); 7] = [
    ('p', 1 << 18), // PRMS
    ('m', 1 << 19), // MCPAS
    ('i', 1 << 17), // INVFILT
    ('o', 1 << 15), // HFILT, "HO" in the data sheet
    ('h', 1 << 13), // HPFILT
    ('b', 1 << 11), // BCAST
    ('a', 1 << 31), // RXALL
];

#[test]
fn each_mode_passes_what_the_table_says() {
    // Mode; then who passes of: own, other unicast, broadcast, mDNS (hashed), all hosts (not).
    let table = [
        ("", "own bcast"),
        ("b", "own"),
        ("p", "own other bcast mdns hosts"),
        ("pb", "own other bcast mdns hosts"),
        ("pho", "own other bcast mdns hosts"),
        ("m", "own bcast mdns hosts"),
        ("mb", "own mdns hosts"),
        ("h", "own bcast mdns"),
        ("hb", "own mdns"),
        ("ho", "bcast mdns"),
        ("mho", "bcast mdns hosts"),
        ("mh", "own bcast mdns hosts"),
        ("i", "other bcast mdns hosts"),
        ("ib", "other mdns hosts"),
        ("a", "own other! bcast mdns! hosts!"),
        ("ah", "own other! bcast mdns hosts!"),
    ];
    let named = [
        ("own", MAC),
        ("other", OTHER),
        ("bcast", BROADCAST),
        ("mdns", MDNS),
        ("hosts", ALL_HOSTS),
    ];
    for (mode, expected) in table {
        let mut rig = Rig::running();
        let bit = hash_index(&MDNS);
        rig.write(if bit >= 32 { 0x10c } else { 0x110 }, 1 << (bit & 31));
        let bits = BITS.iter().filter(|(name, _)| mode.contains(*name));
        rig.write(0x100, bits.fold(0x0010_000c, |all, (_, bit)| all | bit));
        let mut passed = Vec::new();
        for (name, address) in named {
            rig.usb.frame_from_wire(&frame_to(address, 60));
            if let InReply::Data(bytes) = rig.burst() {
                let (status, body) = split(&bytes, 0).remove(0);
                assert_eq!(body[..6], address);
                assert_eq!(status & 1 << 13 != 0, address == BROADCAST, "{name}");
                let group = address[0] & 1 != 0 && address != BROADCAST;
                assert_eq!(status & 1 << 10 != 0, group, "{name}");
                let failed = status & 1 << 30 != 0;
                passed.push(format!("{name}{}", if failed { "!" } else { "" }));
            }
        }
        assert_eq!(passed.join(" "), expected, "mode '{mode}'");
    }
}

#[test]
fn hash_bits_are_those_of_linux() {
    // As ether_crc(addr) >> 26 gives them.
    let table =
        [(BROADCAST, 63), (MDNS, hash_by_bits(&MDNS)), (ALL_HOSTS, hash_by_bits(&ALL_HOSTS))];
    for (address, bit) in table {
        assert_eq!(hash_index(&address), bit, "{address:x?}");
    }
}

/// The same hash, bit by bit with the first bit on top.
fn hash_by_bits(address: &[u8; 6]) -> u32 {
    let mut crc = u32::MAX;
    for byte in address {
        for bit in 0..8 {
            let carry = crc >> 31 ^ u32::from(byte >> bit & 1);
            crc = crc << 1 ^ if carry != 0 { 0x04c1_1db7 } else { 0 };
        }
    }
    crc >> 26
}

#[test]
fn multicast_that_nobody_asked_for_is_counted() {
    let mut rig = Rig::running();
    for address in [MDNS, ALL_HOSTS, OTHER] {
        rig.usb.frame_from_wire(&frame_to(address, 60));
    }
    let statistics = *rig.usb.chip().statistics();
    assert_eq!((statistics.filtered, statistics.filtered_multicast), (3, 2));
    assert_eq!(rig.burst(), InReply::Pending);
}

/// Sends and receives at the same time, a hundred times: lost in, lost out, echoes.
fn cross(partner: Partner, mac: u32, seed: u64) -> (u64, u64, u64) {
    let mut rig = Rig::of(Settings { partner, seed, ..Settings::default() });
    rig.write(0x014, 0x1000);
    rig.set_mac(MAC);
    rig.write(0x100, mac | 0xc);
    rig.write(0x010, 4);
    rig.millis(400);
    for round in 0..100 {
        rig.millis(1);
        // In turns: who was first has the wire.
        if round % 2 == 0 {
            rig.usb.frame_from_wire(&frame(60));
        }
        assert_eq!(rig.usb.bulk_out(&command(&frame_to(OTHER, 60), 0)), OutReply::Ack);
        if round % 2 != 0 {
            rig.usb.frame_from_wire(&frame(60));
        }
        while let InReply::Data(_) = rig.usb.bulk_in(2048) {}
    }
    let statistics = *rig.usb.chip().statistics();
    let lost = (statistics.duplex_lost_in, statistics.duplex_lost_out);
    assert_eq!(statistics.transmitted, 100 - lost.1);
    let heard = statistics.received + statistics.filtered;
    assert_eq!(heard, 100 - lost.0 + statistics.echoed);
    let clean = (0, 0, 0) == (lost.0, lost.1, statistics.echoed);
    assert_eq!(rig.mistakes().is_empty(), clean);
    (lost.0, lost.1, statistics.echoed)
}

#[test]
fn the_wrong_duplex_loses_frames_and_the_right_one_does_not() {
    const FDPX: u32 = 1 << 20;
    const RCVOWN: u32 = 1 << 23;
    let full = Partner::FULL_100;
    let half = Partner::HALF_100;
    assert_eq!(cross(full, FDPX, 1), (0, 0, 0));
    assert_eq!(cross(half, RCVOWN, 1), (0, 0, 0));
    assert_eq!(cross(half, 0, 1), (0, 0, 100));
    assert_eq!(cross(full, FDPX | RCVOWN, 1), (50, 0, 0));
    for mac in [0, RCVOWN] {
        let (lost_in, lost_out, echoes) = cross(full, mac, 1);
        assert!((10..40).contains(&lost_in), "{lost_in}");
        assert_eq!((lost_out, echoes), (0, 0));
        assert_eq!(cross(full, mac, 1).0, lost_in, "the same seed, the same dice");
    }
    let (lost_in, lost_out, _) = cross(half, FDPX, 1);
    assert!((10..40).contains(&lost_in) && (10..40).contains(&lost_out));
}

#[test]
fn in_turns_even_the_wrong_duplex_loses_nothing() {
    let mut rig = Rig::running();
    rig.write(0x100, 0x0000_000c);
    for _ in 0..100 {
        assert_eq!(rig.usb.bulk_out(&command(&frame_to(OTHER, 60), 0)), OutReply::Ack);
        rig.millis(1);
        rig.usb.frame_from_wire(&frame(60));
        rig.data();
    }
    assert_eq!(rig.mistakes(), []);
}
