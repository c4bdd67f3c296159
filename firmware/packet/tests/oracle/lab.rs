//! A network of this test's own: a client, a router that also serves, and a host behind it.
//!
//! ```text
//!   client eth0 ---- eth0 router eth1 ---- eth0 far          namespaces, joined by veth pairs
//!   10.1.0.2         10.1.0.1  10.2.0.1    10.2.0.2          MTU 1400 behind the router
//!   fd01::2          fd01::1   fd02::1     fd02::2
//! ```

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use super::capture::{Capture, Captured, parse};

/// The longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How `timeout` ends when its time is over, itself among what it kills.
const TIMED_OUT: [Option<i32>; 2] = [Some(137), None];

/// Conversations are separated by pings filled with this, and the number of the one that follows.
const MARK: [u8; 4] = *b"mark";

/// The namespaces, their folder, and what runs in them. Dropping it removes all.
pub struct Lab {
    prefix: String,
    folder: PathBuf,
    children: Vec<Child>,
}

/// Programs, from Debian's packages, that conversations need.
pub fn is_installed(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from);
    std::env::split_paths(&folders).chain(more).any(|folder| folder.join(program).is_file())
}

impl Lab {
    /// Makes the network and starts the servers; says why not if it cannot.
    pub fn new() -> Option<Self> {
        let user = Command::new("id").arg("-u").output().ok()?;
        if user.stdout != b"0\n" {
            eprintln!("skipped: conversations of real tools need root, for network namespaces");
            return None;
        }
        if let Some(missing) =
            ["ip", "tcpdump", "dnsmasq", "busybox", "ping"].iter().find(|p| !is_installed(p))
        {
            eprintln!("skipped: conversations of real tools need {missing}");
            return None;
        }
        let prefix = format!("packet-{}-", std::process::id());
        let folder = std::env::temp_dir().join(format!("{prefix}lab"));
        fs::create_dir_all(&folder).unwrap();
        let mut lab = Self { prefix, folder, children: Vec::new() };
        lab.wire();
        lab.serve();
        Some(lab)
    }

    fn ip(&self, line: &str) {
        let line = line.replace('@', &self.prefix);
        let output = Command::new("ip").args(line.split(' ')).output().unwrap();
        assert!(output.status.success(), "ip {line}: {output:?}");
    }

    fn wire(&self) {
        for name in ["client", "router", "far"] {
            self.ip(&format!("netns add @{name}"));
        }
        // Made inside, so that no interface of the machine is touched.
        self.ip("-n @client link add eth0 type veth peer name eth0 netns @router");
        self.ip("-n @router link add eth1 type veth peer name eth0 netns @far");
        for (name, interface, address, address6) in [
            ("client", "eth0", "10.1.0.2/24", "fd01::2/64"),
            ("router", "eth0", "10.1.0.1/24", "fd01::1/64"),
            ("router", "eth1", "10.2.0.1/24", "fd02::1/64"),
            ("far", "eth0", "10.2.0.2/24", "fd02::2/64"),
        ] {
            self.ip(&format!("-n @{name} addr add {address} brd + dev {interface}"));
            self.ip(&format!("-n @{name} addr add {address6} dev {interface} nodad"));
            self.ip(&format!("-n @{name} link set {interface} up"));
            self.ip(&format!("-n @{name} link set lo up"));
        }
        self.ip("-n @client route add default via 10.1.0.1");
        self.ip("-n @client -6 route add default via fd01::1");
        self.ip("-n @far route add default via 10.2.0.1");
        self.ip("-n @far -6 route add default via fd02::1");
        self.ip("-n @router link set eth1 mtu 1400");
        self.ip("-n @far link set eth0 mtu 1400");
        for (kind, address) in [
            ("unreachable", "10.9.0.0/16"),
            ("prohibit", "10.8.0.0/16"),
            ("unreachable", "fd09::/64"),
        ] {
            self.ip(&format!("-n @router route add {kind} {address}"));
        }
        // Where tcpdump knows no protocols.
        for name in ["client", "router"] {
            self.shell(name, "echo 50000 60000 > /proc/sys/net/ipv4/ip_local_port_range");
        }
        self.shell("router", "echo 1 > /proc/sys/net/ipv4/ip_forward");
        self.shell("router", "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
        self.shell("router", "echo 1 > /proc/sys/net/ipv4/conf/eth0/send_redirects");
        // Errors are to come each time, not once a second.
        self.shell("router", "echo 0 > /proc/sys/net/ipv4/icmp_ratelimit");
        self.shell("router", "echo 0 > /proc/sys/net/ipv6/icmp/ratelimit");
    }

    /// What runs a script in a namespace, behind a program that runs it, if there is one.
    fn command(&self, behind: &[&str], place: &str, script: &str) -> Command {
        let (namespace, script) =
            (format!("{}{place}", self.prefix), format!("{PROTECTION}{script}"));
        let words = ["ip", "netns", "exec", &namespace, "sh", "-c", &script];
        let mut words = behind.iter().chain(&words);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Runs a script in a namespace; tools whose error is the point may fail.
    fn shell(&self, place: &str, script: &str) {
        let limit = PATIENCE.as_secs().to_string();
        let limited = ["timeout", "--signal=KILL", &limit];
        let status = self.command(&limited, place, script).status();
        let status = status.unwrap_or_else(|error| panic!("{error}: {script}"));
        assert!(!TIMED_OUT.contains(&status.code()), "took too long: {script}");
    }

    fn spawn(&mut self, place: &str, script: &str) {
        let child = self.command(&[], place, script).spawn().unwrap();
        self.children.push(child);
    }

    fn serve(&mut self) {
        let page = "<html>hello</html>\n".repeat(2_000);
        fs::create_dir_all(self.folder.join("www")).unwrap();
        fs::write(self.folder.join("www/index.html"), page).unwrap();
        fs::write(self.folder.join("www/small"), "small\n").unwrap();
        fs::write(self.folder.join("avahi.conf"), AVAHI).unwrap();
        fs::set_permissions(&self.folder, world_readable()).unwrap();
        let servers = [
            "exec dnsmasq --no-daemon --conf-file=/dev/null --user=root --pid-file= --no-resolv \
             --no-hosts --no-ping --interface=eth0 --bind-interfaces --dhcp-leasefile=leases \
             --dhcp-range=10.1.0.100,10.1.0.150,255.255.255.0,2m \
             --dhcp-option=option:router,10.1.0.1 --dhcp-option=option:dns-server,10.1.0.1 \
             --dhcp-option=option:ntp-server,10.1.0.1 --domain=lan \
             --dhcp-option=option:classless-static-route,10.2.0.0/24,10.1.0.1,0.0.0.0/0,10.1.0.1 \
             --dhcp-range=fd01::,ra-only,64 --enable-ra --ra-param=eth0,4 \
             --enable-tftp --tftp-root=$PWD/www --local=/lan/ --local=/nx.lan/ \
             --host-record=pi.lan,10.1.0.42,fd01::42 --cname=www.lan,pi.lan \
             --txt-record=pi.lan,'a text','and more' --mx-host=lan,pi.lan,10 \
             --srv-host=_http._tcp.lan,pi.lan,80,1,2 --auth-ttl=60 --local-ttl=3600",
            "exec busybox httpd -f -p 80 -h www",
            "exec busybox httpd -f -p 8080 -h www",
            "exec busybox httpd -f -p '[::]:8081' -h www",
            "exec busybox telnetd -F -p 23 -l /bin/sh",
        ];
        for server in servers {
            self.spawn("router", server);
        }
        if is_installed("chronyd") {
            let settings = format!("{CHRONY}pidfile {}/chrony.pid\n", self.folder.display());
            fs::write(self.folder.join("chrony.conf"), settings).unwrap();
            self.spawn("router", "exec chronyd -d -x -u root -f chrony.conf");
        }
        // Ready when each of them answers.
        for port in [53, 80, 8080, 8081, 23] {
            let probe = format!("busybox nc -w 1 10.1.0.1 {port} < /dev/null");
            let test =
                format!("for i in $(seq 200); do {probe} && exit 0; sleep 0.02; done; exit 1");
            self.shell("client", &test);
        }
    }

    /// Plays conversations, each a name and a script for the client, and captures them there. In a
    /// script `ROUTER` stands before what is to run on the router.
    pub fn record(&mut self, conversations: &[(&str, &str)]) -> Vec<Capture> {
        let line = "exec tcpdump -i eth0 -U --immediate-mode -s 0 -Z root -w -";
        let mut command = self.command(&[], "client", line);
        let mut tcpdump = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let captured = read_along(tcpdump.stdout.take().unwrap());
        let mut errors = BufReader::new(tcpdump.stderr.take().unwrap());
        let mut heard = String::new();
        while !heard.contains("listening on") {
            heard.clear();
            assert!(errors.read_line(&mut heard).unwrap() > 0, "tcpdump ended");
        }
        let router = format!("ip netns exec {}router ", self.prefix);
        for (number, (_, script)) in conversations.iter().enumerate() {
            self.mark(number);
            let script = format!("{HELPERS}{script}").replace("ROUTER ", &router);
            self.shell("client", &script);
        }
        let last = conversations.len();
        self.mark(last);
        let frames = up_to_mark(&captured, last);
        tcpdump.kill().unwrap();
        tcpdump.wait().unwrap();
        split(frames, conversations)
    }

    fn mark(&self, number: usize) {
        let pattern: String = MARK.iter().map(|byte| format!("{byte:02x}")).collect();
        self.shell("client", &format!("ping -c1 -W1 -p {pattern}{number:04x} 10.1.0.1"));
    }
}

/// Hands on what comes from a program as it comes, so that the program never waits for us.
fn read_along(mut from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut piece = [0; 65_536];
        while let Ok(length @ 1..) = from.read(&mut piece)
            && sender.send(piece[..length].to_vec()).is_ok()
        {}
    });
    receiver
}

/// What was captured, as soon as this mark is in it.
fn up_to_mark(captured: &Receiver<Vec<u8>>, number: usize) -> Vec<Captured> {
    let mut bytes = captured.try_iter().flatten().collect::<Vec<_>>();
    let is_marked = |frame: &Captured| mark_of(frame).is_some_and(|mark| mark.0 == number);
    loop {
        let frames = parse(&bytes);
        if frames.iter().any(is_marked) {
            return frames;
        }
        let more = captured.recv_timeout(PATIENCE);
        bytes.extend(more.unwrap_or_else(|_| panic!("mark {number} was not captured")));
    }
}

/// A multicast DNS responder with all that it can tell.
const AVAHI: &str = "[server]\nhost-name=pi\nuse-ipv6=yes\nallow-interfaces=eth0\n\
     enable-dbus=no\n[publish]\npublish-hinfo=yes\npublish-workstation=yes\n";

/// Some tools remove what they wrote to when something went wrong: none shall remove a device. `ip
/// netns exec` has given the script mounts of its own.
const PROTECTION: &str = "mount --rbind /dev /dev && mount -o remount,ro,bind /dev || exit 1; ";

/// What scripts may use: `listening PORT` waits until the router listens there.
const HELPERS: &str = "listening() { port=$(printf :%04X $1); \
     until ROUTER grep -q \"$port 0*:0000 0A\" /proc/net/tcp /proc/net/tcp6; \
     do sleep 0.01; done; }; ";

/// A server of time that is its own source.
const CHRONY: &str = "local stratum 1\nallow all\nport 123\ncmdport 0\n";

fn world_readable() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(0o755)
}

/// The number in a mark, and whether it is the request.
fn mark_of(frame: &Captured) -> Option<(usize, bool)> {
    let bytes = &frame.bytes;
    let is_ping = bytes.get(12..14)? == [8, 0] && bytes.get(23) == Some(&1);
    // Behind the headers and the time that ping keeps in its first bytes the pattern repeats.
    let end = bytes.get(42 + 16..)?;
    let at = end.windows(4).position(|window| window == MARK).filter(|_| is_ping)?;
    let number = end.get(at + 4..at + 6)?;
    Some((usize::from(number[0]) << 8 | usize::from(number[1]), bytes[34] == 8))
}

/// The conversations between the marks.
fn split(frames: Vec<Captured>, conversations: &[(&str, &str)]) -> Vec<Capture> {
    let mut captures: Vec<Capture> = Vec::new();
    for frame in frames {
        match mark_of(&frame) {
            Some((number, true)) => {
                let name = conversations.get(number).map_or("end", |row| row.0).to_owned();
                captures.push(Capture { name, frames: Vec::new() });
            }
            Some((_, false)) => {}
            None => {
                if let Some(last) = captures.last_mut() {
                    last.frames.push(frame);
                }
            }
        }
    }
    captures.retain(|capture| capture.name != "end");
    captures
}

impl Drop for Lab {
    fn drop(&mut self) {
        for child in &mut self.children {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
        for name in ["client", "router", "far"] {
            let name = format!("{}{name}", self.prefix);
            let pids = Command::new("ip").args(["netns", "pids", &name]).output();
            let pids = pids.map(|output| output.stdout).unwrap_or_default();
            for pid in String::from_utf8_lossy(&pids).split_whitespace() {
                let _ = Command::new("kill").args(["-9", pid]).status();
            }
            let _ = Command::new("ip").args(["netns", "delete", &name]).status();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}
