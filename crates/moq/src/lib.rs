//! MoQ in the engine: carriers, data framing per draft, and one shard's part of every session and
//! track.
//!
//! Framing is pure functions over bytes. [`relay::Relay`] is the state machine that puts carriers,
//! framing and the object cache together; it does no I/O.

pub mod carrier;
pub mod codes;
pub mod command;
pub mod datagram;
pub mod event;
pub mod fetch;
pub mod header;
pub mod letter;
pub mod location;
pub mod profile;
pub mod properties;
pub mod relay;
pub mod status;
pub mod store;
pub mod subgroup;
pub mod varint;

mod arena;
mod fanout;
mod fetching;
mod log;
mod session;
mod sinks;
mod sources;
mod tracks;

#[cfg(test)]
mod relay_tests;
