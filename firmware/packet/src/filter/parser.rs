//! The grammar, one function a rule.
//!
//! ```text
//! expression = term { ("and" | "or") (term | value) }
//! term       = "not" term | "(" expression ")" | qualifiers value | protocol | relation | ...
//! value      = "not" value | "(" values ")" | address | number | name
//! relation   = arithmetic (">" | ">=" | "=" | "<=" | "<" | "!=") arithmetic
//! ```
//!
//! A value without qualifiers takes those of the value before it: `port 80 or 443`.

use super::error::{Error, Fault};
use super::keywords::{Keyword, Protocol};
use super::lexer::{Lexer, Token};
use super::primitive::{Kind, Qualifiers};
use super::program::{Base, End, Op, PENDING, Program, Relation, TAG_BYTES};
use crate::Names;
use crate::limits::FILTER_DEPTH;

pub type Compiled<'e, T = ()> = Result<T, Error<'e>>;

/// Compiles an expression; the empty one accepts all frames.
pub fn compile<'e>(expression: &'e str, names: &dyn Names) -> Compiled<'e, Program> {
    let mut compiler = Compiler::new(expression, names);
    if compiler.token != Token::End {
        compiler.expression(Qualifiers::UNDEFINED)?;
        if compiler.token != Token::End {
            return Err(compiler.unexpected());
        }
    }
    Ok(compiler.program)
}

/// An expression, read up to a word, and the program of what was read.
pub struct Compiler<'e, 'n> {
    pub lexer: Lexer<'e>,
    /// The word that is to be understood next, and its place.
    pub token: Token<'e>,
    pub at: usize,
    pub names: &'n dyn Names,
    program: Program,
    /// Bytes of VLAN tags that the expression has asked for so far.
    tags: u8,
    depth: usize,
}

impl<'e, 'n> Compiler<'e, 'n> {
    fn new(expression: &'e str, names: &'n dyn Names) -> Self {
        let mut lexer = Lexer::new(expression);
        let (token, at) = lexer.next();
        Self { lexer, token, at, names, program: Program::new(), tags: 0, depth: 0 }
    }

    /// Goes on to the next word.
    pub fn advance(&mut self) {
        (self.token, self.at) = self.lexer.next();
    }

    /// The error that the word here makes.
    pub fn unexpected(&self) -> Error<'e> {
        match self.token {
            Token::Wrong(fault) => Error::new(fault, self.at),
            _ => Error::new(Fault::Syntax, self.at),
        }
    }

    /// Takes a sign that must be here.
    pub fn expect(&mut self, sign: char) -> Compiled<'e> {
        if self.token != Token::Sign(sign) {
            return Err(self.unexpected());
        }
        self.advance();
        Ok(())
    }

    /// A number that must be here.
    pub fn number(&mut self) -> Compiled<'e, u32> {
        let number = self.plain_number().ok_or_else(|| self.unexpected())?;
        self.advance();
        Ok(number)
    }

    fn plain_number(&self) -> Option<u32> {
        match self.token {
            Token::Number(number) | Token::Keyword(Keyword::Constant(number)) => Some(number),
            _ => None,
        }
    }

    /// Adds an instruction.
    pub fn emit(&mut self, op: Op) -> Compiled<'e> {
        let at = self.at;
        self.program.push(op, self.tags).map(drop).ok_or(Error::new(Fault::TooLong, at))
    }

    /// How many instructions there are.
    pub fn length(&self) -> usize {
        self.program.length()
    }

    /// Lets the jumps from `start` on lead here.
    pub fn land(&mut self, start: usize) {
        self.program.land(start);
    }

    /// Runs `parse` one level deeper.
    pub fn deeper<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Compiled<'e, T>,
    ) -> Compiled<'e, T> {
        if self.depth >= FILTER_DEPTH {
            return Err(Error::new(Fault::TooLong, self.at));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    // --- Conditions

    /// Operands with `and` and `or` between; the qualifiers of the last.
    fn expression(&mut self, outer: Qualifiers) -> Compiled<'e, Qualifiers> {
        let mut last = self.operand(outer, false)?;
        while let Some(stops_at) = self.connective() {
            let jump = self.program.length();
            self.emit(Op::JumpIf(stops_at, PENDING))?;
            last = self.operand(last, true)?;
            self.program.land(jump);
        }
        Ok(last)
    }

    /// Takes `and` or `or`: the truth at which the rest need not be looked at.
    fn connective(&mut self) -> Option<bool> {
        let stops_at = match self.token {
            Token::Keyword(Keyword::And) => false,
            Token::Keyword(Keyword::Or) => true,
            _ => return None,
        };
        self.advance();
        Some(stops_at)
    }

    /// A term or, where `takes_value`, a value with the qualifiers of the one before.
    fn operand(&mut self, last: Qualifiers, takes_value: bool) -> Compiled<'e, Qualifiers> {
        match self.token {
            Token::Keyword(Keyword::Not) => {
                self.advance();
                let last = self.deeper(|inner| inner.operand(last, takes_value))?;
                self.emit(Op::Not)?;
                Ok(last)
            }
            _ if self.starts_relation() => {
                self.relation()?;
                Ok(Qualifiers::UNDEFINED)
            }
            Token::Sign('(') if takes_value && self.starts_values() => self.value(last),
            Token::Sign('(') => {
                self.advance();
                self.deeper(|inner| inner.expression(last))?;
                self.expect(')')?;
                Ok(last)
            }
            Token::Keyword(Keyword::Constant(_)) => self.value_if(takes_value, last),
            Token::Keyword(word) => self.term(word),
            _ => self.value_if(takes_value, last),
        }
    }

    fn value_if(&mut self, is_taken: bool, last: Qualifiers) -> Compiled<'e, Qualifiers> {
        if is_taken { self.value(last) } else { Err(self.unexpected()) }
    }

    /// What starts with a keyword.
    fn term(&mut self, word: Keyword) -> Compiled<'e, Qualifiers> {
        let undefined = Ok(Qualifiers::UNDEFINED);
        let place = self.at;
        match word {
            Keyword::Less | Keyword::Greater => {
                self.advance();
                let length = self.number()?;
                let is_less = word == Keyword::Less;
                let relation =
                    if is_less { Relation::LessOrEqual } else { Relation::GreaterOrEqual };
                self.emit(Op::FrameLength(relation, length))?;
                undefined
            }
            Keyword::Byte => {
                self.advance();
                self.byte_test()?;
                undefined
            }
            Keyword::Inbound => Err(Error::new(Fault::Direction, place)),
            Keyword::Vlan => {
                self.advance();
                self.vlan()?;
                undefined
            }
            Keyword::Unsupported => {
                let expression_word = self.word_here();
                Err(Error::new(Fault::Unsupported(expression_word), place))
            }
            Keyword::Protocol(protocol) => {
                self.advance();
                self.qualified(Some(protocol), place)
            }
            _ => self.qualified(None, place),
        }
    }

    /// The word that is to be understood next, as it stands in the expression.
    fn word_here(&self) -> &'e str {
        let end = self.lexer.position();
        self.lexer.expression().get(self.at..end).unwrap_or_default()
    }

    /// What follows an optional protocol: the rest of the qualifiers and a value, `broadcast`,
    /// `multicast`, or nothing.
    fn qualified(&mut self, protocol: Option<Protocol>, place: usize) -> Compiled<'e, Qualifiers> {
        match (self.token, protocol) {
            (Token::Keyword(Keyword::Broadcast), _) => {
                self.advance();
                self.broadcast(protocol, place)?;
                return Ok(Qualifiers::UNDEFINED);
            }
            (Token::Keyword(Keyword::Multicast), _) => {
                self.advance();
                self.multicast(protocol, place)?;
                return Ok(Qualifiers::UNDEFINED);
            }
            _ => {}
        }
        let end = self.ends()?;
        let kind = match self.token {
            Token::Keyword(Keyword::Host) => Some(Kind::Host),
            Token::Keyword(Keyword::Net) => Some(Kind::Net),
            Token::Keyword(Keyword::Port) => Some(Kind::Port),
            Token::Keyword(Keyword::PortRange) => Some(Kind::PortRange),
            Token::Keyword(Keyword::Proto) if end.is_none() => Some(Kind::Protocol),
            Token::Keyword(Keyword::Gateway) if end.is_none() => Some(Kind::Gateway),
            _ => None,
        };
        if kind.is_some() {
            self.advance();
        } else if end.is_none() {
            let Some(protocol) = protocol else { return Err(self.unexpected()) };
            self.protocol(protocol, place)?;
            return Ok(Qualifiers::UNDEFINED);
        }
        self.value(Qualifiers { protocol, end, kind: kind.unwrap_or(Kind::Default) })
    }

    /// `vlan`, with a number or without.
    fn vlan(&mut self) -> Compiled<'e> {
        let place = self.at;
        let mut closing = 0;
        // The number may be in parentheses.
        let mut ahead = (self.lexer, self.token);
        while ahead.1 == Token::Sign('(') && closing < FILTER_DEPTH {
            ahead.1 = ahead.0.next().0;
            closing += 1;
        }
        let has_number = matches!(ahead.1, Token::Number(_) | Token::Keyword(Keyword::Constant(_)));
        let mut number = None;
        if has_number {
            for _ in 0..closing {
                self.expect('(')?;
            }
            number = Some(self.number()?);
            for _ in 0..closing {
                self.expect(')')?;
            }
        }
        if let Some(number) = number.filter(|&number| number > 0x0fff) {
            return Err(Error::new(Fault::VlanNumber(number), place));
        }
        self.emit(Op::Vlan(number.map(|number| number as u16)))?;
        let at = self.at;
        self.tags = self.tags.checked_add(TAG_BYTES).ok_or(Error::new(Fault::TooLong, at))?;
        Ok(())
    }

    /// `byte OFFSET OPERATOR NUMBER`.
    fn byte_test(&mut self) -> Compiled<'e> {
        let offset = self.number()?;
        let relation = match self.token {
            Token::Sign('<') => Relation::Less,
            Token::Sign('>') => Relation::Greater,
            Token::Sign('=') => Relation::Equal,
            _ => return Err(self.unexpected()),
        };
        self.advance();
        let number = self.number()?;
        self.emit(Op::Push(offset))?;
        self.emit(Op::Load { base: Base::Link, size: 1 })?;
        self.emit(Op::Push(number))?;
        self.emit(Op::Compare(relation))
    }

    // --- Values

    /// Does the parenthesis here hold values only, so that they take qualifiers from before it?
    fn starts_values(&self) -> bool {
        let mut ahead = (self.lexer, self.token);
        // At most as many words as the expression has bytes.
        while matches!(ahead.1, Token::Sign('(') | Token::Keyword(Keyword::Not)) {
            ahead.1 = ahead.0.next().0;
        }
        matches!(
            ahead.1,
            Token::Number(_)
                | Token::Ipv4(_)
                | Token::Ipv6(..)
                | Token::Ethernet(_)
                | Token::Name(_)
                | Token::Keyword(Keyword::Constant(_))
        )
    }

    /// A value, or several in parentheses.
    fn value(&mut self, qualifiers: Qualifiers) -> Compiled<'e, Qualifiers> {
        let place = self.at;
        match self.token {
            Token::Keyword(Keyword::Not) => {
                self.advance();
                self.deeper(|inner| inner.value(qualifiers))?;
                self.emit(Op::Not)?;
            }
            Token::Sign('(') => {
                self.advance();
                self.deeper(|inner| inner.values(qualifiers))?;
                self.expect(')')?;
            }
            Token::Ipv4(text) => {
                self.advance();
                self.ipv4_value(text, qualifiers, place)?;
            }
            Token::Ipv6(address, text) => {
                self.advance();
                let mut bits = 128;
                if self.token == Token::Sign('/') {
                    self.advance();
                    bits = self.number()?;
                }
                self.ipv6(address, text, bits, qualifiers, place)?;
            }
            Token::Ethernet(address) => {
                self.advance();
                self.ethernet(address, qualifiers, place)?;
            }
            Token::Name(name) => {
                self.advance();
                self.name(name, qualifiers, place)?;
            }
            _ => {
                let number = self.number()?;
                self.numbered(number, qualifiers, place)?;
            }
        }
        Ok(qualifiers)
    }

    fn values(&mut self, qualifiers: Qualifiers) -> Compiled<'e> {
        self.value(qualifiers)?;
        while let Some(stops_at) = self.connective() {
            let jump = self.program.length();
            self.emit(Op::JumpIf(stops_at, PENDING))?;
            self.value(qualifiers)?;
            self.program.land(jump);
        }
        Ok(())
    }

    fn ipv4_value(&mut self, text: &'e str, qualifiers: Qualifiers, place: usize) -> Compiled<'e> {
        match self.token {
            Token::Sign('/') => {
                self.advance();
                let bits = self.number()?;
                self.ipv4_prefix(text, bits, qualifiers, place)
            }
            Token::Keyword(Keyword::Mask) => {
                self.advance();
                let Token::Ipv4(mask) = self.token else { return Err(self.unexpected()) };
                self.advance();
                self.ipv4_masked(text, mask, qualifiers, place)
            }
            _ => self.ipv4(text, qualifiers, place),
        }
    }

    /// `src`, `dst`, or both with `or` or `and` between.
    fn ends(&mut self) -> Compiled<'e, Option<End>> {
        let first = match self.token {
            Token::Keyword(Keyword::Src) => End::Source,
            Token::Keyword(Keyword::Dst) => End::Destination,
            _ => return Ok(None),
        };
        self.advance();
        let both = match self.token {
            Token::Keyword(Keyword::Or) => End::Either,
            Token::Keyword(Keyword::And) => End::Both,
            _ => return Ok(Some(first)),
        };
        self.advance();
        let other = if first == End::Source { Keyword::Dst } else { Keyword::Src };
        if self.token != Token::Keyword(other) {
            return Err(self.unexpected());
        }
        self.advance();
        Ok(Some(both))
    }
}
