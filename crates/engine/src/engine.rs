//! The engine as its one governing thread sees it.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use moq::carrier::{Carriers, Certificate, Dial, Secrets, ServerTls, TlsError};
use moq::relay::Relay;
use moq::relay::command::{Command, ControlStream, FetchRange, SinkOptions};
use rtc::command::{
    Command as RtcCommand, Credentials, SinkChange, SinkOptions as RtcSinkOptions, TrackOptions,
};
use rtc::plane::Plane;
use rtc::registry::Registry;
use rtc::transport::CertificateError;
use shard::{Binding, Commands, Events, Full, Handle, Panic, Plan, Signal, Waker};
use track::{
    Counters, FetchId, Handles, RtcSessionId, ScopeId, SessionId, ShardId, SinkId, SourceId,
    TrackId,
};

use crate::halves::{Addressed, Command as AnyCommand, Event, Letter};
use crate::router::{ShardRouter, Visits};
use crate::rtc::Realtime;
use crate::settings::Settings;

/// Commands that may wait for one shard.
const COMMANDS: usize = 16_384;
/// Events that may wait for Python, of one shard.
const EVENTS: usize = 4_096;
/// Letters that may wait between two shards.
const LETTERS: usize = 8_192;

/// Why an engine does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken, or cannot be bound.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The certificate or its key cannot be read.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The certificate of WebRTC sessions, or its key, cannot be used.
    #[error(transparent)]
    Rtc(#[from] CertificateError),
}

/// Counters of one shard, by name.
pub type Stats = Vec<(&'static str, u64)>;

struct Shard {
    commands: Commands<AnyCommand>,
    events: Events<Event>,
    visits: Arc<Visits>,
    waker: Waker,
    counters: Arc<Counters>,
    handle: Option<Handle>,
}

/// Shards on one UDP port.
pub struct Engine {
    shards: Vec<Shard>,
    signal: Arc<Signal>,
    handles: Handles,
    alpn: Vec<String>,
    port: u16,
    /// Shards that have answered the shutdown.
    stopped: usize,
    /// The next shard to dial from, and to ask for events.
    turn: usize,
    panics: Arc<Mutex<Vec<Panic>>>,
    realtime: Realtime,
    /// Commands that a full queue did not take.
    held: VecDeque<Addressed>,
}

impl Engine {
    /// Binds the port and starts the shards.
    ///
    /// # Errors
    /// The port cannot be bound, or the certificate or key cannot be read.
    pub fn start(settings: &Settings) -> Result<Self, StartError> {
        let tls = server_tls(&settings.certificate, &settings.private_key, &settings.alpn)?;
        let rtc_certificate = rtc::transport::Certificate {
            certificate: settings.rtc_certificate.clone(),
            private_key: settings.rtc_private_key.clone(),
        };
        // A shard makes its own on its thread, where nothing can be refused any more.
        rtc::transport::Context::new(rtc_certificate.clone(), settings.limits.transport(1))?;
        let registry = Arc::new(Registry::new(settings.limits.rtc_sessions));
        let count = usize::from(settings.shards.clamp(1, 128));
        let binding = Binding::open(settings.udp, count)?;
        let port = binding.local_addr().port();
        let signal = Arc::new(Signal::new()?);
        let secrets = Secrets::new();
        let wakers = (0..count)
            .map(|_| Waker::new())
            .collect::<Result<Vec<_>, _>>()?;
        let letters = shard::letters::<Letter>(&wakers, LETTERS);
        let panics = Arc::new(Mutex::new(Vec::new()));
        let mut shards = Vec::with_capacity(count);
        for (id, (socket, letters)) in binding.into_sockets().into_iter().zip(letters).enumerate() {
            let waker = wakers[id].clone();
            let (commands, receiver) = shard::commands(COMMANDS, &waker);
            let (sender, events) = shard::events(EVENTS, &signal, &waker);
            let visits = Arc::new(Visits::default());
            let counters = Arc::new(Counters::default());
            let outbox = letters.outbox();
            let id = id as shard::ShardId;
            let plan = Plan {
                id,
                waker: waker.clone(),
                sockets: vec![socket],
                commands: receiver,
                letters,
            };
            let make = {
                let (visits, counters) = (Arc::clone(&visits), Arc::clone(&counters));
                let (limits, tls, secrets) =
                    (settings.limits.clone(), tls.clone(), secrets.clone());
                let (registry, rtc_certificate) = (Arc::clone(&registry), rtc_certificate.clone());
                move || {
                    let carriers = Carriers::new(id, limits.carriers(count), &secrets, Some(tls));
                    let relay = Relay::new(
                        ShardId(id),
                        Instant::now(),
                        carriers,
                        limits.relay(count),
                        Arc::clone(&counters),
                    );
                    let plane = Plane::new(
                        ShardId(id),
                        Instant::now(),
                        SystemTime::now(),
                        registry,
                        rtc_certificate,
                        limits.plane(count),
                        counters,
                    )
                    .expect("the engine has tried this certificate");
                    ShardRouter::new(relay, plane, sender, outbox, visits)
                }
            };
            let (noted, told) = (Arc::clone(&panics), Arc::clone(&signal));
            let handle = shard::spawn(plan, make, move |_, ended| {
                if let Err(panic) = ended {
                    noted
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(panic.clone());
                    told.notify();
                }
            })?;
            shards.push(Shard {
                commands,
                events,
                visits,
                waker,
                counters,
                handle: Some(handle),
            });
        }
        Ok(Self {
            shards,
            signal,
            handles: Handles::default(),
            alpn: settings.alpn.clone(),
            port,
            stopped: 0,
            turn: 0,
            panics,
            realtime: Realtime::new(registry),
            held: VecDeque::new(),
        })
    }

    /// The UDP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Readable while events wait.
    pub fn fd(&self) -> RawFd {
        self.signal.as_raw_fd()
    }

    /// Takes up to `most` waiting events; those of one shard in order.
    ///
    /// # Errors
    /// A shard has panicked: the engine cannot go on.
    pub fn poll(&mut self, most: usize, mut take: impl FnMut(Event)) -> Result<(), Panic> {
        if let Some(panic) = self
            .panics
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
        {
            return Err(panic);
        }
        self.signal.clear();
        self.push_held();
        if self.is_congested() {
            self.signal.notify();
            return Ok(());
        }
        let count = self.shards.len();
        let mut left = most;
        self.turn = (self.turn + 1) % count;
        for at in 0..count {
            let shard = &self.shards[(self.turn + at) % count];
            let taken = shard.events.drain(left, |event| match event {
                Event::Stopped => self.stopped += 1,
                event => {
                    if let Event::Rtc(rtc::event::Event::Closed { session }) = event {
                        self.realtime.forget(session);
                    }
                    take(event);
                }
            });
            left -= taken;
            if shard.visits.record() {
                shard.waker.wake();
            }
        }
        if self.stopped == count {
            self.stopped = 0;
            take(Event::Stopped);
        }
        if self.shards.iter().any(|shard| !shard.events.is_empty()) {
            self.signal.notify();
        }
        Ok(())
    }

    /// Sends a command to the shard that carries it out. While a shard's queue is full, commands
    /// wait here and [`Engine::poll`] gives no events, so that no more of them are caused.
    pub fn command(&mut self, command: Command) {
        let shard = command.shard().unwrap_or(ShardId(0));
        self.send(shard, AnyCommand::Moq(command));
    }

    /// The same for a command about a WebRTC session, or one of its tracks or sinks.
    pub fn rtc(&mut self, command: RtcCommand) {
        if let Some((shard, command)) = self.realtime.route(command) {
            self.send(shard, AnyCommand::Rtc(command));
        }
    }

    fn send(&mut self, shard: ShardId, command: AnyCommand) {
        self.held.push_back(Addressed { shard, command });
        self.push_held();
    }

    /// Whether commands wait because a shard does not keep up.
    pub fn is_congested(&self) -> bool {
        !self.held.is_empty()
    }

    fn push_held(&mut self) {
        while let Some(Addressed { shard, command }) = self.held.pop_front() {
            // No shard: a handle that was never given out.
            let Some(queue) = self.shards.get(usize::from(shard.0)) else {
                continue;
            };
            if let Err(Full(command)) = queue.commands.try_push(command) {
                self.held.push_front(Addressed { shard, command });
                return;
            }
        }
    }

    /// New handshakes use this certificate.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn set_certificate(&self, certificate: &[u8], private_key: &[u8]) -> Result<(), TlsError> {
        let tls = server_tls(certificate, private_key, &self.alpn)?;
        for shard in &self.shards {
            // A shard that does not take it keeps the old one, which the caller replaces again long
            // before it ends.
            let _ = shard
                .commands
                .try_push(AnyCommand::Moq(Command::SetTls { tls: tls.clone() }));
        }
        Ok(())
    }

    /// Counters of every shard.
    pub fn stats(&self) -> Vec<Stats> {
        let of = |shard: &Shard| {
            let mut stats = shard.counters.read();
            if let Some(handle) = &shard.handle {
                stats.extend(handle.counters().snapshot().named());
            }
            stats
        };
        self.shards.iter().map(of).collect()
    }

    /// Closes every session; [`Event::Stopped`] follows.
    pub fn shutdown(&mut self, code: u64, reason: &str, deadline: Duration) {
        for shard in &self.shards {
            let command = Command::Shutdown {
                code,
                reason: reason.to_owned(),
                deadline,
            };
            let commands = [
                AnyCommand::Moq(command),
                AnyCommand::Rtc(RtcCommand::Shutdown),
            ];
            if commands
                .into_iter()
                .any(|command| shard.commands.try_push(command).is_err())
            {
                // It does not keep up: no goodbye of its would be heard either.
                self.stopped += 1;
            }
        }
        self.signal.notify();
    }

    /// Dials a peer from one of the shards.
    pub fn connect(&mut self, dial: Dial) -> SessionId {
        self.turn = (self.turn + 1) % self.shards.len();
        let session = SessionId(self.handles.next(ShardId(self.turn as u8)));
        self.command(Command::Connect {
            session,
            dial: Box::new(dial),
        });
        session
    }

    /// Opens a control stream of ours.
    pub fn open_stream(&mut self, session: SessionId, bidirectional: bool) -> ControlStream {
        let stream = ControlStream(self.handles.next(session.shard()));
        self.command(Command::OpenStream {
            session,
            stream,
            bidirectional,
        });
        stream
    }

    /// Opens a track at home on the shard of session `near`.
    pub fn open_track(&mut self, near: SessionId, scope: ScopeId) -> TrackId {
        let track = TrackId(self.handles.next(near.shard()));
        self.command(Command::OpenTrack { track, scope });
        track
    }

    /// Asks for a track's largest location; the number is that of the answer.
    pub fn query_track(&mut self, track: TrackId) -> u64 {
        let query = self.handles.next(track.shard());
        self.command(Command::QueryTrack { track, query });
        query
    }

    /// Feeds a track from a session.
    pub fn attach_source(&mut self, track: TrackId, session: SessionId, alias: u64) -> SourceId {
        let source = SourceId(self.handles.next(session.shard()));
        self.command(Command::AttachSource {
            source,
            track,
            session,
            alias,
        });
        source
    }

    /// Sends a track to a session.
    pub fn attach_sink(
        &mut self,
        track: TrackId,
        session: SessionId,
        options: SinkOptions,
    ) -> SinkId {
        let sink = SinkId(self.handles.next(session.shard()));
        self.command(Command::AttachSink {
            sink,
            track,
            session,
            options: Box::new(options),
        });
        sink
    }

    /// Sends a range of a track's cache to a session.
    pub fn fetch(
        &mut self,
        track: TrackId,
        session: SessionId,
        request_id: u64,
        range: FetchRange,
    ) -> FetchId {
        let fetch = FetchId(self.handles.next(session.shard()));
        self.command(Command::Fetch {
            fetch,
            track,
            session,
            request_id,
            range,
        });
        fetch
    }

    /// A WebRTC session that binding requests with these credentials reach.
    pub fn create_rtc_session(&mut self, credentials: Credentials) -> RtcSessionId {
        self.realtime.create_session(&self.handles, credentials)
    }

    /// These credentials reach the session too.
    pub fn add_rtc_credentials(&mut self, session: RtcSessionId, credentials: Credentials) {
        self.realtime.add_credentials(session, credentials);
    }

    /// What the session sends in a section becomes a track.
    pub fn open_rtc_track(&mut self, session: RtcSessionId, options: TrackOptions) -> TrackId {
        let (track, command) = self.realtime.open_track(&self.handles, session, options);
        self.rtc(command);
        track
    }

    /// Ends a track.
    pub fn close_rtc_track(&mut self, session: RtcSessionId, track: TrackId) {
        let command = self.realtime.close_track(session, track);
        self.rtc(command);
    }

    /// Sends a track to a WebRTC session.
    pub fn attach_rtc_sink(
        &mut self,
        session: RtcSessionId,
        track: TrackId,
        options: RtcSinkOptions,
    ) -> SinkId {
        let (sink, command) = self
            .realtime
            .attach_sink(&self.handles, session, track, options);
        if let Some(command) = command {
            self.rtc(command);
        }
        sink
    }

    /// Changes what a sink sends; `track`: another one.
    pub fn update_rtc_sink(
        &mut self,
        session: RtcSessionId,
        sink: SinkId,
        track: Option<TrackId>,
        change: SinkChange,
    ) {
        let command = self.realtime.update_sink(session, sink, track, change);
        self.rtc(command);
    }

    /// Ends the shards; sessions that still stand are not told.
    pub fn stop(&mut self) {
        for shard in &self.shards {
            if let Some(handle) = &shard.handle {
                handle.stop();
            }
        }
        for shard in &mut self.shards {
            if let Some(handle) = shard.handle.take() {
                let _ = handle.join();
            }
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

fn server_tls(
    certificate: &[u8],
    private_key: &[u8],
    alpn: &[String],
) -> Result<ServerTls, TlsError> {
    ServerTls::new(&Certificate::from_pem(certificate, private_key)?, alpn)
}
