//! What happens to a session.

use std::fmt;
use std::net::SocketAddr;

use super::id::{Dir, StreamId, Transport};

/// What a client said before its session was accepted.
#[derive(Clone, PartialEq, Eq)]
pub struct Incoming {
    /// What it runs on.
    pub transport: Transport,
    /// What TLS chose.
    pub alpn: String,
    /// `:authority` on WebTransport, else the TLS server name, or empty.
    pub authority: String,
    /// `:path` with its query on WebTransport, else empty. Holds a token: never log it.
    pub path: String,
    /// The `Origin` header, where there is one.
    pub origin: Option<String>,
    /// What `WT-Available-Protocols` offers, most wanted first.
    pub protocols: Vec<String>,
    /// Who it is.
    pub peer: SocketAddr,
}

impl fmt::Debug for Incoming {
    /// Leaves the path out, as it holds a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("transport", &self.transport)
            .field("alpn", &self.alpn)
            .field("authority", &self.authority)
            .field("origin", &self.origin)
            .field("protocols", &self.protocols)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// An event of one session. The first is `Incoming` or, for one that we dialled, `Connected`; the last
/// is `Closed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CarrierEvent {
    /// A client waits to be accepted or refused.
    Incoming(Box<Incoming>),
    /// A session that we dialled stands; `protocol` is the ALPN or `WT-Protocol`, or empty.
    Connected {
        /// What was agreed on.
        protocol: String,
    },
    /// The peer opened a stream, which may have something to read: no `Readable` says so.
    Opened(StreamId),
    /// There is something to read: bytes, the end, or a reset. It may have been read already, and of
    /// WebTransport the stream may be one that was refused before it was told of.
    Readable(StreamId),
    /// A write that was refused for lack of room may go on.
    Writable(StreamId),
    /// The peer wants no more of a stream of ours; reset it.
    Stopped {
        /// Which.
        stream: StreamId,
        /// The peer's reason.
        code: u64,
    },
    /// Everything on a stream that we finished has been acknowledged.
    Finished(StreamId),
    /// A stream may be opened again.
    StreamsAvailable(Dir),
    /// Datagrams wait.
    DatagramReadable,
    /// The session is over.
    Closed {
        /// The application's code; `None` when the transport failed.
        code: Option<u64>,
        /// What was said.
        reason: String,
        /// Whether the peer ended it.
        remote: bool,
    },
}
