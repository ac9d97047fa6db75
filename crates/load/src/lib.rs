//! A load generator for MoQT relays: one publisher, many subscribers, each on a socket of its own.

pub mod messages;
pub mod payload;
pub mod plan;
pub mod process;
pub mod report;
