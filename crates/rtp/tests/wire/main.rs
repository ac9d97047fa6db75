//! SRTP, RTP and RTCP against other implementations' bytes, against themselves, and against any bytes.

mod decoders;
#[path = "../../src/hex.rs"]
mod hex;
mod random;
mod rtcp;
mod srtp;
