//! What every board must be able to do: one script a promise, the same on every board.

mod address;
mod browser;
pub mod bytes;
mod capture;
mod commands;
mod commands_active;
mod crowds;
mod cycles;
mod dial;
mod dump;
mod hostile;
mod ipv6;
mod lease;
mod lessons;
pub mod names;
mod names_link;
mod pcap_stream;
mod ping;
mod relayed;
mod restart;
mod shell;
mod telnet;
mod time;
mod tinygram;
pub mod web;
mod web_hard;
mod web_metrics;

use anyhow::Result;
use xtask::qemu::Attachment;

use crate::board::{Hardware, Model};
use crate::stage::{Boot, Session};
use crate::tool::is_installed;

/// A script.
#[derive(Clone, Copy, Debug)]
pub struct Script {
    /// As trials are named.
    pub name: &'static str,
    /// How the board was booted.
    pub boot: Boot,
    /// Where it can be played.
    pub plays_on: PlaysOn,
    /// Programs it uses.
    pub tools: &'static [&'static str],
    /// What it does.
    pub run: fn(&mut Session) -> Result<()>,
}

/// Where a script can be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaysOn {
    /// On every board.
    All,
    /// On boards that have a wire of their own.
    Wire,
    /// On the twin: what is promised is no driver's affair, and takes long.
    Twin,
    /// Wherever the image itself runs.
    Image,
    /// Where the adapter is one that can be unplugged: QEMU does not survive that of its own.
    Plug,
    /// On the twin, and on the image with the chip that a Pi has.
    TwinAndChip,
    /// On the image with the chip that a Pi has.
    Chip,
}

const CHIP: Hardware = Hardware::Lan9514(Attachment::RootPort);

impl Script {
    /// True if the script is meant for this board.
    pub fn fits(&self, model: &Model) -> bool {
        match self.plays_on {
            PlaysOn::All => true,
            PlaysOn::Wire => model.needs_lab(),
            PlaysOn::Twin => model.hardware == Hardware::Twin,
            PlaysOn::Image => model.is_emulated(),
            PlaysOn::Plug => matches!(model.hardware, Hardware::Lan9514(_)),
            PlaysOn::TwinAndChip => [Hardware::Twin, CHIP].contains(&model.hardware),
            PlaysOn::Chip => model.hardware == CHIP,
        }
    }

    /// Why it cannot run on this machine, if it cannot.
    pub fn missing(&self, model: &Model) -> Option<String> {
        let server = (self.boot.needs_server() && model.needs_lab()).then_some("dnsmasq");
        let mut tools = self.tools.iter().copied().chain(server);
        let missing = tools.find(|tool| !is_installed(tool));
        missing.map(|tool| format!("needs {tool}, which is not installed"))
    }
}

const fn script(
    name: &'static str,
    boot: Boot,
    plays_on: PlaysOn,
    tools: &'static [&'static str],
    run: fn(&mut Session) -> Result<()>,
) -> Script {
    Script { name, boot, plays_on, tools, run }
}

/// What the lab with a router needs, and the ping that ours is compared with.
const ROUTED: &[&str] = &["radvd", "unshare", "ping", "ping6"];
/// The real tools beside the commands about names.
const NAMES: &[&str] = &["radvd", "unshare", "host", "nslookup", "hostname"];
/// The real tools beside the commands that print tables.
const TABLES: &[&str] =
    &["radvd", "unshare", "arp", "ifconfig", "netstat", "route", "nc", "busybox"];
/// The real clients, and the servers that both talk to.
const ACTIVE: &[&str] = &["radvd", "unshare", "script", "wget", "nc", "telnet", "busybox"];
/// What the dumps of both sides use.
const DUMP: &[&str] = &["radvd", "unshare", "tcpdump", "busybox", "curl"];
/// Whoever takes the lessons.
const LESSONS: &[&str] = &["radvd", "unshare", "curl", "telnet"];
/// The peers of the trials of IPv6.
const IPV6: &[&str] = &["radvd", "unshare", "ping", "curl", "telnet"];

/// All scripts, those of one [`Boot`] in a row, so that a board boots once for them.
pub const SCRIPTS: &[Script] = &[
    script("dhcp", Boot::Dhcp, PlaysOn::Wire, &["ping"], address::dhcp),
    script("first_page", Boot::Dhcp, PlaysOn::All, &["curl"], web::first_page),
    script("ping_1000", Boot::Dhcp, PlaysOn::Wire, &["ping"], ping::a_thousand),
    script("ping_8000_bytes", Boot::Dhcp, PlaysOn::Wire, &["ping"], ping::eight_thousand_bytes),
    script("ping_around_packets", Boot::Dhcp, PlaysOn::Wire, &["ping"], ping::around_usb_packets),
    script("echo_every_size", Boot::Dhcp, PlaysOn::Wire, &[], ping::every_size),
    script("curl_200_in_a_row", Boot::Dhcp, PlaysOn::All, &["curl"], web::in_a_row),
    script("curl_200_by_8", Boot::Dhcp, PlaysOn::All, &["curl"], web::eight_at_a_time),
    script("capture", Boot::Dhcp, PlaysOn::Wire, &["curl", "ping", "tcpdump"], capture::as_printed),
    script(
        "pcap_live",
        Boot::Dhcp,
        PlaysOn::Twin,
        &["curl", "ping", "tcpdump", "tshark", "capinfos"],
        pcap_stream::as_the_host_saw_it,
    ),
    script(
        "pcap_ring",
        Boot::Dhcp,
        PlaysOn::Twin,
        &["curl", "ping", "tcpdump", "capinfos"],
        pcap_stream::the_ring,
    ),
    script("http_10000", Boot::Dhcp, PlaysOn::Twin, &["curl"], web_hard::ten_thousand),
    script(
        "http_unkind",
        Boot::Dhcp,
        PlaysOn::Twin,
        &["curl"],
        web_hard::clients_that_are_not_kind,
    ),
    script("http_crowd", Boot::Dhcp, PlaysOn::Twin, &["curl"], web_hard::a_crowd),
    script("http_load", Boot::Dhcp, PlaysOn::Twin, &["curl", "wrk"], web_hard::under_load),
    script("events", Boot::Dhcp, PlaysOn::Twin, &["curl"], web_metrics::events),
    script(
        "metrics",
        Boot::Dhcp,
        PlaysOn::Twin,
        &["curl", "promtool", "prometheus"],
        web_metrics::scraped,
    ),
    script("browser", Boot::Dhcp, PlaysOn::Chip, browser::TOOLS, browser::looks),
    script("bytes_out", Boot::Dhcp, PlaysOn::Wire, &["curl", "tcpdump"], bytes::out),
    script("bytes_in", Boot::Dhcp, PlaysOn::Wire, &["curl", "tcpdump"], bytes::back),
    script("dial_loss", Boot::Dhcp, PlaysOn::Twin, &["ping", "curl", "tcpdump"], dial::loss),
    script("telnet_three", Boot::Dhcp, PlaysOn::All, &["telnet"], shell::three_sessions),
    script("telnet_inetutils", Boot::Dhcp, PlaysOn::All, &["telnet", "stty"], telnet::inetutils),
    script("telnet_linemode", Boot::Dhcp, PlaysOn::TwinAndChip, &["telnet"], telnet::linemode),
    script("telnet_busybox", Boot::Dhcp, PlaysOn::TwinAndChip, &["busybox"], telnet::busybox),
    script("telnet_plink", Boot::Dhcp, PlaysOn::TwinAndChip, &["plink", "stty"], telnet::plink),
    script("telnet_netcat", Boot::Dhcp, PlaysOn::TwinAndChip, &["nc"], telnet::netcat),
    script(
        "telnet_nine",
        Boot::Dhcp,
        PlaysOn::TwinAndChip,
        &["telnet", "curl"],
        telnet::nine_sessions,
    ),
    script(
        "telnet_nonsense",
        Boot::Dhcp,
        PlaysOn::TwinAndChip,
        &["telnet", "curl"],
        telnet::nonsense,
    ),
    script("telnet_synch", Boot::Dhcp, PlaysOn::TwinAndChip, &["curl"], telnet::synch),
    script(
        "telnet_tinygrams",
        Boot::Dhcp,
        PlaysOn::Wire,
        &["telnet", "tcpdump"],
        tinygram::counted_alike,
    ),
    script("console", Boot::Dhcp, PlaysOn::All, &[], shell::on_the_console),
    script("log_port", Boot::Dhcp, PlaysOn::Image, &[], shell::log_port),
    script(
        "window_zero",
        Boot::Dhcp,
        PlaysOn::TwinAndChip,
        &["curl", "ping"],
        hostile::window_zero,
    ),
    script(
        "window_zero_midway",
        Boot::Dhcp,
        PlaysOn::TwinAndChip,
        &["curl", "ping"],
        hostile::window_zero_midway,
    ),
    script("syn_flood", Boot::Dhcp, PlaysOn::Wire, &["curl", "ping"], hostile::syn_flood),
    script("garbage", Boot::Dhcp, PlaysOn::Wire, &["curl", "ping"], hostile::garbage),
    script("crowds", Boot::Dhcp, PlaysOn::Twin, &[], crowds::of_every_kind),
    script("crowd_of_all_kinds", Boot::Dhcp, PlaysOn::Twin, &[], crowds::of_all_kinds),
    script("syn_floods", Boot::Dhcp, PlaysOn::Twin, &[], crowds::floods),
    script("connections", Boot::Dhcp, PlaysOn::Twin, &["wrk"], crowds::connections),
    script("sequence_numbers", Boot::Dhcp, PlaysOn::Twin, &["nmap"], crowds::sequence_numbers),
    script("link_flaps", Boot::Dhcp, PlaysOn::Plug, &["ping", "curl"], cycles::link_flaps),
    script("replugs", Boot::Dhcp, PlaysOn::Plug, &["ping", "curl"], cycles::replugs),
    script("reboot", Boot::Dhcp, PlaysOn::All, &["curl", "telnet"], restart::by_reboot),
    script("panic", Boot::Dhcp, PlaysOn::All, &["curl", "telnet"], restart::by_panic),
    script("names_dns", Boot::Named, PlaysOn::Twin, &["telnet", "ping"], names::by_dns),
    script("names_big", Boot::Named, PlaysOn::Twin, &["telnet"], names::too_big_for_udp),
    script("names_cached", Boot::Named, PlaysOn::Twin, &["telnet", "curl"], names::remembered),
    script("time", Boot::Named, PlaysOn::Twin, &["chronyd"], time::from_chrony),
    script("syslog", Boot::Named, PlaysOn::Twin, &["rsyslogd"], time::to_rsyslog),
    script("mdns", Boot::Named, PlaysOn::Twin, names_link::TOOLS, names_link::found),
    script("mdns_conflict", Boot::Named, PlaysOn::Twin, names_link::TOOLS, names_link::conflict),
    script("lease_announced", Boot::Dhcp, PlaysOn::Twin, &["tcpdump"], lease::announced),
    script("lease_renewed", Boot::Dhcp, PlaysOn::Twin, &["ping"], lease::renewed),
    script("lease_moved", Boot::Dhcp, PlaysOn::Twin, &["ping"], lease::moved),
    script("commands_ping", Boot::Routed, PlaysOn::TwinAndChip, ROUTED, commands::ping),
    script(
        "commands_traceroute",
        Boot::Routed,
        PlaysOn::Twin,
        &["radvd", "unshare", "traceroute"],
        commands::traceroute,
    ),
    script("commands_names", Boot::Routed, PlaysOn::Twin, NAMES, commands::names),
    script("commands_tables", Boot::Routed, PlaysOn::Twin, TABLES, commands::tables),
    script("commands_wget", Boot::Routed, PlaysOn::Twin, ACTIVE, commands_active::wget),
    script("commands_nc", Boot::Routed, PlaysOn::Twin, ACTIVE, commands_active::nc),
    script("commands_telnet", Boot::Routed, PlaysOn::Twin, ACTIVE, commands_active::telnet),
    script("commands_dhclient", Boot::Routed, PlaysOn::Twin, ROUTED, commands_active::dhclient),
    script("dump", Boot::Routed, PlaysOn::TwinAndChip, DUMP, dump::as_the_host),
    script("dump_wrong_filters", Boot::Routed, PlaysOn::Twin, DUMP, dump::wrong_filters),
    script("ipv6", Boot::Routed, PlaysOn::TwinAndChip, IPV6, ipv6::by_advertisement),
    script("ipv6_duplicate", Boot::Routed, PlaysOn::Twin, IPV6, ipv6::duplicate),
    script("lessons", Boot::Routed, PlaysOn::Twin, LESSONS, lessons::all),
    script("static_address", Boot::Static, PlaysOn::Wire, &["ping", "curl"], address::fixed),
    script(
        "static_reboot",
        Boot::Static,
        PlaysOn::Wire,
        &["ping", "telnet", "curl"],
        restart::by_reboot,
    ),
    script("relayed", Boot::Static, PlaysOn::Twin, &[], relayed::exact),
    script("names_router", Boot::Static, PlaysOn::Twin, &["telnet", "dnsmasq"], names::by_router),
    script("link_local", Boot::Alone, PlaysOn::Wire, &["ping", "curl"], address::link_local),
    script("late_server", Boot::Alone, PlaysOn::Wire, &["ping", "dnsmasq"], address::late_server),
];
