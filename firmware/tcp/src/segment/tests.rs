//! Segments: what is emitted is parsed back, and any bytes are survived.

use proptest::prelude::*;

use super::*;
use crate::flow::Endpoint;
use crate::options::Timestamps;

fn out(payload: [&[u8]; 2]) -> SegmentOut<'_> {
    SegmentOut {
        flow: Flow {
            local: Endpoint::new([192, 0, 2, 1].into(), 80),
            remote: Endpoint::new([192, 0, 2, 2].into(), 40_000),
        },
        header: Header {
            seq: Seq(1),
            ack: Seq(u32::MAX),
            flags: Flags::ACK | Flags::PSH,
            window: 4096,
            urgent: 7,
            options: Options {
                timestamps: Some(Timestamps { value: 5, echo: 6 }),
                ..Options::default()
            },
        },
        payload,
        ecn: Ecn::NotCapable,
        diffserv: 0,
        hop_limit: 64,
        why: Why::Data,
    }
}

#[test]
fn what_is_emitted_is_read_back() {
    for split in 0..=5 {
        let data = b"hello";
        let sent = out([&data[..split], &data[split..]]);
        let mut bytes = [0xAA; 64];
        sent.emit(&mut bytes, Checksum::Software);
        let length = sent.length();
        assert_eq!(length, 20 + 12 + 5);
        let received = SegmentIn {
            source: sent.flow.local.address,
            destination: sent.flow.remote.address,
            ecn: Ecn::NotCapable,
            checksum: Checksum::Software,
            bytes: &bytes[..length],
        };
        assert!(received.check().is_ok());
        let read = Segment::parse(received.bytes).expect("a segment");
        assert_eq!((read.source_port, read.destination_port), (80, 40_000));
        assert_eq!(read.header, sent.header);
        assert_eq!(read.payload, data);
        let mut spoiled = bytes;
        spoiled[length - 1] ^= 1;
        let spoiled = SegmentIn { bytes: &spoiled[..length], ..received };
        assert_eq!(spoiled.check(), Err(BadSegment::Checksum));
        let trusted = SegmentIn { checksum: Checksum::Device, ..spoiled };
        assert!(trusted.check().is_ok());
    }
}

#[test]
fn a_header_longer_than_the_segment_or_shorter_than_20_bytes_is_none() {
    let mut bytes = [0; 24];
    for (words, good) in [(0, false), (4, false), (5, true), (6, true), (7, false), (15, false)] {
        bytes[12] = words << 4;
        assert_eq!(Segment::parse(&bytes).is_ok(), good, "{words}");
    }
    assert_eq!(Segment::parse(&bytes[..19]), Err(BadSegment::Cut));
}

#[test]
fn flags_are_written_as_tcpdump_writes_them() {
    assert_eq!(std::format!("{}", Flags::SYN | Flags::ACK), "S.");
    assert_eq!(std::format!("{}", Flags::default()), "none");
    assert_eq!(std::format!("{}", Flags(0xFF)), "FSRP.UEW");
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        if let Ok(segment) = Segment::parse(&bytes) {
            prop_assert!(segment.payload.len() + HEADER_BYTES <= bytes.len());
        }
    }
}
