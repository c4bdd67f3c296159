//! The family: devices and chips that share these registers.

/// SMSC, later Microchip.
const SMSC: u16 = 0x0424;

/// Products by their USB numbers (the list of Linux' smsc95xx). The LAN9512 and LAN9514 share one:
/// they differ in the ports of their hub.
const PRODUCTS: &[(u16, &str)] = &[
    (0xec00, "LAN9512/LAN9514"),
    (0x9500, "LAN9500"),
    (0x9505, "LAN9505"),
    (0x9e00, "LAN9500A"),
    (0x9e01, "LAN9505A"),
    (0x9e08, "LAN89530"),
    (0x9530, "LAN9530"),
    (0x9730, "LAN9730"),
    (0x9900, "LAN9500 SAL10"),
    (0x9901, "LAN9505 SAL10"),
    (0x9902, "LAN9500A SAL10"),
    (0x9903, "LAN9505A SAL10"),
    (0x9904, "LAN9512/LAN9514 SAL10"),
    (0x9905, "LAN9500A HAL"),
    (0x9906, "LAN9505A HAL"),
    (0x9907, "LAN9500 alternate"),
    (0x9908, "LAN9500A alternate"),
    (0x9909, "LAN9512/LAN9514 alternate"),
];

/// Chips by ID_REV.CHIP_ID.
const CHIPS: &[u16] = &[0xec00, 0x9500, 0x9e00, 0x9e08, 0x9530, 0x9730];

/// The product's name, if `idVendor` and `idProduct` are of this family.
pub fn product(vendor: u16, product: u16) -> Option<&'static str> {
    let known = PRODUCTS.iter().find(|entry| vendor == SMSC && entry.0 == product)?;
    Some(known.1)
}

/// True if ID_REV.CHIP_ID is of this family.
pub(crate) fn is_chip(id: u16) -> bool {
    CHIPS.contains(&id)
}

#[cfg(test)]
mod tests {
    use super::product;

    #[test]
    fn the_family_is_known_and_nobody_else() {
        assert_eq!(product(0x0424, 0xec00), Some("LAN9512/LAN9514"));
        assert_eq!(product(0x0424, 0x9730), Some("LAN9730"));
        // The hub before it, its successor on the 3B+, and another vendor's device.
        for (vendor, id) in [(0x0424, 0x9514), (0x0424, 0x7800), (0x0525, 0xec00)] {
            assert_eq!(product(vendor, id), None);
        }
    }
}
