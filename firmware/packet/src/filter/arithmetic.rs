//! The grammar's calculations and comparisons: `ip[0] & 0xf != 5`.

use super::error::{Error, Fault};
use super::keywords::Keyword;
use super::lexer::Token;
use super::parser::{Compiled, Compiler};
use super::primitive::Index;
use super::program::{Op, Operator, PENDING, Relation};
use crate::limits::ARITHMETIC_INSTRUCTIONS;

/// A calculation that waits until the protocols it reads are known to be there.
struct Calculation {
    ops: [Op; ARITHMETIC_INSTRUCTIONS],
    length: usize,
}

impl<'e> Compiler<'e, '_> {
    /// Is what starts here a calculation? A parenthesis is one if an operator follows it.
    pub fn starts_relation(&self) -> bool {
        let mut ahead = self.lexer;
        let is_operator = |token| relation(token).is_some() || operator(token).is_some();
        match self.token {
            Token::Sign('-') | Token::Keyword(Keyword::Length) => true,
            Token::Number(_) | Token::Keyword(Keyword::Constant(_)) => is_operator(ahead.next().0),
            Token::Keyword(Keyword::Protocol(_)) => ahead.next().0 == Token::Sign('['),
            Token::Sign('(') => {
                let mut open = 1;
                // At most as many words as the expression has bytes.
                while open > 0 {
                    match ahead.next().0 {
                        Token::Sign('(') => open += 1,
                        Token::Sign(')') => open -= 1,
                        Token::End | Token::Wrong(_) => return false,
                        _ => {}
                    }
                }
                is_operator(ahead.next().0)
            }
            _ => false,
        }
    }

    /// Two calculations and a comparison. The protocols they read are tested before.
    pub fn relation(&mut self) -> Compiled<'e> {
        let start = self.length();
        let mut calculation = Calculation { ops: [Op::Not; ARITHMETIC_INSTRUCTIONS], length: 0 };
        self.arithmetic(&mut calculation, 0)?;
        let relation = relation(self.token).ok_or_else(|| self.unexpected())?;
        self.advance();
        self.arithmetic(&mut calculation, 0)?;
        for op in calculation.ops.into_iter().take(calculation.length) {
            self.emit(op)?;
        }
        self.emit(Op::Compare(relation))?;
        self.land(start);
        Ok(())
    }

    fn calculate(&mut self, calculation: &mut Calculation, op: Op) -> Compiled<'e> {
        let slot = calculation.ops.get_mut(calculation.length);
        *slot.ok_or(Error::new(Fault::TooLong, self.at))? = op;
        calculation.length += 1;
        Ok(())
    }

    /// Operands with operators between that bind at least as tightly as `binding`.
    fn arithmetic(&mut self, calculation: &mut Calculation, binding: u8) -> Compiled<'e> {
        self.deeper(|inner| inner.arithmetic_inside(calculation, binding))
    }

    fn arithmetic_inside(&mut self, calculation: &mut Calculation, binding: u8) -> Compiled<'e> {
        self.arithmetic_operand(calculation)?;
        while let Some((operator, (left, right))) = operator(self.token) {
            if left < binding {
                break;
            }
            self.advance();
            let (place, first) = (self.at, calculation.length);
            self.arithmetic(calculation, right)?;
            if let Some(Op::Push(number)) = calculation.ops.get(first) {
                let fault = match (operator, number) {
                    (Operator::Divide, 0) => Some(Fault::DivisionByZero),
                    (Operator::Remainder, 0) => Some(Fault::ModulusByZero),
                    (Operator::ShiftLeft | Operator::ShiftRight, 32..) => Some(Fault::Shift),
                    _ => None,
                };
                if let Some(fault) = fault {
                    return Err(Error::new(fault, place));
                }
            }
            self.calculate(calculation, Op::Calculate(operator))?;
        }
        Ok(())
    }

    fn arithmetic_operand(&mut self, calculation: &mut Calculation) -> Compiled<'e> {
        let place = self.at;
        match self.token {
            Token::Sign('-') => {
                self.advance();
                self.arithmetic(calculation, BINDING_NEGATION)?;
                self.calculate(calculation, Op::Negate)
            }
            Token::Sign('(') => {
                self.advance();
                self.arithmetic(calculation, 0)?;
                self.expect(')')
            }
            Token::Keyword(Keyword::Length) => {
                self.advance();
                self.calculate(calculation, Op::PushLength)
            }
            Token::Keyword(Keyword::Protocol(protocol)) => {
                self.advance();
                self.expect('[')?;
                self.arithmetic(calculation, 0)?;
                let mut size = 1;
                if self.token == Token::Sign(':') {
                    self.advance();
                    size = self.number()?;
                }
                self.expect(']')?;
                if ![1, 2, 4].contains(&size) {
                    return Err(Error::new(Fault::DataSize, place));
                }
                let Index { base, tests } =
                    Index::of(protocol).ok_or(Error::new(Fault::Index, place))?;
                for test in tests.into_iter().flatten() {
                    self.emit(test)?;
                    self.emit(Op::JumpIf(false, PENDING))?;
                }
                self.calculate(calculation, Op::Load { base, size: size as u8 })
            }
            _ => {
                let number = self.number()?;
                self.calculate(calculation, Op::Push(number))
            }
        }
    }
}

/// How tightly a sign binds.
const BINDING_NEGATION: u8 = 60;

/// The operator that a word is, and how tightly it binds to its left and to its right.
fn operator(token: Token<'_>) -> Option<(Operator, (u8, u8))> {
    Some(match token {
        Token::Sign('|') => (Operator::Or, (10, 11)),
        Token::Sign('&') => (Operator::And, (20, 21)),
        Token::ShiftLeft => (Operator::ShiftLeft, (30, 31)),
        Token::ShiftRight => (Operator::ShiftRight, (30, 31)),
        Token::Sign('+') => (Operator::Add, (40, 41)),
        Token::Sign('-') => (Operator::Subtract, (40, 41)),
        Token::Sign('*') => (Operator::Multiply, (50, 51)),
        Token::Sign('/') => (Operator::Divide, (50, 51)),
        // libpcap's grammar gives these no rank: they take all they can get, on both sides.
        Token::Sign('%') => (Operator::Remainder, (100, 0)),
        Token::Sign('^') => (Operator::Xor, (100, 0)),
        _ => return None,
    })
}

fn relation(token: Token<'_>) -> Option<Relation> {
    Some(match token {
        Token::Sign('>') => Relation::Greater,
        Token::Sign('<') => Relation::Less,
        Token::Sign('=') => Relation::Equal,
        Token::GreaterOrEqual => Relation::GreaterOrEqual,
        Token::LessOrEqual => Relation::LessOrEqual,
        Token::NotEqual => Relation::NotEqual,
        _ => return None,
    })
}
