//! Who sent a request that changes something: a page of the board, a tool, or a page of another
//! site that a visitor of the board has open (cross-site request forgery).
//!
//! There are no sessions here and so no tokens: browsers themselves say where a request comes from.
//! `Sec-Fetch-Site` (W3C Fetch Metadata) is sent to https and localhost only, `Origin` (RFC 6454)
//! with every POST of every browser; what sends neither is no browser, and nobody can make it send.
//! Then there is the name by which the board was called: a stranger may point a name of his own at
//! the board's address after his page was loaded by it (DNS rebinding), and is the same origin
//! then. So a name must be one that public DNS cannot tell.

use core::net::Ipv4Addr;

/// Names below these are no public DNS's (RFC 6762, RFC 8375, ICANN's `internal`, and custom).
const PRIVATE: [&str; 4] = [".local", ".home.arpa", ".internal", ".lan"];

/// What a request says of its sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sender<'a> {
    /// `Host`: how the board was called. Empty if it was not.
    pub host: &'a [u8],
    /// `Origin`: the page that sent it.
    pub origin: Option<&'a [u8]>,
    /// `Sec-Fetch-Site`: whether that is one of ours.
    pub fetch_site: Option<&'a [u8]>,
}

impl Sender<'_> {
    /// True if it may change something.
    pub fn is_trusted(&self) -> bool {
        let is_here = match (self.fetch_site, self.origin) {
            (Some(site), _) => site == b"same-origin",
            (None, Some(origin)) => {
                let host = origin.strip_prefix(b"http://");
                host.is_some_and(|host| host.eq_ignore_ascii_case(self.host))
            }
            (None, None) => true,
        };
        is_here && is_private(self.host)
    }
}

/// True for a host that public DNS does not tell the address of.
fn is_private(host: &[u8]) -> bool {
    let Ok(host) = core::str::from_utf8(host) else { return false };
    if host.starts_with('[') {
        return true;
    }
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    let ends = |end: &&str| {
        let tail = name.len().checked_sub(end.len()).and_then(|at| name.get(at..));
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    };
    let is_plain = !name.is_empty() && !name.contains('.');
    is_plain || name.parse::<Ipv4Addr>().is_ok() || PRIVATE.iter().any(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_another_site_is_not_trusted() {
        let of = |host: &'static str, origin: Option<&'static str>, site: Option<&'static str>| {
            let [origin, fetch_site] = [origin, site].map(|text| text.map(str::as_bytes));
            Sender { host: host.as_bytes(), origin, fetch_site }.is_trusted()
        };
        let board = "192.168.1.42";
        for (host, origin, site, expected) in [
            // curl
            (board, None, None, true),
            ("barewire.local", None, None, true),
            // A browser, on the board's own page.
            (board, Some("http://192.168.1.42"), None, true),
            ("localhost:8080", Some("http://localhost:8080"), Some("same-origin"), true),
            ("[fe80::1]", Some("http://[fe80::1]"), None, true),
            ("barewire", Some("http://barewire"), None, true),
            ("Barewire.LAN", Some("http://barewire.lan"), None, true),
            // On another one.
            (board, Some("http://evil.example"), None, false),
            (board, Some("https://192.168.1.42"), None, false),
            (board, Some("http://192.168.1.42:8080"), None, false),
            (board, Some("null"), None, false),
            (board, Some("http://192.168.1.42"), Some("cross-site"), false),
            ("localhost:8080", Some("http://localhost:8080"), Some("same-site"), false),
            (board, None, Some("none"), false),
            // On one that took the board's address.
            ("evil.example", Some("http://evil.example"), None, false),
            ("evil.example:80", Some("http://evil.example:80"), Some("same-origin"), false),
            ("192.168.1.42.evil.example", None, None, false),
            ("local", None, None, true),
            ("", None, None, false),
            (":80", None, None, false),
        ] {
            assert_eq!(of(host, origin, site), expected, "{host} {origin:?} {site:?}");
        }
        assert!(!Sender { host: b"\xff", ..Sender::default() }.is_trusted());
    }
}
