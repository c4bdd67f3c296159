//! See `barewire-fuzz`, module `conversation`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::conversation::check(input));
