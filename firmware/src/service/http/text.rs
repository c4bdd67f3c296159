//! How pages print things. Text from elsewhere is made harmless for where it goes: a model's name
//! or a USB device's topology must not become markup.

use core::fmt::{self, Display, Write};

use smoltcp::wire::EthernetAddress;

/// Prints a value character by character, each as `put` makes it harmless.
fn escape(
    f: &mut fmt::Formatter<'_>,
    value: &impl Display,
    put: fn(&mut fmt::Formatter<'_>, char) -> fmt::Result,
) -> fmt::Result {
    struct Escape<'a, 'b>(
        &'a mut fmt::Formatter<'b>,
        fn(&mut fmt::Formatter<'_>, char) -> fmt::Result,
    );
    impl Write for Escape<'_, '_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            text.chars().try_for_each(|character| self.1(self.0, character))
        }
    }
    write!(Escape(f, put), "{value}")
}

/// Printed within HTML, attributes included.
pub(super) struct Html<T>(pub T);

impl<T: Display> Display for Html<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(f, &self.0, |f, character| match character {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            _ if character.is_control() => f.write_str("?"),
            _ => f.write_char(character),
        })
    }
}

/// Printed as a JSON string, quotes included (RFC 8259 7).
pub(super) struct Json<T>(pub T);

impl<T: Display> Display for Json<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        escape(f, &self.0, |f, character| match character {
            '"' => f.write_str("\\\""),
            '\\' => f.write_str("\\\\"),
            _ if character.is_control() => write!(f, "\\u{:04x}", character as u32),
            _ => f.write_char(character),
        })?;
        f.write_str("\"")
    }
}

/// Printed as the value of a Prometheus label, quotes included.
pub(super) struct Label<T>(pub T);

impl<T: Display> Display for Label<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        escape(f, &self.0, |f, character| match character {
            '"' => f.write_str("\\\""),
            '\\' => f.write_str("\\\\"),
            _ if character.is_control() => f.write_str("?"),
            _ => f.write_char(character),
        })?;
        f.write_str("\"")
    }
}

/// Printed on a terminal: control characters become `?`.
pub(super) struct Plain<T>(pub T);

impl<T: Display> Display for Plain<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(f, &self.0, |f, character| {
            f.write_char(if character.is_control() { '?' } else { character })
        })
    }
}

/// An Ethernet address with colons, as most tools print it.
pub(super) struct Colons(pub EthernetAddress);

impl fmt::Display for Colons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn nothing_gets_through() {
        let hostile = "<b a='\"&\\\u{1b}\u{85}\u{e4}";
        assert_eq!(Html(hostile).to_string(), "&lt;b a=&#39;&quot;&amp;\\??\u{e4}");
        assert_eq!(Json(hostile).to_string(), "\"<b a='\\\"&\\\\\\u001b\\u0085\u{e4}\"");
        assert_eq!(Label(hostile).to_string(), "\"<b a='\\\"&\\\\??\u{e4}\"");
        assert_eq!(Plain(hostile).to_string(), "<b a='\"&\\??\u{e4}");
    }

    proptest::proptest! {
        #[test]
        fn json_strings_are_read_back(text in ".*") {
            let read: std::string::String =
                serde_json::from_str(&Json(&text).to_string()).unwrap();
            assert_eq!(read, text);
        }
    }
}
