//! Nothing that comes over a wire, or that somebody types, makes this crate panic, or write
//! without end.

use packet::{Dissector, Dump, Filter, Frame, Numeric, Options, Stamps, Timestamp};
use proptest::prelude::*;

/// Characters that a line may have for each byte of its frame, and besides. The longest for a byte:
/// a telnet option's name, or a message type of a DHCP option that asks for many.
const CHARACTERS_PER_BYTE: usize = 80;
const CHARACTERS: usize = 4_000;

fn options() -> impl Strategy<Value = Options> {
    let dumps = [
        Dump::None,
        Dump::Hex,
        Dump::HexWhole,
        Dump::HexAscii,
        Dump::HexAsciiWhole,
        Dump::Ascii,
        Dump::AsciiWhole,
    ];
    (0..4_u8, 0..3_u8, any::<(bool, bool)>(), prop::sample::select(dumps.to_vec())).prop_map(
        |(verbosity, quietness, (link_header, absolute_sequence), dump)| Options {
            verbosity,
            quietness,
            link_header,
            absolute_sequence,
            dump,
            stamps: Stamps::SincePrevious,
            local_offset_seconds: -3_600,
        },
    )
}

/// Ethernet, IP and transport headers that lead to each protocol, so that random bytes get there.
fn headers() -> impl Strategy<Value = Vec<u8>> {
    let above_ethernet = prop::sample::select(vec![
        vec![8, 0],
        vec![8, 6],
        vec![0x86, 0xdd],
        vec![0x81, 0, 0, 7, 8, 0],
        vec![0, 40, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0],
        vec![0, 40, 0x42, 0x42, 3],
    ]);
    let ports = prop::sample::select(vec![53_u16, 5353, 67, 69, 123, 514, 5060, 23, 80, 22, 25]);
    let above_ip = prop::sample::select(vec![1_u8, 2, 4, 6, 17, 41, 58]);
    (above_ethernet, any::<bool>(), above_ip, ports).prop_map(|(kind, is_ip6, protocol, port)| {
        let mut bytes = [&[2; 12][..], &kind].concat();
        if is_ip6 {
            bytes.extend([0x60, 0, 0, 0, 5, 0, protocol, 64]);
            bytes.extend([1; 32]);
        } else {
            bytes.extend([0x45, 0, 5, 0, 0, 1, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        }
        bytes.extend(port.to_be_bytes());
        if protocol == 6 {
            bytes.extend([1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 0, 1, 0, 0, 0, 0]);
        } else if protocol == 17 {
            bytes.extend([1, 0, 4, 0, 0, 0]);
        }
        bytes
    })
}

fn print(frames: &[Vec<u8>], options: Options) -> String {
    let mut dissector = Dissector::new(options);
    let mut text = String::new();
    for (index, bytes) in frames.iter().enumerate() {
        let at = Timestamp { seconds: index as u32, microseconds: 0 };
        let frame = Frame { bytes, length: bytes.len().max(60), at };
        dissector.print(&frame, &Numeric, &mut text).unwrap();
    }
    text
}

/// Words of the language and what is none.
fn expressions() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "host",
        "net",
        "port",
        "portrange",
        "src",
        "dst",
        "and",
        "or",
        "not",
        "(",
        ")",
        "tcp",
        "udp",
        "ip",
        "ip6",
        "arp",
        "icmp",
        "ether",
        "proto",
        "vlan",
        "less",
        "greater",
        "len",
        "10.0.0.1",
        "10.1",
        "/",
        "8",
        "255",
        "99999999999",
        "mask",
        "255.0.0.0",
        "fe80::1",
        "::",
        "[",
        "]",
        ":",
        "&",
        "|",
        "+",
        "-",
        "*",
        "%",
        "^",
        "<<",
        ">>",
        "=",
        "!=",
        "<",
        ">=",
        "!",
        "00:11:22:33:44:55",
        "tcp-syn",
        "tcpflags",
        "\\tcp",
        "nobody",
        "0x",
        "1-2",
        "byte",
        "broadcast",
        "multicast",
        "gateway",
        "inbound",
        "mpls",
        "$",
        "\u{fc}",
        "a:b:",
    ]);
    prop::collection::vec(words, 0..24).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn any_bytes_are_a_line(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        options in options(),
    ) {
        let text = print(std::slice::from_ref(&bytes), options);
        prop_assert!(text.ends_with('\n'));
        prop_assert!(text.len() <= bytes.len() * CHARACTERS_PER_BYTE + CHARACTERS);
    }

    #[test]
    fn any_bytes_above_any_header_are_a_line(
        header in headers(),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        options in options(),
    ) {
        let frame = [header, bytes].concat();
        let length = frame.len();
        let text = print(&[frame.clone(), frame], options);
        prop_assert!(text.ends_with('\n'));
        prop_assert!(text.len() <= 2 * (length * CHARACTERS_PER_BYTE + CHARACTERS));
    }

    #[test]
    fn any_text_compiles_or_fails_within_itself(expression in ".{0,60}") {
        check(&expression)?;
    }

    #[test]
    fn any_words_compile_or_fail_within_themselves(expression in expressions()) {
        check(&expression)?;
    }

    #[test]
    fn not_turns_a_filter_around(
        expression in expressions(),
        header in headers(),
    ) {
        let frame = [header, vec![7; 100]].concat();
        let negated = format!("not ({expression})");
        let filters = (Filter::compile(&expression, &Numeric), Filter::compile(&negated, &Numeric));
        if let (false, (Ok(plain), Ok(negated))) = (expression.trim().is_empty(), filters) {
            let [plain, negated] = [plain, negated].map(|f| f.accepts(&frame, frame.len()));
            // A frame too short for the expression is refused by both.
            prop_assert!(!(plain && negated));
        }
    }
}

fn check(expression: &str) -> Result<(), TestCaseError> {
    match Filter::compile(expression, &Numeric) {
        Ok(filter) => {
            for length in [0, 14, 40, 1514] {
                filter.accepts(&vec![0x45; length], length);
            }
        }
        Err(error) => {
            prop_assert!(error.at <= expression.len());
            prop_assert!(error.marked(expression).to_string().ends_with('^'));
            prop_assert!(!error.to_string().is_empty());
        }
    }
    Ok(())
}

#[test]
fn tunnels_in_tunnels_come_to_an_end() {
    let mut bytes = [&[2; 12][..], &[8, 0]].concat();
    for depth in (1..=70_u16).rev() {
        let [high, low] = (depth * 20).to_be_bytes();
        bytes.extend([0x45, 0, high, low, 0, 1, 0, 0, 64, 4, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    }
    let text = print(&[bytes], Options::default());
    assert!(text.ends_with(" [nested too deep]\n"), "{text}");
    assert_eq!(text.matches("IP ").count(), packet::limits::NESTED_PACKETS + 1);
}

#[test]
fn what_is_too_long_is_refused_with_its_place() {
    for (expression, at) in [
        (["not "; 40].concat() + "tcp", 16 * 4),
        (["("; 40].concat() + "tcp" + &[")"; 40].concat(), 16),
        (["host 10.0.0.1"; 40].join(" or "), 320),
    ] {
        let error = Filter::compile(&expression, &Numeric).unwrap_err();
        assert_eq!(error.to_string(), "expression is too long");
        let room = if expression.starts_with("host") { 200 } else { 4 };
        assert!(error.at.abs_diff(at) <= room, "{} in {expression}", error.at);
    }
}

#[test]
fn an_error_is_marked() {
    let expression = "tcp port 80 and host 10.0.0.256 or arp";
    let error = Filter::compile(expression, &Numeric).unwrap_err();
    assert_eq!(error.to_string(), "invalid IPv4 address '10.0.0.256'");
    let marked = error.marked(expression).to_string();
    assert_eq!(marked, format!("{expression}\n{:21}^", ""));
    let error = Filter::compile("tcp and", &Numeric).unwrap_err();
    assert_eq!(error.at, 7, "behind the last word");
}

#[test]
fn what_is_kept_is_as_small_as_the_readme_says() {
    assert!(size_of::<Filter>() <= 4 * 1024, "{}", size_of::<Filter>());
    assert!(size_of::<Dissector>() <= 4 * 1024, "{}", size_of::<Dissector>());
    println!("a filter {} bytes, a dissector {}", size_of::<Filter>(), size_of::<Dissector>());
}
