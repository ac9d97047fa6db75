//! Every WebRTC session of the process: its credentials, the shard that holds it, and the commands that
//! wait for a shard to claim it.
//!
//! The shards and the governing thread share one registry. It is locked when a session is made, when a
//! command is routed, and when a binding request comes from an address that its shard does not know;
//! never for a packet of media.

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;
use track::{RtcSessionId, ShardId};

use crate::command::{Command, Credentials};

/// Credentials that reach one session at a time: its own, and those of ICE restarts that the peer has not
/// answered yet. The oldest is forgotten for one more.
pub const CREDENTIALS: usize = 4;

/// Commands that may wait for a session to be claimed.
pub const PENDING: usize = 16_384;

/// Why the registry refuses; the caller's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// `rtc_sessions` of the limits.
    #[error("there are as many WebRTC sessions as there may be")]
    Full,
    /// Another session, or this one, has this ufrag.
    #[error("the ufrag is taken")]
    UfragTaken,
    /// It was removed, or never created.
    #[error("no such WebRTC session")]
    NoSuchSession,
    /// More than [`PENDING`] commands for a session that no peer has reached.
    #[error("too many commands wait for the session's peer")]
    TooManyPending,
}

/// What a ufrag leads to.
#[derive(Clone)]
pub struct Found {
    /// The session that it reaches.
    pub session: RtcSessionId,
    /// The whole pair, for checking the request's integrity and for the session's transport.
    pub credentials: Credentials,
    /// The shard that holds the session; `None` while no valid request has come.
    pub owner: Option<ShardId>,
}

/// All sessions. Shared by reference between threads.
pub struct Registry {
    most: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    sessions: FxHashMap<RtcSessionId, Entry>,
    /// Keyed by what strangers send, hence the hash that they cannot steer.
    ufrags: HashMap<String, RtcSessionId>,
}

struct Entry {
    /// Oldest first.
    credentials: VecDeque<Credentials>,
    holder: Holder,
}

enum Holder {
    Nobody(Vec<Command>),
    Shard(ShardId),
}

impl Registry {
    /// Room for `most` sessions.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            inner: Mutex::default(),
        }
    }

    /// Adds a session that nobody holds yet.
    ///
    /// # Errors
    /// [`RegistryError::Full`], [`RegistryError::UfragTaken`].
    pub fn create(
        &self,
        session: RtcSessionId,
        credentials: Credentials,
    ) -> Result<(), RegistryError> {
        let mut inner = self.lock();
        if inner.sessions.len() >= self.most {
            return Err(RegistryError::Full);
        }
        inner.take_ufrag(session, &credentials)?;
        inner.sessions.insert(
            session,
            Entry {
                credentials: VecDeque::from([credentials]),
                holder: Holder::Nobody(Vec::new()),
            },
        );
        Ok(())
    }

    /// ICE restart: `credentials` lead to the session as well, until [`Self::restarted`] says which ones
    /// the peer uses. Of more than [`CREDENTIALS`] the oldest is forgotten.
    ///
    /// # Errors
    /// [`RegistryError::NoSuchSession`], [`RegistryError::UfragTaken`].
    pub fn add_credentials(
        &self,
        session: RtcSessionId,
        credentials: Credentials,
    ) -> Result<(), RegistryError> {
        let mut inner = self.lock();
        if !inner.sessions.contains_key(&session) {
            return Err(RegistryError::NoSuchSession);
        }
        inner.take_ufrag(session, &credentials)?;
        let Inner { sessions, ufrags } = &mut *inner;
        if let Some(entry) = sessions.get_mut(&session) {
            entry.credentials.push_back(credentials);
            if entry.credentials.len() > CREDENTIALS
                && let Some(oldest) = entry.credentials.pop_front()
            {
                ufrags.remove(&oldest.ufrag);
            }
        }
        Ok(())
    }

    /// Whose binding request names `ufrag` first in its username.
    pub fn find(&self, ufrag: &str) -> Option<Found> {
        let inner = self.lock();
        let session = *inner.ufrags.get(ufrag)?;
        let entry = inner.sessions.get(&session)?;
        Some(Found {
            session,
            credentials: entry
                .credentials
                .iter()
                .find(|credentials| credentials.ufrag == ufrag)?
                .clone(),
            owner: match entry.holder {
                Holder::Nobody(_) => None,
                Holder::Shard(shard) => Some(shard),
            },
        })
    }

    /// `shard` takes a session whose peer has sent it a valid binding request, and carries out at once the
    /// commands that come back, oldest first: whatever [`Self::route`] says from now on is younger.
    /// `None`: somebody else was faster, or the session is gone.
    pub fn claim(&self, session: RtcSessionId, shard: ShardId) -> Option<Vec<Command>> {
        let mut inner = self.lock();
        let entry = inner.sessions.get_mut(&session)?;
        match &mut entry.holder {
            Holder::Shard(_) => None,
            Holder::Nobody(pending) => {
                let pending = mem::take(pending);
                entry.holder = Holder::Shard(shard);
                Some(pending)
            }
        }
    }

    /// Which shard has to carry out a command of the governing thread. `None`: it waits for a shard to
    /// claim the session, or is for nobody: the session is gone, or the command names none.
    ///
    /// [`Command::Close`] of a session that nobody has claimed ends it here. What waited is dropped, for
    /// nothing can come of it, and shard 0, which has not heard of the session, answers the Close.
    ///
    /// # Errors
    /// [`RegistryError::TooManyPending`].
    pub fn route(&self, command: Command) -> Result<Option<(ShardId, Command)>, RegistryError> {
        let Some(session) = command.session() else {
            return Ok(None);
        };
        let mut inner = self.lock();
        let Some(entry) = inner.sessions.get_mut(&session) else {
            return Ok(None);
        };
        match &mut entry.holder {
            Holder::Shard(shard) => Ok(Some((*shard, command))),
            Holder::Nobody(_) if matches!(command, Command::Close { .. }) => {
                inner.remove(session);
                Ok(Some((ShardId(0), command)))
            }
            Holder::Nobody(pending) if pending.len() >= PENDING => {
                Err(RegistryError::TooManyPending)
            }
            Holder::Nobody(pending) => {
                pending.push(command);
                Ok(None)
            }
        }
    }

    /// The shard that holds `session`; `None` while no shard has claimed it.
    pub fn owner(&self, session: RtcSessionId) -> Option<ShardId> {
        match self.lock().sessions.get(&session)?.holder {
            Holder::Nobody(_) => None,
            Holder::Shard(shard) => Some(shard),
        }
    }

    /// The peer of `session` uses the credentials of `ufrag`: older ones are forgotten.
    pub fn restarted(&self, session: RtcSessionId, ufrag: &str) {
        let mut inner = self.lock();
        let Inner { sessions, ufrags } = &mut *inner;
        let Some(entry) = sessions.get_mut(&session) else {
            return;
        };
        let Some(used) = entry.credentials.iter().position(|c| c.ufrag == ufrag) else {
            return;
        };
        for old in entry.credentials.drain(..used) {
            ufrags.remove(&old.ufrag);
        }
    }

    /// Forgets a session and all that leads to it. Its shard says so before it says that it has closed.
    pub fn remove(&self, session: RtcSessionId) {
        self.lock().remove(session);
    }

    /// How many sessions there are.
    pub fn len(&self) -> usize {
        self.lock().sessions.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A shard that panicked leaves whole entries behind: every change here is complete or not begun.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn take_ufrag(
        &mut self,
        session: RtcSessionId,
        credentials: &Credentials,
    ) -> Result<(), RegistryError> {
        if self.ufrags.contains_key(&credentials.ufrag) {
            return Err(RegistryError::UfragTaken);
        }
        self.ufrags.insert(credentials.ufrag.clone(), session);
        Ok(())
    }

    fn remove(&mut self, session: RtcSessionId) {
        if let Some(entry) = self.sessions.remove(&session) {
            for credentials in entry.credentials {
                self.ufrags.remove(&credentials.ufrag);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use track::{Handles, SinkId, TrackId, UNCLAIMED};

    use super::*;

    fn credentials(ufrag: &str) -> Credentials {
        Credentials {
            ufrag: ufrag.to_owned(),
            pwd: format!("pwd of {ufrag}"),
        }
    }

    fn session(n: u64) -> RtcSessionId {
        RtcSessionId(n)
    }

    fn registry(ufrags: &[&str]) -> Registry {
        let registry = Registry::new(10);
        for (n, ufrag) in (1..).zip(ufrags) {
            registry.create(session(n), credentials(ufrag)).unwrap();
        }
        registry
    }

    fn detach(session: RtcSessionId, n: u64) -> Command {
        Command::DetachSink {
            session,
            sink: SinkId(n),
        }
    }

    fn number(command: &Command) -> u64 {
        match command {
            Command::DetachSink { sink, .. } => sink.0,
            _ => panic!("another command"),
        }
    }

    fn owner(registry: &Registry, ufrag: &str) -> Option<Option<ShardId>> {
        registry.find(ufrag).map(|found| found.owner)
    }

    #[test]
    fn commands_wait_for_the_shard_that_claims_the_session() {
        let registry = registry(&["a"]);
        for n in 0..3 {
            assert!(matches!(registry.route(detach(session(1), n)), Ok(None)));
        }
        assert_eq!(owner(&registry, "a"), Some(None));
        let pending = registry.claim(session(1), ShardId(2)).unwrap();
        assert_eq!(pending.iter().map(number).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(owner(&registry, "a"), Some(Some(ShardId(2))));
        let (shard, _) = registry.route(detach(session(1), 3)).unwrap().unwrap();
        assert_eq!(shard, ShardId(2));
        assert!(registry.claim(session(1), ShardId(3)).is_none());
    }

    #[test]
    fn a_session_that_nobody_reached_is_closed_on_shard_0() {
        let registry = registry(&["a"]);
        registry.route(detach(session(1), 0)).unwrap();
        let close = Command::Close {
            session: session(1),
        };
        let (shard, command) = registry.route(close.clone()).unwrap().unwrap();
        assert_eq!(shard, ShardId(0));
        assert!(matches!(command, Command::Close { .. }));
        assert!(registry.find("a").is_none() && registry.is_empty());
        assert!(registry.claim(session(1), ShardId(0)).is_none());
        assert!(matches!(registry.route(close), Ok(None)), "only once");
    }

    #[test]
    fn a_claimed_session_is_closed_where_it_is() {
        let registry = registry(&["a"]);
        registry.claim(session(1), ShardId(1)).unwrap();
        let close = Command::Close {
            session: session(1),
        };
        let (shard, _) = registry.route(close).unwrap().unwrap();
        assert_eq!(shard, ShardId(1));
        registry.remove(session(1));
        assert!(registry.is_empty() && registry.find("a").is_none());
    }

    #[test]
    fn a_command_without_a_session_is_for_nobody() {
        let registry = registry(&[]);
        assert!(matches!(registry.route(Command::Shutdown), Ok(None)));
        let stranger = Command::CloseTrack {
            session: session(9),
            track: TrackId(1),
        };
        assert!(matches!(registry.route(stranger), Ok(None)));
    }

    #[test]
    fn a_restart_adds_credentials_and_their_use_forgets_older_ones() {
        let registry = registry(&["a", "other"]);
        registry
            .add_credentials(session(1), credentials("b"))
            .unwrap();
        for ufrag in ["a", "b"] {
            let found = registry.find(ufrag).unwrap();
            assert_eq!(found.session, session(1));
            assert_eq!(found.credentials.pwd, format!("pwd of {ufrag}"));
        }
        registry.restarted(session(1), "b");
        assert!(registry.find("a").is_none());
        assert!(registry.find("b").is_some() && registry.find("other").is_some());
    }

    #[test]
    fn of_many_restarts_the_last_few_count() {
        let registry = registry(&["0"]);
        for n in 1..100 {
            let new = credentials(&n.to_string());
            registry.add_credentials(session(1), new).unwrap();
        }
        let known = (0..100).filter(|n| registry.find(&n.to_string()).is_some());
        assert_eq!(known.collect::<Vec<_>>(), [96, 97, 98, 99]);
    }

    #[test]
    fn every_bound_has_its_error() {
        let registry = registry(&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
        assert_eq!(
            registry.create(session(11), credentials("new")),
            Err(RegistryError::Full)
        );
        assert_eq!(
            registry.add_credentials(session(11), credentials("new")),
            Err(RegistryError::NoSuchSession)
        );
        assert_eq!(
            registry.add_credentials(session(1), credentials("5")),
            Err(RegistryError::UfragTaken)
        );
        for n in 0..PENDING as u64 {
            registry.route(detach(session(1), n)).unwrap();
        }
        assert_eq!(
            registry.route(detach(session(1), 0)).err(),
            Some(RegistryError::TooManyPending)
        );
    }

    /// The governing thread routes while shards race for the session: one wins, and what it carries out
    /// is all there was, in order.
    #[test]
    fn commands_stay_in_order_while_shards_race_for_a_session() {
        const COMMANDS: u64 = 200;
        let handles = Handles::default();
        for _ in 0..200 {
            let session = RtcSessionId(handles.next(UNCLAIMED));
            let registry = Registry::new(1);
            registry.create(session, credentials("a")).unwrap();
            let go = AtomicBool::new(false);
            let (claims, routed) = thread::scope(|scope| {
                let (registry, go) = (&registry, &go);
                let shards: Vec<_> = (0..3)
                    .map(|shard| {
                        scope.spawn(move || {
                            while !go.load(Ordering::Acquire) {
                                std::hint::spin_loop();
                            }
                            let pending = registry.claim(session, ShardId(shard));
                            pending.map(|pending| (ShardId(shard), pending))
                        })
                    })
                    .collect();
                let mut routed = Vec::new();
                for n in 0..COMMANDS {
                    if n == COMMANDS / 4 {
                        go.store(true, Ordering::Release);
                    }
                    routed.extend(registry.route(detach(session, n)).unwrap());
                }
                let claims = shards.into_iter().filter_map(|shard| shard.join().unwrap());
                (claims.collect::<Vec<_>>(), routed)
            });
            let [(winner, pending)] = &claims[..] else {
                panic!("{} shards claimed it", claims.len());
            };
            assert!(routed.iter().all(|(shard, _)| shard == winner));
            let queued = routed.iter().map(|(_, command)| command);
            let order: Vec<_> = pending.iter().chain(queued).map(number).collect();
            assert!(order.iter().copied().eq(0..COMMANDS), "{order:?}");
        }
    }
}
