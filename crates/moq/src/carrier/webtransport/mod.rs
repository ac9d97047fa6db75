//! WebTransport over HTTP/3: one session a connection, as drafts 02 to 14 speak it. Later drafts need
//! resets that arrive (`reset_stream_at`), which quinn does not have, so WT_ENABLED is not said.
//!
//! `web-transport-proto` knows the bytes of settings, CONNECT and capsules; which stream is whose, and
//! in which order things may happen, is here.

mod capsule;
mod frame;
mod prefix;

use std::collections::HashMap;

use bytes::{BufMut, Bytes, BytesMut};
use quinn_proto::{Connection, Dir, StreamId, VarInt};
use web_transport_proto::http::StatusCode;
use web_transport_proto::{
    Capsule, ConnectError, ConnectRequest, ConnectResponse, Setting, Settings, VarInt as WtVarInt,
    error_from_http3, error_to_http3,
};

use self::capsule::CapsuleReader;
use self::frame::{FrameReader, Piece};
use self::prefix::{Prefix, StreamKind};
use super::event::CarrierEvent;
use super::stream::{ReadState, read_stream};

/// HTTP/3 error codes (RFC 9114 §8.1) and WebTransport's own.
pub(super) mod code {
    pub(crate) const H3_NO_ERROR: u32 = 0x100;
    pub(crate) const H3_STREAM_CREATION_ERROR: u32 = 0x103;
    pub(crate) const H3_FRAME_UNEXPECTED: u32 = 0x105;
    pub(crate) const H3_EXCESSIVE_LOAD: u32 = 0x107;
    pub(crate) const H3_SETTINGS_ERROR: u32 = 0x109;
    pub(crate) const H3_REQUEST_REJECTED: u32 = 0x10b;
    pub(crate) const H3_MESSAGE_ERROR: u32 = 0x10e;
    pub(crate) const BUFFERED_STREAM_REJECTED: u32 = 0x3994_bd84;
}

/// WT_MAX_SESSIONS of drafts 13 and 14; the library knows the older settings.
const MAX_SESSIONS_13: Setting = Setting(WtVarInt::from_u32(0x14e9_cd29));
/// Streams of the session come after what the protocol itself has to say.
const FIRST: i32 = i32::MAX;
/// Requests that may be coming in at once; each may hold a whole header block.
const REQUESTS: usize = 8;
/// Read from a stream of ours at once.
const READ: usize = 4096;
/// The longest reason of a close capsule, in bytes (draft-ietf-webtrans-http3 §6).
const LONGEST_REASON: usize = 1024;

/// What the session layer has to tell the session.
#[derive(Debug)]
pub(super) enum Step {
    /// A client asks for a session.
    Request(Box<ConnectRequest>),
    /// The server granted ours.
    Granted { protocol: String },
    /// Something about a stream of the session.
    Event(CarrierEvent),
    /// The peer ended the session.
    Ended { code: Option<u64>, reason: String },
    /// The peer broke HTTP/3, or refused us: close the connection with this code.
    Failed { code: u32, reason: String },
}

/// How far the session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No request yet.
    Idle,
    /// A request waits for its answer.
    Requested,
    /// The session stands.
    Open,
}

/// A stream of the peer that is not, or not yet, one of the session's.
#[derive(Debug)]
enum Stray {
    /// Its first bytes have not all come.
    Prefix(Prefix),
    /// It belongs to the session of this id, which has not been asked for.
    Early(u64),
    /// The peer's control stream.
    Control(FrameReader),
    /// A request.
    Request(FrameReader),
    /// The CONNECT stream of the session.
    Session(FrameReader),
    /// QPACK's streams, which say nothing without a dynamic table, and unknown ones.
    Ignored,
    /// A request that was answered, until the answer has arrived.
    Answered,
}

/// Bytes that found no room yet.
#[derive(Debug, Default)]
struct Unsent {
    bytes: Bytes,
    finish: bool,
}

/// The WebTransport half of a session.
#[derive(Debug)]
pub(super) struct WebTransport {
    /// A client's request, until it can be sent.
    request: Option<ConnectRequest>,
    /// The CONNECT stream.
    session: Option<StreamId>,
    state: State,
    settings_seen: bool,
    strays: HashMap<StreamId, Stray>,
    capsules: CapsuleReader,
    unsent: HashMap<StreamId, Unsent>,
    uni_prefix: Bytes,
    bi_prefix: Bytes,
    datagram_prefix: Bytes,
    datagrams: BytesMut,
    /// Empty; room that is used again and again.
    chunks: Vec<Bytes>,
}

impl WebTransport {
    /// `request` is a client's.
    pub(super) fn new(request: Option<ConnectRequest>) -> Self {
        Self {
            request,
            session: None,
            state: State::Idle,
            settings_seen: false,
            strays: HashMap::new(),
            capsules: CapsuleReader::default(),
            unsent: HashMap::new(),
            uni_prefix: Bytes::new(),
            bi_prefix: Bytes::new(),
            datagram_prefix: Bytes::new(),
            datagrams: BytesMut::new(),
            chunks: Vec::new(),
        }
    }

    /// Opens our control stream. Both ends do so as soon as the handshake is done.
    pub(super) fn start(&mut self, connection: &mut Connection) -> Option<Step> {
        let Some(control) = connection.streams().open(Dir::Uni) else {
            return failed(
                code::H3_STREAM_CREATION_ERROR,
                "no stream for settings is allowed",
            );
        };
        let mut settings = Settings::default();
        settings.enable_webtransport(1);
        settings.insert(MAX_SESSIONS_13, WtVarInt::from_u32(1));
        let mut bytes = BytesMut::new();
        settings.encode(&mut bytes);
        self.send(connection, control, bytes.freeze(), false);
        None
    }

    /// Takes a stream that the peer opened.
    pub(super) fn opened(
        &mut self,
        connection: &mut Connection,
        id: StreamId,
        out: &mut Vec<Step>,
    ) {
        self.strays.insert(id, Stray::Prefix(Prefix::default()));
        self.advance(connection, id, out);
    }

    /// Takes what came on a stream; `false` when it is the session's own business.
    pub(super) fn readable(
        &mut self,
        connection: &mut Connection,
        id: StreamId,
        out: &mut Vec<Step>,
    ) -> bool {
        let ours = self.strays.contains_key(&id);
        if ours {
            self.advance(connection, id, out);
        }
        ours
    }

    /// Sends what waited for room on a stream; `false` when it was not ours that waited, or all went.
    pub(super) fn writable(&mut self, connection: &mut Connection, id: StreamId) -> bool {
        let internal = self.is_internal(id);
        let blocked = self.unsent.contains_key(&id) && !self.flush(connection, id);
        internal || blocked
    }

    /// A stream of the protocol was acknowledged, or `stopped` by the peer.
    pub(super) fn sent(&mut self, connection: &mut Connection, id: StreamId, stopped: bool) {
        if stopped {
            let code = VarInt::from_u32(code::H3_NO_ERROR);
            let _ = connection.send_stream(id).reset(code);
            self.unsent.remove(&id);
        }
        if matches!(self.strays.get(&id), Some(Stray::Answered)) {
            self.strays.remove(&id);
        }
    }

    /// Streams that are not the session's.
    #[cfg(test)]
    pub(super) fn strays(&self) -> usize {
        self.strays.len() + self.unsent.len()
    }

    /// Whether a stream is the protocol's and not the session's.
    pub(super) fn is_internal(&self, id: StreamId) -> bool {
        Some(id) == self.session || self.strays.contains_key(&id)
    }

    /// The CONNECT stream.
    pub(super) fn session(&self) -> Option<StreamId> {
        self.session
    }

    /// Sends whatever still waits for room; `true` when nothing does.
    pub(super) fn flush_all(&mut self, connection: &mut Connection) -> bool {
        let waiting: Vec<_> = self.unsent.keys().copied().collect();
        waiting.into_iter().all(|id| self.flush(connection, id))
    }

    /// Grants the request.
    pub(super) fn accept(&mut self, connection: &mut Connection, protocol: Option<&str>) {
        let Some(session) = self.session.filter(|_| self.state == State::Requested) else {
            return;
        };
        let mut response = ConnectResponse::OK;
        if let Some(protocol) = protocol {
            response = response.with_protocol(protocol);
        }
        let mut bytes = BytesMut::new();
        if response.encode(&mut bytes).is_err() {
            // Only a protocol that is no printable string: nothing that a client could have offered.
            bytes.clear();
            let _ = ConnectResponse::OK.encode(&mut bytes);
        }
        self.state = State::Open;
        self.send(connection, session, bytes.freeze(), false);
    }

    /// Answers the request with an HTTP error.
    pub(super) fn refuse(&mut self, connection: &mut Connection, status: u16) {
        if let Some(session) = self.session.filter(|_| self.state == State::Requested) {
            self.answer(connection, session, status);
        }
    }

    /// Writes the close capsule and ends the CONNECT stream.
    pub(super) fn say_goodbye(&mut self, connection: &mut Connection, code: u64, reason: &str) {
        let Some(session) = self.session.filter(|_| self.state == State::Open) else {
            return;
        };
        let mut end = reason.len().min(LONGEST_REASON);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let code = u32::try_from(code).unwrap_or(u32::MAX);
        let mut capsule = BytesMut::new();
        Capsule::CloseWebTransportSession {
            code,
            reason: reason[..end].to_owned(),
        }
        .encode(&mut capsule);
        let mut bytes = BytesMut::new();
        WtVarInt::from_u32(0).encode(&mut bytes); // a DATA frame
        WtVarInt::from_u32(capsule.len() as u32).encode(&mut bytes);
        bytes.put(capsule);
        self.send(connection, session, bytes.freeze(), true);
    }

    /// Opens a stream of the session and writes its prefix.
    pub(super) fn open(
        &mut self,
        connection: &mut Connection,
        dir: Dir,
        priority: i32,
    ) -> Option<StreamId> {
        if self.state != State::Open {
            return None;
        }
        let id = connection.streams().open(dir)?;
        let _ = connection.send_stream(id).set_priority(priority);
        let prefix = match dir {
            Dir::Uni => self.uni_prefix.clone(),
            Dir::Bi => self.bi_prefix.clone(),
        };
        self.write_or_keep(connection, id, prefix, false);
        Some(id)
    }

    /// Whether a stream may be written to: its prefix is out.
    pub(super) fn prefix_sent(&mut self, connection: &mut Connection, id: StreamId) -> bool {
        self.unsent.is_empty() || !self.unsent.contains_key(&id) || self.flush(connection, id)
    }

    /// Finishes a stream whose prefix still waits once that is out; `false` when none waits.
    pub(super) fn finish_later(&mut self, id: StreamId) -> bool {
        self.unsent
            .get_mut(&id)
            .map(|unsent| unsent.finish = true)
            .is_some()
    }

    /// A stream was reset: nothing of it is to be sent.
    pub(super) fn forget(&mut self, id: StreamId) {
        self.unsent.remove(&id);
    }

    /// A datagram of the session as HTTP/3 has it.
    pub(super) fn wrap_datagram(&mut self, payload: &[u8]) -> Option<Bytes> {
        if self.state != State::Open {
            return None;
        }
        self.datagrams
            .reserve(self.datagram_prefix.len() + payload.len());
        self.datagrams.put_slice(&self.datagram_prefix);
        self.datagrams.put_slice(payload);
        Some(self.datagrams.split().freeze())
    }

    /// The payload of a datagram, if it is the session's.
    pub(super) fn unwrap_datagram(&self, mut datagram: Bytes) -> Option<Bytes> {
        let quarter = WtVarInt::decode(&mut datagram).ok()?.into_inner();
        let session = self.session.filter(|_| self.state == State::Open)?;
        (quarter == session.index()).then_some(datagram)
    }

    /// What the prefix takes of a datagram's room.
    pub(super) fn datagram_overhead(&self) -> usize {
        self.datagram_prefix.len()
    }

    fn advance(&mut self, connection: &mut Connection, id: StreamId, out: &mut Vec<Step>) {
        let mut chunks = std::mem::take(&mut self.chunks);
        self.advance_with(&mut chunks, connection, id, out);
        chunks.clear();
        self.chunks = chunks;
    }

    fn advance_with(
        &mut self,
        chunks: &mut Vec<Bytes>,
        connection: &mut Connection,
        id: StreamId,
        out: &mut Vec<Step>,
    ) {
        loop {
            let Some(stray) = self.strays.get_mut(&id) else {
                return;
            };
            let most = match stray {
                Stray::Prefix(prefix) => prefix.missing(id.dir()),
                Stray::Early(_) | Stray::Answered => return,
                _ => READ,
            };
            chunks.clear();
            let state = read_stream(connection, id, most, chunks);
            let stray = self.strays.get_mut(&id).expect("looked up above");
            match stray {
                Stray::Prefix(prefix) => {
                    chunks.iter().for_each(|bytes| prefix.push(bytes));
                    if let Some((kind, rest)) = prefix.parse(id.dir()) {
                        self.sort(connection, id, kind, &rest, out);
                        if matches!(self.strays.get(&id), None | Some(Stray::Early(_))) {
                            // The session reads on, and sees the end for itself.
                            if state == ReadState::More || state == ReadState::Blocked {
                                return;
                            }
                            continue;
                        }
                    }
                }
                Stray::Control(frames) | Stray::Request(frames) | Stray::Session(frames) => {
                    chunks.iter().for_each(|bytes| frames.push(bytes));
                    self.frames(connection, id, out);
                }
                Stray::Early(_) | Stray::Ignored | Stray::Answered => {}
            }
            match state {
                ReadState::More => {}
                ReadState::Blocked => return,
                ReadState::Finished => return self.ended(connection, id, None, out),
                ReadState::Reset(code) => return self.ended(connection, id, Some(code), out),
                ReadState::Closed => {
                    self.strays.remove(&id);
                    return;
                }
            }
        }
    }

    /// Gives a stream its role, now that its first bytes tell.
    fn sort(
        &mut self,
        connection: &mut Connection,
        id: StreamId,
        kind: StreamKind,
        rest: &[u8],
        out: &mut Vec<Step>,
    ) {
        let stray = match kind {
            StreamKind::Session(session) => return self.place(connection, id, session, out),
            StreamKind::Control => Stray::Control(FrameReader::new(rest)),
            StreamKind::Request if self.requests() >= REQUESTS => {
                self.strays.remove(&id);
                return reject(connection, id, code::H3_REQUEST_REJECTED);
            }
            StreamKind::Request => Stray::Request(FrameReader::new(rest)),
            StreamKind::Other => Stray::Ignored,
        };
        self.strays.insert(id, stray);
        self.frames(connection, id, out);
    }

    /// Hands a stream to its session, keeps it for one that may come, or rejects it.
    fn place(
        &mut self,
        connection: &mut Connection,
        id: StreamId,
        session: u64,
        out: &mut Vec<Step>,
    ) {
        match self.session {
            Some(ours) if session != u64::from(ours) => {
                self.strays.remove(&id);
                reject(connection, id, code::BUFFERED_STREAM_REJECTED);
            }
            Some(_) if self.state == State::Open || connection.side().is_server() => {
                self.strays.remove(&id);
                out.push(Step::Event(CarrierEvent::Opened(id.into())));
            }
            _ => {
                self.strays.insert(id, Stray::Early(session));
            }
        }
    }

    /// Hands over the streams that came before their session.
    fn place_early(&mut self, connection: &mut Connection, out: &mut Vec<Step>) {
        let mut early: Vec<_> = self
            .strays
            .iter()
            .filter_map(|(&id, stray)| match stray {
                Stray::Early(session) => Some((id, *session)),
                _ => None,
            })
            .collect();
        early.sort_unstable();
        for (id, session) in early {
            self.place(connection, id, session, out);
        }
    }

    /// Acts on the frames of a stream that have come whole.
    fn frames(&mut self, connection: &mut Connection, id: StreamId, out: &mut Vec<Step>) {
        loop {
            let (piece, role) = match self.strays.get_mut(&id) {
                Some(Stray::Control(frames)) => (frames.next(), Role::Control),
                Some(Stray::Request(frames)) => (frames.next(), Role::Request),
                Some(Stray::Session(frames)) => (frames.next(), Role::Session),
                _ => return,
            };
            let piece = match piece {
                Ok(Some(piece)) => piece,
                Ok(None) => return,
                Err(frame::TooLarge) if role == Role::Request => {
                    self.answer(connection, id, 431);
                    return;
                }
                Err(frame::TooLarge) => {
                    out.extend(failed(code::H3_EXCESSIVE_LOAD, "a frame is too large"));
                    return;
                }
            };
            match (role, piece) {
                (Role::Control, Piece::Settings(payload)) => {
                    self.settings(connection, &payload, out)
                }
                (Role::Request, Piece::Headers(payload)) => {
                    self.request(connection, id, &payload, out)
                }
                (Role::Session, Piece::Headers(payload)) => {
                    self.response(connection, &payload, out)
                }
                (Role::Session, Piece::Data(bytes)) => self.capsules(&bytes, out),
                (Role::Control, _) | (Role::Request | Role::Session, Piece::Settings(_)) => {
                    out.extend(failed(
                        code::H3_FRAME_UNEXPECTED,
                        "a frame on the wrong stream",
                    ));
                }
                // The body of a request that is not served.
                (Role::Request, Piece::Data(_)) => {}
            }
        }
    }

    fn settings(&mut self, connection: &mut Connection, payload: &[u8], out: &mut Vec<Step>) {
        if std::mem::replace(&mut self.settings_seen, true) {
            out.extend(failed(code::H3_FRAME_UNEXPECTED, "settings came twice"));
            return;
        }
        let mut bytes = vec![0x00]; // the control stream's type
        frame::encode(0x04, payload, &mut bytes);
        let settings = match Settings::decode(&mut &bytes[..]) {
            Ok(settings) => settings,
            Err(error) => {
                out.extend(failed(code::H3_SETTINGS_ERROR, &error.to_string()));
                return;
            }
        };
        let Some(request) = self.request.take() else {
            return;
        };
        if settings.supports_webtransport() == 0 {
            out.extend(failed(
                code::H3_NO_ERROR,
                "the server offers no WebTransport",
            ));
            return;
        }
        let mut bytes = BytesMut::new();
        let encoded = request.encode(&mut bytes);
        let (Ok(()), Some(id)) = (encoded, connection.streams().open(Dir::Bi)) else {
            out.extend(failed(code::H3_NO_ERROR, "the request cannot be sent"));
            return;
        };
        self.use_session(id);
        self.state = State::Requested;
        self.send(connection, id, bytes.freeze(), false);
    }

    fn request(
        &mut self,
        connection: &mut Connection,
        id: StreamId,
        payload: &[u8],
        out: &mut Vec<Step>,
    ) {
        let mut bytes = Vec::new();
        frame::encode(0x01, payload, &mut bytes);
        let status = match ConnectRequest::decode(&mut &bytes[..]) {
            Ok(request) if self.session.is_none() && self.request.is_none() => {
                let rest = self.strays.remove(&id);
                self.use_session(id);
                if let (Some(Stray::Request(frames)), Some(session)) =
                    (rest, self.strays.get_mut(&id))
                {
                    *session = Stray::Session(frames);
                }
                self.state = State::Requested;
                out.push(Step::Request(Box::new(request)));
                self.place_early(connection, out);
                return;
            }
            Ok(_) => 429, // one session a connection
            Err(ConnectError::FieldSectionTooLarge) => 431,
            Err(ConnectError::QpackError(_) | ConnectError::InvalidProtocol) => 400,
            Err(_) => 404,
        };
        self.answer(connection, id, status);
    }

    fn response(&mut self, connection: &mut Connection, payload: &[u8], out: &mut Vec<Step>) {
        if self.state == State::Open || connection.side().is_server() {
            return; // trailers
        }
        let mut bytes = Vec::new();
        frame::encode(0x01, payload, &mut bytes);
        match ConnectResponse::decode(&mut &bytes[..]) {
            Ok(response) => {
                self.state = State::Open;
                out.push(Step::Granted {
                    protocol: response.protocol.unwrap_or_default(),
                });
                self.place_early(connection, out);
            }
            Err(error) => out.extend(failed(code::H3_NO_ERROR, &error.to_string())),
        }
    }

    fn capsules(&mut self, bytes: &[u8], out: &mut Vec<Step>) {
        self.capsules.push(bytes);
        match self.capsules.close() {
            Ok(None) => {}
            Ok(Some((code, reason))) => {
                out.push(Step::Ended {
                    code: Some(code.into()),
                    reason,
                });
            }
            Err(capsule::Malformed) => {
                out.extend(failed(code::H3_MESSAGE_ERROR, "a capsule is malformed"));
            }
        }
    }

    /// A stream of the protocol has ended.
    fn ended(
        &mut self,
        connection: &mut Connection,
        id: StreamId,
        reset: Option<u64>,
        out: &mut Vec<Step>,
    ) {
        if matches!(self.strays.get(&id), Some(Stray::Answered)) {
            return; // until the answer has arrived
        }
        match self.strays.remove(&id) {
            Some(Stray::Session(_)) => out.push(match reset {
                None => Step::Ended {
                    code: Some(0),
                    reason: String::new(),
                },
                Some(code) => Step::Ended {
                    code: error_from_http3(code).map(u64::from),
                    reason: "the session's stream was reset".to_owned(),
                },
            }),
            Some(Stray::Prefix(_) | Stray::Request(_)) if id.dir() == Dir::Bi => {
                let _ = connection
                    .send_stream(id)
                    .reset(VarInt::from_u32(code::H3_REQUEST_REJECTED));
            }
            _ => {}
        }
    }

    fn use_session(&mut self, id: StreamId) {
        self.session = Some(id);
        self.strays
            .insert(id, Stray::Session(FrameReader::default()));
        let session = WtVarInt::try_from(u64::from(id)).expect("a stream id fits");
        let prefix = |kind: u32| {
            let mut bytes = BytesMut::new();
            WtVarInt::from_u32(kind).encode(&mut bytes);
            session.encode(&mut bytes);
            bytes.freeze()
        };
        self.uni_prefix = prefix(prefix::UNI);
        self.bi_prefix = prefix(prefix::BI);
        let mut bytes = BytesMut::new();
        WtVarInt::try_from(id.index())
            .expect("a quarter of a stream id fits")
            .encode(&mut bytes);
        self.datagram_prefix = bytes.freeze();
    }

    /// Answers a request and wants no more of it.
    fn answer(&mut self, connection: &mut Connection, id: StreamId, status: u16) {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut bytes = BytesMut::new();
        if ConnectResponse::new(status).encode(&mut bytes).is_ok() {
            self.send(connection, id, bytes.freeze(), true);
        }
        let _ = connection
            .recv_stream(id)
            .stop(VarInt::from_u32(code::H3_NO_ERROR));
        if Some(id) != self.session {
            self.strays.insert(id, Stray::Answered);
        }
    }

    fn requests(&self) -> usize {
        let request = |stray: &&Stray| matches!(stray, Stray::Request(_));
        self.strays.values().filter(request).count()
    }

    /// Sends bytes of the protocol itself, ahead of the session's streams.
    fn send(&mut self, connection: &mut Connection, id: StreamId, bytes: Bytes, finish: bool) {
        let _ = connection.send_stream(id).set_priority(FIRST);
        self.write_or_keep(connection, id, bytes, finish);
    }

    fn write_or_keep(
        &mut self,
        connection: &mut Connection,
        id: StreamId,
        bytes: Bytes,
        finish: bool,
    ) {
        if let Some(unsent) = self.unsent.get_mut(&id) {
            unsent.bytes = [&unsent.bytes[..], &bytes[..]].concat().into();
            unsent.finish |= finish;
            self.flush(connection, id);
            return;
        }
        let mut chunks = [bytes];
        let stream = &mut connection.send_stream(id);
        match stream.write_chunks(&mut chunks) {
            Ok(_) if chunks[0].is_empty() => {
                if finish {
                    let _ = stream.finish();
                }
            }
            Ok(_) | Err(quinn_proto::WriteError::Blocked) => {
                let [bytes] = chunks;
                self.unsent.insert(id, Unsent { bytes, finish });
            }
            // Stopped: the peer does not want it.
            Err(_) => {}
        }
    }

    /// Sends what waited; `true` when nothing of the stream waits any more.
    fn flush(&mut self, connection: &mut Connection, id: StreamId) -> bool {
        let Some(unsent) = self.unsent.remove(&id) else {
            return true;
        };
        self.write_or_keep(connection, id, unsent.bytes, unsent.finish);
        !self.unsent.contains_key(&id)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Control,
    Request,
    Session,
}

fn failed(code: u32, reason: &str) -> Option<Step> {
    Some(Step::Failed {
        code,
        reason: reason.to_owned(),
    })
}

fn reject(connection: &mut Connection, id: StreamId, code: u32) {
    let code = VarInt::from_u32(code);
    let _ = connection.recv_stream(id).stop(code);
    if id.dir() == Dir::Bi {
        let _ = connection.send_stream(id).reset(code);
    }
}

/// The application's code in a reset or stop; one of HTTP/3's own counts as 0.
pub(super) fn code_from_wire(code: u64) -> u64 {
    error_from_http3(code).map_or(0, u64::from)
}

/// What stands on the wire for the application's code.
pub(super) fn code_to_wire(code: u64) -> u64 {
    error_to_http3(u32::try_from(code).unwrap_or(u32::MAX))
}

/// The application's code in a connection close that came without a capsule.
pub(super) fn close_code(code: u64) -> Option<u64> {
    if code == u64::from(code::H3_NO_ERROR) {
        Some(0)
    } else {
        error_from_http3(code).map(u64::from)
    }
}
