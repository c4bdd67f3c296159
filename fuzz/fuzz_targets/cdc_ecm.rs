//! See `barewire-fuzz`, module `ecm`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::ecm::check(input));
