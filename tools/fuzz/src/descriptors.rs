//! USB descriptors. Input: the speed, then the bytes of a descriptor or of a whole configuration.

use std::collections::BTreeSet;

use usb::descriptor::{
    Configuration, Descriptors, DeviceDescriptor, HubDescriptor, first_language, kind, string,
};
use usb::hub::{PortStatus, feature};
use usb::{Kind, Speed, Way};

/// The speed that a byte stands for.
pub fn speed(byte: u8) -> Speed {
    match byte % 3 {
        0 => Speed::High,
        1 => Speed::Full,
        _ => Speed::Low,
    }
}

/// Whatever parses keeps what its type promises, and lies in the bytes that were given.
pub fn check(input: &[u8]) {
    let Some((&head, bytes)) = input.split_first() else { return };
    let speed = speed(head);
    list(bytes);
    if let Ok(device) = DeviceDescriptor::parse(bytes, speed) {
        assert_eq!(DeviceDescriptor::max_packet_0(&bytes[..8], speed), Ok(device.max_packet_0));
        assert!(device.configurations > 0 && matches!(device.max_packet_0, 8 | 16 | 32 | 64));
        assert_eq!(DeviceDescriptor::parse(&bytes[..18], speed).map(|d| d.product), {
            Ok(u16::from_le_bytes([bytes[10], bytes[11]]))
        });
    }
    if let Ok(hub) = HubDescriptor::parse(bytes) {
        assert!(hub.ports > 0 && hub.power_good_ms <= 510);
    }
    let text = string::<16>(bytes);
    assert_eq!(text.is_ok(), first_language(bytes).is_ok());
    if let Ok(text) = text {
        assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        assert_eq!(text.len(), usize::from(bytes[0] / 2 - 1).min(16));
    }
    if let Some(&port) = bytes.first_chunk() {
        let changes = PortStatus::from_bytes(port).changes();
        let first = feature::C_PORT_CONNECTION;
        assert!(changes.into_iter().all(|feature| (first..first + 5).contains(&feature)));
    }
    configuration(bytes, speed);
}

/// Descriptors follow one another without a gap, up to the end or the first wrong length.
fn list(bytes: &[u8]) {
    let mut descriptors = Descriptors::new(bytes);
    let mut at = 0;
    while let Some(found) = descriptors.next() {
        let Ok(raw) = found else {
            assert_eq!((descriptors.next(), descriptors.offset()), (None, bytes.len()));
            return;
        };
        assert_eq!(raw.bytes, &bytes[at..at + usize::from(bytes[at])]);
        assert_eq!((raw.kind, raw.bytes.len()), (bytes[at + 1], usize::from(raw.bytes[0])));
        at += raw.bytes.len();
        assert_eq!(descriptors.offset(), at);
    }
    assert_eq!(at, bytes.len());
}

fn configuration(bytes: &[u8], speed: Speed) {
    let Ok(configuration) = Configuration::parse(bytes) else { return };
    let total = Configuration::total_length(bytes).expect("it was parsed");
    assert!((9..=bytes.len()).contains(&total) && configuration.value != 0);
    // What is behind it does not matter, and all of it does.
    assert_eq!(Configuration::parse(&bytes[..total]), Ok(configuration));
    assert!(Configuration::parse(&bytes[..total - 1]).is_err());
    let count = |wanted| {
        let head = usize::from(bytes[0]);
        Descriptors::new(&bytes[head..total]).flatten().filter(|raw| raw.kind == wanted).count()
    };
    assert_eq!(configuration.interfaces().count(), count(kind::INTERFACE));
    let mut seen = BTreeSet::new();
    for interface in configuration.interfaces() {
        let (number, alternate) = (interface.number, interface.alternate);
        assert!(seen.insert((number, alternate)), "a setting occurs twice");
        assert_eq!(configuration.interface(number, alternate), Some(interface));
        for functional in interface.class_specific() {
            assert_eq!((functional[0] as usize, functional[1]), (functional.len(), 0x24));
        }
        let mut addresses = BTreeSet::new();
        for endpoint in interface.endpoints(speed).unwrap_or_default() {
            let is_in = endpoint.way == Way::In;
            assert!(addresses.insert((endpoint.number, is_in)), "an endpoint occurs twice");
            assert!((1..=15).contains(&endpoint.number));
            match endpoint.kind {
                Kind::Bulk => assert!(matches!(endpoint.max_packet, 8 | 16 | 32 | 64 | 512)),
                Kind::Interrupt => {
                    assert!((1..=1024).contains(&endpoint.max_packet) && endpoint.interval > 0);
                }
            }
        }
    }
}
