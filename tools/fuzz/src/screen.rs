//! A terminal's screen, as far as the shell uses one: one row, and what scrolls away above it.
//! Whatever else is asked of it is a mistake.

/// The row the cursor is in.
#[derive(Debug)]
pub struct Screen {
    columns: usize,
    row: Vec<u8>,
    column: usize,
}

impl Screen {
    /// An empty screen of so many columns.
    pub fn new(columns: usize) -> Self {
        Self { columns, row: Vec::new(), column: 0 }
    }

    /// The cursor's column.
    pub fn column(&self) -> usize {
        self.column
    }

    /// The row, without blanks at its end.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.row).expect("only ASCII was written").trim_end()
    }

    /// Shows what was written.
    ///
    /// # Panics
    /// If it makes no sense, or leaves the row at either side.
    pub fn show(&mut self, output: &str) {
        let mut bytes = output.bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                0x07 => {}
                0x08 => self.left(1),
                b'\r' => self.column = 0,
                b'\n' => {
                    assert_eq!(self.column, 0, "LF without CR");
                    self.row.clear();
                }
                0x1b => self.control(&mut bytes),
                b' '..=b'~' => {
                    assert!(self.column + 1 < self.columns, "the last column is written");
                    if self.row.len() <= self.column {
                        self.row.resize(self.column + 1, b' ');
                    }
                    self.row[self.column] = byte;
                    self.column += 1;
                }
                _ => panic!("byte {byte:#x} in {output:?}"),
            }
        }
    }

    /// What follows an ESC (ECMA-48, 5.4).
    fn control(&mut self, bytes: &mut impl Iterator<Item = u8>) {
        assert_eq!(bytes.next(), Some(b'['));
        let mut digits = String::new();
        let last = loop {
            match bytes.next().expect("a whole sequence") {
                digit @ b'0'..=b'9' => digits.push(char::from(digit)),
                last => break last,
            }
        };
        match (last, digits.parse::<usize>().ok()) {
            (b'K', None) => self.row.truncate(self.column),
            (b'H', None) => self.column = 0,
            (b'J', Some(2)) => self.row.clear(),
            (b'C', count) => {
                self.column += count.unwrap_or(1);
                assert!(self.column < self.columns, "right of the screen");
            }
            (b'D', count) => self.left(count.unwrap_or(1)),
            (last, number) => panic!("unknown sequence {number:?} {}", char::from(last)),
        }
    }

    fn left(&mut self, count: usize) {
        self.column = self.column.checked_sub(count).expect("left of the screen");
    }
}

#[cfg(test)]
mod tests {
    use super::Screen;

    #[test]
    fn a_row_is_written_moved_in_and_cleared() {
        let mut screen = Screen::new(20);
        screen.show("one\r\npi$ abc\x08\x08X\x1b[2D\x1b[K");
        assert_eq!((screen.text(), screen.column()), ("pi$", 4));
        screen.show("\x1b[3Cd\x1b[H\x1b[2Jx");
        assert_eq!((screen.text(), screen.column()), ("x", 1));
    }

    #[test]
    #[should_panic(expected = "the last column is written")]
    fn the_last_column_stays_free() {
        Screen::new(4).show("abcd");
    }
}
