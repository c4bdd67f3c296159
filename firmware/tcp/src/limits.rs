//! Every size, count and interval, with its unit and its source. Relations between them are
//! asserted at compile time.

// --- Segments
// ---------------------------------------------------------------------------------------------

/// Bytes of a header without options (RFC 9293 3.1).
pub const HEADER_BYTES: usize = 20;
/// Bytes of options that a header has room for (RFC 9293 3.1: the offset counts to 15 words).
pub const OPTIONS_BYTES_MAX: usize = 40;
/// Bytes of a timestamps option with the two fillers that align it (RFC 7323 appendix A).
pub const TIMESTAMPS_BYTES: usize = 12;
/// What may be sent to a peer that names no maximum, over IPv4 (RFC 9293 3.7.1, MUST-15).
pub const MSS_DEFAULT_V4: u16 = 536;
/// The same over IPv6.
pub const MSS_DEFAULT_V6: u16 = 1220;
/// Bytes of payload that are sent at a time, however little a peer or a router asks for: less
/// would let one segment from it cost us hundreds.
pub const MSS_MIN: u16 = 64;
/// Bytes of payload that are sent at a time, however much a peer offers: a segment's payload lies
/// in two blocks of memory at most.
pub const MSS_MAX: u16 = BLOCK_BYTES as u16;
/// The smallest MTU believed from an ICMP error: IPv4's minimum is 68 (RFC 1191 3), but all that
/// is in use carries 552, and less is an attack (RFC 5927 7).
pub const PATH_MTU_MIN_V4: u16 = 552;
/// The same for IPv6 (RFC 8201 4).
pub const PATH_MTU_MIN_V6: u16 = 1280;
/// SACK blocks that a header has room for (RFC 2018 3).
pub const SACK_BLOCKS_MAX: usize = 4;
/// The largest shift of a window that may be offered (RFC 7323 2.3).
pub const WINDOW_SHIFT_MAX: u8 = 14;

/// Hops that a segment may take (RFC 1700; RFC 9293 3.9.2 leaves it to the host).
pub const HOP_LIMIT: u8 = 64;

// --- Memory
// -----------------------------------------------------------------------------------------------

/// Bytes of a block, the unit in which rings grow and shrink.
pub const BLOCK_BYTES: usize = 4096;
/// Blocks of the largest ring: 100 Mbit/s at 40 ms are 500,000 bytes, one block more for what does
/// not begin at its start.
pub const RING_BLOCKS_MAX: usize = 128;
/// Bytes that a receive ring may offer at most.
pub const RECEIVE_BYTES_MAX: u32 = ((RING_BLOCKS_MAX - 1) * BLOCK_BYTES) as u32;
/// Bytes that every connection offers at its start: ten segments of 1,460 (RFC 6928).
pub const RECEIVE_BYTES_INITIAL: u32 = 4 * BLOCK_BYTES as u32;
/// Blocks of receive ring that a connection can always have.
pub const RECEIVE_BLOCKS_MIN: u16 = 5;
/// Bytes that a send ring takes before the congestion window says that more is of use.
pub const SEND_BYTES_INITIAL: u32 = 8 * BLOCK_BYTES as u32;
/// Bytes that a send ring takes at most.
pub const SEND_BYTES_MAX: u32 = ((RING_BLOCKS_MAX - 1) * BLOCK_BYTES) as u32;
/// Blocks of send ring that a connection can always have.
pub const SEND_BLOCKS_MIN: u16 = 2;
/// Shift of the windows that we offer (RFC 7323 2): just enough for [`RECEIVE_BYTES_MAX`].
pub const WINDOW_SHIFT: u8 = 3;

// --- Receiving
// --------------------------------------------------------------------------------------------

/// Pieces received out of order that are kept apart; a segment that would make one more is
/// dropped.
pub const PIECES_MAX: usize = 32;
/// An acknowledgment waits for company this long (RFC 9293 3.8.6.3: less than 500 ms).
pub const DELAYED_ACK_US: u64 = 40_000;
/// Segments that are acknowledged at once after one that came out of order, as Linux does.
pub const QUICK_ACKS: u8 = 16;
/// The receive window is measured and grown no more often than this.
pub const WINDOW_GROWTH_US_MIN: u64 = 1_000;

// --- Sending
// ----------------------------------------------------------------------------------------------

/// Pieces of what is in flight that the scoreboard tells apart.
pub const RUNS_MAX: usize = 128;
/// New data is sent only while there are at most this many, so that SACK can still split some.
pub const RUNS_NEW_MAX: usize = 96;
/// What is sent within this part of a round trip counts as sent at once on the scoreboard.
pub const RUN_TIME_PART: u64 = 32;
/// Segments of the initial window (RFC 6928).
pub const INITIAL_WINDOW_SEGMENTS: u32 = 10;
/// Segments that may leave at once ahead of the pace.
pub const BURST_SEGMENTS: u32 = 16;
/// What has a shorter round trip than this is not paced.
pub const PACED_ROUND_TRIP_US_MIN: u64 = 1_000;
/// BBR: the smallest round trip is measured anew after this long
/// (draft-cardwell-iccrg-bbr-congestion-control-00 4.3.5).
pub const BBR_ROUND_TRIP_US: u64 = 10_000_000;
/// BBR: and little is in flight for this long then (4.3.5).
pub const PROBE_RTT_US: u64 = 200_000;
/// Segments of one connection in one turn of `poll_output`, before the others have theirs.
pub const SEGMENTS_PER_TURN: usize = 8;
/// Segments of one call of `poll_output`.
pub const SEGMENTS_PER_POLL_MAX: usize = 256;
/// Duplicate ACKs that mean a loss when the peer has no SACK (RFC 5681 3.2).
pub const DUPLICATE_ACKS: u32 = 3;
/// Smallest reordering window is a part of the smallest round trip (RFC 8985 6.2): one in 4, times
/// at most this.
pub const REORDER_WINDOW_STEPS_MAX: u32 = 64;
/// Recoveries for which a widened reordering window is kept (RFC 8985 6.2).
pub const REORDER_PERSIST: u8 = 16;
/// A lone segment's tail-loss probe waits this much longer, as its ACK may be delayed (RFC 8985
/// 7.2).
pub const PEER_DELAYED_ACK_US_MAX: u64 = 200_000;
/// A tail-loss probe waits this much longer than two round trips: what a timer may be late (RFC
/// 9002 6.1.2).
pub const TAIL_PROBE_US_MIN: u64 = 1_000;
/// A sender that hesitates because little fits overrides itself after this long (RFC 9293
/// 3.8.6.2.1: 0.1 to 1 s).
pub const OVERRIDE_US: u64 = 200_000;

// --- Timers
// -----------------------------------------------------------------------------------------------

/// The retransmission timeout before a round trip was measured (RFC 6298 2.1).
pub const RTO_INITIAL_US: u64 = 1_000_000;
/// And after a handshake that had to be repeated (RFC 6298 5.7).
pub const RTO_AFTER_LOST_SYN_US: u64 = 3_000_000;
/// The shortest one. RFC 6298 2.4 says 1 s SHOULD be the least; Linux, the BSDs and Windows use
/// 200 to 300 ms, and RFC 8985 made an early one cheap.
pub const RTO_US_MIN: u64 = 200_000;
/// The longest one (RFC 6298 2.5: at least 60 s).
pub const RTO_US_MAX: u64 = 60_000_000;
/// The clock's granularity in RFC 6298's formula.
pub const CLOCK_US: u64 = 1_000;
/// Round trips beyond this are measured as this.
pub const ROUND_TRIP_US_MAX: u64 = 120_000_000;
/// Retransmissions of one segment after which the network layer is told (RFC 9293 3.8.3: R1, at
/// least 3).
pub const RETRIES_BEFORE_ADVICE: u32 = 3;
/// Unacknowledged data ends a connection after this long, unless told otherwise (RFC 9293 3.8.3:
/// R2, at least 100 s).
pub const USER_TIMEOUT_US: u64 = 100_000_000;
/// The same for a SYN (RFC 9293 3.8.3: at least 180 s).
pub const SYN_TIMEOUT_US: u64 = 180_000_000;
/// Quiet time before a keep-alive probe, when they are on (RFC 9293 3.8.4: at least 2 h).
pub const KEEP_ALIVE_IDLE_US: u64 = 7_200_000_000;
/// Time between keep-alive probes.
pub const KEEP_ALIVE_INTERVAL_US: u64 = 75_000_000;
/// Probes without an answer that end the connection.
pub const KEEP_ALIVE_PROBES: u32 = 9;
/// The longest life of a segment (RFC 9293 3.4.1).
pub const SEGMENT_LIFETIME_US: u64 = 120_000_000;
/// TIME-WAIT lasts two of them (RFC 9293 3.6.1, MUST-13).
pub const TIME_WAIT_US: u64 = 2 * SEGMENT_LIFETIME_US;
/// A connection that its owner gave back has this long to close.
pub const LINGER_US: u64 = 60_000_000;
/// A connection that nobody accepts is reset after this long.
pub const READY_US_MAX: u64 = 60_000_000;
/// A timestamp is forgotten after 24 days without a segment (RFC 7323 5.5).
pub const TIMESTAMP_LIFETIME_US: u64 = 24 * 86_400 * 1_000_000;

// --- Listening
// --------------------------------------------------------------------------------------------

/// Listeners.
pub const LISTENERS: usize = 16;
/// Half-open connections of one source address; one more takes the place of its oldest.
pub const HALF_OPEN_PER_SOURCE: usize = 64;
/// Connections of one address beyond which it is a crowd, and pushes out its own when the table is
/// full: a browser has six.
pub const CROWD_CONNECTIONS: usize = 8;
/// SYN-ACKs sent again before a half-open connection is given up, after 191 s (RFC 9293 3.8.3: a
/// SYN's R2 is at least 3 minutes). Newer ones push it out earlier if the table is full.
pub const SYN_ACK_RETRIES: u8 = 7;
/// A SYN-ACK's timeout doubles so often at most.
pub const SYN_ACK_BACKOFF_MAX: u8 = 6;
/// A half-open connection is left in peace this long, even when the table is full.
pub const HALF_OPEN_US_MIN: u64 = 1_000_000;
/// Length of the time slots in a SYN cookie.
pub const COOKIE_SLOT_US: u64 = 64_000_000;
/// Cookies are believed for this long after the last was given out.
pub const COOKIE_LIFETIME_US: u64 = 2 * COOKIE_SLOT_US;

// --- Answers
// ----------------------------------------------------------------------------------------------

/// Answers without a connection (RST, SYN cookies) that wait to be sent.
pub const REPLIES_MAX: usize = 64;
/// RSTs to segments of no connection, each second.
pub const RESETS_PER_SECOND: u32 = 200;
/// Challenge ACKs of one connection are at least this far apart (RFC 5961 7).
pub const CHALLENGE_INTERVAL_US: u64 = 500_000;
/// Challenge ACKs of all connections, each second.
pub const CHALLENGES_PER_SECOND: u32 = 1_000;
/// Answers from TIME-WAIT to one peer are at least this far apart.
pub const TIME_WAIT_ANSWER_US: u64 = 500_000;

// --- Ports
// ------------------------------------------------------------------------------------------------

/// First of the ports that are chosen for the caller (RFC 6056 3.2; RFC 6335 6).
pub const EPHEMERAL_PORT_FIRST: u16 = 32_768;
/// And how many there are.
pub const EPHEMERAL_PORTS: u16 = 28_232;
/// Counters of RFC 6056's algorithm 4.
pub const PORT_COUNTERS: usize = 64;

const _: () = assert!(RECEIVE_BYTES_MAX >> WINDOW_SHIFT <= u16::MAX as u32);
const _: () = assert!(RECEIVE_BYTES_MAX as u64 >= 100_000_000 / 8 * 40 / 1000, "100 Mbit/s, 40 ms");
const _: () = assert!(RECEIVE_BYTES_INITIAL >= INITIAL_WINDOW_SEGMENTS * 1460);
const _: () = assert!(RECEIVE_BYTES_INITIAL <= u16::MAX as u32, "a SYN's window has no scale");
const _: () = assert!(
    (RECEIVE_BLOCKS_MIN as usize - 1) * BLOCK_BYTES >= RECEIVE_BYTES_INITIAL as usize,
    "what is offered first can always be had, wherever in a block it begins"
);
const _: () = assert!(RUNS_NEW_MAX + 16 < RUNS_MAX);
const _: () = assert!(RTO_US_MIN > DELAYED_ACK_US);
const _: () = assert!(BLOCK_BYTES.is_power_of_two() && RING_BLOCKS_MAX.is_power_of_two());
const _: () = assert!(EPHEMERAL_PORT_FIRST as u32 + EPHEMERAL_PORTS as u32 <= 61_000);
