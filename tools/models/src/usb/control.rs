//! Control transfers as a device sees them (USB 2.0, 8.5.3).
//!
//! ```text
//!   SETUP ─┬─ DataIn ── StatusOut ─┐
//!          ├─ DataOut ── StatusIn ─┼─> Idle
//!          ├─ StatusIn ────────────┘
//!          └─ Stalled, until the next SETUP
//! ```

/// A SETUP packet (USB 2.0, table 9-2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// `bmRequestType`.
    pub request_type: u8,
    /// `bRequest`.
    pub request: u8,
    /// `wValue`.
    pub value: u16,
    /// `wIndex`.
    pub index: u16,
    /// `wLength`.
    pub length: u16,
}

impl Setup {
    /// The packet's fields; `None` unless it has eight bytes.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let &[request_type, request, v0, v1, i0, i1, l0, l1] = bytes else { return None };
        Some(Self {
            request_type,
            request,
            value: u16::from_le_bytes([v0, v1]),
            index: u16::from_le_bytes([i0, i1]),
            length: u16::from_le_bytes([l0, l1]),
        })
    }

    /// True if the data stage, if any, goes to the host.
    pub const fn is_in(&self) -> bool {
        self.request_type & 0x80 != 0
    }

    /// True for the requests of chapter 9, false for those of a class or a vendor.
    pub const fn is_standard(&self) -> bool {
        self.request_type & 0x60 == 0
    }
}

/// Where a control transfer stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// None is under way.
    #[default]
    Idle,
    /// Data goes to the host; `sent` bytes of it are acknowledged.
    DataIn { data: Vec<u8>, sent: usize, wanted: usize },
    /// Data comes from the host.
    DataOut { setup: Setup, data: Vec<u8> },
    /// The host asks for the result. `request` was not carried out yet.
    StatusIn { request: Option<(Setup, Vec<u8>)>, address: Option<u8> },
    /// The host acknowledges the data.
    StatusOut,
    /// Not supported.
    Stalled,
}

impl Stage {
    /// The next data packet to the host, in the data stage.
    pub(super) fn packet(&self, max_packet: usize) -> Option<Vec<u8>> {
        let Self::DataIn { data, sent, .. } = self else { return None };
        let left = &data[*sent..];
        Some(left[..left.len().min(max_packet)].to_vec())
    }

    /// The host has got the last packet.
    pub(super) fn sent(&mut self, max_packet: usize) {
        if let Self::DataIn { data, sent, wanted } = self {
            let len = (data.len() - *sent).min(max_packet);
            *sent += len;
            if len < max_packet || *sent >= *wanted {
                *self = Self::StatusOut;
            }
        }
    }
}
