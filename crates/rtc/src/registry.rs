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
