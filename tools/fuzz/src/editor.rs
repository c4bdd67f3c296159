//! The line editor. Input: columns of the terminal less 20, then what is typed.

use firmware::limits::LINE_BYTES_MAX;
use firmware::shell::Screen as Size;
use firmware::shell::line::{ECHO_BYTES_MAX, Event, LineEditor};

use crate::screen::Screen;

const PROMPT: &str = "pi$ ";
/// What Tab completes.
const NAMES: [&str; 4] = ["dmesg", "help", "ifconfig", "a-name-longer-than-the-window"];
/// Keys of one input.
const KEYS_MAX: usize = 4096;

/// After each key the screen shows the part of the line around the cursor, and the cursor where the
/// editor has it.
pub fn check(input: &[u8]) {
    let Some((&more, keys)) = input.split_first() else { return };
    let columns = 20 + u16::from(more);
    let mut editor = LineEditor::new(PROMPT, Size { columns, ..Size::default() });
    let mut screen = Screen::new(columns.into());
    let mut echo = String::new();
    editor.draw(&mut echo);
    screen.show(&echo);
    for &key in keys.iter().take(KEYS_MAX) {
        let before = editor.line().to_owned();
        echo.clear();
        let event = editor.feed(key, &mut echo);
        if event == Some(Event::Complete) {
            complete(&mut editor, &mut echo);
            screen.show(&echo);
            agree(&editor, &screen, columns.into());
            continue;
        }
        let ended = event.is_some();
        if let Some(Event::Line(line)) = &event {
            assert_eq!(*line, before, "another line was entered than was seen");
        }
        if event == Some(Event::EndOfFile) {
            assert!(before.is_empty());
            echo.push_str("\r\n");
        }
        assert!(echo.len() <= ECHO_BYTES_MAX, "{} bytes of echo", echo.len());
        screen.show(&echo);
        if ended {
            assert_eq!((screen.text(), screen.column()), ("", 0));
            echo.clear();
            editor.draw(&mut echo);
            screen.show(&echo);
        }
        agree(&editor, &screen, columns.into());
    }
}

/// What a session does at Tab: it completes the word left of the cursor, or lists something below.
fn complete(editor: &mut LineEditor, echo: &mut String) {
    let before = editor.before_cursor();
    assert_eq!(before, &editor.line()[..editor.cursor()]);
    let word = before.rsplit(' ').next().unwrap_or_default();
    let rest = NAMES.into_iter().find_map(|name| name.strip_prefix(word));
    match rest {
        Some(rest) if !word.is_empty() => editor.complete(rest, rest.len() % 2 == 0, echo),
        Some(_) => {
            editor.leave(echo);
            echo.push_str("choices\r\n");
            editor.draw(echo);
        }
        None => editor.bell(echo),
    }
}

fn agree(editor: &LineEditor, screen: &Screen, columns: usize) {
    let (line, cursor) = (editor.line(), editor.cursor());
    assert!(cursor <= line.len() && line.len() <= LINE_BYTES_MAX && line.is_ascii());
    let width = columns - 1 - PROMPT.len();
    let column = screen.column().checked_sub(PROMPT.len()).expect("the cursor is in the prompt");
    let start = cursor.checked_sub(column).expect("the window begins within the line");
    let window = &line[start..line.len().min(start + width)];
    assert_eq!(screen.text(), format!("{PROMPT}{window}").trim_end());
    assert!(line.len() > width || start == 0, "a line that fits is shown whole");
}
