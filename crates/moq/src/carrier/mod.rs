//! Sessions over QUIC or WebTransport, behind one interface in which both look the same.
//!
//! [`Carriers`] holds the sessions of one shard and does no I/O: datagrams, the time and wishes come
//! in; events, datagrams and the next deadline come out. Stream ids are QUIC's on both carriers;
//! WebTransport's prefixes, capsules and code mapping stay inside.

mod admission;
mod carriers;
mod config;
mod connection_id;
mod event;
mod id;
mod secrets;
mod session;
mod stream;
mod tls;
mod webtransport;

#[cfg(test)]
mod tests;

pub use carriers::{CarrierCounters, Carriers, Dial, DialError};
pub use config::Config;
pub use event::{CarrierEvent, Incoming};
pub use id::{Dir, SessionKey, StreamId, Transport};
pub use secrets::Secrets;
pub use stream::{DatagramError, ReadState, SessionMut, WriteError, Written};
pub use tls::{Certificate, ClientTls, ServerTls, TlsError, Verify};
