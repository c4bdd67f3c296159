//! For tests: what the real tools print about a network namespace of a known state.

use std::process::Command;
use std::string::String;
use std::{eprintln, format};

/// The state: addresses, routes and neighbours as the tests of the formatters know them. Without
/// IPv6 but for ::1, since link-local addresses come at times of their own; and without name
/// servers, for whom the tools would wait.
const SETUP: &str = "
    mount --bind /dev/null /etc/resolv.conf
    echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
    ip link set lo up
    ip link add eth0 address b8:27:eb:12:34:56 type veth peer name peer0
    ip link set peer0 up
    ip link set eth0 up
    ip addr add 192.168.1.42/24 brd + dev eth0
    ip route add default via 192.168.1.1
    ip route add 10.1.0.0/16 via 192.168.1.254 metric 5
    ip route add 10.2.3.4 via 192.168.1.254
    ip neigh replace 192.168.1.1 lladdr 92:bf:fa:94:c4:4f dev eth0 nud permanent
    ip neigh replace 192.168.1.7 lladdr 02:00:00:00:00:07 dev eth0 nud stale
    ip neigh replace 192.168.1.77 dev eth0 nud incomplete
";

/// What the shell's `commands` print in a namespace of that state; `None` if these tools cannot be
/// run here, which is said.
pub fn real(tool: &str, commands: &str) -> Option<String> {
    let run = |script: &str| {
        Command::new("unshare").args(["-rnum", "sh", "-ec", script]).env("LC_ALL", "C").output()
    };
    let probe = run(&format!("command -v ip {tool}"));
    if !probe.is_ok_and(|probe| probe.status.success()) {
        eprintln!("skipped: needs ip and {tool}, and may make network namespaces");
        return None;
    }
    let output = run(&format!("{SETUP}\n{commands}")).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{commands}: {errors}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}
