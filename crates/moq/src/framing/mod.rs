//! The bytes of data streams and datagrams, in every draft: pure functions, no state but a cursor.

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
