//! Rust text, seen just closely enough: what is code, what is a comment or a string, what is only
//! for tests.
//!
//! This is no parser. It knows comments, literals and braces, which is enough to say "the word
//! `unsafe` occurs here as code"; everything finer is the compiler's.

/// The text with comments and the contents of strings and characters blanked; lines and columns
/// stay.
pub fn code_only(text: &str) -> String {
    let mut scanner = Scanner { rest: text, out: String::with_capacity(text.len()), last: ' ' };
    while !scanner.rest.is_empty() {
        scanner.step();
    }
    scanner.out
}

struct Scanner<'a> {
    rest: &'a str,
    out: String,
    /// The last character of code, to tell the `r` of `r"` from the end of a word.
    last: char,
}

impl<'a> Scanner<'a> {
    fn step(&mut self) {
        if self.rest.starts_with("//") {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.blank(end);
        } else if self.rest.starts_with("/*") {
            self.blank(comment_bytes(self.rest));
        } else if let Some(bytes) = self.literal_bytes() {
            self.blank(bytes);
            self.last = '"';
        } else if let Some(c) = self.rest.chars().next() {
            self.out.push(c);
            self.last = c;
            self.rest = &self.rest[c.len_utf8()..];
        }
    }

    fn blank(&mut self, bytes: usize) {
        let (gone, rest) = self.rest.split_at(bytes);
        self.out.extend(gone.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        self.rest = rest;
    }

    /// Length of the string or character literal that begins here.
    fn literal_bytes(&self) -> Option<usize> {
        if is_word(self.last) && !self.rest.starts_with(['"', '\'']) {
            return None;
        }
        let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
            let after = self.rest.strip_prefix(prefix).unwrap_or_default();
            let raw = prefix.ends_with('r');
            after.starts_with('"')
                || (raw && after.trim_start_matches('#').starts_with('"'))
                || (["", "b"].contains(prefix) && after.starts_with('\''))
        })?;
        let after = &self.rest[prefix.len()..];
        let inner = if prefix.ends_with('r') {
            let hashes = after.len() - after.trim_start_matches('#').len();
            let close = format!("\"{}", "#".repeat(hashes));
            let body = &after[hashes + 1..];
            hashes + 1 + body.find(&close).map_or(body.len(), |at| at + close.len())
        } else if after.starts_with('"') {
            quoted_bytes(after, '"')
        } else {
            // 'a' is a character, 'a without a second quote a lifetime.
            let mut chars = after.chars().skip(1);
            let (first, second) = (chars.next()?, chars.next()?);
            if first != '\\' && second != '\'' {
                return None;
            }
            quoted_bytes(after, '\'')
        };
        Some(prefix.len() + inner)
    }
}

/// Length of a block comment, which may hold others.
fn comment_bytes(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// Length of a quoted literal with backslash escapes.
fn quoted_bytes(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// May this character be part of an identifier?
pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where `token` occurs in `code`, not as a part of a longer word or of a lifetime.
pub fn tokens<'a>(code: &'a str, token: &'a str) -> impl Iterator<Item = usize> + 'a {
    let edge = |at: Option<char>, own: Option<char>| {
        !(at.is_some_and(is_word) && own.is_some_and(is_word))
    };
    code.match_indices(token).map(|(at, _)| at).filter(move |&at| {
        let (before, after) = (&code[..at], &code[at + token.len()..]);
        edge(before.chars().next_back(), token.chars().next())
            && !before.ends_with('\'')
            && edge(after.chars().next(), token.chars().next_back())
    })
}

/// Does `token` occur in `code`, not as a part of a longer word?
pub fn has_token(code: &str, token: &str) -> bool {
    tokens(code, token).next().is_some()
}

/// The number, from 1, of the line that holds the byte `at`.
pub fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// The block that begins with the first `{` at or after `from`, without its braces, and where it
/// begins. None if a `;` comes first, or the block never ends.
pub fn block(code: &str, from: usize) -> Option<(usize, &str)> {
    let (mut parentheses, mut braces, mut start) = (0_i32, 0_i32, None);
    for (at, c) in code[from..].char_indices() {
        match c {
            '(' | '[' if start.is_none() => parentheses += 1,
            ')' | ']' if start.is_none() => parentheses -= 1,
            ';' if start.is_none() && parentheses == 0 => return None,
            '{' if start.is_some() || parentheses == 0 => {
                start.get_or_insert(from + at + 1);
                braces += 1;
            }
            '}' if start.is_some() => {
                braces -= 1;
                if braces == 0 {
                    return start.map(|start| (start, &code[start..from + at]));
                }
            }
            _ => {}
        }
    }
    None
}

/// The modules that `code` declares for tests alone: `#[cfg(test)] mod name;`.
pub fn test_modules(code: &str) -> impl Iterator<Item = &str> {
    code.split("#[cfg(test)]").skip(1).filter_map(|rest| {
        let (declaration, _) = rest.split_once(['{', ';'])?;
        let (before, name) = declaration.split_once("mod ")?;
        let ends_here = rest[declaration.len()..].starts_with(';');
        let plain = ["", "pub", "pub(crate)", "pub(super)"].contains(&before.trim())
            && name.chars().all(is_word);
        (ends_here && plain).then_some(name)
    })
}

/// The code with everything behind `#[cfg(test)]` blanked.
pub fn without_tests(code: &str) -> String {
    let mut out = code.to_string();
    let marks = ["#[cfg(test)]", "#[cfg(all(test", "#[cfg(any(test"];
    for at in marks.iter().flat_map(|mark| code.match_indices(mark).map(|(at, _)| at)) {
        let end = match block(code, at) {
            Some((start, body)) => start + body.len() + 1,
            None => code[at..].find(';').map_or(code.len(), |length| at + length + 1),
        };
        let blanked: String =
            out[at..end].chars().map(|c| if c == '\n' { c } else { ' ' }).collect();
        // Blanking changes the length of what is not ASCII; code outside strings and comments
        // rarely is.
        if blanked.len() == end - at {
            out.replace_range(at..end, &blanked);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_no_code() {
        for text in [
            "// unsafe",
            "/// unsafe",
            "/* unsafe /* nested */ unsafe */",
            r#" let s = "unsafe"; "#,
            r#" let s = "\"unsafe"; "#,
            r##" let s = r#"a "unsafe" b"#; "##,
            r#" let s = b"unsafe"; "#,
            "let a = \"two\n unsafe lines\";",
        ] {
            let code = code_only(text);
            assert!(!has_token(&code, "unsafe"), "{text} -> {code}");
            assert_eq!(code.matches('\n').count(), text.matches('\n').count());
        }
    }

    #[test]
    fn code_after_a_literal_is_still_code() {
        for text in [
            "fn f<'a>(x: &'a str) { unsafe {} }",
            "let c = '\"'; unsafe {}",
            "let c = '\\''; unsafe {}",
            "let c = b'\"'; unsafe {}",
            "let s = \"\\\\\"; unsafe {}",
            "let s = r\"\\\"; unsafe {}",
            "let r#type = 1; unsafe {}",
            "'outer: loop { unsafe {} }",
            "let x = 1; // comment\nunsafe {}",
        ] {
            assert!(has_token(&code_only(text), "unsafe"), "{text}");
        }
    }

    #[test]
    fn a_token_is_a_whole_word() {
        assert!(has_token("unsafe {", "unsafe"));
        assert!(!has_token("unsafe_code", "unsafe"));
        assert!(!has_token("not_unsafe", "unsafe"));
        assert!(has_token("x::Instant::now()", "Instant::now"));
        assert!(!has_token("global_asm!(", "asm!"));
        assert!(has_token("asm!(\"\")", "asm!"));
        assert!(has_token("static mut X", "static mut"));
        assert!(!has_token("&'static mut [u8]", "static mut"));
    }

    #[test]
    fn blocks_are_found_behind_their_heads() {
        let code = "while f(|| { 1 }) { a { b } } c";
        assert_eq!(block(code, 0), Some((19, " a { b } ")));
        assert_eq!(block("loop; {}", 0), None);
        assert_eq!(block("loop {", 0), None);
    }

    #[test]
    fn modules_for_tests_are_known_by_name() {
        let code = "#[cfg(test)]\nmod tests;\n#[cfg(test)]\npub mod testing;\nmod a;\n\
                    #[cfg(test)]\nmod inside { mod x; }\n#[cfg(test)]\nuse a::b;";
        assert_eq!(test_modules(code).collect::<Vec<_>>(), ["tests", "testing"]);
    }

    #[test]
    fn tests_are_taken_out() {
        let code = "a();\n#[cfg(test)]\nmod tests {\n b();\n}\nc();";
        let rest = without_tests(code);
        assert!(has_token(&rest, "a") && has_token(&rest, "c") && !has_token(&rest, "b"));
        assert_eq!(line_of(&rest, rest.find("c()").expect("c")), 6);
        assert!(has_token(&without_tests("#[cfg(test)]\nmod tests;\nc();"), "c"));
    }
}
