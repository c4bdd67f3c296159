//! `netem`: the fault dial, in the words of Linux's `tc qdisc ... netem`.

use core::fmt;

use super::{About, Argument, Arguments, Context, Misuse, Operands, Outcome, SUCCESS, value};
use crate::wire::{Faults, Tally, Way, Wrong};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[in | out] [off | loss P% | delay TIME [JITTER] | ...]",
    summary: "lose, delay, double or damage frames on purpose",
    options: &[value("s", "seed", "SEED", "the same fate again")],
    operands: Operands::Words(&[
        "corrupt",
        "delay",
        "duplicate",
        "in",
        "loss",
        "off",
        "out",
        "rate",
        "reorder",
    ]),
    usage: Some(USAGE),
    misuse: Misuse { status: 255, ..About::NEW.misuse },
    ..About::NEW
};

const USAGE: &str = "\
Usage: netem [in | out] [ loss PERCENT ] [ delay TIME [ JITTER ] ]
             [ duplicate PERCENT ] [ corrupt PERCENT ] [ reorder PERCENT ]
             [ rate RATE ] [ --seed NUMBER ]
       netem [in | out] off
       netem
PERCENT 0% to 100%; TIME such as 10ms; RATE such as 1mbit
";

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let mut seed = None;
    let mut words = heapless::Vec::<&str, 24>::new();
    for argument in arguments {
        match argument {
            Argument::Option(_, text) => match text.parse::<u64>() {
                Ok(number) => seed = Some(number),
                Err(_) => return wrong(context, Wrong::Illegal("seed", text)).await,
            },
            Argument::Operand(word) => {
                if words.push(word).is_err() {
                    return wrong(context, Wrong::What(word)).await;
                }
            }
        }
    }
    let (ways, rest): (&[Way], _) = match words.as_slice() {
        ["in", rest @ ..] => (&[Way::In], rest),
        ["out", rest @ ..] => (&[Way::Out], rest),
        rest => (&[Way::In, Way::Out], rest),
    };
    if !rest.is_empty() {
        let faults = match Faults::read(&mut rest.iter().copied()) {
            Ok(faults) => faults,
            Err(why) => return wrong(context, why).await,
        };
        for (number, &way) in ways.iter().enumerate() {
            let seed = seed.map(|seed| seed + number as u64);
            context.system.set_netem(way, faults, seed.unwrap_or_else(|| context.system.random()));
        }
    }
    for &way in ways {
        let (faults, tally) = context.system.netem(way);
        context.print(format_args!("{}", Line { way, faults, tally })).await;
    }
    SUCCESS
}

async fn wrong(context: &Context<'_>, why: Wrong<'_>) -> Outcome {
    context.print(format_args!("{why}\n")).await;
    context.misused().await
}

/// How a dial stands, as `tc -s qdisc show` prints it.
struct Line {
    way: Way,
    faults: Faults,
    tally: Tally,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { way, faults, tally } = self;
        f.write_str(match way {
            Way::In => "netem in:",
            Way::Out => "netem out:",
        })?;
        if faults.is_none() {
            return f.write_str(" off\n");
        }
        write!(f, "{faults}")?;
        let Tally { frames, lost, duplicated, corrupted, reordered, delayed, overflowed } = tally;
        write!(f, "\n {frames} frames: lost {lost}, duplicated {duplicated}, ")?;
        write!(f, "corrupted {corrupted}, reordered {reordered}, delayed {delayed}, ")?;
        writeln!(f, "overflowed {overflowed}")
    }
}
