//! Files: forms, tags, parts.

use std::format;
use std::string::String;
use std::vec::Vec;

use super::*;
use crate::service::http::file::File;

fn ask(fields: &str) -> Answer {
    fetch(&desk(), &format!("GET /style.css HTTP/1.1\r\nHost: pi\r\n{fields}\r\n"))
}

#[test]
fn a_file_comes_as_it_is_or_packed() {
    let file = File::at("/style.css").unwrap();
    let gzip = file.gzip.as_ref().unwrap();
    let plain = ask("");
    assert_eq!((plain.code, plain.content.as_slice()), (200, file.plain.bytes));
    assert_eq!(plain.field("Content-Type"), Some("text/css; charset=utf-8"));
    assert_eq!(plain.field("ETag"), Some(file.plain.tag));
    assert_eq!(plain.field("Cache-Control"), Some("no-cache"));
    assert_eq!(plain.field("Accept-Ranges"), Some("bytes"));
    assert_eq!(plain.field("Content-Encoding"), None);
    let packed = ask("Accept-Encoding: br, gzip\r\n");
    assert_eq!((packed.code, packed.content.as_slice()), (200, gzip.bytes));
    assert_eq!(packed.field("Content-Encoding"), Some("gzip"));
    assert_eq!(packed.field("ETag"), Some(gzip.tag));
    assert!(packed.content.starts_with(&[0x1f, 0x8b, 8]) && gzip.tag != file.plain.tag);
    for answer in [plain, packed] {
        assert_eq!(answer.field("Vary"), Some("Accept-Encoding"));
    }
}

#[test]
fn who_has_it_is_not_sent_it() {
    let file = File::at("/style.css").unwrap();
    let [plain, gzip] = [file.plain.tag, file.gzip.as_ref().unwrap().tag];
    let code = |fields: &str| ask(fields).code;
    let known = ask(&format!("If-None-Match: \"x\", W/{plain}\r\nRange: bytes=0-1\r\n"));
    assert_eq!((known.code, known.field("ETag")), (304, Some(plain)));
    assert_eq!((known.field("Content-Length"), known.field("Content-Type")), (None, None));
    assert_eq!(code("If-None-Match: *\r\n"), 304);
    assert_eq!(code(&format!("If-None-Match: {gzip}\r\n")), 200);
    assert_eq!(code(&format!("If-None-Match: {gzip}\r\nAccept-Encoding: gzip\r\n")), 304);
    // And the connection goes on behind a 304.
    let again = format!("GET /style.css HTTP/1.1\r\nHost: pi\r\nIf-None-Match: {plain}\r\n\r\n");
    let mut client = Client::sends([again, get("/style.css")]);
    client.meets(&desk());
    let text = String::from_utf8(client.heard).unwrap();
    let (first, second) = text.split_once("\r\n\r\n").unwrap();
    assert!(first.starts_with("HTTP/1.1 304 ") && second.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[test]
fn parts() {
    let file = File::at("/style.css").unwrap();
    let (all, tag) = (file.plain.bytes, file.plain.tag);
    let length = all.len();
    let middle = ask("Range: bytes=5-9\r\n");
    assert_eq!((middle.code, middle.content.as_slice()), (206, &all[5..10]));
    let range = format!("bytes 5-9/{length}");
    assert_eq!(middle.field("Content-Range"), Some(range.as_str()));
    let end = ask(&format!("Range: bytes=-7\r\nIf-Range: {tag}\r\n"));
    assert_eq!((end.code, end.content.as_slice()), (206, &all[length - 7..]));
    let beyond = ask(&format!("Range: bytes={length}-\r\n"));
    let range = format!("bytes */{length}");
    assert_eq!((beyond.code, beyond.field("Content-Range")), (416, Some(range.as_str())));
    assert!(beyond.text().starts_with("416 "));
    assert_eq!(ask("Range: bytes=0-1\r\nIf-Range: \"old\"\r\n").code, 200);
    assert_eq!(ask("Range: bytes=0-1,3-4\r\n").code, 200);
    // Of what changes from moment to moment there are no parts.
    let status = "GET /status.json HTTP/1.1\r\nHost: pi\r\nRange: bytes=0-1\r\n\r\n";
    assert_eq!(fetch(&desk(), status).code, 200);
}

#[test]
fn head_is_get_without_the_content() {
    let whole = ask("");
    let head = fetch(&desk(), "HEAD /style.css HTTP/1.1\r\nHost: pi\r\nRange: bytes=0-1\r\n\r\n");
    assert_eq!(head, Answer { content: Vec::new(), ..whole });
}
