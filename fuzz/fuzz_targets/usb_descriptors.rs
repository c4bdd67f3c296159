//! See `barewire-fuzz`, module `descriptors`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::descriptors::check(input));
