//! Memory for bytes that many subscribers share: big blocks, handed out as slices, used again.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

const BLOCK: usize = 256 << 10;
/// Retired blocks looked at before a new one is allocated.
const LOOKS: usize = 4;

/// Cuts [`Bytes`] from blocks; a block is used again once every slice of it is gone.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    current: BytesMut,
    retired: VecDeque<BytesMut>,
}

impl Arena {
    /// A buffer with room for at least `size` bytes; give what was written to [`Arena::cut`].
    pub(crate) fn room(&mut self, size: usize) -> &mut BytesMut {
        debug_assert!(self.current.is_empty());
        if self.current.capacity() < size {
            self.renew(size);
        }
        &mut self.current
    }

    /// Takes everything written since the last cut.
    pub(crate) fn cut(&mut self) -> Bytes {
        self.current.split().freeze()
    }

    /// Copies `bytes` into the arena.
    pub(crate) fn copy(&mut self, bytes: &[u8]) -> Bytes {
        self.room(bytes.len()).extend_from_slice(bytes);
        self.cut()
    }

    fn renew(&mut self, size: usize) {
        let wanted = size.max(BLOCK);
        for _ in 0..LOOKS.min(self.retired.len()) {
            let Some(mut block) = self.retired.pop_front() else {
                break;
            };
            if block.try_reclaim(wanted) {
                self.retire_current(block);
                return;
            }
            self.retired.push_back(block);
        }
        self.retire_current(BytesMut::with_capacity(wanted));
    }

    fn retire_current(&mut self, next: BytesMut) {
        let spent = std::mem::replace(&mut self.current, next);
        self.retired.push_back(spent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_share_a_block_and_blocks_come_back() {
        let mut arena = Arena::default();
        let first = arena.copy(b"first");
        let second = arena.copy(b"second");
        assert_eq!(
            first.as_ptr() as usize + first.len(),
            second.as_ptr() as usize
        );
        let start = first.as_ptr();
        drop((first, second));
        let filler = arena.copy(&vec![0; BLOCK - 11]);
        let next = arena.copy(&[1; 64]);
        drop((filler, next));
        let mut seen = false;
        for _ in 0..4 {
            seen |= arena.copy(&vec![2; BLOCK]).as_ptr() == start;
        }
        assert!(seen, "the first block was never used again");
    }
}
