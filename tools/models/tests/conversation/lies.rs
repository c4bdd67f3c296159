//! Devices that lie about themselves are refused by name, or work where the lie does not matter.

use models::cdc_ecm::CdcEcm;
use models::dwc2::Mode;
use models::hub::Hub;
use models::lies::Lie;

use crate::desk::{Desk, frame};

/// What the drivers say about an adapter with this lie; `None` if they work with it.
fn verdict(lie: Lie) -> Option<&'static str> {
    Some(match lie {
        Lie::DeviceLengthZero => "no bus: descriptor 0x01 claims 0 bytes, needs 8",
        Lie::DeviceCutShort => "no bus: descriptor 0x01 ends after 8 of 18 bytes",
        Lie::PacketSize0Zero => "no bus: 0-byte control packets at 12 Mbit/s",
        Lie::PacketSize0Odd => "no bus: 7-byte control packets at 12 Mbit/s",
        Lie::NoConfigurations => "no bus: no configurations",
        Lie::TotalLengthTiny => "no bus: descriptor 0x02 claims 4 bytes, needs 9",
        Lie::TotalLengthShort => "no bus: descriptor 0x05 ends after 5 of 7 bytes",
        Lie::TotalLengthHuge => "no bus: 65535 bytes, more than 1024",
        Lie::LengthZero => "no bus: descriptor of no length at byte 9",
        Lie::LengthBeyondEnd => "no bus: descriptor 0x05 ends after 7 of 70 bytes",
        Lie::EndpointCutShort => "no bus: descriptor 0x05 claims 4 bytes, needs 7",
        Lie::EndpointZero => "no bus: endpoint address 0x80",
        Lie::MaxPacketZero => "no function: endpoint 0x82: 0-byte packets at 12 Mbit/s",
        Lie::MaxPacketHuge => "no function: endpoint 0x82: 2047-byte packets at 12 Mbit/s",
        Lie::NoBulkOut => "no function: interface 1 has no two bulk endpoints",
        Lie::NoEndpoints => "no function: interface 1 has 0 of 2 endpoints",
        Lie::NoUnion => "no function: no union descriptor",
        Lie::UnionElsewhere => "no function: interface 7 has no two bulk endpoints",
        Lie::NoEthernet => "no function: no Ethernet descriptor",
        Lie::MacIndexZero
        | Lie::MacMissing
        | Lie::MacEmpty
        | Lie::MacShort
        | Lie::MacOddBytes
        | Lie::MacNotHex
        | Lie::MacGroup => "no attachment: no Ethernet address",
        Lie::WrongClass => "no Ethernet device: 1:(0525:a4a2)",
        Lie::ManyConfigurations | Lie::ManyInterfaces => return None,
    })
}

#[test]
fn lying_adapters_are_refused_by_name() {
    for mode in [Mode::Hardware, Mode::Qemu] {
        for lie in Lie::ALL {
            let device = CdcEcm::qemu().lying(lie).share();
            let mut desk = Desk::new(mode, device.clone());
            desk.until("a verdict", |desk| desk.works() || !desk.journal.is_empty());
            assert_eq!(desk.journal.first().map(String::as_str), verdict(lie), "{lie:?}");
            if verdict(lie).is_none() {
                desk.exchange(&device, &frame(100, 0));
            }
            assert_eq!(desk.violations(), [], "{lie:?}");
        }
    }
}

#[test]
fn lying_hubs_are_refused_by_name() {
    let rows: [(&[u8], &str); 6] = [
        (&[], "no bus: descriptor 0x29 ends after 0 of 7 bytes"),
        (&[9, 0x29, 5, 0], "no bus: descriptor 0x29 ends after 4 of 7 bytes"),
        (&[0, 0x29, 5, 0, 0, 1, 0, 0, 0], "no bus: descriptor 0x29 claims 0 bytes, needs 7"),
        (&[9, 5, 5, 0, 0, 1, 0, 0, 0], "no bus: descriptor 0x05 instead of 0x29"),
        (&[9, 0x29, 0, 0, 0, 1, 0, 0, 0], "no bus: hub without ports"),
        // It has five, and refuses to power the sixth.
        (&[9, 0x29, 255, 0, 0, 1, 0, 0, 0], "no bus: stalled"),
    ];
    for (descriptor, verdict) in rows {
        let hub = Hub::lan9514().saying(descriptor).share();
        hub.borrow_mut().attach(1, CdcEcm::dongle().share());
        let mut desk = Desk::new(Mode::Hardware, hub);
        desk.until("a verdict", |desk| !desk.journal.is_empty());
        assert_eq!(desk.journal[0], verdict, "{descriptor:?}");
        assert_eq!(desk.violations(), [], "{descriptor:?}");
    }
}
