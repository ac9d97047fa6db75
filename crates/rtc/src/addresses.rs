//! Whose packet this is: one shard's map from remote addresses to sessions.
//!
//! The shards share the port, and the kernel picks the shard by the sender's address: a session whose
//! peer moves to another address may be received by a shard that does not hold it. The rules:
//!
//! 1. A packet from an address that is [`Holder::Here`] goes to that session; from one that is
//!    [`Holder::Elsewhere`] it goes to the owner by letter, whatever it is; of other addresses only
//!    binding requests are looked at.
//! 2. A binding request from an unknown address, or one that the session of the address does not
//!    recognise, is looked up in the [registry](crate::registry) by its ufrag. No owner: its integrity is
//!    checked, the session claimed and the address learnt. Another owner: it goes there by letter, with
//!    the number of this shard. The owner answers itself, from the same port.
//! 3. Only an authenticated request makes an address known: the owner that authenticated a request from
//!    a letter tells the shard that received it to [learn](Addresses::learn) the address as
//!    [`Holder::Elsewhere`].
//! 4. An address belongs to the session that authenticated it last: NATs give ports to others.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use track::{RtcSessionId, ShardId};

/// An address that nothing came from for so long is forgotten: longer than any interval of consent
/// checks (RFC 7675 §5.1: the consent of 30 s).
pub const EXPIRY: Duration = Duration::from_secs(30);

/// Who deals with the packets of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A session of this shard, by its key in the shard's slab.
    Here(usize),
    /// A session of another shard.
    Elsewhere {
        /// The shard that owns the session.
        shard: ShardId,
        /// The session, by the name that all shards know.
        session: RtcSessionId,
    },
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    holder: Holder,
    used: Instant,
}

/// The addresses that one shard knows.
#[derive(Debug)]
pub struct Addresses {
    most: usize,
    entries: FxHashMap<SocketAddr, Entry>,
    /// When the next sweep is due; none while there is nothing to forget.
    sweep: Option<Instant>,
}

impl Addresses {
    /// Room for `most` addresses: sessions of a shard × [`crate::transport::ADDRESSES`].
    pub fn new(most: usize) -> Self {
        Self {
            most,
            entries: FxHashMap::default(),
            sweep: None,
        }
    }

    /// Whose packet it is that came from `remote` at `now`. Keeps the address from expiring.
    pub fn holder(&mut self, now: Instant, remote: SocketAddr) -> Option<Holder> {
        let entry = self.entries.get_mut(&remote)?;
        entry.used = now;
        Some(entry.holder)
    }

    /// `remote` has sent `holder` an authenticated request. Returns whose it was before, if it was another's.
    /// Nothing is learnt when there is no room; the peer's next request tries again.
    pub fn learn(&mut self, now: Instant, remote: SocketAddr, holder: Holder) -> Option<Holder> {
        let full = self.entries.len() >= self.most;
        match self.entries.get_mut(&remote) {
            Some(entry) => {
                let before = entry.holder;
                *entry = Entry { holder, used: now };
                (before != holder).then_some(before)
            }
            None => {
                if !full {
                    self.entries.insert(remote, Entry { holder, used: now });
                    self.sweep.get_or_insert(now + EXPIRY);
                }
                None
            }
        }
    }

    /// `holder` has given `remote` up. One that is another's by now stays.
    pub fn forget(&mut self, remote: SocketAddr, holder: Holder) {
        if self
            .entries
            .get(&remote)
            .is_some_and(|entry| entry.holder == holder)
        {
            self.entries.remove(&remote);
        }
    }

    /// When [`Self::expire`] is due.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.sweep
    }

    /// Forgets what was not used for [`EXPIRY`]. Walks the whole map, at most once in that time.
    pub fn expire(&mut self, now: Instant) {
        if self.sweep.is_none_or(|sweep| sweep > now) {
            return;
        }
        self.entries.retain(|_, entry| entry.used + EXPIRY > now);
        self.sweep = (!self.entries.is_empty()).then(|| now + EXPIRY);
    }

    /// How many addresses are known.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn elsewhere(shard: u8) -> Holder {
        Holder::Elsewhere {
            shard: ShardId(shard),
            session: RtcSessionId(7),
        }
    }

    #[test]
    fn an_address_belongs_to_the_session_that_authenticated_it_last() {
        let now = Instant::now();
        let mut addresses = Addresses::new(10);
        assert_eq!(addresses.holder(now, address(1)), None);
        assert_eq!(addresses.learn(now, address(1), Holder::Here(3)), None);
        assert_eq!(addresses.learn(now, address(1), Holder::Here(3)), None);
        let before = addresses.learn(now, address(1), elsewhere(2));
        assert_eq!(before, Some(Holder::Here(3)));
        addresses.forget(address(1), Holder::Here(3));
        assert_eq!(addresses.holder(now, address(1)), Some(elsewhere(2)));
        addresses.forget(address(1), elsewhere(2));
        assert!(addresses.is_empty());
    }

    #[test]
    fn there_is_no_room_for_more_than_the_limit() {
        let now = Instant::now();
        let mut addresses = Addresses::new(2);
        for port in 1..=3 {
            addresses.learn(now, address(port), Holder::Here(port.into()));
        }
        assert_eq!(addresses.len(), 2);
        assert_eq!(addresses.holder(now, address(3)), None);
        addresses.learn(now, address(2), Holder::Here(9));
        assert_eq!(addresses.holder(now, address(2)), Some(Holder::Here(9)));
    }

    #[test]
    fn what_is_not_used_expires() {
        let start = Instant::now();
        let second = |n| start + Duration::from_secs(n);
        let mut addresses = Addresses::new(10);
        assert_eq!(addresses.next_timeout(), None);
        addresses.learn(start, address(1), Holder::Here(1));
        addresses.learn(start, address(2), Holder::Here(2));
        addresses.holder(second(20), address(2));
        assert_eq!(addresses.next_timeout(), Some(second(30)));
        addresses.expire(second(29));
        assert_eq!(addresses.len(), 2);
        addresses.expire(second(30));
        assert_eq!(addresses.holder(second(30), address(1)), None);
        assert_eq!(addresses.next_timeout(), Some(second(60)));
        addresses.expire(second(90));
        assert_eq!(addresses.next_timeout(), None);
    }
}
