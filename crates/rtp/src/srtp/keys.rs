//! Master keys, and the session keys that are derived from them.

use std::fmt;

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

/// The master key and salt of one direction (RFC 3711 §3.2.1). Shown by no formatting.
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
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let profile = &self.profile;
        f.debug_struct("Keys")
            .field("profile", profile)
            .finish_non_exhaustive()
    }
}
