//! What can be done with the streams and datagrams of one session.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use quinn_proto::{Connection, ReadError, SendDatagramError, VarInt};

use super::id::{Dir, StreamId, Transport};
use super::session::{Session, mark_dirty};
use super::webtransport;

/// How much of what was given has been taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Bytes taken.
    pub bytes: usize,
    /// Chunks taken whole; a part of the next one may be taken too, and is cut off it.
    pub chunks: usize,
}

/// Why nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// No room now: `Writable` follows.
    #[error("no room to write")]
    Blocked,
    /// The peer wants no more, for this reason; reset the stream.
    #[error("stopped by the peer with code {0}")]
    Stopped(u64),
    /// The stream is finished, reset, or was never ours to write.
    #[error("the stream is closed")]
    Closed,
}

/// What stands after a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadState {
    /// As much was read as was asked for. Read again: nothing else will say that there is more.
    More,
    /// All that has come was read: `Readable` follows when more comes.
    Blocked,
    /// All was read, and the peer sends no more. The stream is gone.
    Finished,
    /// The peer gave up sending, with this code. The stream is gone.
    Reset(u64),
    /// The stream is gone, or was never ours to read.
    Closed,
}

/// Why a datagram was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatagramError {
    /// The path, or the peer, does not take one of this size.
    #[error("the datagram is too large")]
    TooLarge,
    /// The peer takes none, or the session does not stand.
    #[error("the session has no datagrams")]
    Unsupported,
}

/// One session, for as long as nothing else of [`super::Carriers`] is touched.
pub struct SessionMut<'a> {
    pub(super) session: &'a mut Session,
    pub(super) dirty: &'a mut VecDeque<usize>,
    pub(super) send_window: u64,
    pub(super) control_reserve: u64,
}

impl SessionMut<'_> {
    /// Opens a unidirectional stream; `None` without credit, and `StreamsAvailable` follows.
    ///
    /// Streams of higher `priority` are sent first; among equals the older stream first.
    pub fn open_uni(&mut self, priority: i32) -> Option<StreamId> {
        self.open(Dir::Uni, priority)
    }

    /// Opens a bidirectional stream, as [`Self::open_uni`] does.
    pub fn open_bi(&mut self, priority: i32) -> Option<StreamId> {
        self.open(Dir::Bi, priority)
    }

    fn open(&mut self, dir: Dir, priority: i32) -> Option<StreamId> {
        let connection = &mut self.session.connection;
        let id = match &mut self.session.webtransport {
            Some(webtransport) => webtransport.open(connection, dir.quic(), priority)?,
            None => {
                let id = connection.streams().open(dir.quic())?;
                let _ = connection.send_stream(id).set_priority(priority);
                id
            }
        };
        self.touch();
        Some(id.into())
    }

    /// Writes data, as much as there is room for; what was taken is cut off the chunks.
    ///
    /// # Errors
    /// Nothing could be taken, for the reason given.
    pub fn write_chunks(
        &mut self,
        stream: StreamId,
        chunks: &mut [Bytes],
    ) -> Result<Written, WriteError> {
        if !self.writes(stream) {
            return Err(WriteError::Closed);
        }
        let (id, connection) = (stream.quic(), &mut self.session.connection);
        if let Some(webtransport) = &mut self.session.webtransport
            && !webtransport.prefix_sent(connection, id)
        {
            return Err(WriteError::Blocked);
        }
        let result = connection.send_stream(id).write_chunks(chunks);
        if result.is_ok() {
            self.touch();
        }
        result
            .map(|written| Written {
                bytes: written.bytes,
                chunks: written.chunks,
            })
            .map_err(|error| match error {
                quinn_proto::WriteError::Blocked => WriteError::Blocked,
                quinn_proto::WriteError::Stopped(code) => {
                    WriteError::Stopped(self.heard_code(code))
                }
                quinn_proto::WriteError::ClosedStream => WriteError::Closed,
            })
    }

    /// Writes control, for which a part of the send window is kept that data cannot take.
    ///
    /// # Errors
    /// As [`Self::write_chunks`].
    pub fn write_control(
        &mut self,
        stream: StreamId,
        chunks: &mut [Bytes],
    ) -> Result<Written, WriteError> {
        self.session
            .connection
            .set_send_window(self.send_window + self.control_reserve);
        let result = self.write_chunks(stream, chunks);
        self.session.connection.set_send_window(self.send_window);
        result
    }

    /// Says that nothing more will be written; `Finished` follows when all has arrived.
    pub fn finish(&mut self, stream: StreamId) {
        if !self.writes(stream) {
            return;
        }
        let id = stream.quic();
        let waits = self
            .session
            .webtransport
            .as_mut()
            .is_some_and(|wt| wt.finish_later(id));
        if !waits {
            // A stream that is stopped or closed has no end to tell.
            let _ = self.session.connection.send_stream(id).finish();
        }
        self.touch();
    }

    /// Gives up sending on a stream; what was written and has not left is dropped.
    pub fn reset(&mut self, stream: StreamId, code: u64) {
        if !self.writes(stream) {
            return;
        }
        let id = stream.quic();
        if let Some(webtransport) = &mut self.session.webtransport {
            webtransport.forget(id);
        }
        let code = self.said_code(code);
        let _ = self.session.connection.send_stream(id).reset(code);
        self.touch();
    }

    /// Tells the peer that nothing more of a stream will be read.
    pub fn stop_sending(&mut self, stream: StreamId, code: u64) {
        if self.reads(stream) {
            let code = self.said_code(code);
            let _ = self
                .session
                .connection
                .recv_stream(stream.quic())
                .stop(code);
            self.touch();
        }
    }

    /// Changes the priority of what will be written; what is queued goes out as it was.
    pub fn set_priority(&mut self, stream: StreamId, priority: i32) {
        if self.writes(stream) {
            let _ = self
                .session
                .connection
                .send_stream(stream.quic())
                .set_priority(priority);
        }
    }

    /// Reads up to `max` bytes, in order, into `out`.
    pub fn read(&mut self, stream: StreamId, max: usize, out: &mut Vec<Bytes>) -> ReadState {
        if !self.reads(stream) {
            return ReadState::Closed;
        }
        let before = out.len();
        let state = read_stream(&mut self.session.connection, stream.quic(), max, out);
        if out.len() > before || !matches!(state, ReadState::Blocked | ReadState::Closed) {
            self.touch();
        }
        match state {
            ReadState::Reset(code) => ReadState::Reset(match self.session.webtransport {
                Some(_) => webtransport::code_from_wire(code),
                None => code,
            }),
            other => other,
        }
    }

    /// Queues a datagram; where the queue is full, the oldest are dropped.
    ///
    /// # Errors
    /// This one can never be sent.
    pub fn send_datagram(&mut self, payload: Bytes) -> Result<(), DatagramError> {
        let connection = &mut self.session.connection;
        let payload = match &mut self.session.webtransport {
            Some(webtransport) => webtransport
                .wrap_datagram(&payload)
                .ok_or(DatagramError::Unsupported)?,
            None => payload,
        };
        let result = connection.datagrams().send(payload, true);
        self.touch();
        result.map_err(|error| match error {
            SendDatagramError::TooLarge => DatagramError::TooLarge,
            _ => DatagramError::Unsupported,
        })
    }

    /// The largest payload that [`Self::send_datagram`] takes now; `None` where the peer takes none.
    pub fn max_datagram_size(&mut self) -> Option<usize> {
        let overhead = self
            .session
            .webtransport
            .as_ref()
            .map_or(0, |wt| wt.datagram_overhead());
        Some(
            self.session
                .connection
                .datagrams()
                .max_size()?
                .saturating_sub(overhead),
        )
    }

    /// Takes the oldest datagram that came.
    pub fn recv_datagram(&mut self) -> Option<Bytes> {
        loop {
            let datagram = self.session.connection.datagrams().recv()?;
            match &self.session.webtransport {
                None => return Some(datagram),
                Some(webtransport) => {
                    if let Some(payload) = webtransport.unwrap_datagram(datagram) {
                        return Some(payload);
                    }
                }
            }
        }
    }

    /// Sends a PING whenever the peer was silent for `interval`, so that an idle session lives on.
    pub fn keep_alive(&mut self, interval: Option<Duration>) {
        self.session.keep_alive(interval);
        self.touch();
    }

    /// The round-trip time, smoothed.
    pub fn rtt(&self) -> Duration {
        self.session.connection.rtt()
    }

    /// The peer's address, which changes when it moves.
    pub fn peer(&self) -> SocketAddr {
        self.session.connection.remote_address()
    }

    /// What the session runs on.
    pub fn transport(&self) -> Transport {
        match self.session.webtransport {
            Some(_) => Transport::WebTransport,
            None => Transport::Quic,
        }
    }

    fn touch(&mut self) {
        mark_dirty(self.session, self.dirty);
    }

    fn ours(&self, stream: StreamId) -> bool {
        stream.quic().initiator() == self.session.connection.side()
    }

    fn writes(&self, stream: StreamId) -> bool {
        (stream.is_bidirectional() || self.ours(stream)) && !self.internal(stream)
    }

    fn reads(&self, stream: StreamId) -> bool {
        (stream.is_bidirectional() || !self.ours(stream)) && !self.internal(stream)
    }

    fn internal(&self, stream: StreamId) -> bool {
        self.session
            .webtransport
            .as_ref()
            .is_some_and(|wt| wt.is_internal(stream.quic()))
    }

    fn heard_code(&self, code: VarInt) -> u64 {
        self.session.code_from_wire(code)
    }

    fn said_code(&self, code: u64) -> VarInt {
        let code = match self.session.webtransport {
            Some(_) => webtransport::code_to_wire(code),
            None => code,
        };
        VarInt::from_u64(code).unwrap_or(VarInt::MAX)
    }
}

/// Reads up to `max` bytes of a stream that the peer writes; codes are as on the wire.
pub(super) fn read_stream(
    connection: &mut Connection,
    id: quinn_proto::StreamId,
    max: usize,
    out: &mut Vec<Bytes>,
) -> ReadState {
    let mut stream = connection.recv_stream(id);
    let Ok(mut chunks) = stream.read(true) else {
        return ReadState::Closed;
    };
    let mut left = max;
    let state = loop {
        if left == 0 {
            break ReadState::More;
        }
        match chunks.next(left) {
            Ok(Some(chunk)) => {
                left -= chunk.bytes.len();
                out.push(chunk.bytes);
            }
            Ok(None) => break ReadState::Finished,
            Err(ReadError::Blocked) => break ReadState::Blocked,
            Err(ReadError::Reset(code)) => break ReadState::Reset(code.into_inner()),
        }
    };
    let _ = chunks.finalize();
    state
}
