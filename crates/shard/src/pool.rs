//! Memory for received datagrams, used again once nobody holds a part of it.

use std::collections::VecDeque;

use bytes::BytesMut;

/// Room for some twenty full datagrams. Small, because whoever keeps one byte keeps it all.
const ARENA: usize = 32 * 1024;
/// Arenas looked at for reuse before a new one is made.
const TRIES: usize = 4;
/// Arenas kept; those beyond live only as long as somebody holds a part.
const KEPT: usize = 64;

/// Hands out buffers cut from arenas.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    current: BytesMut,
    used: VecDeque<BytesMut>,
}

impl Pool {
    /// A buffer that holds a copy of `bytes`; `true` if an arena had to be allocated for it.
    pub(crate) fn copy(&mut self, bytes: &[u8]) -> (BytesMut, bool) {
        let mut allocated = false;
        if self.current.capacity() < bytes.len() {
            allocated = self.next_arena(bytes.len());
        }
        self.current.extend_from_slice(bytes);
        (self.current.split(), allocated)
    }

    fn next_arena(&mut self, at_least: usize) -> bool {
        let size = ARENA.max(at_least);
        let spent = std::mem::take(&mut self.current);
        self.used.push_back(spent);
        for _ in 0..TRIES.min(self.used.len()) {
            let Some(mut arena) = self.used.pop_front() else {
                break;
            };
            if arena.try_reclaim(size) {
                self.current = arena;
                return false;
            }
            self.used.push_back(arena);
        }
        if self.used.len() >= KEPT {
            self.used.pop_front();
        }
        self.current = BytesMut::with_capacity(size);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_that_were_let_go_are_used_again() {
        let mut pool = Pool::default();
        let mut allocations = 0;
        for _ in 0..10_000 {
            let (buffer, allocated) = pool.copy(&[7; 1400]);
            assert_eq!(&buffer[..], &[7; 1400]);
            allocations += usize::from(allocated);
        }
        assert!(
            allocations <= 2,
            "{allocations} arenas for one buffer at a time"
        );
    }

    #[test]
    fn a_buffer_that_is_kept_never_changes() {
        let mut pool = Pool::default();
        let kept: Vec<_> = (0..200u8)
            .map(|n| pool.copy(&[n; 900]).0.freeze())
            .collect();
        for _ in 0..1000 {
            pool.copy(&[0xff; 1200]);
        }
        for (n, buffer) in (0..200u8).zip(&kept) {
            assert_eq!(&buffer[..], &[n; 900]);
        }
    }
}
