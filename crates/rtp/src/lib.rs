//! Media packets: SRTP and SRTCP, RTP and RTCP, retransmission, layers, reports. No I/O and no clock.

pub mod codec;
pub mod extensions;
pub mod packet;
pub mod rtcp;
pub mod srtp;
