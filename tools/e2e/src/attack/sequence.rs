//! Sequence numbers: whoever can tell the next one can speak in another's name (RFC 6528).
//!
//! The attacks that are tried on the numbers of SYN-ACKs, in the order in which they came:
//!
//! - the same step again, as of counters (CERT CA-2001-09);
//! - a linear congruence modulo 2^32, solved from three numbers: stacks that seed such a generator
//!   once and hand its state out (NUMBER:JACK, CVE-2020-27213 and others);
//! - the state of a 64-bit generator that hands out 32 bits of it, found by trying all that two
//!   numbers leave open, some 2^32: smoltcp 0.14 is such a stack (CVE-2020-27630 is of this class).
//!
//! Each is tried on a generator that it breaks, too: an attack that finds nothing anywhere would
//! prove nothing.

use std::collections::HashSet;
use std::thread;

use anyhow::{Result, anyhow};

use crate::frame::{Payload, Tcp, flag};
use crate::stage::Session;
use crate::wait::PATIENCE;

/// A guess this far off would still hit a window.
const NEAR: u32 = 1024;
/// Numbers that are hit by chance, of ten thousand random ones, are none or one; so are repeats.
const CHANCE: usize = 2;

/// What the attacks found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Numbers that were looked at.
    pub numbers: usize,
    /// Numbers that had come before.
    pub repeats: usize,
    /// Numbers told beforehand by the step before them.
    pub by_step: usize,
    /// Numbers told beforehand by a linear congruence through the three before them.
    pub by_congruence: usize,
}

impl Findings {
    /// True if there is no more than chance.
    pub fn is_random(&self) -> bool {
        [self.repeats, self.by_step, self.by_congruence].iter().all(|count| *count <= CHANCE)
    }
}

/// The sequence numbers of so many SYN-ACKs, each to a port of its own.
///
/// # Errors
/// If the board does not answer.
pub fn collect(session: &Session, count: u16) -> Result<Vec<u32>> {
    let peer = session.lab()?.raw_peer(7)?;
    let board = peer.find(session.address)?;
    let number = |index: u16| {
        let from = 20_000 + index;
        let syn = Tcp { from, to: 80, flags: flag::SYN, window: 65_535, ..Tcp::default() };
        let answer = peer.exchange(board, &syn, |tcp| tcp.has(flag::SYN | flag::ACK))?;
        let reset = Tcp { from, to: 80, sequence: 1, flags: flag::RST, ..Tcp::default() };
        peer.send(board, &Payload::Tcp(reset))?;
        Ok(answer.sequence)
    };
    (0..count).map(number).collect()
}

/// Tries the attacks that cost nothing, on numbers in the order in which they came.
pub fn examine(numbers: &[u32]) -> Findings {
    let mut known = HashSet::new();
    let near = |guess: u32, real: u32| real.wrapping_sub(guess).wrapping_add(NEAR) <= 2 * NEAR;
    let repeats = numbers.iter().filter(|number| !known.insert(**number)).count();
    let by_step =
        numbers.windows(3).filter(|n| near(n[1].wrapping_add(n[1].wrapping_sub(n[0])), n[2]));
    let by_congruence = numbers.windows(4).filter(|n| match congruence(n[0], n[1], n[2]) {
        Some(next) => near(next, n[3]),
        None => false,
    });
    Findings {
        numbers: numbers.len(),
        repeats,
        by_step: by_step.count(),
        by_congruence: by_congruence.count(),
    }
}

/// The next of `x' = a x + c` modulo 2^32, through three of it. Only an odd difference has an
/// inverse; half of them are.
fn congruence(first: u32, second: u32, third: u32) -> Option<u32> {
    let (before, after) = (second.wrapping_sub(first), third.wrapping_sub(second));
    if before.is_multiple_of(2) {
        return None;
    }
    // Newton's iteration doubles the bits that are right, from three on.
    let inverse = (0..4).fold(before, |inverse, _| {
        inverse.wrapping_mul(2u32.wrapping_sub(before.wrapping_mul(inverse)))
    });
    let factor = after.wrapping_mul(inverse);
    Some(third.wrapping_add(factor.wrapping_mul(after)))
}

/// smoltcp 0.14's generator: a 64-bit congruence of which 32 bits are handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generator(pub u64);

impl Generator {
    /// The next number.
    pub fn draw(&mut self) -> u32 {
        const FACTOR: u64 = 0xbb2e_fcec_3c39_611d;
        const ADDEND: u64 = 0x7590_ef39;
        self.0 = self.0.wrapping_mul(FACTOR).wrapping_add(ADDEND);
        self.shown()
    }

    fn shown(self) -> u32 {
        (self.0 >> (29 - (self.0 >> 61))) as u32
    }
}

/// Finds the generator that handed out `numbers`, as it was after the first of them. `top` limits
/// what is tried to states with these highest three bits; all are 0 to 8.
///
/// # Errors
/// If a thread of the search panicked.
pub fn recover(numbers: &[u32], top: std::ops::Range<u64>) -> Result<Option<Generator>> {
    let Some((first, rest)) = numbers.split_first() else { return Ok(None) };
    let threads = thread::available_parallelism().map_or(1, usize::from) as u64;
    let is_it = |state: &Generator| {
        let mut generator = *state;
        rest.iter().all(|number| generator.draw() == *number)
    };
    let search = |part| {
        let states = top.clone().flat_map(move |top| states(top, *first, part, threads));
        states.into_iter().find(is_it)
    };
    thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|part| scope.spawn(move || search(part))).collect();
        let found = all.into_iter().map(|one| one.join().map_err(|_| anyhow!("it panicked")));
        Ok(found.collect::<Result<Vec<_>>>()?.into_iter().flatten().next())
    })
}

/// The states with these highest three bits that show this number, 2^29; one part of so many.
fn states(top: u64, shown: u32, part: u64, parts: u64) -> impl Iterator<Item = Generator> {
    let shift = 29 - top;
    // Three bits on top, then some of nobody's, the number, and some more.
    let between = 64 - 3 - 32 - shift;
    let low = 1u64 << shift;
    (0..1u64 << between).flat_map(move |middle| {
        let fixed = top << 61 | middle << (32 + shift) | u64::from(shown) << shift;
        (part..low).step_by(parts as usize).map(move |low| Generator(fixed | low))
    })
}

/// What nmap thinks of the sequence numbers, as in `260 (Good luck!)`.
///
/// # Errors
/// If it does not say.
pub fn nmap(session: &Session) -> Result<String> {
    let address = session.address.to_string();
    // One open port and one closed one are what it needs.
    let line = ["-O", "-v", "-n", "-p", "80,81", "--max-os-tries", "1", &address];
    let text = session.lab()?.run("nmap", &line, PATIENCE)?;
    let said =
        text.lines().find_map(|line| line.strip_prefix("TCP Sequence Prediction: Difficulty="));
    said.map(String::from).ok_or_else(|| anyhow!("nmap said nothing of it:\n{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    #[test]
    fn counters_and_congruences_are_told_and_random_numbers_are_not() {
        let steps: Vec<u32> = (0..100u32).map(|n| n.wrapping_mul(64_000)).collect();
        assert_eq!(examine(&steps).by_step, 98);
        let mut state = 12_345u32;
        let congruence: Vec<u32> = (0..100)
            .map(|_| {
                state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
                state
            })
            .collect();
        let found = examine(&congruence);
        assert!(found.by_congruence >= 40 && !found.is_random(), "{found:?}");
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let random: Vec<u32> = (0..10_000).map(|_| random.next_u32()).collect();
        assert!(examine(&random).is_random());
        assert_eq!(examine(&[7, 8, 7, 7]).repeats, 2);
    }

    /// An eighth of all states of smoltcp's generator: the one to find is among them.
    #[test]
    fn the_state_behind_six_numbers_of_smoltcp_s_is_found() {
        let mut generator = Generator(0x0123_4567_89ab_cdef);
        while generator.0 >> 61 != 0 {
            generator.draw();
        }
        let after_first = generator;
        let mut drawn = vec![generator.shown()];
        drawn.extend((0..5).map(|_| generator.draw()));
        assert_eq!(recover(&drawn, 0..1).unwrap(), Some(after_first));
        let next = generator.draw();
        let mut found = recover(&drawn, 0..1).unwrap().unwrap();
        for _ in 0..5 {
            found.draw();
        }
        assert_eq!(found.draw(), next, "and so is the next number told");
    }
}
