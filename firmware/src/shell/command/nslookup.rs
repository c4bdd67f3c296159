//! `nslookup`: asks a DNS server about a name or an address, as BIND's tool does when it is not
//! asked to converse.

use core::fmt;

use domain::base::iana::{Rcode, Rtype};
use smoltcp::wire::IpEndpoint;

use super::{About, Arguments, Context, FAILURE, Operands, Opt, Order, Outcome, SUCCESS};
use super::{host, value};
use crate::Text;
use crate::limits::SHELL_TEXT_BYTES;
use crate::net::names::dns::{ANSWER_BYTES_MAX, Data, Query, Record, Reply};
use crate::net::names::resolver::{DNS_PORT, ask, literal};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[-type=TYPE] NAME [SERVER]",
    summary: "ask a DNS server about a name",
    options: OPTIONS,
    order: Order::Raw,
    operands: Operands::Hosts,
    ..About::NEW
};

const OPTIONS: &[Opt] = &[value("", "type", "TYPE", "the kind of records: a, aaaa, mx, txt...")];

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let mut rtype = None;
    let mut operands = heapless::Vec::<&str, 2>::new();
    for word in arguments.rest() {
        let Some(option) = word.strip_prefix('-') else {
            if operands.push(word).is_err() {
                return context.misused().await;
            }
            continue;
        };
        let value = ["type=", "query=", "q=", "ty="].iter().find_map(|n| option.strip_prefix(n));
        match value.map(|value| (value, Rtype::from_mnemonic(value.as_bytes()))) {
            Some((_, Some(known))) => rtype = Some(known),
            Some((value, None)) => {
                context.print(format_args!("unknown query type: {value}\n")).await;
            }
            None => context.print(format_args!("*** Invalid option: {option}\n")).await,
        }
    }
    let Some(name) = operands.first() else { return context.misused().await };
    let server = match host::choose(context, operands.get(1).copied()).await {
        Ok(server) => server,
        Err(outcome) => return outcome,
    };
    let lookup = Lookup { context, server };
    if let (Some(address), None) = (literal(name), rtype) {
        let query = Query::reverse(address.into(), context.system.random() as u16);
        return lookup.put(&query, Show::Reverse).await;
    }
    let types = rtype.map_or([Some(Rtype::A), Some(Rtype::AAAA)], |rtype| [Some(rtype), None]);
    let mut show = Show::First;
    for rtype in types.into_iter().flatten() {
        let Ok(query) = Query::new(name, rtype, context.system.random() as u16) else {
            context.print(format_args!("nslookup: '{name}' is not a legal name\n")).await;
            return FAILURE;
        };
        if lookup.put(&query, show).await != SUCCESS {
            return FAILURE;
        }
        show = Show::Second;
    }
    context.write("\n").await;
    SUCCESS
}

/// Which question it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Show {
    /// The name of an address.
    Reverse,
    /// The first about a name: server and aliases are told.
    First,
    /// The second: only what it adds.
    Second,
}

/// Questions to one server.
struct Lookup<'a> {
    context: &'a Context<'a>,
    server: IpEndpoint,
}

impl Lookup<'_> {
    async fn put(&self, query: &Query, show: Show) -> Outcome {
        let Self { context, server } = *self;
        let mut buffer = [0; ANSWER_BYTES_MAX];
        let answered = ask(context.system, server, query, &mut buffer).await;
        let reply = match answered.map(|len| query.read(&buffer[..len])) {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) => return FAILURE,
            Err(error) => {
                host::unreachable(context, server, error).await;
                context.write("\n").await;
                return FAILURE;
            }
        };
        if show == Show::First {
            let (address, port) = (server.addr, DNS_PORT);
            let text = format_args!("Server:\t\t{address}\nAddress:\t{address}#{port}\n\n");
            context.print(text).await;
        }
        match reply.rcode() {
            Rcode::NOERROR => self.tell(query, &reply, show).await,
            rcode => {
                let name = query.name();
                let text = format_args!("** server can't find {name}: {rcode}\n\n");
                context.print(text).await;
                return FAILURE;
            }
        }
        SUCCESS
    }

    async fn tell(&self, query: &Query, reply: &Reply<'_>, show: Show) {
        let context = self.context;
        let is_empty = reply.records().next().is_none();
        let tells_origin = show == Show::First || (show == Show::Reverse && !is_empty);
        if tells_origin && !reply.is_authoritative() {
            context.write("Non-authoritative answer:\n").await;
        }
        if is_empty && show == Show::First && reply.aliases().next().is_none() {
            let name = query.name();
            context.print(format_args!("*** Can't find {name}: No answer\n")).await;
        }
        let aliases = reply.aliases().filter(|_| show != Show::Second);
        for record in aliases.chain(reply.records()) {
            let mut text = Text::<SHELL_TEXT_BYTES>::new();
            // A Text never fails: what does not fit is cut.
            let _ = write_record(&mut text, &record);
            context.write(&text).await;
        }
        if show == Show::Reverse {
            context.write("\n").await;
        }
        if !reply.is_authoritative() && ![Rtype::A, Rtype::AAAA].contains(&query.rtype()) {
            context.write("\nAuthoritative answers can be found from:\n").await;
        }
    }
}

/// The lines of a record.
fn write_record(out: &mut impl fmt::Write, record: &Record<'_>) -> fmt::Result {
    let Record { owner, data, .. } = record;
    match data {
        Data::Address(address) => writeln!(out, "Name:\t{owner}\nAddress: {address}"),
        Data::Cname(name) => writeln!(out, "{owner}\tcanonical name = {name}."),
        Data::Ptr(name) => writeln!(out, "{owner}\tname = {name}."),
        Data::Ns(name) => writeln!(out, "{owner}\tnameserver = {name}."),
        Data::Mx(preference, name) => {
            writeln!(out, "{owner}\tmail exchanger = {preference} {name}.")
        }
        Data::Txt(texts) => {
            write!(out, "{owner}\ttext =")?;
            for text in texts.iter() {
                write!(out, " \"{}\"", text.escape_ascii())?;
            }
            out.write_str("\n")
        }
        Data::Srv(srv) => {
            let (priority, weight, port) = (srv.priority(), srv.weight(), srv.port());
            writeln!(out, "{owner}\tservice = {priority} {weight} {port} {}.", srv.target())
        }
        Data::Soa(soa) => {
            writeln!(out, "{owner}\n\torigin = {}\n\tmail addr = {}", soa.mname(), soa.rname())?;
            writeln!(out, "\tserial = {}", soa.serial())
        }
        Data::Other(rtype) => writeln!(out, "{owner}\t{rtype} record, which is not shown"),
    }
}
