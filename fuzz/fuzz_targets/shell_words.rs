//! See `barewire-fuzz`, module `words`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::words::check(input));
