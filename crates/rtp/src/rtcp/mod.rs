//! RTCP: what receivers and senders tell each other (RFC 3550 §6, RFC 4585, RFC 5104).
//!
//! Nothing is collected: packets of a compound are read one after another out of the bytes that came,
//! and written one after another into the bytes that go.

mod feedback;
mod read;
mod reports;
mod transport_feedback;
mod types;
mod write;

pub use feedback::{FullIntraRequest, Nack, NackSequences, PictureLoss};
pub use read::{Cnames, Goodbye, Packet, Packets, RtcpError, SourceDescription, packets};
pub use reports::{ReceiverReport, ReportBlock, ReportBlocks, SenderInfo, SenderReport};
pub use transport_feedback::{Arrival, Arrivals, FeedbackHead, TransportFeedback};
pub use write::{NoRoom, Writer};
