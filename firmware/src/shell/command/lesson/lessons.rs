//! The lessons: what to do, and what must have been on the wire afterwards.

use crate::wire::Way;

/// A lesson.
#[derive(Clone, Copy, Debug)]
pub struct Lesson {
    /// What it is about.
    pub title: &'static str,
    /// What there is to know, and what to type. `{me}`, `{net}` and `{router}` are the board's.
    pub text: &'static str,
    /// What must have happened, in this order.
    pub proofs: &'static [Proof],
}

/// What must have happened.
#[derive(Clone, Copy, Debug)]
pub enum Proof {
    /// Frames passed.
    Frames {
        /// How it is told: `the router's answer`.
        what: &'static str,
        /// Which way.
        way: Way,
        /// Which ones, in the language of tcpdump's filters.
        filter: &'static str,
        /// How many.
        times: u16,
    },
    /// From the proof before to the next one, no such frame passed.
    Without {
        /// How it is told.
        what: &'static str,
        /// Which way.
        way: Way,
        /// Which ones.
        filter: &'static str,
    },
    /// TCP sent segments again.
    SentAgain,
}

const fn seen(what: &'static str, way: Way, filter: &'static str) -> Proof {
    Proof::Frames { what, way, filter, times: 1 }
}

const ECHO: &str = "icmp[icmptype] == icmp-echo";
const REPLY: &str = "icmp[icmptype] == icmp-echoreply";

/// All of them, in the order of a first visit.
pub const LESSONS: [Lesson; 12] = [
    Lesson {
        title: "a ping, and what goes before it",
        text: "\
A packet for a neighbor needs the neighbor's Ethernet address, and IP does not
know it. So ARP asks everybody: who has this address? Only the one who has it
answers. Then the echo request can go.

    arp -d {router}
    ping -c 1 {router}
",
        proofs: &[
            seen("your question: who has the router's address?", Way::Out, "arp[6:2] == 1"),
            seen("the answer, with an Ethernet address", Way::In, "arp[6:2] == 2"),
            seen("the echo request", Way::Out, ECHO),
            seen("the echo reply", Way::In, REPLY),
        ],
    },
    Lesson {
        title: "the table remembers",
        text: "\
The answer was kept. The second ping asks nobody: compare its time with the
first one's, and look at the entry and the seconds it has left.

    ping -c 1 {router}
    arp -n
",
        proofs: &[
            Proof::Without {
                what: "a question to everybody",
                way: Way::Out,
                filter: "ether broadcast and arp dst host {router}",
            },
            seen(
                "the echo request, at once",
                Way::Out,
                "icmp[icmptype] == icmp-echo and dst host {router}",
            ),
            seen("the echo reply", Way::In, REPLY),
        ],
    },
    Lesson {
        title: "the table forgets",
        text: "\
Machines come and go, so nothing is believed for ever. Ping another machine,
such as your telephone, switch its network off, and wait half a minute: arp -n
calls the entry stale. Ping again. After five seconds without an answer the
board asks that machine alone whether it is still there, and then everybody.

    ping -c 1 ADDRESS
    arp -n                                    half a minute later
    ping -c 10 ADDRESS
",
        proofs: &[
            seen("an echo request", Way::Out, ECHO),
            seen(
                "a question to one machine: are you still there?",
                Way::Out,
                "arp[6:2] == 1 and not ether broadcast",
            ),
        ],
    },
    Lesson {
        title: "the mask decides",
        text: "\
Your network is {net}. An address within it is a neighbor's and gets its own
frame; every other one goes to the router, in a frame to the router's Ethernet
address and with the far machine's IP address. route get says which and why.

    route get 192.0.2.1
    ping -c 1 {router}
    ping -c 1 -W 1 192.0.2.1
",
        proofs: &[
            seen(
                "an echo request within your network",
                Way::Out,
                "icmp[icmptype] == icmp-echo and dst net {net}",
            ),
            seen(
                "an echo request to a far one",
                Way::Out,
                "icmp[icmptype] == icmp-echo and not dst net {net} and not ether broadcast",
            ),
        ],
    },
    Lesson {
        title: "the longest prefix wins",
        text: "\
Several routes may lead to an address; the most particular one is taken. A
route for one machine (a prefix of 32 bits) beats the default (of 0 bits): this
one claims that 198.51.100.7 is a neighbor, so the board asks for it by ARP,
and asks nobody for 198.51.100.8.

    route add -host 198.51.100.7 dev eth0
    ping -c 1 -W 1 198.51.100.8
    ping -c 1 -W 1 198.51.100.7
    route del -host 198.51.100.7 dev eth0
",
        proofs: &[
            seen(
                "a packet to 198.51.100.8, by the router",
                Way::Out,
                "icmp and dst host 198.51.100.8",
            ),
            seen("a question for 198.51.100.7 itself", Way::Out, "arp dst host 198.51.100.7"),
        ],
    },
    Lesson {
        title: "the handshake, and what is agreed in it",
        text: "\
TCP begins with three segments. The first two carry options: how large a
segment may be, whether windows are scaled, selective acknowledgements and
timestamps understood. From another machine, while you watch:

    tcpdump -c 3 -n port 80                   here
    curl http://{me}/status.json              there
",
        proofs: &[
            seen("their SYN", Way::In, "port 80 and tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn"),
            seen(
                "your SYN and ACK",
                Way::Out,
                "port 80 and tcp[tcpflags] & (tcp-syn|tcp-ack) == (tcp-syn|tcp-ack)",
            ),
            seen("their ACK", Way::In, "port 80 and tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-ack"),
        ],
    },
    Lesson {
        title: "the goodbye",
        text: "\
Each half of a connection ends by itself, with a FIN that is acknowledged like
any byte. From another machine:

    curl http://{me}/status.json
    netstat -nt                               here, afterwards
",
        proofs: &[
            seen("a FIN of theirs", Way::In, "port 80 and tcp[tcpflags] & tcp-fin != 0"),
            seen("a FIN of yours", Way::Out, "port 80 and tcp[tcpflags] & tcp-fin != 0"),
        ],
    },
    Lesson {
        title: "tinygrams",
        text: "\
In character mode each key travels alone: one byte in a frame of 60, and its
echo in another one. Log in by telnet, and type slowly:

    mode -v char
    echo hello world
",
        proofs: &[Proof::Frames {
            what: "segments of one byte",
            way: Way::In,
            filter: "port 23 and ip[2:2] - ((ip[0] & 15) << 2) - ((tcp[12] & 0xf0) >> 2) == 1",
            times: 8,
        }],
    },
    Lesson {
        title: "a line at a time",
        text: "\
In line mode your client edits and sends whole lines: the same words in one
segment. mode -v tells what either costs.

    mode -v line
    echo hello world
    mode char
",
        proofs: &[Proof::Frames {
            what: "a segment with a whole line",
            way: Way::In,
            filter: "port 23 and ip[2:2] - ((ip[0] & 15) << 2) - ((tcp[12] & 0xf0) >> 2) > 8",
            times: 1,
        }],
    },
    Lesson {
        title: "loss, and how TCP makes it good",
        text: "\
Let the dial lose what the board sends, fetch something from another machine,
and see that every byte arrives all the same.

    netem out loss 10%
    curl -o /tmp/bytes 'http://{me}/bytes?count=400000'      there
    netem off
    netstat -s
",
        proofs: &[seen("the request", Way::In, "dst port 80"), Proof::SentAgain],
    },
    Lesson {
        title: "a name",
        text: "\
People have names for machines, packets have addresses. One question by UDP to
a name server, one answer.

    host example.org
",
        proofs: &[
            seen("your question", Way::Out, "udp dst port 53"),
            seen("the answer", Way::In, "udp src port 53"),
        ],
    },
    Lesson {
        title: "the way there",
        text: "\
Every router takes one from a packet's time to live, and the one that takes the
last says so. traceroute sends packets that live for 1, 2, 3.. hops, and so
hears of every router on the way.

    traceroute -n -q 1 -w 1 192.0.2.1
",
        proofs: &[
            seen("a packet that lives for one hop", Way::Out, "udp and ip[8] == 1"),
            seen(
                "what became of it",
                Way::In,
                "icmp[icmptype] == icmp-timxceed or icmp[icmptype] == icmp-unreach",
            ),
        ],
    },
];
