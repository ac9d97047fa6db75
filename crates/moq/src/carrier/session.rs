//! One connection, and the session that it carries.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use quinn_proto::crypto::rustls::HandshakeData;
use quinn_proto::{
    Connection, ConnectionError, Dir, Event, StreamEvent, StreamId, VarInt, WriteError,
};
use shard::SocketId;
use web_transport_proto::ConnectRequest;

use super::admission::Admission;
use super::config::{Config, FIRST_BIDI_STREAMS, FIRST_UNI_STREAMS};
use super::event::{CarrierEvent, Incoming};
use super::id::{SessionKey, Transport};
use super::tls::H3;
use super::webtransport::{self, Step, WebTransport};

/// How far a session is.
#[derive(Debug)]
pub(super) enum Phase {
    /// Nobody has heard of it yet, or it was dialled and has not answered.
    Setup,
    /// It was announced, or stands.
    Open,
    /// It says goodbye.
    Leaving(Goodbye),
    /// `Closed` was said; the connection drains.
    Over,
}

/// What is left to say.
#[derive(Debug)]
pub(super) struct Goodbye {
    code: u64,
    reason: String,
    /// Whether the application closes, and not a server that refuses.
    by_application: bool,
    /// A stream to ask quinn with whether all was acknowledged: one that the peer never hears of, or
    /// the CONNECT stream while that is open.
    probe: Option<StreamId>,
    /// Whether the session layer has its own goodbye still to say: after all else, for it would
    /// overtake the rest.
    capsule: bool,
}

/// What a session touches besides itself.
pub(super) struct Around<'a> {
    pub(super) config: &'a Config,
    pub(super) events: &'a mut VecDeque<(SessionKey, CarrierEvent)>,
    pub(super) admission: &'a mut Admission,
    /// Empty; room that is used again and again.
    pub(super) steps: &'a mut Vec<Step>,
}

/// A session and its connection.
pub(super) struct Session {
    pub(super) key: SessionKey,
    pub(super) connection: Connection,
    pub(super) socket: SocketId,
    pub(super) webtransport: Option<Box<WebTransport>>,
    pub(super) phase: Phase,
    /// Where it is counted; `None` for one that we dialled.
    pub(super) admitted: Option<IpAddr>,
    half_open: bool,
    /// Listed for [`super::Carriers::poll_event`].
    pub(super) fresh: bool,
    /// Listed for [`super::Carriers::poll_transmit`].
    pub(super) dirty: bool,
    /// When `Setup` or `Leaving` has taken too long, or the peer is to be pinged.
    pub(super) deadline: Option<Instant>,
    keep_alive: Option<Duration>,
    pub(super) heard: Instant,
    /// By direction, the streams that the peer may have open, and those that it ever opened.
    granted: [u32; 2],
    opened: [u64; 2],
}

impl Session {
    pub(super) fn new(
        key: SessionKey,
        connection: Connection,
        socket: SocketId,
        admitted: Option<IpAddr>,
        request: Option<ConnectRequest>,
        now: Instant,
        config: &Config,
    ) -> Self {
        Self {
            key,
            connection,
            socket,
            webtransport: request.map(|request| Box::new(WebTransport::new(Some(request)))),
            phase: Phase::Setup,
            admitted,
            half_open: admitted.is_some(),
            fresh: false,
            dirty: false,
            deadline: Some(now + config.setup),
            keep_alive: None,
            heard: now,
            granted: [
                FIRST_BIDI_STREAMS.min(config.bidi_streams),
                FIRST_UNI_STREAMS.min(config.uni_streams),
            ],
            opened: [0; 2],
        }
    }

    /// Whether the application has heard of it and may use it.
    pub(super) fn is_usable(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// Takes all that the connection has to tell.
    pub(super) fn digest(&mut self, now: Instant, around: &mut Around<'_>) {
        while let Some(event) = self.connection.poll() {
            self.take(now, event, around);
        }
        if matches!(self.phase, Phase::Leaving(_)) {
            self.try_to_leave(now, around);
        }
    }

    fn take(&mut self, now: Instant, event: Event, around: &mut Around<'_>) {
        match event {
            Event::Connected => self.established(now, around),
            Event::ConnectionLost { reason } => self.lost(reason, around),
            Event::DatagramReceived => self.tell(CarrierEvent::DatagramReadable, around),
            Event::Stream(event) => self.take_stream(now, event, around),
            Event::HandshakeDataReady | Event::DatagramsUnblocked => {}
        }
    }

    fn established(&mut self, now: Instant, around: &mut Around<'_>) {
        self.shaken(around.admission);
        let data = self
            .connection
            .crypto_session()
            .handshake_data()
            .and_then(|data| data.downcast::<HandshakeData>().ok());
        let (alpn, server_name) =
            data.map_or((None, None), |data| (data.protocol, data.server_name));
        let alpn = alpn.map_or(String::new(), |alpn| {
            String::from_utf8_lossy(&alpn).into_owned()
        });
        let server = self.connection.side().is_server();
        if alpn == H3 && server {
            self.webtransport = Some(Box::new(WebTransport::new(None)));
        }
        if let Some(webtransport) = &mut self.webtransport {
            if let Some(step) = webtransport.start(&mut self.connection) {
                self.step(now, step, around);
            }
            return;
        }
        self.stands();
        let event = if server {
            CarrierEvent::Incoming(Box::new(Incoming {
                transport: Transport::Quic,
                alpn,
                authority: server_name.unwrap_or_default(),
                path: String::new(),
                origin: None,
                protocols: Vec::new(),
                peer: self.connection.remote_address(),
            }))
        } else {
            CarrierEvent::Connected { protocol: alpn }
        };
        self.tell(event, around);
    }

    fn stands(&mut self) {
        self.phase = Phase::Open;
        self.deadline = None;
        self.keep_alive(self.keep_alive);
    }

    fn take_stream(&mut self, now: Instant, event: StreamEvent, around: &mut Around<'_>) {
        if matches!(self.phase, Phase::Leaving(_) | Phase::Over) {
            return;
        }
        let mut steps = std::mem::take(around.steps);
        let (connection, webtransport) = (&mut self.connection, self.webtransport.as_mut());
        match (event, webtransport) {
            (StreamEvent::Opened { dir }, _) => {
                self.accept_streams(dir, &mut steps);
                self.grant(dir, around.config);
            }
            (StreamEvent::Readable { id }, Some(webtransport)) => {
                if !webtransport.readable(connection, id, &mut steps) {
                    steps.push(Step::Event(CarrierEvent::Readable(id.into())));
                }
            }
            (StreamEvent::Writable { id }, Some(webtransport)) => {
                if !webtransport.writable(connection, id) {
                    steps.push(Step::Event(CarrierEvent::Writable(id.into())));
                }
            }
            (StreamEvent::Finished { id }, Some(webtransport)) if webtransport.is_internal(id) => {
                webtransport.sent(connection, id, false);
            }
            (StreamEvent::Stopped { id, .. }, Some(webtransport))
                if webtransport.is_internal(id) =>
            {
                webtransport.sent(connection, id, true);
            }
            (StreamEvent::Readable { id }, None) => {
                steps.push(Step::Event(CarrierEvent::Readable(id.into())));
            }
            (StreamEvent::Writable { id }, None) => {
                steps.push(Step::Event(CarrierEvent::Writable(id.into())));
            }
            (StreamEvent::Stopped { id, error_code }, _) => {
                let code = self.code_from_wire(error_code);
                steps.push(Step::Event(CarrierEvent::Stopped {
                    stream: id.into(),
                    code,
                }));
            }
            (StreamEvent::Finished { id }, _) => {
                steps.push(Step::Event(CarrierEvent::Finished(id.into())));
            }
            (StreamEvent::Available { dir }, _) => {
                steps.push(Step::Event(CarrierEvent::StreamsAvailable(dir.into())));
            }
        }
        for step in steps.drain(..) {
            self.step(now, step, around);
        }
        *around.steps = steps;
    }

    fn accept_streams(&mut self, dir: Dir, steps: &mut Vec<Step>) {
        while let Some(id) = self.connection.streams().accept(dir) {
            self.opened[dir as usize] += 1;
            match &mut self.webtransport {
                Some(layer) => layer.opened(&mut self.connection, id, steps),
                None => steps.push(Step::Event(CarrierEvent::Opened(id.into()))),
            }
        }
    }

    /// Lets a peer open more streams, up to the bound, when it uses what it has: many at once, or many
    /// one after another, which a long way slows down to the number granted per round trip.
    fn grant(&mut self, dir: Dir, config: &Config) {
        let most = match dir {
            Dir::Bi => config.bidi_streams,
            Dir::Uni => config.uni_streams,
        };
        let granted = &mut self.granted[dir as usize];
        let open = self.connection.streams().remote_open_streams(dir);
        let opened = self.opened[dir as usize];
        let busy = open * 2 > u64::from(*granted) || opened > u64::from(*granted) * 4;
        if *granted < most && busy {
            *granted = granted.saturating_mul(4).min(most);
            self.connection
                .set_max_concurrent_streams(dir, VarInt::from_u32(*granted));
        }
    }

    fn step(&mut self, now: Instant, step: Step, around: &mut Around<'_>) {
        if matches!(self.phase, Phase::Over) {
            return; // what stood behind an error in the same bytes
        }
        match step {
            Step::Event(event) => self.tell(event, around),
            Step::Request(request) => {
                self.stands();
                let incoming = self.incoming(&request);
                self.tell(CarrierEvent::Incoming(Box::new(incoming)), around);
            }
            Step::Granted { protocol } => {
                self.stands();
                self.tell(CarrierEvent::Connected { protocol }, around);
            }
            Step::Ended { code, reason } => {
                self.hang_up(now, webtransport::code::H3_NO_ERROR.into(), "");
                self.over(code, reason, true, around);
            }
            Step::Failed { code, reason } => {
                self.hang_up(now, code.into(), &reason);
                self.over(None, reason, false, around);
            }
        }
    }

    fn incoming(&self, request: &ConnectRequest) -> Incoming {
        let query = request
            .url
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        let origin = request
            .headers
            .get("origin")
            .and_then(|origin| origin.to_str().ok());
        Incoming {
            transport: Transport::WebTransport,
            alpn: H3.to_owned(),
            authority: request.url.authority().to_owned(),
            path: format!("{}{query}", request.url.path()),
            origin: origin.map(str::to_owned),
            protocols: request.protocols.clone(),
            peer: self.connection.remote_address(),
        }
    }

    fn lost(&mut self, reason: ConnectionError, around: &mut Around<'_>) {
        self.shaken(around.admission);
        if let Phase::Leaving(goodbye) = &mut self.phase {
            let reason = std::mem::take(&mut goodbye.reason);
            let code = goodbye.by_application.then_some(goodbye.code);
            return self.over(code, reason, false, around);
        }
        let (code, text) = match reason {
            ConnectionError::ApplicationClosed(close) => {
                let wire = close.error_code.into_inner();
                let code = match self.webtransport {
                    Some(_) => webtransport::close_code(wire),
                    None => Some(wire),
                };
                (code, String::from_utf8_lossy(&close.reason).into_owned())
            }
            other => (None, other.to_string()),
        };
        self.over(code, text, true, around);
    }

    /// Grants a WebTransport request; raw QUIC needs no answer.
    pub(super) fn accept(&mut self, protocol: Option<&str>) {
        if let (Phase::Open, Some(webtransport)) = (&self.phase, &mut self.webtransport) {
            webtransport.accept(&mut self.connection, protocol);
        }
    }

    /// Says goodbye: flushes what was written, and then closes.
    pub(super) fn close(&mut self, now: Instant, code: u64, reason: &str, around: &mut Around<'_>) {
        match self.phase {
            Phase::Leaving(_) | Phase::Over => return,
            Phase::Setup => {
                self.hang_up(now, code, reason);
                return self.over(Some(code), reason.to_owned(), false, around);
            }
            Phase::Open => {}
        }
        self.leave(now, code, reason, true, around);
    }

    /// Refuses a client: an HTTP status on WebTransport, a close with `code` on raw QUIC.
    pub(super) fn refuse(&mut self, now: Instant, status: u16, code: u64, around: &mut Around<'_>) {
        if !self.is_usable() {
            return;
        }
        if let Some(webtransport) = &mut self.webtransport {
            webtransport.refuse(&mut self.connection, status);
        }
        self.leave(now, code, "refused", false, around);
    }

    fn leave(
        &mut self,
        now: Instant,
        code: u64,
        reason: &str,
        by_application: bool,
        around: &mut Around<'_>,
    ) {
        self.phase = Phase::Leaving(Goodbye {
            code,
            reason: reason.to_owned(),
            by_application,
            probe: None,
            capsule: by_application && self.webtransport.is_some(),
        });
        self.deadline = Some(now + around.config.goodbye);
        self.try_to_leave(now, around);
    }

    /// Goes on once all that was written has been acknowledged: to the capsule, then to the close.
    fn try_to_leave(&mut self, now: Instant, around: &mut Around<'_>) {
        while self.all_acknowledged(around.config.send_window) {
            let Phase::Leaving(goodbye) = &mut self.phase else {
                return;
            };
            if !std::mem::take(&mut goodbye.capsule) {
                return self.left(now, around);
            }
            goodbye.probe = None;
            if let Some(webtransport) = &mut self.webtransport {
                self.connection.set_send_window(around.config.send_window);
                webtransport.say_goodbye(&mut self.connection, goodbye.code, &goodbye.reason);
            }
        }
    }

    /// quinn does not tell, but with a send window of one byte a stream takes nothing as long as any
    /// stream has a byte in flight, and becomes writable when none has.
    fn all_acknowledged(&mut self, send_window: u64) -> bool {
        let Phase::Leaving(goodbye) = &mut self.phase else {
            return false;
        };
        let (connection, webtransport) = (&mut self.connection, self.webtransport.as_mut());
        let mut session = None;
        if let Some(webtransport) = webtransport {
            connection.set_send_window(send_window);
            if !webtransport.flush_all(connection) {
                return false;
            }
            session = webtransport.session().filter(|_| goodbye.capsule);
        }
        connection.set_send_window(1);
        if goodbye.probe.is_none() {
            let mut streams = connection.streams();
            goodbye.probe = session
                .or_else(|| streams.open(Dir::Uni))
                .or_else(|| streams.open(Dir::Bi));
        }
        goodbye.probe.is_some_and(|probe| {
            connection.send_stream(probe).write(&[]) != Err(WriteError::Blocked)
        })
    }

    /// Closes, whatever was acknowledged.
    fn left(&mut self, now: Instant, around: &mut Around<'_>) {
        let Phase::Leaving(goodbye) = &mut self.phase else {
            return;
        };
        let (code, reason) = (goodbye.code, std::mem::take(&mut goodbye.reason));
        let told = goodbye.by_application.then_some(code);
        let wire = match self.webtransport {
            Some(_) => webtransport::code::H3_NO_ERROR.into(),
            None => code,
        };
        self.hang_up(now, wire, &reason);
        self.over(told, reason, false, around);
    }

    fn hang_up(&mut self, now: Instant, code: u64, reason: &str) {
        let code = VarInt::from_u64(code).unwrap_or(VarInt::MAX);
        self.connection
            .close(now, code, Bytes::copy_from_slice(reason.as_bytes()));
    }

    /// Does what is due of the session's own: the connection's timers are the caller's.
    pub(super) fn handle_timeout(&mut self, now: Instant, around: &mut Around<'_>) {
        if self.deadline.is_none_or(|at| at > now) {
            return;
        }
        self.deadline = None;
        match self.phase {
            Phase::Setup => {
                self.hang_up(
                    now,
                    webtransport::code::H3_NO_ERROR.into(),
                    "no request came in time",
                );
                self.shaken(around.admission);
                self.over(
                    None,
                    "the handshake took too long".to_owned(),
                    false,
                    around,
                );
            }
            Phase::Leaving(_) => self.left(now, around),
            Phase::Open => {
                if let Some(interval) = self.keep_alive {
                    let silence = now.saturating_duration_since(self.heard);
                    if silence >= around.config.idle {
                        // Each PING of ours put QUIC's own timer off.
                        let code = match self.webtransport {
                            Some(_) => webtransport::code::H3_NO_ERROR.into(),
                            None => 0,
                        };
                        self.hang_up(now, code, "");
                        self.over(None, "timed out".to_owned(), true, around);
                    } else if silence >= interval {
                        self.connection.ping();
                        self.deadline = Some((now + interval).min(self.heard + around.config.idle));
                    } else {
                        self.deadline = Some(self.heard + interval);
                    }
                }
            }
            Phase::Over => {}
        }
    }

    pub(super) fn keep_alive(&mut self, interval: Option<Duration>) {
        self.keep_alive = interval;
        if self.is_usable() {
            self.deadline = interval.map(|interval| self.heard + interval);
        }
    }

    fn tell(&mut self, event: CarrierEvent, around: &mut Around<'_>) {
        if self.is_usable() {
            around.events.push_back((self.key, event));
        }
    }

    /// The session is over; nobody is told of one that nobody has heard of.
    fn over(&mut self, code: Option<u64>, reason: String, remote: bool, around: &mut Around<'_>) {
        let known = match self.phase {
            Phase::Setup => self.admitted.is_none(),
            Phase::Open | Phase::Leaving(_) => true,
            Phase::Over => false,
        };
        self.shaken(around.admission);
        if known {
            around.events.push_back((
                self.key,
                CarrierEvent::Closed {
                    code,
                    reason,
                    remote,
                },
            ));
        }
        self.phase = Phase::Over;
        self.deadline = None;
    }

    fn shaken(&mut self, admission: &mut Admission) {
        if std::mem::take(&mut self.half_open) {
            admission.shake_done();
        }
    }

    pub(super) fn code_from_wire(&self, code: VarInt) -> u64 {
        match self.webtransport {
            Some(_) => webtransport::code_from_wire(code.into_inner()),
            None => code.into_inner(),
        }
    }
}

/// Lists a session for [`super::Carriers::poll_transmit`].
pub(super) fn mark_dirty(session: &mut Session, dirty: &mut VecDeque<usize>) {
    if !std::mem::replace(&mut session.dirty, true) {
        dirty.push_back(session.key.slot());
    }
}
