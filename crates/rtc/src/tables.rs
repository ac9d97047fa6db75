//! The distinct extension maps of a shard's subscribers: whoever negotiated the same shares a number,
//! and with it the extension block of each packet.

use std::sync::Arc;

use rtp::extensions::ExtensionMap;
use rustc_hash::FxHashMap;
use slab::Slab;

/// Names a map of [`Tables`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Table(pub(crate) usize);

#[derive(Debug, Default)]
pub(crate) struct Tables {
    entries: Slab<Entry>,
    index: FxHashMap<Arc<ExtensionMap>, usize>,
}

#[derive(Debug)]
struct Entry {
    map: Arc<ExtensionMap>,
    users: usize,
}

impl Tables {
    /// The number of a map, for one user more. Each has to be [released](Self::release).
    pub(crate) fn intern(&mut self, map: ExtensionMap) -> Table {
        if let Some(&slot) = self.index.get(&map) {
            self.entries[slot].users += 1;
            return Table(slot);
        }
        let map = Arc::new(map);
        let slot = self.entries.insert(Entry {
            map: Arc::clone(&map),
            users: 1,
        });
        self.index.insert(map, slot);
        Table(slot)
    }

    pub(crate) fn release(&mut self, table: Table) {
        let Some(entry) = self.entries.get_mut(table.0) else {
            return;
        };
        entry.users -= 1;
        if entry.users == 0 {
            let entry = self.entries.remove(table.0);
            self.index.remove(&entry.map);
        }
    }

    pub(crate) fn map(&self, table: Table) -> &Arc<ExtensionMap> {
        &self.entries[table.0].map
    }
}

#[cfg(test)]
mod tests {
    use rtp::extensions::ExtensionNumber;

    use super::*;

    #[test]
    fn equal_maps_share_a_number_until_nobody_has_it() {
        let map = |id| ExtensionMap::new(&[(id, ExtensionNumber::MID)]);
        let mut tables = Tables::default();
        let first = tables.intern(map(3));
        assert_eq!(tables.intern(map(3)), first);
        assert_ne!(tables.intern(map(4)), first);
        tables.release(first);
        assert_eq!(tables.map(first).number(3), Some(ExtensionNumber::MID));
        tables.release(first);
        assert_eq!(tables.entries.len(), 1);
        assert_eq!(tables.index.len(), 1);
    }
}
