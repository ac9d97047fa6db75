//! Handles of sessions and streams.

use std::fmt;

/// A session, for as long as the process lives: never used twice. The top byte is its shard.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey(u64);

impl SessionKey {
    /// shard (8 bits), generation (32), slot (24).
    pub(super) fn new(shard: u8, generation: u32, slot: usize) -> Self {
        Self(u64::from(shard) << 56 | u64::from(generation) << 24 | (slot as u64 & 0xff_ffff))
    }

    /// The handle as a number.
    pub fn get(self) -> u64 {
        self.0
    }

    /// The handle that [`Self::get`] gave; any other number is a session that is gone.
    pub fn from_u64(key: u64) -> Self {
        Self(key)
    }

    /// The shard that holds the session.
    pub fn shard(self) -> u8 {
        (self.0 >> 56) as u8
    }

    pub(super) fn slot(self) -> usize {
        (self.0 & 0xff_ffff) as usize
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKey({:#x})", self.0)
    }
}

/// A stream of a session: its QUIC stream id, on both carriers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(u64);

impl StreamId {
    /// Whether both ends may send.
    pub fn is_bidirectional(self) -> bool {
        self.0 & 0x2 == 0
    }

    /// The direction.
    pub fn dir(self) -> Dir {
        if self.is_bidirectional() {
            Dir::Bi
        } else {
            Dir::Uni
        }
    }

    pub(super) fn quic(self) -> quinn_proto::StreamId {
        let initiator = if self.0 & 1 == 0 {
            quinn_proto::Side::Client
        } else {
            quinn_proto::Side::Server
        };
        quinn_proto::StreamId::new(initiator, self.dir().quic(), self.0 >> 2)
    }
}

impl From<quinn_proto::StreamId> for StreamId {
    fn from(id: quinn_proto::StreamId) -> Self {
        Self(id.into())
    }
}

impl From<u64> for StreamId {
    /// Bits beyond QUIC's 62 are dropped.
    fn from(id: u64) -> Self {
        Self(id & ((1 << 62) - 1))
    }
}

impl From<StreamId> for u64 {
    fn from(id: StreamId) -> Self {
        id.0
    }
}

/// Which ways a stream carries bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dir {
    /// Both.
    Bi,
    /// From the end that opened it.
    Uni,
}

impl Dir {
    pub(super) fn quic(self) -> quinn_proto::Dir {
        match self {
            Self::Bi => quinn_proto::Dir::Bi,
            Self::Uni => quinn_proto::Dir::Uni,
        }
    }
}

impl From<quinn_proto::Dir> for Dir {
    fn from(dir: quinn_proto::Dir) -> Self {
        match dir {
            quinn_proto::Dir::Bi => Self::Bi,
            quinn_proto::Dir::Uni => Self::Uni,
        }
    }
}

/// What a session runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// QUIC itself.
    Quic,
    /// WebTransport over HTTP/3.
    WebTransport,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_key_tells_its_shard_and_slot() {
        let key = SessionKey::new(0xab, u32::MAX, 0x12_3456);
        assert_eq!((key.shard(), key.slot()), (0xab, 0x12_3456));
        assert_eq!(SessionKey::from_u64(key.get()), key);
    }

    #[test]
    fn a_stream_id_is_the_number_on_the_wire() {
        for id in [0, 1, 2, 3, 4, 7, 1 << 40, (1 << 62) - 1] {
            assert_eq!(u64::from(StreamId::from(StreamId::from(id).quic())), id);
        }
        assert_eq!(StreamId::from(2).dir(), Dir::Uni);
        assert_eq!(StreamId::from(1).dir(), Dir::Bi);
    }
}
