//! Two ends of a session, a network between them, and a clock in hand.

mod channels;
mod checks;
mod client;
mod handshakes;
mod hostile;
mod reopening;

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use rtp::srtp::{Receiver, Sender};
use shard::SocketId;

use super::{
    Certificate, Check, Context, Event, LARGEST_PACKET, MediaKeys, Path, Settings, Transport,
};
use crate::command::{Credentials, Remote};
use crate::event::Lost;
use client::Client;

const LATENCY: Duration = Duration::from_millis(10);
const SILENT: Duration = Duration::from_secs(10);

fn seconds(n: f64) -> Duration {
    Duration::from_secs_f64(n)
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 7], port))
}

fn path(remote: SocketAddr) -> Path {
    Path {
        socket: SocketId::MAIN,
        local_ip: None,
        remote,
    }
}

fn credentials(name: &str) -> Credentials {
    Credentials {
        ufrag: name.to_owned(),
        pwd: format!("password-of-{name}-000000"),
    }
}

fn certificate() -> Certificate {
    let made = rcgen::generate_simple_self_signed(vec!["webrtc".to_owned()]).unwrap();
    Certificate {
        certificate: made.cert.der().to_vec(),
        private_key: made.signing_key.serialize_der(),
    }
}

fn context(handshakes: usize) -> Rc<Context> {
    let settings = Settings {
        handshakes,
        silent: SILENT,
    };
    Rc::new(Context::new(certificate(), settings).unwrap())
}

fn remote(certificate: &Certificate) -> Remote {
    Remote {
        algorithm: "sha-256".to_owned(),
        fingerprint: digest(&SHA256, &certificate.certificate).as_ref().to_vec(),
        dtls_client: false,
        sctp_port: None,
    }
}

/// What one end seals, the other opens, both ways.
fn agree(ours: &MediaKeys, theirs: &MediaKeys) -> bool {
    [(ours, theirs), (theirs, ours)].iter().all(|(from, to)| {
        let mut report = vec![0x80, 201, 0, 1, 0, 0, 0, 7];
        report.resize(64, 0);
        let sealed = Sender::new(&from.send)
            .protect_rtcp(&mut report, 8)
            .unwrap();
        Receiver::new(&to.receive, 4)
            .open_rtcp(&mut report[..sealed])
            .is_ok()
    })
}

/// What the network does to packets.
#[derive(Clone, Copy)]
struct Weather {
    /// Of a hundred.
    lost: u64,
    late: u64,
    twice: u64,
}

const FAIR: Weather = Weather {
    lost: 0,
    late: 0,
    twice: 0,
};

struct Packet {
    due: Instant,
    to_server: bool,
    /// The client's end.
    address: SocketAddr,
    bytes: Vec<u8>,
}

/// A server's transport and a client of it.
struct Call {
    now: Instant,
    server: Transport,
    client: Client,
    context: Rc<Context>,
    /// What the server's transport has told.
    events: Vec<Event>,
    weather: Weather,
    dice: u64,
    wire: Vec<Packet>,
    /// What the server sent to addresses where the client is not.
    strays: Vec<(SocketAddr, Vec<u8>)>,
    /// Every datagram that the client has sent.
    overheard: Vec<Vec<u8>>,
}

impl Call {
    /// The server knows the client's description; nothing was sent yet.
    fn new() -> Self {
        let mut call = Self::undescribed();
        call.describe();
        call
    }

    fn undescribed() -> Self {
        Self::within(context(100))
    }

    fn within(context: Rc<Context>) -> Self {
        let now = Instant::now();
        Self {
            now,
            server: Transport::new(&context, credentials("server")),
            client: Client::new(now, credentials("server"), address(5_000)),
            context,
            events: Vec::new(),
            weather: FAIR,
            dice: 1,
            wire: Vec::new(),
            strays: Vec::new(),
            overheard: Vec::new(),
        }
    }

    /// A call in which everything is up.
    fn connected() -> Self {
        let mut call = Self::new();
        call.client.call();
        call.run(seconds(1.0));
        assert!(matches!(call.take_events()[..], [Event::Connected { .. }]));
        call
    }

    fn describe(&mut self) {
        let remote = remote(&self.client.certificate);
        self.server.set_remote(self.now, remote);
    }

    fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The keys of the event that was the only one.
    fn keys(&mut self) -> MediaKeys {
        match &self.take_events()[..] {
            [Event::Connected { keys } | Event::Rekeyed { keys }] => keys.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn lost(&mut self) -> Vec<Lost> {
        self.take_events()
            .into_iter()
            .filter_map(|event| match event {
                Event::Disconnected(reason) => Some(reason),
                _ => None,
            })
            .collect()
    }

    /// Lets time pass.
    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            self.settle();
            let due = self.wire.iter().map(|packet| packet.due).min();
            let next = [due, self.server.next_timeout(), self.client.next_timeout()]
                .into_iter()
                .flatten()
                .min();
            match next {
                Some(next) if next <= end => self.now = self.now.max(next),
                _ => break,
            }
            while let Some(index) = self.wire.iter().position(|packet| packet.due <= self.now) {
                let packet = self.wire.remove(index);
                self.deliver(&packet);
            }
            self.server.handle_timeout(self.now);
            self.client.handle_timeout(self.now);
        }
        self.now = end;
    }

    fn deliver(&mut self, packet: &Packet) {
        if packet.to_server {
            self.receive(packet.address, &packet.bytes);
        } else if packet.address == self.client.address {
            self.client.receive(self.now, &packet.bytes);
        } else {
            self.strays.push((packet.address, packet.bytes.clone()));
        }
        self.settle();
    }

    /// A datagram reaches the server.
    fn receive(&mut self, from: SocketAddr, bytes: &[u8]) -> Option<Check> {
        let check = if bytes.first().is_some_and(|&byte| byte < 4) {
            Some(self.server.handle_stun(self.now, path(from), bytes))
        } else {
            self.server.handle_dtls(self.now, path(from), bytes);
            None
        };
        self.settle();
        check
    }

    /// Both ends say what they have to say.
    fn settle(&mut self) {
        let mut buffer = [0; LARGEST_PACKET];
        while let Some(transmit) = self.server.poll_transmit(self.now, &mut buffer) {
            let bytes = buffer[..transmit.size].to_vec();
            self.send(false, transmit.destination, bytes);
        }
        while let Some(event) = self.server.poll_event() {
            self.events.push(event);
        }
        for bytes in self.client.outgoing(self.now) {
            self.overheard.push(bytes.clone());
            self.send(true, self.client.address, bytes);
        }
    }

    fn send(&mut self, to_server: bool, address: SocketAddr, bytes: Vec<u8>) {
        let Weather { lost, late, twice } = self.weather;
        if self.roll() < lost {
            return;
        }
        let copies = if self.roll() < twice { 2 } else { 1 };
        for _ in 0..copies {
            let delay = if self.roll() < late { 5 } else { 1 };
            self.wire.push(Packet {
                due: self.now + LATENCY * delay,
                to_server,
                address,
                bytes: bytes.clone(),
            });
        }
    }

    /// 0 to 99.
    fn roll(&mut self) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % 100
    }

    /// What the client has sent of DTLS, from the first ClientHello on.
    fn overheard_dtls(&self) -> Vec<Vec<u8>> {
        self.overheard
            .iter()
            .filter(|bytes| (20..64).contains(&bytes[0]))
            .cloned()
            .collect()
    }
}
