//! Every decoder's check on its kept corpus, on changed seeds of it and on random bytes: a short
//! run of what `make fuzz` does for long.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::decoders::DECODERS;

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let seeds = fs::read_dir(corpus.join(name)).expect("a corpus for every decoder");
    seeds
        .map(|seed| fs::read(seed.unwrap().path()).unwrap())
        .collect()
}

#[test]
fn every_decoder_stands_its_corpus() {
    for (name, check) in DECODERS {
        let seeds = corpus(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        seeds.iter().for_each(|seed| check(seed));
    }
}

#[test]
fn every_decoder_stands_changed_seeds() {
    for (name, check) in DECODERS {
        let change = (any::<prop::sample::Index>(), any::<u8>());
        let changes = prop::collection::vec(change, 1..4);
        let inputs = (prop::sample::select(corpus(name)), changes);
        let mut runner = TestRunner::new(Config::with_cases(2_000));
        let result = runner.run(&inputs, |(mut seed, changes)| {
            for (at, byte) in changes {
                if !seed.is_empty() {
                    let at = at.index(seed.len());
                    seed[at] = byte;
                }
            }
            check(&seed);
            Ok(())
        });
        result.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn every_decoder_stands_random_bytes() {
    for (name, check) in DECODERS {
        // Small numbers make fields that fit together more often than any byte does.
        let byte = prop_oneof![8 => 0..0x14_u8, 2 => any::<u8>()];
        let bytes = prop::collection::vec(byte, 0..120);
        let mut runner = TestRunner::new(Config::with_cases(2_000));
        let result = runner.run(&bytes, |bytes| {
            check(&bytes);
            Ok(())
        });
        result.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
