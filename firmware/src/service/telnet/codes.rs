//! The numbers of telnet: commands, options and their subnegotiations.

/// Commands (RFC 854, "TELNET COMMAND STRUCTURE"; EOF to ABORT: RFC 1184; EOR: RFC 885).
pub mod command {
    #![expect(missing_docs, reason = "the names are the RFC's")]
    pub const EOF: u8 = 236;
    pub const SUSP: u8 = 237;
    pub const ABORT: u8 = 238;
    pub const EOR: u8 = 239;
    pub const SE: u8 = 240;
    pub const NOP: u8 = 241;
    pub const DM: u8 = 242;
    pub const BRK: u8 = 243;
    pub const IP: u8 = 244;
    pub const AO: u8 = 245;
    pub const AYT: u8 = 246;
    pub const EC: u8 = 247;
    pub const EL: u8 = 248;
    pub const GA: u8 = 249;
    pub const SB: u8 = 250;
    pub const WILL: u8 = 251;
    pub const WONT: u8 = 252;
    pub const DO: u8 = 253;
    pub const DONT: u8 = 254;
    pub const IAC: u8 = 255;
}

/// Options.
pub mod option {
    /// RFC 856: eight bits, and no end of line but what the data itself says.
    pub const BINARY: u8 = 0;
    /// RFC 857: the sender echoes.
    pub const ECHO: u8 = 1;
    /// RFC 858: no GA after each turn; without it a server would have to send one.
    pub const SUPPRESS_GO_AHEAD: u8 = 3;
    /// RFC 859: tells which options are in force.
    pub const STATUS: u8 = 5;
    /// RFC 860: answered when everything before it was processed.
    pub const TIMING_MARK: u8 = 6;
    /// RFC 1091: the terminal's name.
    pub const TERMINAL_TYPE: u8 = 24;
    /// RFC 1073: the window's size.
    pub const WINDOW_SIZE: u8 = 31;
    /// RFC 1184: the client edits lines.
    pub const LINEMODE: u8 = 34;
}

/// RFC 859 and RFC 1091: the first byte of a subnegotiation.
pub mod says {
    /// What follows is the answer.
    pub const IS: u8 = 0;
    /// An answer is asked for.
    pub const SEND: u8 = 1;
}

/// RFC 1184: subnegotiations of LINEMODE.
pub mod linemode {
    /// Section 2.2: which of editing and signals the client does.
    pub const MODE: u8 = 1;
    /// Section 2.3: characters that send an unfinished line.
    pub const FORWARDMASK: u8 = 2;
    /// Section 2.4: "set local characters", which key means what.
    pub const SLC: u8 = 3;

    /// MODE: the client edits lines.
    pub const EDIT: u8 = 1;
    /// MODE: the client turns interrupt keys into commands.
    pub const TRAPSIG: u8 = 2;
    /// MODE: this is the answer.
    pub const MODE_ACK: u8 = 4;
    /// MODE: the client echoes a tab as blanks.
    pub const SOFT_TAB: u8 = 8;
    /// MODE: the client echoes control characters as they are.
    pub const LITERAL_ECHO: u8 = 16;
}

/// RFC 1184 section 2.4: functions, and the levels at which they are supported.
pub mod slc {
    #![expect(missing_docs, reason = "the names are the RFC's")]
    pub const SYNCH: u8 = 1;
    pub const EOR: u8 = 6;
    pub const FORW1: u8 = 17;
    pub const FORW2: u8 = 18;

    /// The levels' bits.
    pub const LEVEL: u8 = 3;
    pub const NO_SUPPORT: u8 = 0;
    pub const CANT_CHANGE: u8 = 1;
    pub const VALUE: u8 = 2;
    pub const DEFAULT: u8 = 3;
    /// This is the answer.
    pub const ACK: u8 = 128;
}
