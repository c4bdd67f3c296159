//! See `barewire-fuzz`, module `editor`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::editor::check(input));
