//! A session on its shard: control streams for Python, and what of its data waits.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::{Buf, Bytes};
use rustc_hash::FxHashMap;
use track::{FetchId, SessionId};

use crate::carrier::{CarrierEvent, ReadState, SessionKey, StreamId, WriteError};
use crate::framing::profile::{Profile, profile};
use crate::relay::Relay;
use crate::relay::command::ControlStream;
use crate::relay::event::Event;
use crate::relay::sources::{AliasUse, Inbound};
use crate::relay::store::LogRef;

/// Control streams go out before all data.
const CONTROL_PRIORITY: i32 = i32::MAX;
/// Aliases remembered of a session's subscriptions that are over.
const CANCELLED: usize = 256;
/// Events that wait here for Python, the queue to it being full, when new sessions are refused.
const NEWCOMERS: usize = 4096;
/// Control bytes handed to Python for one session between two of its visits.
const CONTROL_QUANTUM: usize = 16 << 10;

/// A session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) key: SessionKey,
    /// `None` until Python names the draft: data waits.
    pub(crate) profile: Option<&'static Profile>,
    pub(crate) inbound: FxHashMap<StreamId, Inbound>,
    pub(crate) aliases: FxHashMap<u64, AliasUse>,
    /// Aliases of subscriptions that are over, oldest first.
    cancelled: VecDeque<u64>,
    pub(crate) parked: Vec<(u64, StreamId)>,
    pub(crate) parked_datagrams: VecDeque<(u64, Instant, Bytes)>,
    pub(crate) parked_datagram_bytes: usize,
    pub(crate) sources: Vec<usize>,
    pub(crate) sinks: Vec<usize>,
    pub(crate) fetches: Vec<usize>,
    /// Data streams to the subscriber that are not done.
    pub(crate) out: FxHashMap<StreamId, OutRef>,
    /// What waits for room.
    pub(crate) blocked: Vec<Waiting>,
    /// Those in `blocked` that wait no more; a few too many after they were served.
    pub(crate) gone: usize,
    /// What those that wait in `blocked` count.
    pub(crate) queued: u64,
    pub(crate) behind_since: Option<Instant>,
    pub(crate) wants_service: bool,
    /// The request that was served first the last time.
    pub(crate) served: u64,
    /// Bytes written to data streams in the call that is being carried out.
    pub(crate) written: u64,
    control: FxHashMap<ControlStream, ControlOut>,
    /// Our control streams by what the carrier calls them.
    opened: FxHashMap<StreamId, ControlStream>,
    control_backlog: usize,
    /// Control streams with bytes that Python has not had.
    unread: VecDeque<StreamId>,
    waits_for_python: bool,
    /// The visit of Python's in which the session last had its share.
    visit: u64,
}

/// A data stream to a subscriber.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OutRef {
    Outlet { log: LogRef, at: usize },
    Fetch(FetchId),
}

/// Something that waits for room, with what decides its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    /// Subscriber's, then publisher's; lower first.
    pub(crate) priority: (u8, u8),
    pub(crate) request: u64,
    /// Place of the group within its request.
    pub(crate) order: u64,
    pub(crate) subgroup: u64,
    /// Place among the waiting of its request; requests take turns.
    pub(crate) turn: u64,
    pub(crate) what: WaitingFor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitingFor {
    /// The place may be another's by now, whose ticket is another.
    Outlet {
        log: LogRef,
        at: usize,
        ticket: u64,
    },
    Fetch(FetchId),
}

#[derive(Debug, Default)]
struct ControlOut {
    stream: Option<StreamId>,
    bidirectional: bool,
    queue: VecDeque<Bytes>,
    fin: bool,
}

impl Session {
    pub(crate) fn new(id: SessionId, key: SessionKey) -> Self {
        Self {
            id,
            key,
            profile: None,
            inbound: FxHashMap::default(),
            aliases: FxHashMap::default(),
            cancelled: VecDeque::new(),
            parked: Vec::new(),
            parked_datagrams: VecDeque::new(),
            parked_datagram_bytes: 0,
            sources: Vec::new(),
            sinks: Vec::new(),
            fetches: Vec::new(),
            out: FxHashMap::default(),
            blocked: Vec::new(),
            gone: 0,
            queued: 0,
            behind_since: None,
            wants_service: false,
            served: 0,
            written: 0,
            control: FxHashMap::default(),
            opened: FxHashMap::default(),
            control_backlog: 0,
            unread: VecDeque::new(),
            waits_for_python: false,
            visit: u64::MAX,
        }
    }

    /// What still comes under an alias is discarded, until many others have been cancelled too.
    pub(crate) fn cancel_alias(&mut self, alias: u64) {
        self.aliases.insert(alias, AliasUse::Cancelled);
        self.cancelled.push_back(alias);
        if self.cancelled.len() > CANCELLED
            && let Some(oldest) = self.cancelled.pop_front()
            && self.aliases.get(&oldest) == Some(&AliasUse::Cancelled)
        {
            self.aliases.remove(&oldest);
        }
    }

    /// What Python calls a control stream.
    fn public(&self, stream: StreamId) -> ControlStream {
        self.opened
            .get(&stream)
            .copied()
            .unwrap_or(ControlStream(stream.into()))
    }
}

impl Relay {
    pub(crate) fn add_session(&mut self, id: SessionId, key: SessionKey) -> usize {
        let slot = self.sessions.insert(Session::new(id, key));
        self.session_index.insert(id, slot);
        self.session_keys.insert(key, slot);
        self.counters.sessions.set(self.sessions.len() as u64);
        slot
    }

    pub(crate) fn handle_carrier_event(&mut self, key: SessionKey, event: CarrierEvent) {
        if let CarrierEvent::Incoming(incoming) = event {
            if self.events.len() >= NEWCOMERS {
                self.carriers.refuse(self.now, key, 503);
                return;
            }
            let id = SessionId(key.get());
            self.add_session(id, key);
            self.events.push_back(Event::Incoming {
                session: id,
                incoming,
            });
            return;
        }
        let Some(&slot) = self.session_keys.get(&key) else {
            return;
        };
        let id = self.sessions[slot].id;
        match event {
            CarrierEvent::Incoming(_) => {}
            CarrierEvent::Connected { protocol } => {
                self.events.push_back(Event::Connected {
                    session: id,
                    protocol,
                });
                self.open_waiting_control(slot);
            }
            CarrierEvent::Opened(stream) => self.stream_opened(slot, stream),
            CarrierEvent::Readable(stream) => self.stream_readable(slot, stream),
            CarrierEvent::Writable(stream) => self.stream_writable(slot, stream),
            CarrierEvent::Stopped { stream, code } => self.stopped(slot, stream, code),
            CarrierEvent::Finished(_) => {}
            CarrierEvent::StreamsAvailable(_) => {
                self.open_waiting_control(slot);
                self.want_service(slot);
            }
            CarrierEvent::DatagramReadable => self.read_datagrams(slot),
            CarrierEvent::Closed {
                code,
                reason,
                remote,
            } => {
                self.forget_session(slot);
                self.events.push_back(Event::Closed {
                    session: id,
                    code,
                    reason,
                    remote,
                });
            }
        }
    }

    pub(crate) fn want_service(&mut self, slot: usize) {
        if !std::mem::replace(&mut self.sessions[slot].wants_service, true) {
            self.to_serve.push(slot);
        }
    }

    fn stream_writable(&mut self, slot: usize, stream: StreamId) {
        let public = self.sessions[slot].public(stream);
        if self.sessions[slot].control.contains_key(&public) {
            self.flush_control(slot, public);
        } else {
            self.want_service(slot);
        }
    }

    fn stopped(&mut self, slot: usize, stream: StreamId, code: u64) {
        let session = &mut self.sessions[slot];
        let public = session.public(stream);
        if let Some(out) = session.control.remove(&public) {
            session.control_backlog -= out.queue.iter().map(Bytes::len).sum::<usize>();
            let id = session.id;
            self.events.push_back(Event::StreamStopped {
                session: id,
                stream: public,
                code,
            });
        } else {
            self.stream_stopped(slot, stream, code);
        }
    }

    pub(crate) fn set_draft(&mut self, id: SessionId, draft: u8) {
        let Some(&slot) = self.session_index.get(&id) else {
            return;
        };
        let Some(profile) = profile(draft) else {
            return;
        };
        self.sessions[slot].profile = Some(profile);
        if let Some(mut carrier) = self.carriers.session(self.sessions[slot].key) {
            carrier.keep_alive(Some(self.limits.keep_alive));
        }
        let waiting: Vec<StreamId> = self.sessions[slot]
            .inbound
            .iter()
            .filter(|(_, inbound)| matches!(inbound, Inbound::Fresh { .. }))
            .map(|(stream, _)| *stream)
            .collect();
        for stream in waiting {
            self.read_data(slot, stream);
        }
        self.read_datagrams(slot);
    }

    pub(crate) fn close_session(&mut self, id: SessionId, code: u64, reason: &str) {
        if let Some(&slot) = self.session_index.get(&id) {
            self.carriers
                .close(self.now, self.sessions[slot].key, code, reason);
        }
    }

    /// Forgets everything of a session that is gone.
    fn forget_session(&mut self, slot: usize) {
        self.end_inbound(slot);
        for source in std::mem::take(&mut self.sessions[slot].sources) {
            self.forget_source(source);
        }
        for sink in std::mem::take(&mut self.sessions[slot].sinks) {
            let track = self.sinks[sink].track;
            self.forget_sink(sink);
            self.tidy_track(track);
        }
        for fetch in std::mem::take(&mut self.sessions[slot].fetches) {
            self.forget_fetch(fetch);
        }
        let session = self.sessions.remove(slot);
        self.session_index.remove(&session.id);
        self.session_keys.remove(&session.key);
        self.counters.sessions.set(self.sessions.len() as u64);
    }

    // Control streams, from the peer to Python.

    pub(crate) fn control_readable(&mut self, slot: usize, stream: StreamId) {
        let session = &mut self.sessions[slot];
        if !session.unread.contains(&stream) {
            session.unread.push_back(stream);
        }
        if !std::mem::replace(&mut session.waits_for_python, true) {
            self.unread_sessions.push_back(slot);
        }
    }

    /// Hands control bytes to Python, session by session, each at most its share in this `visit`;
    /// true when some had to wait for the next one.
    pub(crate) fn read_control(&mut self, visit: u64, mut room: usize) -> bool {
        let mut waits = false;
        for _ in 0..self.unread_sessions.len() {
            let Some(slot) = self.unread_sessions.pop_front() else {
                break;
            };
            let Some(session) = self.sessions.get_mut(slot).filter(|s| s.waits_for_python) else {
                continue;
            };
            if session.visit == visit || room == 0 {
                waits = true;
                self.unread_sessions.push_back(slot);
                continue;
            }
            let events = self.events.len();
            let mut share = CONTROL_QUANTUM;
            while share > 0
                && room > 0
                && let Some(stream) = self.sessions[slot].unread.pop_front()
            {
                room -= 1;
                if self.read_control_stream(slot, stream, &mut share) {
                    self.sessions[slot].unread.push_front(stream);
                }
            }
            let told = self.events.len() > events;
            let Some(session) = self.sessions.get_mut(slot) else {
                continue;
            };
            if told {
                // Python comes for what it was told; for nothing it would not.
                session.visit = visit;
            }
            session.waits_for_python = !session.unread.is_empty();
            if session.waits_for_python {
                waits = true;
                self.unread_sessions.push_back(slot);
            }
        }
        waits
    }

    /// Reads one control stream once; true when it has more.
    fn read_control_stream(&mut self, slot: usize, stream: StreamId, share: &mut usize) -> bool {
        let session = &mut self.sessions[slot];
        let (id, public) = (session.id, session.public(stream));
        let Some(mut carrier) = self.carriers.session(session.key) else {
            return false;
        };
        self.scratch.clear();
        let state = carrier.read(stream, *share, &mut self.scratch);
        let len: usize = self.scratch.iter().map(Bytes::len).sum();
        *share -= len.min(*share);
        self.counters.control_bytes_in.add(len as u64);
        let fin = state == ReadState::Finished;
        if len > 0 || fin {
            let data = match self.scratch.as_slice() {
                [one] => one.clone(),
                parts => parts.concat().into(),
            };
            self.events.push_back(Event::StreamBytes {
                session: id,
                stream: public,
                data,
                fin,
            });
        }
        self.scratch.clear();
        match state {
            ReadState::More => return true,
            ReadState::Reset(code) => {
                self.events.push_back(Event::StreamReset {
                    session: id,
                    stream: public,
                    code,
                });
                self.sessions[slot].inbound.remove(&stream);
            }
            ReadState::Finished | ReadState::Closed => {
                self.sessions[slot].inbound.remove(&stream);
            }
            ReadState::Blocked => {}
        }
        false
    }

    // Control streams, from Python to the peer.

    pub(crate) fn open_control(
        &mut self,
        id: SessionId,
        stream: ControlStream,
        bidirectional: bool,
    ) {
        let Some(&slot) = self.session_index.get(&id) else {
            return;
        };
        let out = ControlOut {
            bidirectional,
            ..ControlOut::default()
        };
        self.sessions[slot].control.insert(stream, out);
        self.open_waiting_control(slot);
    }

    fn open_waiting_control(&mut self, slot: usize) {
        let session = &mut self.sessions[slot];
        if session.control.values().all(|out| out.stream.is_some()) {
            return;
        }
        let Some(mut carrier) = self.carriers.session(session.key) else {
            return;
        };
        let mut waiting: Vec<ControlStream> = session
            .control
            .iter()
            .filter(|(_, out)| out.stream.is_none())
            .map(|(stream, _)| *stream)
            .collect();
        waiting.sort_unstable_by_key(|stream| stream.0);
        let mut opened = Vec::new();
        for public in waiting {
            let Some(out) = session.control.get_mut(&public) else {
                continue;
            };
            let stream = match out.bidirectional {
                true => carrier.open_bi(CONTROL_PRIORITY),
                false => carrier.open_uni(CONTROL_PRIORITY),
            };
            let Some(stream) = stream else { continue };
            out.stream = Some(stream);
            session.opened.insert(stream, public);
            if out.bidirectional {
                session.inbound.insert(stream, Inbound::Control);
            }
            opened.push(public);
        }
        for public in opened {
            self.flush_control(slot, public);
        }
    }

    pub(crate) fn send(&mut self, id: SessionId, stream: ControlStream, data: Bytes, fin: bool) {
        if let Some(&slot) = self.session_index.get(&id) {
            self.send_control(slot, stream, data, fin);
        }
    }

    pub(crate) fn send_control(
        &mut self,
        slot: usize,
        stream: ControlStream,
        data: Bytes,
        fin: bool,
    ) {
        let session = &mut self.sessions[slot];
        let ours = session.control.contains_key(&stream);
        let out = session.control.entry(stream).or_default();
        if !ours {
            out.stream = Some(StreamId::from(stream.0));
            if let Some(mut carrier) = self.carriers.session(session.key) {
                carrier.set_priority(StreamId::from(stream.0), CONTROL_PRIORITY);
            }
        }
        self.counters.control_bytes_out.add(data.len() as u64);
        session.control_backlog += data.len();
        out.queue.push_back(data);
        out.fin |= fin;
        if session.control_backlog > self.limits.control_backlog {
            let (now, key) = (self.now, session.key);
            self.carriers
                .close(now, key, 0x11, "control messages are not being read");
            return;
        }
        self.flush_control(slot, stream);
    }

    fn flush_control(&mut self, slot: usize, public: ControlStream) {
        let session = &mut self.sessions[slot];
        let Some(out) = session.control.get_mut(&public) else {
            return;
        };
        let Some(stream) = out.stream else { return };
        let Some(mut carrier) = self.carriers.session(session.key) else {
            return;
        };
        while let Some(front) = out.queue.front_mut() {
            if front.is_empty() {
                out.queue.pop_front();
                continue;
            }
            match carrier.write_control(stream, std::slice::from_mut(front)) {
                Ok(written) => {
                    session.control_backlog -= written.bytes;
                    // A partial write leaves the rest in place; a whole one leaves it as it was.
                    if written.chunks > 0 {
                        out.queue.pop_front();
                    }
                }
                Err(WriteError::Blocked) => return,
                Err(WriteError::Stopped(_) | WriteError::Closed) => {
                    session.control_backlog -= out.queue.iter().map(Buf::remaining).sum::<usize>();
                    session.control.remove(&public);
                    return;
                }
            }
        }
        if out.fin {
            carrier.finish(stream);
            session.control.remove(&public);
        }
    }

    pub(crate) fn reset_control(&mut self, id: SessionId, public: ControlStream, code: u64) {
        let Some((slot, stream)) = self.control_stream(id, public) else {
            return;
        };
        let session = &mut self.sessions[slot];
        if let Some(out) = session.control.remove(&public) {
            session.control_backlog -= out.queue.iter().map(Bytes::len).sum::<usize>();
        }
        if let Some(mut carrier) = self.carriers.session(session.key) {
            carrier.reset(stream, code);
        }
    }

    pub(crate) fn stop_control(&mut self, id: SessionId, public: ControlStream, code: u64) {
        let Some((slot, stream)) = self.control_stream(id, public) else {
            return;
        };
        let session = &mut self.sessions[slot];
        session.inbound.remove(&stream);
        session.unread.retain(|unread| *unread != stream);
        if let Some(mut carrier) = self.carriers.session(session.key) {
            carrier.stop_sending(stream, code);
        }
    }

    fn control_stream(&self, id: SessionId, public: ControlStream) -> Option<(usize, StreamId)> {
        let &slot = self.session_index.get(&id)?;
        let session = &self.sessions[slot];
        match session.control.get(&public) {
            Some(out) => Some((slot, out.stream?)),
            None => {
                let known = session.opened.iter().find(|(_, held)| **held == public);
                Some((
                    slot,
                    known.map_or(StreamId::from(public.0), |(stream, _)| *stream),
                ))
            }
        }
    }
}
