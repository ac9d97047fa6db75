//! The other end: a client that checks its connection and begins, or awaits, a DTLS association.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use is::stun::TransId;

use super::super::dtls::{Association, Output};
use super::super::sctp::Sctp;
use super::super::stun::{Answer, Request, answer};
use super::{Certificate, Context, MediaKeys, SILENT, Settings, certificate};
use crate::command::Credentials;

pub(super) struct Client {
    pub(super) address: SocketAddr,
    pub(super) server: Credentials,
    pub(super) certificate: Certificate,
    pub(super) context: Context,
    /// How often it checks; `None`: it does not.
    pub(super) checks: Option<Duration>,
    pub(super) nominates: bool,
    pub(super) answers: Vec<Answer>,
    pub(super) dtls: Option<Association>,
    pub(super) keys: Option<MediaKeys>,
    pub(super) closed: bool,
    pub(super) channels: Option<Sctp>,
    /// A ClientHello from the server begins an association.
    pub(super) listens: bool,
    next_check: Instant,
    queue: VecDeque<Vec<u8>>,
}

impl Client {
    pub(super) fn new(now: Instant, server: Credentials, address: SocketAddr) -> Self {
        let certificate = certificate();
        let settings = Settings {
            handshakes: 100,
            silent: SILENT,
        };
        Self {
            address,
            server,
            context: Context::new(certificate.clone(), settings).unwrap(),
            certificate,
            checks: Some(Duration::from_millis(500)),
            nominates: true,
            answers: Vec::new(),
            dtls: None,
            keys: None,
            closed: false,
            channels: None,
            listens: false,
            next_check: now,
            queue: VecDeque::new(),
        }
    }

    /// Begins an association once a check was answered.
    pub(super) fn call(&mut self) {
        self.dtls = Some(Association::client(&self.context, self.next_check));
        self.keys = None;
    }

    /// A new association, whatever was before.
    pub(super) fn call_again(&mut self, now: Instant) {
        self.dtls = Some(Association::client(&self.context, now));
        self.keys = None;
    }

    pub(super) fn check(&self, use_candidate: bool) -> Vec<u8> {
        let mut buffer = [0; 256];
        let length = Request {
            transaction: TransId::new(),
            remote_ufrag: &self.server.ufrag,
            local_ufrag: "them",
            remote_pwd: &self.server.pwd,
            tie_breaker: 7,
            use_candidate,
        }
        .write(&mut buffer)
        .unwrap();
        buffer[..length].to_vec()
    }

    pub(super) fn receive(&mut self, now: Instant, bytes: &[u8]) {
        if bytes[0] < 4 {
            if let Some((_, answer)) = answer(bytes, &self.server.pwd) {
                self.answers.push(answer);
            }
            return;
        }
        if self.listens && self.dtls.is_none() {
            self.dtls = Some(Association::server(&self.context, false, now));
        }
        if let Some(dtls) = &mut self.dtls {
            dtls.handle(now, bytes).unwrap();
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if let Some(checks) = self.checks
            && self.next_check <= now
        {
            self.next_check = now + checks;
            self.queue.push_back(self.check(self.nominates));
        }
        if let Some(dtls) = &mut self.dtls {
            dtls.handle_timeout(now).unwrap();
        }
        if let Some(channels) = &mut self.channels {
            channels.handle_timeout(now);
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let channels = self.channels.as_ref();
        let dtls = self.dtls.as_ref().filter(|_| !self.answers.is_empty());
        [
            self.checks.map(|_| self.next_check),
            dtls.and_then(Association::next_timeout),
            channels.and_then(Sctp::next_timeout),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    pub(super) fn outgoing(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut out: Vec<_> = self.queue.drain(..).collect();
        let Some(dtls) = &mut self.dtls else {
            return out;
        };
        // No DTLS before ICE.
        if self.answers.is_empty() {
            return out;
        }
        let mut buffer = vec![0; 20_000];
        loop {
            match dtls.poll(now, &mut buffer) {
                Some(Output::Packet(size)) => out.push(buffer[..size].to_vec()),
                Some(Output::Connected(keys)) => self.keys = Some(*keys),
                Some(Output::Data(size)) => {
                    if let Some(channels) = &mut self.channels {
                        channels.handle(now, &buffer[..size]);
                    }
                }
                Some(Output::CloseNotify) => self.closed = true,
                None => {
                    let channels = self.channels.as_mut().filter(|_| self.keys.is_some());
                    match channels.and_then(|channels| channels.poll_transmit(now)) {
                        Some(packet) => dtls.send(&packet).unwrap(),
                        None => return out,
                    }
                }
            }
        }
    }
}
