//! Where the content ends: what two machines would read differently (request smuggling).

use super::Row;

/// A POST with these fields.
macro_rules! post {
    ($fields:literal) => {
        concat!("POST / HTTP/1.1\r\nHost: pi\r\n", $fields, "\r\n\r\n").as_bytes()
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
    // Lengths that are no number, or several.
    (post!("Content-Length: "), 400),
    (post!("Content-Length: x"), 400),
    (post!("Content-Length: +0"), 400),
    (post!("Content-Length: -0"), 400),
    (post!("Content-Length: -1"), 400),
    (post!("Content-Length: +1"), 400),
    (post!("Content-Length: 1 2"), 400),
    (post!("Content-Length: 1,1"), 400),
    (post!("Content-Length: 1, 1"), 400),
    (post!("Content-Length: 0, 0"), 400),
    (post!("Content-Length: 1;"), 400),
    (post!("Content-Length: 1.0"), 400),
    (post!("Content-Length: 1e1"), 400),
    (post!("Content-Length: 0x1"), 400),
    (post!("Content-Length: 0X1A"), 400),
    (post!("Content-Length: 1a"), 400),
    (post!("Content-Length: a1"), 400),
    (post!("Content-Length: \u{967}"), 400),
    (post!("Content-Length: \u{ff11}"), 400),
    (post!("Content-Length: 18446744073709551616"), 400),
    (post!("Content-Length: 99999999999999999999999999"), 400),
    (post!("Content-Length: 1\t1"), 400),
    (post!("Content-Length: '1'"), 400),
    (post!("Content-Length: \"1\""), 400),
    (post!("Content-Length: 1_0"), 400),
    (post!("Content-Length: infinity"), 400),
    (post!("Content-Length: 0b1"), 400),
    (post!("Content-Length: 0o7"), 400),
    (post!("Content-Length: 1-"), 400),
    (post!("Content-Length: 1/1"), 400),
    (post!("Content-Length: [1]"), 400),
    (post!("Content-Length: 1\u{a0}"), 400),
    // Two of them, whether or not they agree.
    (post!("Content-Length: 0\r\nContent-Length: 0"), 400),
    (post!("Content-Length: 0\r\nContent-Length: 57"), 400),
    (post!("Content-Length: 57\r\nContent-Length: 0"), 400),
    (post!("Content-Length: 3\r\ncontent-length: 3"), 400),
    (post!("Content-Length: 3\r\nX: y\r\nCONTENT-LENGTH: 4"), 400),
    (post!("Content-Length: 3\r\nContent-Length: x"), 400),
    (post!("Content-Length: 3\r\nContent-Length:"), 400),
    // Lengths that we do not read past.
    (post!("Content-Length: 65537"), 413),
    (post!("Content-Length: 18446744073709551615"), 413),
    // A length beside chunks.
    (post!("Content-Length: 3\r\nTransfer-Encoding: chunked"), 400),
    (post!("Transfer-Encoding: chunked\r\nContent-Length: 3"), 400),
    (post!("Content-Length: 0\r\nTransfer-Encoding: chunked"), 400),
    (post!("Transfer-Encoding: Chunked\r\nX: y\r\nContent-Length: 0"), 400),
    // Codings that are not ours, or hide one that is.
    (post!("Transfer-Encoding: gzip, chunked"), 501),
    (post!("Transfer-Encoding: chunked, chunked"), 501),
    (post!("Transfer-Encoding: chunked, identity"), 501),
    (post!("Transfer-Encoding: identity"), 501),
    (post!("Transfer-Encoding: xchunked"), 501),
    (post!("Transfer-Encoding: chunkedx"), 501),
    (post!("Transfer-Encoding: chunked;q=1"), 501),
    (post!("Transfer-Encoding: \"chunked\""), 501),
    (post!("Transfer-Encoding: deflate"), 501),
    (post!("Transfer-Encoding: br"), 501),
    (post!("Transfer-Encoding: chunk"), 501),
    (post!("Transfer-Encoding: chun ked"), 501),
    (post!("Transfer-Encoding: chunked,"), 501),
    (post!("Transfer-Encoding: ,chunked"), 501),
    (post!("Transfer-Encoding: "), 501),
    (post!("Transfer-Encoding: cow"), 501),
    (post!("Transfer-Encoding: chunked\u{a0}"), 501),
    // Two of them.
    (post!("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), 400),
    (post!("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"), 400),
    (post!("Transfer-Encoding: chunked\r\ntransfer-encoding: x"), 400),
    (post!("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"), 501),
    // Names that some machines take for these.
    (post!("Content-Length : 3"), 400),
    (post!("Content-Length\t: 3"), 400),
    (post!("Content-Length 3"), 400),
    (post!("Content Length: 3"), 400),
    (post!("Transfer-Encoding : chunked"), 400),
    (post!("Transfer-Encoding\t: chunked"), 400),
    (post!("Transfer-Encoding\u{b}: chunked"), 400),
    (post!("Transfer-Encoding\0: chunked"), 400),
    (post!("Transfer-Encoding chunked"), 400),
    (post!(" Transfer-Encoding: chunked"), 400),
    (post!("\tTransfer-Encoding: chunked"), 400),
    (post!("X: y\nTransfer-Encoding: chunked"), 400),
    (post!("X: y\rTransfer-Encoding: chunked"), 400),
    (post!("X: y\r\n Transfer-Encoding: chunked"), 400),
    (post!("X: y\r\n\tContent-Length: 57"), 400),
    (post!("X: y\n\nContent-Length: 57"), 400),
    (post!("X: y\rContent-Length: 57"), 400),
    // Values that begin on the next line, or with what some machines skip.
    (post!("Transfer-Encoding:\r\n chunked"), 400),
    (post!("Transfer-Encoding: chunked\r\n , identity"), 400),
    (post!("Transfer-Encoding: \u{b}chunked"), 400),
    (post!("Transfer-Encoding: \u{c}chunked"), 400),
    (post!("Transfer-Encoding: chunked\0"), 400),
    (post!("Content-Length:\r\n 3"), 400),
    (post!("Content-Length: \u{b}3"), 400),
    (post!("Content-Length: 3\0"), 400),
    (post!("Content-Length: 3\r\n 4"), 400),
    // By other methods, and in a version without chunks.
    (all!("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400),
    (
        all!(
            "GET / HTTP/1.1\r\nHost: pi\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
        ),
        400,
    ),
    (all!("HEAD / HTTP/1.1\r\nHost: pi\r\nContent-Length: x\r\n\r\n"), 400),
    (all!("PUT /bytes HTTP/1.1\r\nHost: pi\r\nContent-Length: -9\r\n\r\n"), 400),
    (all!("PUT /bytes HTTP/1.1\r\nHost: pi\r\nTransfer-Encoding: gzip\r\n\r\n"), 501),
    (all!("PUT /bytes HTTP/1.1\r\nHost: pi\r\nTransfer-Encoding: chunked\r\n\r\n"), 411),
    (all!("PUT /bytes HTTP/1.1\r\nHost: pi\r\nContent-Length: 67108865\r\n\r\n"), 413),
    (all!("PUT /style.css HTTP/1.1\r\nHost: pi\r\nContent-Length: 65537\r\n\r\n"), 413),
    (all!("DELETE / HTTP/1.1\r\nHost: pi\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"), 400),
];
