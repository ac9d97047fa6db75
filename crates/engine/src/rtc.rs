//! The engine's WebRTC half: sessions that no shard owns at first, their tracks and sinks.

use std::sync::Arc;

use rtc::command::{Command, Credentials, SinkChange, SinkOptions, TrackOptions};
use rtc::registry::Registry;
use rustc_hash::FxHashMap;
use track::{Handles, RtcSessionId, ShardId, SinkId, TrackId, UNCLAIMED};

/// Gives out handles and finds the shard that a command belongs to.
pub(crate) struct Realtime {
    registry: Arc<Registry>,
    /// The session of each track; its shard is the track's home.
    publishers: FxHashMap<TrackId, RtcSessionId>,
    tracks: FxHashMap<RtcSessionId, Vec<TrackId>>,
}

impl Realtime {
    pub(crate) fn new(registry: Arc<Registry>) -> Self {
        Self {
            registry,
            publishers: FxHashMap::default(),
            tracks: FxHashMap::default(),
        }
    }

    pub(crate) fn create_session(
        &mut self,
        handles: &Handles,
        credentials: Credentials,
    ) -> RtcSessionId {
        let session = RtcSessionId(handles.next(UNCLAIMED));
        // One beyond the limit, or with a ufrag that exists, is never reached; Python keeps to the same
        // limit, and its ufrags are random.
        let _ = self.registry.create(session, credentials);
        session
    }

    pub(crate) fn add_credentials(&mut self, session: RtcSessionId, credentials: Credentials) {
        // A session that is gone needs none.
        let _ = self.registry.add_credentials(session, credentials);
    }

    /// The shard that carries `command` out; none while nobody has claimed its session: then it waits
    /// in the registry, or is dropped where too many do.
    pub(crate) fn route(&mut self, command: Command) -> Option<(ShardId, Command)> {
        self.registry.route(command).ok().flatten()
    }

    pub(crate) fn open_track(
        &mut self,
        handles: &Handles,
        session: RtcSessionId,
        options: TrackOptions,
    ) -> (TrackId, Command) {
        let track = TrackId(handles.next(UNCLAIMED));
        self.publishers.insert(track, session);
        self.tracks.entry(session).or_default().push(track);
        let options = Box::new(options);
        (
            track,
            Command::OpenTrack {
                session,
                track,
                options,
            },
        )
    }

    pub(crate) fn close_track(&mut self, session: RtcSessionId, track: TrackId) -> Command {
        self.publishers.remove(&track);
        if let Some(tracks) = self.tracks.get_mut(&session) {
            tracks.retain(|&open| open != track);
        }
        Command::CloseTrack { session, track }
    }

    /// A sink, and the command that makes it; without one where the track is gone or has never flowed.
    pub(crate) fn attach_sink(
        &mut self,
        handles: &Handles,
        session: RtcSessionId,
        track: TrackId,
        options: SinkOptions,
    ) -> (SinkId, Option<Command>) {
        let sink = SinkId(handles.next(UNCLAIMED));
        let command = self.home(track).map(|home| Command::AttachSink {
            session,
            sink,
            track,
            home,
            options: Box::new(options),
        });
        (sink, command)
    }

    /// `track`: another one to send, from now on.
    pub(crate) fn update_sink(
        &mut self,
        session: RtcSessionId,
        sink: SinkId,
        track: Option<TrackId>,
        mut change: SinkChange,
    ) -> Command {
        change.track = track.and_then(|track| Some((track, self.home(track)?)));
        Command::UpdateSink {
            session,
            sink,
            change: Box::new(change),
        }
    }

    /// Nothing more comes of the session.
    pub(crate) fn forget(&mut self, session: RtcSessionId) {
        for track in self.tracks.remove(&session).unwrap_or_default() {
            self.publishers.remove(&track);
        }
    }

    fn home(&self, track: TrackId) -> Option<ShardId> {
        self.registry.owner(*self.publishers.get(&track)?)
    }
}
