//! What both halves of a shard are asked and tell, under one name.

use track::ShardId;

/// What Python asks of a shard.
pub(crate) enum Command {
    Moq(moq::relay::command::Command),
    Rtc(rtc::command::Command),
}

/// What a shard tells Python.
pub enum Event {
    /// Of the MoQ half.
    Moq(moq::relay::event::Event),
    /// Of the WebRTC half.
    Rtc(rtc::event::Event),
    /// Both halves have ended what they held.
    Stopped,
}

/// What shards tell one another.
pub(crate) enum Letter {
    Moq(moq::relay::letter::Letter),
    Rtc(rtc::letter::Letter),
}

/// A command, and the shard that carries it out.
pub(crate) struct Addressed {
    pub(crate) shard: ShardId,
    pub(crate) command: Command,
}
