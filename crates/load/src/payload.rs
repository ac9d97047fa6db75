//! What an object carries: when it was due and its place in the track, then filler.

/// Bytes in front of the filler: a time stamp and a sequence number, both big-endian `u64`.
pub const HEAD: usize = 16;

/// The front of an object's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Nanoseconds since the run's epoch at which the publisher had the object.
    pub at: u64,
    /// The object's number in its track, from 0.
    pub sequence: u64,
}

impl Head {
    /// The bytes that travel.
    pub fn to_bytes(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[..8].copy_from_slice(&self.at.to_be_bytes());
        bytes[8..].copy_from_slice(&self.sequence.to_be_bytes());
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub fn from_bytes(bytes: [u8; HEAD]) -> Self {
        let value = u128::from_be_bytes(bytes);
        Self {
            at: (value >> 64) as u64,
            sequence: value as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_survives_its_trip() {
        let head = Head {
            at: 0x0102_0304_0506_0708,
            sequence: 99,
        };
        assert_eq!(head.to_bytes()[..9], [1, 2, 3, 4, 5, 6, 7, 8, 0]);
        assert_eq!(Head::from_bytes(head.to_bytes()), head);
    }
}
