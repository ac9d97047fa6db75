//! Data framing against the drafts' words and examples, and against any bytes at all.

mod datagram;
mod decoders;
mod fetch;
mod header;
mod properties;
mod random;
mod subgroup;

use moq::framing::profile::{Profile, profile};

/// The row of a draft that we speak.
fn draft(number: u8) -> &'static Profile {
    profile(number).expect("a draft of the table")
}

/// Bytes from hexadecimal digits; blanks are for the reader.
fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u32> = digits
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .collect();
    let bytes = digits
        .chunks_exact(2)
        .map(|pair| (pair[0] << 4 | pair[1]) as u8);
    bytes.collect()
}
