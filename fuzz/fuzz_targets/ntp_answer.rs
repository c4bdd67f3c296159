//! See `barewire-fuzz`, module `ntp`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::ntp::check(input));
