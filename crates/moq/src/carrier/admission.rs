//! Who may begin a handshake.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

use super::config::Config;

/// What to answer to a client's first packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accept,
    /// Come back with a token that proves your address.
    Retry,
    Refuse,
}

/// Counts sessions and handshakes against their bounds.
#[derive(Debug)]
pub(super) struct Admission {
    sessions: usize,
    half_open: usize,
    by_address: HashMap<IpAddr, usize>,
    /// Handshakes that may begin now; a second's worth at most.
    allowance: f64,
    refilled: Option<Instant>,
}

impl Admission {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            sessions: 0,
            half_open: 0,
            by_address: HashMap::new(),
            allowance: config.handshakes_per_second.into(),
            refilled: None,
        }
    }

    /// `proven`: the client has shown that it receives at `address`.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        config: &Config,
        address: IpAddr,
        proven: bool,
    ) -> Verdict {
        let rate = f64::from(config.handshakes_per_second);
        if let Some(before) = self.refilled.replace(now) {
            let elapsed = now.saturating_duration_since(before).as_secs_f64();
            self.allowance = (self.allowance + elapsed * rate).min(rate);
        }
        let here = self.by_address.get(&block(address)).copied().unwrap_or(0);
        if self.sessions >= config.sessions || here >= config.sessions_per_address {
            return Verdict::Refuse;
        }
        if !proven && (self.allowance < rate / 2.0 || self.half_open * 2 >= config.half_open) {
            return Verdict::Retry;
        }
        if self.allowance < 1.0 || self.half_open >= config.half_open {
            return Verdict::Refuse;
        }
        self.allowance -= 1.0;
        Verdict::Accept
    }

    pub(super) fn begin(&mut self, address: IpAddr) {
        self.sessions += 1;
        self.half_open += 1;
        *self.by_address.entry(block(address)).or_default() += 1;
    }

    pub(super) fn shake_done(&mut self) {
        self.half_open -= 1;
    }

    pub(super) fn end(&mut self, address: IpAddr) {
        self.sessions -= 1;
        let block = block(address);
        if let Some(here) = self.by_address.get_mut(&block) {
            *here -= 1;
            if *here == 0 {
                self.by_address.remove(&block);
            }
        }
    }
}

/// What one user has of addresses: an IPv4 address, an IPv6 /64.
fn block(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => std::net::Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn under_load_clients_prove_their_address_and_then_are_refused() {
        let config = Config {
            handshakes_per_second: 10,
            ..Config::default()
        };
        let mut admission = Admission::new(&config);
        let now = Instant::now();
        let mut answers = Vec::new();
        for _ in 0..8 {
            answers.push(admission.judge(now, &config, HERE, false));
        }
        assert_eq!(answers[..6], [Verdict::Accept; 6]);
        assert_eq!(answers[6..], [Verdict::Retry; 2]);
        for _ in 0..4 {
            assert_eq!(admission.judge(now, &config, HERE, true), Verdict::Accept);
        }
        assert_eq!(admission.judge(now, &config, HERE, true), Verdict::Refuse);
        let later = now + Duration::from_secs(1);
        assert_eq!(
            admission.judge(later, &config, HERE, false),
            Verdict::Accept
        );
    }

    #[test]
    fn an_address_has_a_share_and_an_ipv6_network_is_one_address() {
        let config = Config {
            sessions_per_address: 2,
            ..Config::default()
        };
        let mut admission = Admission::new(&config);
        let now = Instant::now();
        for host in ["2001:db8::1", "2001:db8::2"] {
            admission.begin(host.parse().unwrap());
        }
        let neighbour = "2001:db8::3".parse().unwrap();
        assert_eq!(
            admission.judge(now, &config, neighbour, true),
            Verdict::Refuse
        );
        assert_eq!(admission.judge(now, &config, HERE, true), Verdict::Accept);
        admission.end("2001:db8::1".parse().unwrap());
        assert_eq!(
            admission.judge(now, &config, neighbour, true),
            Verdict::Accept
        );
        admission.end("2001:db8::2".parse().unwrap());
        assert!(admission.by_address.is_empty());
    }
}
