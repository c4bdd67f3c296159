//! Text of bounded length that is cut, never refused.

use core::fmt;

/// A string of up to `N` bytes. Writing more cuts at a character's boundary; [`Text::was_cut`]
/// tells.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Text<const N: usize> {
    text: heapless::String<N>,
    cut: bool,
}

impl<const N: usize> Text<N> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self { text: heapless::String::new(), cut: false }
    }

    /// The text of these arguments: `Text::of(format_args!("{x}"))`.
    pub fn of(arguments: fmt::Arguments<'_>) -> Self {
        let mut text = Self::new();
        // Writing to a Text never fails: what does not fit is cut.
        let _ = fmt::Write::write_fmt(&mut text, arguments);
        text
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// True if something did not fit.
    pub fn was_cut(&self) -> bool {
        self.cut
    }

    /// Empties the text for reuse.
    pub fn clear(&mut self) {
        self.text.clear();
        self.cut = false;
    }
}

impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let room = N - self.text.len();
        let fits = if s.len() <= room { s } else { &s[..s.floor_char_boundary(room)] };
        self.cut |= fits.len() < s.len();
        // Cannot fail: `fits` is no longer than the room.
        let _ = self.text.push_str(fits);
        Ok(())
    }
}

impl<const N: usize> From<&str> for Text<N> {
    fn from(s: &str) -> Self {
        Self::of(format_args!("{s}"))
    }
}

impl<const N: usize> core::ops::Deref for Text<N> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.text
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_at_a_character() {
        let text: Text<4> = Text::from("abcä");
        assert_eq!(text.as_str(), "abc");
        assert!(text.was_cut());
        assert!(!Text::<5>::from("abcä").was_cut());
    }
}
