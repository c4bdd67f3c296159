//! `tcpdump -nr FILE` with this crate: `cargo run --example dump -- [-v|-e|...] FILE [FILTER..]`.

use std::error::Error;
use std::io::Write;
use std::{env, fs};

use packet::savefile::Records;
use packet::{Dissector, Dump, Filter, Numeric, Options, Stamps};

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = Options::default();
    let mut time_flags = 0;
    let mut words = env::args().skip(1).peekable();
    while let Some(flags) = words.next_if(|word| word.starts_with('-')) {
        for flag in flags.chars().skip(1) {
            match flag {
                't' => time_flags += 1,
                'e' => options.link_header = true,
                'v' => options.verbosity += 1,
                'q' => options.quietness += 1,
                'S' => options.absolute_sequence = true,
                'x' if options.dump == Dump::Hex => options.dump = Dump::HexWhole,
                'x' => options.dump = Dump::Hex,
                'X' if options.dump == Dump::HexAscii => options.dump = Dump::HexAsciiWhole,
                'X' => options.dump = Dump::HexAscii,
                'A' if options.dump == Dump::Ascii => options.dump = Dump::AsciiWhole,
                'A' => options.dump = Dump::Ascii,
                'n' => {}
                other => return Err(format!("no option -{other}").into()),
            }
        }
    }
    options.stamps = match time_flags {
        0 => Stamps::TimeOfDay,
        1 => Stamps::None,
        2 => Stamps::Seconds,
        3 => Stamps::SincePrevious,
        4 => Stamps::Date,
        _ => Stamps::SinceFirst,
    };
    let file = fs::read(words.next().ok_or("which file?")?)?;
    let expression = words.collect::<Vec<_>>().join(" ");
    let filter = match Filter::compile(&expression, &Numeric) {
        Ok(filter) => filter,
        Err(error) => return Err(format!("{error}\n{}", error.marked(&expression)).into()),
    };
    let mut dissector = Dissector::new(options);
    let mut out = std::io::stdout().lock();
    for record in Records::new(&file)? {
        let frame = record?.frame;
        if !filter.accepts(frame.bytes, frame.length) {
            continue;
        }
        let mut lines = String::new();
        dissector.print(&frame, &Numeric, &mut lines)?;
        out.write_all(lines.as_bytes())?;
    }
    Ok(())
}
