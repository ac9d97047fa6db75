//! TLS of both ends.

use std::sync::Arc;

use aws_lc_rs::digest;
use quinn_proto::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs as provider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::id::Transport;

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The PEM text holds no certificate, or one that cannot be read.
    #[error("the certificate chain cannot be read")]
    Certificate,
    /// The PEM text holds no private key, or one that cannot be read.
    #[error("the private key cannot be read")]
    PrivateKey,
    /// The key is not the certificate's, or is of a kind that is not supported.
    #[error("the certificate cannot be used: {0}")]
    Rustls(#[from] rustls::Error),
}

/// A certificate chain and the key of its first certificate.
#[derive(Debug)]
pub struct Certificate {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Certificate {
    /// Reads PEM: the chain with the leaf first, and the key in PKCS #8, SEC 1 or PKCS #1.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| TlsError::Certificate)?;
        if chain.is_empty() {
            return Err(TlsError::Certificate);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::PrivateKey)?;
        Ok(Self { chain, key })
    }
}

/// The ALPN of HTTP/3, which carries WebTransport.
pub(super) const H3: &str = "h3";

/// What a listening shard presents. Clones share tickets, so give every shard one of them.
#[derive(Clone)]
pub struct ServerTls(pub(super) Arc<QuicServerConfig>);

impl ServerTls {
    /// Serves `alpn`, most wanted first, and `h3` after them.
    ///
    /// # Errors
    /// The key is not the certificate's.
    pub fn new(certificate: &Certificate, alpn: &[String]) -> Result<Self, TlsError> {
        let mut tls = rustls::ServerConfig::builder_with_provider(crypto())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(certificate.chain.clone(), certificate.key.clone_key())?;
        tls.alpn_protocols = alpn.iter().map(|name| name.clone().into_bytes()).collect();
        if !alpn.iter().any(|name| name == H3) {
            tls.alpn_protocols.push(H3.into());
        }
        tls.ignore_client_order = true;
        tls.ticketer = provider::Ticketer::new()?;
        tls.send_tls13_tickets = 1;
        Ok(Self(Arc::new(quic(QuicServerConfig::try_from(tls))?)))
    }
}

/// How a server that we dial proves itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// Its certificate has this SHA-256, whatever it says.
    Pinned([u8; 32]),
    /// By a chain to one of the public authorities, for its name.
    WebPki,
    /// Not at all.
    Nothing,
}

/// How to dial: make it once, dial with it often.
#[derive(Clone)]
pub struct ClientTls(pub(super) Arc<QuicClientConfig>);

impl ClientTls {
    /// Offers `alpn` on raw QUIC, most wanted first; on WebTransport it offers `h3`.
    ///
    /// # Errors
    /// The public roots cannot be used.
    pub fn new(transport: Transport, alpn: &[String], verify: Verify) -> Result<Self, TlsError> {
        let provider = crypto();
        let verifier: Arc<dyn ServerCertVerifier> = match verify {
            Verify::WebPki => {
                let roots = RootCertStore {
                    roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
                };
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                    .build()
                    .map_err(|error| rustls::Error::General(error.to_string()))?
            }
            Verify::Pinned(sha256) => Arc::new(Unchained::new(&provider, Some(sha256))),
            Verify::Nothing => Arc::new(Unchained::new(&provider, None)),
        };
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        tls.alpn_protocols = match transport {
            Transport::Quic => alpn.iter().map(|name| name.clone().into_bytes()).collect(),
            Transport::WebTransport => vec![H3.into()],
        };
        tls.resumption = Resumption::disabled();
        Ok(Self(Arc::new(quic(QuicClientConfig::try_from(tls))?)))
    }
}

/// AES-128-GCM first: the fastest where the machine has AES, and QUIC's own packets use it anyway.
fn crypto() -> Arc<CryptoProvider> {
    let mut crypto = provider::default_provider();
    crypto.cipher_suites = vec![
        provider::cipher_suite::TLS13_AES_128_GCM_SHA256,
        provider::cipher_suite::TLS13_AES_256_GCM_SHA384,
        provider::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    ];
    Arc::new(crypto)
}

fn quic<T, E: ToString>(config: Result<T, E>) -> Result<T, TlsError> {
    config.map_err(|error| rustls::Error::General(error.to_string()).into())
}

/// Looks at no chain: at a fingerprint, or at nothing. The handshake's signature is checked.
#[derive(Debug)]
struct Unchained {
    sha256: Option<[u8; 32]>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Unchained {
    fn new(provider: &CryptoProvider, sha256: Option<[u8; 32]>) -> Self {
        Self {
            sha256,
            algorithms: provider.signature_verification_algorithms,
        }
    }
}

impl ServerCertVerifier for Unchained {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let matches = self
            .sha256
            .is_none_or(|sha256| digest::digest(&digest::SHA256, end_entity).as_ref() == sha256);
        if matches {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
