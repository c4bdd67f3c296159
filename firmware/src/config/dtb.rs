//! The command line in a flattened device tree (Devicetree Specification v0.4, chapter 5).
//!
//! ```text
//!   header (40 bytes)       structure block                      strings block
//!   d00dfeed totalsize ..   BEGIN "" .. BEGIN "chosen"           .. "bootargs\0" ..
//!                           PROP length name-offset "ip=dhcp\0" --^
//! ```
//!
//! The tree comes from outside: x0 may point at anything. hermit-dtb 0.1.1 was looked at for this
//! and panics on an unknown token, on a name that is not UTF-8 and on every offset or length past
//! the end, and is entered through an `unsafe` call that believes the header's sizes; so this is a
//! walk of our own that is total. It reads one property, keeps no state but a cursor, and moves
//! forward at least four bytes a step.

use core::fmt;

use crate::limits::{DTB_BYTES_MAX, DTB_DEPTH_MAX};

const MAGIC: u32 = 0xD00D_FEED;
/// The version whose header has `size_dt_struct`; what dtc, libfdt and the Raspberry Pi's firmware
/// write.
const VERSION: u32 = 17;
const HEADER_BYTES: usize = 40;

const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROP: u32 = 3;
const NOP: u32 = 4;
const END: u32 = 9;

/// What is wrong with a device tree. Offsets are in bytes from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DtbError {
    /// It does not begin with d00dfeed: there is no device tree here.
    BadMagic(u32),
    /// A layout we do not know.
    BadVersion(u32),
    /// The header's total size is below its own length or above the limit.
    BadSize(u32),
    /// It says it is longer than it is.
    Truncated {
        /// Bytes needed.
        needed: usize,
        /// Bytes there.
        have: usize,
    },
    /// Something lies outside of where it must be.
    BadOffset {
        /// What: "structure block", "property value", ..
        what: &'static str,
        /// Where it was said to begin.
        offset: usize,
    },
    /// An unknown token in the structure block.
    BadToken {
        /// The token.
        token: u32,
        /// Where it is.
        offset: usize,
    },
    /// Nodes within nodes beyond the limit.
    TooDeep {
        /// Where the first node too many begins.
        offset: usize,
    },
    /// More nodes end than began, or a property stands outside of any node.
    Unbalanced {
        /// Where.
        offset: usize,
    },
    /// A string without its terminating zero.
    Unterminated {
        /// What: "node name", "property name", "bootargs".
        what: &'static str,
        /// Where it begins.
        offset: usize,
    },
    /// The command line is not UTF-8.
    NotUtf8 {
        /// Where the first bad byte is.
        offset: usize,
    },
}

impl fmt::Display for DtbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("device tree: ")?;
        match *self {
            Self::BadMagic(magic) => write!(f, "magic is {magic:08x}, not {MAGIC:08x}"),
            Self::BadVersion(version) => write!(f, "version {version} is not known"),
            Self::BadSize(bytes) => write!(f, "a size of {bytes} bytes cannot be"),
            Self::Truncated { needed, have } => {
                write!(f, "cut off: {needed} bytes needed, {have} there")
            }
            Self::BadOffset { what, offset } => write!(f, "{what} at {offset:#x} is out of bounds"),
            Self::BadToken { token, offset } => {
                write!(f, "unknown token {token:08x} at {offset:#x}")
            }
            Self::TooDeep { offset } => {
                write!(f, "more than {DTB_DEPTH_MAX} levels of nodes at {offset:#x}")
            }
            Self::Unbalanced { offset } => write!(f, "nodes do not pair up at {offset:#x}"),
            Self::Unterminated { what, offset } => {
                write!(f, "{what} at {offset:#x} has no end")
            }
            Self::NotUtf8 { offset } => write!(f, "bootargs are not UTF-8 at {offset:#x}"),
        }
    }
}

impl core::error::Error for DtbError {}

/// The length of the device tree that begins with these bytes, for a caller who has only its
/// address.
///
/// # Errors
/// [`DtbError::BadMagic`] if there is none, [`DtbError::BadSize`] if the length cannot be.
pub fn bytes_of(head: [u8; 8]) -> Result<usize, DtbError> {
    let [m0, m1, m2, m3, s0, s1, s2, s3] = head;
    let magic = u32::from_be_bytes([m0, m1, m2, m3]);
    if magic != MAGIC {
        return Err(DtbError::BadMagic(magic));
    }
    let size = u32::from_be_bytes([s0, s1, s2, s3]);
    let bytes = size as usize;
    if (HEADER_BYTES..=DTB_BYTES_MAX).contains(&bytes) {
        Ok(bytes)
    } else {
        Err(DtbError::BadSize(size))
    }
}

/// `/chosen/bootargs`; `Ok(None)` if the tree has none. Bytes after the tree's own length are not
/// looked at.
///
/// # Errors
/// [`DtbError`]; the tree is read only as far as the property.
pub fn bootargs(dtb: &[u8]) -> Result<Option<&str>, DtbError> {
    let cut_off = |needed| DtbError::Truncated { needed, have: dtb.len() };
    let head = dtb.first_chunk().ok_or(cut_off(HEADER_BYTES))?;
    let total = bytes_of(*head)?;
    let tree = Bytes(dtb.get(..total).ok_or(cut_off(total))?);

    let version = tree.word(20).ok_or(cut_off(HEADER_BYTES))?;
    let oldest_reader = tree.word(24).ok_or(cut_off(HEADER_BYTES))?;
    if version < VERSION || oldest_reader > VERSION {
        return Err(DtbError::BadVersion(version));
    }
    let structure = tree.block("structure block", 8, 36)?;
    let strings = tree.block("strings block", 12, 32)?;
    Walk { tree, strings, at: structure.start, end: structure.end }.bootargs()
}

/// The whole tree.
#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    /// The big-endian word at an offset.
    fn word(self, at: usize) -> Option<u32> {
        self.0.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
    }

    /// A block whose offset and size stand in these words of the header.
    fn block(
        self,
        what: &'static str,
        offset_at: usize,
        size_at: usize,
    ) -> Result<core::ops::Range<usize>, DtbError> {
        let header_word = |at| {
            let cut_off = DtbError::Truncated { needed: HEADER_BYTES, have: self.0.len() };
            self.word(at).map(|word| word as usize).ok_or(cut_off)
        };
        let (start, size) = (header_word(offset_at)?, header_word(size_at)?);
        match start.checked_add(size) {
            Some(end) if end <= self.0.len() && start >= HEADER_BYTES => Ok(start..end),
            _ => Err(DtbError::BadOffset { what, offset: start }),
        }
    }

    /// The string that begins at `start` and must end, with a zero, before `end`; without that
    /// zero.
    fn string(self, what: &'static str, start: usize, end: usize) -> Result<&'a [u8], DtbError> {
        let room = self.0.get(start..end).ok_or(DtbError::BadOffset { what, offset: start })?;
        let length = room.iter().position(|&byte| byte == 0);
        length
            .and_then(|length| room.get(..length))
            .ok_or(DtbError::Unterminated { what, offset: start })
    }
}

/// A walk through the structure block.
struct Walk<'a> {
    tree: Bytes<'a>,
    strings: core::ops::Range<usize>,
    at: usize,
    end: usize,
}

impl<'a> Walk<'a> {
    fn bootargs(mut self) -> Result<Option<&'a str>, DtbError> {
        let mut depth = 0;
        let mut in_chosen = false;
        // Bounded: each turn takes a token of four bytes.
        loop {
            let offset = self.at;
            match self.take_word()? {
                BEGIN_NODE => {
                    let name = self.tree.string("node name", self.at, self.end)?;
                    self.skip("node name", name.len() + 1)?;
                    depth += 1;
                    if depth > DTB_DEPTH_MAX {
                        return Err(DtbError::TooDeep { offset });
                    }
                    in_chosen = depth == 2 && name == b"chosen";
                }
                END_NODE if depth == 0 => return Err(DtbError::Unbalanced { offset }),
                END_NODE => {
                    depth -= 1;
                    // Properties come before subnodes, so whatever ends here, /chosen has no more
                    // of them.
                    in_chosen = false;
                }
                PROP if depth == 0 => return Err(DtbError::Unbalanced { offset }),
                PROP => {
                    let length = self.take_word()? as usize;
                    let name = self.take_word()? as usize;
                    let value = self.at;
                    self.skip("property value", length)?;
                    if in_chosen && self.name(name)? == b"bootargs" {
                        return self.text(value, length).map(Some);
                    }
                }
                NOP => {}
                END if depth == 0 => return Ok(None),
                END => return Err(DtbError::Unbalanced { offset }),
                token => return Err(DtbError::BadToken { token, offset }),
            }
        }
    }

    /// Takes the next word of the structure block.
    fn take_word(&mut self) -> Result<u32, DtbError> {
        let (at, next) = (self.at, self.at.saturating_add(4));
        let word = if next <= self.end { self.tree.word(at) } else { None };
        self.at = next;
        word.ok_or(DtbError::BadOffset { what: "token", offset: at })
    }

    /// Moves over that many bytes, and on to the next multiple of four.
    fn skip(&mut self, what: &'static str, bytes: usize) -> Result<(), DtbError> {
        let next = bytes.checked_next_multiple_of(4).and_then(|bytes| self.at.checked_add(bytes));
        match next {
            Some(next) if next <= self.end => {
                self.at = next;
                Ok(())
            }
            _ => Err(DtbError::BadOffset { what, offset: self.at }),
        }
    }

    /// A property's name, by its offset in the strings block.
    fn name(&self, offset: usize) -> Result<&'a [u8], DtbError> {
        let start = self.strings.start.saturating_add(offset);
        self.tree.string("property name", start, self.strings.end)
    }

    /// A property's value as text.
    fn text(&self, start: usize, length: usize) -> Result<&'a str, DtbError> {
        if length == 0 {
            return Ok("");
        }
        let value = self.tree.string("bootargs", start, start.saturating_add(length))?;
        core::str::from_utf8(value)
            .map_err(|error| DtbError::NotUtf8 { offset: start + error.valid_up_to() })
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    /// Writes trees, right or wrong.
    #[derive(Default)]
    struct Tree {
        structure: Vec<u8>,
        strings: Vec<u8>,
    }

    impl Tree {
        fn word(mut self, word: u32) -> Self {
            self.structure.extend(word.to_be_bytes());
            self
        }

        fn padded(mut self, bytes: &[u8]) -> Self {
            self.structure.extend(bytes);
            self.structure.resize(self.structure.len().next_multiple_of(4), 0);
            self
        }

        fn begin(self, name: &str) -> Self {
            self.word(BEGIN_NODE).padded(&[name.as_bytes(), b"\0"].concat())
        }

        fn property(mut self, name: &str, value: &[u8]) -> Self {
            let offset = self.strings.len() as u32;
            self.strings.extend([name.as_bytes(), b"\0"].concat());
            self.word(PROP).word(value.len() as u32).word(offset).padded(value)
        }

        fn end(self) -> Self {
            self.word(END_NODE)
        }

        fn build(self) -> Vec<u8> {
            let structure_at = HEADER_BYTES + 16;
            let strings_at = structure_at + self.structure.len();
            let total = strings_at + self.strings.len();
            let words = [
                MAGIC,
                total as u32,
                structure_at as u32,
                strings_at as u32,
                HEADER_BYTES as u32,
                VERSION,
                16,
                0,
                self.strings.len() as u32,
                self.structure.len() as u32,
            ];
            let header = words.iter().flat_map(|word| word.to_be_bytes());
            header.chain([0; 16]).chain(self.structure).chain(self.strings).collect()
        }
    }

    /// An example, kept as an input of the fuzz target.
    fn example(dtb: &[u8]) -> &[u8] {
        corpus::seed("device_tree", dtb);
        dtb
    }

    fn board(bootargs: &[u8]) -> Vec<u8> {
        Tree::default()
            .begin("")
            .property("compatible", b"raspberrypi,3-model-b\0")
            .begin("soc")
            .begin("chosen")
            .property("bootargs", b"not this one\0")
            .end()
            .end()
            .word(NOP)
            .begin("chosen")
            .property("stdout-path", b"serial0\0")
            .property("bootargs", bootargs)
            .end()
            .end()
            .word(END)
            .build()
    }

    #[test]
    fn finds_the_command_line_of_the_root_only() {
        assert_eq!(bootargs(example(&board(b"ip=dhcp quiet\0"))), Ok(Some("ip=dhcp quiet")));
        assert_eq!(bootargs(&board(b"\0")), Ok(Some("")));
        assert_eq!(bootargs(&board(b"")), Ok(Some("")));
        assert_eq!(bootargs(example(&board(b"one\0two\0"))), Ok(Some("one")));
        let without = Tree::default().begin("").begin("chosen").end().end().word(END).build();
        assert_eq!(bootargs(example(&without)), Ok(None));
    }

    #[test]
    fn a_bad_tree_is_refused_by_name() {
        let tree = Tree::default;
        let deep = (0..=DTB_DEPTH_MAX).fold(tree(), |tree, _| tree.begin("n")).word(END);
        let with_word = |at: usize, word: u32| {
            let mut dtb = board(b"ip=dhcp\0");
            dtb[at..at + 4].copy_from_slice(&word.to_be_bytes());
            dtb
        };
        let whole = board(b"ip=dhcp\0");
        let structure_bytes = u32::from_be_bytes(*whole[36..].first_chunk().unwrap());
        let chosen = || tree().begin("").begin("chosen");
        for (dtb, expected) in [
            (Vec::new(), "cut off: 40 bytes needed, 0 there"),
            (with_word(0, 0), "magic is 00000000, not d00dfeed"),
            (with_word(4, 39), "a size of 39 bytes cannot be"),
            (with_word(4, 0x7FFF_FFFF), "a size of 2147483647 bytes cannot be"),
            (with_word(4, 65536), "cut off: 65536 bytes needed, 265 there"),
            (with_word(8, 0xFFFF_FFFF), "structure block at 0xffffffff is out of bounds"),
            (with_word(8, 0), "structure block at 0x0 is out of bounds"),
            (with_word(12, 0x0001_0000), "strings block at 0x10000 is out of bounds"),
            (with_word(36, 0x0001_0000), "structure block at 0x38 is out of bounds"),
            // Four bytes into the value of bootargs, three words before the end of the block.
            (with_word(36, structure_bytes - 16), "property value at 0xcc is out of bounds"),
            (with_word(20, 16), "version 16 is not known"),
            (with_word(24, 18), "version 17 is not known"),
            (tree().word(7).build(), "unknown token 00000007 at 0x38"),
            (tree().begin("").build(), "token at 0x40 is out of bounds"),
            (tree().begin("").word(END).build(), "nodes do not pair up at 0x40"),
            (tree().end().build(), "nodes do not pair up at 0x38"),
            (tree().property("x", b"").build(), "nodes do not pair up at 0x38"),
            (deep.build(), "more than 64 levels of nodes at 0x238"),
            (tree().word(BEGIN_NODE).padded(b"name").build(), "node name at 0x3c has no end"),
            (
                tree().begin("").word(PROP).word(0xFFFF_FFFF).word(0).build(),
                "property value at 0x4c is out of bounds",
            ),
            (
                chosen().word(PROP).word(0).word(0xFFFF_FFFF).build(),
                "property name at 0x100000057 is out of bounds",
            ),
            (chosen().property("bootargs", b"ip=dhcp").build(), "bootargs at 0x58 has no end"),
            (chosen().property("bootargs", b"ip=\xFF\0").build(), "bootargs are not UTF-8 at 0x5b"),
        ] {
            let error = bootargs(example(&dtb)).expect_err(expected);
            assert_eq!(std::format!("{error}"), std::format!("device tree: {expected}"));
        }
    }

    #[test]
    fn the_length_is_read_before_the_tree_is_touched() {
        let dtb = board(b"ip=dhcp\0");
        assert_eq!(bytes_of(*dtb.first_chunk().unwrap()), Ok(dtb.len()));
        assert_eq!(bytes_of([0; 8]), Err(DtbError::BadMagic(0)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = bootargs(&bytes);
        }

        #[test]
        fn no_damage_panics(
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        ) {
            let mut dtb = board(b"ip=192.168.1.42 quiet\0");
            for (at, byte) in damage {
                let at = at.index(dtb.len());
                dtb[at] = byte;
            }
            let _ = bootargs(&dtb);
        }

        #[test]
        fn no_cut_panics(keep in 0usize..265) {
            let dtb = board(b"ip=dhcp\0");
            assert!(bootargs(&dtb[..keep]).is_err());
        }

        #[test]
        fn any_tokens_are_survived(
            words in prop::collection::vec(prop_oneof![0u32..12, any::<u32>()], 0..64),
        ) {
            let tree = words.into_iter().fold(Tree::default().begin(""), Tree::word);
            let _ = bootargs(&tree.build());
        }
    }
}
