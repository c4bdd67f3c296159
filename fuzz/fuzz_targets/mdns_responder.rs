//! See `barewire-fuzz`, module `mdns`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::mdns::check(input));
