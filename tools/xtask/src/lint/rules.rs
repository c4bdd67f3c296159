//! The rules, and what breaks them.

use std::fmt;

/// What hardware asks of a driver and QEMU does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// HCTSIZ.PID is what the endpoint expects.
    Toggle,
    /// A control transfer's stages have the right shape.
    Stages,
    /// HCTSIZ.PktCnt fits the size and HCCHAR.MPS.
    PacketCount,
    /// A transfer fits HCTSIZ, and what QEMU completes.
    Size,
    /// HCDMA is a multiple of 4.
    Alignment,
    /// HPRT is never written with ENA set.
    PortEnable,
    /// HPRT's changes are cleared only after they were read.
    PortChange,
    /// A channel that is enabled is not enabled again, nor are its registers written.
    Running,
    /// A channel is not told to stop while its transfer is in flight and its device there, but to
    /// bring the whole core to rest.
    Cancel,
    /// HCINT is zero when a channel is enabled.
    Interrupts,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Toggle,
        Self::Stages,
        Self::PacketCount,
        Self::Size,
        Self::Alignment,
        Self::PortEnable,
        Self::PortChange,
        Self::Running,
        Self::Cancel,
        Self::Interrupts,
    ];

    /// What it is called in a report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Toggle => "toggle",
            Self::Stages => "stages",
            Self::PacketCount => "packet-count",
            Self::Size => "size",
            Self::Alignment => "alignment",
            Self::PortEnable => "port-enable",
            Self::PortChange => "port-change",
            Self::Running => "running",
            Self::Cancel => "cancel",
            Self::Interrupts => "interrupts",
        }
    }

    /// Why it is a rule.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Toggle => {
                "a device drops a packet with the wrong toggle as a repetition (USB 2.0, 8.6); \
                 QEMU neither looks at HCTSIZ.PID nor updates it"
            }
            Self::Stages => {
                "SETUP is 8 bytes; the first packets of data and status are DATA1, and the status \
                 goes the other way (USB 2.0, 8.5.3)"
            }
            Self::PacketCount => {
                "the core counts packets: too few end the transfer early, too many wait for ever; \
                 an IN transfer is programmed in whole packets"
            }
            Self::Size => {
                "HCTSIZ holds 19 bits of bytes and 10 of packets; QEMU never completes more than \
                 65,536 bytes"
            }
            Self::Alignment => "buffer DMA begins at a word; QEMU copies from anywhere",
            Self::PortEnable => {
                "writing HPRT.ENA as 1 turns the port off: the most popular way to lose a device"
            }
            Self::PortChange => {
                "a change that is cleared without having been read is a change nobody reacts to"
            }
            Self::Running => {
                "the core is reading these registers: enabling a running channel again mixes two \
                 transfers, and aborts QEMU"
            }
            Self::Cancel => {
                "QEMU has no cancel: the transfer ends later, in memory that has another owner"
            }
            Self::Interrupts => {
                "what is left in HCINT from the transfer before looks like the end of this one"
            }
        }
    }
}

/// A place in a trace where a rule is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The line of the trace, from 1.
    pub line: u64,
    /// The rule.
    pub rule: Rule,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.line, self.rule.name(), self.what)
    }
}
