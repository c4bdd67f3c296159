//! Control transfers: the order and shape of their stages.

use super::channel::{Transfer, bytes_of, packets_of};
use super::toggle::Pid;

/// Where a device's control endpoint is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// No request is under way, or how it stands was not seen.
    #[default]
    Idle,
    /// SETUP was sent; had it been lost, the next stage would be SETUP again.
    Setup,
    /// A data stage goes on in this direction, with this toggle.
    Data {
        /// Towards the host.
        is_in: bool,
        /// Due next.
        next: Pid,
    },
}

/// What a stage that ended means for the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing yet.
    None,
    /// A request without a data stage was taken.
    PlainRequest,
}

impl Stage {
    /// What is wrong with beginning this stage now, if anything.
    pub fn begin(self, transfer: &Transfer) -> Option<String> {
        let (bytes, is_in) = (bytes_of(transfer.size), transfer.endpoint.is_in);
        let way = if is_in { "IN" } else { "OUT" };
        if transfer.pid() == Pid::Setup {
            return (is_in || bytes != 8).then(|| format!("SETUP of {bytes} bytes {way}"));
        }
        match self {
            // What came before was not seen to its end.
            Self::Idle => None,
            Self::Setup => (transfer.pid() != Pid::Data1)
                .then(|| format!("the stage after SETUP begins with {:?}", transfer.pid())),
            Self::Data { is_in: data, next } if data == is_in => (transfer.pid() != next)
                .then(|| format!("data goes on with {:?}, due is {next:?}", transfer.pid())),
            Self::Data { .. } if transfer.pid() != Pid::Data1 => {
                Some(format!("the status stage begins with {:?}", transfer.pid()))
            }
            Self::Data { .. } if !is_in && bytes != 0 => {
                Some(format!("a status stage OUT of {bytes} bytes"))
            }
            Self::Data { .. } => None,
        }
    }

    /// The stage after this transfer, which ended with this residue in HCTSIZ.
    pub fn after(self, transfer: &Transfer, residue: u32) -> (Self, Outcome) {
        if !transfer.is_complete() && transfer.pid() != Pid::Setup {
            // A NAK or a lost packet leaves the device where it was; a STALL ends the request.
            return (Self::Idle, Outcome::None);
        }
        let is_in = transfer.endpoint.is_in;
        let moved = bytes_of(transfer.size).saturating_sub(bytes_of(residue));
        match self {
            _ if transfer.pid() == Pid::Setup => (self, Outcome::None),
            // An answer of no bytes to SETUP is the status of a request without data. A device may
            // also answer a read with no bytes, but then its status goes OUT.
            Self::Setup if is_in && moved == 0 && packets_of(transfer.size) == 1 => {
                (Self::Idle, Outcome::PlainRequest)
            }
            Self::Setup => (Self::data(transfer, residue), Outcome::None),
            Self::Data { is_in: data, .. } if data == is_in => {
                (Self::data(transfer, residue), Outcome::None)
            }
            _ => (Self::Idle, Outcome::None),
        }
    }

    fn data(transfer: &Transfer, residue: u32) -> Self {
        match transfer.next_pid(residue) {
            Some(next) => Self::Data { is_in: transfer.endpoint.is_in, next },
            None => Self::Idle,
        }
    }
}
