//! `lesson`: follows a packet in twelve steps, and looks on the wire whether each was taken.
//!
//! A lesson says what to type. `lesson check` then reads the frames that the board has kept since,
//! and ticks off what it finds; what is asked for in [`lessons`] is plain data.

mod lessons;

use core::fmt;

use packet::{Filter, Numeric};

pub(crate) use self::lessons::LESSONS;
use self::lessons::Proof;
use super::{About, Argument, Arguments, Context, FAILURE, Operands, Outcome, SUCCESS};
use crate::limits::{CAPTURE_BYTES, LESSON_FILTER_BYTES};
use crate::wire::{CaptureReader, Recording, Way};
use crate::{System, Text};

/// How it is used.
pub const ABOUT: About = About {
    synopsis: "[NUMBER | check]",
    summary: "follow a packet in twelve steps",
    operands: Operands::Words(&["check"]),
    ..About::NEW
};

/// Where somebody is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The lesson under way, from 1 on; 0: none.
    number: u8,
    /// The first frame that counts.
    from: u64,
    /// Segments that had been sent again by then.
    sent_again: u64,
    /// Lessons that were passed, a bit each.
    passed: u16,
}

impl Progress {
    /// How far somebody came with the lesson of this number, from 1 on.
    pub fn state(&self, number: usize) -> &'static str {
        match self {
            Self { passed, .. } if passed >> number & 1 != 0 => "done",
            Self { number: now, .. } if usize::from(*now) == number => "under way",
            _ => "open",
        }
    }
}

/// Runs the command.
pub async fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Outcome {
    let operands = arguments.filter_map(|argument| match argument {
        Argument::Operand(word) => Some(word),
        Argument::Option(..) => None,
    });
    let mut operands = operands.fuse();
    match (operands.next(), operands.next()) {
        (None, _) => {
            list(context).await;
            SUCCESS
        }
        (Some("check"), None) => check(context).await,
        (Some(word), None) => match word.parse::<usize>() {
            Ok(number) if (1..=LESSONS.len()).contains(&number) => {
                begin(context, number).await;
                SUCCESS
            }
            _ => {
                context.complain(format_args!("there are lessons 1 to {}", LESSONS.len())).await;
                FAILURE
            }
        },
        (_, Some(more)) => {
            context.complain(format_args!("extra operand '{more}'")).await;
            context.misused().await
        }
    }
}

async fn list(context: &Context<'_>) {
    let progress = context.system.lesson.get();
    for (number, lesson) in (1_u8..).zip(&LESSONS) {
        let mark = match progress {
            Progress { passed, .. } if passed >> number & 1 != 0 => '*',
            Progress { number: now, .. } if now == number => '>',
            _ => ' ',
        };
        context.print(format_args!("{mark} {number:2}  {}\n", lesson.title)).await;
    }
    context.write("\n'lesson 1' begins; 'lesson check' looks whether you did it.\n").await;
}

async fn begin(context: &Context<'_>, number: usize) {
    let system = context.system;
    let lesson = &LESSONS[number - 1];
    system.lesson.set(Progress {
        number: number as u8,
        from: system.with_recorder(|recorder| recorder.count()),
        sent_again: sent_again(system),
        ..system.lesson.get()
    });
    context.print(format_args!("Lesson {number}: {}\n\n", lesson.title)).await;
    let places = Places::of(system);
    for line in lesson.text.lines() {
        context.print(format_args!("{}\n", Filled { text: line, places: &places })).await;
    }
    context.write("\nThen: lesson check\n").await;
}

async fn check(context: &Context<'_>) -> Outcome {
    let system = context.system;
    let progress = system.lesson.get();
    let Some(lesson) = usize::from(progress.number).checked_sub(1).and_then(|at| LESSONS.get(at))
    else {
        context.complain(format_args!("none is under way; 'lesson 1' begins")).await;
        return FAILURE;
    };
    let Ok(reader) = system.capture(CAPTURE_BYTES) else {
        context.complain(format_args!("too many are watching the wire")).await;
        return FAILURE;
    };
    let mut wire = Wire::new(reader, progress.from, Places::of(system));
    let mut all = true;
    for proof in lesson.proofs {
        let (found, what): (Found, Text<96>) = match proof {
            Proof::Frames { what, way, filter, times } => {
                let found = wire.find(*way, filter, *times);
                (found, Text::of(format_args!("{what}")))
            }
            Proof::Without { what, way, filter } => {
                wire.forbid(*way, filter);
                (Found::Yes(None), Text::of(format_args!("without {what}")))
            }
            Proof::SentAgain => {
                let count = sent_again(system) - progress.sent_again;
                let found = if count > 0 { Found::Yes(None) } else { Found::No };
                (found, Text::of(format_args!("segments sent again: {count}")))
            }
        };
        match found {
            Found::Yes(Some(number)) => {
                context.print(format_args!("  seen      {what}: frame {number}\n")).await
            }
            Found::Yes(None) => context.print(format_args!("  seen      {what}\n")).await,
            Found::Spoilt(number) => {
                context
                    .print(format_args!("  spoilt    {what}: frame {number} should not be\n"))
                    .await;
                all = false;
            }
            Found::No => {
                context.print(format_args!("  not seen  {what}\n")).await;
                all = false;
            }
        }
        if !all {
            break;
        }
    }
    if all {
        let passed = progress.passed | 1 << progress.number;
        system.lesson.set(Progress { passed, ..progress });
        let next = usize::from(progress.number) + 1;
        context.print(format_args!("Lesson {} is done.", progress.number)).await;
        if next <= LESSONS.len() {
            context.print(format_args!(" Next: lesson {next}")).await;
        }
        context.write("\n").await;
        return SUCCESS;
    }
    if wire.missed > 0 {
        context
            .print(format_args!(
                "{} frames are no longer kept; begin again: lesson {}\n",
                wire.missed, progress.number
            ))
            .await;
    }
    FAILURE
}

/// TCP segments that were sent again, ever.
fn sent_again(system: &System) -> u64 {
    system.protocol_counters().tcp.retrans_segs
}

/// What came of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// It is there, in this frame.
    Yes(Option<u64>),
    /// A forbidden frame came first.
    Spoilt(u64),
    No,
}

/// The frames since the lesson began.
struct Wire<'a> {
    reader: CaptureReader<'a, System>,
    from: u64,
    missed: u64,
    forbidden: Option<(Way, Filter)>,
    places: Places,
}

impl<'a> Wire<'a> {
    fn new(mut reader: CaptureReader<'a, System>, from: u64, places: Places) -> Self {
        reader.rewind();
        Self { reader, from, missed: 0, forbidden: None, places }
    }

    fn filter(&self, text: &str) -> Option<Filter> {
        let text: Text<LESSON_FILTER_BYTES> =
            Text::of(format_args!("{}", Filled { text, places: &self.places }));
        Filter::compile(&text, &Numeric).ok()
    }

    fn forbid(&mut self, way: Way, filter: &str) {
        self.forbidden = self.filter(filter).map(|filter| (way, filter));
    }

    /// The next frames of this kind.
    fn find(&mut self, way: Way, filter: &str, times: u16) -> Found {
        let Some(filter) = self.filter(filter) else { return Found::No };
        let mut left = times;
        let mut bytes = [0; CAPTURE_BYTES];
        while let Some(frame) = self.reader.try_next(&mut bytes) {
            if frame.number < self.from {
                continue;
            }
            self.missed = self.reader.missed();
            let kept = &bytes[..frame.captured_bytes];
            if let Some((forbidden, spoiler)) = &self.forbidden
                && *forbidden == frame.way
                && spoiler.accepts(kept, frame.original_bytes)
            {
                return Found::Spoilt(frame.number);
            }
            if frame.way == way && filter.accepts(kept, frame.original_bytes) {
                left -= 1;
                if left == 0 {
                    self.forbidden = None;
                    return Found::Yes(Some(frame.number));
                }
            }
        }
        Found::No
    }
}

/// The board's own place in its network.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    me: Text<16>,
    net: Text<20>,
    router: Text<16>,
}

impl Places {
    /// Of now.
    pub(crate) fn of(system: &System) -> Self {
        let status = system.status();
        let Some(ours) = &status.address else { return Self::default() };
        let net = ours.address.network();
        Self {
            me: Text::of(format_args!("{}", ours.address.address())),
            net: Text::of(format_args!("{net}")),
            router: ours.router.map_or_else(Text::new, |router| Text::of(format_args!("{router}"))),
        }
    }
}

/// A text with the board's addresses in it.
pub(crate) struct Filled<'a> {
    /// With names in braces.
    pub text: &'a str,
    /// What they stand for.
    pub places: &'a Places,
}

impl fmt::Display for Filled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.text;
        while let Some((before, (value, name))) = next_name(rest, self.places) {
            f.write_str(before)?;
            f.write_str(value)?;
            rest = &rest[before.len() + name.len()..];
        }
        f.write_str(rest)
    }
}

/// The first name in the text: what stands before it, its value, and the name itself.
fn next_name<'a>(text: &'a str, places: &'a Places) -> Option<(&'a str, (&'a str, &'static str))> {
    let names = [("{me}", &*places.me), ("{net}", &*places.net), ("{router}", &*places.router)];
    let found = names.iter().filter_map(|&(name, value)| Some((text.find(name)?, value, name)));
    let (at, value, name) = found.min_by_key(|&(at, ..)| at)?;
    Some((&text[..at], (value, name)))
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    fn places() -> Places {
        Places {
            me: "192.168.1.42".into(),
            net: "192.168.1.0/24".into(),
            router: "192.168.1.1".into(),
        }
    }

    #[test]
    fn every_filter_compiles_with_the_boards_addresses() {
        let longest = Places {
            me: "255.255.255.255".into(),
            net: "255.255.255.255/32".into(),
            router: "255.255.255.255".into(),
        };
        for lesson in &LESSONS {
            for proof in lesson.proofs {
                let (Proof::Frames { filter, .. } | Proof::Without { filter, .. }) = proof else {
                    continue;
                };
                for places in [places(), longest.clone()] {
                    let text = Filled { text: filter, places: &places }.to_string();
                    assert!(text.len() <= LESSON_FILTER_BYTES, "{text}");
                    assert!(!text.contains('{'), "{text}");
                    assert!(Filter::compile(&text, &Numeric).is_ok(), "{}: {text}", lesson.title);
                }
            }
            assert!(lesson.text.lines().all(|line| line.len() < 80), "{}", lesson.title);
            assert!(!lesson.proofs.is_empty());
        }
        assert!(LESSONS.len() < 16, "Progress::passed has a bit each");
    }

    #[test]
    fn addresses_are_filled_in() {
        let text = "ping {router} from {me} in {net}, {router}{";
        let filled = Filled { text, places: &places() }.to_string();
        assert_eq!(filled, "ping 192.168.1.1 from 192.168.1.42 in 192.168.1.0/24, 192.168.1.1{");
    }
}
