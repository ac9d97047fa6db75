//! What seals and opens one packet in place, given its index and what of it stays readable.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

use super::keys::SessionKeys;
use super::profile::Profile;

/// Bytes of a tag of the GCM suites.
const GCM_TAG: usize = 16;
/// Bytes of a tag of HMAC-SHA1-80.
const HMAC_TAG: usize = 10;
/// Bytes of an RTCP header that stay readable: the first packet's, with its SSRC.
pub(super) const RTCP_HEADER: usize = 8;
/// Bytes of the word behind an SRTCP packet: the flag that it is encrypted, and its index.
pub(super) const RTCP_WORD: usize = 4;
/// Set in an SRTCP packet's word.
pub(super) const RTCP_ENCRYPTED: u32 = 1 << 31;

/// The packet's tag is not what its bytes make it.
pub(super) struct Forged;

/// A cipher with the session keys of one direction, of RTP or of RTCP.
pub(super) enum Cipher {
    Gcm(Gcm),
    Cm(Box<Cm>),
}

impl Cipher {
    pub(super) fn new(profile: Profile, keys: &SessionKeys) -> Self {
        match profile {
            Profile::AeadAes256Gcm | Profile::AeadAes128Gcm => Self::Gcm(Gcm::new(profile, keys)),
            Profile::AesCm128HmacSha1 => Self::Cm(Box::new(Cm::new(keys))),
        }
    }

    /// Seals `packet`, whose last [`Profile::rtp_overhead`] bytes are room for the tag. `header_len` and
    /// the room fit in it; `index` has 48 bits.
    pub(super) fn seal_rtp(&self, ssrc: u32, index: u64, header_len: usize, packet: &mut [u8]) {
        match self {
            Self::Gcm(gcm) => gcm.seal_rtp(ssrc, index, header_len, packet),
            Self::Cm(cm) => cm.seal_rtp(ssrc, index, header_len, packet),
        }
    }

    /// The reverse; `packet` ends with its tag.
    pub(super) fn open_rtp(
        &self,
        ssrc: u32,
        index: u64,
        header_len: usize,
        packet: &mut [u8],
    ) -> Result<(), Forged> {
        match self {
            Self::Gcm(gcm) => gcm.open_rtp(ssrc, index, header_len, packet),
            Self::Cm(cm) => cm.open_rtp(ssrc, index, header_len, packet),
        }
    }

    /// Seals `packet`, at least [`RTCP_HEADER`] long, whose last [`Profile::rtcp_overhead`] bytes are room
    /// for tag and word.
    pub(super) fn seal_rtcp(&self, ssrc: u32, index: u32, packet: &mut [u8]) {
        match self {
            Self::Gcm(gcm) => gcm.seal_rtcp(ssrc, index, packet),
            Self::Cm(cm) => cm.seal_rtcp(ssrc, index, packet),
        }
    }

    /// The word of an SRTCP packet that is long enough.
    pub(super) fn rtcp_word(&self, packet: &[u8]) -> u32 {
        let end = match self {
            Self::Gcm(_) => packet.len(),
            Self::Cm(_) => packet.len() - HMAC_TAG,
        };
        let word = &packet[end - RTCP_WORD..end];
        u32::from_be_bytes([word[0], word[1], word[2], word[3]])
    }

    /// The reverse; `index` is that of the packet's word, in which [`RTCP_ENCRYPTED`] is set.
    pub(super) fn open_rtcp(&self, ssrc: u32, index: u32, packet: &mut [u8]) -> Result<(), Forged> {
        match self {
            Self::Gcm(gcm) => gcm.open_rtcp(ssrc, index, packet),
            Self::Cm(cm) => cm.open_rtcp(ssrc, index, packet),
        }
    }
}

/// AES in Galois/counter mode (RFC 7714).
pub(super) struct Gcm {
    key: LessSafeKey,
    salt: [u8; NONCE_LEN],
}

impl Gcm {
    fn new(profile: Profile, keys: &SessionKeys) -> Self {
        let algorithm = match profile {
            Profile::AeadAes256Gcm => &AES_256_GCM,
            _ => &AES_128_GCM,
        };
        let key = UnboundKey::new(algorithm, &keys.key[..profile.key_len()]);
        let mut salt = [0; NONCE_LEN];
        salt.copy_from_slice(&keys.salt[..NONCE_LEN]);
        Self {
            // The key has the algorithm's length.
            key: LessSafeKey::new(key.expect("a key of the right length")),
            salt,
        }
    }

    /// RFC 7714 §8.1 and §9.1: an SRTCP index is 17 bits shorter and sits at the same end.
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut nonce = self.salt;
        xor(&mut nonce[2..6], &ssrc.to_be_bytes());
        xor(&mut nonce[6..12], &index.to_be_bytes()[2..]);
        Nonce::assume_unique_for_key(nonce)
    }

    fn seal_rtp(&self, ssrc: u32, index: u64, header_len: usize, packet: &mut [u8]) {
        let (header, rest) = packet.split_at_mut(header_len);
        let (payload, tag) = rest.split_at_mut(rest.len() - GCM_TAG);
        self.seal(self.nonce(ssrc, index), header, payload, tag);
    }

    fn open_rtp(
        &self,
        ssrc: u32,
        index: u64,
        header_len: usize,
        packet: &mut [u8],
    ) -> Result<(), Forged> {
        let (header, sealed) = packet.split_at_mut(header_len);
        let nonce = self.nonce(ssrc, index);
        let opened = self.key.open_in_place(nonce, Aad::from(&*header), sealed);
        opened.map(drop).map_err(|_| Forged)
    }

    fn seal_rtcp(&self, ssrc: u32, index: u32, packet: &mut [u8]) {
        let (header, rest) = packet.split_at_mut(RTCP_HEADER);
        let (rest, word) = rest.split_at_mut(rest.len() - RTCP_WORD);
        let (payload, tag) = rest.split_at_mut(rest.len() - GCM_TAG);
        word.copy_from_slice(&(RTCP_ENCRYPTED | index).to_be_bytes());
        let aad = rtcp_aad(header, word);
        self.seal(self.nonce(ssrc, index.into()), &aad, payload, tag);
    }

    fn open_rtcp(&self, ssrc: u32, index: u32, packet: &mut [u8]) -> Result<(), Forged> {
        let nonce = self.nonce(ssrc, index.into());
        let (header, rest) = packet.split_at_mut(RTCP_HEADER);
        let (sealed, word) = rest.split_at_mut(rest.len() - RTCP_WORD);
        let aad = rtcp_aad(header, word);
        let opened = self.key.open_in_place(nonce, Aad::from(aad), sealed);
        opened.map(drop).map_err(|_| Forged)
    }

    fn seal(&self, nonce: Nonce, aad: &[u8], payload: &mut [u8], tag: &mut [u8]) {
        let sealed = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(aad), payload);
        // Sealing fails for payloads of more than 64 GiB alone.
        tag.copy_from_slice(sealed.expect("a payload that fits a packet").as_ref());
    }
}

/// RFC 7714 §9.2: what is readable, then the word.
fn rtcp_aad(header: &[u8], word: &[u8]) -> [u8; RTCP_HEADER + RTCP_WORD] {
    let mut aad = [0; RTCP_HEADER + RTCP_WORD];
    aad[..RTCP_HEADER].copy_from_slice(header);
    aad[RTCP_HEADER..].copy_from_slice(word);
    aad
}

/// AES in counter mode with HMAC-SHA1 (RFC 3711 §4.1.1, §4.2.1).
pub(super) struct Cm {
    key: EncryptingKey,
    auth: hmac::Key,
    salt: [u8; 14],
}

impl Cm {
    fn new(keys: &SessionKeys) -> Self {
        Self {
            key: counter_mode(&keys.key[..16]),
            auth: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &keys.auth),
            salt: keys.salt,
        }
    }

    /// Encrypts, and decrypts.
    fn apply(&self, ssrc: u32, index: u64, payload: &mut [u8]) {
        let mut iv = [0; 16];
        iv[..14].copy_from_slice(&self.salt);
        xor(&mut iv[4..8], &ssrc.to_be_bytes());
        xor(&mut iv[8..14], &index.to_be_bytes()[2..]);
        key_stream(&self.key, iv, payload);
    }

    fn seal_rtp(&self, ssrc: u32, index: u64, header_len: usize, packet: &mut [u8]) {
        let end = packet.len() - HMAC_TAG;
        self.apply(ssrc, index, &mut packet[header_len..end]);
        let tag = self.rtp_tag(index, packet);
        packet[end..].copy_from_slice(&tag.as_ref()[..HMAC_TAG]);
    }

    fn open_rtp(
        &self,
        ssrc: u32,
        index: u64,
        header_len: usize,
        packet: &mut [u8],
    ) -> Result<(), Forged> {
        let end = packet.len() - HMAC_TAG;
        let mut claimed = [0; HMAC_TAG];
        claimed.copy_from_slice(&packet[end..]);
        verify(&self.rtp_tag(index, packet), &claimed)?;
        self.apply(ssrc, index, &mut packet[header_len..end]);
        Ok(())
    }

    /// The rollover counter is authenticated as if it followed the packet, where it is put for that:
    /// the tag has its place there.
    fn rtp_tag(&self, index: u64, packet: &mut [u8]) -> hmac::Tag {
        let end = packet.len() - HMAC_TAG;
        let rollovers = &index.to_be_bytes()[2..6];
        packet[end..end + 4].copy_from_slice(rollovers);
        hmac::sign(&self.auth, &packet[..end + 4])
    }

    fn seal_rtcp(&self, ssrc: u32, index: u32, packet: &mut [u8]) {
        let (packet, tag) = packet.split_at_mut(packet.len() - HMAC_TAG);
        let (compound, word) = packet.split_at_mut(packet.len() - RTCP_WORD);
        self.apply(ssrc, index.into(), &mut compound[RTCP_HEADER..]);
        word.copy_from_slice(&(RTCP_ENCRYPTED | index).to_be_bytes());
        tag.copy_from_slice(&hmac::sign(&self.auth, packet).as_ref()[..HMAC_TAG]);
    }

    fn open_rtcp(&self, ssrc: u32, index: u32, packet: &mut [u8]) -> Result<(), Forged> {
        let (packet, tag) = packet.split_at_mut(packet.len() - HMAC_TAG);
        verify(&hmac::sign(&self.auth, packet), tag)?;
        let end = packet.len() - RTCP_WORD;
        self.apply(ssrc, index.into(), &mut packet[RTCP_HEADER..end]);
        Ok(())
    }
}

fn verify(tag: &hmac::Tag, claimed: &[u8]) -> Result<(), Forged> {
    verify_slices_are_equal(&tag.as_ref()[..HMAC_TAG], claimed).map_err(|_| Forged)
}

/// A key for [`key_stream`], of 16 or 32 bytes.
pub(super) fn counter_mode(key: &[u8]) -> EncryptingKey {
    let algorithm = if key.len() == 32 { &AES_256 } else { &AES_128 };
    let key = UnboundCipherKey::new(algorithm, key).and_then(EncryptingKey::ctr);
    key.expect("a key of the right length")
}

/// Adds the key stream that begins at `iv` to `bytes`.
pub(super) fn key_stream(key: &EncryptingKey, iv: [u8; 16], bytes: &mut [u8]) {
    let context = EncryptionContext::Iv128(iv.into());
    let encrypted = key.less_safe_encrypt(bytes, context);
    encrypted.expect("counter mode takes any bytes");
}

fn xor(bytes: &mut [u8], with: &[u8]) {
    for (byte, with) in bytes.iter_mut().zip(with) {
        *byte ^= with;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::hex;

    fn gcm(profile: Profile) -> Cipher {
        let mut keys = SessionKeys::default();
        for (number, byte) in keys.key[..profile.key_len()].iter_mut().enumerate() {
            *byte = number as u8;
        }
        keys.salt[..12].copy_from_slice(b"Quid pro quo");
        Cipher::new(profile, &keys)
    }

    /// RFC 7714 §16.1.1 and §16.2.1.
    #[test]
    fn rtp_of_the_rfc() {
        let header = hex("8040f17b8041f8d35501a0b2");
        let plain = [&header, &b"Gallia est omnis divisa in partes tres"[..]].concat();
        for (profile, sealed) in [
            (
                Profile::AeadAes128Gcm,
                "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833\
                 899d7f27beb16a9152cf765ee4390cce",
            ),
            (
                Profile::AeadAes256Gcm,
                "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b\
                 7aa3db36dfffd6b0f9bb7878d7a76c13",
            ),
        ] {
            let cipher = gcm(profile);
            let mut packet = [&plain, &[0; 16][..]].concat();
            cipher.seal_rtp(0x5501_a0b2, 0xf17b, 12, &mut packet);
            assert_eq!(packet, [header.clone(), hex(sealed)].concat());
            assert!(
                cipher
                    .open_rtp(0x5501_a0b2, 0xf17b, 12, &mut packet)
                    .is_ok()
            );
            assert_eq!(packet[..plain.len()], plain);
        }
    }

    /// RFC 7714 §17.1 and §17.2.
    #[test]
    fn rtcp_of_the_rfc() {
        let plain = hex(
            "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61\
             deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
        );
        for (profile, sealed) in [
            (
                Profile::AeadAes128Gcm,
                "63e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b46\
                 86303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4",
            ),
            (
                Profile::AeadAes256Gcm,
                "d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658\
                 c61de0476f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4",
            ),
        ] {
            let cipher = gcm(profile);
            let mut packet = [&plain, &[0; 20][..]].concat();
            cipher.seal_rtcp(0x4d61_7273, 0x5d4, &mut packet);
            assert_eq!(packet, [plain[..8].to_vec(), hex(sealed)].concat());
            assert_eq!(cipher.rtcp_word(&packet), 0x8000_05d4);
            assert!(cipher.open_rtcp(0x4d61_7273, 0x5d4, &mut packet).is_ok());
            assert_eq!(packet[..plain.len()], plain);
        }
    }

    /// RFC 3711 appendix B.2: 48 bytes of a key stream.
    #[test]
    fn counter_mode_of_the_rfc() {
        let mut keys = SessionKeys::default();
        keys.key[..16].copy_from_slice(&hex("2b7e151628aed2a6abf7158809cf4f3c"));
        keys.salt
            .copy_from_slice(&hex("f0f1f2f3f4f5f6f7f8f9fafbfcfd"));
        let mut zeros = [0; 48];
        Cm::new(&keys).apply(0, 0, &mut zeros);
        let stream = "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab\
                      41e95b3bb0a2e8dd477901e4fca894c0";
        assert_eq!(zeros[..], hex(stream));
    }
}
