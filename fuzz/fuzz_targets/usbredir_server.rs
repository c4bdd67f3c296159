//! See `barewire-fuzz`, module `redirection_server`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::redirection_server::check(input));
