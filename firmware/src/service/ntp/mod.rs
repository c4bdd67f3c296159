//! The time of day, from a server in the network (SNTP, RFC 4330).
//!
//! ```text
//!   ntp= or DHCP option 42 -> run (socket, servers, journal) -> System::clock()
//!                              message.rs (packets, checks), pace.rs (how often)
//! ```
//!
//! The clock is set to what the server says, at once, and is as exact as the way there and back is
//! even. It is not slewed: whoever measures takes [`System::now`].

pub mod message;
pub mod pace;

use core::fmt;
use core::time::Duration;

use embassy_futures::select::{Either, select};
use embassy_time::{Instant, Timer, with_timeout};
use smoltcp::wire::{IpAddress, IpEndpoint};

use self::message::{Answer, Kiss, PACKET_BYTES, Refusal, Request, Sample};
use self::pace::Pace;
use crate::Text;
use crate::config::Server;
use crate::journal::Event;
use crate::limits::{NTP_CANDIDATES, NTP_STEP, NTP_TIMEOUT};
use crate::net::NetError;
use crate::net::names::resolver::{Family, resolve};
use crate::system::System;

/// The port of NTP servers.
pub const PORT: u16 = 123;

/// Servers that can be asked.
type Servers = heapless::Vec<IpEndpoint, NTP_CANDIDATES>;

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// There is nobody to ask, or no way there.
    Nobody,
    /// It told the time, and the clock was moved by so much.
    Told(Duration),
    /// It told something else.
    Trouble(Trouble),
}

/// Why a server did not tell the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// It said nothing, or nothing that counts.
    Silent,
    /// Its answer is of no use.
    Refused(Refusal),
    /// It does not want to.
    Kiss(Kiss),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("does not answer"),
            Self::Refused(refusal) => write!(f, "{refusal}"),
            Self::Kiss(kiss) => write!(f, "does not want to be asked: {kiss}"),
        }
    }
}

/// Keeps the clock, for ever. `configured` is asked instead of DHCP's servers.
pub async fn run(system: &'static System, configured: Option<Server>) {
    let mut keeper =
        Keeper { system, pace: Pace::new(), refused: heapless::Vec::new(), told: None };
    let mut number = 0;
    let mut turn = 0;
    loop {
        let all = servers(system, configured.as_ref()).await;
        let willing: Servers =
            all.iter().filter(|server| !keeper.refused.contains(server)).copied().collect();
        let outcome = match willing.get(turn % willing.len().max(1)) {
            Some(server) => keeper.ask(*server).await,
            None => Outcome::Nobody,
        };
        let pause = match outcome {
            Outcome::Told(moved) => keeper.pace.told(moved),
            Outcome::Trouble(Trouble::Kiss(Kiss::Rate)) => keeper.pace.too_fast(),
            Outcome::Nobody | Outcome::Trouble(_) => {
                turn += 1;
                keeper.pace.silent()
            }
        };
        let deadline = Instant::now() + micros(pause);
        loop {
            match select(Timer::at(deadline), system.journal_entry(number)).await {
                Either::First(()) => break,
                Either::Second(entry) => {
                    number = entry.number + 1;
                    // A new address: there may be somebody to ask now, or somebody else.
                    let is_news = matches!(entry.event, Event::Address { .. } | Event::Ipv6(_));
                    let is_new = configured.is_none() && of_lease(system) != all;
                    if is_news && (is_new || outcome == Outcome::Nobody) {
                        keeper.pace = Pace::new();
                        break;
                    }
                }
            }
        }
    }
}

struct Keeper {
    system: &'static System,
    pace: Pace,
    /// Servers that do not want to be asked again.
    refused: Servers,
    /// What was wrong with which server, when it was told last.
    told: Option<(IpEndpoint, Trouble)>,
}

impl Keeper {
    /// Asks a server, and sets the clock.
    async fn ask(&mut self, server: IpEndpoint) -> Outcome {
        let trouble = match question(self.system, server).await {
            Ok(Ok(Answer::Time(sample))) => {
                self.told = None;
                return Outcome::Told(self.set(server, sample));
            }
            Ok(Ok(Answer::Kiss(kiss))) => {
                if let Kiss::Deny(_) = kiss {
                    // With more of them than fit, the one asked next is asked again.
                    let _ = self.refused.push(server);
                }
                Trouble::Kiss(kiss)
            }
            Ok(Err(refusal)) => Trouble::Refused(refusal),
            Err(NetError::TimedOut) => Trouble::Silent,
            Err(_) => return Outcome::Nobody,
        };
        if self.told != Some((server, trouble)) {
            self.told = Some((server, trouble));
            let address = server.addr;
            self.say(format_args!("{address} {trouble}"));
        }
        Outcome::Trouble(trouble)
    }

    /// Sets the clock; returns how far it was moved.
    fn set(&mut self, server: IpEndpoint, sample: Sample) -> Duration {
        let Sample { time, delay, stratum } = sample;
        let before = self.system.clock();
        let since_1970 = time.since_1970().saturating_sub(self.system.now());
        self.system.set_started_at(crate::UnixTime::new(since_1970));
        let Some(before) = before else {
            let (address, micros) = (server.addr, delay.as_micros());
            self.say(format_args!(
                "{time} by {address}, stratum {stratum}, round trip {micros} us"
            ));
            return Duration::MAX;
        };
        let (forward, back) = (time - before, before - time);
        let moved = forward.max(back);
        if moved >= NTP_STEP {
            let sign = if forward > back { '+' } else { '-' };
            let (seconds, millis) = (moved.as_secs(), moved.subsec_millis());
            self.say(format_args!("{time}: the clock was moved by {sign}{seconds}.{millis:03} s"));
        }
        moved
    }

    fn say(&self, text: fmt::Arguments<'_>) {
        self.system.record(Event::Driver { driver: "ntp", text: Text::of(text) });
    }
}

/// Asks a server once, from a port of its own.
async fn question(
    system: &'static System,
    server: IpEndpoint,
) -> Result<Result<Answer, Refusal>, NetError> {
    let socket = system.udp("ntp", None)?;
    let request = Request { cookie: system.random(), sent: system.now() };
    socket.send_to(&request.write(), server).await?;
    // Extensions behind it do not matter, and are lost.
    let mut buffer = [0; PACKET_BYTES];
    let mut refused = None;
    let answer = async {
        loop {
            let received = match socket.receive(&mut buffer).await {
                Ok(received) => received,
                // "Connection refused" is an answer, too.
                Err(error) => return Err(error.error),
            };
            if received.from != server {
                system.drops().count(Refusal::Unasked.reason());
                continue;
            }
            match request.read(&buffer[..received.len], system.now()) {
                Ok(answer) => return Ok(Ok(answer)),
                Err(refusal) => {
                    system.drops().count(refusal.reason());
                    // What does not even know the cookie may be from anybody: the answer may come
                    // behind it.
                    if refusal != Refusal::Unasked {
                        refused = Some(refusal);
                    }
                }
            }
        }
    };
    match with_timeout(micros(NTP_TIMEOUT), answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(NetError::TimedOut),
        Err(_) => refused.map_or(Err(NetError::TimedOut), |refusal| Ok(Err(refusal))),
    }
}

/// Who can be asked: the configured server, else those of the lease.
async fn servers(system: &'static System, configured: Option<&Server>) -> Servers {
    let Some(server) = configured else { return of_lease(system) };
    let port = server.port.unwrap_or(PORT);
    match resolve(system, &server.host, Family::Any).await {
        Ok(found) => {
            found.iter().map(|at| IpEndpoint::new(*at, port)).take(NTP_CANDIDATES).collect()
        }
        Err(_) => Servers::new(),
    }
}

fn of_lease(system: &System) -> Servers {
    let status = system.status();
    let all = status.address.iter().flat_map(|address| address.ntp.iter());
    let all = all.map(|server| IpEndpoint::new(IpAddress::Ipv4(*server), PORT));
    all.take(NTP_CANDIDATES).collect()
}

/// A limit, as the clock of the tasks counts.
fn micros(limit: Duration) -> embassy_time::Duration {
    embassy_time::Duration::from_micros(u64::try_from(limit.as_micros()).unwrap_or(u64::MAX))
}
