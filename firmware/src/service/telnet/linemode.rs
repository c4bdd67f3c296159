//! LINEMODE (RFC 1184): the client edits, and sends whole lines.
//!
//! ```text
//!   server                               client
//!   DO LINEMODE                   ---->
//!                                 <----  WILL LINEMODE, SLC (its keys)
//!   MODE EDIT|TRAPSIG             ---->
//!   SLC FORW1 = Tab, its keys ACK ---->
//!                                 <----  MODE EDIT|TRAPSIG|ACK, SLC FORW1 = Tab ACK
//! ```
//!
//! Which keys edit and interrupt is the client's business: whatever it names is agreed to. What we
//! ask for is Tab as the first forwarding character, by which a line that is begun comes to us to
//! be completed.

use super::codes::command::{DO, DONT, IAC, SB, SE, WILL, WONT};
use super::codes::linemode::{
    EDIT, FORWARDMASK, LITERAL_ECHO, MODE, MODE_ACK, SLC, SOFT_TAB, TRAPSIG,
};
use super::codes::option::LINEMODE;
use super::codes::slc;

/// Functions that we know, SYNCH to FORW2; those of visual editing are refused.
const FUNCTIONS: usize = slc::FORW2 as usize;

/// Bytes of the longest answer: triples of which the value is an escaped 255, and what is around
/// them.
pub const ANSWER_BYTES_MAX: usize = 4 * (TRIPLES_MAX + FUNCTIONS) + 6;

/// SLC_FLUSHIN and SLC_FLUSHOUT: whether a key throws away what is under way.
const FLUSH: u8 = 96;

/// Triples of the longest list that is answered; what follows is not looked at. A client has thirty
/// functions.
pub const TRIPLES_MAX: usize = 32;

/// The key that completes.
const TAB: u8 = b'\t';

/// The keys of a client that asks for ours, from SYNCH on: those of a Unix terminal. 0: no support.
const DEFAULTS: [u8; FUNCTIONS] =
    [0, 0, 0x03, 0x0f, 0x14, 0, 0x1c, 0x04, 0x1a, 0x7f, 0x15, 0x17, 0x12, 0x16, 0x11, 0x13, TAB, 0];

/// An answer or a proposal of ours.
pub type Said = heapless::Vec<u8, ANSWER_BYTES_MAX>;

/// A key as it was agreed upon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Key {
    level: u8,
    value: u8,
}

/// The state of the option while it is on.
#[derive(Debug, Default)]
pub struct Linemode {
    /// The mode in force.
    mode: u8,
    keys: [Key; FUNCTIONS],
}

impl Linemode {
    /// The option was just turned on: what we say first.
    pub fn begin(&mut self) -> Said {
        *self = Self::default();
        let mut said = Said::new();
        // None of these can fail: 16 bytes.
        let _ = said.extend_from_slice(&[IAC, SB, LINEMODE, MODE, EDIT | TRAPSIG, IAC, SE]);
        let _ = said.extend_from_slice(&[IAC, SB, LINEMODE, SLC]);
        let _ = said.extend_from_slice(&[slc::FORW1, slc::VALUE, TAB, IAC, SE]);
        said
    }

    /// True if the client edits lines.
    pub fn edits(&self) -> bool {
        self.mode & EDIT != 0
    }

    /// True if the client sends what was typed so far when Tab is typed.
    pub fn forwards_tab(&self) -> bool {
        self.edits()
            && self.keys[usize::from(slc::FORW1) - 1] == Key { level: slc::VALUE, value: TAB }
    }

    /// A subnegotiation of the client, after `SB LINEMODE`. `None`: it makes no sense.
    pub fn heard(&mut self, bytes: &[u8]) -> Option<Said> {
        match *bytes {
            [MODE, mask] => {
                let mode = mask & (EDIT | TRAPSIG | SOFT_TAB | LITERAL_ECHO);
                let answer = mask & MODE_ACK == 0 && mode != self.mode;
                self.mode = mode;
                let proposal = [IAC, SB, LINEMODE, MODE, mode | MODE_ACK, IAC, SE];
                Some(if answer { said(&proposal) } else { Said::new() })
            }
            [verb @ (WILL | DO), FORWARDMASK, ..] => {
                // Neither is a client's to say unasked, and we ask for none.
                let refusal = if verb == WILL { DONT } else { WONT };
                Some(said(&[IAC, SB, LINEMODE, refusal, FORWARDMASK, IAC, SE]))
            }
            [WONT | DONT, FORWARDMASK, ..] => Some(Said::new()),
            [SLC, ref triples @ ..] if triples.len() % 3 == 0 => Some(self.heard_keys(triples)),
            _ => None,
        }
    }

    /// The client's keys. All triples are answered in one list.
    fn heard_keys(&mut self, triples: &[u8]) -> Said {
        let mut list = said(&[IAC, SB, LINEMODE, SLC]);
        let empty = list.len();
        let mut told = false;
        for triple in triples.chunks_exact(3).take(TRIPLES_MAX) {
            let &[function, flags, value] = triple else { continue };
            if function != 0 {
                put(&mut list, self.heard_key(function, flags, value));
            } else if !told {
                // "Send your defaults", or "send what is in force".
                told = true;
                for function in 1..=slc::FORW2 {
                    let index = usize::from(function) - 1;
                    if flags & slc::LEVEL == slc::DEFAULT {
                        self.keys[index] = default_key(index);
                    }
                    let Key { level, value } = self.keys[index];
                    put(&mut list, Some([function, level, value]));
                }
            }
        }
        if list.len() == empty {
            return Said::new();
        }
        let _ = list.extend_from_slice(&[IAC, SE]);
        list
    }

    /// One key; what is to be said of it.
    fn heard_key(&mut self, function: u8, flags: u8, value: u8) -> Option<[u8; 3]> {
        let level = flags & slc::LEVEL;
        let index = match function {
            // No key of a Unix terminal sends a Synch, and we have no records.
            0 | slc::SYNCH | slc::EOR | 19.. => {
                let refused = level == slc::NO_SUPPORT || flags & slc::ACK != 0;
                return (!refused).then_some([function, slc::NO_SUPPORT, 0]);
            }
            _ => usize::from(function) - 1,
        };
        let theirs = Key { level, value };
        let key = &mut self.keys[index];
        if level == slc::DEFAULT {
            *key = default_key(index);
            return Some([function, key.level, key.value]);
        }
        let known = core::mem::replace(key, theirs) == theirs || flags & slc::ACK != 0;
        // What it does not support, or not let go of, it need not be told.
        (!known && level == slc::VALUE).then_some([
            function,
            level | flags & FLUSH | slc::ACK,
            value,
        ])
    }
}

fn default_key(index: usize) -> Key {
    match DEFAULTS[index] {
        0 => Key::default(),
        value => Key { level: slc::VALUE, value },
    }
}

/// Appends a triple, 255 escaped.
fn put(list: &mut Said, triple: Option<[u8; 3]>) {
    for byte in triple.into_iter().flatten() {
        // Cannot fail: the room is that of the longest answer, in which only values are 255. An
        // unknown function of that number has no value.
        let _ = list.push(byte);
        if byte == IAC {
            let _ = list.push(IAC);
        }
    }
}

fn said(bytes: &[u8]) -> Said {
    // Cannot fail: no fixed answer is longer than a list of keys (asserted below).
    Said::from_slice(bytes).unwrap_or_default()
}

const _: () = assert!(ANSWER_BYTES_MAX >= 16);
