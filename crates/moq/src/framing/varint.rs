//! Variable-length integers: RFC 9000 §16 at drafts 14 and 16, vi64 (draft-18 §1.4.1) from 17 on.

/// The bytes end before the value does; ask again with more of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cut short: more bytes needed")]
pub struct Short;

/// The value has no encoding in this form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is too large for a QUIC variable-length integer")]
pub struct TooLarge(pub u64);

/// The largest value that RFC 9000 §16 can encode.
pub const MAX: u64 = (1 << 62) - 1;

/// Reads one RFC 9000 integer from the start of `bytes`: its value and its length, 1 to 8 bytes.
/// Longer encodings than needed are legal.
#[inline]
pub fn decode(bytes: &[u8]) -> Result<(u64, usize), Short> {
    let Some(&first) = bytes.first() else {
        return Err(Short);
    };
    if first < 0x40 {
        return Ok((u64::from(first), 1));
    }
    let len = 1 << (first >> 6);
    let bytes = bytes.get(..len).ok_or(Short)?;
    Ok((big_endian(first & 0x3f, &bytes[1..]), len))
}

/// How many bytes [`encode`] writes: 1, 2, 4 or 8. Values over [`MAX`] count as 8.
#[inline]
pub const fn encoded_len(value: u64) -> usize {
    match value {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        0x4000..=0x3fff_ffff => 4,
        _ => 8,
    }
}

/// Appends the shortest encoding of `value`.
#[inline]
pub fn encode(value: u64, out: &mut Vec<u8>) -> Result<(), TooLarge> {
    match encoded_len(value) {
        1 => out.push(value as u8),
        2 => out.extend_from_slice(&(value as u16 | 0x4000).to_be_bytes()),
        4 => out.extend_from_slice(&(value as u32 | 0x8000_0000).to_be_bytes()),
        _ if value > MAX => return Err(TooLarge(value)),
        _ => out.extend_from_slice(&(value | 0xc000_0000_0000_0000).to_be_bytes()),
    }
    Ok(())
}

/// vi64: the leading one-bits of the first byte count the bytes that follow it.
pub mod vi64 {
    use super::{Short, big_endian};

    /// Reads one integer from the start of `bytes`: its value and its length, 1 to 9 bytes.
    /// Longer encodings than needed are legal.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<(u64, usize), Short> {
        let Some(&first) = bytes.first() else {
            return Err(Short);
        };
        if first < 0x80 {
            return Ok((u64::from(first), 1));
        }
        let ones = first.leading_ones() as usize;
        let bytes = bytes.get(..=ones).ok_or(Short)?;
        // Seven ones leave no value bit in the first byte, nor do eight.
        let head = if ones >= 7 { 0 } else { first & (0x7f >> ones) };
        Ok((big_endian(head, &bytes[1..]), ones + 1))
    }

    /// How many bytes [`encode`] writes, 1 to 9.
    #[inline]
    pub const fn encoded_len(value: u64) -> usize {
        let bits = 64 - value.leading_zeros() as usize;
        match bits {
            0 => 1,
            57.. => 9,
            _ => bits.div_ceil(7),
        }
    }

    /// Appends the shortest encoding of `value`.
    #[inline]
    pub fn encode(value: u64, out: &mut Vec<u8>) {
        let len = encoded_len(value);
        if len == 9 {
            out.push(0xff);
            out.extend_from_slice(&value.to_be_bytes());
        } else {
            let prefix = !(0xff_u64 >> (len - 1)) & 0xff;
            let tagged = value | prefix << (8 * (len - 1));
            out.extend_from_slice(&tagged.to_be_bytes()[8 - len..]);
        }
    }
}

/// Which of the two forms a draft writes its integers in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Varint {
    /// RFC 9000 §16: up to 2^62 − 1.
    Quic,
    /// draft-18 §1.4.1: all of 64 bits.
    Vi64,
}

impl Varint {
    /// The largest value of this form.
    #[inline]
    pub const fn max(self) -> u64 {
        match self {
            Self::Quic => MAX,
            Self::Vi64 => u64::MAX,
        }
    }

    /// Reads one integer from the start of `bytes`: its value and its length.
    #[inline]
    pub fn decode(self, bytes: &[u8]) -> Result<(u64, usize), Short> {
        match self {
            Self::Quic => decode(bytes),
            Self::Vi64 => vi64::decode(bytes),
        }
    }

    /// How many bytes [`Varint::encode`] writes.
    #[inline]
    pub const fn encoded_len(self, value: u64) -> usize {
        match self {
            Self::Quic => encoded_len(value),
            Self::Vi64 => vi64::encoded_len(value),
        }
    }

    /// Appends the shortest encoding of `value`.
    #[inline]
    pub fn encode(self, value: u64, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        match self {
            Self::Quic => encode(value, out),
            Self::Vi64 => {
                vi64::encode(value, out);
                Ok(())
            }
        }
    }
}

/// Takes fields off the front of a slice.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    varint: Varint,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn new(varint: Varint, bytes: &'a [u8]) -> Self {
        Self {
            varint,
            bytes,
            at: 0,
        }
    }

    /// How many bytes were taken.
    #[inline]
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    pub(crate) fn skip_rest(&mut self) {
        self.at = self.bytes.len();
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Short> {
        let (value, len) = self.varint.decode(self.rest())?;
        self.at += len;
        Ok(value)
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Result<u8, Short> {
        let byte = *self.rest().first().ok_or(Short)?;
        self.at += 1;
        Ok(byte)
    }

    #[inline]
    pub(crate) fn slice(&mut self, len: usize) -> Result<&'a [u8], Short> {
        let slice = self.rest().get(..len).ok_or(Short)?;
        self.at += len;
        Ok(slice)
    }
}

#[inline]
fn big_endian(head: u8, tail: &[u8]) -> u64 {
    tail.iter()
        .fold(u64::from(head), |value, &byte| value << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The worked examples of RFC 9000 §A.1.
    #[test]
    fn rfc_9000_worked_examples() {
        for (bytes, value) in [
            (
                &[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..],
                151_288_809_941_952_652,
            ),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
            (&[0x40, 0x25], 37),
        ] {
            assert_eq!(decode(bytes), Ok((value, bytes.len())));
            assert_eq!(decode(&bytes[..bytes.len() - 1]), Err(Short));
        }
    }

    /// The worked examples of draft-18 §1.4.1.
    #[test]
    fn vi64_worked_examples() {
        for (bytes, value) in [
            (&[0x25][..], 37),
            (&[0x80, 0x25], 37),
            (&[0xbb, 0xbd], 15_293),
            (&[0xed, 0x7f, 0x3e, 0x7d], 226_442_877),
            (&[0xfa, 0xa1, 0xa0, 0xe4, 0x03, 0xd8], 2_893_212_287_960),
            (
                &[0xfc, 0x89, 0x98, 0xab, 0xc6, 0x6b, 0xc0],
                151_288_809_941_952,
            ),
            (
                &[0xfe, 0xfa, 0x31, 0x8f, 0xa8, 0xe3, 0xca, 0x11],
                70_423_237_261_249_041,
            ),
            (&[0xff; 9], u64::MAX),
        ] {
            assert_eq!(vi64::decode(bytes), Ok((value, bytes.len())));
            assert_eq!(vi64::decode(&bytes[..bytes.len() - 1]), Err(Short));
        }
    }

    #[test]
    fn a_value_over_62_bits_has_no_rfc_9000_form() {
        assert_eq!(encode(MAX + 1, &mut Vec::new()), Err(TooLarge(MAX + 1)));
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes(value: u64, shift in 0..64_u32) {
            for form in [Varint::Quic, Varint::Vi64] {
                let value = (value >> shift).min(form.max());
                let mut bytes = Vec::new();
                form.encode(value, &mut bytes).unwrap();
                prop_assert_eq!(bytes.len(), form.encoded_len(value));
                prop_assert_eq!(form.decode(&bytes), Ok((value, bytes.len())));
            }
        }
    }
}
