//! One connection of ours: its session on its carrier.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use moq::carrier::{Dir, ReadState, SessionKey, SessionMut, StreamId, WriteError};
use moq::framing::profile::Profile;

use super::messages::MessageError;
use super::session::{Event, Session};
use super::subscriber::{Pass, Subscriber, Totals};

/// Bytes taken from a stream at once.
const READ: usize = 256 * 1024;

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not dialled.
    Waiting,
    /// Dialled, without SETUP.
    Connecting,
    /// Its session stands.
    Connected,
    /// It has subscribed and waits for answers.
    Joining,
    /// Everything it subscribed to is granted.
    Joined,
    /// It ended, or a request of it was refused.
    Failed,
    /// It has closed.
    Closed,
}

/// One connection of ours.
pub struct Peer {
    /// How far it is.
    pub state: State,
    /// Its carrier, while it lives.
    pub key: Option<SessionKey>,
    /// Answers that it waits for before it has joined.
    pub awaited: usize,
    /// When it was dialled, or began to subscribe.
    pub since: Option<Instant>,
    /// Its control streams.
    pub session: Session,
    /// What arrives on its data streams.
    pub subscriber: Subscriber,
    /// It has been a subscriber, whatever became of it.
    pub joined: bool,
    /// It leaves its data streams unread.
    pub stalled: bool,
    backlog: VecDeque<(StreamId, Bytes)>,
}

impl Peer {
    /// Not dialled.
    pub fn new(
        profile: &'static Profile,
        namespace: Arc<[String]>,
        url: Option<(&str, &str)>,
    ) -> Self {
        Self {
            state: State::Waiting,
            key: None,
            awaited: 0,
            since: None,
            session: Session::new(profile.draft, namespace, url),
            subscriber: Subscriber::new(profile),
            joined: false,
            stalled: false,
            backlog: VecDeque::new(),
        }
    }

    /// Whether it is a subscriber that should get everything.
    pub fn is_reading(&self) -> bool {
        self.joined && !self.stalled
    }

    /// Opens and writes what the session wants, and gives out what happened in it.
    pub fn drive(&mut self, carrier: &mut SessionMut<'_>, mut on_event: impl FnMut(Event)) {
        while let Some(dir) = self.session.next_opening() {
            let opened = match dir {
                Dir::Bi => carrier.open_bi(0),
                Dir::Uni => carrier.open_uni(0),
            };
            let Some(stream) = opened else { break };
            self.session.opened(stream);
        }
        while let Some((stream, bytes)) = self.session.poll_write() {
            self.backlog.push_back((stream, bytes.into()));
        }
        while let Some((stream, bytes)) = self.backlog.front_mut() {
            match carrier.write_control(*stream, std::slice::from_mut(bytes)) {
                Ok(_) if !bytes.is_empty() => {}
                Err(WriteError::Blocked) => break,
                // Written, or nobody listens any more.
                _ => {
                    self.backlog.pop_front();
                }
            }
        }
        while let Some(event) = self.session.poll_event() {
            on_event(event);
        }
    }

    /// Reads a stream that the relay, or we, opened; true when it was a control stream's.
    pub fn read(
        &mut self,
        pass: Pass,
        carrier: &mut SessionMut<'_>,
        stream: StreamId,
        scratch: &mut Vec<Bytes>,
        totals: &mut Totals,
    ) -> Result<bool, MessageError> {
        let mut control = false;
        loop {
            scratch.clear();
            let state = carrier.read(stream, READ, scratch);
            if stream.is_bidirectional() {
                control = true;
                for chunk in scratch.iter() {
                    self.session.handle(stream, chunk)?;
                }
            } else if let Some(bytes) = self.subscriber.handle(pass, stream, scratch, totals) {
                control = true;
                self.session.handle(stream, &bytes)?;
            }
            match state {
                ReadState::More => {}
                ReadState::Blocked => return Ok(control),
                _ => {
                    self.subscriber.ended(stream);
                    self.session.ended(stream);
                    return Ok(control);
                }
            }
        }
    }
}
