//! `/lab`: what can be tried out: the fault dial, the capture switch, keys against lines, and the
//! lessons. The page for people with its form, and `/lab.json` for programs.
//!
//! The dial is turned in the words of the shell's `netem`, so that either teaches the other.
//! Nothing of it is kept: a board that restarts loses no frame on purpose.

use core::fmt::{self, Display, Write};

use super::Source;
use super::page::{self, Place, begin_table, end_table};
use super::query::{self, Value};
use super::response::{Code, Response};
use super::tables::Parts;
use super::text::{Html, Json};
use crate::limits::CAPTURE_FRAMES;
use crate::shell::{Filled, LESSONS};
use crate::status::Typed;
use crate::wire::{Faults, Percent, Rate, Segments, Tally, Time, Way, Wrong};

/// Where it is, and where its form goes.
pub(super) const PATH: &str = "/lab";

const WAYS: [(Way, &str, &str); 2] =
    [(Way::In, "in", "what the board receives"), (Way::Out, "out", "what the board sends")];

/// The fields of the form. The dial's are those of [`DIAL`], in its order.
const FIELDS: [&str; 10] = [
    "capture",
    "direction",
    "off",
    "loss",
    "duplicate",
    "corrupt",
    "reorder",
    "delay",
    "jitter",
    "rate",
];
/// Those that turn the dial: how they are called, what is typed, and for example.
const DIAL: [(&str, &str, &str); 7] = [
    ("loss", "Lost", "5%"),
    ("duplicate", "Doubled", "1%"),
    ("corrupt", "Damaged", "0.1%"),
    ("reorder", "Out of order", "25%"),
    ("delay", "Late by", "10ms"),
    ("jitter", "more or less", "2ms"),
    ("rate", "At most", "1mbit"),
];
const _: () = assert!(FIELDS.len() == 3 + DIAL.len());

/// Does what a form says.
///
/// # Errors
/// [`Code::BadRequest`] for what is not documented; then `out` says why, and nothing is changed.
pub(super) fn turn(source: &impl Source, form: &[u8], out: &mut Response) -> Result<(), Code> {
    let mut values = [const { Value::new() }; FIELDS.len()];
    let form = core::str::from_utf8(form).map_err(|_| wrong(out, &"not text"))?;
    for parameter in query::parameters(Some(form), &FIELDS) {
        let (index, value) = parameter.map_err(|_| wrong(out, &"no such field, or twice"))?;
        values[index] = value;
    }
    let [capture, direction, off, dial @ ..] = &values;
    let is_on = match capture.as_str() {
        "" => None,
        "on" => Some(true),
        "off" => Some(false),
        other => return Err(wrong(out, &Wrong::What(other))),
    };
    let ways: &[Way] = match direction.as_str() {
        "" => &[],
        "in" => &[Way::In],
        "out" => &[Way::Out],
        "both" => &[Way::In, Way::Out],
        other => return Err(wrong(out, &Wrong::What(other))),
    };
    let faults = match off.is_empty() {
        false => Faults::default(),
        true => {
            let named = DIAL.iter().zip(dial).filter(|(_, value)| !value.is_empty());
            // Jitter stands behind its delay, without a name.
            let words = named.flat_map(|((name, ..), value)| {
                let name = Some(*name).filter(|name| *name != "jitter");
                name.into_iter().chain([value.trim()])
            });
            Faults::read(&mut words.fuse()).map_err(|why| wrong(out, &why))?
        }
    };
    ways.iter().for_each(|&way| source.set_netem(way, faults));
    if let Some(is_on) = is_on {
        source.with_recorder(|recorder| recorder.set_on(is_on));
    }
    Ok(())
}

fn wrong(out: &mut Response, why: &dyn Display) -> Code {
    out.clear();
    // Cannot fail: the page is empty, and no value is longer than a few lines.
    let _ = writeln!(out, "400 Bad Request\n{why}");
    Code::BadRequest
}

/// Writes the page.
pub(super) fn page(source: &impl Source, parts: &mut Parts<'_>) {
    parts.item(|out| {
        page::begin(out, Place::Lab, &"Lab", &"break it, and watch it cope")?;
        out.write_str(
            "<p class=\"lead\">What is lost here shows at once in <a href=\"/life\">Life</a>, as \
             retransmissions. The dial is off after a restart; if it is turned so far that this \
             page no longer comes, the serial console still takes <code>netem off</code>.</p>\n\
             <div class=\"grid\">\n",
        )
    });
    for (way, name, what) in WAYS {
        parts.item(|out| dial(source.netem(way).0, name, what, out));
    }
    parts.item(|out| tallies(source, out));
    parts.item(|out| capture(source, out));
    parts.item(|out| typing(source, out));
    parts.item(|out| {
        out.write_str(
            "</div><section><h2>Lessons</h2><p class=\"lead\">Follow a packet in twelve steps. In \
             the shell, <code>lesson 1</code> begins, and <code>lesson check</code> looks on the \
             wire whether you did it.</p><ol class=\"lessons\">\n",
        )
    });
    let (progress, places) = (source.progress(), source.places());
    for (number, lesson) in (1..).zip(&LESSONS) {
        parts.item(|out| {
            let (title, state) = (Html(lesson.title), progress.state(number));
            write!(out, "<li><details><summary>{title} <small>{state}</small></summary>")?;
            let text = Filled { text: lesson.text, places: &places };
            writeln!(out, "<pre tabindex=\"0\">{}</pre></details></li>", Lines(&text))
        });
    }
    parts.item(|out| {
        out.write_str("</ol></section>\n")?;
        page::end(out, &["lab.json"])
    });
}

fn dial(faults: Faults, name: &str, what: &str, out: &mut Response) -> fmt::Result {
    writeln!(
        out,
        "<section><h2>The dial: {what}</h2><form method=\"post\" action=\"{PATH}\">\
         <input type=\"hidden\" name=\"direction\" value=\"{name}\"><div class=\"dial\">"
    )?;
    for (field, label, example) in DIAL {
        let value: &dyn Display = match field {
            "loss" if faults.loss > 0 => &Percent(faults.loss),
            "duplicate" if faults.duplicate > 0 => &Percent(faults.duplicate),
            "corrupt" if faults.corrupt > 0 => &Percent(faults.corrupt),
            "reorder" if faults.reorder > 0 => &Percent(faults.reorder),
            "delay" if !faults.delay.is_zero() => &Time(faults.delay),
            "jitter" if !faults.jitter.is_zero() => &Time(faults.jitter),
            "rate" if faults.rate > 0 => &Rate(faults.rate),
            _ => &"",
        };
        writeln!(
            out,
            "<label>{label} <input name=\"{field}\" value=\"{value}\" placeholder=\"{example}\" \
             size=\"8\" autocomplete=\"off\"></label>"
        )?;
    }
    let set = if faults.is_none() { &" off" as &dyn Display } else { &faults };
    writeln!(
        out,
        "</div><p><button>Set</button> <button name=\"off\" value=\"1\">Off</button></p></form>\
         <p class=\"lead\"><code>netem {name}{set}</code></p></section>"
    )
}

fn tallies(source: &impl Source, out: &mut Response) -> fmt::Result {
    begin_table(out, "What the dial did", " class=\"n\" id=\"tallies\" data-live")?;
    out.write_str(
        "<thead><tr><th scope=\"col\">what</th><th scope=\"col\">received</th>\
         <th scope=\"col\">sent</th></tr></thead>\n",
    )?;
    let [received, sent] = WAYS.map(|(way, ..)| rows(&source.netem(way).1));
    for ((name, received), (_, sent)) in received.into_iter().zip(sent) {
        writeln!(out, "<tr><th scope=\"row\">{name}</th><td>{received}</td><td>{sent}</td></tr>")?;
    }
    end_table(out)
}

fn rows(tally: &Tally) -> [(&'static str, u64); 7] {
    let Tally { frames, lost, duplicated, corrupted, reordered, delayed, overflowed } = *tally;
    [
        ("frames", frames),
        ("lost", lost),
        ("duplicated", duplicated),
        ("corrupted", corrupted),
        ("reordered", reordered),
        ("delayed", delayed),
        ("overflowed", overflowed),
    ]
}

fn capture(source: &impl Source, out: &mut Response) -> fmt::Result {
    let (is_on, count) = source.with_recorder(|recorder| (recorder.is_on(), recorder.count()));
    let (is, other) = if is_on { ("on", "off") } else { ("off", "on") };
    writeln!(
        out,
        "<section><h2>Capture</h2><p>The board keeps the last {CAPTURE_FRAMES} frames: it is \
         <b>{is}</b>, and <span id=\"kept\" data-live>{count}</span> passed. Switched off, a frame \
         costs no copy, unless somebody watches; and <a href=\"/life\">Life</a> has nothing to \
         tell.</p><form method=\"post\" action=\"{PATH}\"><p><button name=\"capture\" \
         value=\"{other}\">Switch it {other}</button></p></form></section>"
    )
}

fn typing(source: &impl Source, out: &mut Response) -> fmt::Result {
    begin_table(out, "Keys and lines", " class=\"n\" id=\"typed\" data-live")?;
    out.write_str(
        "<thead><tr><th scope=\"col\">by telnet</th><th scope=\"col\">key by key</th>\
         <th scope=\"col\">whole lines</th></tr></thead>\n",
    )?;
    let counters = source.counters();
    let [keys, lines] = [counters.typed_by_key.get(), counters.typed_by_line.get()].map(typed);
    for ((name, keys), (_, lines)) in keys.into_iter().zip(lines) {
        out.write_str("<tr><th scope=\"row\">")?;
        for (index, word) in name.split('_').enumerate() {
            write!(out, "{}{word}", if index > 0 { " " } else { "" })?;
        }
        writeln!(out, "</th><td>{keys}</td><td>{lines}</td></tr>")?;
    }
    out.write_str("</table><p class=\"lead\">")?;
    out.write_str(
        "A key that travels alone is a tinygram: a frame for a byte. <code>mode -v char</code> and \
         <code>mode -v line</code> show it in the shell.</p></section>\n",
    )
}

fn typed(typed: Typed) -> [(&'static str, u64); 7] {
    let Segments { count: received, bytes: received_bytes, data_bytes } = typed.passed.received;
    let Segments { count: sent, bytes: sent_bytes, data_bytes: echoed } = typed.passed.sent;
    [
        ("lines", typed.lines),
        ("segments_received", received),
        ("bytes_received", received_bytes),
        ("data_bytes_received", data_bytes),
        ("segments_sent", sent),
        ("bytes_sent", sent_bytes),
        ("data_bytes_sent", echoed),
    ]
}

/// Writes `/lab.json`.
///
/// # Errors
/// [`fmt::Error`] if it does not fit.
pub(super) fn write(source: &impl Source, out: &mut Response) -> fmt::Result {
    out.write_str("{\n\"netem\":{")?;
    for (index, (way, name, _)) in WAYS.into_iter().enumerate() {
        let comma = if index > 0 { ",\n" } else { "" };
        let (faults, tally) = source.netem(way);
        let Faults { loss, duplicate, corrupt, reorder, delay, jitter, rate } = faults;
        write!(out, "{comma}\"{name}\":{{")?;
        for (field, value) in [
            ("loss_per_million", loss.into()),
            ("duplicate_per_million", duplicate.into()),
            ("corrupt_per_million", corrupt.into()),
            ("reorder_per_million", reorder.into()),
            ("delay_microseconds", delay.as_micros()),
            ("jitter_microseconds", jitter.as_micros()),
        ] {
            write!(out, "\"{field}\":{value},")?;
        }
        write!(out, "\"rate_bits\":{rate}")?;
        rows(&tally).iter().try_for_each(|(name, count)| write!(out, ",\"{name}\":{count}"))?;
        out.write_str("}")?;
    }
    let (is_on, count) = source.with_recorder(|recorder| (recorder.is_on(), recorder.count()));
    write!(out, "}},\n\"capture\":{{\"is_on\":{is_on},\"passed\":{count}")?;
    write!(out, ",\"room\":{CAPTURE_FRAMES}}}")?;
    let counters = source.counters();
    for (name, counter) in
        [("typed_by_key", &counters.typed_by_key), ("typed_by_line", &counters.typed_by_line)]
    {
        write!(out, ",\n\"{name}\":{{")?;
        for (index, (field, count)) in typed(counter.get()).into_iter().enumerate() {
            write!(out, "{}\"{field}\":{count}", if index > 0 { "," } else { "" })?;
        }
        out.write_str("}")?;
    }
    out.write_str(",\n\"lessons\":[")?;
    let progress = source.progress();
    for (number, lesson) in (1..).zip(&LESSONS) {
        let comma = if number > 1 { ",\n" } else { "" };
        let (title, state) = (Json(lesson.title), progress.state(number));
        write!(out, "{comma}{{\"number\":{number},\"title\":{title},\"state\":\"{state}\"}}")?;
    }
    out.write_str("]\n}\n")
}

/// Text of several lines, harmless within HTML, with its line ends.
struct Lines<T>(T);

impl<T: Display> Display for Lines<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Out<'a, 'f>(&'a mut fmt::Formatter<'f>);
        impl Write for Out<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                text.split('\n').enumerate().try_for_each(|(index, line)| {
                    write!(self.0, "{}{}", if index > 0 { "\n" } else { "" }, Html(line))
                })
            }
        }
        write!(Out(f), "{}", self.0)
    }
}
