//! See `barewire-fuzz`, module `command_line`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::command_line::check(input));
