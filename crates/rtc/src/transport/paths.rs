//! Which of the peer's addresses media takes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{ADDRESSES, Path};

/// An address that nothing authentic came from for so long gives way to one that checks still come from.
const QUIET: Duration = Duration::from_secs(1);

/// The addresses that have sent authenticated binding requests, and the one in use.
#[derive(Debug, Default)]
pub(super) struct Paths {
    known: Vec<Known>,
    /// An index into `known`; stands whenever there is any.
    selected: usize,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    path: Path,
    heard: Instant,
}

impl Paths {
    /// An authenticated binding request came by `path`. Returns the address that was given up to make
    /// room.
    ///
    /// Nomination moves the session at once. `is` and libwebrtc do so too; the consent checks of
    /// aiortc and pion nominate nothing, so that a check of theirs moves it once the address in use
    /// has been quiet.
    pub(super) fn check(
        &mut self,
        now: Instant,
        path: Path,
        nominated: bool,
    ) -> Option<SocketAddr> {
        let mut evicted = None;
        let index = match self.position(path.remote) {
            Some(index) => index,
            None if self.known.len() < ADDRESSES => {
                self.known.push(Known { path, heard: now });
                self.known.len() - 1
            }
            None => {
                let oldest = self.longest_unheard();
                evicted = Some(self.known[oldest].path.remote);
                oldest
            }
        };
        let quiet = self.known[self.selected].heard + QUIET <= now;
        self.known[index] = Known { path, heard: now };
        if nominated || quiet {
            self.selected = index;
        }
        evicted
    }

    /// Something authentic came from `remote`.
    pub(super) fn heard(&mut self, now: Instant, remote: SocketAddr) {
        // Nearly always the one in use.
        let index = match self.known.get(self.selected) {
            Some(known) if known.path.remote == remote => self.selected,
            _ => match self.position(remote) {
                Some(index) => index,
                None => return,
            },
        };
        self.known[index].heard = now;
    }

    /// Whether `remote` has sent an authenticated binding request.
    pub(super) fn knows(&self, remote: SocketAddr) -> bool {
        self.position(remote).is_some()
    }

    /// The one in use.
    pub(super) fn selected(&self) -> Option<Path> {
        self.known.get(self.selected).map(|known| known.path)
    }

    /// All of them.
    pub(super) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.known.iter().map(|known| known.path.remote)
    }

    fn position(&self, remote: SocketAddr) -> Option<usize> {
        self.known
            .iter()
            .position(|known| known.path.remote == remote)
    }

    /// Never the one in use.
    fn longest_unheard(&self) -> usize {
        let others = (0..self.known.len()).filter(|&index| index != self.selected);
        others
            .min_by_key(|&index| self.known[index].heard)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use shard::SocketId;

    use super::*;

    fn path(port: u16) -> Path {
        Path {
            socket: SocketId::MAIN,
            local_ip: None,
            remote: SocketAddr::from(([192, 0, 2, 1], port)),
        }
    }

    fn ms(start: Instant, n: u64) -> Instant {
        start + Duration::from_millis(n)
    }

    #[test]
    fn nomination_moves_the_session_at_once() {
        let start = Instant::now();
        let mut paths = Paths::default();
        paths.check(start, path(1), true);
        paths.check(ms(start, 1), path(2), false);
        assert_eq!(paths.selected(), Some(path(1)));
        paths.check(ms(start, 2), path(2), true);
        assert_eq!(paths.selected(), Some(path(2)));
    }

    #[test]
    fn a_check_moves_the_session_once_its_address_was_quiet_for_a_second() {
        let start = Instant::now();
        let mut paths = Paths::default();
        paths.check(start, path(1), true);
        paths.heard(ms(start, 500), path(1).remote);
        paths.check(ms(start, 1_499), path(2), false);
        assert_eq!(paths.selected(), Some(path(1)));
        paths.check(ms(start, 1_500), path(2), false);
        assert_eq!(paths.selected(), Some(path(2)));
    }

    #[test]
    fn the_address_heard_of_longest_ago_makes_room_but_never_the_one_in_use() {
        let start = Instant::now();
        let mut paths = Paths::default();
        paths.check(start, path(0), true);
        for port in 1..ADDRESSES as u16 {
            assert_eq!(paths.check(start, path(port), false), None);
        }
        paths.heard(ms(start, 1), path(1).remote);
        let evicted = paths.check(ms(start, 2), path(100), false);
        assert_eq!(evicted, Some(path(2).remote));
        assert!(paths.knows(path(0).remote) && !paths.knows(path(2).remote));
        assert_eq!(paths.addresses().count(), ADDRESSES);
    }
}
