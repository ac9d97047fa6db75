//! Connection ids that tell their shard, to those who know the key.

use std::hash::{BuildHasher, RandomState};

use aws_lc_rs::rand;
use quinn_proto::{ConnectionId, ConnectionIdGenerator, InvalidCid};

/// nonce (6), shard masked with a hash of the nonce (1), more of that hash (3).
const LENGTH: usize = 10;
const NONCE: usize = 6;

/// Issues the connection ids of one shard.
#[derive(Clone)]
pub(super) struct ShardConnectionIds {
    shard: u8,
    key: RandomState,
}

impl ShardConnectionIds {
    pub(super) fn new(shard: u8, key: &RandomState) -> Self {
        Self {
            shard,
            key: key.clone(),
        }
    }

    /// The shard that issued `id`; `None` for an id that no shard of this node did.
    fn shard_of_id(&self, id: &[u8]) -> Option<u8> {
        let (nonce, rest) = id.split_at_checked(NONCE)?;
        let [mask, check @ ..] = self.hash(nonce);
        (rest.len() == LENGTH - NONCE && rest[1..] == check[..LENGTH - NONCE - 1])
            .then(|| rest[0] ^ mask)
    }

    /// The shard that a datagram's first packet is for; `None` where the id was a client's choice.
    pub(super) fn shard_of(&self, datagram: &[u8]) -> Option<u8> {
        let (&first, rest) = datagram.split_first()?;
        let id = if first & 0x80 == 0 {
            rest.get(..LENGTH)?
        } else {
            // version (4), then the length of the destination's id
            let (&length, rest) = rest.get(4..)?.split_first()?;
            rest.get(..usize::from(length))?
        };
        self.shard_of_id(id)
    }

    fn hash(&self, nonce: &[u8]) -> [u8; 8] {
        self.key.hash_one(nonce).to_le_bytes()
    }
}

impl ConnectionIdGenerator for ShardConnectionIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut id = [0; LENGTH];
        rand::fill(&mut id[..NONCE]).expect("the system has random bytes");
        let [mask, check @ ..] = self.hash(&id[..NONCE]);
        id[NONCE] = self.shard ^ mask;
        id[NONCE + 1..].copy_from_slice(&check[..LENGTH - NONCE - 1]);
        ConnectionId::new(&id)
    }

    fn validate(&self, id: &ConnectionId) -> Result<(), InvalidCid> {
        self.shard_of_id(id).map(drop).ok_or(InvalidCid)
    }

    fn cid_len(&self) -> usize {
        LENGTH
    }

    fn cid_lifetime(&self) -> Option<std::time::Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_of_a_node_reads_the_ids_of_all() {
        let key = RandomState::new();
        let reader = ShardConnectionIds::new(0, &key);
        for shard in [0, 1, 7, 255] {
            let id = ShardConnectionIds::new(shard, &key).generate_cid();
            let short: Vec<u8> = [&[0x40], &id[..], &[1, 2, 3]].concat();
            assert_eq!(reader.shard_of(&short), Some(shard));
            let long: Vec<u8> = [&[0xc0, 0, 0, 0, 1, LENGTH as u8], &id[..], &[0]].concat();
            assert_eq!(reader.shard_of(&long), Some(shard));
            assert!(reader.validate(&id).is_ok());
        }
    }

    #[test]
    fn an_id_that_a_client_chose_belongs_to_no_shard() {
        let reader = ShardConnectionIds::new(0, &RandomState::new());
        assert_eq!(
            reader.shard_of(&[0xc0, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0]),
            None
        );
        assert_eq!(
            reader.shard_of(&[0xc0, 0, 0, 0, 1, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
            None
        );
        for length in 0..LENGTH {
            assert_eq!(reader.shard_of(&vec![0x40; length]), None);
            assert_eq!(reader.shard_of(&vec![0xff; length]), None);
        }
    }
}
