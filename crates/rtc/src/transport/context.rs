//! What all sessions of a shard share: the certificate, DTLS's settings, and how many handshakes go on.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::{Config, Dtls, DtlsCertificate};

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

/// First wait before a flight is sent again; doubles. RFC 6347 §4.2.4.1 has 1 s for the open network;
/// a call that waits is worse than a few packets too many.
const FLIGHT_RTO: Duration = Duration::from_millis(250);
/// A flight is given up after so many; the handshake's own end comes first.
const FLIGHT_RETRIES: usize = 7;
/// A handshake that takes longer has failed.
const HANDSHAKE: Duration = Duration::from_secs(15);
/// The largest DTLS record (RFC 6347 §4.1.1), protected.
const LARGEST_RECORD: usize = (1 << 14) + 2_048;

/// One for each shard; making one costs two milliseconds.
pub struct Context {
    settings: Settings,
    certificate: DtlsCertificate,
    /// A session's first ClientHello needs no cookie: it comes from where somebody who knows the ICE
    /// password says it is, and such a one can draw no more than a flight to a place that it makes up.
    first: Arc<Config>,
    /// One that comes while another association stands must show that it was not forged.
    again: Arc<Config>,
    handshakes: Rc<Cell<usize>>,
    scratch: RefCell<Vec<u8>>,
}

impl Context {
    /// Checks the certificate as well.
    ///
    /// # Errors
    /// The certificate or the key cannot be read.
    pub fn new(certificate: Certificate, settings: Settings) -> Result<Self, CertificateError> {
        let config = |cookie| {
            Config::builder()
                .use_server_cookie(cookie)
                .flight_start_rto(FLIGHT_RTO)
                .flight_retries(FLIGHT_RETRIES)
                .handshake_timeout(HANDSHAKE)
                .build()
                .map(Arc::new)
                .map_err(|_| CertificateError)
        };
        let first = config(false)?;
        if certificate.certificate.is_empty() {
            return Err(CertificateError);
        }
        first
            .crypto_provider()
            .key_provider
            .load_private_key(&certificate.private_key)
            .map_err(|_| CertificateError)?;
        Ok(Self {
            settings,
            certificate: DtlsCertificate {
                certificate: certificate.certificate,
                private_key: certificate.private_key,
            },
            first,
            again: config(true)?,
            handshakes: Rc::default(),
            scratch: RefCell::new(vec![0; LARGEST_RECORD]),
        })
    }

    /// How many handshakes are under way.
    pub fn handshakes(&self) -> usize {
        self.handshakes.get()
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Room for one more handshake, until the permit is dropped; `None` while there is none.
    pub(super) fn permit(&self) -> Option<Permit> {
        let under_way = self.handshakes.get();
        if under_way >= self.settings.handshakes {
            return None;
        }
        self.handshakes.set(under_way + 1);
        Some(Permit(Rc::clone(&self.handshakes)))
    }

    /// A server's half of an association; `cookie` asks the client to show that it hears us first
    /// (RFC 6347 §4.2.1).
    pub(super) fn dtls(&self, cookie: bool, now: Instant) -> Dtls {
        let config = if cookie { &self.again } else { &self.first };
        Dtls::new_12(Arc::clone(config), self.certificate.clone(), now)
    }

    /// Room for one output of DTLS, lent to one call at a time.
    pub(super) fn scratch(&self) -> std::cell::RefMut<'_, Vec<u8>> {
        self.scratch.borrow_mut()
    }
}

/// One handshake under way.
pub(super) struct Permit(Rc<Cell<usize>>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
