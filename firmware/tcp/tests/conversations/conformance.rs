//! docs/tcp-conformance.md: every requirement is there, and every test that it names exists.

use std::collections::BTreeSet;
use std::path::Path;

use crate::script;

const MUSTS: u32 = 69;
const SHOULDS: u32 = 31;
/// The clauses of the others that have a MUST or SHOULD for a host.
const CLAUSES: [(&str, &[&str]); 4] = [
    // Beyond what RFC 9293 took over with a number.
    (
        "RFC 1122 4.2",
        &[
            "4.2.2.13",
            "4.2.2.15",
            "4.2.2.16",
            "4.2.2.17",
            "4.2.2.20 (a)",
            "4.2.2.21",
            "4.2.3.4",
            "4.2.3.6",
            "4.2.3.9",
            "4.2.3.10",
        ],
    ),
    ("RFC 5961", &["3.2 (1)", "3.2 (2)", "3.2 (3)", "4.2", "5.2", "7"]),
    (
        "RFC 7323",
        &[
            "2.2",
            "2.3",
            "2.4",
            "3.2",
            "4.1",
            "4.2",
            "4.3",
            "5.2",
            "5.3 R1",
            "5.3 R2, R3",
            "5.4",
            "5.5",
        ],
    ),
    ("RFC 6528", &["3"]),
];

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).ok()
}

/// True if `file::name` is a test.
fn is_function(test: &str) -> bool {
    let Some((file, name)) = test.split_once("::") else { return false };
    let text = read(&format!("src/{file}")).or_else(|| read(&format!("tests/{file}")));
    let Some(text) = text else { return false };
    let Some((before, _)) = text.split_once(&format!("fn {name}(")) else { return false };
    // Of proptest's functions every one is a test; of others the attribute is right above.
    before.trim_end().ends_with("#[test]")
}

#[test]
fn every_requirement_is_listed_and_every_test_exists() {
    let text = read("../../docs/tcp-conformance.md").expect("the list");
    let scripts: BTreeSet<String> = script::all().into_iter().map(|script| script.name).collect();
    let mut known = BTreeSet::new();
    let mut missing = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [number, what, shown] = cells[..] else { panic!("not three cells: {line}") };
        known.insert(number.to_string());
        assert!(!what.is_empty() && !shown.is_empty(), "{line}");
        let tests = shown.split('`').skip(1).step_by(2);
        let mut named = 0;
        for test in tests.filter(|test| test.contains(": ") || test.contains(".rs::")) {
            named += 1;
            if !scripts.contains(test) && !is_function(test) {
                missing.push(format!("{number}: {test}"));
            }
        }
        // A heading, or a reason.
        assert!(named > 0 || shown.split(' ').count() >= 2 || shown == "---", "{line}");
    }
    assert_eq!(missing, Vec::<String>::new());
    // Differences from Linux are named with the values of the tables.
    let (_, beside) = text.split_once("## Beside Linux").expect("the section");
    let filled: BTreeSet<String> = script::all().iter().map(script::Script::filled).collect();
    for name in beside.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()) {
        assert!(filled.contains(name), "no such conversation: {name}");
    }
    let numbers = (1..=MUSTS)
        .map(|number| format!("MUST-{number}"))
        .chain((1..=SHOULDS).map(|number| format!("SHLD-{number}")));
    let forgotten: Vec<String> = numbers.filter(|number| !known.contains(number)).collect();
    assert_eq!(forgotten, Vec::<String>::new());
    for (standard, clauses) in CLAUSES {
        let section = text.split("\n## ").find(|section| section.starts_with(standard));
        let section = section.unwrap_or_else(|| panic!("no section on {standard}"));
        for clause in clauses {
            assert!(section.contains(&format!("\n| {clause} | ")), "{standard}: no {clause}");
        }
    }
}
