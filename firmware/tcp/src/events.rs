//! What TCP tells about itself: why each segment was sent, what became of each received one, and
//! what a connection's owner should look at.

use core::fmt;

use crate::engine::{ConnectionId, ListenerId};

/// Makes an enum with a text for each of its values.
macro_rules! told {
    ($(#[$outer:meta])* $name:ident { $($(#[$inner:meta])* $value:ident => $text:literal,)* }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$inner])* $value,)* }

        impl $name {
            /// A few words for a line of a capture.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$value => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.text())
            }
        }
    };
}

told! {
    /// Why a segment is sent.
    Why {
        /// A SYN, or a SYN-ACK.
        Syn => "syn",
        /// A SYN or SYN-ACK again.
        SynAgain => "syn again",
        /// A SYN-ACK of which nothing is kept here.
        Cookie => "syn cookie",
        /// New data, or a FIN.
        Data => "data",
        /// Sent again: later segments arrived (RFC 8985, RFC 6582).
        FastRetransmit => "retransmit (fast)",
        /// Sent again: nothing arrived for the retransmission timeout (RFC 6298).
        TimeoutRetransmit => "retransmit (timeout)",
        /// Sent again in smaller pieces: a router said it was too long (RFC 1191).
        PathRetransmit => "retransmit (path mtu)",
        /// Sent, or sent again, to learn whether the tail was lost (RFC 8985 7).
        TailLossProbe => "tail loss probe",
        /// One byte against a closed window (RFC 9293 3.8.6.1).
        WindowProbe => "window probe",
        /// Is anybody there? (RFC 9293 3.8.4)
        KeepAlive => "keep-alive",
        /// Acknowledges at once.
        Ack => "ack",
        /// Acknowledges after the delay.
        DelayedAck => "ack (delayed)",
        /// Acknowledges what came out of order, or again.
        DuplicateAck => "ack (duplicate)",
        /// The window has opened.
        WindowUpdate => "window update",
        /// Asks the peer whether it meant that (RFC 5961).
        Challenge => "challenge ack",
        /// Answer from TIME-WAIT.
        TimeWait => "ack (time-wait)",
        /// Ends the connection.
        Reset => "reset",
        /// There is no such connection.
        Refused => "refused",
    }
}

told! {
    /// What became of a received segment.
    Verdict {
        /// Cut short, or its checksum is wrong.
        Bad => "bad segment",
        /// From or to what is no host.
        Insane => "no host",
        /// No such connection: answered by a RST, if it was not one itself.
        NoConnection => "no connection",
        /// A SYN: half open now.
        Opened => "half open",
        /// A SYN seen before: the SYN-ACK goes out again.
        SynAgain => "syn again",
        /// A SYN answered by a cookie.
        Cookie => "answered by cookie",
        /// A SYN or the last ACK of a handshake dropped: no room, or the accept queue is full.
        NoRoom => "no room",
        /// The handshake is complete.
        Established => "established",
        /// It changed something: data, FIN, ACK, in order.
        Accepted => "accepted",
        /// Accepted without what lies outside of the window.
        Trimmed => "trimmed",
        /// Data kept for later: something before it is missing.
        OutOfOrder => "out of order",
        /// The same, in order with the segment before it, and not among the first three: the next
        /// SACK tells of both.
        BeyondGap => "beyond a gap",
        /// Data in order that was missing before what came out of order.
        Filled => "gap filled",
        /// Data we have already.
        Duplicate => "duplicate",
        /// An ACK that repeats the last one.
        DuplicateAck => "duplicate ack",
        /// Only the window changed.
        WindowUpdate => "window update",
        /// Nothing in it is new.
        Nothing => "nothing new",
        /// Outside of the window; answered by an ACK.
        OutOfWindow => "out of window",
        /// Older than the last timestamp (RFC 7323 5).
        Old => "old timestamp",
        /// Without the timestamps agreed on.
        NoTimestamp => "no timestamp",
        /// Without ACK.
        NoAck => "no ack flag",
        /// Acknowledges what was never sent, or long ago; challenged.
        BadAck => "ack out of range",
        /// A SYN within a connection; challenged.
        ChallengedSyn => "syn challenged",
        /// A RST in the window, not at its start; challenged.
        ChallengedReset => "reset challenged",
        /// A RST outside of the window; ignored.
        ResetIgnored => "reset ignored",
        /// A RST that ended the connection.
        Reset => "reset by peer",
        /// Data for a connection that was given back; answered by a RST.
        Unwanted => "data after close",
        /// Data beyond what memory there is.
        NoMemory => "no memory",
        /// For a connection in TIME-WAIT.
        TimeWait => "time-wait",
    }
}

impl Verdict {
    /// True if nothing of the segment was used.
    pub const fn is_drop(self) -> bool {
        matches!(
            self,
            Self::Bad
                | Self::Insane
                | Self::NoConnection
                | Self::NoRoom
                | Self::OutOfWindow
                | Self::Old
                | Self::NoTimestamp
                | Self::NoAck
                | Self::BadAck
                | Self::ChallengedSyn
                | Self::ChallengedReset
                | Self::ResetIgnored
                | Self::Unwanted
                | Self::NoMemory
        )
    }

    /// True if the peer is to hear of it before the next segment is taken: it may have lost one,
    /// and each ACK tells it more (RFC 5681 4.2).
    pub const fn hurries(self) -> bool {
        matches!(self, Self::OutOfOrder | Self::Filled | Self::Duplicate | Self::OutOfWindow)
    }
}

told! {
    /// Why a connection is no more.
    Ended {
        /// Both halves were closed, and acknowledged.
        Closed => "closed",
        /// The peer reset it.
        Reset => "Connection reset by peer",
        /// The peer refused it.
        Refused => "Connection refused",
        /// No answer for the user timeout.
        TimedOut => "Connection timed out",
        /// ICMP says that there is no way to the peer.
        Unreachable => "No route to host",
        /// We aborted it.
        Aborted => "Software caused connection abort",
    }
}

/// Something for a task to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A listener has a connection to accept.
    Acceptable(ListenerId),
    /// Something changed that the owner of a connection may have waited for.
    Connection {
        /// Which.
        id: ConnectionId,
        /// There is something to read, or the end of it.
        readable: bool,
        /// There is room to write.
        writable: bool,
        /// Its state changed: established, closed by the peer, all acknowledged, ended.
        state: bool,
        /// Nothing was heard for several retransmissions, or ICMP told of trouble on the way: the
        /// network layer should look for another route or neighbour (RFC 9293 MUST-20, SHLD-9,
        /// SHLD-25).
        trouble: bool,
    },
}
