//! See `barewire-fuzz`, module `head`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::head::check(input));
