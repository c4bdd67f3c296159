//! Seconds with a fraction, as strtod(3) reads them from an argument. No command itself.

/// Microseconds of a second.
const MICROS: i64 = 1_000_000;

/// The number that a text begins with, in microseconds, and what follows it; `None` if it begins
/// with none. What is too long to count is the longest that can be counted.
pub fn read(text: &str) -> Option<(i64, &str)> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut micros = 0_i64;
    let mut unit = None;
    let mut any = false;
    let mut len = 0;
    for byte in digits.bytes() {
        match (byte, unit) {
            (b'0'..=b'9', None) => {
                let digit = i64::from(byte - b'0') * MICROS;
                micros = micros.saturating_mul(10).saturating_add(digit);
                any = true;
            }
            (b'0'..=b'9', Some(place)) => {
                micros = micros.saturating_add(i64::from(byte - b'0') * place);
                unit = Some(place / 10);
                any = true;
            }
            (b'.', None) => unit = Some(MICROS / 10),
            _ => break,
        }
        len += 1;
    }
    any.then_some((sign * micros, &digits[len..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_what_follows_them() {
        for (text, expected) in [
            ("1", Some((1_000_000, ""))),
            ("0.2", Some((200_000, ""))),
            (".5s", Some((500_000, "s"))),
            ("-1.25", Some((-1_250_000, ""))),
            ("+3.", Some((3_000_000, ""))),
            ("0.0000019", Some((1, ""))),
            ("1.2.3", Some((1_200_000, ".3"))),
            ("99999999999999999999", Some((i64::MAX, ""))),
            ("x", None),
            (".", None),
            ("", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
