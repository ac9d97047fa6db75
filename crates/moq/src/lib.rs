//! MoQ in the engine: carriers, data framing per draft, and one shard's part of every session and
//! track.
//!
//! [`framing`] is pure functions over bytes. [`relay`] is the state machine that puts carriers,
//! framing and the object cache together; it does no I/O.

pub mod carrier;
pub mod framing;
pub mod relay;
