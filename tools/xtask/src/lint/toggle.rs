//! Data toggles: which packet identifier an endpoint must be asked with next.
//!
//! The trace shows registers, not the bytes of a SETUP packet, so what resets a toggle is told from
//! its shape. A request without a data stage (SETUP, then an empty IN) may be SET_CONFIGURATION,
//! SET_INTERFACE or CLEAR_FEATURE(ENDPOINT_HALT): after it an endpoint may go on or begin anew; one
//! that was stalled must begin anew. QEMU's own devices also say when they are configured, and then
//! every endpoint must begin anew (USB 2.0, 9.1.1.5 and 9.4.5).

use std::collections::HashMap;

/// HCTSIZ.PID, as the transfer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pid {
    /// DATA0.
    Data0,
    /// DATA2, of isochronous transfers.
    Data2,
    /// DATA1.
    Data1,
    /// SETUP; MDATA for what is not a control endpoint.
    Setup,
}

impl Pid {
    /// Reads bits 30:29 of HCTSIZ.
    pub fn of(size_register: u32) -> Self {
        match size_register >> 29 & 3 {
            0 => Self::Data0,
            1 => Self::Data2,
            2 => Self::Data1,
            _ => Self::Setup,
        }
    }

    /// The toggle after so many packets.
    pub fn after(self, packets: u32) -> Self {
        match (self, packets.is_multiple_of(2)) {
            (Self::Data0, false) => Self::Data1,
            (Self::Data1, false) => Self::Data0,
            (pid, _) => pid,
        }
    }
}

/// A bulk or interrupt endpoint of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The device's address.
    pub address: u8,
    /// Its number.
    pub number: u8,
    /// True if it sends to the host.
    pub is_in: bool,
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let way = if self.is_in { "in" } else { "out" };
        write!(f, "device {} endpoint {} {way}", self.address, self.number)
    }
}

#[derive(Clone, Copy, Debug)]
enum Next {
    /// This one and no other.
    Exactly(Pid),
    /// This one, or DATA0 if a request reset it.
    OrReset(Pid),
    /// How the last transfer ended was not seen, or ended in a way that leaves it open.
    Open,
}

#[derive(Clone, Copy, Debug)]
struct State {
    next: Next,
    stalled: bool,
}

/// The toggles of every endpoint.
#[derive(Debug, Default)]
pub struct Toggles {
    endpoints: HashMap<Endpoint, State>,
}

impl Toggles {
    /// The bus was reset: every device forgot everything.
    pub fn forget_all(&mut self) {
        self.endpoints.clear();
    }

    /// A device was just given this address.
    pub fn forget_device(&mut self, address: u8) {
        self.endpoints.retain(|endpoint, _| endpoint.address != address);
    }

    /// The device took a request that had no data stage.
    pub fn plain_request(&mut self, address: u8) {
        for (_, state) in self.endpoints.iter_mut().filter(|(at, _)| at.address == address) {
            state.next = match state.next {
                _ if state.stalled => Next::Exactly(Pid::Data0),
                Next::Exactly(pid) | Next::OrReset(pid) => Next::OrReset(pid),
                Next::Open => Next::Open,
            };
            state.stalled = false;
        }
    }

    /// Begins a transfer; what is due next is then open until [`Toggles::ended`]. True if it could
    /// be checked.
    ///
    /// # Errors
    /// The packet identifier that was due.
    pub fn begin(&mut self, endpoint: Endpoint, pid: Pid) -> Result<bool, Pid> {
        let fresh = State { next: Next::Exactly(Pid::Data0), stalled: false };
        let state = self.endpoints.entry(endpoint).or_insert(fresh);
        let due = std::mem::replace(&mut state.next, Next::Open);
        match due {
            Next::Exactly(due) if due != pid => Err(due),
            Next::OrReset(due) if due != pid && pid != Pid::Data0 => Err(due),
            Next::Open if !matches!(pid, Pid::Data0 | Pid::Data1) => Err(Pid::Data0),
            Next::Exactly(_) | Next::OrReset(_) => Ok(true),
            Next::Open => Ok(false),
        }
    }

    /// A transfer of the endpoint ended; `next` follows if that is known.
    pub fn ended(&mut self, endpoint: Endpoint, next: Option<Pid>, stalled: bool) {
        if let Some(state) = self.endpoints.get_mut(&endpoint) {
            state.next = next.map_or(Next::Open, Next::Exactly);
            state.stalled |= stalled;
        }
    }

    /// The device was configured: its toggles are DATA0.
    pub fn configured(&mut self, address: u8) {
        for (_, state) in self.endpoints.iter_mut().filter(|(at, _)| at.address == address) {
            *state = State { next: Next::Exactly(Pid::Data0), stalled: false };
        }
    }
}
