//! What applications call (RFC 9293 3.9.1).

use core::net::IpAddr;

use super::{
    ConnectError, ConnectionId, Gone, ListenError, ListenerId, Read, Tcp, WriteError, context,
};
use crate::config::ConnectionConfig;
use crate::connection::{Connection, Context, Owner};
use crate::events::Ended;
use crate::flow::{Endpoint, Flow};
use crate::listen::Listener;
use crate::status::State;
use crate::time::Instant;

impl Tcp<'_> {
    /// Listens on a port, on one address of ours or on all (OPEN, passive). Up to `backlog`
    /// connections wait to be accepted; more are not let in before there is room.
    pub fn listen(
        &mut self,
        owner: &'static str,
        address: Option<IpAddr>,
        port: u16,
        backlog: usize,
    ) -> Result<ListenerId, ListenError> {
        let clash = |known: &Listener| known.port == port && known.address == address;
        if port == 0 || self.listeners.iter().flatten().any(clash) {
            return Err(ListenError::Taken);
        }
        let slot = self.listeners.iter().position(Option::is_none).ok_or(ListenError::Full)?;
        self.listener_generation = self.listener_generation.wrapping_add(1);
        let generation = self.listener_generation;
        let quiet_us = None;
        let listener =
            Listener { owner, address, port, backlog, quiet_us, generation, news: false };
        self.listeners[slot] = Some(listener);
        Ok(ListenerId { slot: slot as u16, generation })
    }

    /// Connections of this listener are accepted once there is something to read, so that silent
    /// ones keep nobody busy. One that is silent for `quiet_us` closes; when the table is full, the
    /// one that has been for longest is reset. Linux has it as TCP_DEFER_ACCEPT.
    pub fn defer_accept(&mut self, listener: ListenerId, quiet_us: u64) {
        if let Some(known) = self.listener_mut(listener) {
            known.quiet_us = Some(quiet_us);
        }
    }

    fn listener_mut(&mut self, id: ListenerId) -> Option<&mut Listener> {
        let known = self.listeners.get_mut(usize::from(id.slot))?.as_mut()?;
        (known.generation == id.generation).then_some(known)
    }

    /// Somebody should accept.
    pub(super) fn tell(&mut self, listener: ListenerId) {
        if let Some(known) = self.listener_mut(listener) {
            known.news = true;
            self.listener_news = true;
        }
    }

    /// Listens no more; what waits to be accepted is reset.
    pub fn unlisten(&mut self, now: Instant, listener: ListenerId) {
        let slot = usize::from(listener.slot);
        let Some(known) = self.listeners.get_mut(slot) else { return };
        if known.is_none_or(|known| known.generation != listener.generation) {
            return;
        }
        *known = None;
        for entry in self.half_open.iter_mut() {
            if entry.as_ref().is_some_and(|half| half.listener == listener) {
                *entry = None;
            }
        }
        for index in 0..self.slots.len() {
            let Some(connection) = &mut self.slots[index].connection else { continue };
            if matches!(
                connection.owner,
                Owner::Ready { listener: of, .. } | Owner::Quiet { listener: of, .. }
                    if of == listener
            ) {
                connection.abort(&mut context!(self, now));
                self.refresh(index, now);
            }
        }
    }

    /// The connection that waits longest for a listener's owner, of those whose peers have fewest
    /// connections in somebody's hands: a crowd from one address waits behind all others.
    pub fn accept(&mut self, listener: ListenerId) -> Option<ConnectionId> {
        let waits = |(index, slot): (usize, &super::Slot)| {
            let connection = slot.connection.as_ref()?;
            match connection.owner {
                Owner::Ready { listener: of, since }
                    if of == listener && connection.state != State::Closed =>
                {
                    let held = |one: &Connection| matches!(one.owner, Owner::Held);
                    Some((self.count_of(connection.flow.remote.address, held), since, index))
                }
                _ => None,
            }
        };
        let (_, _, index) = self.slots.iter().enumerate().filter_map(waits).min()?;
        let connection = self.slots[index].connection.as_mut()?;
        connection.owner = Owner::Held;
        if connection.has_news() {
            self.news.push(self.entries, index);
        }
        Some(self.id(index))
    }

    /// Opens a connection from an address of ours (OPEN, active), from a port that is chosen (RFC
    /// 6056) if `local.port` is 0.
    pub fn connect(
        &mut self,
        now: Instant,
        owner: &'static str,
        local: Endpoint,
        remote: Endpoint,
    ) -> Result<ConnectionId, ConnectError> {
        let at = |port| Flow { local: Endpoint { port, ..local }, remote };
        if !at(local.port.max(1)).is_sane() {
            return Err(ConnectError::BadAddress);
        }
        let (entries, kept, listeners) = (&self.entries, &self.time_wait, &self.listeners);
        let half_open = &self.half_open;
        let is_free = |port: u16| {
            let flow = at(port);
            flow.is_sane()
                && !entries.iter().any(|entry| entry.flow == Some(flow))
                && !kept.iter().flatten().any(|kept| kept.flow == flow)
                && !half_open.iter().flatten().any(|half| half.flow == flow)
        };
        let port = if local.port == 0 {
            let heard = |port| listeners.iter().flatten().any(|listener| listener.port == port);
            self.ports
                .choose(&self.secret, local, remote, |port| is_free(port) && !heard(port))
                .ok_or(ConnectError::NoPort)?
        } else if is_free(local.port) {
            local.port
        } else {
            return Err(ConnectError::InUse);
        };
        let index = self.slot_for_new(now).ok_or(ConnectError::Full)?;
        let connection = Connection::open(&mut context!(self, now), at(port), owner);
        self.insert(index, connection, now);
        Ok(self.id(index))
    }

    /// Runs `f` on a connection, and brings its entry up to date.
    fn with<R>(
        &mut self,
        now: Instant,
        id: ConnectionId,
        f: impl FnOnce(&mut Connection, &mut Context<'_, '_>) -> R,
    ) -> Result<R, Gone> {
        let index = self.index(id)?;
        let connection = self.slots[index].connection.as_mut().ok_or(Gone)?;
        let result = f(connection, &mut context!(self, now));
        self.refresh(index, now);
        Ok(result)
    }

    /// Runs `f`, which only moves bytes between a connection and its owner: there may be something
    /// to send then, but no news, and no deadline moves.
    fn moves<R>(
        &mut self,
        now: Instant,
        id: ConnectionId,
        f: impl FnOnce(&mut Connection, &mut Context<'_, '_>) -> R,
    ) -> Result<R, Gone> {
        let index = self.index(id)?;
        let connection = self.slots[index].connection.as_mut().ok_or(Gone)?;
        let result = f(connection, &mut context!(self, now));
        if connection.dirty {
            self.output.push(self.entries, index);
        }
        Ok(result)
    }

    /// Reads up to `out.len()` bytes (RECEIVE).
    pub fn read(&mut self, now: Instant, id: ConnectionId, out: &mut [u8]) -> Result<Read, Gone> {
        self.moves(now, id, |connection, context| match connection.read(context, out) {
            0 => nothing_to_read(connection),
            count => Read::Bytes(count),
        })
    }

    /// What could be read, as far as it lies in one piece; empty if there is nothing.
    pub fn peek(&self, id: ConnectionId) -> Result<&[u8], Gone> {
        let connection = self.slots[self.index(id)?].connection.as_ref().ok_or(Gone)?;
        Ok(connection.peek(&self.pool))
    }

    /// So many bytes of what `peek` showed are done with.
    pub fn consume(&mut self, now: Instant, id: ConnectionId, count: usize) -> Result<(), Gone> {
        self.moves(now, id, |connection, context| connection.consume(context, count))
    }

    /// What a read would find, without reading.
    pub fn readable(&self, id: ConnectionId) -> Result<Read, Gone> {
        let connection = self.slots[self.index(id)?].connection.as_ref().ok_or(Gone)?;
        Ok(match connection.receiver().readable() {
            0 => nothing_to_read(connection),
            count => Read::Bytes(count as usize),
        })
    }

    /// Bytes until the end of urgent data, if there is some to be read (RFC 9293 MUST-32).
    pub fn urgent(&self, id: ConnectionId) -> Result<Option<u32>, Gone> {
        let connection = self.slots[self.index(id)?].connection.as_ref().ok_or(Gone)?;
        Ok(connection.receiver().urgent())
    }

    /// Writes as many bytes as there is room for, maybe none; an event tells when there is more
    /// (SEND).
    pub fn write(
        &mut self,
        now: Instant,
        id: ConnectionId,
        bytes: &[u8],
    ) -> Result<usize, WriteError> {
        let written = self.moves(now, id, |connection, context| {
            if connection.state.may_write() && !connection.sender().is_closed() {
                return Ok(connection.write(context, bytes));
            }
            Err(match connection.ended {
                Some(Ended::Closed) | None => WriteError::Closed,
                Some(why) => WriteError::Ended(why),
            })
        });
        written.unwrap_or(Err(WriteError::Gone))
    }

    /// What was written so far is urgent (RFC 9293 3.8.5).
    pub fn mark_urgent(&mut self, now: Instant, id: ConnectionId) -> Result<(), Gone> {
        self.with(now, id, |connection, _| connection.mark_urgent())
    }

    /// Nothing more will be written: what was is sent, then a FIN (CLOSE). Reading goes on.
    pub fn close(&mut self, now: Instant, id: ConnectionId) -> Result<(), Gone> {
        self.with(now, id, |connection, context| connection.close(context))
    }

    /// Ends the connection by a RST (ABORT).
    pub fn abort(&mut self, now: Instant, id: ConnectionId) -> Result<(), Gone> {
        self.with(now, id, |connection, context| connection.abort(context))
    }

    /// The owner has no more use for it: it closes, if it has not, and its name is void. If the
    /// peer sent what was never read, it is reset (RFC 9293 SHLD-3).
    pub fn give_back(&mut self, now: Instant, id: ConnectionId) -> Result<(), Gone> {
        self.with(now, id, |connection, context| connection.give_back(context))?;
        self.make_void(id);
        Ok(())
    }

    /// Whatever becomes of the connection, this is no longer its name.
    fn make_void(&mut self, id: ConnectionId) {
        let slot = &mut self.slots[usize::from(id.slot)];
        if slot.generation == id.generation {
            slot.generation = slot.generation.wrapping_add(1);
        }
    }

    /// The owner has no use for it until the peer says something: it waits to be accepted again, as
    /// [`Tcp::defer_accept`] describes, and its name is void. Where accepting is not deferred it is
    /// given back.
    pub fn rest(
        &mut self,
        now: Instant,
        id: ConnectionId,
        listener: ListenerId,
    ) -> Result<(), Gone> {
        let Some(quiet_us) = self.listener_mut(listener).and_then(|known| known.quiet_us) else {
            return self.give_back(now, id);
        };
        let has_spoken = self.with(now, id, |connection, context| {
            connection.rest(context, listener, quiet_us);
            connection.has_spoken()
        })?;
        self.make_void(id);
        if has_spoken {
            self.tell(listener);
        }
        Ok(())
    }

    /// Chooses anew for one connection.
    pub fn set_config(
        &mut self,
        now: Instant,
        id: ConnectionId,
        config: ConnectionConfig,
    ) -> Result<(), Gone> {
        self.with(now, id, |connection, _| connection.set_config(config))
    }

    /// Our address is no longer ours: what was bound to it ends (RFC 9293 MUST-45).
    pub fn address_lost(&mut self, now: Instant, address: IpAddr) {
        for entry in self.half_open.iter_mut() {
            if entry.as_ref().is_some_and(|half| half.flow.local.address == address) {
                *entry = None;
            }
        }
        for entry in self.time_wait.iter_mut() {
            if entry.as_ref().is_some_and(|kept| kept.flow.local.address == address) {
                *entry = None;
            }
        }
        for index in 0..self.slots.len() {
            let Some(connection) = &mut self.slots[index].connection else { continue };
            if connection.flow.local.address == address && connection.is_live() {
                // Nothing can be sent from there any more, not even a RST.
                connection.end(&mut context!(self, now), Ended::Aborted);
                self.refresh(index, now);
            }
        }
    }
}

fn nothing_to_read(connection: &Connection) -> Read {
    if connection.receiver().is_finished() {
        return Read::Finished;
    }
    match connection.ended {
        Some(why) => Read::Ended(why),
        None => Read::Empty,
    }
}
