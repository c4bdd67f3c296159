//! See `barewire-fuzz`, module `guard`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::guard::check(input));
