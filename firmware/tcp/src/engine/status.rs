//! What there is: lines for `netstat` and `ss`.

use super::{ConnectionId, Gone, ListenerId, Tcp};
use crate::connection::{Connection, Owner};
use crate::counters::Counters;
use crate::events::Ended;
use crate::flow::Endpoint;
use crate::limits::{BLOCK_BYTES, WINDOW_SHIFT};
use crate::status::{ConnectionInfo, ListenerInfo, SenderInfo, State, Timer};
use crate::time::Instant;

impl Tcp<'_> {
    /// What happened so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Connections that are established, or were and close (RFC 4022: tcpCurrEstab counts
    /// ESTABLISHED and CLOSE-WAIT).
    pub fn established(&self) -> usize {
        let open = |connection: &&Connection| {
            matches!(connection.state, State::Established | State::CloseWait)
        };
        self.slots.iter().filter_map(|slot| slot.connection.as_ref()).filter(open).count()
    }

    /// Bytes of memory of all rings: in use, altogether.
    pub fn memory(&self) -> (usize, usize) {
        let total = self.pool.total();
        ((total - self.pool.free()) * BLOCK_BYTES, total * BLOCK_BYTES)
    }

    /// One connection (STATUS, RFC 9293 3.10.6).
    pub fn connection(&self, now: Instant, id: ConnectionId) -> Result<ConnectionInfo, Gone> {
        let index = self.index(id)?;
        let connection = self.slots[index].connection.as_ref().ok_or(Gone)?;
        Ok(self.info(now, index, connection))
    }

    /// A connection's state.
    pub fn state(&self, id: ConnectionId) -> Result<State, Gone> {
        let connection = self.slots[self.index(id)?].connection.as_ref().ok_or(Gone)?;
        Ok(connection.state)
    }

    /// Why a connection is over, if it is.
    pub fn ended(&self, id: ConnectionId) -> Result<Option<Ended>, Gone> {
        let connection = self.slots[self.index(id)?].connection.as_ref().ok_or(Gone)?;
        Ok(connection.ended)
    }

    /// All connections, then the half-open ones, then those in TIME-WAIT.
    pub fn connections(&self, now: Instant) -> impl Iterator<Item = ConnectionInfo> {
        (0..self.lines()).filter_map(move |index| self.line(now, index))
    }

    /// Places of [`Tcp::line`].
    pub fn lines(&self) -> usize {
        self.slots.len() + self.half_open.len() + self.time_wait.len()
    }

    /// One of [`Tcp::connections`] by its place, for who cannot hold on to all of it; none:
    /// nobody's place.
    pub fn line(&self, now: Instant, index: usize) -> Option<ConnectionInfo> {
        if let Some(slot) = self.slots.get(index) {
            let connection = slot.connection.as_ref()?;
            // One that is over may still be read from, but nobody sees it on the wire.
            return connection.is_live().then(|| self.info(now, index, connection));
        }
        let index = index - self.slots.len();
        if let Some(half) = self.half_open.get(index) {
            let half = half.as_ref()?;
            let listener = self.listeners.get(usize::from(half.listener.slot)).copied().flatten();
            return Some(ConnectionInfo {
                owner: listener.map_or("", |listener| listener.owner),
                timer: Timer::On(half.retry_at.since(now), u32::from(half.retries)),
                timestamps: half.timestamp.is_some(),
                sack: half.sack,
                ecn: half.ecn,
                scale: half.scale.map(|scale| (scale, WINDOW_SHIFT)),
                ..nothing(half.flow, State::SynReceived)
            });
        }
        let kept = self.time_wait.get(index - self.half_open.len())?.as_ref()?;
        Some(ConnectionInfo {
            owner: kept.owner,
            orphan: true,
            receive_window: kept.window,
            timer: Timer::TimeWait(kept.until.since(now)),
            timestamps: kept.recent.is_some(),
            ..nothing(kept.flow, State::TimeWait)
        })
    }

    /// Who listens.
    pub fn listeners(&self) -> impl Iterator<Item = ListenerInfo> {
        (0..self.listeners.len()).filter_map(|index| self.listener(index))
    }

    /// One of [`Tcp::listeners`] by its place; none: nobody's place.
    pub fn listener(&self, index: usize) -> Option<ListenerInfo> {
        let listener = (*self.listeners.get(index)?)?;
        let id = ListenerId { slot: index as u16, generation: listener.generation };
        let any = core::net::IpAddr::V4(core::net::Ipv4Addr::UNSPECIFIED);
        Some(ListenerInfo {
            id,
            owner: listener.owner,
            at: Endpoint::new(listener.address.unwrap_or(any), listener.port),
            backlog: listener.backlog,
            ready: self.ready(id),
            half_open: self.half_open.iter().flatten().filter(|h| h.listener == id).count(),
        })
    }

    fn info(&self, now: Instant, index: usize, connection: &Connection) -> ConnectionInfo {
        let orphan = matches!(connection.owner, Owner::Orphan { .. });
        let mut sender = SenderInfo::default();
        connection.sender().info(&mut sender);
        ConnectionInfo {
            id: (!orphan).then(|| self.id(index)),
            flow: connection.flow,
            state: connection.state,
            owner: connection.owner_name,
            orphan,
            receive_queue: connection.receiver().readable(),
            send_queue: connection.sender().queued(),
            receive_window: connection.receiver().window(),
            receive_memory: connection.receiver().memory_bytes(),
            sender,
            timer: connection.timer(now),
            timestamps: connection.stamps().on,
            sack: connection.sender().sack,
            ecn: connection.is_ecn(),
            scale: connection.scale().map(|scale| (scale, WINDOW_SHIFT)),
            ended: connection.ended,
        }
    }
}

/// A line that says only who and in which state.
fn nothing(flow: crate::flow::Flow, state: State) -> ConnectionInfo {
    ConnectionInfo {
        id: None,
        flow,
        state,
        owner: "",
        orphan: false,
        receive_queue: 0,
        send_queue: 0,
        receive_window: 0,
        receive_memory: 0,
        sender: SenderInfo::default(),
        timer: Timer::Off,
        timestamps: false,
        sack: false,
        ecn: false,
        scale: None,
        ended: None,
    }
}
