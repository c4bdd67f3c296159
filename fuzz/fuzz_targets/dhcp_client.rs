//! See `barewire-fuzz`, module `dhcp`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::dhcp::check(input));
