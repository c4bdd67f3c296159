//! See `barewire-fuzz`, module `burst`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::burst::check(input));
