//! What is typed on the board, and beside it. 192.168.77.1 is the router, where the servers are; it
//! swallows 10.4.0.0/24 and refuses 10.1.0.0/24.

use crate::compare::Aside::Rest;
use crate::compare::{Exception, Row, same};

/// `wget` beside GNU wget 1.21.3.
pub const WGET: &[Row] = &[
    // A favicon, from a server nobody here wrote.
    same("wget -O /dev/null http://192.168.77.1:8083/favicon.ico"),
    same("wget -O - http://192.168.77.1:8083/index.html"),
    same("wget -q -O - http://192.168.77.1:8083/index.html"),
    same("wget -nv -O /dev/null http://192.168.77.1:8083/favicon.ico"),
    same("wget -nv -O - http://192.168.77.1:8083/index.html"),
    same("wget -O /dev/null http://192.168.77.1:8083/big.bin"),
    same("wget --spider http://192.168.77.1:8083/favicon.ico"),
    same("wget --spider http://192.168.77.1:8083/"),
    same("wget -O /dev/null http://192.168.77.1:8083/nope"),
    same("wget -nv -O /dev/null http://192.168.77.1:8083/nope"),
    same("wget -q -O /dev/null http://192.168.77.1:8083/nope"),
    same("wget --spider http://192.168.77.1:8083/nope"),
    same("wget -O /dev/null 192.168.77.1:8083/favicon.ico"),
    // Several.
    same("wget -O /dev/null http://192.168.77.1:8080/plain http://192.168.77.1:8080/typed"),
    // Answers of all kinds.
    same("wget -O - http://192.168.77.1:8080/plain"),
    same("wget -O /dev/null http://192.168.77.1:8080/chunks"),
    same("wget -q -O - http://192.168.77.1:8080/chunks"),
    same("wget -O /dev/null http://192.168.77.1:8080/moved"),
    same("wget -O /dev/null http://192.168.77.1:8080/a/b"),
    same("wget --max-redirect=2 -O /dev/null http://192.168.77.1:8080/loop"),
    same("wget -O /dev/null http://192.168.77.1:8080/nowhere"),
    same("wget -O /dev/null http://192.168.77.1:8080/foo"),
    same("wget -t 2 -O /dev/null http://192.168.77.1:8080/short"),
    same("wget -O /dev/null http://192.168.77.1:8080/junk"),
    same("wget -t 2 -O /dev/null http://192.168.77.1:8080/empty"),
    same("wget -O /dev/null http://192.168.77.1:8080/none"),
    same("wget -O /dev/null http://192.168.77.1:8080/zero"),
    same("wget -O /dev/null http://192.168.77.1:8080/error"),
    same("wget -O /dev/null http://192.168.77.1:8080/silent"),
    same("wget -O /dev/null http://192.168.77.1:8080/secret"),
    same("wget -S -O /dev/null http://192.168.77.1:8080/typed"),
    same("wget -q -S -O /dev/null http://192.168.77.1:8080/typed"),
    same("wget -S --spider http://192.168.77.1:8080/typed"),
    same("wget -T 1 -t 2 -O /dev/null http://192.168.77.1:8080/hang"),
    // Nobody there.
    same("wget -O /dev/null http://192.168.77.1:81/"),
    same("wget -nv -O /dev/null http://192.168.77.1:81/"),
    same("wget -q -O /dev/null http://192.168.77.1:81/"),
    same("wget -T 1 -t 1 -O /dev/null http://10.4.0.9/"),
    same("wget -t 1 -O /dev/null http://10.1.0.9/"),
    // Names.
    same("wget -O /dev/null http://gate.lab:8080/plain"),
    same("wget -O /dev/null http://nosuch.lab/"),
    same("wget -4 -O /dev/null http://router.lab:8080/plain"),
    // Wrong use.
    same("wget"),
    same("wget --foo"),
    same("wget -z"),
    same("wget -O"),
    same("wget -T x http://192.168.77.1/"),
    same("wget -T -1 http://192.168.77.1/"),
    same("wget -t -1 http://192.168.77.1/"),
    same("wget -O /dev/null foo://192.168.77.1/"),
    same("wget -O /dev/null http:///"),
    same("wget -O /dev/null http://192.168.77.1:99999/"),
    same("wget -O /dev/null http://192.168.77.1:x/"),
    same("wget -O /dev/null http://[::1/"),
];

/// `nc` beside OpenBSD's netcat of Debian, 1.219.
pub const NC: &[Row] = &[
    same("nc -vz 192.168.77.1 8083"),
    same("nc -nvz 192.168.77.1 8083"),
    same("nc -z 192.168.77.1 8083"),
    same("nc -z 192.168.77.1 81"),
    same("nc -vz 192.168.77.1 8082-8084"),
    same("nc -vz 192.168.77.1 8084-8082 81"),
    same("nc -vz gate.lab 8083"),
    same("nc -vz gate.lab 81"),
    same("nc -v -w 1 10.4.0.9 80"),
    same("nc -v 10.1.0.9 80"),
    same("nc -v nosuch.lab 80"),
    same("nc -nv gate.lab 80"),
    same("nc -vzu -w 1 192.168.77.1 9"),
    same("nc -w 1 192.168.77.1 8023"),
    same("nc -6 -vz 192.168.77.1 80"),
    // Wrong use. The usage lists the options, of which we have fewer.
    same("nc").aside(&[Rest]).except(&[Exception {
        real: r"usage: nc \[-46CDdFhklNnrStUuvZz\].*",
        ours: r"usage: nc \[-46CdhklNnuvz\].*",
        why: "the usage lists the options that are there",
    }]),
    same("nc -l"),
    same("nc 192.168.77.1"),
    same("nc 192.168.77.1 99999"),
    same("nc 192.168.77.1 0"),
    same("nc 192.168.77.1 x"),
    same("nc -w x 192.168.77.1 80"),
    same("nc -l -z 900"),
    same("nc -k 192.168.77.1 80"),
    same("nc -l -v -p x"),
    same("nc -y").aside(&[Rest]),
    same("nc -w").aside(&[Rest]),
];

/// `telnet` beside GNU inetutils 2.4.
pub const TELNET: &[Row] = &[
    same("telnet 192.168.77.1 81"),
    same("telnet 192.168.77.1 http"),
    same("telnet 10.1.0.9"),
    same("telnet gate.lab 81"),
    same("telnet nosuch.lab"),
    same("telnet 192.168.77.1 99999"),
    same("telnet 192.168.77.1 0"),
    same("telnet 192.168.77.1 x"),
    same("telnet a b c"),
    same("telnet -z"),
    same("telnet --foo"),
];
