//! A client: checks its connection, shakes hands, and sends and gets packets.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use is::stun::TransId;
use rtp::packet::{self, FIXED_HEADER, Header, Packet};
use rtp::rtcp::{self, ReportBlock, SenderInfo, Writer};
use rtp::srtp::{Receiver, Sender, SenderStream};
use rustc_hash::FxHashMap;
use track::RtcSessionId;

use crate::command::Credentials;
use crate::transport::dtls::{Association, Output};
use crate::transport::stun::Request;
use crate::transport::{Context, MediaKeys};

const CHECKS: Duration = Duration::from_millis(500);

/// A packet that a client got.
#[derive(Clone, Debug)]
pub(super) struct Got {
    pub(super) header: Header,
    /// Ids and values.
    pub(super) extensions: Vec<(u8, Vec<u8>)>,
    pub(super) payload: Vec<u8>,
    pub(super) padding: usize,
}

/// What a client was told by RTCP.
#[derive(Clone, Debug)]
pub(super) enum Told {
    Nack(u32, Vec<u16>),
    PictureLoss(u32),
    Sender(u32, SenderInfo),
    Cname(u32, String),
    Block(ReportBlock),
    /// On how many packets.
    Arrivals(u16),
}

pub(super) struct Peer {
    pub(super) address: SocketAddr,
    pub(super) shard: usize,
    pub(super) session: RtcSessionId,
    pub(super) server: Credentials,
    /// It checks its connection, and answers DTLS.
    pub(super) alive: bool,
    context: Rc<Context>,
    dtls: Option<Association>,
    pub(super) media: Option<(Sender, Receiver)>,
    streams: FxHashMap<u32, SenderStream>,
    next_check: Instant,
    pub(super) got: Vec<Got>,
    pub(super) told: Vec<Told>,
    pub(super) closed: bool,
    /// Packets that it could not open.
    pub(super) failures: usize,
    /// What came of media, sealed as it was.
    pub(super) sealed: Vec<Vec<u8>>,
    /// Datagrams on their way out.
    pub(super) out: Vec<Vec<u8>>,
}

impl Peer {
    pub(super) fn new(
        now: Instant,
        context: Rc<Context>,
        session: RtcSessionId,
        server: Credentials,
        (address, shard): (SocketAddr, usize),
    ) -> Self {
        Self {
            address,
            shard,
            session,
            server,
            alive: true,
            dtls: Some(Association::client(&context, now)),
            context,
            media: None,
            streams: FxHashMap::default(),
            next_check: now,
            got: Vec::new(),
            told: Vec::new(),
            closed: false,
            failures: 0,
            sealed: Vec::new(),
            out: Vec::new(),
        }
    }

    /// Closes its DTLS association and begins another one.
    pub(super) fn call_again(&mut self, now: Instant) {
        if let Some(dtls) = &mut self.dtls {
            dtls.close();
        }
        self.settle(now);
        self.dtls = Some(Association::client(&self.context, now));
        self.media = None;
        self.streams.clear();
    }

    pub(super) fn check(&mut self) {
        let mut buffer = [0; 256];
        let request = Request {
            transaction: TransId::new(),
            remote_ufrag: &self.server.ufrag,
            local_ufrag: "them",
            remote_pwd: &self.server.pwd,
            tie_breaker: 7,
            use_candidate: true,
        };
        let length = request.write(&mut buffer).expect("it has room");
        self.out.push(buffer[..length].to_vec());
    }

    /// Whether a key frame was asked for since this was last asked.
    pub(super) fn asked_for(&mut self, ssrc: u32) -> bool {
        let before = self.told.len();
        let asked = |told: &Told| matches!(told, Told::PictureLoss(of) if *of == ssrc);
        self.told.retain(|told| !asked(told));
        self.told.len() < before
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let dtls = self.dtls.as_ref().and_then(Association::next_timeout);
        let next = dtls.into_iter().chain([self.next_check]).min();
        next.filter(|_| self.alive)
    }

    pub(super) fn settle(&mut self, now: Instant) {
        if !self.alive {
            return;
        }
        if self.next_check <= now {
            self.next_check = now + CHECKS;
            self.check();
        }
        let Some(dtls) = &mut self.dtls else {
            return;
        };
        if dtls.next_timeout().is_some_and(|at| at <= now) {
            dtls.handle_timeout(now).expect("it goes on");
        }
        let mut buffer = vec![0; 20_000];
        while let Some(output) = dtls.poll(now, &mut buffer) {
            match output {
                Output::Packet(size) => self.out.push(buffer[..size].to_vec()),
                Output::Connected(keys) => {
                    let MediaKeys { send, receive } = *keys;
                    self.media = Some((Sender::new(&send), Receiver::new(&receive, 4096)));
                }
                Output::CloseNotify => self.closed = true,
                Output::Data(_) => {}
            }
        }
    }

    pub(super) fn receive(&mut self, now: Instant, datagram: &[u8]) {
        if !self.alive {
            return;
        }
        match shard::kind(datagram) {
            shard::Kind::Dtls => {
                if let Some(dtls) = &mut self.dtls {
                    dtls.handle(now, datagram).expect("it goes on");
                }
            }
            shard::Kind::Rtp => self.receive_media(datagram),
            _ => {}
        }
    }

    fn receive_media(&mut self, datagram: &[u8]) {
        let Some((_, receiver)) = &mut self.media else {
            return;
        };
        let mut bytes = datagram.to_vec();
        if (192..=223).contains(&bytes[1]) {
            let Ok(len) = receiver.open_rtcp(&mut bytes) else {
                self.failures += 1;
                return;
            };
            return self.hear(&bytes[..len]);
        }
        self.sealed.push(datagram.to_vec());
        let Ok(opened) = receiver.open(&mut bytes) else {
            self.failures += 1;
            return;
        };
        let packet = Packet::parse(&bytes[..opened.len]).expect("we write what can be read");
        self.got.push(Got {
            header: *packet.header(),
            extensions: packet
                .extensions()
                .iter()
                .map(|element| (element.id, element.value.to_vec()))
                .collect(),
            payload: packet.payload().to_vec(),
            padding: packet.padding(),
        });
    }

    fn hear(&mut self, compound: &[u8]) {
        for packet in rtcp::packets(compound) {
            match packet.expect("we write what can be read") {
                rtcp::Packet::SenderReport(report) => {
                    self.told.push(Told::Sender(report.ssrc, report.info));
                }
                rtcp::Packet::ReceiverReport(report) => {
                    self.told.extend(report.blocks.map(Told::Block));
                }
                rtcp::Packet::SourceDescription(description) => {
                    for (ssrc, cname) in description.cnames() {
                        let cname = String::from_utf8_lossy(cname).into_owned();
                        self.told.push(Told::Cname(ssrc, cname));
                    }
                }
                rtcp::Packet::Nack(nack) => {
                    let sequences = nack.sequences().collect();
                    self.told.push(Told::Nack(nack.media, sequences));
                }
                rtcp::Packet::PictureLoss(loss) => self.told.push(Told::PictureLoss(loss.media)),
                rtcp::Packet::TransportFeedback(feedback) => {
                    self.told.push(Told::Arrivals(feedback.statuses));
                }
                other => panic!("nobody sends {other:?}"),
            }
        }
    }

    /// Seals an RTP packet; `block` is a whole extension block.
    pub(super) fn seal(&mut self, header: Header, block: &[u8], payload: &[u8]) -> Vec<u8> {
        let (sender, _) = self.media.as_ref().expect("it is connected");
        let mut bytes = vec![0; FIXED_HEADER + block.len() + payload.len() + 16];
        let header_len = header.write(block, &mut bytes).expect("room");
        bytes[header_len..][..payload.len()].copy_from_slice(payload);
        let len = packet::pad(&mut bytes, header_len + payload.len(), 0).expect("room");
        let stream = self.streams.entry(header.ssrc).or_default();
        let sealed = sender.protect(stream, &mut bytes, header_len, len);
        bytes.truncate(sealed.expect("it seals"));
        bytes
    }

    /// Sends RTCP.
    pub(super) fn tell(&mut self, write: impl FnOnce(&mut Writer<'_>)) {
        let (sender, _) = self.media.as_mut().expect("it is connected");
        let mut buffer = vec![0; 1_500];
        let mut writer = Writer::new(&mut buffer);
        write(&mut writer);
        let len = writer.len();
        let sealed = sender.protect_rtcp(&mut buffer, len).expect("it seals");
        self.out.push(buffer[..sealed].to_vec());
    }
}
