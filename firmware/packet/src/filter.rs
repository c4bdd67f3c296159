//! Filter expressions in libpcap's language (pcap-filter(7)), compiled to a short program.
//!
//! [`Filter::compile`] reads an expression once, left to right: `lexer` makes words of it, `parser`
//! knows the grammar, `primitive` what a word means behind its qualifiers, and each primitive
//! becomes one instruction of the `program`. Jumps lead forwards only, so a run takes no more steps
//! than the program has instructions. As in libpcap `and` and `or` bind equally, from the left.
//!
//! A frame that ends before what an instruction reads is refused, even under `not`: so does the
//! machine that libpcap compiles for.

mod arithmetic;
mod error;
mod keywords;
mod lexer;
mod names;
mod parser;
mod primitive;
mod program;

pub use error::{Error, Fault};
use program::Program;

use crate::Names;

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Filter {
    program: Program,
}

impl Filter {
    /// The filter that accepts all frames: the empty expression.
    pub const fn all() -> Self {
        Self { program: Program::new() }
    }

    /// Compiles an expression; `names` resolves hosts and services.
    ///
    /// # Errors
    /// What libpcap 1.10.3 says about the expression, and where in it.
    pub fn compile<'e>(expression: &'e str, names: &dyn Names) -> Result<Self, Error<'e>> {
        parser::compile(expression, names).map(|program| Self { program })
    }

    /// Does the expression hold for a frame of `length` bytes on the wire, of which `bytes` were
    /// captured?
    pub fn accepts(&self, bytes: &[u8], length: usize) -> bool {
        self.program.run(bytes, length)
    }
}
