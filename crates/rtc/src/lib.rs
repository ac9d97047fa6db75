//! WebRTC sessions: ICE, DTLS and SCTP, whose packet this is, and one shard's part of the tracks.

pub mod addresses;
pub mod command;
pub mod event;
pub mod letter;
pub mod plane;
pub mod registry;
pub mod transport;

mod fanout;
mod feedback;
mod outbound;
mod runs;
mod session;
mod sinks;
mod streams;
mod tables;
mod tracks;

#[cfg(test)]
mod tests;
