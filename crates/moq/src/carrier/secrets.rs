//! Keys that all shards of a node share, so that each can read what another issued.

use std::hash::RandomState;
use std::sync::Arc;

use aws_lc_rs::{hkdf, hmac, rand};
use quinn_proto::crypto::{HandshakeTokenKey, HmacKey};

/// Keys for stateless resets, Retry tokens and connection ids. Session tickets are
/// [`super::ServerTls`]'s.
#[derive(Clone)]
pub struct Secrets {
    pub(super) reset: Arc<dyn HmacKey>,
    pub(super) token: Arc<dyn HandshakeTokenKey>,
    pub(super) connection_ids: RandomState,
}

impl Secrets {
    /// New random keys.
    pub fn new() -> Self {
        let reset = hmac::Key::new(hmac::HMAC_SHA256, &random());
        let token = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(&random());
        Self {
            reset: Arc::new(reset),
            token: Arc::new(token),
            connection_ids: RandomState::new(),
        }
    }
}

impl Default for Secrets {
    fn default() -> Self {
        Self::new()
    }
}

fn random() -> [u8; 64] {
    let mut bytes = [0; 64];
    rand::fill(&mut bytes).expect("the system has random bytes");
    bytes
}
