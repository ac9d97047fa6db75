//! Every decoder's check on its kept corpus and on random bytes: a short run of what
//! `make fuzz` does for long.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::decoders::DECODERS;

#[test]
fn every_decoder_stands_its_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, check) in DECODERS {
        let seeds = fs::read_dir(corpus.join(name)).expect("a corpus for every decoder");
        let mut count = 0;
        for seed in seeds {
            check(&fs::read(seed.unwrap().path()).unwrap());
            count += 1;
        }
        assert!(count > 0, "{name} has no seeds");
    }
}

#[test]
fn every_decoder_stands_random_bytes() {
    for (_, check) in DECODERS {
        let mut runner = TestRunner::new(Config::with_cases(2_000));
        // Small numbers make fields that fit together more often than any byte does.
        let byte = prop_oneof![8 => 0..0x14_u8, 2 => any::<u8>()];
        let bytes = prop::collection::vec(byte, 0..120);
        let result = runner.run(&bytes, |bytes| {
            check(&bytes);
            Ok(())
        });
        result.unwrap();
    }
}
