#![no_main]

#[path = "../../crates/rtc/tests/wire/decoders.rs"]
#[expect(dead_code, reason = "each target runs one of the checks")]
mod decoders;

libfuzzer_sys::fuzz_target!(|input: &[u8]| decoders::dtls(input));
