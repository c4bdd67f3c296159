//! `/pcap`, `/pcap/ring`: captured frames as pcapng, without I/O: what is asked for, and the blocks
//! that answer it.

use core::cell::Cell;
use core::fmt;
use core::time::Duration;

use packet::filter::Filter;
use packet::{Names, Transport, pcapng};
use smoltcp::wire::IpEndpoint;

use super::query::{self, Value};
use super::response::{Code, Response};
use crate::Text;
use crate::limits::{
    CAPTURE_COMMENT_BYTES, FRAME_BYTES_MAX, HTTP_CAPTURES, HTTP_PORT, PAGE_BYTES_MAX,
};
use crate::net::Port;
use crate::net::names::services::{self, Protocol};
use crate::wire::{Captured, Way, is_between};

/// Bytes that a frame may take, all in all.
pub(super) const FRAME_BLOCK_BYTES_MAX: usize =
    FRAME_BYTES_MAX + CAPTURE_COMMENT_BYTES + pcapng::PACKET_OVERHEAD_BYTES;
const _: () = assert!(2 * FRAME_BLOCK_BYTES_MAX < PAGE_BYTES_MAX);

/// What a request for frames asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Those that this expression holds for.
    pub filter: Value,
    /// Of each, so many bytes.
    pub snap_bytes: usize,
    /// So many of them.
    pub count: Option<u64>,
    /// Those that went this way.
    pub way: Option<Way>,
    /// Those of this interface.
    pub port: Option<Port>,
    /// Those of the connection that they are sent on, too.
    pub shows_own: bool,
    /// Those that were not sent, too.
    pub shows_unsent: bool,
    /// Those that are in the ring now, and no others.
    pub is_ring: bool,
}

/// The parameters.
const NAMES: [&str; 7] = ["filter", "snaplen", "count", "direction", "interface", "own", "unsent"];

impl Wanted {
    /// Reads the query of `/pcap`.
    ///
    /// # Errors
    /// [`Code::BadRequest`] for parameters and values that are not documented.
    pub fn live(query: Option<&str>) -> Result<Self, Code> {
        Self::parse(query, false)
    }

    /// Reads the query of `/pcap/ring`.
    ///
    /// # Errors
    /// As for [`Wanted::live`].
    pub fn ring(query: Option<&str>) -> Result<Self, Code> {
        Self::parse(query, true)
    }

    fn parse(query: Option<&str>, is_ring: bool) -> Result<Self, Code> {
        let mut wanted = Self {
            filter: Value::new(),
            snap_bytes: FRAME_BYTES_MAX,
            count: None,
            way: None,
            port: Some(Port::Eth0),
            shows_own: false,
            shows_unsent: false,
            is_ring,
        };
        for parameter in query::parameters(query, &NAMES) {
            let (index, value) = parameter.map_err(|_| Code::BadRequest)?;
            wanted.set(NAMES[index], value).ok_or(Code::BadRequest)?;
        }
        // Each frame of its own connection would make another one.
        if wanted.shows_own && wanted.count.is_none() && !is_ring {
            return Err(Code::BadRequest);
        }
        Ok(wanted)
    }

    /// Takes a parameter in; `None` if it has no such value.
    fn set(&mut self, name: &str, value: Value) -> Option<()> {
        let number = || {
            let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            value.parse::<u64>().ok().filter(|_| is_number)
        };
        let choice = || match value.as_str() {
            "1" => Some(true),
            "0" => Some(false),
            _ => None,
        };
        match name {
            "filter" => self.filter = value,
            "snaplen" => {
                // As with tcpdump, 0 is as much as there can be.
                let bytes = number().map(|bytes| if bytes == 0 { u64::MAX } else { bytes })?;
                self.snap_bytes = usize::try_from(bytes)
                    .map_or(FRAME_BYTES_MAX, |bytes| bytes.min(FRAME_BYTES_MAX));
            }
            "count" => self.count = Some(number().filter(|&count| count > 0)?),
            "direction" => {
                self.way = match value.as_str() {
                    "in" => Some(Way::In),
                    "out" => Some(Way::Out),
                    "inout" => None,
                    _ => return None,
                }
            }
            "interface" => {
                self.port = match value.as_str() {
                    "eth0" => Some(Port::Eth0),
                    "lo" => Some(Port::Lo),
                    "any" => None,
                    _ => return None,
                }
            }
            "own" => self.shows_own = choice()?,
            "unsent" => self.shows_unsent = choice()?,
            _ => return None,
        }
        Some(())
    }
}

/// The names of ports; hosts have none here.
pub(super) struct Services;

impl Names for Services {
    fn port(&self, _: Transport, _: u16) -> Option<&str> {
        None
    }

    fn service(&self, transport: Transport, service: &str) -> Option<u16> {
        let protocol = match transport {
            Transport::Tcp => Protocol::Tcp,
            Transport::Udp => Protocol::Udp,
        };
        services::port_of(service, Some(protocol))
    }
}

/// Where frames are being sent to now.
#[derive(Debug, Default)]
pub struct Viewers([Cell<Option<IpEndpoint>>; HTTP_CAPTURES]);

impl Viewers {
    /// Takes a place, if there is one.
    pub(super) fn enter(&self, viewer: IpEndpoint) -> Option<Viewing<'_>> {
        let place = self.0.iter().find(|place| place.get().is_none())?;
        place.set(Some(viewer));
        Some(Viewing { place })
    }

    /// True for a frame of a connection on which frames are sent: if two that look showed each
    /// other's, neither would come to an end.
    fn is_own(&self, frame: &[u8]) -> bool {
        let viewers = self.0.iter().filter_map(Cell::get);
        viewers.into_iter().any(|viewer| is_between(HTTP_PORT, viewer, frame))
    }
}

/// A place among those that look, until it is dropped.
pub(super) struct Viewing<'a> {
    place: &'a Cell<Option<IpEndpoint>>,
}

impl Drop for Viewing<'_> {
    fn drop(&mut self) {
        self.place.set(None);
    }
}

/// Writes the blocks.
pub(super) struct Writer<'a> {
    wanted: &'a Wanted,
    filter: &'a Filter,
    viewers: &'a Viewers,
    /// The time of day at start, or 0.
    started_at: Duration,
    /// Frames that were written.
    written: u64,
    /// Lost frames that were told of.
    told: u64,
}

impl<'a> Writer<'a> {
    /// Nothing is written yet.
    pub fn new(
        wanted: &'a Wanted,
        filter: &'a Filter,
        viewers: &'a Viewers,
        started_at: Option<Duration>,
    ) -> Self {
        let started_at = started_at.unwrap_or_default();
        Self { wanted, filter, viewers, started_at, written: 0, told: 0 }
    }

    /// What comes first: a section and its two interfaces.
    ///
    /// # Errors
    /// [`fmt::Error`] if it does not fit.
    pub fn begin(&self, out: &mut Response) -> fmt::Result {
        let version = concat!("barewire ", env!("CARGO_PKG_VERSION"));
        let snap_bytes = self.wanted.snap_bytes as u32;
        out.put(|out| pcapng::section(out, version))?;
        for port in [Port::Eth0, Port::Lo] {
            out.put(|out| pcapng::interface(out, port.name(), snap_bytes))?;
        }
        Ok(())
    }

    /// A frame, if it is wanted.
    ///
    /// # Errors
    /// [`fmt::Error`] if it does not fit.
    pub fn frame(&mut self, frame: &Captured, bytes: &[u8], out: &mut Response) -> fmt::Result {
        let Wanted { way, port, shows_own, .. } = *self.wanted;
        if way.is_some_and(|way| way != frame.way)
            || port.is_some_and(|port| port != frame.port)
            || (!shows_own && self.viewers.is_own(bytes))
            || !self.filter.accepts(bytes, frame.original_bytes)
        {
            return Ok(());
        }
        let comment = Text::<CAPTURE_COMMENT_BYTES>::of(format_args!("{frame}"));
        let packet = pcapng::Packet {
            interface: u32::from(frame.port == Port::Lo),
            at: micros(self.started_at + frame.at),
            way: match frame.way {
                Way::In => pcapng::Way::In,
                Way::Out => pcapng::Way::Out,
            },
            bytes,
            length: frame.original_bytes as u32,
            lost: frame.missed - self.told,
            comment: &comment,
        };
        out.put(|out| packet.write(out))?;
        self.told = frame.missed;
        self.written += 1;
        Ok(())
    }

    /// True if there are as many as were asked for.
    pub fn is_done(&self) -> bool {
        self.wanted.count.is_some_and(|count| self.written >= count)
    }

    /// What comes last: how many frames were lost.
    ///
    /// # Errors
    /// [`fmt::Error`] if it does not fit.
    pub fn end(&self, now: Duration, missed: u64, out: &mut Response) -> fmt::Result {
        let seen = self.written + missed;
        out.put(|out| pcapng::statistics(out, 0, micros(self.started_at + now), seen, missed))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Checks the query of `/pcap` and its filter, for whoever has none of the rest: the fuzz targets.
/// Returns the expression if all is well.
pub fn check(query: &str) -> Option<Value> {
    let wanted = Wanted::live(Some(query)).ok()?;
    Filter::compile(&wanted.filter, &Services).ok()?;
    Some(wanted.filter)
}
