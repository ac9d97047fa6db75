//! What a run against an SFU does: read from JSON, line by line, as signalling gets through.

use std::net::SocketAddr;

use serde::Deserialize;

use super::payload::SMALLEST;

/// What holds for all sessions.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// How many sessions there may be; each has a socket of its own.
    pub sessions: usize,
    /// What every session shows in its handshake: DER, ECDSA P-256.
    pub certificate: Vec<u8>,
    /// Its key: PKCS #8, DER.
    pub private_key: Vec<u8>,
    /// The only SRTP profile to offer; without it all that there are, AEAD first.
    #[serde(default)]
    pub profile: Option<Profile>,
    /// Of so many packets of a stream one is opened, for its time stamp; the others are known by
    /// their sequence numbers. No divisor of a frame's packets, or only some of them are ever opened.
    #[serde(default = "seventh")]
    pub open_each: u32,
    /// The server's process, for its CPU and memory; without it the report has neither.
    #[serde(default)]
    pub server_pid: Option<u32>,
}

/// What may be asked for once the plan is there.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Connects one more session.
    Connect(Box<Session>),
    /// What all tracks send from now on.
    Pace(Pace),
    /// Counts for a while, then reports.
    Run(Run),
    /// Asks for the server's CPU and memory.
    Read,
    /// Ends a session, with a `close_notify`.
    Close(usize),
}

/// One session, as signalling agreed on it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Which socket it has, from 0; each is used once.
    pub id: usize,
    /// Where the server takes its media.
    pub address: SocketAddr,
    /// Our ICE credentials.
    pub local: Credentials,
    /// The server's.
    pub remote: Credentials,
    /// SHA-256 of the server's certificate; without it any is taken.
    #[serde(default)]
    pub fingerprint: Option<Vec<u8>>,
    /// The server begins the handshake.
    #[serde(default)]
    pub dtls_server: bool,
    /// What the session publishes.
    #[serde(default)]
    pub publish: Vec<Track>,
    /// Numbers of the tracks that it is to get.
    #[serde(default)]
    pub subscribe: Vec<u32>,
    /// Payload types of what it is to get, without retransmissions.
    #[serde(default)]
    pub payload_types: Vec<u8>,
    /// Id of the transport-wide sequence number, where it was negotiated: sent with each packet, and
    /// reported on where it comes.
    #[serde(default)]
    pub transport_cc: Option<u8>,
}

/// RFC 8839 §5.4.
#[derive(Clone, Debug, Deserialize)]
pub struct Credentials {
    /// The user name's half.
    pub ufrag: String,
    /// The key of the message integrity.
    pub pwd: String,
}

/// A track that is sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Track {
    /// Its number among all tracks of the run, from 0.
    pub number: u32,
    /// Its stream.
    pub ssrc: u32,
    /// Its payload type.
    pub payload_type: u8,
    /// VP8 at 90 kHz; else Opus at 48 kHz.
    pub video: bool,
    /// Id and value of the MID extension, where it is to be sent.
    #[serde(default)]
    pub mid: Option<(u8, String)>,
}

/// What a track sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    /// Sizes of the packets of each frame, as UDP payloads; begins again after the last frame.
    pub frames: Vec<Vec<usize>>,
    /// Frames of each track; 0 stops.
    pub frames_per_second: f64,
}

/// A span that counts.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Seconds before the counted ones.
    pub warm_up: f64,
    /// Seconds that count.
    pub seconds: f64,
    /// Seconds to wait for what is still under way.
    pub drain: f64,
}

/// RFC 5764 §4.1.2, RFC 7714 §14.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// `SRTP_AEAD_AES_256_GCM`.
    #[serde(rename = "aead_aes_256_gcm")]
    AeadAes256Gcm,
    /// `SRTP_AEAD_AES_128_GCM`.
    #[serde(rename = "aead_aes_128_gcm")]
    AeadAes128Gcm,
    /// `SRTP_AES128_CM_HMAC_SHA1_80`.
    #[serde(rename = "aes_cm_128_hmac_sha1_80")]
    AesCm128HmacSha1,
}

/// Why something cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A setting is out of range.
    #[error("{0}")]
    Setting(&'static str),
}

impl Plan {
    /// The plan, if it can be carried out.
    pub fn checked(self) -> Result<Self, PlanError> {
        if self.open_each == 0 {
            return Err(PlanError::Setting("open_each is at least 1"));
        }
        Ok(self)
    }
}

impl Pace {
    /// The pace, if it can be kept.
    pub fn checked(self) -> Result<Self, PlanError> {
        let mut sizes = self.frames.iter().flatten();
        let refused = if !(0.0..=1e6).contains(&self.frames_per_second) {
            "frames_per_second is from 0 to a million"
        } else if self.frames_per_second > 0.0 && self.frames.iter().any(Vec::is_empty) {
            "a frame has at least one packet"
        } else if self.frames_per_second > 0.0 && self.frames.is_empty() {
            "there is at least one frame"
        } else if sizes.any(|size| !(SMALLEST..=1500).contains(size)) {
            "a packet has room for its head and 1,500 bytes at most"
        } else {
            return Ok(self);
        };
        Err(PlanError::Setting(refused))
    }
}

const fn seventh() -> u32 {
    7
}
