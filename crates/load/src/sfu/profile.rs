//! Offering one SRTP profile only, to measure what it costs: the library offers its three, always.
//!
//! The offer is rewritten on its way out, and wherever the handshake's transcript is hashed or signed,
//! so that both ends agree on what was said.

use std::borrow::Cow;

use dimpl::CryptoError;
use dimpl::crypto::{
    Buf, CryptoProvider, HashAlgorithm, HashContext, HashProvider, KeyProvider, SignatureAlgorithm,
    SigningKey, aws_lc_rs,
};

use super::plan::Profile;

/// The body of the library's `use_srtp` extension: three profiles, no MKI (RFC 5764 §4.1.1).
const OFFER: [u8; 9] = [0, 6, 0, 8, 0, 7, 0, 1, 0];

/// `bytes` with the profile in the place of each one that the library offers.
pub fn restrict(profile: Profile, bytes: &[u8]) -> Cow<'_, [u8]> {
    let Some(at) = bytes.windows(OFFER.len()).position(|part| part == OFFER) else {
        return Cow::Borrowed(bytes);
    };
    let mut bytes = bytes.to_vec();
    for number in [at + 3, at + 5, at + 7] {
        bytes[number] = match profile {
            Profile::AeadAes256Gcm => 8,
            Profile::AeadAes128Gcm => 7,
            Profile::AesCm128HmacSha1 => 1,
        };
    }
    Cow::Owned(bytes)
}

/// What hashes and signs as if `profile` had been all that was offered.
pub fn provider(profile: Profile) -> CryptoProvider {
    static RESTRICTED: [Restricted; 3] = [
        Restricted(Profile::AeadAes256Gcm),
        Restricted(Profile::AeadAes128Gcm),
        Restricted(Profile::AesCm128HmacSha1),
    ];
    let all = &RESTRICTED;
    let restricted = all.iter().find(|one| one.0 == profile).unwrap_or(&all[0]);
    CryptoProvider {
        hash_provider: restricted,
        key_provider: restricted,
        ..aws_lc_rs::default_provider()
    }
}

#[derive(Debug)]
struct Restricted(Profile);

impl HashProvider for Restricted {
    fn create_hash(&self, algorithm: HashAlgorithm) -> Box<dyn HashContext> {
        let inner = aws_lc_rs::default_provider()
            .hash_provider
            .create_hash(algorithm);
        Box::new(Hash(self.0, inner))
    }
}

#[derive(Debug)]
struct Hash(Profile, Box<dyn HashContext>);

impl HashContext for Hash {
    fn update(&mut self, data: &[u8]) {
        self.1.update(&restrict(self.0, data));
    }

    fn clone_and_finalize(&self, out: &mut Buf) {
        self.1.clone_and_finalize(out);
    }
}

impl KeyProvider for Restricted {
    fn load_private_key(&self, der: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        let inner = aws_lc_rs::default_provider()
            .key_provider
            .load_private_key(der)?;
        Ok(Box::new(Key(self.0, inner)))
    }
}

#[derive(Debug)]
struct Key(Profile, Box<dyn SigningKey>);

impl SigningKey for Key {
    fn sign(&mut self, data: &[u8], hash: HashAlgorithm, out: &mut Buf) -> Result<(), CryptoError> {
        self.1.sign(&restrict(self.0, data), hash, out)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.1.algorithm()
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        self.1.hash_algorithm()
    }

    fn supported_hash_algorithms(&self) -> &[HashAlgorithm] {
        self.1.supported_hash_algorithms()
    }
}
