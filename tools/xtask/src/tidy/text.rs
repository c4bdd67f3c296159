//! Rules about files as text: their shape, and the links between them.

use super::tree::File;
use super::{Rule, Tree, Violation};

/// The rules of this file.
pub const RULES: [Rule; 4] = [
    Rule {
        name: "columns",
        reason: "100 columns fit twice on a screen, comments too; tables of Markdown and \
                 manifests, which cannot be broken, are free",
        check: columns,
    },
    Rule {
        name: "length",
        reason: "a file of more than 500 lines is about more than one thing; one that is not says \
                 why within its first 30 lines: `long-file: reason`",
        check: length,
    },
    Rule {
        name: "opening",
        reason: "a Rust file opens with what it is: `//!` in its first line",
        check: opening,
    },
    Rule {
        name: "links",
        reason: "a link to a file that is not there leads a reader nowhere",
        check: links,
    },
];

/// The widest line, in characters.
const COLUMNS_MAX: usize = 100;
/// The longest file, in lines.
const LINES_MAX: usize = 500;
/// Where the reason for a longer one must stand.
const REASON_LINES: usize = 30;

/// Text that somebody wrote line by line.
fn is_source(file: &File) -> bool {
    [".rs", ".S", ".ld", ".sh", ".ci/run"].iter().any(|end| file.path.ends_with(end))
}

fn columns(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.files.iter().filter(|file| is_source(file)) {
        let widths = file.text.lines().map(|line| line.chars().count()).zip(1..);
        let wide: Vec<_> = widths.filter(|(columns, _)| *columns > COLUMNS_MAX).collect();
        if let [(columns, line), more @ ..] = wide.as_slice() {
            let what = match more.len() {
                0 => format!("{columns} columns"),
                more => format!("{columns} columns, and {more} more such lines"),
            };
            found.push(Violation::at(&file.path, *line, what));
        }
    }
    found
}

fn length(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.files.iter().filter(|file| is_source(file)) {
        let lines = file.text.lines().count();
        let mut head = file.text.lines().take(REASON_LINES);
        let reason = |line: &str| {
            line.split_once("long-file:").is_some_and(|(_, why)| !why.trim().is_empty())
        };
        if lines > LINES_MAX && !head.any(reason) {
            found.push(Violation::of(&file.path, format!("{lines} lines and no reason for it")));
        }
    }
    found
}

fn opening(tree: &Tree) -> Vec<Violation> {
    let silent = tree.rust().filter(|file| !file.text.starts_with("//!"));
    silent.map(|file| Violation::at(&file.path, 1, "does not say what this file is")).collect()
}

fn links(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.ends_with(".md")) {
        let mut fenced = false;
        for (index, line) in file.text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            }
            if fenced {
                continue;
            }
            for target in targets(line) {
                let there =
                    resolve(&file.path, target).is_some_and(|path| tree.paths.contains(&path));
                if !there {
                    let what = format!("{target} does not exist");
                    found.push(Violation::at(&file.path, index + 1, what));
                }
            }
        }
    }
    found
}

/// What the links in a line of Markdown lead to, as far as that is in the repository.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    // The even parts between backticks are text, the odd ones code.
    let prose = line.split('`').enumerate();
    let links = prose.filter(|(index, _)| index % 2 == 0);
    let after = links.flat_map(|(_, part)| part.split("](").skip(1));
    let target = after.filter_map(|rest| rest.split([')', ' ', '#']).next());
    target.filter(|target| !target.is_empty() && !target.contains(':'))
}

/// The path a link in `file` leads to; None if that is outside the repository.
fn resolve(file: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = match target.starts_with('/') {
        true => Vec::new(),
        false => file.split('/').collect(),
    };
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_line_is_found() {
        let fits = "x".repeat(COLUMNS_MAX);
        let wide = format!("a\n{fits}y\n{fits}\n{fits}yy");
        let found = columns(&Tree::of([("a/src/lib.rs", wide.as_str()), ("b.md", &wide)]));
        assert_eq!(found, [Violation::at("a/src/lib.rs", 2, "101 columns, and 1 more such lines")]);
        assert_eq!(columns(&Tree::of([("linker.ld", fits.as_str())])), []);
        // Columns are characters, not bytes.
        assert_eq!(columns(&Tree::of([("a.rs", "é".repeat(COLUMNS_MAX).as_str())])), []);
    }

    #[test]
    fn a_long_file_without_a_reason_is_found() {
        let long = "//! A table.\n".repeat(LINES_MAX + 1);
        assert_eq!(length(&Tree::of([("a.rs", long.as_str())])).len(), 1);
        let excused = format!("//! long-file: one table, one place.\n{long}");
        assert_eq!(length(&Tree::of([("a.rs", excused.as_str())])), []);
        let empty = format!("//! long-file:\n{long}");
        assert_eq!(length(&Tree::of([("a.rs", empty.as_str())])).len(), 1);
        let late = format!("{long}\n//! long-file: too late");
        assert_eq!(length(&Tree::of([("a.rs", late.as_str())])).len(), 1);
    }

    #[test]
    fn a_file_that_does_not_introduce_itself_is_found() {
        assert_eq!(opening(&Tree::of([("a.rs", "use x;")])).len(), 1);
        assert_eq!(opening(&Tree::of([("a.rs", "//! What it is.\nuse x;")])), []);
    }

    #[test]
    fn a_link_to_nowhere_is_found() {
        let check = |text| {
            links(&Tree::of([
                ("docs/a.md", text),
                ("docs/b.md", "# B"),
                ("drivers/usb/README.md", "# usb"),
            ]))
        };
        for text in ["[b](c.md)", "see [`b`](c.md)", "[x](../nothing/)", "[x](../../out.md)"] {
            assert_eq!(check(text).len(), 1, "{text}");
        }
        for text in [
            "[b](b.md) and [the crate](../drivers/usb)",
            "[b](b.md#part \"title\")",
            "[root](/docs/b.md)",
            "[out](https://example.org/c.md) [part](#part)",
            "`[b](c.md)`",
            "```\n[b](c.md)\n```",
        ] {
            assert_eq!(check(text), [], "{text}");
        }
    }
}
