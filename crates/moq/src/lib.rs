//! MoQ in the engine: carriers, data framing per draft, the object cache.

pub mod codes;
pub mod datagram;
pub mod fetch;
pub mod header;
pub mod location;
pub mod profile;
pub mod properties;
pub mod status;
pub mod subgroup;
pub mod varint;
