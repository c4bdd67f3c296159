//! What the lines of a script do.
//!
//! | line | what it does |
//! |---|---|
//! | `given open OPTIONS` | a listener, the peer's handshake with these options, accepted |
//! | `given connected OPTIONS` | the same, opened by us |
//! | `config WORDS` | before all else: `ecn=always`, `no-ts`, `mtu=N`, `v6`, `connections=N` .. |
//! | `peer FLAGS ..` | the peer sends; numbers count from its SYN, acknowledgments from ours |
//! | `tcp FLAGS ..` | what we sent next, at this very moment |
//! | `in TIME tcp FLAGS ..` | the same, so much later to the microsecond |
//! | `quiet TIME` | nothing is sent for so long |
//! | `wait TIME` | whatever is sent, for so long and before, is of no interest |
//! | `listen`, `connect`, `accept`, `write N`, `read N = M`, .. | calls, and what they return |
//! | `state`, `verdict`, `counter`, `cwnd`, .. | what must be so now |
//!
//! What was sent and not told by a `tcp` line by the next `peer` line or the end is a fault.

use tcp::{
    ConnectionConfig, ConnectionInfo, Event, Flags, IcmpError, IcmpKind, Read, Segment, Seq, State,
};

use crate::seed;
use crate::talk::{PORT, Talk, byte, tag};
use crate::words::{Fault, Told, Words};

/// Runs one line.
pub fn line(talk: &mut Talk<'_>, text: &str) -> Result<(), Fault> {
    let mut words = Words::new(text);
    let mut word = words.need("a word")?;
    let mut wait = None;
    if word == "in" {
        wait = Some(words.time()?);
        word = words.need("tcp")?;
    }
    let (verb, number) = match word.split_once('@') {
        Some((verb, number)) => (verb, number.parse().map_err(|_| format!("{word}: which peer?"))?),
        None => (word, 1),
    };
    if wait.is_some() && verb != "tcp" {
        return Err("only tcp is waited for".into());
    }
    if verb != "tcp" && !matches!(verb, "state" | "verdict" | "counter" | "ended" | "wait") {
        nothing_untold(talk)?;
    }
    seed::call(&mut talk.input, verb, number, words.peek());
    match verb {
        "given" => given(talk, number, &mut words)?,
        "isn" => {
            let isn = Seq(words.number("isn")?);
            let peer = talk.peer(number);
            (peer.isn, peer.next) = (isn, isn);
        }
        "peer" => {
            let told = Told::parse(&mut words)?;
            talk.input(number, &told, PORT)?;
        }
        "tcp" => tcp(talk, number, wait, &mut words)?,
        "quiet" => {
            let us = words.time()?;
            talk.wait(us, true)?;
            nothing_untold(talk)?;
        }
        "wait" => {
            let us = words.time()?;
            talk.wait(us, false)?;
            talk.sent.clear();
        }
        "icmp" => icmp(talk, number, &mut words)?,
        _ => call(talk, verb, number, &mut words)?,
    }
    words.end()
}

/// What was sent must have been told.
pub fn nothing_untold(talk: &mut Talk<'_>) -> Result<(), Fault> {
    match talk.sent.pop_front() {
        None => Ok(()),
        Some(sent) => {
            let line = talk.line(sent.peer, &sent.bytes, false);
            Err(format!("sent, and not told: tcp{} {line} why {}", tag(sent.peer), sent.why))
        }
    }
}

fn given(talk: &mut Talk<'_>, number: u16, words: &mut Words<'_>) -> Result<(), Fault> {
    let kind = words.need("open or connected")?;
    let mut options = words.text();
    // The handshake takes this long.
    let mut quiet = None;
    if let Some((before, rtt)) = options.clone().split_once("rtt ") {
        options = before.to_string();
        quiet = Some(format!("quiet {rtt}"));
    }
    let stamps = options.contains("ts ");
    let lines: Vec<String> = match kind {
        "open" => {
            if talk.listener.is_none() {
                line(talk, "listen 80 backlog 8")?;
            }
            let mut ack = "peer@N . seq 1 ack 1".to_string();
            if stamps {
                ack += " ts 100 0";
            }
            if let Some((_, window)) = options.split_once("win ") {
                ack += &format!(" win {}", window.split(' ').next().unwrap_or_default());
            }
            vec![
                format!("peer@N S seq 0 {options}"),
                "tcp@N S. seq 0 ack 1".into(),
                ack,
                "verdict established".into(),
                "accept@N".into(),
            ]
        }
        "connected" => vec![
            "connect@N".into(),
            "tcp@N S seq 0".into(),
            format!("peer@N S. seq 0 ack 1 {options}"),
            "tcp@N . seq 1 ack 1".into(),
            "state@N ESTABLISHED".into(),
        ],
        _ => return Err(format!("given {kind}?")),
    };
    for (index, text) in lines.iter().enumerate() {
        if let (2, Some(quiet)) = (index, &quiet) {
            line(talk, quiet)?;
        }
        line(talk, &text.replace("@N", &format!("@{number}")))?;
    }
    Ok(())
}

fn tcp(
    talk: &mut Talk<'_>,
    number: u16,
    wait: Option<u64>,
    words: &mut Words<'_>,
) -> Result<(), Fault> {
    let told = Told::parse(words)?;
    let due = talk.now.after(wait.unwrap_or(0));
    if let Some(us) = wait {
        nothing_untold(talk)?;
        talk.wait(us, true)?;
    }
    let Some(sent) = talk.sent.pop_front() else { return Err("nothing was sent".into()) };
    let got = talk.line(sent.peer, &sent.bytes, false);
    let got = format!("tcp{} {got} why {}", tag(sent.peer), sent.why);
    if wait.is_some() && sent.at != due {
        let early = due.micros() as i64 - sent.at.micros() as i64;
        return Err(format!("{got}, {early} us too early"));
    }
    if sent.peer != number {
        return Err(format!("sent to another peer: {got}"));
    }
    let segment = Segment::parse(&sent.bytes).expect("parsed before");
    let header = segment.header.clone();
    let peer = talk.peer(number).clone();
    let ours = peer.ours.unwrap_or(Seq(0));
    let mut faults = Vec::new();
    let mut same = |what: &str, holds: bool| {
        if !holds {
            faults.push(what.to_string());
        }
    };
    let push = told.flags.has(Flags::PSH);
    let plain = |flags: Flags| flags.0 & !Flags::PSH.0;
    same("flags", plain(told.flags) == plain(header.flags));
    same("push", !push || header.flags.has(Flags::PSH));
    same("seq", told.seq.is_none_or(|seq| ours.plus(seq) == header.seq));
    same("len", told.length.unwrap_or(0) as usize == segment.payload.len());
    same("ack", told.ack.is_none_or(|ack| peer.isn.plus(ack) == header.ack));
    same("win", told.window.is_none_or(|window| window == header.window));
    same("urg", told.urgent.is_none_or(|urgent| urgent == header.urgent));
    let options = &header.options;
    same("mss", told.mss.is_none() || told.mss == options.mss);
    same("ws", told.scale.is_none() || told.scale == options.window_scale);
    same("sackok", !told.sack_permitted || options.sack_permitted);
    let clock = peer.clock.unwrap_or(0);
    same(
        "ts",
        told.stamps.is_none_or(|(value, echo)| {
            options.timestamps.is_some_and(|stamps| {
                stamps.value.wrapping_sub(clock) == value && stamps.echo == echo
            })
        }),
    );
    let blocks: Vec<(u32, u32)> = options
        .sack
        .iter()
        .map(|block| (block.left.since(peer.isn), block.right.since(peer.isn)))
        .collect();
    same("sack", told.blocks.is_empty() || told.blocks == blocks);
    same("why", told.why.is_none_or(|why| why == sent.why));
    same("ecn", told.ecn.is_none_or(|ecn| ecn == sent.ecn));
    same("diffserv", told.diffserv.is_none_or(|diffserv| diffserv == sent.ip.0));
    same("hops", told.hops.is_none_or(|hops| hops == sent.ip.1));
    for option in &told.without {
        let absent = match option.as_str() {
            "mss" => options.mss.is_none(),
            "ws" => options.window_scale.is_none(),
            "sackok" => !options.sack_permitted,
            "ts" => options.timestamps.is_none(),
            "sack" => options.sack.is_empty(),
            _ => return Err(format!("no {option}?")),
        };
        same(option, absent);
    }
    let first = header.seq.since(ours.plus(1)) as usize;
    let data = segment.payload.iter().enumerate().all(|(at, b)| *b == byte(first.wrapping_add(at)));
    same("data", data);
    if faults.is_empty() { Ok(()) } else { Err(format!("{} differ: {got}", faults.join(", "))) }
}

fn icmp(talk: &mut Talk<'_>, number: u16, words: &mut Words<'_>) -> Result<(), Fault> {
    let kind = match words.need("a kind")? {
        "too-big" => IcmpKind::TooBig { mtu: words.number("mtu")? },
        "refused" => IcmpKind::Refused,
        "unreachable" => IcmpKind::Unreachable,
        "transit" => IcmpKind::Transit,
        "quench" => IcmpKind::Quench,
        kind => return Err(format!("icmp {kind}?")),
    };
    let mut flow = talk.flow(number);
    if let Some(id) = talk.peer(number).id {
        let info = talk.tcp.connection(talk.now, id).map_err(|gone| gone.to_string())?;
        flow = info.flow;
    }
    let seq = match words.need("seq")? {
        "seq" => words.number::<i64>("seq")? as u32,
        word => return Err(format!("{word} in place of seq")),
    };
    let seq = talk.peer(number).ours.unwrap_or(Seq(0)).plus(seq);
    let taken = talk.tcp.icmp(talk.now, &IcmpError { kind, flow, seq });
    talk.poll()?;
    match words.next() {
        Some("ignored") if taken => Err("it was believed".into()),
        None if !taken => Err("it was not believed".into()),
        _ => Ok(()),
    }
}

/// A call, or something that must be so.
fn call(talk: &mut Talk<'_>, verb: &str, number: u16, words: &mut Words<'_>) -> Result<(), Fault> {
    let now = talk.now;
    match verb {
        "listen" => {
            let port = words.number("port")?;
            let backlog = match words.next() {
                Some("backlog") => words.number("backlog")?,
                _ => 8,
            };
            let listener = talk.tcp.listen("test", None, port, backlog);
            talk.listener = Some(listener.map_err(|error| error.to_string())?);
        }
        "defer" => {
            let quiet_us = words.time()?;
            talk.tcp.defer_accept(talk.listener.ok_or("nobody listens")?, quiet_us);
        }
        "unlisten" => {
            let listener = talk.listener.take().ok_or("nobody listens")?;
            talk.tcp.unlisten(now, listener);
        }
        "connect" => {
            let flow = talk.flow(number);
            let id = talk.tcp.connect(now, "test", flow.local, flow.remote);
            match (id, words.next()) {
                (Ok(id), None) => {
                    let peer = talk.peer(number);
                    (peer.id, peer.ours, peer.written, peer.read) = (Some(id), None, 0, 0);
                }
                (Err(error), Some("=")) => expect(&error.to_string(), &words.text())?,
                (Ok(_), Some(_)) => return Err("it connects".into()),
                (Err(error), _) => return Err(error.to_string()),
            }
        }
        "accept" => {
            let listener = talk.listener.ok_or("nobody listens")?;
            let id = talk.tcp.accept(listener);
            if words.peek() == Some("none") {
                words.next();
                return if id.is_none() { Ok(()) } else { Err("there was one".into()) };
            }
            let id = id.ok_or("there is none")?;
            let info = talk.tcp.connection(now, id).map_err(|gone| gone.to_string())?;
            if info.flow != talk.flow(number) {
                return Err(format!("accepted {:?}", info.flow.remote));
            }
            let peer = talk.peer(number);
            (peer.id, peer.written, peer.read) = (Some(id), 0, 0);
        }
        "state" => {
            let wanted = words.need("a state")?;
            let flow = talk.flow(number);
            let id = talk.peer(number).id;
            let state = id.and_then(|id| talk.tcp.state(id).ok()).filter(|s| *s != State::Closed);
            let state = state.or_else(|| {
                talk.tcp.connections(now).find(|info| info.flow == flow).map(|info| info.state)
            });
            expect(state.map_or("none", State::name), wanted)?;
        }
        "verdict" => {
            let verdict = talk.verdict.ok_or("no segment came")?;
            expect(verdict.text(), &words.text())?;
        }
        "counter" => {
            let name = words.need("a name")?;
            let value = words.number::<u64>("a value")?;
            let counters = talk.tcp.counters();
            let (_, got) =
                counters.iter().find(|(known, _)| *known == name).ok_or("no such counter")?;
            expect(&got.to_string(), &value.to_string())?;
        }
        "event" => event(talk, number, words)?,
        _ => connection_call(talk, verb, number, words)?,
    }
    talk.poll()
}

fn event(talk: &mut Talk<'_>, number: u16, words: &mut Words<'_>) -> Result<(), Fault> {
    let wanted = words.text();
    let mut got = Vec::new();
    while let Some(event) = talk.tcp.next_event() {
        match event {
            Event::Acceptable(_) => got.push("acceptable"),
            Event::Connection { id, readable, writable, state, trouble } => {
                if talk.peer(number).id == Some(id) {
                    got.extend(readable.then_some("readable"));
                    got.extend(writable.then_some("writable"));
                    got.extend(state.then_some("state"));
                    got.extend(trouble.then_some("trouble"));
                }
            }
        }
    }
    let got = if got.is_empty() { "none".to_string() } else { got.join(" ") };
    expect(&got, &wanted)
}

fn expect(got: &str, wanted: &str) -> Result<(), Fault> {
    if got == wanted { Ok(()) } else { Err(format!("it is: {got}")) }
}

fn connection_call(
    talk: &mut Talk<'_>,
    verb: &str,
    number: u16,
    words: &mut Words<'_>,
) -> Result<(), Fault> {
    let now = talk.now;
    let id = talk.peer(number).id.ok_or("no connection with that peer")?;
    let gone = |gone: tcp::Gone| gone.to_string();
    match verb {
        "write" => {
            let count: usize = words.number("bytes")?;
            let first = talk.peer(number).written;
            let bytes: Vec<u8> = (first..first + count).map(byte).collect();
            let result = talk.tcp.write(now, id, &bytes);
            let written = result.as_ref().copied().unwrap_or(0);
            talk.peer(number).written += written;
            let got = result.map_or_else(|error| error.to_string(), |taken| taken.to_string());
            let wanted = if words.peek() == Some("=") {
                words.next();
                words.text()
            } else {
                count.to_string()
            };
            expect(&got, &wanted)?;
        }
        "read" => {
            let count: usize = words.number("bytes")?;
            let mut bytes = vec![0; count];
            let got = match talk.tcp.read(now, id, &mut bytes).map_err(gone)? {
                Read::Bytes(taken) => {
                    let first = talk.peer(number).read;
                    talk.peer(number).read += taken;
                    let right =
                        bytes[..taken].iter().enumerate().all(|(at, b)| *b == byte(first + at));
                    if right { taken.to_string() } else { format!("{taken} wrong bytes") }
                }
                Read::Empty => "empty".into(),
                Read::Finished => "eof".into(),
                Read::Ended(why) => why.to_string(),
            };
            let wanted = match words.next() {
                Some("=") => words.text(),
                _ => count.to_string(),
            };
            expect(&got, &wanted)?;
        }
        "close" => talk.tcp.close(now, id).map_err(gone)?,
        "abort" => talk.tcp.abort(now, id).map_err(gone)?,
        "urgent" => match words.next() {
            None => talk.tcp.mark_urgent(now, id).map_err(gone)?,
            Some(_) => {
                let urgent = talk.tcp.urgent(id).map_err(gone)?;
                let got = urgent.map_or("none".to_string(), |bytes| bytes.to_string());
                expect(&got, &words.text())?;
            }
        },
        "rest" => {
            let listener = talk.listener.ok_or("nobody listens")?;
            talk.tcp.rest(now, id, listener).map_err(gone)?;
            talk.peer(number).id = None;
        }
        "give-back" => {
            talk.tcp.give_back(now, id).map_err(gone)?;
            talk.peer(number).id = None;
        }
        "ended" => {
            let ended = talk.tcp.ended(id).map_err(gone)?;
            expect(ended.map_or("no", |why| why.text()), &words.text())?;
        }
        "set" => {
            let mut config = ConnectionConfig::default();
            while let Some(word) = words.next() {
                match word {
                    "no-delay" => config.no_delay = true,
                    "hops" => config.hop_limit = words.number("hops")?,
                    "diffserv" => config.diffserv = words.number("diffserv")?,
                    "keep-alive" => config.keep_alive_us = Some(words.time()?),
                    "every" => config.keep_alive_interval_us = words.time()?,
                    "probes" => config.keep_alive_probes = words.number("probes")?,
                    "user-timeout" => config.user_timeout_us = words.time()?,
                    _ => return Err(format!("set {word}?")),
                }
            }
            talk.tcp.set_config(now, id, config).map_err(gone)?;
        }
        _ => {
            let info = talk.tcp.connection(now, id).map_err(gone)?;
            let got = fact(verb, &info).ok_or_else(|| format!("what does {verb} mean?"))?;
            expect(&got, &words.text())?;
        }
    }
    Ok(())
}

/// What must be so of a connection.
fn fact(verb: &str, info: &ConnectionInfo) -> Option<String> {
    let sender = &info.sender;
    let ms = |us: u64| format!("{}ms", us / 1000);
    Some(match verb {
        "cwnd" => sender.window.to_string(),
        "ssthresh" => sender.threshold.map_or("none".into(), |bytes| bytes.to_string()),
        "srtt" => sender.rtt_us.map_or("none".into(), ms),
        "rto" => ms(sender.rto_us),
        "backoff" => sender.backoff.to_string(),
        "mss" => sender.mss.to_string(),
        "flight" => sender.in_flight.to_string(),
        "sacked" => sender.sacked.to_string(),
        "lost" => sender.lost.to_string(),
        "unsent" => sender.unsent.to_string(),
        "phase" => sender.phase.to_string(),
        "send-queue" => info.send_queue.to_string(),
        "receive-queue" => info.receive_queue.to_string(),
        "peer-window" => sender.peer_window.to_string(),
        "timer" => format!("{:?}", info.timer).split('(').next().unwrap_or_default().to_string(),
        _ => return None,
    })
}
