//! What real tools say to each other, recorded once.

use std::sync::OnceLock;

use super::capture::Capture;
use super::lab::{Lab, is_installed};

/// A conversation: its name, the programs it needs besides busybox, what the client runs.
///
/// Scripts run as root: they write into the lab's folder only, and never to a device, which some
/// tools remove when they are done.
type Script = (&'static str, &'static [&'static str], &'static str);

const SCRIPTS: &[Script] = &[
    ("ping", &["ping"], "ping -c2 -i0.2 10.1.0.1"),
    ("ping in fragments", &["ping"], "ping -c1 -s 3000 10.1.0.1"),
    ("ping of no bytes", &["ping"], "ping -c1 -s 0 10.1.0.1"),
    ("ping that must not be cut", &["ping"], "ping -c1 -W1 -M do -s 1472 10.2.0.2"),
    ("ping that records its route", &["ping"], "ping -c1 -R 10.2.0.2"),
    (
        "ping with time stamps",
        &["ping"],
        "ping -c1 -T tsandaddr 10.2.0.2; ping -c1 -T tsonly 10.2.0.2",
    ),
    ("ping of service", &["ping"], "ping -c1 -Q 0x2e -t 3 10.2.0.2; ping -c1 -Q 3 10.1.0.1"),
    ("ping of all", &["ping"], "ping -c1 -W1 -b 10.1.0.255"),
    ("ping of no network", &["ping"], "ping -c1 -W1 10.9.0.1; ping -c1 -W1 10.8.0.1"),
    ("ping that ends on the way", &["ping"], "ping -c1 -W1 -t 1 10.2.0.2"),
    (
        "ping that is redirected",
        &["ping"],
        "ip route add 10.1.0.50 via 10.1.0.1; ping -c1 -W1 10.1.0.50; ip route del 10.1.0.50",
    ),
    ("ping6", &["ping"], "ping -6 -c2 -i0.2 fd01::1"),
    ("ping6 in fragments", &["ping"], "ping -6 -c1 -s 3000 fd01::1"),
    ("ping6 of all", &["ping"], "ping -6 -c1 -W1 ff02::1%eth0"),
    ("ping6 that is too big", &["ping"], "ping -6 -c1 -W1 -M do -s 1452 fd02::2"),
    ("ping6 of no network", &["ping"], "ping -6 -c1 -W1 fd09::1"),
    ("ping6 that ends on the way", &["ping"], "ping -6 -c1 -W1 -t 1 fd02::2"),
    ("arp", &[], "ip neigh flush all; busybox arping -c1 -I eth0 10.1.0.1"),
    ("arp for nobody", &[], "busybox arping -c1 -w1 -I eth0 10.1.0.99"),
    ("arp probe", &[], "busybox arping -D -c1 -w1 -I eth0 10.1.0.98"),
    (
        "arp announcement",
        &[],
        "busybox arping -U -c1 -I eth0 10.1.0.2; busybox arping -A -c1 -I eth0 10.1.0.2",
    ),
    ("traceroute", &["traceroute"], "traceroute -n -q 2 -w 1 10.2.0.2"),
    ("traceroute by echo", &["traceroute"], "traceroute -n -q 1 -w 1 -I 10.2.0.2"),
    ("traceroute by TCP", &["traceroute"], "traceroute -n -q 1 -w 1 -T -p 80 10.2.0.2"),
    ("traceroute6", &["traceroute"], "traceroute -6 -n -q 1 -w 1 fd02::2"),
    ("busybox traceroute", &[], "busybox traceroute -n -q 1 -w 1 10.2.0.2"),
    ("udp to nobody", &["nc"], "echo hello | nc -u -w 1 10.1.0.1 7"),
    ("tcp to nobody", &[], "busybox nc -w 1 10.1.0.1 81; busybox nc -w 1 fd01::1 81"),
    (
        "tcp",
        &["nc"],
        "(sleep 0.4; echo three) | ROUTER nc -l -q 0 7000 & listening 7000; (echo one; sleep 0.1; \
         echo two) | nc -q 1 10.1.0.1 7000",
    ),
    (
        "tcp6",
        &["nc"],
        "(sleep 0.4; echo three) | ROUTER nc -l -q 0 7002 & listening 7002; (echo one; sleep 0.1; \
         echo two) | nc -q 1 fd01::1 7002",
    ),
    (
        "tcp with ECN",
        &["curl"],
        "echo 1 > /proc/sys/net/ipv4/tcp_ecn; curl -s http://10.1.0.1/small; echo 2 > \
         /proc/sys/net/ipv4/tcp_ecn",
    ),
    (
        "tcp without options",
        &["curl"],
        "cd /proc/sys/net/ipv4; echo 0 > tcp_timestamps; echo 0 > tcp_sack; echo 0 > \
         tcp_window_scaling; curl -s http://10.1.0.1/small; echo 1 > tcp_timestamps; echo 1 > \
         tcp_sack; echo 1 > tcp_window_scaling",
    ),
    (
        "tcp with no window",
        &["nc"],
        "ROUTER sh -c 'echo 2304 2304 2304 > /proc/sys/net/ipv4/tcp_rmem; nc -l 7005 | sleep \
         0.9' & listening 7005; head -c 300000 /dev/zero | timeout 2 nc 10.1.0.1 7005; ROUTER sh \
         -c 'echo 4096 131072 6291456 > /proc/sys/net/ipv4/tcp_rmem'",
    ),
    (
        "tcp fast open",
        &["curl"],
        "echo 3 > /proc/sys/net/ipv4/tcp_fastopen; ROUTER sh -c 'echo 1027 > \
         /proc/sys/net/ipv4/tcp_fastopen'; curl -s --tcp-fastopen http://10.1.0.1/small; curl \
         -s --tcp-fastopen http://10.1.0.1/small",
    ),
    ("http", &["curl"], "curl -s http://10.1.0.1/index.html"),
    (
        "http without a page",
        &["curl"],
        "curl -s http://10.1.0.1:8080/none; curl -s -I http://10.1.0.1:8080/",
    ),
    ("http upload", &["curl"], "curl -s -d @www/index.html http://10.1.0.1/small"),
    ("http6", &["curl"], "curl -s http://[fd01::1]:8081/small; curl -s http://10.1.0.1:8080/small"),
    ("wget", &["wget"], "wget -q -O got http://10.1.0.1/small"),
    (
        "lines of mail",
        &["nc"],
        "ROUTER sh -c \"printf '220 mail\\r\\n' | nc -l -q 1 25\" & listening 25; printf 'HELO \
         pi\\r\\n' | nc -q 1 10.1.0.1 25",
    ),
    (
        "lines of files",
        &["nc"],
        "ROUTER sh -c \"printf '220 files\\r\\n' | nc -l -q 1 21\" & listening 21; printf 'USER \
         pi\\r\\n' | nc -q 1 10.1.0.1 21",
    ),
    (
        "a shell's first line",
        &["nc"],
        "ROUTER sh -c \"printf 'SSH-2.0-here\\r\\n' | nc -l -q 1 22\" & listening 22; printf \
         'SSH-2.0-there\\r\\n' | nc -q 1 10.1.0.1 22",
    ),
    (
        "dns",
        &["dig"],
        "dig +tries=1 +time=1 @10.1.0.1 pi.lan A; dig +tries=1 @10.1.0.1 pi.lan AAAA",
    ),
    (
        "dns that fails",
        &["dig"],
        "dig +tries=1 @10.1.0.1 no.lan A; dig +tries=1 @10.1.0.1 example.com A",
    ),
    (
        "dns texts",
        &["dig"],
        "dig +tries=1 @10.1.0.1 pi.lan TXT; dig +tries=1 @10.1.0.1 version.bind CH TXT",
    ),
    (
        "dns services",
        &["dig"],
        "dig +tries=1 @10.1.0.1 _http._tcp.lan SRV; dig +tries=1 @10.1.0.1 lan MX; dig \
         +tries=1 @10.1.0.1 www.lan A",
    ),
    (
        "dns backwards",
        &["dig"],
        "dig +tries=1 @10.1.0.1 -x 10.1.0.42; dig +tries=1 @10.1.0.1 -x fd01::42",
    ),
    ("dns without EDNS", &["dig"], "dig +tries=1 +noedns +nocookie @10.1.0.1 pi.lan ANY"),
    (
        "dns with options",
        &["dig"],
        "dig +tries=1 +dnssec +nsid +subnet=10.1.0.0/24 +padding=64 +cd @10.1.0.1 pi.lan A",
    ),
    ("dns over tcp", &["dig"], "dig +tries=1 +tcp @10.1.0.1 pi.lan A"),
    (
        "dns of other kinds",
        &["dig"],
        "dig +tries=1 +norecurse @10.1.0.1 lan SOA; dig +tries=1 @10.1.0.1 lan NS; dig \
         +opcode=notify +tries=1 @10.1.0.1 lan SOA; dig +opcode=update +tries=1 @10.1.0.1 lan \
         SOA",
    ),
    ("nslookup", &[], "busybox nslookup pi.lan 10.1.0.1"),
    ("dhcp", &[], "busybox udhcpc -i eth0 -n -q -t 3 -T 1 -s /bin/true -x hostname:pi"),
    (
        "dhclient",
        &["dhclient"],
        "timeout 20 dhclient -1 -d -sf /bin/true -lf $PWD/leases.client -pf $PWD/dhclient.pid \
         eth0 & for i in $(seq 80); do grep -q ^lease leases.client && break; sleep 0.1; \
         done; dhclient -r -sf /bin/true -lf $PWD/leases.client -pf $PWD/dhclient.pid eth0",
    ),
    (
        "mdns",
        &["avahi-daemon"],
        "unshare -m sh -c 'mkdir -p /run/avahi-daemon; mount -t tmpfs none /run/avahi-daemon; \
         timeout 3 avahi-daemon --no-drop-root --no-chroot --no-rlimits -f avahi.conf'",
    ),
    ("mdns question", &["dig"], "dig +tries=1 +time=1 @224.0.0.251 -p 5353 pi.local A"),
    (
        "ntp",
        &["chronyd"],
        "timeout 5 chronyd -Q -u root -t 3 'server 10.1.0.1 iburst maxsamples 2' \"pidfile \
         $PWD/client.pid\" 'cmdport 0'",
    ),
    ("tftp", &[], "busybox tftp -g -l got -r small 10.1.0.1"),
    ("tftp with options", &[], "busybox tftp -b 1024 -g -l got -r index.html 10.1.0.1"),
    (
        "tftp errors",
        &[],
        "busybox tftp -g -l got -r none 10.1.0.1; echo x > up; busybox tftp -p -l up -r up \
         10.1.0.1",
    ),
    (
        "syslog",
        &["logger"],
        "logger -n 10.1.0.1 -d --rfc3164 -p user.info hello; logger -n 10.1.0.1 -d --rfc5424 \
         -p local3.err 'and more'",
    ),
    ("telnet", &["telnet"], "(sleep 0.4; echo 'echo hi; exit'; sleep 0.4) | telnet 10.1.0.1"),
    (
        "busybox telnet",
        &[],
        "(sleep 0.4; echo 'echo hi; exit'; sleep 0.4) | timeout 2 busybox telnet 10.1.0.1",
    ),
    (
        "igmp",
        &[],
        "ip addr add 239.1.2.3/32 dev eth0 autojoin; sleep 0.3; ip addr del 239.1.2.3/32 dev \
         eth0; sleep 0.3",
    ),
    (
        "igmp of old",
        &[],
        "for v in 2 1; do echo $v > /proc/sys/net/ipv4/conf/eth0/force_igmp_version; ip addr \
         add 239.1.2.$v/32 dev eth0 autojoin; sleep 0.3; ip addr del 239.1.2.$v/32 dev eth0; \
         sleep 0.3; done; echo 0 > /proc/sys/net/ipv4/conf/eth0/force_igmp_version",
    ),
    (
        "multicast listeners",
        &[],
        "ip -6 addr add ff05::77/128 dev eth0 autojoin; sleep 0.3; ip -6 addr del \
         ff05::77/128 dev eth0; sleep 0.3; echo 1 > \
         /proc/sys/net/ipv6/conf/eth0/force_mld_version; ip -6 addr add ff05::78/128 dev eth0 \
         autojoin; sleep 0.3; ip -6 addr del ff05::78/128 dev eth0; sleep 0.2; echo 0 > \
         /proc/sys/net/ipv6/conf/eth0/force_mld_version",
    ),
    (
        "neighbors",
        &["ping"],
        "ip -6 neigh flush dev eth0; ping -6 -c1 -W1 fd01::1; ping -6 -c1 -W1 fd01::99",
    ),
    (
        "duplicate address detection",
        &[],
        "ip -6 addr add fd01::55/64 dev eth0; sleep 1.2; ip -6 addr del fd01::55/64 dev eth0",
    ),
    ("routers", &["rdisc6"], "timeout 4 rdisc6 -1 eth0"),
    ("ndisc6", &["ndisc6"], "timeout 2 ndisc6 -1 fd01::1 eth0"),
    (
        "vlan",
        &["ping"],
        "ip link add link eth0 name eth0.7 type vlan id 7; ip addr add 10.7.0.2/24 dev \
         eth0.7; ip link set eth0.7 up; ROUTER ip link add link eth0 name eth0.7 type vlan id \
         7; ROUTER ip addr add 10.7.0.1/24 dev eth0.7; ROUTER ip link set eth0.7 up; ping -c1 \
         -W1 10.7.0.1; ip link del eth0.7; ROUTER ip link del eth0.7",
    ),
    (
        "packets in packets",
        &["ping"],
        "ip tunnel add t0 mode ipip local 10.1.0.2 remote 10.1.0.1 && ip addr add 10.6.0.2/24 \
         dev t0 && ip link set t0 up; ROUTER ip tunnel add t0 mode ipip local 10.1.0.1 remote \
         10.1.0.2; ROUTER ip addr add 10.6.0.1/24 dev t0; ROUTER ip link set t0 up; ping -c1 \
         -W1 10.6.0.1; ip link del t0; ROUTER ip link del t0",
    ),
];

/// Programs that some conversations lack on this machine.
pub fn missing_programs() -> Vec<&'static str> {
    let needed = SCRIPTS.iter().flat_map(|(_, programs, _)| programs.iter().copied());
    needed.filter(|program| !is_installed(program)).collect()
}

static RECORDED: OnceLock<Vec<Capture>> = OnceLock::new();

/// The conversations; none where they cannot be had.
pub fn recorded() -> &'static [Capture] {
    RECORDED.get_or_init(|| {
        let Some(mut lab) = Lab::new() else { return Vec::new() };
        let mut scripts = Vec::new();
        for (name, programs, script) in SCRIPTS {
            match programs.iter().find(|program| !is_installed(program)) {
                Some(missing) => eprintln!("skipped: {name} needs {missing}"),
                None => scripts.push((*name, *script)),
            }
        }
        let mut captures = lab.record(&scripts);
        captures.retain(|capture| {
            if capture.frames.is_empty() {
                eprintln!("skipped: {} was not heard", capture.name);
            }
            !capture.frames.is_empty()
        });
        captures
    })
}

/// All conversations as one.
pub fn together() -> Option<Capture> {
    let frames: Vec<_> = recorded().iter().flat_map(|capture| capture.frames.clone()).collect();
    (!frames.is_empty()).then(|| Capture { name: "all conversations".into(), frames })
}
