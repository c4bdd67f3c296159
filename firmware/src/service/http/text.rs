//! How pages print things. Text from elsewhere is made harmless for where it goes: a model's name
//! or a USB device's topology must not become markup.

use core::fmt::{self, Display, Write};

use smoltcp::wire::EthernetAddress;

/// Printed within HTML, attributes included.
pub(super) struct Html<T>(pub T);

impl<T: Display> Display for Html<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Escape<'a, 'b>(&'a mut fmt::Formatter<'b>);
        impl Write for Escape<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                text.chars().try_for_each(|character| match character {
                    '&' => self.0.write_str("&amp;"),
                    '<' => self.0.write_str("&lt;"),
                    '>' => self.0.write_str("&gt;"),
                    '"' => self.0.write_str("&quot;"),
                    '\'' => self.0.write_str("&#39;"),
                    _ if character.is_control() => self.0.write_str("?"),
                    _ => self.0.write_char(character),
                })
            }
        }
        write!(Escape(f), "{}", self.0)
    }
}

/// Printed as a JSON string, quotes included (RFC 8259 7).
pub(super) struct Json<T>(pub T);

impl<T: Display> Display for Json<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Escape<'a, 'b>(&'a mut fmt::Formatter<'b>);
        impl Write for Escape<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                text.chars().try_for_each(|character| match character {
                    '"' => self.0.write_str("\\\""),
                    '\\' => self.0.write_str("\\\\"),
                    _ if character.is_control() => write!(self.0, "\\u{:04x}", character as u32),
                    _ => self.0.write_char(character),
                })
            }
        }
        f.write_str("\"")?;
        write!(Escape(f), "{}", self.0)?;
        f.write_str("\"")
    }
}

/// Printed as the value of a Prometheus label, quotes included.
pub(super) struct Label<T>(pub T);

impl<T: Display> Display for Label<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Escape<'a, 'b>(&'a mut fmt::Formatter<'b>);
        impl Write for Escape<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                text.chars().try_for_each(|character| match character {
                    '"' => self.0.write_str("\\\""),
                    '\\' => self.0.write_str("\\\\"),
                    _ if character.is_control() => self.0.write_str("?"),
                    _ => self.0.write_char(character),
                })
            }
        }
        f.write_str("\"")?;
        write!(Escape(f), "{}", self.0)?;
        f.write_str("\"")
    }
}

/// Printed on a terminal: control characters become `?`.
pub(super) struct Plain<T>(pub T);

impl<T: Display> Display for Plain<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Escape<'a, 'b>(&'a mut fmt::Formatter<'b>);
        impl Write for Escape<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                text.chars().try_for_each(|character| {
                    self.0.write_char(if character.is_control() { '?' } else { character })
                })
            }
        }
        write!(Escape(f), "{}", self.0)
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
