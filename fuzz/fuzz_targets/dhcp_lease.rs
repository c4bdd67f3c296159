//! See `barewire-fuzz`, module `lease`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::lease::check(input));
