//! See `barewire-fuzz`, module `telnet`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::telnet::check(input));
