//! Lines of QEMU's trace, as far as they matter here.
//!
//! ```text
//! usb_dwc2_hreg1_write  0x0510 HCTSIZ  0 val 0x60080008 old 0x00000000 result 0x60080008
//! usb_dwc2_hreg1_read   0x0508 HCINT   40 val 0x00000003
//! usb_set_config dev 1, config 2, ret 0
//! usb_port_detach bus 0, port 1.1
//! ```
//!
//! Observed with QEMU 7.2.22; with `-msg timestamp=on` each line begins `PID@SECONDS:`. The channel
//! number that QEMU prints is wrong in reads (40 for channel 0), so the offset decides.

/// An access of the guest to a register of the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Offset in bytes from the start of the controller.
    pub offset: u16,
    /// The value read or written.
    pub value: u32,
    /// For a write: what the register held before, and after.
    pub write: Option<Change>,
}

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Before the write.
    pub old: u32,
    /// After it; where the write started a transfer that QEMU completes at once, before that.
    pub result: u32,
}

/// A line that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The guest touched a register.
    Access(Access),
    /// A device took a SET_CONFIGURATION; QEMU's own devices say so, redirected ones do not.
    Configured {
        /// Its address.
        address: u8,
    },
    /// A device was unplugged, perhaps behind a hub, where HPRT shows nothing of it.
    Unplugged,
}

/// Reads a line; None for what does not matter and for what is not understood.
pub fn parse(line: &str) -> Option<Event> {
    let line = match line.split_once(":usb_") {
        Some((stamp, rest)) if stamp.contains('@') => rest,
        _ => line.strip_prefix("usb_")?,
    };
    let mut words = line.split_ascii_whitespace();
    let name = words.next()?;
    if name == "set_config" {
        let rest = line.split_once("dev ")?.1;
        let address = rest.split(',').next()?.parse().ok()?;
        return rest.ends_with("ret 0").then_some(Event::Configured { address });
    }
    if name == "port_detach" {
        return Some(Event::Unplugged);
    }
    let (_block, way) = name.strip_prefix("dwc2_")?.split_once("reg")?;
    let write = match way.trim_start_matches(|c: char| c.is_ascii_digit()) {
        "_write" => true,
        "_read" => false,
        _ => return None,
    };
    let offset = u16::try_from(hex(words.next()?)?).ok()?;
    let mut after = |label: &str| words.by_ref().skip_while(|word| *word != label).nth(1);
    let value = hex(after("val")?)? as u32;
    let write = match write {
        // The upper half of a 64-bit result is an artefact of QEMU's arithmetic.
        true => {
            Some(Change { old: hex(after("old")?)? as u32, result: hex(after("result")?)? as u32 })
        }
        false => None,
    };
    Some(Event::Access(Access { offset, value, write }))
}

fn hex(word: &str) -> Option<u64> {
    u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_lines_are_read() {
        let write = Access {
            offset: 0x510,
            value: 0x6008_0008,
            write: Some(Change { old: 0x40, result: 0x6008_0008 }),
        };
        let line = "usb_dwc2_hreg1_write  0x0510 HCTSIZ  0 val 0x60080008 old 0x00000040 \
                    result 0x60080008";
        assert_eq!(parse(line), Some(Event::Access(write)));
        assert_eq!(parse(&format!("12@1763700000.123456:{line}")), Some(Event::Access(write)));
        let read = Access { offset: 0x508, value: 3, write: None };
        let line = "usb_dwc2_hreg1_read   0x0508 HCINT   40 val 0x00000003";
        assert_eq!(parse(line), Some(Event::Access(read)));
        let line = "usb_dwc2_glbreg_write 0x0014 GINTSTS   val 0xffffffff old 0x15000029 \
                    result 0xffffffff05000021";
        let change = Change { old: 0x1500_0029, result: 0x0500_0021 };
        let all = Access { offset: 0x14, value: u32::MAX, write: Some(change) };
        assert_eq!(parse(line), Some(Event::Access(all)));
        let line = "usb_set_config dev 3, config 1, ret 0";
        assert_eq!(parse(line), Some(Event::Configured { address: 3 }));
        assert_eq!(parse("usb_port_detach bus 0, port 1.1"), Some(Event::Unplugged));
    }

    #[test]
    fn everything_else_is_passed_over() {
        for line in [
            "",
            "usb_",
            "usb_dwc2_sof",
            "usb_dwc2_packet_done status USB_RET_SUCCESS actual 8 len 8 pcnt 0",
            "usb_dwc2_hreg1_write  0x0510 HCTSIZ  0 val 0x60080008 old",
            "usb_dwc2_hreg1_write  0x10510 HCTSIZ  0 val 0x1 old 0x1 result 0x1",
            "usb_dwc2_hreg1_read   0x0508 HCINT   40 val nonsense",
            "usb_set_config dev 300, config 1, ret 0",
            "usb_set_config dev 3, config 9, ret -1",
            "qemu-system-aarch64: terminating on signal 15",
            "é@:usb_dwc2_hreg1_read",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
