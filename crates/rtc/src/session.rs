//! A session: its transport, its keys, and what it sends and gets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rtp::clock::{PublisherClock, RoundTrip};
use rtp::extensions::{ExtensionMap, ExtensionNumber};
use rtp::srtp;
use rtp::twcc::{ArrivalLog, Departures};
use rustc_hash::FxHashMap;
use shard::{Datagram, Kind, Transmit};
use track::{RtcSessionId, ShardId};

use crate::addresses::Holder;
use crate::command::Credentials;
use crate::event::{Event, Lost};
use crate::fanout::Resend;
use crate::letter::Letter;
use crate::plane::Plane;
use crate::sinks::Spent;
use crate::streams::Stream;
use crate::tables::Table;
use crate::transport::{self, Check, MediaKeys, Path, Transport, stun};

/// SSRCs that the SRTP of a session remembers.
const STREAMS: usize = 512;

/// A session, on the shard that has claimed it.
pub(crate) struct Session {
    pub(crate) id: RtcSessionId,
    pub(crate) transport: Transport,
    /// Of the DTLS association that stands, or stood when the peer fell silent.
    pub(crate) keys: Option<Keys>,
    /// Media goes out.
    pub(crate) connected: bool,
    /// Already among those that are looked at when the pass is settled.
    pub(crate) touched: bool,
    /// Already among those that media of this pass goes to.
    pub(crate) lined_up: bool,
    /// The session's ids of header extensions, both ways.
    pub(crate) extensions: Arc<ExtensionMap>,
    /// The id of the transport-wide sequence number.
    pub(crate) transport_cc: Option<u8>,
    /// The same, among those of all subscribers.
    pub(crate) table: Table,
    /// The same without what differs each time a packet is sent: where SSRCs are resent as they were.
    pub(crate) plain_table: Table,
    /// What comes on an SSRC.
    pub(crate) streams: FxHashMap<u32, Stream>,
    pub(crate) mids: FxHashMap<Box<[u8]>, usize>,
    /// The tracks that it publishes.
    pub(crate) tracks: Vec<usize>,
    pub(crate) sinks: Vec<usize>,
    /// The sink that sends with an SSRC.
    pub(crate) egress: FxHashMap<u32, usize>,
    /// What SSRCs of former sinks have come to under the present keys.
    pub(crate) spent: FxHashMap<u32, Spent>,
    /// When its packets came.
    pub(crate) arrivals: ArrivalLog,
    pub(crate) clock: PublisherClock,
    pub(crate) round_trip: RoundTrip,
    pub(crate) departures: Departures,
    /// Sinks whose tracks have packets of this pass.
    pub(crate) pending: Vec<usize>,
    /// Packets to send again in this pass.
    pub(crate) resends: Vec<Resend>,
    /// When the next reports are due; none while nothing comes or goes.
    pub(crate) report_at: Option<Instant>,
}

/// What opens and seals a session's packets.
pub(crate) struct Keys {
    pub(crate) sender: srtp::Sender,
    pub(crate) receiver: srtp::Receiver,
}

impl Keys {
    fn new(keys: &MediaKeys) -> Self {
        Self {
            sender: srtp::Sender::new(&keys.send),
            receiver: srtp::Receiver::new(&keys.receive, STREAMS),
        }
    }
}

impl Plane {
    /// A datagram of STUN, DTLS or RTP.
    pub fn handle_datagram(&mut self, now: Instant, kind: Kind, datagram: Datagram) {
        self.now = now;
        match self.addresses.holder(now, datagram.remote) {
            Some(Holder::Here(slot)) if self.is_open(slot) => {
                self.take(slot, kind, datagram, None);
            }
            Some(Holder::Elsewhere { shard, .. }) => {
                self.try_post(shard, Letter::Handover(kind, Box::new(datagram)));
            }
            _ if kind == Kind::Stun => self.introduce(datagram, None),
            _ => self.counters.rtc_unclaimed.add(1),
        }
    }

    /// A datagram that came to another shard.
    pub(crate) fn handed_over(&mut self, from: ShardId, kind: Kind, datagram: Datagram) {
        match self.addresses.holder(self.now, datagram.remote) {
            Some(Holder::Here(slot)) if self.is_open(slot) => {
                self.take(slot, kind, datagram, Some(from));
            }
            _ if kind == Kind::Stun => self.introduce(datagram, Some(from)),
            _ => {
                let address = datagram.remote;
                self.post(from, Letter::NotMine { address });
            }
        }
    }

    /// `owner` holds the session whose peer sends from `address`.
    pub(crate) fn learnt(&mut self, owner: ShardId, address: SocketAddr, session: RtcSessionId) {
        let shard = owner;
        let holder = Holder::Elsewhere { shard, session };
        self.addresses.learn(self.now, address, holder);
    }

    /// `from` does not know the address.
    pub(crate) fn not_theirs(&mut self, from: ShardId, address: SocketAddr) {
        if let Some(holder @ Holder::Elsewhere { shard, .. }) =
            self.addresses.holder(self.now, address)
            && shard == from
        {
            self.addresses.forget(address, holder);
        }
    }

    fn is_open(&self, slot: usize) -> bool {
        let session = self.sessions.get(slot);
        session.is_some_and(|session| self.session_index.get(&session.id) == Some(&slot))
    }

    /// A datagram from an address of the session.
    fn take(&mut self, slot: usize, kind: Kind, datagram: Datagram, from: Option<ShardId>) {
        match kind {
            Kind::Rtp => self.receive(slot, datagram.remote, datagram.data),
            Kind::Dtls => {
                let (now, path) = (self.now, path(&datagram));
                let transport = &mut self.sessions[slot].transport;
                transport.handle_dtls(now, path, &datagram.data);
                self.touch(slot);
            }
            _ => {
                if !self.check(slot, &datagram, from) {
                    self.introduce(datagram, from);
                }
            }
        }
    }

    /// A STUN message for the session, which answers it; false where it is meant for another one.
    fn check(&mut self, slot: usize, datagram: &Datagram, from: Option<ShardId>) -> bool {
        let now = self.now;
        let transport = &mut self.sessions[slot].transport;
        let check = transport.handle_stun(now, path(datagram), &datagram.data);
        self.touch(slot);
        match check {
            Check::Stranger => return false,
            Check::Refused => {}
            Check::Authentic { evicted } => {
                let (address, here) = (datagram.remote, Holder::Here(slot));
                self.addresses.learn(now, address, here);
                if let Some(evicted) = evicted {
                    self.addresses.forget(evicted, here);
                }
                if let Some(from) = from {
                    let session = self.sessions[slot].id;
                    self.post(from, Letter::Learnt { address, session });
                }
            }
        }
        true
    }

    /// A STUN message from somebody that the shard does not know, or not by these credentials.
    fn introduce(&mut self, datagram: Datagram, from: Option<ShardId>) {
        let Some(ufrag) = stun::local_ufrag(&datagram.data) else {
            return self.counters.rtc_unclaimed.add(1);
        };
        let Some(found) = self.registry.find(ufrag) else {
            self.counters.rtc_unclaimed.add(1);
            let path = path(&datagram);
            self.outbound.add(|buffer| {
                let size = stun::refuse(&datagram.data, buffer)?;
                Some(transmit(&path, size))
            });
            return;
        };
        let slot = match found.owner {
            Some(owner) if owner == self.shard => {
                let Some(&slot) = self.session_index.get(&found.session) else {
                    return;
                };
                let transport = &mut self.sessions[slot].transport;
                transport.add_credentials(found.credentials);
                slot
            }
            Some(owner) => {
                // From hand to hand once: what is on its way again comes again.
                if from.is_none() {
                    let letter = Letter::Handover(Kind::Stun, Box::new(datagram));
                    self.try_post(owner, letter);
                }
                return;
            }
            None => {
                if !stun::is_authentic(&datagram.data, &found.credentials) {
                    return self.counters.rtc_unclaimed.add(1);
                }
                let Some(commands) = self.registry.claim(found.session, self.shard) else {
                    return;
                };
                let slot = self.open_session(found.session, found.credentials);
                for command in commands {
                    self.carry_out(self.now, command);
                }
                slot
            }
        };
        self.check(slot, &datagram, from);
    }

    fn open_session(&mut self, id: RtcSessionId, credentials: Credentials) -> usize {
        let extensions = ExtensionMap::default();
        let slot = self.sessions.insert(Session {
            id,
            transport: Transport::new(&self.context, credentials),
            keys: None,
            connected: false,
            touched: false,
            lined_up: false,
            table: self.tables.intern(extensions.clone()),
            plain_table: self.tables.intern(extensions.clone()),
            extensions: Arc::new(extensions),
            transport_cc: None,
            streams: FxHashMap::default(),
            mids: FxHashMap::default(),
            tracks: Vec::new(),
            sinks: Vec::new(),
            egress: FxHashMap::default(),
            spent: FxHashMap::default(),
            arrivals: ArrivalLog::default(),
            clock: PublisherClock::default(),
            round_trip: RoundTrip::default(),
            departures: Departures::default(),
            pending: Vec::new(),
            resends: Vec::new(),
            report_at: None,
        });
        self.session_index.insert(id, slot);
        self.counters
            .rtc_sessions
            .set(self.session_index.len() as u64);
        slot
    }

    pub(crate) fn set_extensions(&mut self, slot: usize, extensions: &[(u8, ExtensionNumber)]) {
        let map = ExtensionMap::new(extensions);
        if *self.sessions[slot].extensions == map {
            return;
        }
        let changing = [
            ExtensionNumber::TRANSPORT_CC,
            ExtensionNumber::ABS_SEND_TIME,
        ];
        let constant: Vec<_> = extensions
            .iter()
            .copied()
            .filter(|(_, number)| !changing.contains(number))
            .collect();
        let table = self.tables.intern(map.clone());
        let plain_table = self.tables.intern(ExtensionMap::new(&constant));
        let session = &mut self.sessions[slot];
        self.tables
            .release(std::mem::replace(&mut session.table, table));
        let before = std::mem::replace(&mut session.plain_table, plain_table);
        self.tables.release(before);
        session.transport_cc = map.id(ExtensionNumber::TRANSPORT_CC);
        session.extensions = Arc::new(map);
        for index in 0..self.sessions[slot].sinks.len() {
            let sink = self.sessions[slot].sinks[index];
            self.sinks[sink].hold_resends(self.now);
        }
        for index in 0..self.sessions[slot].tracks.len() {
            let track = self.sessions[slot].tracks[index];
            self.renegotiated(track);
        }
    }

    /// Lets the session's transport say what it has to, and sets its timer.
    pub(crate) fn settle_session(&mut self, slot: usize) {
        let Some(session) = self.sessions.get_mut(slot) else {
            return;
        };
        session.touched = false;
        let now = self.now;
        loop {
            let transport = &mut session.transport;
            let more = self
                .outbound
                .add(|buffer| transport.poll_transmit(now, buffer));
            if !more {
                break;
            }
        }
        while let Some(event) = self.sessions[slot].transport.poll_event() {
            self.transport_event(slot, event);
        }
        self.arm_session(slot);
    }

    pub(crate) fn arm_session(&mut self, slot: usize) {
        let session = &self.sessions[slot];
        let at = [
            session.transport.next_timeout(),
            session
                .arrivals
                .next_timeout()
                .filter(|_| session.keys.is_some()),
            session.report_at,
        ];
        self.session_timers
            .set(slot, at.into_iter().flatten().min());
    }

    pub(crate) fn session_due(&mut self, slot: usize) {
        let now = self.now;
        let Some(session) = self.sessions.get_mut(slot) else {
            return;
        };
        session.transport.handle_timeout(now);
        let arrivals_due = session.arrivals.next_timeout().is_some_and(|at| at <= now);
        let report_due = session.report_at.is_some_and(|at| at <= now);
        if arrivals_due {
            self.report_arrivals(slot);
        }
        if report_due {
            self.report(slot);
        }
        self.touch(slot);
    }

    fn transport_event(&mut self, slot: usize, event: transport::Event) {
        let session = &mut self.sessions[slot];
        let id = session.id;
        if self.session_index.get(&id) != Some(&slot) {
            return;
        }
        match event {
            transport::Event::Connected { keys } => {
                self.events.push_back(Event::Connected { session: id });
                self.renew(slot, &keys);
                self.connected(slot);
            }
            transport::Event::Rekeyed { keys } => {
                self.renew(slot, &keys);
                self.connected(slot);
            }
            transport::Event::Resumed => {
                self.events.push_back(Event::Connected { session: id });
                self.connected(slot);
            }
            transport::Event::Disconnected(reason) => {
                session.connected = false;
                if reason != Lost::Silent {
                    session.keys = None;
                }
                let session = id;
                self.events
                    .push_back(Event::Disconnected { session, reason });
            }
            transport::Event::Restarted { ufrag } => self.registry.restarted(id, &ufrag),
        }
    }

    /// Every SSRC counts from the beginning under new keys.
    fn renew(&mut self, slot: usize, keys: &MediaKeys) {
        let session = &mut self.sessions[slot];
        session.keys = Some(Keys::new(keys));
        session.spent.clear();
        for &sink in &session.sinks {
            self.sinks[sink].renew();
        }
    }

    /// Media goes out from now on, which begins with key frames.
    fn connected(&mut self, slot: usize) {
        self.sessions[slot].connected = true;
        for index in 0..self.sessions[slot].sinks.len() {
            let sink = self.sessions[slot].sinks[index];
            self.refresh_sink(sink);
        }
    }

    /// Says goodbye, and forgets the session but for that.
    pub(crate) fn close_session(&mut self, slot: usize) {
        let here = Holder::Here(slot);
        let session = &mut self.sessions[slot];
        let id = session.id;
        session.transport.close();
        session.connected = false;
        for address in session.transport.addresses() {
            self.addresses.forget(address, here);
        }
        for sink in std::mem::take(&mut session.sinks) {
            self.remove_sink(sink);
        }
        for track in std::mem::take(&mut self.sessions[slot].tracks) {
            self.remove_track(track);
        }
        self.session_index.remove(&id);
        self.registry.remove(id);
        self.settle_session(slot);
        self.session_timers.set(slot, None);
        let session = &mut self.sessions[slot];
        session.resends.clear();
        self.tables.release(session.table);
        self.tables.release(session.plain_table);
        self.counters
            .rtc_sessions
            .set(self.session_index.len() as u64);
        self.closing.push(slot);
        self.events.push_back(Event::Closed { session: id });
    }
}

/// The way that a datagram came.
fn path(datagram: &Datagram) -> Path {
    Path {
        socket: datagram.socket,
        local_ip: datagram.local_ip,
        remote: datagram.remote,
    }
}

/// A datagram, or what will be a run, of `size` bytes back the way that something came.
pub(crate) fn transmit(path: &Path, size: usize) -> Transmit {
    Transmit {
        socket: path.socket,
        destination: path.remote,
        src_ip: path.local_ip,
        ecn: None,
        size,
        segment_size: None,
    }
}
