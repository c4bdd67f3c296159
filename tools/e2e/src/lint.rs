//! The lint beside a board: QEMU's record of the controller's registers passes it line by line
//! while the board runs, and is not kept. An hour of it would fill a disk; what was found is a few
//! lines.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use xtask::lint::{Findings, Lint};

use crate::process::Sieve;

/// What QEMU's lines of the trace begin with; the rest of its standard error is for people.
const TRACE: &str = "usb_";
/// Lines before the first violation that are shown with it.
const CONTEXT_LINES: usize = 40;

#[derive(Debug, Default)]
struct Book {
    lint: Lint,
    last: VecDeque<String>,
    /// The lines up to the first violation.
    context: Option<String>,
}

impl Book {
    fn line(&mut self, line: &str) {
        self.lint.line(line);
        if self.context.is_some() {
            return;
        }
        if self.last.len() == CONTEXT_LINES {
            self.last.pop_front();
        }
        self.last.push_back(line.into());
        if !self.lint.findings().violations.is_empty() {
            self.context = Some(Vec::from(std::mem::take(&mut self.last)).join("\n"));
        }
    }
}

/// A lint that looks at one board.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<Mutex<Book>>);

impl Watch {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the trace out of a standard error.
    pub fn sieve(&self) -> Sieve {
        let watch = self.clone();
        Box::new(move |line| {
            let is_trace = line.starts_with(TRACE);
            if is_trace {
                watch.book().line(line);
            }
            !is_trace
        })
    }

    /// What was found so far.
    pub fn verdict(&self) -> Verdict {
        let book = self.book();
        Verdict { findings: book.lint.findings().clone(), context: book.context.clone() }
    }
}

/// What the lint says of a board.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// All of it.
    pub findings: Findings,
    /// The lines of the trace up to the first violation, if there is one.
    pub context: Option<String>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.findings.fmt(f)?;
        match &self.context {
            Some(context) => write!(f, "\n--- the trace up to the first ---\n{context}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: &str = "usb_dwc2_hreg0_read   0x0440 HPRT0     val 0x00001005";
    const ENABLE_WRITTEN: &str = "usb_dwc2_hreg0_write  0x0440 HPRT0     val 0x00001005 \
                                  old 0x00001005 result 0x00001001";

    #[test]
    fn the_trace_is_taken_out_and_looked_at() {
        let watch = Watch::default();
        let mut sieve = watch.sieve();
        assert!(sieve("qemu-system-aarch64: a word for people"));
        assert!(!sieve(CLEAN));
        assert_eq!(watch.verdict().findings.accesses, 1);
        assert_eq!(watch.verdict().context, None);
    }

    #[test]
    fn a_violation_is_shown_with_what_came_before_it() {
        let watch = Watch::default();
        let mut sieve = watch.sieve();
        for _ in 0..CONTEXT_LINES * 2 {
            sieve(CLEAN);
        }
        sieve(ENABLE_WRITTEN);
        sieve(CLEAN);
        let text = watch.verdict().to_string();
        assert!(text.contains("81: port-enable: HPRT written"), "{text}");
        assert!(text.ends_with(ENABLE_WRITTEN), "{text}");
        assert_eq!(watch.verdict().context.unwrap().lines().count(), CONTEXT_LINES);
    }
}
