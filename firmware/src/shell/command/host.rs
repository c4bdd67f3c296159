//! `host`: asks DNS servers about a name or an address, as BIND's tool does.

use core::cell::Cell;
use core::fmt;
use core::net::IpAddr;

use domain::base::iana::{Rcode, Rtype};
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::{About, Argument, Arguments, Context, FAILURE, MISUSE, Misuse, Operands, Outcome};
use super::{SUCCESS, Then, Wrong, value};
use crate::Text;
use crate::limits::{DNS_TRIES, SHELL_TEXT_BYTES};
use crate::net::NetError;
use crate::net::names::dns::{ANSWER_BYTES_MAX, Data, Query, Record, Reply};
use crate::net::names::resolver::{DNS_PORT, Family, ask, literal, resolve, servers};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[-t type] hostname [server]",
    summary: "ask a DNS server about a name",
    options: &[value("t", "", "type", "specifies the query type")],
    operands: Operands::Hosts,
    usage: Some(USAGE),
    misuse: Misuse { status: 1, complain: illegal, then: Then::Usage },
    ..About::NEW
};

// In the words of BIND.
const USAGE: &str = "\
Usage: host [-t type] hostname [server]
       -t specifies the query type
";

/// BIND has a getopt of its own, which says it in the words of old.
fn illegal(out: &mut dyn fmt::Write, name: &str, wrong: &Wrong<'_>) -> fmt::Result {
    match wrong {
        Wrong::Letter(letter) => writeln!(out, "{name}: illegal option -- {letter}"),
        Wrong::LetterNeedsValue(letter) => {
            writeln!(out, "{name}: option requires an argument -- {letter}")
        }
        other => writeln!(out, "{name}: {other}"),
    }
}

/// What is asked about a name unless the user says otherwise.
const TYPES: [Rtype; 3] = [Rtype::A, Rtype::AAAA, Rtype::MX];

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let mut rtype = None;
    let mut operands = heapless::Vec::<&str, 2>::new();
    for argument in arguments {
        match argument {
            Argument::Option(_, value) => match Rtype::from_mnemonic(value.as_bytes()) {
                Some(known) => rtype = Some(known),
                None => {
                    context.complain(format_args!("invalid type: {value}\n")).await;
                    return MISUSE;
                }
            },
            Argument::Operand(word) => {
                if operands.push(word).is_err() {
                    return context.misused().await;
                }
            }
        }
    }
    let (name, named) = match operands[..] {
        [name] => (name, None),
        [name, server] => (name, Some(server)),
        _ => return context.misused().await,
    };
    let server = match choose(context, named).await {
        Ok(server) => server,
        Err(outcome) => return outcome,
    };
    let lookup = Lookup { context, server, introduced: Cell::new(named.is_none()), named };
    match (literal(name), rtype) {
        (Some(address), None) => lookup.reverse(address.into()).await,
        (_, Some(rtype)) => lookup.one(name, rtype, true).await.unwrap_or_else(|outcome| outcome),
        (None, None) => lookup.all(name).await,
    }
}

/// The server named by the user, who is told which one it is, or the first one of ours.
pub(super) async fn choose(
    context: &Context<'_>,
    name: Option<&str>,
) -> Result<IpEndpoint, Outcome> {
    let system = context.system;
    let Some(name) = name else {
        return match servers(system).first() {
            Some(server) => Ok(IpEndpoint::new(*server, DNS_PORT)),
            None => {
                context.write(";; no servers could be reached\n").await;
                Err(FAILURE)
            }
        };
    };
    let Ok(addresses) = resolve(system, name, Family::Any).await else {
        context.complain(format_args!("couldn't get address for '{name}': failure")).await;
        return Err(FAILURE);
    };
    Ok(IpEndpoint::new(addresses[0], DNS_PORT))
}

/// Questions to one server.
struct Lookup<'a> {
    context: &'a Context<'a>,
    server: IpEndpoint,
    /// The server as the user named it, who is told when it has answered for the first time.
    named: Option<&'a str>,
    introduced: Cell<bool>,
}

impl Lookup<'_> {
    /// Asks for addresses and mail servers.
    async fn all(&self, name: &str) -> Outcome {
        for rtype in TYPES {
            if let Err(outcome) = self.one(name, rtype, false).await {
                return outcome;
            }
        }
        SUCCESS
    }

    /// Asks for one kind of records; says that there are none if `tells_none`.
    async fn one(&self, name: &str, rtype: Rtype, tells_none: bool) -> Result<Outcome, Outcome> {
        let id = self.context.system.random() as u16;
        let Ok(query) = Query::new(name, rtype, id) else {
            let text = format_args!("'{name}' is not a legal name");
            self.context.complain(text).await;
            return Err(FAILURE);
        };
        self.put(&query, tells_none).await
    }

    async fn reverse(&self, address: IpAddr) -> Outcome {
        let query = Query::reverse(address, self.context.system.random() as u16);
        self.put(&query, true).await.unwrap_or_else(|outcome| outcome)
    }

    async fn put(&self, query: &Query, tells_none: bool) -> Result<Outcome, Outcome> {
        let Self { context, server, .. } = *self;
        let mut buffer = [0; ANSWER_BYTES_MAX];
        let answered = ask(context.system, server, query, &mut buffer).await;
        let reply = match answered.map(|len| query.read(&buffer[..len])) {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) => return Err(FAILURE),
            Err(error) => {
                unreachable(context, server, error).await;
                return Err(FAILURE);
            }
        };
        self.introduce().await;
        match reply.rcode() {
            Rcode::NOERROR => Ok(self.tell(query, &reply, tells_none).await),
            rcode => {
                let name = query.name();
                let code = rcode.to_int();
                // The tool writes the name that it made of an address as an absolute one.
                let dot = if query.rtype() == Rtype::PTR && tells_none { "." } else { "" };
                let text = format_args!("Host {name}{dot} not found: {code}({rcode})\n");
                context.print(text).await;
                Err(FAILURE)
            }
        }
    }

    async fn introduce(&self) {
        let IpEndpoint { addr, port } = self.server;
        if let (Some(name), false) = (self.named, self.introduced.replace(true)) {
            self.context
                .print(format_args!(
                    "Using domain server:\nName: {name}\nAddress: {addr}#{port}\nAliases: \n\n"
                ))
                .await;
        }
    }

    async fn tell(&self, query: &Query, reply: &Reply<'_>, tells_none: bool) -> Outcome {
        let mut count = 0;
        // Of several questions about a name the first one tells of its aliases.
        let tells_aliases = tells_none || query.rtype() == TYPES[0];
        let aliases = reply.aliases().filter(|_| tells_aliases);
        for record in aliases.chain(reply.records()) {
            let mut text = Text::<SHELL_TEXT_BYTES>::new();
            // A Text never fails: what does not fit is cut.
            let _ = write_record(&mut text, &record);
            self.context.write(&text).await;
            count += 1;
        }
        if count == 0 && tells_none {
            let (name, rtype) = (query.name(), query.rtype());
            self.context.print(format_args!("{name} has no {rtype} record\n")).await;
        }
        SUCCESS
    }
}

/// Says why a server did not answer.
pub(super) async fn unreachable(context: &Context<'_>, server: IpEndpoint, error: NetError) {
    let IpEndpoint { addr, port } = server;
    let words = match error {
        NetError::TimedOut => "timed out",
        NetError::ConnectionRefused => "connection refused",
        NetError::HostUnreachable => "host unreachable",
        _ => "network unreachable",
    };
    for _ in 0..DNS_TRIES {
        let text = format_args!(";; communications error to {addr}#{port}: {words}\n");
        context.print(text).await;
    }
    context.write(";; no servers could be reached\n").await;
}

/// One line for a record.
fn write_record(out: &mut impl fmt::Write, record: &Record<'_>) -> fmt::Result {
    let Record { owner, data, .. } = record;
    write!(out, "{owner} ")?;
    match data {
        Data::Address(IpAddr::V4(address)) => write!(out, "has address {address}")?,
        Data::Address(address) => write!(out, "has IPv6 address {}", IpAddress::from(*address))?,
        Data::Cname(name) => write!(out, "is an alias for {name}.")?,
        Data::Ptr(name) => write!(out, "domain name pointer {name}.")?,
        Data::Ns(name) => write!(out, "name server {name}.")?,
        Data::Mx(preference, name) => write!(out, "mail is handled by {preference} {name}.")?,
        Data::Txt(texts) => {
            out.write_str("descriptive text")?;
            for text in texts.iter() {
                write!(out, " \"{}\"", text.escape_ascii())?;
            }
        }
        Data::Srv(srv) => {
            let (priority, weight, port) = (srv.priority(), srv.weight(), srv.port());
            write!(out, "has SRV record {priority} {weight} {port} {}.", srv.target())?;
        }
        Data::Soa(soa) => {
            let (primary, mailbox, serial) = (soa.mname(), soa.rname(), soa.serial());
            let (refresh, retry) = (soa.refresh().as_secs(), soa.retry().as_secs());
            let (expire, minimum) = (soa.expire().as_secs(), soa.minimum().as_secs());
            write!(out, "has SOA record {primary}. {mailbox}. {serial} ")?;
            write!(out, "{refresh} {retry} {expire} {minimum}")?;
        }
        Data::Other(rtype) => write!(out, "has {rtype} record, which is not shown")?,
    }
    out.write_str("\n")
}
