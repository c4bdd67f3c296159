//! The editor against a terminal: whatever is typed, the screen shows the line, and the cursor
//! stands where the editor believes it to be.

use std::string::String;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

const PROMPT: &str = "pi$ ";

/// The few things a terminal does that the editor relies on. It asserts that nothing else is asked
/// of it.
#[derive(Debug)]
struct Emulator {
    columns: usize,
    row: Vec<u8>,
    column: usize,
    rows_done: usize,
    bells: usize,
}

impl Emulator {
    fn new(columns: usize) -> Self {
        Self { columns, row: Vec::new(), column: 0, rows_done: 0, bells: 0 }
    }

    fn show(&mut self, output: &str) {
        let mut bytes = output.bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                b'\x07' => self.bells += 1,
                b'\x08' => self.column = self.column.checked_sub(1).expect("left of the screen"),
                b'\r' => self.column = 0,
                b'\n' => {
                    assert_eq!(self.column, 0, "LF without CR");
                    self.row.clear();
                    self.rows_done += 1;
                }
                b'\x1b' => {
                    assert_eq!(bytes.next(), Some(b'['));
                    let mut count = None;
                    let last = loop {
                        match bytes.next().expect("a whole sequence") {
                            digit @ b'0'..=b'9' => {
                                count = Some(count.unwrap_or(0) * 10 + usize::from(digit - b'0'));
                            }
                            last => break last,
                        }
                    };
                    match (last, count) {
                        (b'K', None) => self.row.truncate(self.column),
                        (b'H', None) => self.column = 0,
                        (b'J', Some(2)) => self.row.clear(),
                        (b'C', Some(count)) => self.column += count,
                        (b'D', Some(count)) => {
                            self.column =
                                self.column.checked_sub(count).expect("left of the screen");
                        }
                        _ => panic!("unknown sequence in {output:?}"),
                    }
                    assert!(self.column < self.columns);
                }
                b' '..=b'~' => {
                    assert!(self.column < self.columns - 1, "the last column is written");
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

    /// The row, without blanks at its end.
    fn text(&self) -> &str {
        core::str::from_utf8(&self.row).unwrap().trim_end()
    }
}

/// An editor, its terminal, and what happened.
struct Bench {
    editor: LineEditor,
    terminal: Emulator,
    events: Vec<String>,
    /// Bytes echoed for the last byte typed.
    echoed: String,
}

impl Bench {
    fn new(columns: u16) -> Self {
        let screen = Screen { columns, ..Screen::default() };
        let mut bench = Self {
            editor: LineEditor::new(PROMPT, screen),
            terminal: Emulator::new(usize::from(columns)),
            events: Vec::new(),
            echoed: String::new(),
        };
        bench.draw();
        bench
    }

    fn draw(&mut self) {
        let mut echo = String::new();
        self.editor.draw(&mut echo);
        self.terminal.show(&echo);
    }

    /// Types bytes as a session would: after an event the prompt is drawn again.
    fn type_bytes(&mut self, bytes: &[u8]) -> &mut Self {
        for &byte in bytes {
            self.echoed.clear();
            let event = match self.editor.feed(byte, &mut self.echoed) {
                None => None,
                Some(Event::Line(line)) => Some(std::format!("line {line}")),
                Some(Event::Interrupt) => Some("interrupt".into()),
                Some(Event::EndOfFile) => Some("end".into()),
                Some(Event::Complete) => {
                    self.events.push(std::format!("complete {}", self.editor.before_cursor()));
                    continue;
                }
            };
            assert!(self.echoed.len() <= ECHO_BYTES_MAX);
            self.terminal.show(&self.echoed);
            if let Some(event) = event {
                if event == "end" {
                    self.terminal.show("\r\n");
                }
                assert!(self.terminal.column == 0 && self.terminal.row.is_empty());
                self.events.push(event);
                self.draw();
            }
            self.agree();
        }
        self
    }

    /// The oracle: what the terminal shows is what the editor holds.
    fn agree(&self) {
        let (line, cursor) = (self.editor.line(), self.editor.cursor());
        assert!(cursor <= line.len() && line.len() <= LINE_BYTES_MAX);
        let width = self.terminal.columns - 1 - PROMPT.len();
        let start = if line.len() <= width { 0 } else { self.editor.drawn.start };
        let window = &line[start..line.len().min(start + width)];
        let expected = std::format!("{PROMPT}{window}");
        assert_eq!(self.terminal.text(), expected.trim_end());
        assert_eq!(self.terminal.column, PROMPT.len() + cursor - start);
        assert!((start..=start + width).contains(&cursor));
    }
}

#[track_caller]
fn check(typed: &str, line: &str, cursor: usize) {
    for columns in [20, 80] {
        corpus::seed("line_editor", &[&[columns - 20], typed.as_bytes()].concat());
    }
    let mut bench = Bench::new(80);
    bench.type_bytes(typed.as_bytes());
    assert_eq!((bench.editor.line(), bench.editor.cursor()), (line, cursor));
}

#[test]
fn edits() {
    check("abc", "abc", 3);
    check("abc\x7f", "ab", 2);
    check("abc\x01x", "xabc", 1);
    check("abc\x01\x05x", "abcx", 4);
    check("abc\x02\x02\x08", "bc", 0);
    check("abc\x1b[D\x1b[D\x1b[3~", "ac", 1);
    check("abc\x02\x04", "ab", 2);
    check("one two  three\x17", "one two  ", 9);
    check("one two  \x17", "one ", 4);
    check("one two\x02\x15", "o", 0);
    check("one two\x01\x06\x0b", "o", 1);
    check("one two\x01\x1bf\x1bf", "one two", 7);
    check("one two\x1bb\x1bb\x1b[1;5C", "one two", 3);
    check("a\x0cb", "ab", 2);
    check("one two\x17x\x19\x19", "one xtwotwo", 11);
    check("one two\x01\x1bd\x05\x19", " twoone", 7);
    check("abc\x14\x14\x01\x06\x14", "bac", 2);
    check("a\x14\x0f", "a", 1);
    check("näh", "nh", 2);
}

#[test]
fn an_appended_character_costs_one_byte() {
    let mut bench = Bench::new(80);
    bench.type_bytes(b"hell");
    bench.type_bytes(b"o");
    assert_eq!(bench.echoed, "o");
    bench.type_bytes(b"\x7f");
    assert_eq!(bench.echoed, "\x08 \x08");
    bench.type_bytes(b"\x1b[D");
    assert_eq!(bench.echoed, "\x08");
    bench.type_bytes(b"\x1b[C");
    assert_eq!(bench.echoed, "l");
    bench.type_bytes(b"\x01\x04");
    assert_eq!(bench.echoed, "ell \x08\x1b[3D".replace("\x1b[3D", "\x08\x08\x08"));
}

#[test]
fn lines_and_what_ends_them() {
    let mut bench = Bench::new(80);
    bench.type_bytes(b"one\rtwo\r\nthree\r\0four\n\x03x\x03\x04y\x02\x04\x04");
    assert_eq!(
        bench.events,
        ["line one", "line two", "line three", "line four", "interrupt", "interrupt", "end", "end",]
    );
}

#[test]
fn history_keeps_the_draft_and_collapses_repetition() {
    let mut bench = Bench::new(80);
    bench.type_bytes(b"one\rtwo\rtwo\r  \rdraft");
    let up = b"\x1b[A";
    let down = b"\x1bOB";
    for (key, line) in
        [(up, "two"), (up, "one"), (up, "one"), (down, "two"), (down, "draft"), (down, "draft")]
    {
        bench.type_bytes(key);
        assert_eq!(bench.editor.line(), line);
    }
    assert_eq!(bench.terminal.bells, 2);
    // An old line, edited and entered, is a new one.
    bench.type_bytes(b"\x10\x10s\r\x10\x10");
    assert_eq!(bench.events.last().unwrap(), "line ones");
    assert_eq!(bench.editor.line(), "two");
}

#[test]
fn history_is_bounded() {
    let mut bench = Bench::new(80);
    for line in 0..crate::limits::HISTORY_LINES + 3 {
        bench.type_bytes(std::format!("line {line}\r").as_bytes());
    }
    for _ in 0..crate::limits::HISTORY_LINES + 3 {
        bench.type_bytes(b"\x10");
    }
    assert_eq!((bench.editor.line(), bench.terminal.bells), ("line 3", 3));
}

#[test]
fn a_word_is_completed_where_the_cursor_is() {
    let mut bench = Bench::new(80);
    bench.type_bytes(b"if x\x1bb\x02\t");
    assert_eq!(bench.events, ["complete if"]);
    let mut echo = String::new();
    bench.editor.complete("conf", false, &mut echo);
    bench.editor.complete("ig", true, &mut echo);
    bench.terminal.show(&echo);
    bench.agree();
    assert_eq!((bench.editor.line(), bench.editor.cursor()), ("ifconfig x", 8));
    bench.type_bytes(b"\x15dmes");
    echo.clear();
    bench.editor.complete("g", true, &mut echo);
    bench.terminal.show(&echo);
    bench.agree();
    assert_eq!(bench.editor.line(), "dmesg x");
    // Something is listed below, and the line goes on as it was.
    echo.clear();
    bench.editor.leave(&mut echo);
    echo.push_str("one  two\r\n");
    bench.editor.draw(&mut echo);
    bench.terminal.show(&echo);
    bench.agree();
}

#[test]
fn the_line_is_bounded_and_says_so() {
    let mut bench = Bench::new(80);
    bench.type_bytes(&[b'x'; LINE_BYTES_MAX]);
    assert_eq!(bench.terminal.bells, 0);
    bench.type_bytes(b"yy");
    assert_eq!((bench.editor.line().len(), bench.terminal.bells), (LINE_BYTES_MAX, 2));
    assert!(!bench.editor.line().contains('y'));
}

#[test]
fn a_client_that_echoes_for_itself_gets_no_echo() {
    let screen = Screen { echo: false, ..Screen::default() };
    let mut editor = LineEditor::new(PROMPT, screen);
    let mut echo = String::new();
    editor.draw(&mut echo);
    assert_eq!(echo, PROMPT);
    echo.clear();
    for &byte in b"hex\x7f\x07lp" {
        assert_eq!(editor.feed(byte, &mut echo), None);
    }
    assert_eq!(editor.feed(b'\n', &mut echo), Some(Event::Line("help")));
    assert_eq!(echo, "");
}

#[test]
fn something_else_is_written_in_between() {
    let mut bench = Bench::new(80);
    bench.type_bytes(b"ifconfig\x02\x02");
    let mut echo = String::new();
    bench.editor.erase(&mut echo);
    echo.push_str("eth0: link up\r\n");
    bench.editor.draw(&mut echo);
    bench.terminal.show(&echo);
    bench.agree();
    let mut echo = String::new();
    let narrow = Screen { columns: 40, ..Screen::default() };
    bench.editor.set_screen(narrow, &mut echo);
    bench.terminal.show(&echo);
    bench.terminal.columns = 40;
    bench.agree();
}

/// Bytes of which editing keys are as likely as text.
fn typing() -> impl Strategy<Value = Vec<u8>> {
    let key = prop_oneof![
        4 => "[a-z ]{1,30}".prop_map(String::into_bytes),
        2 => prop::sample::select(std::vec![
            &b"\x1b[A"[..], b"\x1b[B", b"\x1b[C", b"\x1b[D", b"\x1b[H", b"\x1b[F", b"\x1b[3~",
            b"\x01", b"\x02", b"\x05", b"\x06", b"\x08", b"\x0b", b"\x0c", b"\x15", b"\x17",
            b"\x7f", b"\t", b"\x04", b"\x14", b"\x19", b"\x1bb", b"\x1bd", b"\x1bf",
        ]).prop_map(<[u8]>::to_vec),
        1 => prop::sample::select(std::vec![&b"\r"[..], b"\n", b"\r\n", b"\x03"])
            .prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 1..8),
    ];
    prop::collection::vec(key, 0..60).prop_map(|keys| keys.concat())
}

proptest! {
    #[test]
    fn the_screen_always_shows_the_line(bytes in typing(), columns in 20_u16..100) {
        Bench::new(columns).type_bytes(&bytes);
    }

    #[test]
    fn no_byte_is_too_much(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        columns in 20_u16..300,
    ) {
        Bench::new(columns).type_bytes(&bytes);
    }
}
