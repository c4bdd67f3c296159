//! What the pages say.

use std::format;
use std::string::String;
use std::vec::Vec;

use super::*;
use crate::limits::PAGE_BYTES_MAX;
use crate::service::http::pages::{self, Page};
use crate::service::http::response::Response;

#[test]
fn a_page_leaves_in_one_write() {
    for path in ["/", "/status.json", "/dmesg.txt", "/favicon.ico", "/nothing"] {
        let mut client = Client::sends([get(path)]);
        assert_eq!(client.meets(&desk()), Ended::Answered("client closed"));
        assert_eq!(client.writes, 1, "{path}");
    }
}

#[test]
fn the_index_shows_the_board() {
    let desk = desk();
    let index = fetch(&desk, &get("/"));
    assert_eq!(index.code, 200);
    assert_eq!(index.field("Content-Type"), Some("text/html; charset=utf-8"));
    assert_eq!(index.field("Cache-Control"), Some("no-store"));
    assert_eq!(index.field("X-Content-Type-Options"), Some("nosniff"));
    assert!(index.field("Content-Security-Policy").unwrap().starts_with("default-src 'none'"));
    let text = index.text();
    for expected in [
        "<title>barewire</title>",
        "Raspberry Pi 3 Model B",
        "<b><span data-path=\"ipv4\" data-form=\"cidr\">192.168.1.42/24</span></b>",
        "DHCP from 192.168.1.1 for 3600 s",
        "<code>52:54:00:12:34:57</code>",
        "1:(0409:55aa 1:(0525:a4a2))",
        "up, 100 Mbit/s full duplex",
        "5.0 MiB used of 948.0 MiB",
        "<code>0x80000</code>",
        "<tr class=\"hot\"><th scope=\"row\">bogus source</th><td>7</td></tr>",
        "<tr class=\"hot\" data-bad><th scope=\"row\">Errors</th><td><span data-path=",
        "<span data-path=\"ipv6\" data-form=\"cidrs\">fe80::5054:ff:fe12:3457/64</span>",
        "<span data-path=\"sent.bytes\" data-form=\"size\">2.1 KiB</span></td></tr>",
        "telnet 192.168.1.42",
        "<span data-path=\"uptime_seconds\" data-form=\"uptime\">12.345 s</span>",
        "power on",
    ] {
        assert!(text.contains(expected), "{expected} not in\n{text}");
    }
    assert_eq!(text.matches("<script").count(), 1, "a file of ours");
    assert!(text.contains("href=\"/style.css\""));
    assert!(index.content.len() < 10 * 1024, "{} bytes", index.content.len());
}

#[test]
fn an_index_without_a_network_interface() {
    let mut desk = desk();
    desk.status.nic = None;
    desk.status.address = None;
    desk.status.link = Link::Down;
    assert!(fetch(&desk, &get("/")).text().contains("none yet"));
    let status = fetch(&desk, &get("/status.json"));
    let status: serde_json::Value = serde_json::from_slice(&status.content).unwrap();
    assert!(status["interface"].is_null() && status["ipv4"].is_null());
    assert_eq!(status["link"]["up"], false);
}

#[test]
fn status_is_json() {
    let desk = desk();
    let answer = fetch(&desk, &get("/status.json"));
    assert_eq!(answer.field("Content-Type"), Some("application/json"));
    let status: serde_json::Value = serde_json::from_slice(&answer.content).unwrap();
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["uptime_seconds"], 12.345678);
    assert_eq!(status["board"]["revision"], "a02082");
    assert_eq!(status["board"]["serial"], "0000000012345678");
    assert_eq!(status["board"]["memory_bytes"], 948 << 20);
    assert_eq!(status["interface"]["mac"], "52:54:00:12:34:57");
    assert_eq!(status["link"]["megabits"], 100);
    assert_eq!(status["ipv4"]["address"], "192.168.1.42");
    assert_eq!(status["ipv4"]["dns"][0], "192.168.1.1");
    assert_eq!(status["ipv4"]["source"], "dhcp");
    assert_eq!(status["ipv4"]["lease_seconds"], 3600);
    assert_eq!(status["received"]["packets"], 22);
    assert_eq!(status["sent"]["carrier"], 0);
    assert_eq!(status["driver"]["transfers_in"], 21);
    assert_eq!(status["drops"]["bogus_source"], 7);
    assert_eq!(status["drops"].as_object().unwrap().len(), Drop::ALL.len());
    assert_eq!(status["tcp_sockets"]["listening"], 21);
    assert_eq!(status["listeners"][0]["service"], "httpd");
    assert_eq!(status["listeners"][0]["port"], 80);
    assert_eq!(status["services"]["http_requests"], 1);
    for (source, name) in
        [(AddressSource::Static, "static"), (AddressSource::LinkLocal, "link-local")]
    {
        let mut desk = self::desk();
        desk.status.address.as_mut().unwrap().source = source;
        let status = fetch(&desk, &get("/status.json"));
        let status: serde_json::Value = serde_json::from_slice(&status.content).unwrap();
        assert_eq!(status["ipv4"]["source"], name);
    }
}

#[test]
fn the_largest_pages_fit() {
    for character in ['"', '&', '\\', '\u{1b}', 'x'] {
        let desk = worst(character);
        let mut response = Response::new();
        assert!(pages::render(Page::Status, &desk, &mut response).is_ok(), "{character:?}");
        let status: serde_json::Value = serde_json::from_slice(response.content()).unwrap();
        assert_eq!(status["hostname"].as_str(), Some(desk.status.hostname.as_str()));
        assert_eq!(status["polls"], u64::MAX);
        // This one may come in parts.
        let index = fetch(&desk, &get("/"));
        assert!(index.text().ends_with("</html>\n"));
        assert_eq!(index.text().matches("<section>").count(), 7, "{}", index.text());
    }
}

#[test]
fn text_from_elsewhere_is_no_markup() {
    let mut desk = desk();
    desk.facts.model = Text::from("<script>alert(1)</script>");
    let index = fetch(&desk, &get("/"));
    assert!(index.text().contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(!index.text().contains("<script>"));
}

#[test]
fn the_journal_comes_whole_however_long() {
    let text = fetch(&desk(), &get("/dmesg.txt"));
    assert!(text.text().starts_with("[    0.001250] barewire "), "{}", text.text());
    assert!(text.text().ends_with("\n[    0.300000] eth0: link up\n"));

    let long = worst('x');
    let mut expected = String::new();
    let mut next = 0;
    while let Some(entry) = long.journal.after(next) {
        expected += &format!("{entry}\n");
        next = entry.number + 1;
    }
    assert!(expected.len() > 2 * PAGE_BYTES_MAX);
    let in_parts = fetch(&long, &get("/dmesg.txt"));
    assert_eq!(in_parts.field("Transfer-Encoding"), Some("chunked"));
    assert_eq!(in_parts.text(), expected);
    // HTTP/1.0 knows no chunks, even when it wants to keep the connection.
    let request = "GET /dmesg.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    let mut client = Client::sends([request]).and_stays();
    assert_eq!(client.meets(&long), Ended::Answered("closed after the answer"));
    let answer = answers(&client.heard, false).remove(0);
    assert_eq!(
        (answer.field("Connection"), answer.field("Transfer-Encoding")),
        (Some("close"), None)
    );
    assert_eq!(answer.text(), expected);
    assert_eq!(fetch(&Desk { journal: Journal::new(), ..desk() }, &get("/dmesg.txt")).text(), "");
    // Nothing in the journal can speak to a terminal.
    assert!(!fetch(&worst('\u{1b}'), &get("/dmesg.txt")).text().contains('\u{1b}'));
}

#[test]
fn head_is_get_without_the_content() {
    for path in ["/", "/status.json", "/dmesg.txt", "/favicon.ico", "/nothing"] {
        // The counters that the pages show must be the same.
        let get = fetch(&desk(), &get(path));
        let head = fetch(&desk(), &format!("HEAD {path} HTTP/1.1\r\nHost: pi\r\n\r\n"));
        assert_eq!(head, Answer { content: Vec::new(), ..get }, "{path}");
    }
}

/// docs/http-api.md names every field and every reason there is.
#[test]
fn the_description_is_complete() {
    fn names(value: &serde_json::Value, all: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                all.push(name.clone());
                names(value, all);
            }),
            serde_json::Value::Array(values) => values.iter().for_each(|value| names(value, all)),
            _ => {}
        }
    }
    let description = include_str!("../../../../../docs/http-api.md");
    let desk = super::tables::full();
    let mut all = Vec::new();
    for path in [
        "/lab.json",
        "/status.json",
        "/sockets.json",
        "/neighbors.json",
        "/routes.json",
        "/timers.json",
    ] {
        let document = fetch(&desk, &get(path));
        names(&serde_json::from_slice(&document.content).unwrap(), &mut all);
    }
    assert!(all.len() > 60);
    for name in all {
        let forms = [format!("`{name}`"), format!(".{name}`"), format!("`{name}.")];
        let is_there = forms.iter().any(|form| description.contains(form));
        assert!(is_there, "{name} is not described");
    }
}
