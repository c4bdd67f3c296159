//! The chips that share these registers, and their descriptors.

use crate::usb::{Descriptors, configuration, endpoint};

/// A chip of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// What it is called.
    pub name: &'static str,
    /// `idProduct`; `idVendor` is 0424.
    pub product: u16,
    /// The register ID_REV.
    pub id_rev: u32,
}

impl Model {
    /// True if GET_STATS begins the counters again: `[data sheet]` 5.3.1.7 for the LAN9500; not so
    /// for the LAN9500A there and for the LAN9730 in its own. `[assumed]` of the LAN9512, which is
    /// older than the latter two, and of the others, which are younger.
    pub fn clears_statistics(&self) -> bool {
        matches!(self.id_rev >> 16, 0x9500 | 0xec00)
    }
}

/// LAN9512 and LAN9514: the same Ethernet function below hubs of three and five ports (0424:9512
/// and 0424:9514). ID_REV is `[board]`.
pub const LAN9514: Model = Model { name: "LAN9512/LAN9514", product: 0xec00, id_rev: 0xec00_0002 };

const fn model(name: &'static str, product: u16, chip: u16) -> Model {
    // The revision is `[assumed]`.
    Model { name, product, id_rev: (chip as u32) << 16 | 2 }
}

/// All of them, as Linux's smsc95xx lists them. Which chip id an alternative product number shows
/// in ID_REV is `[assumed]`.
pub const FAMILY: [Model; 18] = [
    LAN9514,
    model("LAN9500", 0x9500, 0x9500),
    model("LAN9505", 0x9505, 0x9500),
    model("LAN9500A", 0x9e00, 0x9e00),
    model("LAN9505A", 0x9e01, 0x9e00),
    model("LAN9500 (SAL10)", 0x9900, 0x9500),
    model("LAN9505 (SAL10)", 0x9901, 0x9500),
    model("LAN9500A (SAL10)", 0x9902, 0x9e00),
    model("LAN9505A (SAL10)", 0x9903, 0x9e00),
    model("LAN9512/LAN9514 (SAL10)", 0x9904, 0xec00),
    model("LAN9500A (HAL)", 0x9905, 0x9e00),
    model("LAN9505A (HAL)", 0x9906, 0x9e00),
    model("LAN9500 (alternative)", 0x9907, 0x9500),
    model("LAN9500A (alternative)", 0x9908, 0x9e00),
    model("LAN9512/LAN9514 (alternative)", 0x9909, 0xec00),
    model("LAN9530", 0x9530, 0x9530),
    model("LAN9730", 0x9730, 0x9730),
    model("LAN89530", 0x9e08, 0x9e08),
];

/// The descriptors at full and at high speed: at high speed `[board]`, byte for byte as a Pi shows
/// them; at full speed with packets of 64 bytes and the interval of 1 ms in its units `[assumed]`.
pub fn descriptors(model: &Model) -> (Descriptors, Descriptors) {
    let [low, high] = model.product.to_le_bytes();
    let device =
        vec![18, 1, 0x00, 0x02, 0xff, 0, 0x01, 64, 0x24, 0x04, low, high, 0x00, 0x02, 0, 0, 0, 1];
    let of = |bulk: u16, interval: u8| Descriptors {
        device: device.clone(),
        configurations: vec![configuration(
            1,
            1,
            0,
            &[
                &[9, 4, 0, 0, 3, 0xff, 0x00, 0xff, 0],
                &endpoint(0x81, 2, bulk, 0),
                &endpoint(0x02, 2, bulk, 0),
                &endpoint(0x83, 3, 16, interval),
            ],
        )],
        strings: Vec::new(),
    };
    (of(64, 1), of(512, 4))
}
