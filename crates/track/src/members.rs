//! Sources, sinks and feeds of one track, on one shard.

use crate::{ShardId, SourceId};

/// Who feeds a track and who is fed, as one shard sees it.
///
/// `S` is the shard's own way to name a sink (an index into its sinks).
#[derive(Debug)]
pub struct Members<S> {
    /// Every source; known at home only.
    pub sources: Vec<SourceId>,
    /// The sinks of this shard.
    pub sinks: Vec<S>,
    /// Other shards that get the feed; known at home only.
    pub feeds: Vec<ShardId>,
}

impl<S> Default for Members<S> {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            sinks: Vec::new(),
            feeds: Vec::new(),
        }
    }
}

impl<S: PartialEq> Members<S> {
    /// Adds a shard to the feeds; false where it has the feed already.
    pub fn add_feed(&mut self, shard: ShardId) -> bool {
        let new = !self.feeds.contains(&shard);
        if new {
            self.feeds.push(shard);
        }
        new
    }

    /// Removes a shard from the feeds.
    pub fn remove_feed(&mut self, shard: ShardId) {
        self.feeds.retain(|&fed| fed != shard);
    }

    /// Removes a sink.
    pub fn remove_sink(&mut self, sink: &S) {
        if let Some(index) = self.sinks.iter().position(|member| member == sink) {
            self.sinks.swap_remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_fed_once_however_often_it_asks() {
        let mut members = Members::<usize>::default();
        assert!(members.add_feed(ShardId(1)));
        assert!(!members.add_feed(ShardId(1)));
        members.remove_feed(ShardId(1));
        assert!(members.feeds.is_empty());
    }
}
