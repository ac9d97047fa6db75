//! Master keys, and the session keys that are derived from them.

use std::fmt;

use super::cipher::{counter_mode, key_stream};
use super::profile::Profile;

/// The exported material has another length than the profile asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("keying material has {actual} bytes, the profile needs {needed}")]
pub struct KeyingError {
    /// [`Profile::keying_material_len`].
    pub needed: usize,
    /// What was given.
    pub actual: usize,
}

/// The master key and salt of one direction (RFC 3711 §3.2.1). No formatting shows them.
#[derive(Clone)]
pub struct Keys {
    pub(super) profile: Profile,
    pub(super) key: [u8; 32],
    pub(super) salt: [u8; 14],
}

impl Keys {
    /// The keys that we send and receive with, from what DTLS exports (RFC 5764 §4.2):
    /// client key, server key, client salt, server salt. `we_are_client` is the role in DTLS.
    pub fn from_keying_material(
        profile: Profile,
        material: &[u8],
        we_are_client: bool,
    ) -> Result<(Self, Self), KeyingError> {
        let needed = profile.keying_material_len();
        if material.len() != needed {
            let actual = material.len();
            return Err(KeyingError { needed, actual });
        }
        let (keys, salts) = material.split_at(2 * profile.key_len());
        let (client_key, server_key) = keys.split_at(profile.key_len());
        let (client_salt, server_salt) = salts.split_at(profile.salt_len());
        let client = Self::new(profile, client_key, client_salt);
        let server = Self::new(profile, server_key, server_salt);
        Ok(if we_are_client {
            (client, server)
        } else {
            (server, client)
        })
    }

    fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Self {
        let mut keys = Self {
            profile,
            key: [0; 32],
            salt: [0; 14],
        };
        keys.key[..key.len()].copy_from_slice(key);
        keys.salt[..salt.len()].copy_from_slice(salt);
        keys
    }

    /// The suite that they are for.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The session keys of RTP.
    pub(super) fn rtp(&self) -> SessionKeys {
        self.session_keys(0)
    }

    /// The session keys of RTCP.
    pub(super) fn rtcp(&self) -> SessionKeys {
        self.session_keys(3)
    }

    /// Derives three keys, the first under this label (RFC 3711 §4.3). They stay the same for the whole
    /// session: the key derivation rate is zero.
    fn session_keys(&self, label: u8) -> SessionKeys {
        let key_len = self.profile.key_len();
        let master = counter_mode(&self.key[..key_len]);
        let derive = |label: u8, out: &mut [u8]| {
            let mut iv = [0; 16];
            iv[..14].copy_from_slice(&self.salt);
            iv[7] ^= label;
            key_stream(&master, iv, out);
        };
        let mut keys = SessionKeys::default();
        derive(label, &mut keys.key[..key_len]);
        derive(label + 1, &mut keys.auth);
        derive(label + 2, &mut keys.salt[..self.profile.salt_len()]);
        keys
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let profile = &self.profile;
        f.debug_struct("Keys")
            .field("profile", profile)
            .finish_non_exhaustive()
    }
}

/// What one direction of RTP or of RTCP is sealed with.
#[derive(Default)]
pub(super) struct SessionKeys {
    /// As long as the profile's.
    pub(super) key: [u8; 32],
    /// For HMAC.
    pub(super) auth: [u8; 20],
    /// As long as the profile's.
    pub(super) salt: [u8; 14],
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::hex;

    /// RFC 3711 appendix B.3; the authentication key there is longer than HMAC-SHA1 takes.
    #[test]
    fn session_keys_of_the_rfc() {
        let key = hex("e1f97a0d3e018be0d64fa32c06de4139");
        let salt = hex("0ec675ad498afeebb6960b3aabe6");
        let keys = Keys::new(Profile::AesCm128HmacSha1, &key, &salt).rtp();
        assert_eq!(keys.key[..16], hex("c61e7a93744f39ee10734afe3ff7a087"));
        assert_eq!(keys.salt[..], hex("30cbbc08863d8c85d49db34a9ae1"));
        assert_eq!(
            keys.auth[..],
            hex("cebe321f6ff7716b6fd4ab49af256a156d38baa4")
        );
    }

    /// RFC 5764 §4.2.
    #[test]
    fn each_side_sends_with_its_own_part_of_the_material() {
        for profile in Profile::ALL {
            let material: Vec<u8> = (0..profile.keying_material_len() as u8).collect();
            let (sent, received) = Keys::from_keying_material(profile, &material, true).unwrap();
            let (key_len, salt_len) = (profile.key_len(), profile.salt_len());
            assert_eq!(sent.key[..key_len], material[..key_len]);
            assert_eq!(received.key[..key_len], material[key_len..2 * key_len]);
            assert_eq!(sent.salt[..salt_len], material[2 * key_len..][..salt_len]);
            let (peer_sent, peer_received) =
                Keys::from_keying_material(profile, &material, false).unwrap();
            assert_eq!(
                (peer_sent.key, peer_sent.salt),
                (received.key, received.salt)
            );
            assert_eq!(
                (peer_received.key, peer_received.salt),
                (sent.key, sent.salt)
            );
        }
    }

    #[test]
    fn material_of_another_length_is_refused() {
        let error = Keys::from_keying_material(Profile::AeadAes128Gcm, &[0; 60], true);
        let expected = KeyingError {
            needed: 56,
            actual: 60,
        };
        assert_eq!(error.unwrap_err(), expected);
    }

    #[test]
    fn formatting_shows_no_key() {
        let keys = Keys::new(Profile::AeadAes128Gcm, &[0xaa; 16], &[0xbb; 12]);
        assert_eq!(format!("{keys:?}"), "Keys { profile: AeadAes128Gcm, .. }");
    }
}
