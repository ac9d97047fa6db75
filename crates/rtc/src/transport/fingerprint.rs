//! Whether a certificate is the one that a description names (RFC 8122 §5).

use aws_lc_rs::digest::{
    Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA224, SHA256, SHA384, SHA512, digest,
};

use crate::command::Remote;

/// Whether `certificate`, DER, has the fingerprint of `remote`. A hash function that we do not have
/// matches nothing.
pub(super) fn matches(remote: &Remote, certificate: &[u8]) -> bool {
    hash_function(&remote.algorithm)
        .is_some_and(|hash| digest(hash, certificate).as_ref() == remote.fingerprint)
}

fn hash_function(name: &str) -> Option<&'static Algorithm> {
    let known: [(&str, &'static Algorithm); 5] = [
        ("sha-256", &SHA256),
        ("sha-1", &SHA1_FOR_LEGACY_USE_ONLY),
        ("sha-224", &SHA224),
        ("sha-384", &SHA384),
        ("sha-512", &SHA512),
    ];
    known
        .into_iter()
        .find_map(|(known, hash)| known.eq_ignore_ascii_case(name).then_some(hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(algorithm: &str, fingerprint: &[u8]) -> Remote {
        Remote {
            algorithm: algorithm.to_owned(),
            fingerprint: fingerprint.to_vec(),
            dtls_client: false,
            sctp_port: None,
        }
    }

    #[test]
    fn every_hash_function_of_the_registry_but_md_is_understood() {
        for (name, hash) in [
            ("sha-1", &SHA1_FOR_LEGACY_USE_ONLY),
            ("SHA-224", &SHA224),
            ("sha-256", &SHA256),
            ("Sha-384", &SHA384),
            ("sha-512", &SHA512),
        ] {
            let fingerprint = digest(hash, b"certificate");
            let right = remote(name, fingerprint.as_ref());
            assert!(matches(&right, b"certificate"), "{name}");
            assert!(!matches(&right, b"another"), "{name}");
        }
        assert!(!matches(&remote("md5", &[0; 16]), b"certificate"));
        assert!(!matches(&remote("sha-256", &[]), b"certificate"));
    }
}
