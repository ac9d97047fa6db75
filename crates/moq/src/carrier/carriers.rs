//! All sessions of one shard.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use quinn_proto::{
    ClientConfig, ConnectionHandle, DatagramEvent, EcnCodepoint, Endpoint, ServerConfig,
    TransportConfig,
};
use shard::{Datagram, Ecn, ShardId, SocketId, Timers, Transmit};
use url::Url;
use web_transport_proto::ConnectRequest;

use super::admission::{Admission, Verdict};
use super::config::Config;
use super::connection_id::ShardConnectionIds;
use super::event::CarrierEvent;
use super::id::{SessionKey, Transport};
use super::secrets::Secrets;
use super::session::{Around, Session, mark_dirty};
use super::stream::SessionMut;
use super::tls::{ClientTls, ServerTls};
use super::webtransport::Step;

/// Whom to dial, and how.
#[derive(Clone)]
pub struct Dial {
    /// What to speak.
    pub transport: Transport,
    /// Made for the same transport.
    pub tls: ClientTls,
    /// Where.
    pub remote: SocketAddr,
    /// The socket to dial from.
    pub socket: SocketId,
    /// The name that the server's certificate has to bear.
    pub server_name: String,
    /// `:path` with its query, on WebTransport.
    pub path: String,
    /// What `WT-Available-Protocols` offers, most wanted first.
    pub protocols: Vec<String>,
}

/// Why a peer cannot be dialled at all.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The server name and path make no URL.
    #[error("the server's name or path is invalid: {0}")]
    Url(#[from] url::ParseError),
    /// The address or the name is not one that can be dialled.
    #[error("the server cannot be dialled: {0}")]
    Quic(#[from] quinn_proto::ConnectError),
}

/// What the sessions of a shard have come to, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CarrierCounters {
    /// Handshakes that clients began and we went along with.
    pub accepted: u64,
    /// Clients that were asked to prove their address.
    pub retried: u64,
    /// Clients that were refused for a bound.
    pub refused: u64,
    /// Sessions that we dialled.
    pub dialled: u64,
}

/// Answers that belong to no session, at most so many at once.
const RESPONSES: usize = 256;
/// Session termination codes, the same in every draft of MoQT.
const INTERNAL_ERROR: u64 = 0x1;
const UNAUTHORIZED: u64 = 0x2;
/// Slots that a [`SessionKey`] can tell apart.
const SLOTS: usize = 1 << 24;

/// The sessions of one shard. See the module for the order of calls.
pub struct Carriers {
    shard: ShardId,
    config: Config,
    secrets: Secrets,
    ids: ShardConnectionIds,
    transport: Arc<TransportConfig>,
    endpoint: Endpoint,
    /// By connection handle.
    sessions: Vec<Option<Box<Session>>>,
    live: usize,
    generation: u32,
    admission: Admission,
    events: VecDeque<(SessionKey, CarrierEvent)>,
    /// Sessions whose connection may have something to tell.
    fresh: VecDeque<usize>,
    /// Sessions whose connection may have something to send.
    dirty: VecDeque<usize>,
    responses: VecDeque<(Transmit, Vec<u8>)>,
    steps: Vec<Step>,
    timers: Timers,
    counters: CarrierCounters,
}

impl Carriers {
    /// No session yet. Without `server`, clients are not served.
    pub fn new(
        shard: ShardId,
        config: Config,
        secrets: &Secrets,
        server: Option<ServerTls>,
    ) -> Self {
        let mut carriers = Self {
            shard,
            ids: ShardConnectionIds::new(shard, &secrets.connection_ids),
            transport: config.transport(),
            endpoint: Endpoint::new(config.endpoint(shard, secrets), None, true, None),
            admission: Admission::new(&config),
            secrets: secrets.clone(),
            config,
            sessions: Vec::new(),
            live: 0,
            generation: 0,
            events: VecDeque::new(),
            fresh: VecDeque::new(),
            dirty: VecDeque::new(),
            responses: VecDeque::new(),
            steps: Vec::new(),
            timers: Timers::new(),
            counters: CarrierCounters::default(),
        };
        if let Some(server) = server {
            carriers.set_server_tls(server);
        }
        carriers
    }

    /// Serves new handshakes with this; sessions that stand are not touched.
    pub fn set_server_tls(&mut self, tls: ServerTls) {
        let mut server = ServerConfig::new(tls.0, Arc::clone(&self.secrets.token));
        server.transport_config(Arc::clone(&self.transport));
        self.endpoint.set_server_config(Some(Arc::new(server)));
    }

    /// The shard whose session a datagram is for; `None` for one that no session has yet.
    pub fn shard_of(&self, datagram: &[u8]) -> Option<ShardId> {
        self.ids.shard_of(datagram)
    }

    /// Sessions, and connections that still drain.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// What was counted.
    pub fn counters(&self) -> CarrierCounters {
        self.counters
    }

    /// Takes a datagram.
    pub fn handle_datagram(&mut self, now: Instant, datagram: Datagram) {
        let Datagram {
            socket,
            remote,
            local_ip,
            ecn,
            data,
        } = datagram;
        let mut response = Vec::new();
        let ecn = ecn.and_then(|ecn| EcnCodepoint::from_bits(ecn as u8));
        match self
            .endpoint
            .handle(now, remote, local_ip, ecn, data, &mut response)
        {
            Some(DatagramEvent::ConnectionEvent(handle, event)) => {
                let Some(session) = slot(&mut self.sessions, handle.0) else {
                    return;
                };
                session.heard = now;
                session.connection.handle_event(event);
                self.stir(handle.0);
            }
            Some(DatagramEvent::NewConnection(incoming)) => self.admit(now, incoming, socket),
            Some(DatagramEvent::Response(transmit)) => self.respond(socket, &transmit, response),
            None => {}
        }
    }

    fn admit(&mut self, now: Instant, incoming: quinn_proto::Incoming, socket: SocketId) {
        let address = incoming.remote_address().ip();
        let proven = incoming.remote_address_validated() || !incoming.may_retry();
        let mut response = Vec::new();
        match self.admission.judge(now, &self.config, address, proven) {
            Verdict::Accept => match self.endpoint.accept(incoming, now, &mut response, None) {
                Ok((handle, connection)) => {
                    self.counters.accepted += 1;
                    self.admission.begin(address);
                    self.insert(now, handle, connection, socket, Some(address), None);
                }
                Err(error) => {
                    if let Some(transmit) = error.response {
                        self.respond(socket, &transmit, response);
                    }
                }
            },
            Verdict::Retry => {
                self.counters.retried += 1;
                if let Ok(transmit) = self.endpoint.retry(incoming, &mut response) {
                    self.respond(socket, &transmit, response);
                }
            }
            Verdict::Refuse => {
                self.counters.refused += 1;
                let transmit = self.endpoint.refuse(incoming, &mut response);
                self.respond(socket, &transmit, response);
            }
        }
    }

    fn insert(
        &mut self,
        now: Instant,
        handle: ConnectionHandle,
        connection: quinn_proto::Connection,
        socket: SocketId,
        admitted: Option<std::net::IpAddr>,
        request: Option<ConnectRequest>,
    ) -> SessionKey {
        assert!(
            handle.0 < SLOTS,
            "quinn reuses handles, and sessions are bounded"
        );
        self.generation = self.generation.wrapping_add(1);
        let key = SessionKey::new(self.shard, self.generation, handle.0);
        let session = Session::new(
            key,
            connection,
            socket,
            admitted,
            request,
            now,
            &self.config,
        );
        if handle.0 >= self.sessions.len() {
            self.sessions.resize_with(handle.0 + 1, || None);
        }
        self.sessions[handle.0] = Some(Box::new(session));
        self.live += 1;
        self.stir(handle.0);
        key
    }

    fn respond(&mut self, socket: SocketId, transmit: &quinn_proto::Transmit, contents: Vec<u8>) {
        if self.responses.len() < RESPONSES {
            self.responses
                .push_back((outgoing(socket, transmit), contents));
        }
    }

    /// Does what is due.
    pub fn handle_timeouts(&mut self, now: Instant) {
        while let Some(index) = self.timers.pop_due(now) {
            let Some(session) = slot(&mut self.sessions, index) else {
                continue;
            };
            session.connection.handle_timeout(now);
            let mut around = Around {
                config: &self.config,
                events: &mut self.events,
                admission: &mut self.admission,
                steps: &mut self.steps,
            };
            session.handle_timeout(now, &mut around);
            self.stir(index);
        }
    }

    /// When [`Self::handle_timeouts`] has something to do.
    pub fn next_timeout(&mut self) -> Option<Instant> {
        self.timers.earliest()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self, now: Instant) -> Option<(SessionKey, CarrierEvent)> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let index = self.fresh.pop_front()?;
            let Some(session) = slot(&mut self.sessions, index) else {
                continue;
            };
            if !std::mem::take(&mut session.fresh) {
                continue;
            }
            let mut around = Around {
                config: &self.config,
                events: &mut self.events,
                admission: &mut self.admission,
                steps: &mut self.steps,
            };
            session.digest(now, &mut around);
        }
    }

    /// The next datagrams to send: fills `buf`, whatever it held. Sockets that are not `ready` are
    /// passed over, and asked again next time.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        mut ready: impl FnMut(SocketId) -> bool,
        buf: &mut Vec<u8>,
    ) -> Option<Transmit> {
        buf.clear();
        if self
            .responses
            .front()
            .is_some_and(|(transmit, _)| ready(transmit.socket))
        {
            let (transmit, contents) = self.responses.pop_front()?;
            buf.extend_from_slice(&contents);
            return Some(transmit);
        }
        let mut passed_over = 0;
        while passed_over < self.dirty.len() {
            let index = self.dirty.pop_front()?;
            let Some(session) = slot(&mut self.sessions, index) else {
                continue;
            };
            if !session.dirty {
                continue;
            }
            if !ready(session.socket) {
                self.dirty.push_back(index);
                passed_over += 1;
                continue;
            }
            let segments = self.config.segments(session.connection.current_mtu());
            if let Some(transmit) = session.connection.poll_transmit(now, segments, buf) {
                let socket = session.socket;
                self.dirty.push_back(index);
                return Some(outgoing(socket, &transmit));
            }
            session.dirty = false;
            self.settle(index);
        }
        None
    }

    /// Lets endpoint and connection exchange what they have, and sets the timer.
    fn settle(&mut self, index: usize) {
        let Some(session) = slot(&mut self.sessions, index) else {
            return;
        };
        let handle = ConnectionHandle(index);
        while let Some(event) = session.connection.poll_endpoint_events() {
            let drained = event.is_drained();
            if let Some(event) = self.endpoint.handle_event(handle, event) {
                session.connection.handle_event(event);
                mark_dirty(session, &mut self.dirty);
            }
            if drained {
                return self.remove(index);
            }
        }
        let timeout = session.connection.poll_timeout();
        let at = [timeout, session.deadline].into_iter().flatten().min();
        self.timers.set(index, at);
    }

    fn remove(&mut self, index: usize) {
        self.timers.set(index, None);
        let Some(mut session) = self.sessions[index].take() else {
            return;
        };
        self.live -= 1;
        // A connection drains after it was lost, and may not have been asked about that yet.
        if session.fresh {
            let mut around = Around {
                config: &self.config,
                events: &mut self.events,
                admission: &mut self.admission,
                steps: &mut self.steps,
            };
            session.digest(session.heard, &mut around);
        }
        if let Some(address) = session.admitted {
            self.admission.end(address);
        }
    }

    /// Dials. `Connected` or `Closed` follows.
    ///
    /// # Errors
    /// Nothing was sent; no event follows.
    pub fn connect(&mut self, now: Instant, dial: Dial) -> Result<SessionKey, DialError> {
        let request = match dial.transport {
            Transport::Quic => None,
            Transport::WebTransport => {
                let name = match dial.server_name.parse::<std::net::Ipv6Addr>() {
                    Ok(v6) => format!("[{v6}]"),
                    Err(_) => dial.server_name.clone(),
                };
                let slash = if dial.path.starts_with('/') { "" } else { "/" };
                let url = format!("https://{name}:{}{slash}{}", dial.remote.port(), dial.path);
                Some(ConnectRequest::new(Url::parse(&url)?).with_protocols(dial.protocols))
            }
        };
        let mut client = ClientConfig::new(dial.tls.0);
        client.transport_config(Arc::clone(&self.transport));
        let (handle, connection) =
            self.endpoint
                .connect(now, client, dial.remote, &dial.server_name)?;
        self.counters.dialled += 1;
        Ok(self.insert(now, handle, connection, dial.socket, None, request))
    }

    /// Accepts an `Incoming` session; `protocol` is echoed as `WT-Protocol`.
    pub fn accept(&mut self, key: SessionKey, protocol: Option<&str>) {
        if let Some(session) = find(&mut self.sessions, key) {
            session.accept(protocol);
            self.stir(key.slot());
        }
    }

    /// Refuses an `Incoming` session: with this HTTP status on WebTransport, with a connection close
    /// that says as much as MoQT's codes can on raw QUIC. `Closed` follows.
    pub fn refuse(&mut self, now: Instant, key: SessionKey, status: u16) {
        let code = match status {
            401 | 403 => UNAUTHORIZED,
            _ => INTERNAL_ERROR,
        };
        self.end(key, |session, around| {
            session.refuse(now, status, code, around)
        });
    }

    /// Sends what was written, says goodbye and closes, after [`Config::goodbye`] at the latest.
    /// `Closed` follows, and no other event. What data streams hold is sent as well: reset them first
    /// if nobody needs it.
    pub fn close(&mut self, now: Instant, key: SessionKey, code: u64, reason: &str) {
        self.end(key, |session, around| {
            session.close(now, code, reason, around)
        });
    }

    fn end(&mut self, key: SessionKey, how: impl FnOnce(&mut Session, &mut Around<'_>)) {
        let Some(session) = find(&mut self.sessions, key) else {
            return;
        };
        let mut around = Around {
            config: &self.config,
            events: &mut self.events,
            admission: &mut self.admission,
            steps: &mut self.steps,
        };
        how(session, &mut around);
        self.stir(key.slot());
    }

    /// A session to work with; `None` when it does not stand, or says goodbye.
    pub fn session(&mut self, key: SessionKey) -> Option<SessionMut<'_>> {
        let session = find(&mut self.sessions, key).filter(|session| session.is_usable())?;
        Some(SessionMut {
            session,
            dirty: &mut self.dirty,
            send_window: self.config.send_window,
            control_reserve: self.config.control_reserve,
        })
    }

    /// Streams of all sessions that are HTTP/3's.
    #[cfg(test)]
    pub(super) fn strays(&self) -> usize {
        let layers = self
            .sessions
            .iter()
            .flatten()
            .filter_map(|session| session.webtransport.as_ref());
        layers.map(|layer| layer.strays()).sum()
    }

    /// Lists a session for both polls.
    fn stir(&mut self, index: usize) {
        let Some(session) = slot(&mut self.sessions, index) else {
            return;
        };
        if !std::mem::replace(&mut session.fresh, true) {
            self.fresh.push_back(index);
        }
        mark_dirty(session, &mut self.dirty);
    }
}

fn slot(sessions: &mut [Option<Box<Session>>], index: usize) -> Option<&mut Session> {
    sessions.get_mut(index)?.as_deref_mut()
}

fn find(sessions: &mut [Option<Box<Session>>], key: SessionKey) -> Option<&mut Session> {
    slot(sessions, key.slot()).filter(|session| session.key == key)
}

fn outgoing(socket: SocketId, transmit: &quinn_proto::Transmit) -> Transmit {
    Transmit {
        socket,
        destination: transmit.destination,
        src_ip: transmit.src_ip,
        ecn: transmit.ecn.map(|ecn| match ecn {
            EcnCodepoint::Ect0 => Ecn::Ect0,
            EcnCodepoint::Ect1 => Ecn::Ect1,
            EcnCodepoint::Ce => Ecn::Ce,
        }),
        size: transmit.size,
        segment_size: transmit.segment_size,
    }
}
