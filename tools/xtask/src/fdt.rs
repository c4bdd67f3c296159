//! A flattened device tree, just large enough for QEMU.
//!
//! QEMU hands the kernel command line over only if it is given a device tree to put it into
//! (`-append` without `-dtb` goes nowhere on `raspi3b`). It writes memory and bootargs into the
//! tree by itself and asks for no more than a valid file whose root has cell sizes. Layout:
//! Devicetree Specification v0.4, chapter 5.
//!
//! ```text
//! header | reserved-memory map | structure: tokens | strings: property names
//! ```

/// Header, "magic" (5.2).
const MAGIC: u32 = 0xd00d_feed;
/// Version of this layout, and the oldest it is compatible with (5.2).
const VERSION: u32 = 17;
const VERSION_COMPATIBLE: u32 = 16;
/// Ten words of 4 bytes (5.2).
const HEADER_BYTES: usize = 40;
/// The reserved-memory map is its terminating entry alone: two zero words of 8 bytes (5.3).
const RESERVED_BYTES: usize = 16;
/// Structure tokens (5.4.1).
const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROPERTY: u32 = 3;
const END: u32 = 9;

/// RAM of a Raspberry Pi 3 in bytes, which is also the only size QEMU's `raspi3b` accepts.
const RAM_BYTES: u32 = 1 << 30;

/// Writes a device tree, node by node.
#[derive(Debug, Default)]
pub struct Writer {
    structure: Vec<u8>,
    strings: Vec<u8>,
}

impl Writer {
    /// Writes a node and, through `inside`, its properties and then its children.
    pub fn node(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.token(BEGIN_NODE);
        self.structure.extend_from_slice(name.as_bytes());
        self.structure.push(0);
        self.align();
        inside(self);
        self.token(END_NODE);
    }

    /// Writes a property of the current node.
    pub fn property(&mut self, name: &str, value: &[u8]) {
        self.token(PROPERTY);
        self.token(value.len() as u32);
        self.token(self.strings.len() as u32);
        self.strings.extend_from_slice(name.as_bytes());
        self.strings.push(0);
        self.structure.extend_from_slice(value);
        self.align();
    }

    /// Writes a property whose value is text.
    pub fn text(&mut self, name: &str, value: &str) {
        self.property(name, &[value.as_bytes(), &[0]].concat());
    }

    /// Writes a property whose value is a list of 32-bit cells.
    pub fn cells(&mut self, name: &str, cells: &[u32]) {
        let value: Vec<u8> = cells.iter().flat_map(|cell| cell.to_be_bytes()).collect();
        self.property(name, &value);
    }

    /// The finished tree.
    pub fn finish(mut self) -> Vec<u8> {
        self.token(END);
        let structure_at = HEADER_BYTES + RESERVED_BYTES;
        let strings_at = structure_at + self.structure.len();
        let total = strings_at + self.strings.len();
        let header = [
            MAGIC,
            total as u32,
            structure_at as u32,
            strings_at as u32,
            HEADER_BYTES as u32,
            VERSION,
            VERSION_COMPATIBLE,
            0, // The booting processor.
            self.strings.len() as u32,
            self.structure.len() as u32,
        ];
        let mut tree: Vec<u8> = header.iter().flat_map(|word| word.to_be_bytes()).collect();
        tree.resize(structure_at, 0);
        tree.extend(self.structure);
        tree.extend(self.strings);
        tree
    }

    fn token(&mut self, word: u32) {
        self.structure.extend_from_slice(&word.to_be_bytes());
    }

    fn align(&mut self) {
        self.structure.resize(self.structure.len().next_multiple_of(4), 0);
    }
}

/// A tree for a Raspberry Pi 3 with this kernel command line. A NUL would end the text early and is
/// left out.
pub fn raspberry_pi_3(bootargs: &str) -> Vec<u8> {
    let mut tree = Writer::default();
    tree.node("", |root| {
        root.cells("#address-cells", &[1]);
        root.cells("#size-cells", &[1]);
        root.property("compatible", b"raspberrypi,3-model-b\0brcm,bcm2837\0");
        root.text("model", "Raspberry Pi 3 Model B");
        root.node("chosen", |chosen| chosen.text("bootargs", &bootargs.replace('\0', "")));
        root.node("memory@0", |memory| {
            memory.text("device_type", "memory");
            memory.cells("reg", &[0, RAM_BYTES]);
        });
    });
    tree.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    fn word(tree: &[u8], at: usize) -> u32 {
        u32::from_be_bytes(tree[at..at + 4].try_into().expect("four bytes"))
    }

    #[test]
    fn the_header_describes_the_file() {
        let tree = raspberry_pi_3("ip=dhcp");
        assert_eq!(word(&tree, 0), MAGIC);
        assert_eq!(word(&tree, 4) as usize, tree.len());
        let (structure, strings) = (word(&tree, 8) as usize, word(&tree, 12) as usize);
        assert_eq!(structure + word(&tree, 36) as usize, strings);
        assert_eq!(strings + word(&tree, 32) as usize, tree.len());
        assert!(structure.is_multiple_of(4));
        assert_eq!(word(&tree, structure), BEGIN_NODE);
        assert_eq!(word(&tree, strings - 4), END);
    }

    #[test]
    fn nodes_and_properties_are_aligned_and_closed() {
        let mut writer = Writer::default();
        writer.node("ab", |node| node.property("p", &[7, 8, 9]));
        let tree = writer.finish();
        let at = word(&tree, 8) as usize;
        let expected = [
            [0, 0, 0, 1].as_slice(),
            b"ab\0\0",
            &[0, 0, 0, 3],
            &[0, 0, 0, 3],
            &[0, 0, 0, 0],
            &[7, 8, 9, 0],
            &[0, 0, 0, 2],
            &[0, 0, 0, 9],
            b"p\0",
        ];
        assert_eq!(tree[at..], expected.concat());
    }

    #[test]
    fn a_nul_does_not_cut_the_command_line() {
        let tree = raspberry_pi_3("a\0b");
        assert!(tree.windows(3).any(|window| window == b"ab\0"));
    }

    /// An independent reader as the oracle.
    #[test]
    fn dtc_reads_the_tree() {
        let mut dtc = Command::new("dtc");
        dtc.args(["-I", "dtb", "-O", "dts"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let Ok(mut dtc) = dtc.stderr(Stdio::null()).spawn() else {
            eprintln!("skipped: dtc is not installed (package device-tree-compiler)");
            return;
        };
        let tree = raspberry_pi_3("ip=192.168.1.42::192.168.1.1:255.255.255.0");
        dtc.stdin.take().expect("piped").write_all(&tree).expect("dtc reads");
        let output = dtc.wait_with_output().expect("dtc ends");
        let source = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{source}");
        assert!(source.contains(r#"bootargs = "ip=192.168.1.42::192.168.1.1:255.255.255.0";"#));
        assert!(source.contains("reg = <0x00 0x40000000>;"), "{source}");
    }
}
