//! Tab: what a word that was begun may become.
//!
//! The first word is a command; a word that begins with a hyphen is one of its options; the word
//! after an option that takes a value, and an operand, are what the command's table says: an
//! interface, a host, a command, one of a few words.

use super::command::{COMMANDS, Command, HELP, Operands, Opt, Order, find};
use crate::limits::{HOSTNAME_BYTES_MAX, LINE_BYTES_MAX};
use crate::{System, Text};

/// What Tab found for the word left of the cursor.
#[derive(Debug, Default)]
pub struct Completion {
    /// Bytes of the word that stand there already.
    pub typed: usize,
    /// As much as all candidates have in common, `typed` bytes included.
    pub agreed: Text<LINE_BYTES_MAX>,
    /// Candidates.
    pub count: usize,
}

/// Completes the last word of `before`, the line left of the cursor.
pub fn complete(system: &System, before: &str) -> Completion {
    let mut completion = Completion { typed: last_word(before).len(), ..Completion::default() };
    candidates(system, before, &mut |candidate| {
        let agreed = match completion.count {
            0 => candidate,
            _ => common_prefix(&completion.agreed, candidate),
        };
        completion.agreed = Text::from(agreed);
        completion.count += 1;
    });
    completion
}

/// Calls `each` with everything that the last word of `before` may become.
pub fn candidates(system: &System, before: &str, each: &mut dyn FnMut(&str)) {
    let word = last_word(before);
    let mut words = before[..before.len() - word.len()].split([' ', '\t']);
    let mut each = |candidate: &str| {
        if candidate.starts_with(word) {
            each(candidate);
        }
    };
    let Some(name) = words.find(|word| !word.is_empty()) else {
        return COMMANDS.iter().for_each(|command| each(command.name));
    };
    let Some(Command { about, .. }) = find(name) else { return };
    let previous = words.rfind(|word| !word.is_empty()).unwrap_or_default();
    let known = about.options.iter().filter(|_| about.order != Order::Raw);
    if let Some(option) = known.clone().find(|option| takes_next(option, previous)) {
        match option.value {
            "INTERFACE" => interfaces(system, &mut each),
            "HOST" => hosts(system, &mut each),
            _ => {}
        }
    } else if word.starts_with('-') {
        for option in known.chain([&HELP]) {
            if !option.short.is_empty() {
                each(&Text::<8>::of(format_args!("-{}", option.short)));
            }
            if !option.long.is_empty() {
                each(&Text::<32>::of(format_args!("--{}", option.long)));
            }
        }
    } else {
        match about.operands {
            Operands::None => {}
            Operands::Commands => COMMANDS.iter().for_each(|command| each(command.name)),
            Operands::Interfaces => interfaces(system, &mut each),
            Operands::Hosts => hosts(system, &mut each),
            Operands::Words(words) => words.iter().for_each(|word| each(word)),
        }
    }
}

/// True if `word` ends with this option and its value comes next.
fn takes_next(option: &Opt, word: &str) -> bool {
    if option.value.is_empty() {
        return false;
    }
    match word.strip_prefix("--") {
        Some(name) => !name.is_empty() && name == option.long,
        None => {
            let letters = word.strip_prefix('-').unwrap_or_default();
            !option.short.is_empty() && letters.ends_with(option.short)
        }
    }
}

fn interfaces(system: &System, each: &mut dyn FnMut(&str)) {
    if system.status().nic.is_some() {
        each("eth0");
    }
    each("lo");
}

/// Every host that has a name here, or was asked for lately, by DNS or multicast DNS.
fn hosts(system: &System, each: &mut dyn FnMut(&str)) {
    each("localhost");
    each(system.hostname());
    each(&Text::<{ HOSTNAME_BYTES_MAX + 6 }>::of(format_args!("{}.local", system.hostname())));
    system.names.borrow().names(system.now()).for_each(each);
}

/// What stands between the last blank and the end.
fn last_word(before: &str) -> &str {
    before.rsplit([' ', '\t']).next().unwrap_or_default()
}

fn common_prefix<'a>(one: &'a str, other: &str) -> &'a str {
    let same = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    &one[..one.floor_char_boundary(same)]
}

#[cfg(test)]
mod tests {
    use std::string::{String, ToString};
    use std::vec::Vec;

    use super::*;
    use crate::testing::system;

    #[track_caller]
    fn check(before: &str, agreed: &str, expected: &[&str]) {
        let mut found: Vec<String> = Vec::new();
        candidates(system(), before, &mut |candidate| found.push(candidate.to_string()));
        let completion = complete(system(), before);
        assert_eq!((found.len(), completion.agreed.as_str()), (completion.count, agreed));
        assert_eq!(found, expected);
    }

    #[test]
    fn commands_options_interfaces_and_hosts() {
        check("dm", "dmesg", &["dmesg"]);
        check("  e", "e", &["echo", "exit"]);
        check("nothing", "", &[]);
        check("nothing -", "", &[]);
        check("dmesg -", "-", &["-T", "--ctime", "-w", "--follow", "-h", "--help"]);
        check("dmesg --f", "--follow", &["--follow"]);
        check("dmesg ", "", &[]);
        check("ifconfig -a l", "lo", &["lo"]);
        check("man log", "logout", &["logout"]);
    }

    #[test]
    fn hosts_that_were_asked_for() {
        use core::time::Duration;

        use domain::base::iana::Rtype;
        use smoltcp::wire::IpAddress;

        use crate::net::names::cache::Found;
        use crate::net::names::resolver::Addresses;
        check("ping bare", "barewire", &["barewire", "barewire.local"]);
        let system = system();
        let server = [IpAddress::v4(192, 0, 2, 53)];
        let address = Found::Addresses(Addresses::from_iter(server));
        let mut names = system.names.borrow_mut();
        names.get(Duration::ZERO, &server, "", Rtype::A);
        for rtype in [Rtype::A, Rtype::AAAA] {
            names.put(Duration::ZERO, &server, "far.example", rtype, 60, address.clone());
        }
        names.put(Duration::ZERO, &server, "fog.example", Rtype::A, 60, Found::Unknown);
        drop(names);
        let completion = complete(system, "wget f");
        assert_eq!((completion.count, completion.agreed.as_str()), (1, "far.example"));
    }

    #[test]
    fn a_value_follows_its_option() {
        use crate::shell::command::{flag, value};
        let count = value("c", "count", "COUNT", "");
        assert!(takes_next(&count, "-c") && takes_next(&count, "-nc"));
        assert!(takes_next(&count, "--count") && !takes_next(&count, "--"));
        assert!(!takes_next(&count, "c") && !takes_next(&flag("a", "all", ""), "-a"));
        assert!(!takes_next(&value("", "to", "HOST", ""), "-"));
    }
}
