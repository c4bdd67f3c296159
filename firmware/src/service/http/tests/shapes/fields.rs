//! Fields, and the one that must be there.

use super::Row;

/// A GET with these fields.
macro_rules! get {
    ($fields:literal) => {
        concat!("GET / HTTP/1.1\r\nHost: pi\r\n", $fields, "\r\n\r\n").as_bytes()
    };
}

/// A request as it is.
macro_rules! all {
    ($text:literal) => {
        $text.as_bytes()
    };
}

/// The rows.
pub(super) const ROWS: &[Row] = &[
    // Names that are none.
    (get!(":"), 400),
    (get!(": y"), 400),
    (get!(" : y"), 400),
    (get!("X"), 400),
    (get!("X y"), 400),
    (get!("nonsense here"), 400),
    (get!("X Y: z"), 400),
    (get!("X\tY: z"), 400),
    (get!("X :y"), 400),
    (get!("X\t: y"), 400),
    (get!("(X): y"), 400),
    (get!("X@Y: z"), 400),
    (get!("X[0]: y"), 400),
    (get!("X{0}: y"), 400),
    (get!("X\\Y: z"), 400),
    (get!("\"X\": y"), 400),
    (get!("X/Y: z"), 400),
    (get!("X;Y: z"), 400),
    (get!("X=Y: z"), 400),
    (get!("X?Y: z"), 400),
    (get!("<X>: y"), 400),
    (get!("X,Y: z"), 400),
    (get!("X\u{e4}: y"), 400),
    (get!("\u{feff}X: y"), 400),
    (get!("\0X: y"), 400),
    (get!("X\0: y"), 400),
    (get!("\u{1b}X: y"), 400),
    (get!("X\u{7f}: y"), 400),
    // Folded lines.
    (get!(" X: y"), 400),
    (get!("\tX: y"), 400),
    (get!("  "), 400),
    (get!("\t"), 400),
    (get!("X: y\r\n z"), 400),
    (get!("X: y\r\n\tz"), 400),
    (get!("X: y\r\n \r\nZ: y"), 400),
    (get!("X: y\r\n "), 400),
    (get!("X:\r\n y"), 400),
    (get!("X: y\r\n :"), 400),
    (get!("X: y\r\n \t z: a"), 400),
    // Values that hold what they may not.
    (get!("X: y\0"), 400),
    (get!("X: \u{1}"), 400),
    (get!("X: y\u{8}z"), 400),
    (get!("X: \u{7f}"), 400),
    (get!("X: \u{1b}[2J"), 400),
    (get!("X: y\u{b}z"), 400),
    (get!("X: y\u{c}z"), 400),
    // Line ends that are none.
    (get!("X: y\n"), 400),
    (get!("X: y\r"), 400),
    (get!("X: y\r\r"), 400),
    (get!("X: y\n\nZ: y"), 400),
    (get!("X: y\rZ: y"), 400),
    (get!("X: y\n\rZ: y"), 400),
    (get!("X: y\r\r\nZ: y"), 400),
    (get!("X: y\n\r\nZ: y"), 400),
    (get!("\n"), 400),
    (get!("\r"), 400),
    (get!("\rX: y"), 400),
    (get!("\nX: y"), 400),
    (get!("X:\ny"), 400),
    (get!("X:\ry"), 400),
    (get!("X\r: y"), 400),
    (get!("X\n: y"), 400),
    // Two Hosts.
    (get!("Host: pi"), 400),
    (get!("Host: elsewhere"), 400),
    (get!("HOST: pi"), 400),
    (get!("host:"), 400),
    (get!("X: y\r\nhOsT: pi"), 400),
    (all!("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), 400),
    // None.
    (all!("GET / HTTP/1.1\r\n\r\n"), 400),
    (all!("HEAD / HTTP/1.1\r\n\r\n"), 400),
    (all!("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), 400),
    (all!("OPTIONS * HTTP/1.1\r\n\r\n"), 400),
    (all!("GET http://pi/ HTTP/1.1\r\n\r\n"), 400),
    (all!("GET / HTTP/1.1\r\nX: y\r\n\r\n"), 400),
    (all!("GET / HTTP/1.1\r\nHost : pi\r\n\r\n"), 400),
    (all!("GET / HTTP/1.1\r\n Host: pi\r\n\r\n"), 400),
    (all!("GET / HTTP/1.1\r\nHost\r\n\r\n"), 400),
    (all!("GET / HTTP/1.1\r\nHosts: pi\r\n\r\n"), 400),
    (all!("GET / HTTP/1.1\r\nX-Host: pi\r\n\r\n"), 400),
    (all!("GET / HTTP/1.1\r\nX: Host: pi\r\n\r\n"), 400),
    (all!("GET / HTTP/1.1\r\nHost=pi\r\n\r\n"), 400),
];
