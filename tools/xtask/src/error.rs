//! An error is a sentence for the person at the terminal: what failed, and what to do about it.

use std::fmt;

/// What went wrong, in words.
#[derive(Debug, PartialEq, Eq)]
pub struct Error(String);

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// Puts what was attempted in front of why it failed.
pub trait Context<T> {
    /// `what` completes the sentence "cannot ...".
    ///
    /// # Errors
    /// The original error, with `cannot {what}: ` before it.
    fn context(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Error(format!("cannot {}: {error}", what())))
    }
}
