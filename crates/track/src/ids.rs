//! Handles: numbers that are never used twice, with the shard that owns the thing in the top byte.

use std::sync::atomic::{AtomicU64, Ordering};

/// One of the engine's threads, counted from 0; at most 128 of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub u8);

const SHARD_SHIFT: u32 = 56;

/// In the place of a shard, for what no shard owns from the start: WebRTC sessions, their tracks and
/// sinks.
pub const UNCLAIMED: ShardId = ShardId(0x80);

macro_rules! handle {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl $name {
            /// The shard that owns it.
            pub fn shard(self) -> ShardId {
                ShardId((self.0 >> SHARD_SHIFT) as u8)
            }
        }
    };
}

handle! {
    /// A session of a client or peer; its shard is the one that owns the connection.
    SessionId
}
handle! {
    /// A WebRTC session; it belongs to no shard until one claims it, so the top byte is always
    /// [`UNCLAIMED`].
    RtcSessionId
}
handle! {
    /// A track; its shard is its home.
    TrackId
}
handle! {
    /// Feeds a track from a session, on the session's shard.
    SourceId
}
handle! {
    /// Sends a track to a session, on the session's shard.
    SinkId
}
handle! {
    /// Sends a range of a track's cache to a session, on the session's shard.
    FetchId
}

/// Tracks that share one cache budget and never see those of another scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeId(pub u64);

/// Gives out handles, from any thread.
#[derive(Debug, Default)]
pub struct Handles(AtomicU64);

impl Handles {
    /// A number never given before, owned by `shard`. Bit 55 is set: shards number what they make
    /// themselves (accepted sessions) with it clear.
    pub fn next(&self, shard: ShardId) -> u64 {
        let count = self.0.fetch_add(1, Ordering::Relaxed);
        (u64::from(shard.0) << SHARD_SHIFT) | (1 << (SHARD_SHIFT - 1)) | count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_names_its_shard_and_is_never_given_twice() {
        let handles = Handles::default();
        let first = SinkId(handles.next(ShardId(3)));
        let second = SinkId(handles.next(ShardId(3)));
        assert_eq!(first.shard(), ShardId(3));
        assert_ne!(first, second);
    }
}
