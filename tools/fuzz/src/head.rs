//! The head of an HTTP request. Input: what a client sends.

use firmware::limits::{HTTP_FIELDS_MAX, HTTP_HEAD_BYTES_MAX};
use firmware::service::http::request::{Content, Head, Method, Parsed};

/// Cuts of one input that are looked at.
const CUTS_MAX: usize = 24;

/// The verdict does not depend on how the stream is cut, a whole head is where it says, and it says
/// nothing that was not sent.
pub fn check(input: &[u8]) {
    let verdict = Head::parse(input);
    let step = (input.len() / CUTS_MAX).max(1);
    for cut in (0..input.len()).step_by(step) {
        let early = Head::parse(&input[..cut]);
        assert!(early == verdict || early == Parsed::Incomplete, "at {cut}: {early:?}");
    }
    match verdict {
        Parsed::Incomplete => assert!(input.len() < HTTP_HEAD_BYTES_MAX),
        Parsed::Refused(code) => assert!((400..=599).contains(&code.number())),
        Parsed::Whole(head, used) => whole(input, head, used),
    }
}

fn whole(input: &[u8], head: Head<'_>, used: usize) {
    assert!((14..=HTTP_HEAD_BYTES_MAX).contains(&used) && used <= input.len());
    let (bytes, last) = (&input[..used], used - 1);
    assert!(bytes.ends_with(b"\r\n\r\n"));
    // Not a byte earlier, and nothing that follows matters.
    assert_eq!(Head::parse(&input[..last]), Parsed::Incomplete);
    assert_eq!(Head::parse(bytes), Parsed::Whole(head, used));

    let holds = |part: &str| bytes.windows(part.len()).any(|window| window == part.as_bytes());
    assert!(!head.path.is_empty() && head.path.bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(head.path == "/" || holds(head.path));
    assert!(head.query.is_none_or(|query| query.is_empty() || holds(query)));
    assert!(head.method == Method::Other || head.path.starts_with('/'));
    assert!(!head.path.contains('?'));

    // By a simpler reading: the lines between the first one and the empty one.
    let text = String::from_utf8_lossy(bytes);
    let fields = || text.trim_start().split("\r\n").skip(1).filter(|line| !line.is_empty());
    let named = |name: &str| {
        let is = |line: &&str| line.split(':').next().is_some_and(|n| n.eq_ignore_ascii_case(name));
        fields().filter(is).count()
    };
    assert!(fields().count() <= HTTP_FIELDS_MAX);
    assert!(named("host") == 1 || (head.is_http_1_0 && named("host") == 0));
    let lengths = (named("content-length"), named("transfer-encoding"));
    match head.content {
        Content::None => assert!(lengths == (0, 0) || lengths == (1, 0)),
        Content::Bytes(bytes) => assert!(lengths == (1, 0) && bytes > 0),
        Content::Chunked => assert!(lengths == (0, 1) && !head.is_http_1_0),
    }
}
