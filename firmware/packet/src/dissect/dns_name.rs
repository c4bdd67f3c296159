//! Domain names in messages (RFC 1035 4.1.4).

use super::printer::{Printed, Printer, put};

/// Characters of a name that are printed.
const NAME_CHARACTERS_MAX: usize = 255;

/// What the first byte of a label says.
enum Label {
    /// The name ends.
    End,
    /// So many characters follow.
    Text(usize),
    /// The name goes on elsewhere; these are the upper six bits of where.
    Pointer(u8),
    /// A bit string (RFC 2673, historic).
    Bits,
    /// Another extended label, or the kind that is reserved.
    Bad,
}

impl Label {
    const fn of(byte: u8) -> Self {
        match byte {
            0 => Self::End,
            1..0x40 => Self::Text(byte as usize),
            0x41 => Self::Bits,
            0x40..0xc0 => Self::Bad,
            0xc0.. => Self::Pointer(byte & 0x3f),
        }
    }
}

impl Printer<'_> {
    /// Where a name ends that is not printed; `None` if that cannot be told. It may end behind the
    /// captured bytes.
    pub fn skip_name(&self, at: usize) -> Option<usize> {
        let mut at = at;
        loop {
            let byte = self.u8(at).ok()?;
            at += 1;
            match Label::of(byte) {
                Label::End => return Some(at),
                Label::Pointer(_) => return Some(at + 1),
                Label::Text(length) => at += length,
                Label::Bits => at += 1 + bit_bytes(self.u8(at).ok()?),
                Label::Bad => return None,
            }
        }
    }

    /// A name of the message that starts at `message`. Returns where it ends, or `None` if it is
    /// cut off or wrong.
    pub fn domain_name(&mut self, at: usize, message: usize) -> Printed<Option<usize>> {
        let mut at = at;
        // Where the name ends, once a pointer has led elsewhere.
        let mut end = None;
        // Pointers must lead backwards, each behind the one before: so they come to an end.
        let mut pointer_limit = at.saturating_sub(message);
        let mut characters = 0;
        if !self.has(at, 1) {
            return Ok(None);
        }
        let mut byte = self.u8(at)?;
        if !self.is_label_known(byte)? {
            return Ok(None);
        }
        if byte == 0 {
            put!(self, ".");
            return Ok(Some(at + 1));
        }
        // A name that is but half a pointer ends nowhere.
        if matches!(Label::of(byte), Label::Pointer(_)) && at + 1 >= self.end {
            return Ok(None);
        }
        loop {
            at += 1;
            // A name whose next label is not there is taken as it is.
            if byte == 0 || at >= self.end {
                break;
            }
            match Label::of(byte) {
                Label::Pointer(high) => {
                    end.get_or_insert(at + 1);
                    if !self.has(at, 1) {
                        return Ok(None);
                    }
                    let offset = usize::from(high) << 8 | usize::from(self.u8(at)?);
                    if offset >= pointer_limit {
                        put!(self, "<BAD PTR>");
                        return Ok(None);
                    }
                    pointer_limit = offset;
                    at = message + offset;
                    if !self.has(at, 1) {
                        return Ok(None);
                    }
                    byte = self.u8(at)?;
                    if !self.is_label_known(byte)? {
                        return Ok(None);
                    }
                    continue;
                }
                Label::Text(length) => {
                    let room = NAME_CHARACTERS_MAX.saturating_sub(characters);
                    if !self.print_text(at, length.min(room))? {
                        return Ok(None);
                    }
                    characters += length;
                    at += length;
                }
                Label::Bits => {
                    let bits = self.u8(at)?;
                    self.print_bit_label(at)?;
                    at += 1 + bit_bytes(bits);
                }
                Label::End | Label::Bad => return Ok(None),
            }
            if characters <= NAME_CHARACTERS_MAX {
                put!(self, ".");
            }
            characters += 1;
            if !self.has(at, 1) {
                return Ok(None);
            }
            byte = self.u8(at)?;
            if !self.is_label_known(byte)? {
                return Ok(None);
            }
        }
        if characters > NAME_CHARACTERS_MAX {
            put!(self, "<DOMAIN NAME TOO LONG>");
        }
        Ok(Some(end.unwrap_or(at)))
    }

    /// Says so if a label is of a kind that nobody uses.
    fn is_label_known(&mut self, byte: u8) -> Printed<bool> {
        match Label::of(byte) {
            Label::Bad if byte < 0x80 => put!(self, "<ELT {}>", byte & 0x3f),
            Label::Bad => put!(self, "<BAD LABEL TYPE>"),
            _ => return Ok(true),
        }
        Ok(false)
    }

    /// `\[xff/8]`.
    fn print_bit_label(&mut self, at: usize) -> Printed {
        let bits = bit_count(self.u8(at)?);
        put!(self, "\\[x");
        for index in 0..bits / 8 {
            put!(self, "{:02x}", self.u8(at + 1 + index)?);
        }
        let rest = bits % 8;
        if rest > 0 {
            let byte = self.u8(at + 1 + bits / 8)? & (0xff << (8 - rest)) as u8;
            match rest {
                1..=4 => put!(self, "{:x}", byte >> 4),
                _ => put!(self, "{byte:02x}"),
            }
        }
        put!(self, "/{bits}]");
        Ok(())
    }
}

/// Bits of a bit label: 0 stands for 256.
fn bit_count(field: u8) -> usize {
    if field == 0 { 256 } else { field.into() }
}

fn bit_bytes(field: u8) -> usize {
    bit_count(field).div_ceil(8)
}
