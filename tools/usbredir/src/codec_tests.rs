//! The bytes as the protocol's document draws them, and every message there and back.

use proptest::prelude::*;

use super::*;
use crate::limits::BULK_BYTES_MAX;
use crate::message::VERSION_BYTES;

const NONE: Capabilities = Capabilities(0);
const OURS: Capabilities = Capabilities::OURS;

/// An example, kept as an input of the fuzz target.
fn example(stream: &[u8], shared: Capabilities) {
    corpus::seed("usbredir_codec", &[&[shared.0 as u8], stream].concat());
}

/// `bytes` are `message`, both ways.
fn check(bytes: &[u8], shared: Capabilities, id: u64, message: Message) {
    let mut written = Vec::new();
    encode(id, &message, shared, &mut written);
    assert_eq!(written, bytes, "{message:?}");
    example(bytes, shared);
    let whole = Some((Tagged { id, message }, bytes.len()));
    assert_eq!(decode(bytes, shared), Ok(whole));
    for end in 0..bytes.len() {
        assert_eq!(decode(&bytes[..end], shared), Ok(None), "the first {end} bytes");
    }
}

#[test]
fn a_header_is_short_until_both_can_do_wide_ids() {
    check(&[3, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0], NONE, 7, Message::Reset);
    check(
        &[3, 0, 0, 0, 0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1],
        OURS,
        0x0102_0304_0506_0708,
        Message::Reset,
    );
}

#[test]
fn a_hello_has_a_short_id_always() {
    let mut bytes = vec![0, 0, 0, 0, 68, 0, 0, 0, 0, 0, 0, 0];
    bytes.extend(b"qemu usb-redir guest 7.2.22");
    bytes.resize(12 + VERSION_BYTES, 0);
    bytes.extend([0xff, 0, 0, 0]);
    let mut version = [0; VERSION_BYTES];
    version.copy_from_slice(&bytes[12..76]);
    let hello = Hello { version, capabilities: Some(Capabilities(0xff)) };
    assert_eq!(hello.name(), "qemu usb-redir guest 7.2.22");
    check(&bytes, NONE, 0, Message::Hello(hello));
    check(&bytes, OURS, 0, Message::Hello(hello));
    assert_eq!(OURS.0, 0x76);
}

#[test]
fn a_bulk_length_is_wide_if_both_can() {
    let wanted = |length| {
        let status = Status::Success;
        Message::Bulk(BulkPacket { endpoint: 0x81, status, length, stream: 0, data: Vec::new() })
    };
    let head = [101, 0, 0, 0, 10, 0, 0, 0];
    let id = [0x40, 0x21, 0xb7, 0xfb, 0, 0, 0, 0];
    let body = [0x81, 0, 0, 0, 0, 0, 0, 0, 1, 0];
    check(&[&head[..], &id, &body].concat(), OURS, 0xfbb7_2140, wanted(65_536));
    let head = [101, 0, 0, 0, 8, 0, 0, 0, 5, 0, 0, 0];
    check(&[&head[..], &[0x81, 0, 0, 2, 0, 0, 0, 0]].concat(), NONE, 5, wanted(512));
}

#[test]
fn a_control_packet_carries_its_data() {
    let packet = ControlPacket {
        endpoint: 0x80,
        request: 0xa1,
        request_type: 0xc0,
        status: Status::Success,
        value: 0,
        index: 0x114,
        length: 4,
        data: vec![1, 2, 3, 4],
    };
    let bytes = [
        &[100, 0, 0, 0, 14, 0, 0, 0, 9, 0, 0, 0][..],
        &[0x80, 0xa1, 0xc0, 0, 0, 0, 0x14, 1, 4, 0],
        &[1, 2, 3, 4],
    ];
    check(&bytes.concat(), NONE, 9, Message::Control(packet));
}

#[test]
fn a_device_has_a_version_if_both_can() {
    let connect = DeviceConnect {
        speed: 2,
        class: 0xff,
        subclass: 0,
        protocol: 1,
        vendor: 0x0424,
        product: 0xec00,
        version: 0x0200,
    };
    let head = [1, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let body = [2, 0xff, 0, 1, 0x24, 4, 0, 0xec, 0, 2];
    check(&[&head[..], &body].concat(), OURS, 0, Message::DeviceConnect(connect));
    let head = [1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0];
    let without = DeviceConnect { version: 0, ..connect };
    check(&[&head[..], &body[..8]].concat(), NONE, 0, Message::DeviceConnect(without));
}

#[test]
fn lengths_that_lie_are_refused_by_name() {
    let head = |kind: u32, bytes: u32| {
        [kind.to_le_bytes(), bytes.to_le_bytes(), [0; 4]].as_flattened().to_vec()
    };
    let refused = |stream: Vec<u8>, error| {
        example(&stream, NONE);
        assert_eq!(decode(&stream, NONE), Err(error));
    };
    let bytes = u32::MAX;
    refused(head(101, bytes), Error::TooLong { kind: 101, bytes });
    refused(head(99, 0), Error::UnknownType(99));
    refused([head(3, 1), vec![0]].concat(), Error::WrongLength { kind: 3, bytes: 1 });
    refused(head(6, 0), Error::WrongLength { kind: 6, bytes: 0 });
    // Three bytes of data behind a length field of four.
    let body = vec![0, 9, 0, 0, 0, 0, 0, 0, 4, 0, 1, 2, 3];
    refused([head(100, 13), body].concat(), Error::WrongLength { kind: 100, bytes: 13 });
    // The limit is seen before the bytes are there.
    let most = (BULK_BYTES_MAX + 17) as u32;
    refused(head(101, most), Error::TooLong { kind: 101, bytes: most });
}

fn statuses() -> impl Strategy<Value = Status> {
    (0_u8..=6).prop_map(Status::from_byte)
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..64)
}

fn small() -> impl Strategy<Value = SmallPacket> {
    (any::<u8>(), statuses(), data()).prop_map(|(endpoint, status, data)| SmallPacket {
        endpoint,
        status,
        length: data.len() as u16,
        data,
    })
}

fn messages() -> impl Strategy<Value = Message> {
    prop_oneof![
        (any::<[u8; 32]>(), any::<u32>()).prop_map(|(half, capabilities)| {
            let mut version = [0; VERSION_BYTES];
            version[..32].copy_from_slice(&half);
            let capabilities = Some(Capabilities(capabilities));
            Message::Hello(Hello { version, capabilities })
        }),
        proptest::sample::select(vec![
            Message::DeviceDisconnect,
            Message::Reset,
            Message::GetConfiguration,
            Message::Cancel,
            Message::FilterReject,
            Message::DisconnectAck,
        ]),
        (any::<[u8; 4]>(), any::<[u16; 3]>()).prop_map(|(bytes, words)| {
            let [speed, class, subclass, protocol] = bytes;
            let [vendor, product, version] = words;
            Message::DeviceConnect(DeviceConnect {
                speed,
                class,
                subclass,
                protocol,
                vendor,
                product,
                version,
            })
        }),
        (any::<u32>(), any::<[[u8; 32]; 4]>()).prop_map(
            |(count, [number, class, subclass, protocol])| {
                let info = InterfaceInfo { count, number, class, subclass, protocol };
                Message::InterfaceInfo(Box::new(info))
            }
        ),
        (any::<[[u8; 32]; 3]>(), any::<[u16; 32]>()).prop_map(
            |([kind, interval, interface], max_packet)| {
                let info = EndpointInfo { kind, interval, interface, max_packet };
                Message::EndpointInfo(Box::new(info))
            }
        ),
        (6_u32..=17, any::<[u8; 3]>(), statuses()).prop_map(|(kind, [a, b, c], status)| {
            match kind {
                6 => Message::SetConfiguration { configuration: a },
                8 => Message::ConfigurationStatus { status, configuration: a },
                9 => Message::SetAlternate { interface: a, alternate: b },
                10 => Message::GetAlternate { interface: a },
                11 => Message::AlternateStatus { status, interface: a, alternate: b },
                12 => Message::StartIso { endpoint: a, packets: b, requests: c },
                13 => Message::StopIso { endpoint: a },
                14 => Message::IsoStatus { status, endpoint: a },
                15 => Message::StartInterrupt { endpoint: a },
                16 => Message::StopInterrupt { endpoint: a },
                17 => Message::InterruptStatus { status, endpoint: a },
                _ => Message::GetConfiguration,
            }
        }),
        (18_u32..=27, any::<[u32; 2]>(), any::<[u8; 2]>(), statuses()).prop_map(
            |(kind, [first, second], [a, b], status)| match kind {
                18 => Message::AllocateStreams { endpoints: first, streams: second },
                19 => Message::FreeStreams { endpoints: first },
                20 => Message::StreamsStatus { endpoints: first, streams: second, status },
                25 => {
                    Message::StartBulk { stream: first, bytes: second, endpoint: a, transfers: b }
                }
                26 => Message::StopBulk { stream: first, endpoint: a },
                27 => Message::BulkStatus { stream: first, endpoint: a, status },
                _ => Message::Cancel,
            }
        ),
        data().prop_map(Message::Filter),
        (any::<[u8; 3]>(), statuses(), any::<[u16; 2]>(), data()).prop_map(
            |([endpoint, request, request_type], status, [value, index], data)| {
                let length = data.len() as u16;
                Message::Control(ControlPacket {
                    endpoint,
                    request,
                    request_type,
                    status,
                    value,
                    index,
                    length,
                    data,
                })
            }
        ),
        (any::<u8>(), statuses(), any::<u32>(), data()).prop_map(
            |(endpoint, status, stream, data)| {
                let length = data.len() as u32;
                Message::Bulk(BulkPacket { endpoint, status, length, stream, data })
            }
        ),
        small().prop_map(Message::Iso),
        small().prop_map(Message::Interrupt),
        (any::<[u32; 1]>(), any::<u8>(), statuses(), data()).prop_map(
            |([stream], endpoint, status, data)| {
                let length = data.len() as u32;
                Message::BufferedBulk { stream, length, endpoint, status, data }
            }
        ),
    ]
}

proptest! {
    #[test]
    fn every_message_comes_back(message in messages(), id in any::<u64>(), more in data()) {
        let mut stream = Vec::new();
        encode(id, &message, OURS, &mut stream);
        let whole = stream.len();
        stream.extend(more);
        let id = if matches!(message, Message::Hello(_)) { id & 0xffff_ffff } else { id };
        prop_assert_eq!(decode(&stream, OURS), Ok(Some((Tagged { id, message }, whole))));
        prop_assert_eq!(decode(&stream[..whole - 1], OURS), Ok(None));
    }

    #[test]
    fn no_bytes_panic_and_what_is_taken_was_there(
        kind in prop_oneof![0_u32..30, 98_u32..106, any::<u32>()],
        bytes in prop_oneof![0_u32..200, any::<u32>()],
        body in proptest::collection::vec(any::<u8>(), 0..300),
        capabilities in any::<u32>(),
    ) {
        let mut stream = [kind.to_le_bytes(), bytes.to_le_bytes()].as_flattened().to_vec();
        stream.extend(body);
        if let Ok(Some((_, taken))) = decode(&stream, Capabilities(capabilities)) {
            prop_assert!((HEADER_BYTES..=stream.len()).contains(&taken));
        }
    }
}
