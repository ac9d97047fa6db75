//! Where a shard's logs live, and what bounds them.
//!
//! Finished logs wait here, oldest first within their scope, until their time or the scope's
//! budget is over. Slots are used again, so a steady track allocates nothing.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use track::ScopeId;

use crate::relay::arena::Arena;
use crate::relay::log::{Log, LogHeader, LogKey};

/// A log at a certain time: the slot may have been used again since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogRef {
    pub(crate) index: usize,
    pub(crate) generation: u32,
}

/// What this shard may hold.
#[derive(Clone, Copy, Debug)]
pub struct CacheLimits {
    /// Bytes of all scopes together.
    pub bytes: u64,
    /// Bytes of one scope.
    pub bytes_per_scope: u64,
    /// How long a finished subgroup can be fetched.
    pub keep: Duration,
}

#[derive(Debug, Default)]
struct Scope {
    bytes: u64,
    finished: VecDeque<LogRef>,
    tracks: usize,
}

/// The logs of one shard.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) arena: Arena,
    pub(crate) limits: CacheLimits,
    logs: Vec<Log>,
    free: Vec<usize>,
    scopes: FxHashMap<ScopeId, Scope>,
    bytes: u64,
}

impl Store {
    pub(crate) fn new(limits: CacheLimits) -> Self {
        Self {
            arena: Arena::default(),
            limits,
            logs: Vec::new(),
            free: Vec::new(),
            scopes: FxHashMap::default(),
            bytes: 0,
        }
    }

    /// The most bytes that one log may hold.
    pub(crate) fn bytes_per_log(&self) -> u64 {
        self.limits.bytes_per_scope / 4
    }

    pub(crate) fn add_track(&mut self, scope: ScopeId) {
        self.scopes.entry(scope).or_default().tracks += 1;
    }

    pub(crate) fn remove_track(&mut self, scope: ScopeId) {
        let Some(entry) = self.scopes.get_mut(&scope) else {
            return;
        };
        entry.tracks -= 1;
        if entry.tracks == 0 {
            self.scopes.remove(&scope);
        }
    }

    pub(crate) fn open(
        &mut self,
        now: Instant,
        track: usize,
        key: LogKey,
        header: LogHeader,
    ) -> usize {
        if let Some(index) = self.free.pop() {
            self.logs[index].renew(now, track, key, header);
            return index;
        }
        self.logs.push(Log::new(now, track, key, header));
        self.logs.len() - 1
    }

    pub(crate) fn get(&mut self, log: LogRef) -> Option<&mut Log> {
        self.logs
            .get_mut(log.index)
            .filter(|held| held.generation == log.generation)
    }

    pub(crate) fn reference(&self, index: usize) -> LogRef {
        LogRef {
            index,
            generation: self.logs[index].generation,
        }
    }

    /// The log together with the arena that its bytes come from.
    pub(crate) fn log_and_arena(&mut self, index: usize) -> (&mut Log, &mut Arena) {
        (&mut self.logs[index], &mut self.arena)
    }

    /// Counts what a log grew or shrank by.
    pub(crate) fn account(&mut self, scope: ScopeId, before: u64, after: u64) {
        if let Some(entry) = self.scopes.get_mut(&scope) {
            entry.bytes = (entry.bytes + after).saturating_sub(before);
        }
        self.bytes = (self.bytes + after).saturating_sub(before);
    }

    /// The log ended: it may be evicted from now on.
    pub(crate) fn finished(&mut self, scope: ScopeId, index: usize) {
        let log = self.reference(index);
        if let Some(entry) = self.scopes.get_mut(&scope) {
            entry.finished.push_back(log);
        }
    }

    /// Gives the slot back; the caller has forgotten the log everywhere else.
    pub(crate) fn release(&mut self, scope: ScopeId, index: usize) {
        let weight = self.logs[index].weight();
        self.account(scope, weight, 0);
        self.logs[index].clear();
        self.free.push(index);
    }

    /// The next finished log that has to go: its time is over, or its scope holds too much.
    pub(crate) fn next_to_evict(&mut self, now: Instant) -> Option<LogRef> {
        let crowded = self.bytes > self.limits.bytes;
        let mut oldest: Option<(Instant, ScopeId)> = None;
        for (id, scope) in &mut self.scopes {
            while let Some(&log) = scope.finished.front() {
                let Some(held) = self
                    .logs
                    .get(log.index)
                    .filter(|l| l.generation == log.generation)
                else {
                    scope.finished.pop_front();
                    continue;
                };
                let old = now.saturating_duration_since(held.touched) >= self.limits.keep;
                if old || scope.bytes > self.limits.bytes_per_scope {
                    scope.finished.pop_front();
                    return Some(log);
                }
                if crowded && oldest.is_none_or(|(at, _)| held.touched < at) {
                    oldest = Some((held.touched, *id));
                }
                break;
            }
        }
        let (_, scope) = oldest?;
        self.scopes.get_mut(&scope)?.finished.pop_front()
    }

    /// Whether [`Store::next_to_evict`] has work before its time comes.
    pub(crate) fn is_crowded(&self, scope: ScopeId) -> bool {
        self.bytes > self.limits.bytes
            || self
                .scopes
                .get(&scope)
                .is_some_and(|s| s.bytes > self.limits.bytes_per_scope)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.scopes.values().all(|scope| scope.finished.is_empty())
    }
}

impl std::ops::Index<usize> for Store {
    type Output = Log;

    fn index(&self, index: usize) -> &Log {
        &self.logs[index]
    }
}

impl std::ops::IndexMut<usize> for Store {
    fn index_mut(&mut self, index: usize) -> &mut Log {
        &mut self.logs[index]
    }
}
