//! Every parser against any bytes, and against each kind of untruth.

use std::borrow::ToOwned;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::{Kind, Way};

/// A configuration around `body`, with the right total length.
fn configuration(body: &[u8]) -> Vec<u8> {
    let total = (CONFIGURATION_HEADER_BYTES + body.len()) as u16;
    let [low, high] = total.to_le_bytes();
    [&[9, 2, low, high, 1, 1, 0, 0x80, 50], body].concat()
}

const INTERFACE: [u8; 9] = [9, 4, 0, 0, 1, 0xff, 0, 0, 0];

fn interface(number: u8, alternate: u8, endpoints: u8) -> [u8; 9] {
    [9, 4, number, alternate, endpoints, 0xff, 0, 0, 0]
}

/// The bulk or interrupt endpoint at `address`.
fn endpoint(address: u8, attributes: u8, max_packet: u16, interval: u8) -> [u8; 7] {
    let [low, high] = max_packet.to_le_bytes();
    [7, 5, address, attributes, low, high, interval]
}

/// An example, kept as an input of the fuzz target.
fn example(bytes: &[u8], speed: Speed) -> &[u8] {
    let speed = match speed {
        Speed::High => 0,
        Speed::Full => 1,
        Speed::Low => 2,
    };
    corpus::seed("usb_descriptors", &[&[speed], bytes].concat());
    bytes
}

/// Parses a configuration of these descriptors; its first interface's endpoints.
fn endpoints(parts: &[&[u8]], speed: Speed) -> Result<Endpoints, DescriptorError> {
    let bytes = configuration(&parts.concat());
    example(&bytes, speed);
    let configuration = Configuration::parse(&bytes)?;
    let first = configuration.interfaces().next();
    first.map_or(Ok(Endpoints::new()), |interface| interface.endpoints(speed))
}

#[test]
fn lists_end_at_a_wrong_length() {
    let walk = |bytes| Descriptors::new(example(bytes, Speed::High)).collect::<Vec<_>>();
    assert_eq!(walk(&[]), []);
    assert_eq!(walk(&[0, 4, 9]), [Err(DescriptorError::ZeroLength { at: 0 })]);
    assert_eq!(walk(&[1]), [Err(DescriptorError::ZeroLength { at: 0 })]);
    let raw = Raw { kind: 0x24, bytes: &[3, 0x24, 7] };
    let cut = DescriptorError::Truncated { kind: 5, needed: 7, got: 2 };
    assert_eq!(walk(&[3, 0x24, 7, 7, 5]), [Ok(raw), Err(cut)]);
}

#[test]
fn packet_sizes_are_those_of_the_speed() {
    use Speed::{Full, High, Low};
    let (bulk, interrupt) = (2, 3);
    let rows = [
        (bulk, Low, 8, false),
        (bulk, Full, 8, true),
        (bulk, Full, 64, true),
        (bulk, Full, 63, false),
        (bulk, Full, 512, false),
        (bulk, Full, 0, false),
        (bulk, High, 512, true),
        (bulk, High, 64, false),
        (interrupt, Low, 8, true),
        (interrupt, Low, 9, false),
        (interrupt, Full, 64, true),
        (interrupt, Full, 65, false),
        (interrupt, High, 1024, true),
        (interrupt, High, 1025, false),
        // Two transactions a microframe of 512 bytes each.
        (interrupt, High, 0x0a00, true),
        (interrupt, High, 0, false),
    ];
    for (attributes, speed, bytes, right) in rows {
        let found = endpoints(&[&INTERFACE, &endpoint(0x81, attributes, bytes, 1)], speed);
        let wrong = DescriptorError::MaxPacket { endpoint: 0x81, bytes: bytes & 0x7ff, speed };
        match right {
            true => assert_eq!(found.map(|all| all.len()), Ok(1), "{attributes} {speed} {bytes}"),
            false => assert_eq!(found, Err(wrong), "{attributes} {speed} {bytes}"),
        }
    }
}

#[test]
fn each_untruth_has_its_name() {
    let bulk = |address| endpoint(address, 2, 64, 0);
    let check = |parts: &[&[u8]], wrong| {
        assert_eq!(endpoints(parts, Speed::Full), Err(wrong));
    };
    check(&[&INTERFACE, &bulk(0x80)], DescriptorError::EndpointAddress(0x80));
    check(&[&INTERFACE, &bulk(0x11)], DescriptorError::EndpointAddress(0x11));
    check(&[&bulk(1)], DescriptorError::StrayEndpoint(1));
    check(&[&INTERFACE, &bulk(1), &bulk(1)], DescriptorError::DuplicateEndpoint(1));
    check(
        &[&INTERFACE, &bulk(1), &interface(1, 0, 1), &bulk(1)],
        DescriptorError::DuplicateEndpoint(1),
    );
    check(
        &[&interface(0, 0, 0), &interface(0, 0, 0)],
        DescriptorError::DuplicateInterface { interface: 0, alternate: 0 },
    );
    check(
        &[&interface(0, 0, 2), &bulk(1)],
        DescriptorError::EndpointCount { interface: 0, promised: 2, found: 1 },
    );
    check(
        &[&INTERFACE, &endpoint(0x83, 3, 8, 0)],
        DescriptorError::Interval { endpoint: 0x83, interval: 0 },
    );
    check(
        &[&INTERFACE, &[4, 5, 1, 2]],
        DescriptorError::TooShort { kind: 5, needed: 7, length: 4 },
    );
    check(&[&INTERFACE, &[0]], DescriptorError::ZeroLength { at: 9 });
}

#[test]
fn settings_of_one_interface_share_endpoints() {
    let parts: [&[u8]; 4] = [
        &interface(0, 0, 0),
        &interface(0, 1, 1),
        &endpoint(0x82, 2, 64, 0),
        &[&interface(0, 2, 2)[..], &endpoint(0x82, 2, 32, 0), &endpoint(2, 1, 64, 1)].concat(),
    ];
    let bytes = configuration(&parts.concat());
    let configuration = Configuration::parse(example(&bytes, Speed::Full)).unwrap();
    assert_eq!(configuration.interfaces().count(), 3);
    let second = configuration.interface(0, 2).unwrap().endpoints(Speed::Full).unwrap();
    // The isochronous one is left out.
    assert_eq!(second.len(), 1);
    let bulk = second[0];
    assert_eq!((bulk.kind, bulk.way, bulk.max_packet), (Kind::Bulk, Way::In, 32));
}

#[test]
fn total_length_is_checked_against_what_is_there() {
    let mut bytes = configuration(&INTERFACE);
    bytes.pop();
    let wrong = DescriptorError::Truncated { kind: 2, needed: 18, got: 17 };
    assert_eq!(Configuration::parse(&bytes), Err(wrong));
    let wrong = DescriptorError::TooShort { kind: 2, needed: 9, length: 4 };
    assert_eq!(
        Configuration::total_length(example(&[9, 2, 4, 0, 1, 1, 0, 0, 0], Speed::Low)),
        Err(wrong)
    );
    // A total that cuts the last descriptor.
    let cut = [9, 2, 12, 0, 1, 1, 0, 0, 0, 9, 4, 0];
    let wrong = DescriptorError::Truncated { kind: 4, needed: 9, got: 3 };
    assert_eq!(Configuration::parse(example(&cut, Speed::Low)), Err(wrong));
}

#[test]
fn strings_become_printable() {
    let text = |bytes: &[u8]| {
        string::<4>(example(bytes, Speed::Full)).map(|text| text.as_str().to_owned())
    };
    assert_eq!(text(&[6, 3, b'o', 0, b'k', 0]).as_deref(), Ok("ok"));
    assert_eq!(text(&[6, 3, 0x3c, 0x26, 7, 0]).as_deref(), Ok("??"));
    assert_eq!(text(&[12, 3, b'a', 0, b'b', 0, b'c', 0, b'd', 0, b'e', 0]).as_deref(), Ok("abcd"));
    assert_eq!(text(&[2, 3]).as_deref(), Ok(""));
    assert_eq!(text(&[5, 3, b'a', 0, b'b']), Err(DescriptorError::OddString(5)));
    let cut = DescriptorError::Truncated { kind: 3, needed: 8, got: 4 };
    assert_eq!(text(&[8, 3, b'a', 0]), Err(cut));
    assert_eq!(first_language(&[4, 3, 0x07, 0x04]), Ok(Some(0x0407)));
    assert_eq!(first_language(&[2, 3]), Ok(None));
}

#[test]
fn hubs_and_devices() {
    let hub = [9, 0x29, 5, 0x0d, 0, 50, 1, 2, 0xff];
    let hub = HubDescriptor::parse(example(&hub, Speed::High));
    assert_eq!(hub, Ok(HubDescriptor { ports: 5, power_good_ms: 100 }));
    assert_eq!(HubDescriptor::parse(&[7, 0x29, 0, 0, 0, 0, 0]), Err(DescriptorError::NoPorts));
    let mut device = [18, 1, 0, 2, 9, 0, 2, 64, 0x24, 4, 0x14, 0x95, 0, 2, 0, 0, 0, 1];
    assert_eq!(
        DeviceDescriptor::parse(example(&device, Speed::High), Speed::High).unwrap().product,
        0x9514
    );
    let wrong = DescriptorError::MaxPacket0 { bytes: 64, speed: Speed::Low };
    assert_eq!(DeviceDescriptor::parse(&device, Speed::Low), Err(wrong));
    device[17] = 0;
    let wrong = DescriptorError::NoConfiguration;
    assert_eq!(DeviceDescriptor::parse(&device, Speed::High), Err(wrong));
}

/// Bytes that look like descriptors often enough to get past the first checks.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let near = prop::collection::vec(prop_oneof![0u8..12, any::<u8>()], 0..300);
    let valid = prop_oneof![
        Just(interface(0, 0, 2).to_vec()),
        Just(interface(0, 1, 1).to_vec()),
        Just(endpoint(0x81, 2, 64, 0).to_vec()),
        Just(endpoint(0x02, 2, 512, 0).to_vec()),
        Just(endpoint(0x83, 3, 16, 4).to_vec()),
        prop::collection::vec(any::<u8>(), 0..10),
    ];
    let made = prop::collection::vec(valid, 0..20).prop_map(|parts| configuration(&parts.concat()));
    prop_oneof![near, made]
}

fn speed() -> impl Strategy<Value = Speed> {
    prop_oneof![Just(Speed::Low), Just(Speed::Full), Just(Speed::High)]
}

proptest! {
    #[test]
    fn any_bytes_are_walked_to_an_end(bytes in bytes(), speed in speed()) {
        let seen: Vec<_> = Descriptors::new(&bytes).collect();
        prop_assert!(seen.len() <= bytes.len() / 2 + 1);
        let _ = DeviceDescriptor::parse(&bytes, speed);
        let _ = DeviceDescriptor::max_packet_0(&bytes, speed);
        let _ = HubDescriptor::parse(&bytes);
        let _ = string::<16>(&bytes);
        let _ = first_language(&bytes);
        if let Ok(configuration) = Configuration::parse(&bytes) {
            prop_assert!(configuration.value != 0);
            for interface in configuration.interfaces() {
                let _ = interface.class_specific().count();
                for endpoint in interface.endpoints(speed).unwrap_or_default() {
                    prop_assert!((1..=15).contains(&endpoint.number));
                    prop_assert!((1..=1024).contains(&endpoint.max_packet));
                }
            }
        }
    }
}
