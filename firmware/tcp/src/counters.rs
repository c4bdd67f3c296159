//! Counters, named as Linux names them in `/proc/net/snmp` and `/proc/net/netstat`, so that
//! `netstat -s` here and there can be laid side by side. Where Linux has no counter for a drop of
//! ours the name is our own. They stand in the kernel's order, our own last.

/// Makes the struct, and the list of names from the same rows.
macro_rules! counters {
    ($($(#[$about:meta])* $field:ident $name:literal,)*) => {
        /// What happened so far; all wrap.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$about])* pub $field: u64,)*
        }

        impl Counters {
            /// Every counter by its name.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$(($name, self.$field),)*].into_iter()
            }

            /// The same, to be set.
            pub fn iter_mut(&mut self) -> impl Iterator<Item = (&'static str, &mut u64)> {
                [$(($name, &mut self.$field),)*].into_iter()
            }

            /// Those of `/proc/net/netstat`, which no MIB knows: all from SYN cookies on.
            pub fn extensions(&self) -> impl Iterator<Item = (&'static str, u64)> {
                self.iter().skip_while(|(name, _)| *name != "SyncookiesSent")
            }
        }
    };
}

counters! {
    /// Connections that we opened.
    active_opens "ActiveOpens",
    /// Connections that peers opened.
    passive_opens "PassiveOpens",
    /// Connections that failed before they were established.
    attempt_fails "AttemptFails",
    /// Established connections that were reset.
    estab_resets "EstabResets",
    /// Segments received, bad ones included.
    in_segs "InSegs",
    /// Segments sent, retransmissions and RSTs aside.
    out_segs "OutSegs",
    /// Segments sent again.
    retrans_segs "RetransSegs",
    /// Received segments that were none: cut short, wrong checksum.
    in_errs "InErrs",
    /// RSTs sent.
    out_rsts "OutRsts",
    /// Received segments with a wrong checksum.
    in_csum_errors "InCsumErrors",
    /// SYN cookies sent.
    syncookies_sent "SyncookiesSent",
    /// SYN cookies that came back right.
    syncookies_recv "SyncookiesRecv",
    /// ACKs to a listener that were no cookie of ours.
    syncookies_failed "SyncookiesFailed",
    /// Half-open connections ended by a RST.
    embryonic_rsts "EmbryonicRsts",
    /// ICMP errors about segments that are not in flight.
    out_of_window_icmps "OutOfWindowIcmps",
    /// TIME-WAITs whose time was over.
    time_waits "TW",
    /// TIME-WAITs ended by a new SYN (RFC 6191).
    tw_recycled "TWRecycled",
    /// Segments older than the last timestamp (RFC 7323 5).
    paws_estab "PAWSEstab",
    /// Segments outside of the window.
    beyond_window "BeyondWindow",
    /// ACKs that the delayed-ACK timer sent.
    delayed_acks "DelayedACKs",
    /// Handshakes whose last ACK was dropped: accept queue full, or no room.
    listen_overflows "ListenOverflows",
    /// SYNs and handshakes dropped by listeners.
    listen_drops "ListenDrops",
    /// ACKs received without data.
    pure_acks "TCPPureAcks",
    /// Recoveries without SACK.
    reno_recovery "TCPRenoRecovery",
    /// Recoveries with SACK.
    sack_recovery "TCPSackRecovery",
    /// SACKed data that the peer turned out to have thrown away.
    sack_reneging "TCPSACKReneging",
    /// Reordering seen by SACK.
    sack_reorder "TCPSACKReorder",
    /// Recoveries found to be needless by timestamps.
    full_undo "TCPFullUndo",
    /// Recoveries found to be needless by duplicate SACKs.
    dsack_undo "TCPDSACKUndo",
    /// Retransmissions that were lost again.
    lost_retransmit "TCPLostRetransmit",
    /// Segments sent again in recovery.
    fast_retrans "TCPFastRetrans",
    /// Segments sent again after a timeout.
    slow_start_retrans "TCPSlowStartRetrans",
    /// Retransmission timeouts.
    timeouts "TCPTimeouts",
    /// Tail loss probes (RFC 8985 7).
    loss_probes "TCPLossProbes",
    /// Losses that a tail loss probe repaired.
    loss_probe_recovery "TCPLossProbeRecovery",
    /// Duplicate SACKs sent for data acknowledged before.
    dsack_old_sent "TCPDSACKOldSent",
    /// Duplicate SACKs sent for data received out of order before.
    dsack_ofo_sent "TCPDSACKOfoSent",
    /// Duplicate SACKs received.
    dsack_recv "TCPDSACKRecv",
    /// Connections reset as data came after they were given back.
    abort_on_data "TCPAbortOnData",
    /// Connections reset as they were given back with data unread.
    abort_on_close "TCPAbortOnClose",
    /// Connections given up for new ones as the table was full.
    abort_on_memory "TCPAbortOnMemory",
    /// Connections ended by the user timeout or by keep-alive.
    abort_on_timeout "TCPAbortOnTimeout",
    /// Connections given back that did not close in time.
    abort_on_linger "TCPAbortOnLinger",
    /// SACK blocks that cannot be.
    sack_discard "TCPSACKDiscard",
    /// Retransmission timeouts found to be needless.
    spurious_rtos "TCPSpuriousRTOs",
    /// TIME-WAITs that ended early for a newer one.
    time_wait_overflow "TCPTimeWaitOverflow",
    /// SYNs answered by a cookie as the table of half-open ones was full.
    req_q_full_do_cookies "TCPReqQFullDoCookies",
    /// Half-open connections that gave way to newer ones.
    req_q_full_drop "TCPReqQFullDrop",
    /// Segments kept out of order.
    ofo_queue "TCPOFOQueue",
    /// Segments out of order that had no room.
    ofo_drop "TCPOFODrop",
    /// Segments out of order received before.
    ofo_merge "TCPOFOMerge",
    /// Challenge ACKs sent (RFC 5961).
    challenge_ack "TCPChallengeACK",
    /// Challenge ACKs sent as answer to a SYN.
    syn_challenge "TCPSYNChallenge",
    /// Windows opened again from zero.
    from_zero_window_adv "TCPFromZeroWindowAdv",
    /// Windows closed to zero.
    to_zero_window_adv "TCPToZeroWindowAdv",
    /// SYNs and SYN-ACKs sent again.
    syn_retrans "TCPSynRetrans",
    /// ACKs of segments out of window not sent, to limit their rate.
    ack_skipped_seq "TCPACKSkippedSeq",
    /// ACKs from TIME-WAIT not sent, to limit their rate.
    ack_skipped_time_wait "TCPACKSkippedTimeWait",
    /// Challenge ACKs not sent, to limit their rate.
    ack_skipped_challenge "TCPACKSkippedChallenge",
    /// Zero window probes sent.
    win_probe "TCPWinProbe",
    /// Keep-alive probes sent.
    keep_alive "TCPKeepAlive",
    /// Smaller path MTUs learnt from ICMP.
    mtup_success "TCPMTUPSuccess",
    /// ACKs with an echo of congestion (RFC 3168).
    delivered_ce "TCPDeliveredCE",
    /// Data dropped at a window of zero.
    zero_window_drop "TCPZeroWindowDrop",
    /// Data dropped beyond the memory of the ring.
    rcv_q_drop "TCPRcvQDrop",
    /// Segments without the timestamps that were agreed on.
    missing_timestamp "MissingTimestamp",
    /// Segments without ACK where one must be.
    missing_ack "MissingAck",
    /// Connections that nobody accepted in time.
    abort_on_ready "TCPAbortOnReady",
    /// Answers without a connection not sent, to limit their rate.
    reply_drop "TCPReplyDrop",
    /// Segments from or to what is no host (RFC 9293 MUST-57, MUST-63).
    insane_addresses "InsaneAddresses",
}

/// One more.
pub(crate) fn count(counter: &mut u64) {
    *counter = counter.wrapping_add(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> =
            Counters::default().iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), Counters::default().iter().count());
        assert!(names.contains("TCPChallengeACK") && names.contains("RetransSegs"));
        // RFC 4022 knows ten of them.
        assert_eq!(Counters::default().extensions().count(), names.len() - 10);
    }
}
