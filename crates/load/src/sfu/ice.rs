//! The controlling side of ICE (RFC 8445) towards a server with one address: it nominates at once.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use is::stun::{StunMessage, TransId};

use super::plan::Credentials;

/// How long a first check waits for its answer; doubled with each that gets none.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_millis(200);
/// Consent is asked for again after this (RFC 7675 §5.1).
const CONSENT: Duration = Duration::from_secs(4);
/// RFC 8445 §5.1.2: a host candidate, IPv4, first component.
const PRIORITY: u32 = 126 << 24 | 65535 << 8 | 255;
const LARGEST: usize = 512;

/// Connectivity checks of one session.
#[derive(Debug)]
pub struct Ice {
    local: Credentials,
    remote: Credentials,
    username: String,
    tie_breaker: u64,
    under_way: Option<TransId>,
    wait: Duration,
    next: Instant,
    nominated: bool,
}

/// What came of a datagram.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// The server has answered our first check: the pair is nominated.
    Nominated,
    /// The server checks us, and this is the answer.
    Reply(Vec<u8>),
    /// Nothing to be done.
    Nothing,
}

impl Ice {
    /// Ready for its first check, which is due now.
    pub fn new(now: Instant, tie_breaker: u64, local: Credentials, remote: Credentials) -> Self {
        Self {
            username: format!("{}:{}", remote.ufrag, local.ufrag),
            local,
            remote,
            tie_breaker,
            under_way: None,
            wait: FIRST_WAIT,
            next: now,
            nominated: false,
        }
    }

    /// When [`Self::poll`] has something to send next.
    pub fn next_timeout(&self) -> Instant {
        self.next
    }

    /// A check, where one is due.
    pub fn poll(&mut self, now: Instant) -> Option<Vec<u8>> {
        if now < self.next {
            return None;
        }
        self.wait = if self.under_way.is_none() {
            FIRST_WAIT
        } else {
            (self.wait * 2).min(LONGEST_WAIT)
        };
        self.next = now + self.wait;
        let id = *self.under_way.get_or_insert_with(TransId::new);
        let check = StunMessage::binding_request(
            &self.username,
            id,
            true,
            self.tie_breaker,
            PRIORITY,
            true,
        );
        Some(bytes(check, &self.remote.pwd))
    }

    /// Takes a datagram from `from`.
    pub fn handle(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) -> Heard {
        let Ok(message) = StunMessage::parse(datagram) else {
            return Heard::Nothing;
        };
        if message.is_binding_request() && message.verify(self.local.pwd.as_bytes(), sha1_hmac) {
            let reply = StunMessage::binding_reply(message.trans_id(), from);
            return Heard::Reply(bytes(reply, &self.local.pwd));
        }
        let ours = self.under_way == Some(message.trans_id());
        let good = message.is_successful_binding_response()
            && message.verify(self.remote.pwd.as_bytes(), sha1_hmac);
        if !ours || !good {
            return Heard::Nothing;
        }
        self.under_way = None;
        self.next = now + CONSENT;
        if std::mem::replace(&mut self.nominated, true) {
            Heard::Nothing
        } else {
            Heard::Nominated
        }
    }
}

fn bytes(message: StunMessage<'_>, pwd: &str) -> Vec<u8> {
    let mut buffer = vec![0; LARGEST];
    let length = message
        .to_bytes(Some(pwd.as_bytes()), &mut buffer, sha1_hmac)
        .expect("a user name of two fragments fits");
    buffer.truncate(length);
    buffer
}

fn sha1_hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let mut context = hmac::Context::with_key(&key);
    for part in parts {
        context.update(part);
    }
    let tag = context.sign();
    *tag.as_ref().first_chunk().expect("SHA-1 has 20 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(name: &str) -> Credentials {
        Credentials {
            ufrag: format!("{name}ufrag"),
            pwd: format!("{name}0123456789012345678901"),
        }
    }

    fn pair(now: Instant) -> (Ice, Ice) {
        let (us, them) = (credentials("us"), credentials("them"));
        (
            Ice::new(now, 1, us.clone(), them.clone()),
            Ice::new(now, 2, them, us),
        )
    }

    const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

    #[test]
    fn the_first_answer_nominates() {
        let now = Instant::now();
        let (mut us, mut them) = pair(now);
        let check = us.poll(now).expect("due at once");
        let Heard::Reply(reply) = them.handle(now, ANY, &check) else {
            panic!("a check that is authentic is answered");
        };
        assert_eq!(us.handle(now, ANY, &reply), Heard::Nominated);
        assert_eq!(us.handle(now, ANY, &reply), Heard::Nothing);
        assert_eq!(us.next_timeout(), now + CONSENT);
    }

    #[test]
    fn a_check_without_an_answer_is_repeated_more_and_more_slowly() {
        let now = Instant::now();
        let (mut us, _) = pair(now);
        let first = us.poll(now).expect("due at once");
        assert_eq!(us.poll(now), None);
        assert_eq!(us.poll(now + FIRST_WAIT), Some(first));
        assert_eq!(us.next_timeout(), now + 3 * FIRST_WAIT);
    }

    #[test]
    fn a_check_under_another_password_is_not_answered() {
        let now = Instant::now();
        let (mut us, _) = pair(now);
        let mut stranger = Ice::new(now, 3, credentials("us"), credentials("nobody"));
        let check = us.poll(now).expect("due at once");
        assert_eq!(stranger.handle(now, ANY, &check), Heard::Nothing);
    }
}
