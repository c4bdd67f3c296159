//! What the command line parser is held to.

use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

#[test]
fn congestion_control_is_chosen_as_in_linux() {
    let base = "ip=dhcp hostname=barewire";
    for (name, printed) in [
        ("bbr", " sysctl.net.ipv4.tcp_congestion_control=bbr"),
        ("cubic", ""),
        ("reno", "\ntcp_congestion_control='reno': neither cubic nor bbr; ignored"),
    ] {
        check(
            &std::format!("sysctl.net.ipv4.tcp_congestion_control={name}"),
            &std::format!("{base}{printed}"),
        );
    }
}

/// The configuration as a command line, then the faults, a line each.
fn read(line: &str) -> String {
    let (config, faults) = Config::parse(line);
    assert!(faults.iter().all(|fault| !fault.was_cut()), "{faults:?}");
    let mut lines = std::vec![config.to_string()];
    lines.extend(faults.iter().map(ToString::to_string));
    lines.join("\n")
}

#[track_caller]
fn check(line: &str, expected: &str) {
    corpus::seed("kernel_command_line", line.as_bytes());
    assert_eq!(read(line), expected, "{line}");
}

#[test]
fn without_words_it_is_dhcp() {
    let dhcp = "ip=dhcp hostname=barewire";
    check("", dhcp);
    check("  \t ", dhcp);
    assert_eq!(Config::default().to_string(), dhcp);
    for how in ["dhcp", "on", "any", "both"] {
        check(&std::format!("ip={how}"), dhcp);
        check(&std::format!("ip=::::::{how}"), dhcp);
        check(&std::format!("ip=0.0.0.0::::::{how}"), dhcp);
    }
    // A real line: what the Raspberry Pi's firmware puts in front of cmdline.txt.
    check(
        "coherent_pool=1M 8250.nr_uarts=0 snd_bcm2835.enable_compat_alsa=0 bcm2708_fb.fbwidth=656 \
         vc_mem.mem_base=0x3ec00000 vc_mem.mem_size=0x40000000 smsc95xx.macaddr=B8:27:EB:12:34:56 \
         console=ttyS0,115200 root=/dev/mmcblk0p2 rootwait",
        "ip=dhcp hostname=barewire mac=b8-27-eb-12-34-56",
    );
}

#[test]
fn a_static_address() {
    check(
        "ip=192.168.1.42::192.168.1.1:255.255.255.0:attic:eth0:off",
        "ip=192.168.1.42::192.168.1.1:255.255.255.0::eth0:off:: hostname=attic",
    );
    check(
        "ip=10.1.2.3:10.0.0.9:10.0.0.1:255.0.0.0:attic.example.com:eth0:none:10.0.0.1:8.8.8.8:\
         10.0.0.7",
        "ip=10.1.2.3::10.0.0.1:255.0.0.0::eth0:off:10.0.0.1:8.8.8.8 hostname=attic ntp=10.0.0.7",
    );
    // No mask: the class decides, as in Linux.
    check("ip=10.1.2.3", "ip=10.1.2.3:::255.0.0.0::eth0:off:: hostname=barewire");
    check("ip=172.16.2.3", "ip=172.16.2.3:::255.255.0.0::eth0:off:: hostname=barewire");
    check("ip=192.168.2.3::::", "ip=192.168.2.3:::255.255.255.0::eth0:off:: hostname=barewire");
    // An address stands whatever autoconf says.
    check(
        "ip=192.168.2.3::::::dhcp:9.9.9.9",
        "ip=192.168.2.3:::255.255.255.0::eth0:off:9.9.9.9: hostname=barewire",
    );
}

#[test]
fn off() {
    let off = "ip=off hostname=barewire";
    check("ip=off", off);
    check("ip=none", off);
    check("ip=::::::off", off);
    check("ip=", "ip=off hostname=barewire\nip=: empty, which means off, as in Linux");
    check("ip=::::::off:::10.0.0.7", "ip=off hostname=barewire ntp=10.0.0.7");
    check("ip=::::::dhcp:::10.0.0.7", "ip=dhcp hostname=barewire ntp=10.0.0.7");
}

#[test]
fn a_wrong_field_is_named_with_its_default() {
    let class_c = "ip=192.168.1.42:::255.255.255.0::eth0:off:: hostname=barewire";
    let dhcp = "ip=dhcp hostname=barewire";
    for (line, config, fault) in [
        (
            "ip=192.168.1.42:::255.0.255.0",
            class_c,
            "ip=: netmask '255.0.255.0' is not a mask; using 255.255.255.0 (class C)",
        ),
        (
            "ip=192.168.1.42:::255.255.255.255",
            class_c,
            "ip=: netmask '255.255.255.255' is not a mask; using 255.255.255.0 (class C)",
        ),
        (
            "ip=192.168.1.42:::24",
            class_c,
            "ip=: netmask '24' is not a mask; using 255.255.255.0 (class C)",
        ),
        (
            "ip=192.168.1.300",
            dhcp,
            "ip=: client '192.168.1.300' is not an IPv4 address; using dhcp",
        ),
        ("ip=dchp", dhcp, "ip=: client 'dchp' is not an IPv4 address; using dhcp"),
        (
            "ip=127.0.0.1::::::off",
            dhcp,
            "ip=: client '127.0.0.1' is refused: 127.0.0.0/8 is loopback; using dhcp",
        ),
        (
            "ip=192.168.1.255:::255.255.255.0",
            dhcp,
            "ip=: client '192.168.1.255/24' is refused: it is its network's broadcast address; \
             using dhcp",
        ),
        ("ip=192.168.1.42:nfs", class_c, "ip=: server 'nfs' is not an IPv4 address; using none"),
        (
            "ip=192.168.1.42::router",
            class_c,
            "ip=: gateway 'router' is not an IPv4 address; using none",
        ),
        (
            "ip=192.168.1.42::10.0.0.1",
            class_c,
            "ip=: gateway '10.0.0.1' is refused: its router is on another network; using none",
        ),
        (
            "ip=192.168.1.42::::-attic",
            class_c,
            "ip=: hostname '-attic' is refused: a name neither begins nor ends with a hyphen; \
             ignored",
        ),
        ("ip=192.168.1.42:::::wlan0", class_c, "ip=: there is no device 'wlan0'; using eth0"),
        (
            "ip=192.168.1.42::::::maybe",
            class_c,
            "ip=: autoconf 'maybe' is unknown; using the client address",
        ),
        ("ip=::::::maybe", dhcp, "ip=: autoconf 'maybe' is unknown; using dhcp"),
        ("ip=bootp", dhcp, "ip=: bootp is not spoken here; using dhcp"),
        ("ip=::::::rarp", dhcp, "ip=: rarp is not spoken here; using dhcp"),
        (
            "ip=dhcp,1,b8:27:eb:12:34:56",
            dhcp,
            "ip=: a client id cannot be set; using the Ethernet address",
        ),
        (
            "ip=192.168.1.42:::::::dns",
            class_c,
            "ip=: dns0 'dns' is not an IPv4 address; using none",
        ),
        (
            "ip=192.168.1.42::::::::255.255.255.255",
            class_c,
            "ip=: dns1 '255.255.255.255' is refused: it is the broadcast address; using none",
        ),
        (
            "ip=192.168.1.42:::::::::pool.ntp.org",
            class_c,
            "ip=: ntp0 'pool.ntp.org' is not an IPv4 address; using none",
        ),
        (
            "ip=192.168.1.42::::::::::eleven",
            class_c,
            "ip=: field 11 'eleven' is one too many; ignored",
        ),
        (
            "ip=::192.168.1.1::::dhcp",
            dhcp,
            "ip=: gateway '192.168.1.1' without a client address; ignored",
        ),
        (
            "hostname=my_board",
            dhcp,
            "hostname='my_board': not only letters, digits and hyphens; \
             using 'barewire'",
        ),
        ("hostname=", dhcp, "hostname='': empty name; using 'barewire'"),
        (
            "hostname=\u{1b}[2J\u{7f}ä",
            dhcp,
            "hostname='?[2J??': not only letters, digits and hyphens; \
             using 'barewire'",
        ),
        (
            "mac=b8:27:eb:12:34",
            dhcp,
            "mac='b8:27:eb:12:34': not of the form xx:xx:xx:xx:xx:xx; \
             using the board's own address",
        ),
        (
            "mac=01:00:5e:00:00:fb",
            dhcp,
            "mac='01:00:5e:00:00:fb': not a unicast address; using the board's own address",
        ),
        (
            "smsc95xx.macaddr=00:00:00:00:00:00",
            dhcp,
            "smsc95xx.macaddr='00:00:00:00:00:00': not a unicast address; \
             using the board's own address",
        ),
        (
            "mac=+b:27:eb:12:34:56:78:9a:bc:de",
            dhcp,
            "mac='+b:27:eb:12:34:56:78..': not of the form xx:xx:xx:xx:xx:xx; \
             using the board's own address",
        ),
    ] {
        check(line, &std::format!("{config}\n{fault}"));
    }
}

#[test]
fn names_and_addresses_that_compete() {
    check("hostname=first hostname=second", "ip=dhcp hostname=second");
    check("ip=::::attic hostname=cellar", "ip=dhcp hostname=attic");
    let ours = "ip=dhcp hostname=barewire mac=02-00-00-00-00-01";
    check("mac=02:00:00:00:00:01 smsc95xx.macaddr=b8:27:eb:12:34:56", ours);
    check("smsc95xx.macaddr=b8:27:eb:12:34:56 mac=02-00-00-00-00-01", ours);
    check("hostname=attic.example.com", "ip=dhcp hostname=attic");
    let longest = "a".repeat(63);
    check(&std::format!("hostname={longest}"), &std::format!("ip=dhcp hostname={longest}"));
    assert!(!Config::parse(&std::format!("hostname={longest}a")).1.is_empty());
    // The fault fits although the name that stays is as long as names can be.
    check(
        &std::format!("hostname={longest} hostname={}_", "b".repeat(30)),
        &std::format!(
            "ip=dhcp hostname={longest}\nhostname='{}..': not only letters, digits and hyphens; \
             using '{}..'",
            "b".repeat(20),
            "a".repeat(20)
        ),
    );
}

#[test]
fn servers() {
    let with = |words: &str| std::format!("ip=dhcp hostname=barewire {words}");
    for (line, expected) in [
        ("ntp=192.0.2.1", "ntp=192.0.2.1"),
        ("ntp=time.example.com syslog=log:5514", "ntp=time.example.com syslog=log:5514"),
        ("syslog=2001:db8::1", "syslog=2001:db8::1"),
        ("syslog=[2001:db8::1]", "syslog=2001:db8::1"),
        ("syslog=[2001:db8::1]:514", "syslog=[2001:db8::1]:514"),
        // The word counts before the field.
        ("ntp=a ip=::::::dhcp:::10.0.0.7", "ntp=a"),
        (
            "ntp=a ntp=b ntp=_",
            "ntp=b\nntp='_': not only letters, digits, dots and hyphens; ignored",
        ),
    ] {
        check(line, &with(expected));
    }
    let default = "ip=dhcp hostname=barewire";
    for (line, fault) in [
        ("ntp=", "ntp='': empty name; ignored"),
        ("ntp=:123", "ntp=':123': empty name; ignored"),
        ("ntp=a:0", "ntp='a:0': not a port; ignored"),
        ("ntp=a:+1", "ntp='a:+1': not a port; ignored"),
        ("ntp=a:65536", "ntp='a:65536': not a port; ignored"),
        ("syslog=[::1", "syslog='[::1': a bracket is missing; ignored"),
        ("syslog=[::1]1", "syslog='[::1]1': no colon before the port; ignored"),
        ("syslog=[a]", "syslog='[a]': not an IPv6 address in the brackets; ignored"),
    ] {
        check(line, &std::format!("{default}\n{fault}"));
    }
    let long = std::format!("ntp={}", "a".repeat(65));
    assert!(read(&long).contains("longer than 64 characters"));
}

#[test]
fn words_are_parted_as_the_kernel_does() {
    let words = |line| Words::of(line).collect::<Vec<_>>();
    assert_eq!(words("a=1  b\tc=\n"), [("a", "1"), ("b", ""), ("c", "")]);
    assert_eq!(
        words(r#"x="a b" "y=c d" z=e"f g"h"#),
        [("x", "a b"), ("y", "c d"), ("z", "e\"f g\"h")]
    );
    assert_eq!(words(r#"x="never closed b=1"#), [("x", "never closed b=1")]);
    assert_eq!(words("a=1 -- ip=off"), [("a", "1")]);
    assert_eq!(words("a=b=c"), [("a", "b=c")]);
}

#[test]
fn a_board_has_two_sources() {
    let of_board = |tree: Option<&[u8]>, fallback: &[u8]| {
        let (config, faults) = Config::of_board(tree, fallback);
        assert!(faults.iter().all(|fault| !fault.was_cut()));
        let mut lines = std::vec![config.to_string()];
        lines.extend(faults.iter().map(ToString::to_string));
        lines.join("\n")
    };
    assert_eq!(of_board(None, b"hostname=attic"), "ip=dhcp hostname=attic");
    assert_eq!(
        of_board(Some(&[0; 64]), b"hostname=attic"),
        "ip=dhcp hostname=attic\n\
         device tree: magic is 00000000, not d00dfeed; using the firmware's command line"
    );
    assert_eq!(
        of_board(None, b"hostname=\xFF"),
        "ip=dhcp hostname=barewire\n\
         the firmware's command line is not UTF-8; using ip=dhcp hostname=barewire"
    );
}

#[test]
fn the_list_of_faults_is_bounded() {
    let line = "hostname=_ ".repeat(CONFIG_FAULTS_MAX + 1);
    let (_, faults) = Config::parse(&line);
    assert_eq!(faults.iter().count(), CONFIG_FAULTS_MAX);
    assert_eq!(faults.iter().last().unwrap().as_str(), "more faults than are listed here");
}

/// Addresses that a machine can have.
fn host() -> impl Strategy<Value = Ipv4Address> {
    any::<u32>()
        .prop_map(Ipv4Address::from_bits)
        .prop_filter("a host's", |&address| crate::net::lease::check_host(address).is_ok())
}

/// Servers, by name or address.
fn server() -> impl Strategy<Value = Option<Server>> {
    let host = prop_oneof![
        host().prop_map(|address| address.to_string()),
        any::<u128>().prop_map(|bits| core::net::Ipv6Addr::from_bits(bits).to_string()),
        "[a-z][a-z0-9.-]{0,63}",
    ];
    let host = host.prop_map(|host| Text::from(host.as_str()));
    let server = (host, prop::option::of(1u16..)).prop_map(|(host, port)| Server { host, port });
    prop::option::of(server)
}

fn mode() -> impl Strategy<Value = Ipv4Mode> {
    let fixed =
        (host(), 8u8..32, any::<u32>(), any::<bool>(), prop::collection::vec(host(), 0..=2))
            .prop_map(|(address, prefix, other, routed, dns)| {
                let address = Ipv4Cidr::new(address, prefix);
                let hosts = u32::MAX >> prefix;
                let router = (address.address().to_bits() & !hosts) | (other & hosts);
                let router = Some(Ipv4Address::from_bits(router)).filter(|&router| {
                    routed && crate::net::lease::check_router(address, router).is_ok()
                });
                Ipv4Mode::Static { address, router, dns: dns.into_iter().collect() }
            })
            .prop_filter("in its network", |mode| match mode {
                Ipv4Mode::Static { address, .. } => {
                    crate::net::lease::check_network(*address).is_ok()
                }
                _ => true,
            });
    prop_oneof![Just(Ipv4Mode::Dhcp), Just(Ipv4Mode::Off), fixed]
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(
        ipv4 in mode(),
        hostname in "[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?",
        mac in prop::option::of(any::<[u8; 6]>()),
        (ntp, syslog) in (server(), server()),
        (ipv6, icmp_mask, mdns, bbr) in any::<(bool, bool, bool, bool)>(),
    ) {
        let mac = mac.map(EthernetAddress).filter(|mac| mac.is_unicast() && mac.0 != [0; 6]);
        let hostname = Text::from(hostname.as_str());
        let congestion = if bbr { CongestionControl::Bbr } else { CongestionControl::Cubic };
        let config = Config { ipv4, hostname, mac, ntp, syslog, ipv6, icmp_mask, mdns, congestion };
        let (again, faults) = Config::parse(&config.to_string());
        prop_assert!(faults.is_empty(), "{faults:?}");
        prop_assert_eq!(again, config);
    }

    /// Whatever the line, the result is one that can be printed and read back, and no fault was
    /// cut.
    #[test]
    fn no_line_panics(line in "\\PC*") {
        survives(&line)?;
    }

    #[test]
    fn no_line_of_our_words_panics(
        words in prop::collection::vec(
            (
                "ip=|hostname=|mac=|smsc95xx.macaddr=|ntp=|syslog=|\"",
                "[0-9a-f.:,\"\\-]{0,40}|[\\PC]{0,60}",
            ),
            0..6,
        )
    ) {
        let words: Vec<_> =
            words.iter().map(|(key, value)| std::format!("{key}{value}")).collect();
        survives(&words.join(" "))?;
    }

    #[test]
    fn no_list_of_fields_panics(
        fields in prop::collection::vec(
            prop_oneof![
                any::<[u8; 4]>().prop_map(|octets| Ipv4Address::from(octets).to_string()),
                "255\\.(0|128|255)\\.0\\.0|eth0|dhcp|off|[a-z-]{0,70}",
            ],
            0..14,
        )
    ) {
        survives(&std::format!("ip={}", fields.join(":")))?;
    }
}

fn survives(line: &str) -> Result<(), TestCaseError> {
    let (config, faults) = Config::parse(line);
    prop_assert!(faults.iter().all(|fault| !fault.was_cut()), "{:?}", faults);
    let (again, faults) = Config::parse(&config.to_string());
    prop_assert!(faults.is_empty(), "{:?}", faults);
    prop_assert_eq!(again, config);
    Ok(())
}
