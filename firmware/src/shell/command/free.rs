//! `free`: memory, as procps 4 prints it, and the sockets' rings.
//!
//! There is no heap: what is used was so from the start, and nothing is ever cached.

use core::fmt;

use super::{About, Argument, Arguments, Context, Outcome, SUCCESS, flag};
use crate::Text;
use crate::limits::{ICMP_RING_BYTES, ICMP_SOCKETS, UDP_RING_BYTES, UDP_SOCKETS};
use crate::net::Protocol;

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[-b|-k|-m|-g|-h] [-l]",
    summary: "show memory, and what is in buffers",
    options: &[
        flag("b", "bytes", "show output in bytes"),
        flag("k", "kibi", "show output in kibibytes"),
        flag("m", "mebi", "show output in mebibytes"),
        flag("g", "gibi", "show output in gibibytes"),
        // procps' help has no letter: h is taken.
        flag("h", "human", "show human-readable output"),
        flag("l", "lohi", "show the sockets' rings, too"),
    ],
    usage: Some(USAGE),
    ..About::NEW
};

const USAGE: &str = "
Usage:
 free [options]

Options:
 -b, --bytes         show output in bytes
 -k, --kibi          show output in kibibytes
 -m, --mebi          show output in mebibytes
 -g, --gibi          show output in gibibytes
 -h, --human         show human-readable output
 -l, --lohi          show the rings of TCP, UDP and ICMP sockets, too

     --help     display this help and exit
";

const HEADER: &str =
    "               total        used        free      shared  buff/cache   available\n";

/// In what numbers are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// Bytes, shifted right by this.
    Shifted(u32),
    /// Whatever fits four characters.
    Human,
}

/// A number of bytes in a unit.
struct Amount(u64, Unit);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bytes, unit) = *self;
        if let Unit::Shifted(bits) = unit {
            return write!(f, "{}", bytes >> bits);
        }
        let units = [(40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")];
        match units.into_iter().find(|(bits, _)| bytes >> bits > 0) {
            None => write!(f, "{bytes}B"),
            // As printf does, one decimal is rounded, and the whole number cut.
            Some((bits, name)) if bytes >> bits < 10 && tenths(bytes, bits) < 100 => {
                let tenths = tenths(bytes, bits);
                write!(f, "{}.{}{name}", tenths / 10, tenths % 10)
            }
            Some((bits, name)) => write!(f, "{}{name}", bytes >> bits),
        }
    }
}

fn tenths(bytes: u64, bits: u32) -> u128 {
    (u128::from(bytes) * 10 + (1 << (bits - 1))) >> bits
}

/// A row.
struct Row<'a> {
    name: &'a str,
    cells: &'a [u64],
    unit: Unit,
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<8}", self.name)?;
        for bytes in self.cells {
            let amount = Text::<24>::of(format_args!("{}", Amount(*bytes, self.unit)));
            write!(f, " {:>11}", amount.as_str())?;
        }
        f.write_str("\n")
    }
}

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let mut unit = Unit::Shifted(10);
    let mut rings = false;
    for argument in arguments {
        match argument {
            Argument::Option("bytes", _) => unit = Unit::Shifted(0),
            Argument::Option("kibi", _) => unit = Unit::Shifted(10),
            Argument::Option("mebi", _) => unit = Unit::Shifted(20),
            Argument::Option("gibi", _) => unit = Unit::Shifted(30),
            Argument::Option("human", _) => unit = Unit::Human,
            Argument::Option(..) => rings = true,
            Argument::Operand(_) => return context.misused().await,
        }
    }
    let facts = context.system.facts();
    let (total, used) = (facts.memory_bytes, facts.used_bytes);
    let free = total.saturating_sub(used);
    context.write(HEADER).await;
    let row = Row { name: "Mem:", cells: &[total, used, free, 0, 0, free], unit };
    context.print(format_args!("{row}")).await;
    context.print(format_args!("{}", Row { name: "Swap:", cells: &[0, 0, 0], unit })).await;
    if rings {
        let (used, total) = context.system.tcp_memory();
        let cells = [total, used, total.saturating_sub(used)].map(|bytes| bytes as u64);
        context.print(format_args!("{}", Row { name: "TCP:", cells: &cells, unit })).await;
        for (name, protocol, total) in [
            ("UDP:", Protocol::Udp, UDP_SOCKETS * 2 * UDP_RING_BYTES),
            ("ICMP:", Protocol::Raw, ICMP_SOCKETS * ICMP_RING_BYTES),
        ] {
            let sockets = context.system.sockets().filter(|socket| socket.protocol == protocol);
            let used: usize =
                sockets.map(|socket| socket.receive_queued + socket.send_queued).sum();
            let cells = [total, used, total.saturating_sub(used)].map(|bytes| bytes as u64);
            context.print(format_args!("{}", Row { name, cells: &cells, unit })).await;
        }
    }
    SUCCESS
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    /// The numbers that procps 4.0.2 printed for this machine's memory.
    #[test]
    fn as_procps_printed_it() {
        let cells = [
            25_276_510_208,
            3_104_989_184,
            16_726_638_592,
            9_068_544,
            5_828_050_944,
            22_171_521_024,
        ];
        let row = |unit| Row { name: "Mem:", cells: &cells, unit: Unit::Shifted(unit) }.to_string();
        for (unit, line) in [
            (0, "   25276510208  3104989184 16726638592     9068544  5828050944 22171521024"),
            (10, "      24684092     3032216    16334608        8856     5691456    21651876"),
            (20, "         24105        2961       15951           8        5558       21144"),
            (30, "            23           2          15           0           5          20"),
        ] {
            assert_eq!(row(unit), ["Mem:  ", line, "\n"].concat());
        }
        assert_eq!(
            Row { name: "Mem:", cells: &cells, unit: Unit::Human }.to_string(),
            "Mem:            23Gi       2.9Gi        15Gi       8.6Mi       5.4Gi        20Gi\n"
        );
        let nothing = Row { name: "Swap:", cells: &[0, 0, 0], unit: Unit::Human };
        assert_eq!(nothing.to_string(), "Swap:             0B          0B          0B\n");
    }

    #[test]
    fn no_number_is_too_large() {
        assert_eq!(Amount(u64::MAX, Unit::Human).to_string(), "16777215Ti");
        assert_eq!(Amount(1023, Unit::Human).to_string(), "1023B");
    }
}
