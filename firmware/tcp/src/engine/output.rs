//! Segments out, timers, and the next deadline.

use super::{ListenerId, Tcp, context};
use crate::connection::{Context, Progress};
use crate::counters::count;
use crate::events::{Event, Why};
use crate::flow::Flow;
use crate::limits::{RECEIVE_BYTES_INITIAL, SEGMENTS_PER_POLL_MAX, WINDOW_SHIFT};
use crate::options::{Options, Timestamps};
use crate::segment::{Emit, Flags, Header, Outlet, SegmentOut};
use crate::time::Instant;

impl Tcp<'_> {
    /// Runs timers, and hands out segments until there are no more, `emit` returns false, or
    /// `SEGMENTS_PER_POLL_MAX` are out. A segment counts as sent only if `emit` returned true.
    /// Returns how many were.
    pub fn poll_output(&mut self, now: Instant, emit: &mut Emit<'_>) -> usize {
        self.poll_output_up_to(now, SEGMENTS_PER_POLL_MAX, emit)
    }

    /// The same for a device that knows how many segments it takes: none is made in vain.
    pub fn poll_output_up_to(&mut self, now: Instant, room: usize, emit: &mut Emit<'_>) -> usize {
        let mut out = Outlet { emit, room };
        if self.sweep_at <= now {
            self.sweep(now);
        }
        if self.send_replies(&mut out) && self.send_small(now, &mut out) {
            self.send_connections(now, &mut out);
        }
        room - out.room
    }

    /// When `poll_output` should be called, at the latest; `START` for at once. None if nothing is
    /// to be done before the next call or segment. It is exact, for it is asked before the caller
    /// sleeps, and waking costs more than to look through all entries.
    pub fn next_deadline(&self) -> Option<Instant> {
        if !self.replies.is_empty() || self.small_due || !self.output.is_empty() {
            return Some(Instant::START);
        }
        let next = self.entries.iter().fold(self.sweep_at, |next, entry| next.min(entry.deadline));
        (next != Instant::NEVER).then_some(next)
    }

    /// What a task should look at; call it until there is nothing more.
    pub fn next_event(&mut self) -> Option<Event> {
        if self.listener_news
            && let Some(event) = self.next_acceptable()
        {
            return Some(event);
        }
        // Bounded: each is in the queue once.
        while let Some(index) = self.news.pop(self.entries) {
            let Some(connection) = &mut self.slots[index].connection else { continue };
            if !connection.has_news() {
                continue;
            }
            let news = core::mem::take(&mut connection.news);
            return Some(Event::Connection {
                id: self.id(index),
                readable: news.readable,
                writable: news.writable,
                state: news.state,
                trouble: news.trouble,
            });
        }
        None
    }

    #[cold]
    fn next_acceptable(&mut self) -> Option<Event> {
        for (slot, listener) in self.listeners.iter_mut().enumerate() {
            if let Some(listener) = listener.as_mut().filter(|listener| listener.news) {
                listener.news = false;
                let (slot, generation) = (slot as u16, listener.generation);
                return Some(Event::Acceptable(ListenerId { slot, generation }));
            }
        }
        self.listener_news = false;
        None
    }

    /// Answers without a connection. False if the caller takes no more.
    fn send_replies(&mut self, out: &mut Outlet<'_, '_>) -> bool {
        while let Some(reply) = self.replies.front() {
            let (flow, why) = (reply.flow, reply.why);
            let header = reply.header.clone();
            let segment = SegmentOut::bare(flow, header, why);
            if !out.send(&segment) {
                return false;
            }
            let counter = match why {
                Why::Cookie => &mut self.counters.out_segs,
                _ => &mut self.counters.out_rsts,
            };
            count(counter);
            self.replies.pop_front();
        }
        true
    }

    /// SYN-ACKs, and ACKs from TIME-WAIT.
    fn send_small(&mut self, now: Instant, out: &mut Outlet<'_, '_>) -> bool {
        if !self.small_due {
            return true;
        }
        let mut send =
            |flow: Flow, header: Header, why: Why| out.send(&SegmentOut::bare(flow, header, why));
        for index in 0..self.half_open.len() {
            let Some(half) = self.half_open[index].filter(|half| half.due || half.challenge_due)
            else {
                continue;
            };
            let clock = self.clock(now, &half.flow);
            let mut header = self.syn_ack(&half, clock);
            let why = if half.due { Why::Syn } else { Why::Challenge };
            if !half.due {
                header = Header {
                    seq: half.iss.plus(1),
                    flags: Flags::ACK,
                    options: Options {
                        timestamps: header.options.timestamps,
                        ..Options::default()
                    },
                    window: match half.scale {
                        Some(_) => (RECEIVE_BYTES_INITIAL >> WINDOW_SHIFT) as u16,
                        None => RECEIVE_BYTES_INITIAL as u16,
                    },
                    ..header
                };
            }
            if !send(half.flow, header, why) {
                return false;
            }
            count(&mut self.counters.out_segs);
            if let Some(half) = &mut self.half_open[index] {
                half.due = false;
                half.challenge_due = false;
            }
        }
        for kept in self.time_wait.iter_mut().flatten().filter(|kept| kept.due) {
            let clock = self.secret.timestamp_offset(&kept.flow).wrapping_add(now.millis() as u32);
            let stamps = kept.recent.map(|echo| Timestamps { value: clock, echo });
            let header = Header {
                seq: kept.nxt,
                ack: kept.expected,
                flags: Flags::ACK,
                window: kept.window_field,
                urgent: 0,
                options: Options { timestamps: stamps, ..Options::default() },
            };
            if !send(kept.flow, header, Why::TimeWait) {
                return false;
            }
            count(&mut self.counters.out_segs);
            kept.due = false;
        }
        self.small_due = false;
        true
    }

    /// Every connection that has something to do, a few segments each in turn.
    fn send_connections(&mut self, now: Instant, out: &mut Outlet<'_, '_>) {
        if self.wake_at <= now {
            self.wake(now);
        }
        // Bounded: whoever is queued again has sent at least one segment, and those are limited.
        while out.room > 0
            && let Some(index) = self.output.first()
        {
            let progress = match &mut self.slots[index].connection {
                Some(connection) => connection.poll(&mut context!(self, now), out),
                None => Progress::Done,
            };
            if progress != Progress::Blocked {
                self.output.pop(self.entries);
            }
            self.refresh(index, now);
            if progress == Progress::Blocked {
                // Still the first, it goes on when there is room again.
                return;
            }
        }
    }

    /// Queues every connection whose deadline has come.
    fn wake(&mut self, now: Instant) {
        self.wake_at = Instant::NEVER;
        for index in 0..self.entries.len() {
            let deadline = self.entries[index].deadline;
            if deadline <= now {
                self.output.push(self.entries, index);
            } else {
                self.wake_at = self.wake_at.min(deadline);
            }
        }
    }

    /// Half-open connections and TIME-WAITs whose time is over.
    fn sweep(&mut self, now: Instant) {
        self.sweep_at = Instant::NEVER;
        for entry in self.half_open.iter_mut() {
            let Some(half) = entry else { continue };
            if half.is_over(now, self.config.syn_ack_retries) {
                count(&mut self.counters.attempt_fails);
                *entry = None;
                continue;
            }
            if half.retry_at <= now {
                half.retries = half.retries.saturating_add(1);
                half.sent_at = now;
                half.retry_at = now.after(half.timeout_us());
                half.due = true;
                self.small_due = true;
                count(&mut self.counters.syn_retrans);
            }
            self.sweep_at = self.sweep_at.min(half.retry_at);
        }
        for entry in self.time_wait.iter_mut() {
            let Some(kept) = entry else { continue };
            if kept.until <= now {
                count(&mut self.counters.time_waits);
                *entry = None;
            } else {
                self.sweep_at = self.sweep_at.min(kept.until);
            }
        }
    }
}
