//! See `barewire-fuzz`, module `redirection`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::redirection::check(input));
