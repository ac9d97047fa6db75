//! The handshake of one session, and the SRTP keys that come of it.

use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::digest;
use dimpl::{Config, DtlsCertificate, Output, SrtpProfile};
use rtp::srtp::{Keys, Profile};

use super::plan::{self, Plan};
use super::profile;

/// Room for one record.
const RECORD: usize = 2048;

/// What all sessions share.
pub struct Identity {
    config: Arc<Config>,
    certificate: DtlsCertificate,
    profile: Option<plan::Profile>,
}

/// Why a handshake came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The library gave up.
    #[error("DTLS: {0}")]
    Failed(#[from] dimpl::Error),
    /// Signalling had announced another certificate.
    #[error("the server's certificate is another one")]
    Fingerprint,
    /// The server ended the association.
    #[error("the server closed the session")]
    Closed,
    /// The keys do not fit the profile.
    #[error(transparent)]
    Keying(#[from] rtp::srtp::KeyingError),
}

impl Identity {
    /// Makes the configuration, which is costly, once.
    pub fn new(plan: &Plan) -> Result<Self, dimpl::Error> {
        let mut config = Config::builder();
        if let Some(profile) = plan.profile {
            config = config.with_crypto_provider(profile::provider(profile));
        }
        Ok(Self {
            config: Arc::new(config.build()?),
            certificate: DtlsCertificate {
                certificate: plan.certificate.clone(),
                private_key: plan.private_key.clone(),
            },
            profile: plan.profile,
        })
    }
}

/// A DTLS 1.2 association.
pub struct Dtls {
    inner: dimpl::Dtls,
    client: bool,
    profile: Option<plan::Profile>,
    fingerprint: Option<Vec<u8>>,
    next: Option<Instant>,
}

impl Dtls {
    /// A client begins with the next [`Self::drive`].
    pub fn new(
        now: Instant,
        identity: &Identity,
        client: bool,
        fingerprint: Option<Vec<u8>>,
    ) -> Self {
        let (config, certificate) = (Arc::clone(&identity.config), identity.certificate.clone());
        let mut inner = dimpl::Dtls::new_12(config, certificate, now);
        inner.set_active(client);
        Self {
            inner,
            client,
            profile: identity.profile,
            fingerprint,
            next: Some(now),
        }
    }

    /// When [`Self::drive`] is due although nothing came.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.next
    }

    /// Takes a datagram, or the time alone, and sends what is to be sent. Returns the keys to send
    /// and to receive with when they are agreed on.
    pub fn drive(
        &mut self,
        now: Instant,
        datagram: Option<&[u8]>,
        mut send: impl FnMut(&[u8]),
    ) -> Result<Option<(Keys, Keys)>, HandshakeError> {
        self.inner.handle_timeout(now)?;
        if let Some(datagram) = datagram {
            self.inner.handle_packet(datagram)?;
        }
        let mut buffer = [0; RECORD];
        let mut keys = None;
        loop {
            match self.inner.poll_output(&mut buffer) {
                Output::Packet(packet) => match self.profile {
                    Some(profile) => send(&profile::restrict(profile, packet)),
                    None => send(packet),
                },
                Output::Timeout(at) => {
                    self.next = Some(at);
                    return Ok(keys);
                }
                Output::PeerCert(der) => self.check(der)?,
                Output::KeyingMaterial(material, profile) => {
                    let profile = match profile {
                        SrtpProfile::AEAD_AES_256_GCM => Profile::AeadAes256Gcm,
                        SrtpProfile::AEAD_AES_128_GCM => Profile::AeadAes128Gcm,
                        _ => Profile::AesCm128HmacSha1,
                    };
                    let both = Keys::from_keying_material(profile, &material, self.client)?;
                    keys = Some(both);
                }
                Output::CloseNotify => return Err(HandshakeError::Closed),
                _ => {}
            }
        }
    }

    /// Says goodbye.
    pub fn close(&mut self, now: Instant, send: impl FnMut(&[u8])) {
        if self.inner.close().is_ok() {
            // What the server answers does not matter any more.
            let _ = self.drive(now, None, send);
        }
    }

    fn check(&self, der: &[u8]) -> Result<(), HandshakeError> {
        let Some(wanted) = &self.fingerprint else {
            return Ok(());
        };
        if digest::digest(&digest::SHA256, der).as_ref() == wanted.as_slice() {
            Ok(())
        } else {
            Err(HandshakeError::Fingerprint)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn identity(profile: Option<plan::Profile>) -> Identity {
        let made = rcgen::generate_simple_self_signed(["load".to_owned()]).expect("a certificate");
        let plan = Plan {
            sessions: 1,
            certificate: made.cert.der().to_vec(),
            private_key: made.signing_key.serialize_der(),
            profile,
            open_each: 7,
            server_pid: None,
        };
        Identity::new(&plan).expect("a configuration")
    }

    /// Carries records between the two until both have keys.
    fn shake_hands(
        client: &mut Dtls,
        server: &mut Dtls,
    ) -> Result<[(Keys, Keys); 2], HandshakeError> {
        let start = Instant::now();
        let (mut clients, mut servers) = (None, None);
        let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
        for step in 0..100 {
            let now = start + Duration::from_millis(20 * step);
            let mut sent = Vec::new();
            for datagram in std::iter::once(None).chain(to_client.drain(..).map(Some)) {
                let datagram: Option<Vec<u8>> = datagram;
                let keys = client.drive(now, datagram.as_deref(), |out| sent.push(out.to_vec()))?;
                clients = clients.or(keys);
            }
            to_server.append(&mut sent);
            for datagram in std::iter::once(None).chain(to_server.drain(..).map(Some)) {
                let datagram: Option<Vec<u8>> = datagram;
                let keys = server.drive(now, datagram.as_deref(), |out| sent.push(out.to_vec()))?;
                servers = servers.or(keys);
            }
            to_client.append(&mut sent);
            if let (Some(client), Some(server)) = (&clients, &servers) {
                return Ok([client.clone(), server.clone()]);
            }
        }
        panic!("the handshake does not end");
    }

    #[test]
    fn one_profile_can_be_all_that_is_offered() {
        let now = Instant::now();
        let server = identity(None);
        for (offered, agreed) in [
            (None, Profile::AeadAes256Gcm),
            (Some(plan::Profile::AeadAes128Gcm), Profile::AeadAes128Gcm),
            (
                Some(plan::Profile::AesCm128HmacSha1),
                Profile::AesCm128HmacSha1,
            ),
        ] {
            let client = identity(offered);
            let [clients, servers] = shake_hands(
                &mut Dtls::new(now, &client, true, None),
                &mut Dtls::new(now, &server, false, None),
            )
            .expect("they agree");
            assert_eq!(clients.0.profile(), agreed);
            assert_eq!(servers.1.profile(), agreed);
        }
    }

    #[test]
    fn another_certificate_than_the_announced_one_is_refused() {
        let now = Instant::now();
        let (client, server) = (identity(None), identity(None));
        let result = shake_hands(
            &mut Dtls::new(now, &client, true, Some(vec![0; 32])),
            &mut Dtls::new(now, &server, false, None),
        );
        assert!(matches!(result, Err(HandshakeError::Fingerprint)));
    }
}
