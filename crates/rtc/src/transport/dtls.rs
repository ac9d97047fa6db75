//! One DTLS 1.2 association, as server or client, and the SRTP keys that it agrees on.

use std::time::{Duration, Instant};

use dimpl::{Dtls, SrtpProfile};
use rtp::srtp::{Keys, Profile};

use super::{Context, MediaKeys};

/// What an association brings.
#[derive(Debug)]
pub enum Output {
    /// So many bytes of the buffer are a datagram to send.
    Packet(usize),
    /// So many bytes of the buffer are application data of the peer.
    Data(usize),
    /// The handshake is over: whose certificate it is can be asked of [`Association::certificate`].
    Connected(Box<MediaKeys>),
    /// The peer has closed.
    CloseNotify,
}

/// The association cannot go on, and has to be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the DTLS association failed")]
pub struct Failed;

/// A deadline beyond it is none: DTLS has no other word for it.
const NEVER: Duration = Duration::from_secs(86_400);

/// Datagrams taken between two polls; those beyond are lost, as any may be. DTLS would keep six more,
/// and then fail.
const UNPOLLED: usize = 24;

/// One association.
pub struct Association {
    dtls: Dtls,
    client: bool,
    /// The end-entity certificate of the peer, until somebody has looked at it.
    certificate: Option<Box<[u8]>>,
    timeout: Option<Instant>,
    unpolled: usize,
}

impl Association {
    /// Waits for a ClientHello. `cookie` costs the client a round trip, and shows that it hears us.
    pub fn server(context: &Context, cookie: bool, now: Instant) -> Self {
        Self::new(context.dtls(cookie, now), false, now)
    }

    /// Begins with a ClientHello.
    pub fn client(context: &Context, now: Instant) -> Self {
        let mut dtls = context.dtls(false, now);
        dtls.set_active(true);
        Self::new(dtls, true, now)
    }

    fn new(mut dtls: Dtls, client: bool, now: Instant) -> Self {
        // Sets the clock; a client makes its ClientHello. Nothing can have gone wrong yet, and if it
        // has, the next call says so again.
        let _ = dtls.handle_timeout(now);
        Self {
            dtls,
            client,
            certificate: None,
            timeout: Some(now),
            unpolled: 0,
        }
    }

    /// We are the client.
    pub fn is_client(&self) -> bool {
        self.client
    }

    /// Takes a datagram; what is no part of the association is ignored, and so is what comes when many
    /// wait for [`Self::poll`].
    ///
    /// # Errors
    /// [`Failed`]: drop it.
    pub fn handle(&mut self, now: Instant, datagram: &[u8]) -> Result<(), Failed> {
        if self.unpolled >= UNPOLLED {
            return Ok(());
        }
        self.unpolled += 1;
        self.dtls.handle_timeout(now).map_err(|_| Failed)?;
        self.dtls.handle_packet(datagram).map_err(|_| Failed)
    }

    /// Does what is due: retransmits, or gives up.
    ///
    /// # Errors
    /// [`Failed`]: drop it.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Failed> {
        if self.timeout.is_some_and(|timeout| timeout <= now) {
            self.dtls.handle_timeout(now).map_err(|_| Failed)?;
        }
        Ok(())
    }

    /// The next output, into a buffer with room for a whole record (16 KiB and its overhead).
    pub fn poll(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Output> {
        loop {
            match self.dtls.poll_output(buffer) {
                dimpl::Output::Packet(packet) => return Some(Output::Packet(packet.len())),
                dimpl::Output::ApplicationData(data) => return Some(Output::Data(data.len())),
                dimpl::Output::PeerCert(certificate) => {
                    self.certificate.get_or_insert_with(|| certificate.into());
                }
                dimpl::Output::KeyingMaterial(material, profile) => {
                    if let Some(keys) = media_keys(&material, profile, self.client) {
                        return Some(Output::Connected(Box::new(keys)));
                    }
                }
                dimpl::Output::CloseNotify => return Some(Output::CloseNotify),
                dimpl::Output::Timeout(at) => {
                    self.timeout = (at < now + NEVER).then_some(at);
                    self.unpolled = 0;
                    return None;
                }
                // No record is larger than the buffer, and peers without SRTP never connect.
                dimpl::Output::BufferTooSmall { .. } => return None,
                _ => {}
            }
        }
    }

    /// When [`Self::handle_timeout`] is due, as of the last [`Self::poll`] that gave nothing.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.timeout
    }

    /// Seals application data, once connected. Poll the packet before the next one.
    ///
    /// # Errors
    /// [`Failed`]: drop it.
    pub fn send(&mut self, data: &[u8]) -> Result<(), Failed> {
        self.dtls
            .send_application_data(data)
            .map(|_| ())
            .map_err(|_| Failed)
    }

    /// Queues a close_notify, where there is anybody to tell.
    pub fn close(&mut self) {
        // Fails only where it has failed before.
        let _ = self.dtls.close();
    }

    /// The peer's certificate, DER, once it has shown it and until [`Self::verified`].
    pub fn certificate(&self) -> Option<&[u8]> {
        self.certificate.as_deref()
    }

    /// The certificate is not needed any more.
    pub fn verified(&mut self) {
        self.certificate = None;
    }
}

fn media_keys(material: &[u8], profile: SrtpProfile, we_are_client: bool) -> Option<MediaKeys> {
    let profile = match profile {
        SrtpProfile::AEAD_AES_256_GCM => Profile::AeadAes256Gcm,
        SrtpProfile::AEAD_AES_128_GCM => Profile::AeadAes128Gcm,
        SrtpProfile::AES128_CM_SHA1_80 => Profile::AesCm128HmacSha1,
        _ => return None,
    };
    let (send, receive) = Keys::from_keying_material(profile, material, we_are_client).ok()?;
    Some(MediaKeys { send, receive })
}
