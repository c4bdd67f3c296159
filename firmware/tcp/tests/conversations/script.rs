//! Scripts: how they are found, split, and filled in from tables.
//!
//! ```text
//! == a RST at $seq: $verdict          a title; $names are columns of the table below
//! | seq | verdict          |          one script for each row
//! | 1   | reset by peer    |
//! | 2   | reset challenged |
//! given open                          what is done is in `run.rs`
//! peer R seq $seq
//! verdict $verdict
//! ```

use std::path::Path;

/// One script, filled in.
#[derive(Clone, Debug)]
pub struct Script {
    /// File and title as written: what docs/tcp-conformance.md names.
    pub name: String,
    /// The title filled in.
    pub title: String,
    /// Number in the file, and text.
    pub lines: Vec<(usize, String)>,
}

fn cells(line: &str) -> Vec<String> {
    line.trim_matches('|').split('|').map(|cell| cell.trim().to_string()).collect()
}

impl Script {
    /// The name with the title filled in.
    pub fn filled(&self) -> String {
        let file = self.name.split(':').next().unwrap_or_default();
        format!("{file}: {}", self.title)
    }
}

/// The scripts of one file.
pub fn parse(file: &str, text: &str) -> Vec<Script> {
    let mut scripts = Vec::new();
    let mut title: Option<String> = None;
    let mut table: Vec<Vec<String>> = Vec::new();
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut finish = |title: &Option<String>, table: &[Vec<String>], lines: &[(usize, String)]| {
        let Some(title) = title else { return };
        let name = format!("{file}: {title}");
        let (columns, rows) = match table.split_first() {
            Some((columns, rows)) => (columns.clone(), rows.to_vec()),
            None => (Vec::new(), vec![Vec::new()]),
        };
        for row in rows {
            assert_eq!(row.len(), columns.len(), "{name}: a row of another length");
            let fill = |text: &str| {
                let mut text = text.to_string();
                for (column, cell) in columns.iter().zip(&row) {
                    text = text.replace(&format!("${column}"), cell);
                }
                text
            };
            let filled = lines.iter().map(|(number, line)| (*number, fill(line))).collect();
            scripts.push(Script { name: name.clone(), title: fill(title), lines: filled });
        }
    };
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(next) = line.strip_prefix("== ") {
            finish(&title, &table, &lines);
            title = Some(next.to_string());
            table.clear();
            lines.clear();
        } else if line.starts_with('|') {
            table.push(cells(line));
        } else if !line.is_empty() {
            assert!(title.is_some(), "{file}:{}: a line before the first title", number + 1);
            lines.push((number + 1, line.to_string()));
        }
    }
    finish(&title, &table, &lines);
    scripts
}

/// All scripts, in the order of their files' names.
pub fn all() -> Vec<Script> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let entries = std::fs::read_dir(folder).expect("the folder of scripts");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let of_file = |path: &std::path::PathBuf| {
        let file = path.file_stem().expect("a name").to_string_lossy().into_owned();
        parse(&file, &std::fs::read_to_string(path).expect("a script"))
    };
    paths.iter().flat_map(of_file).collect()
}
