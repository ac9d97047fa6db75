//! SRTP and SRTCP (RFC 3711, RFC 7714), both ways, sealed and opened in place.

mod cipher;
mod keys;
mod profile;
mod receiver;
mod replay;
mod sender;

pub use keys::{KeyingError, Keys};
pub use profile::{MAX_RTCP_OVERHEAD, MAX_RTP_OVERHEAD, Profile};
pub use receiver::{OpenError, Opened, Receiver};
pub use sender::{SealError, Sender, SenderStream};
