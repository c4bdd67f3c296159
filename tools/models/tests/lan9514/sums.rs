//! TCP checksums, which the chip takes from the stack.

use std::time::Duration;

use models::dwc2::Mode;
use models::lan9514::Settings;
use smoltcp::phy::{Checksum, ChecksumCapabilities, Device};
use smoltcp::wire::{
    IpAddress, IpProtocol, Ipv4Address, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr,
    TcpSeqNumber,
};

use crate::desk::{Desk, MAC};

const OURS: Ipv4Address = Ipv4Address::new(192, 168, 1, 42);
const THEIRS: Ipv4Address = Ipv4Address::new(192, 168, 1, 1);

/// A TCP segment in a frame; with a checksum, if `summed`.
fn segment(to: &[u8; 6], payload: &[u8], summed: bool) -> Vec<u8> {
    let tcp = TcpRepr {
        src_port: 80,
        dst_port: 40_000,
        control: TcpControl::None,
        seq_number: TcpSeqNumber(1),
        ack_number: Some(TcpSeqNumber(2)),
        window_len: 1000,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload,
    };
    let ip = Ipv4Repr {
        src_addr: OURS,
        dst_addr: THEIRS,
        next_header: IpProtocol::Tcp,
        payload_len: tcp.buffer_len(),
        hop_limit: 64,
    };
    let mut frame = vec![0; 34 + tcp.buffer_len()];
    frame[..6].copy_from_slice(to);
    frame[12..14].copy_from_slice(&[8, 0]);
    let mut sums = ChecksumCapabilities::default();
    ip.emit(&mut Ipv4Packet::new_unchecked(&mut frame[14..]), &sums);
    if !summed {
        sums.tcp = Checksum::None;
    }
    let (from, to) = (IpAddress::Ipv4(OURS), IpAddress::Ipv4(THEIRS));
    tcp.emit(&mut TcpPacket::new_unchecked(&mut frame[34..]), &from, &to, &sums);
    frame
}

#[test]
fn the_stack_is_told() {
    let mut desk = Desk::new(Mode::Hardware, Settings::default());
    // Before a device is there, nobody can know.
    assert!(desk.nic.capabilities().checksum.tcp.rx());
    desk.until("the link", Desk::is_up);
    let checksum = desk.nic.capabilities().checksum;
    assert!(!checksum.tcp.rx() && !checksum.tcp.tx());
    // Fragments are summed up by who puts them together, and 0 means "none" in UDP.
    assert!(checksum.udp.rx() && checksum.udp.tx());
    assert!(checksum.icmpv4.rx() && checksum.icmpv4.tx());
    assert!(checksum.ipv4.rx() && checksum.ipv4.tx());
}

#[test]
fn segments_of_every_length_leave_with_their_checksum() {
    let mut desk = Desk::up(Mode::Hardware, Settings::default());
    let mut by_chip = 0;
    for bytes in (0..24).chain([100, 536, 1459, 1460]) {
        let payload: Vec<u8> = (0..bytes).map(|at| (at * 89 + bytes) as u8).collect();
        assert!(desk.send(&segment(&[0x52; 6], &payload, false)));
        desk.run_for(Duration::from_millis(5));
        let mut wanted = segment(&[0x52; 6], &payload, true);
        wanted.resize(wanted.len().max(60), 0);
        assert_eq!(desk.on_wire(), Some(wanted), "{bytes} bytes");
        by_chip += u64::from(bytes >= 2);
    }
    assert_eq!(desk.statistics().checksums_inserted, by_chip);
    desk.no_rule_broken();
}

#[test]
fn segments_of_every_length_are_taken_by_the_chips_sum() {
    let mut desk = Desk::up(Mode::Hardware, Settings::default());
    for bytes in (0..24).chain([100, 536, 1459, 1460]) {
        let payload: Vec<u8> = (0..bytes).map(|at| (at * 89 + bytes) as u8).collect();
        let mut right = segment(&MAC, &payload, true);
        // Padding that is not zero: some switches send such.
        right.resize(right.len().max(60), 0xa7);
        let mut wrong = right.clone();
        wrong[40] ^= 0x10;
        for frame in [&wrong, &right] {
            desk.arrive(frame);
        }
        desk.until("the right one", |desk| !desk.inbox.is_empty());
        assert_eq!(desk.inbox, [right], "{bytes} bytes");
        desk.inbox.clear();
    }
    let counters = desk.lan9514();
    assert_eq!(counters.checksum_errors, 28);
    assert_eq!(counters.sums_doubted, 0, "driver and model disagree about the sum");
    desk.no_rule_broken();
}
