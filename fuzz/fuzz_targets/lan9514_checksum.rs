//! See `barewire-fuzz`, module `checksum`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::checksum::check(input));
