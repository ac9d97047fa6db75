//! Media packets: SRTP and SRTCP, RTP and RTCP, retransmission, layers, reports. No I/O and no clock.

pub mod clock;
pub mod codec;
pub mod codecs;
pub mod extensions;
pub mod history;
pub mod layers;
pub mod nack;
pub mod packet;
pub mod reports;
pub mod rtcp;
pub mod sequence;
pub mod srtp;
pub mod twcc;
pub mod waiting;

#[cfg(test)]
mod hex;
