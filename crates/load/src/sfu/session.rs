//! One session: checks, handshake, then media both ways.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rtp::rtcp::{self, NoRoom, Writer};
use rtp::srtp::{Keys, MAX_RTCP_OVERHEAD, Receiver, Sender};
use rtp::twcc::Departures;

use super::dtls::{Dtls, HandshakeError, Identity};
use super::ice::{Heard, Ice};
use super::incoming::Incoming;
use super::outgoing::Outgoing;
use super::plan;

/// Reports go out so often (RFC 3550 §6.2 allows less than 5 s to who needs it).
const REPORTS: Duration = Duration::from_secs(1);
/// A server may send so many streams to one session.
const STREAMS: usize = 1024;
/// What reports come from.
const OWN_SSRC: u32 = 1;
/// The largest compound packet.
const COMPOUND: usize = 1200;
/// Blocks of one receiver report (RFC 3550 §6.4.2).
const BLOCKS: usize = 31;

/// What seals and opens, once the handshake is over.
pub struct Media {
    /// What goes out.
    pub sealer: Sender,
    /// What comes in.
    pub opener: Receiver,
}

/// A session.
pub struct Session {
    /// Where the server takes its media.
    pub address: SocketAddr,
    /// When it was told to connect.
    pub since: Instant,
    ice: Ice,
    dtls: Dtls,
    /// Checked, and so allowed to begin the handshake.
    nominated: bool,
    /// There from the end of the handshake until the session fails or closes.
    pub media: Option<Media>,
    /// It failed or was closed.
    pub over: bool,
    /// Numbers of all that it sends.
    pub departures: Departures,
    /// What it publishes.
    pub tracks: Vec<Outgoing>,
    /// Numbers of the tracks that it is to get; none once it was told to close.
    pub subscribe: Vec<u32>,
    /// What it receives.
    pub incoming: Incoming,
    next_report: Instant,
}

impl Session {
    /// Ready for its first check.
    pub fn new(now: Instant, session: plan::Session, identity: &Identity, open_each: u32) -> Self {
        let tie_breaker = session.id as u64 + 1;
        let transport_cc = session.transport_cc;
        let tracks = session.publish.into_iter();
        let tracks = tracks.map(|track| Outgoing::new(track, transport_cc));
        Self {
            address: session.address,
            since: now,
            ice: Ice::new(now, tie_breaker, session.local, session.remote),
            dtls: Dtls::new(now, identity, !session.dtls_server, session.fingerprint),
            nominated: false,
            media: None,
            over: false,
            departures: Departures::default(),
            tracks: tracks.collect(),
            incoming: Incoming::new(
                session.subscribe.clone(),
                &session.payload_types,
                transport_cc,
                open_each,
            ),
            subscribe: session.subscribe,
            next_report: now + REPORTS,
        }
    }

    /// When [`Self::handle_timeout`] is due next.
    pub fn next_timeout(&self) -> Option<Instant> {
        if self.over {
            return None;
        }
        let dtls = self.dtls.next_timeout().filter(|_| self.nominated);
        let report = self.media.is_some().then_some(self.next_report);
        let feedback = self.incoming.arrivals.next_timeout();
        [Some(self.ice.next_timeout()), dtls, report, feedback]
            .into_iter()
            .flatten()
            .min()
    }

    /// Takes a STUN message.
    pub fn handle_stun(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
        mut send: impl FnMut(&[u8]),
    ) -> Result<bool, HandshakeError> {
        match self.ice.handle(now, from, datagram) {
            Heard::Reply(reply) => send(&reply),
            Heard::Nominated => {
                self.nominated = true;
                return self.handshake(now, None, send);
            }
            Heard::Nothing => {}
        }
        Ok(false)
    }

    /// Takes a DTLS record, or lets time do its part; `true` when the session has its keys with it.
    pub fn handshake(
        &mut self,
        now: Instant,
        datagram: Option<&[u8]>,
        send: impl FnMut(&[u8]),
    ) -> Result<bool, HandshakeError> {
        let Some((ours, theirs)) = self.dtls.drive(now, datagram, send)? else {
            return Ok(false);
        };
        self.start(now, &ours, &theirs);
        Ok(true)
    }

    fn start(&mut self, now: Instant, ours: &Keys, theirs: &Keys) {
        self.media = Some(Media {
            sealer: Sender::new(ours),
            opener: Receiver::new(theirs, STREAMS),
        });
        self.next_report = now + REPORTS;
    }

    /// Does what is due: a check, a retransmission of the handshake, reports. `since_epoch` is the
    /// clock that media time stamps follow, `wall_clock` counts from 1970.
    pub fn handle_timeout(
        &mut self,
        now: Instant,
        since_epoch: Duration,
        wall_clock: Duration,
        mut send: impl FnMut(&[u8]),
    ) -> Result<bool, HandshakeError> {
        if self.over {
            return Ok(false);
        }
        if let Some(check) = self.ice.poll(now) {
            send(&check);
        }
        if self.media.is_some() && self.next_report <= now {
            self.next_report = now + REPORTS;
            self.report(since_epoch, wall_clock, &mut send);
        }
        let feedback = self.incoming.arrivals.next_timeout();
        if feedback.is_some_and(|at| at <= now) {
            self.feed_back(&mut send);
        }
        let due = self.dtls.next_timeout().is_some_and(|at| at <= now);
        if self.nominated && due {
            return self.handshake(now, None, send);
        }
        Ok(false)
    }

    /// Tells when packets came (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
    fn feed_back(&mut self, send: &mut impl FnMut(&[u8])) {
        let Some(Media { sealer, .. }) = &mut self.media else {
            return;
        };
        let (media, mut more) = (self.incoming.any_ssrc(), true);
        while more {
            more = false;
            seal(sealer, send, |writer| {
                more = self.incoming.arrivals.feedback(OWN_SSRC, media, writer)?;
                Ok(())
            });
        }
    }

    fn report(&mut self, at: Duration, wall_clock: Duration, send: &mut impl FnMut(&[u8])) {
        let Some(Media { sealer, .. }) = &mut self.media else {
            return;
        };
        for track in self.tracks.iter().filter(|track| track.sequence > 0) {
            seal(sealer, send, |writer| {
                writer.sender_report(track.ssrc(), &track.sender_info(at, wall_clock), &[])?;
                writer.cname(track.ssrc(), "load")
            });
        }
        let blocks: Vec<_> = self.incoming.report_blocks().collect();
        for blocks in blocks.chunks(BLOCKS) {
            seal(sealer, send, |writer| {
                writer.receiver_report(OWN_SSRC, blocks)?;
                writer.cname(OWN_SSRC, "load")
            });
        }
    }

    /// Takes an SRTCP packet: requests for key frames of what it publishes.
    pub fn handle_rtcp(&mut self, packet: &mut [u8]) {
        let Some(media) = &mut self.media else {
            return;
        };
        // Reports about what others publish are not worth their decryption.
        if self.tracks.is_empty() {
            return;
        }
        let Ok(len) = media.opener.open_rtcp(packet) else {
            return;
        };
        for packet in rtcp::packets(&packet[..len]).map_while(Result::ok) {
            match packet {
                rtcp::Packet::PictureLoss(request) => key_frame(&mut self.tracks, request.media),
                rtcp::Packet::FullIntraRequest(request) => {
                    for (ssrc, _) in request.entries() {
                        key_frame(&mut self.tracks, ssrc);
                    }
                }
                _ => {}
            }
        }
    }

    /// Says goodbye.
    pub fn close(&mut self, now: Instant, send: impl FnMut(&[u8])) {
        if !self.over && self.media.is_some() {
            self.dtls.close(now, send);
        }
        self.subscribe.clear();
        self.end();
    }

    /// Is over without a word.
    pub fn end(&mut self) {
        self.over = true;
        self.media = None;
    }
}

/// Sends one compound packet, unless nothing was written.
fn seal(
    sealer: &mut Sender,
    send: &mut impl FnMut(&[u8]),
    write: impl FnOnce(&mut Writer<'_>) -> Result<(), NoRoom>,
) {
    let mut buffer = [0; COMPOUND + MAX_RTCP_OVERHEAD];
    let mut writer = Writer::new(&mut buffer[..COMPOUND]);
    // Whatever we write fits.
    if write(&mut writer).is_err() || writer.is_empty() {
        return;
    }
    let len = writer.len();
    // Keys that are used up end the session when it sends media.
    if let Ok(len) = sealer.protect_rtcp(&mut buffer, len) {
        send(&buffer[..len]);
    }
}

fn key_frame(tracks: &mut [Outgoing], ssrc: u32) {
    if let Some(track) = tracks.iter_mut().find(|track| track.ssrc() == ssrc) {
        track.want_key_frame();
    }
}
