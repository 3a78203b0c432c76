#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| deedbox_fuzz::intake(input));
