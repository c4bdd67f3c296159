//! The invariants of ARCHITECTURE.md as far as a machine can see them.
//!
//! Each rule has a name and the reason it is a rule, and looks at the text of the repository. A
//! rule that can be set aside says how in its reason. Each has a test that a planted violation is
//! found.

use std::fmt;

pub mod code;
pub mod source;
pub mod structure;
pub mod text;
pub mod tree;

pub use tree::Tree;

/// One rule.
#[derive(Clone, Copy)]
pub struct Rule {
    /// What it is called in a report.
    pub name: &'static str,
    /// Why it is a rule.
    pub reason: &'static str,
    /// Finds what breaks it.
    pub check: fn(&Tree) -> Vec<Violation>,
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A place where a rule is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The file or folder.
    pub path: String,
    /// The line, from 1, if it is one line.
    pub line: Option<usize>,
    /// What is wrong there.
    pub what: String,
}

impl Violation {
    /// A violation in a line.
    pub fn at(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.into(), line: Some(line), what: what.into() }
    }

    /// A violation of a whole file or folder.
    pub fn of(path: &str, what: impl Into<String>) -> Self {
        Self { path: path.into(), line: None, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.what),
            None => write!(f, "{}: {}", self.path, self.what),
        }
    }
}

/// All rules.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    structure::RULES.iter().chain(&code::RULES).chain(&text::RULES)
}

/// What the rules find: those that hold, and those that are broken with every place.
#[derive(Debug, Default)]
pub struct Findings {
    /// Rules that hold.
    pub held: usize,
    /// Rules that are broken.
    pub broken: Vec<(&'static Rule, Vec<Violation>)>,
}

/// Looks at the tree by every rule.
pub fn check(tree: &Tree) -> Findings {
    let mut findings = Findings::default();
    for rule in rules() {
        match (rule.check)(tree) {
            violations if violations.is_empty() => findings.held += 1,
            violations => findings.broken.push((rule, violations)),
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_have_names_of_their_own_and_reasons() {
        let mut names: Vec<_> = rules().map(|rule| rule.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(rules().all(|rule| rule.reason.len() > 20));
    }

    #[test]
    fn an_empty_tree_breaks_nothing_and_one_bad_file_breaks_one_rule() {
        assert!(check(&Tree::default()).broken.is_empty());
        let tree = Tree::of([("firmware/src/a.rs", "//! A.\nfn f() { todo!() }\n")]);
        let findings = check(&tree);
        assert_eq!(findings.broken.len(), 1);
        assert_eq!(findings.held, rules().count() - 1);
        let (rule, violations) = &findings.broken[0];
        assert_eq!(rule.name, "leftovers");
        assert_eq!(violations[0].to_string(), "firmware/src/a.rs:2: todo! was left behind");
    }
}
