//! Hostile bytes, as the fuzz targets have them, from a seeded generator and from their corpus.

mod decoders;

use std::fs;
use std::path::Path;

/// Calls `check` with the inputs that fuzzing has kept.
fn with_corpus(name: &str, check: impl Fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let seeds = fs::read_dir(corpus.join(name)).expect("a corpus for every target");
    for seed in seeds {
        check(&fs::read(seed.unwrap().path()).unwrap());
    }
}

/// Calls `check` with random inputs of many lengths; the same in every run.
fn with_random_inputs(check: impl Fn(&[u8])) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..5_000 {
        let length = (next() % 120) as usize;
        let input: Vec<u8> = (0..length).map(|_| (next() >> 16) as u8 % 48).collect();
        check(&input);
    }
}

#[test]
fn only_signed_requests_make_an_address_known() {
    with_random_inputs(decoders::stun);
    with_corpus("stun", decoders::stun);
}

#[test]
fn a_complete_request_is_accepted_when_it_is_signed() {
    let priority = [0, 0x24, 0, 4, 0, 0, 0, 1];
    for (how, rest) in [(5, &priority[..]), (4, &priority[..]), (5, &[][..])] {
        decoders::stun(&[&[how], rest].concat());
    }
}

#[test]
fn no_forged_datagram_connects_anybody() {
    with_random_inputs(decoders::dtls);
    with_corpus("dtls", decoders::dtls);
}
