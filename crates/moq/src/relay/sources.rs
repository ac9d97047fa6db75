//! Sources: data streams and datagrams as they come in, and which track they feed.

use std::time::{Duration, Instant};

use bytes::Bytes;
use track::{SessionId, SourceId, TrackId};

use crate::carrier::{ReadState, StreamId};
use crate::framing::codes::{Close, Fate, Reset};
use crate::framing::datagram::{self, Body};
use crate::framing::header::{self, HeaderError, StreamHeader, SubgroupHeader, SubgroupId};
use crate::framing::properties::Properties;
use crate::framing::status::Status;
use crate::framing::subgroup::{Mark, ObjectHeader, Scanner, encode as encode_object};
use crate::relay::Relay;
use crate::relay::event::Event;
use crate::relay::letter::{Letter, Step, StepHeader, StepKey};
use crate::relay::log::{LogHeader, LogKey};
use crate::relay::tracks::{Feeder, LETTERS_HELD, StepRef};

/// Bytes of one data stream read in one pass.
const READ_MOST: usize = 256 << 10;
/// A stream header is shorter than this in every draft.
const HEADER_MOST: usize = 64;

/// Streams that have ended and whose memory waits for the next one, each with at most so many bytes.
const SPARE_STREAMS: usize = 256;
const READ_LITTLE: usize = 1 << 10;

/// What a stream of the peer's is to us.
#[derive(Debug)]
pub(crate) enum Inbound {
    /// A data stream whose header is not read yet, or not whole.
    Fresh {
        begun: Vec<u8>,
    },
    Control,
    /// Its alias means nothing yet: the rest stays unread, unless there is none.
    Parked {
        header: SubgroupHeader,
        begun: Bytes,
        state: ReadState,
    },
    Data(Box<DataStream>),
}

/// A stream that feeds a track.
#[derive(Debug)]
pub(crate) struct DataStream {
    source: usize,
    header: SubgroupHeader,
    scanner: Scanner,
    feeder: Feeder,
    key: Option<LogKey>,
    /// The start of an object header, kept until the rest comes.
    begun: Vec<u8>,
}

/// What an alias of a session's data streams stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AliasUse {
    Source(usize),
    /// A subscription that is over: what still comes is discarded.
    Cancelled,
}

/// A session that feeds a track.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) id: SourceId,
    pub(crate) track: TrackId,
    pub(crate) session: usize,
    pub(crate) alias: u64,
    /// Streams seen so far, and those still open.
    seen: u64,
    open: u64,
    /// It broke its track's rules: Python was told, and nothing more of it counts.
    malformed: bool,
    /// The publisher is done after this many streams, or at the deadline.
    ending: Option<(Option<u64>, Instant)>,
}

impl Relay {
    pub(crate) fn attach_source(
        &mut self,
        id: SourceId,
        track: TrackId,
        session: SessionId,
        alias: u64,
    ) {
        let Some(&session) = self.session_index.get(&session) else {
            return;
        };
        let source = self.sources.insert(Source {
            id,
            track,
            session,
            alias,
            seen: 0,
            open: 0,
            malformed: false,
            ending: None,
        });
        self.source_index.insert(id, source);
        self.sessions[session].sources.push(source);
        self.sessions[session]
            .aliases
            .insert(alias, AliasUse::Source(source));
        self.post(track.shard(), Letter::SourceJoined { track, source: id });
        self.unpark(session, alias, source);
    }

    fn unpark(&mut self, slot: usize, alias: u64, source: usize) {
        let session = &mut self.sessions[slot];
        let streams: Vec<StreamId> = session
            .parked
            .extract_if(.., |(parked, _)| *parked == alias)
            .map(|(_, stream)| stream)
            .collect();
        let mut datagrams = Vec::new();
        session.parked_datagrams.retain(|(parked, _, bytes)| {
            if *parked == alias {
                datagrams.push(bytes.clone());
            }
            *parked != alias
        });
        session.parked_datagram_bytes -= datagrams.iter().map(Bytes::len).sum::<usize>();
        for stream in streams {
            let Some(Inbound::Parked {
                header,
                begun,
                state,
            }) = self.sessions[slot].inbound.remove(&stream)
            else {
                continue;
            };
            self.begin_data(slot, stream, source, header, &begun);
            if matches!(state, ReadState::More | ReadState::Blocked) {
                self.read_data(slot, stream);
            } else if let Err(fate) = self.take_data(slot, stream, state) {
                self.punish(slot, stream, fate);
            }
        }
        for bytes in datagrams {
            self.take_datagram(slot, bytes);
        }
    }

    pub(crate) fn end_source(&mut self, id: SourceId, streams: Option<u64>, deadline: Duration) {
        let Some(&index) = self.source_index.get(&id) else {
            return;
        };
        self.sources[index].ending = Some((streams, self.now + deadline));
        self.ending_sources.push((index, id));
    }

    /// Tells which ended sources have brought everything.
    pub(crate) fn sweep_ending_sources(&mut self) {
        let mut ending = std::mem::take(&mut self.ending_sources);
        ending.retain(|&(index, id)| {
            let Some(source) = self.sources.get(index).filter(|source| source.id == id) else {
                return false;
            };
            let Some((streams, deadline)) = source.ending else {
                return false;
            };
            let complete =
                source.open == 0 && streams.is_some_and(|streams| source.seen >= streams);
            if !complete && self.now < deadline {
                return true;
            }
            self.stop_streams(index);
            self.leave(index);
            self.forget_source(index);
            self.events.push_back(Event::SourceEnded { source: id });
            false
        });
        ending.append(&mut self.ending_sources);
        self.ending_sources = ending;
    }

    pub(crate) fn detach_source(&mut self, id: SourceId) {
        if let Some(&index) = self.source_index.get(&id) {
            self.stop_streams(index);
            self.leave(index);
            self.forget_source(index);
        }
    }

    fn leave(&mut self, index: usize) {
        let source = &self.sources[index];
        let letter = Letter::SourceLeft {
            track: source.track,
            source: source.id,
        };
        self.post(source.track.shard(), letter);
    }

    fn stop_streams(&mut self, index: usize) {
        let slot = self.sources[index].session;
        let session = &mut self.sessions[slot];
        let streams: Vec<StreamId> = session
            .inbound
            .iter()
            .filter(|(_, inbound)| matches!(inbound, Inbound::Data(data) if data.source == index))
            .map(|(stream, _)| *stream)
            .collect();
        for stream in streams {
            self.stop_data(slot, stream, Reset::Cancelled);
        }
    }

    /// The session of a source is gone, or Python let go of it.
    pub(crate) fn forget_source(&mut self, index: usize) {
        let Some(source) = self.sources.try_remove(index) else {
            return;
        };
        self.source_index.remove(&source.id);
        if let Some(session) = self.sessions.get_mut(source.session) {
            session.sources.retain(|held| *held != index);
            if session.aliases.get(&source.alias) == Some(&AliasUse::Source(index)) {
                session.cancel_alias(source.alias);
            }
        }
    }

    /// The session is gone: its streams end where they are, its sources leave their tracks.
    pub(crate) fn end_inbound(&mut self, slot: usize) {
        for (_, inbound) in std::mem::take(&mut self.sessions[slot].inbound) {
            if let Inbound::Data(data) = inbound {
                self.end_data(data, false);
            }
        }
        for at in 0..self.sessions[slot].sources.len() {
            self.leave(self.sessions[slot].sources[at]);
        }
    }

    // Streams.

    pub(crate) fn stream_opened(&mut self, slot: usize, stream: StreamId) {
        if stream.is_bidirectional() {
            self.sessions[slot].inbound.insert(stream, Inbound::Control);
            self.control_readable(slot, stream);
            return;
        }
        self.sessions[slot]
            .inbound
            .insert(stream, Inbound::Fresh { begun: Vec::new() });
        let session = self.sessions[slot].id;
        self.fresh
            .push_back((self.now + self.limits.header, session, stream));
        self.read_data(slot, stream);
    }

    pub(crate) fn stream_readable(&mut self, slot: usize, stream: StreamId) {
        match self.sessions[slot].inbound.get(&stream) {
            Some(Inbound::Control) => self.control_readable(slot, stream),
            Some(Inbound::Fresh { .. } | Inbound::Data(_)) => self.read_data(slot, stream),
            Some(Inbound::Parked { .. }) | None => {}
        }
    }

    /// Reads what a data stream has, up to a bound; the rest is for the next pass.
    pub(crate) fn read_data(&mut self, slot: usize, stream: StreamId) {
        let session = &self.sessions[slot];
        if session.profile.is_none() {
            return;
        }
        let fresh = match session.inbound.get(&stream) {
            Some(Inbound::Fresh { .. }) => true,
            Some(Inbound::Data(data)) if self.is_held_up(data.source) => {
                let entry = (session.id, stream);
                if !self.again.contains(&entry) {
                    self.again.push(entry);
                }
                return;
            }
            _ => false,
        };
        let Some(mut carrier) = self.carriers.session(session.key) else {
            return;
        };
        self.scratch.clear();
        // The header decides whether the rest may be read at all.
        let most = if fresh { HEADER_MOST } else { READ_MOST };
        let state = carrier.read(stream, most, &mut self.scratch);
        let fate = if fresh {
            self.take_header(slot, stream, state)
        } else {
            self.take_data(slot, stream, state)
        };
        self.scratch.clear();
        if let Err(fate) = fate {
            self.punish(slot, stream, fate);
            return;
        }
        if state == ReadState::More {
            let session = &self.sessions[slot];
            if fresh && matches!(session.inbound.get(&stream), Some(Inbound::Data(_))) {
                return self.read_data(slot, stream);
            }
            let id = session.id;
            self.again.push((id, stream));
        }
    }

    /// The track's home does not take as many letters as its sources bring: what is left unread holds
    /// them back.
    fn is_held_up(&self, source: usize) -> bool {
        let far = |source: &Source| source.track.shard() != self.shard;
        self.held_letters.len() >= LETTERS_HELD && self.sources.get(source).is_some_and(far)
    }

    fn take_header(&mut self, slot: usize, stream: StreamId, state: ReadState) -> Result<(), Fate> {
        let session = &mut self.sessions[slot];
        let Some(Inbound::Fresh { begun }) = session.inbound.remove(&stream) else {
            return Ok(());
        };
        let mut bytes = std::mem::take(&mut self.scratch_bytes);
        bytes.clear();
        bytes.extend_from_slice(&begun);
        self.scratch
            .iter()
            .for_each(|part| bytes.extend_from_slice(part));
        let fate = self.take_first(slot, stream, state, &bytes);
        self.scratch_bytes = bytes;
        fate
    }

    /// Finds out what a stream is whose first bytes these are.
    fn take_first(
        &mut self,
        slot: usize,
        stream: StreamId,
        state: ReadState,
        bytes: &[u8],
    ) -> Result<(), Fate> {
        let session = &mut self.sessions[slot];
        let Some(profile) = session.profile else {
            return Ok(());
        };
        let (header, len) = match header::decode(profile, bytes) {
            Ok(decoded) => decoded,
            Err(HeaderError::Short(_)) => {
                if matches!(state, ReadState::More | ReadState::Blocked) {
                    let begun = bytes.to_vec();
                    session.inbound.insert(stream, Inbound::Fresh { begun });
                }
                return Ok(());
            }
            Err(error) => return Err(error.fate().unwrap_or(Fate::Stream(Reset::InternalError))),
        };
        let StreamHeader::Subgroup(header) = header else {
            return Err(Fate::Stream(Reset::Cancelled));
        };
        let rest = &bytes[len..];
        match session.aliases.get(&header.alias.0) {
            Some(AliasUse::Cancelled) => Err(Fate::Stream(Reset::Cancelled)),
            Some(&AliasUse::Source(source)) => {
                self.begin_data(slot, stream, source, header, rest);
                self.scratch.clear();
                match state {
                    // What follows is read at once, and goes on in one run with what is here.
                    ReadState::More => Ok(()),
                    state => self.take_data(slot, stream, state),
                }
            }
            None if session.parked.len() >= self.limits.parked_streams => {
                Err(Fate::Stream(Reset::ExcessiveLoad))
            }
            None => {
                session.parked.push((header.alias.0, stream));
                session.inbound.insert(
                    stream,
                    Inbound::Parked {
                        header,
                        begun: Bytes::copy_from_slice(rest),
                        state,
                    },
                );
                let id = session.id;
                self.parked
                    .push_back((self.now + self.limits.parked, id, stream));
                Ok(())
            }
        }
    }

    fn begin_data(
        &mut self,
        slot: usize,
        stream: StreamId,
        source: usize,
        header: SubgroupHeader,
        begun: &[u8],
    ) {
        let Some(profile) = self.sessions[slot].profile else {
            return;
        };
        let held = &mut self.sources[source];
        held.seen += 1;
        held.open += 1;
        self.next_feeder += 1;
        let feeder = Feeder {
            source: held.id,
            stream: self.next_feeder,
            header: LogHeader {
                profile,
                priority: header.priority,
                extensions: header.extensions,
                end_of_group: header.end_of_group,
            },
        };
        let mut spare = self.spare_streams.pop();
        let kept = spare.as_mut().map(|spare| std::mem::take(&mut spare.begun));
        let mut data = DataStream {
            source,
            header,
            scanner: Scanner::new(profile, &header),
            feeder,
            key: None,
            begun: kept.unwrap_or_default(),
        };
        data.begun.extend_from_slice(begun);
        let data = match spare {
            Some(mut spare) => {
                *spare = data;
                spare
            }
            None => Box::new(data),
        };
        self.sessions[slot]
            .inbound
            .insert(stream, Inbound::Data(data));
    }

    /// Hands what is in the scratch on as one run of bytes.
    fn take_data(&mut self, slot: usize, stream: StreamId, state: ReadState) -> Result<(), Fate> {
        let Some(Inbound::Data(mut data)) = self.sessions[slot].inbound.remove(&stream) else {
            return Ok(());
        };
        let result = self.take_run(&mut data);
        let ended = matches!(
            state,
            ReadState::Finished | ReadState::Reset(_) | ReadState::Closed
        );
        if ended || result.is_err() {
            let whole = data.begun.is_empty() && data.scanner.is_between_objects();
            if state == ReadState::Finished && !whole && result.is_ok() {
                self.end_data(data, false);
                return Err(Fate::Session(Close::ProtocolViolation));
            }
            self.end_data(data, state == ReadState::Finished && result.is_ok());
        } else {
            self.sessions[slot]
                .inbound
                .insert(stream, Inbound::Data(data));
        }
        result
    }

    fn take_run(&mut self, data: &mut DataStream) -> Result<(), Fate> {
        let new = self.scratch.iter().map(Bytes::len).sum::<usize>();
        let len = data.begun.len() + new;
        self.counters.bytes_in.add(new as u64);
        if len == 0 {
            return Ok(());
        }
        if !data.begun.is_empty() && len < data.scanner.needs(&data.begun) {
            // A header of kilobytes may trickle in: it is not copied again for every byte.
            let begun = &mut data.begun;
            self.scratch
                .iter()
                .for_each(|part| begun.extend_from_slice(part));
            return Ok(());
        }
        let room = self.store.arena.room(len);
        room.extend_from_slice(&data.begun);
        self.scratch
            .iter()
            .for_each(|part| room.extend_from_slice(part));
        let mut run = self.store.arena.cut();
        let mut marks = std::mem::take(&mut self.scratch_marks);
        marks.clear();
        let scanned = data.scanner.scan(&run, &mut marks);
        let result = match scanned {
            Ok(consumed) => {
                data.begun.clear();
                data.begun.extend_from_slice(&run[consumed..]);
                run.truncate(consumed);
                if run.is_empty() {
                    Ok(())
                } else {
                    self.bring_steps(data, run, &marks)
                }
            }
            Err(error) => Err(match error.fate() {
                Fate::Track => self.condemn(data.source, error.to_string()),
                fate => fate,
            }),
        };
        self.scratch_marks = marks;
        result
    }

    fn bring_steps(
        &mut self,
        data: &mut DataStream,
        run: Bytes,
        marks: &[Mark],
    ) -> Result<(), Fate> {
        let source = data.source;
        let key = match (data.key, marks.first()) {
            (Some(key), _) => key,
            (None, None) => return Ok(()),
            (None, Some(first)) => {
                let key = LogKey {
                    group: data.header.group.0,
                    subgroup: data.header.subgroup.number(first.object),
                    datagram: false,
                };
                data.key = Some(key);
                let header = data.feeder.header;
                self.bring_from(source, data.feeder, key, StepRef::Open(header))?;
                key
            }
        };
        self.bring_from(source, data.feeder, key, StepRef::Run(run, marks))
    }

    /// Gives a step to the track's home.
    fn bring_from(
        &mut self,
        source: usize,
        feeder: Feeder,
        key: LogKey,
        step: StepRef<'_>,
    ) -> Result<(), Fate> {
        let Some(held) = self.sources.get(source) else {
            return Ok(());
        };
        if held.malformed {
            return Err(Fate::Track);
        }
        let track = held.track;
        if track.shard() != self.shard {
            let step = match step {
                StepRef::Open(header) => Step::Open(StepHeader(header)),
                StepRef::Run(bytes, marks) => Step::Run(bytes, marks.to_vec()),
                StepRef::End { finished } => Step::End { finished },
            };
            let letter = Letter::Brought {
                track,
                source: feeder.source,
                feeder: feeder.stream,
                header: StepHeader(feeder.header),
                key: StepKey(key),
                step,
            };
            self.post(track.shard(), letter);
            return Ok(());
        }
        let Some(&slot) = self.track_index.get(&track) else {
            return Ok(());
        };
        self.bring(self.now, slot, feeder, key, step)
            .map_err(|broken| self.condemn(source, broken.0.to_owned()))
    }

    /// Tells Python once that a source breaks its track's rules.
    fn condemn(&mut self, index: usize, reason: String) -> Fate {
        if let Some(source) = self.sources.get_mut(index)
            && !std::mem::replace(&mut source.malformed, true)
        {
            let (source, track) = (source.id, source.track);
            self.events.push_back(Event::Malformed {
                track,
                source,
                reason,
            });
        }
        Fate::Track
    }

    fn end_data(&mut self, mut data: Box<DataStream>, finished: bool) {
        if let Some(key) = data.key {
            let _ = self.bring_from(data.source, data.feeder, key, StepRef::End { finished });
        }
        if let Some(source) = self.sources.get_mut(data.source) {
            source.open -= 1;
        }
        data.begun.clear();
        if self.spare_streams.len() < SPARE_STREAMS && data.begun.capacity() < READ_LITTLE {
            self.spare_streams.push(data);
        }
    }

    /// Ends our reading of a data stream.
    fn stop_data(&mut self, slot: usize, stream: StreamId, code: Reset) {
        let session = &mut self.sessions[slot];
        let inbound = session.inbound.remove(&stream);
        if let Some(mut carrier) = self.carriers.session(session.key) {
            let code = session.profile.map_or(0, |profile| code.code(profile));
            carrier.stop_sending(stream, code);
        }
        if let Some(Inbound::Data(data)) = inbound {
            self.end_data(data, false);
        }
    }

    /// Does to a session, track or stream what its bad bytes cost.
    fn punish(&mut self, slot: usize, stream: StreamId, fate: Fate) {
        match fate {
            Fate::Session(code) => {
                let key = self.sessions[slot].key;
                let reason = "a data stream or datagram broke the protocol";
                self.carriers.close(self.now, key, code.code(), reason);
            }
            Fate::Track => self.stop_data(slot, stream, Reset::MalformedTrack),
            Fate::Stream(code) => self.stop_data(slot, stream, code),
        }
    }

    /// Gives up streams whose header, or whose subscription, did not come in time.
    pub(crate) fn sweep_streams(&mut self) {
        while self.fresh.front().is_some_and(|(at, ..)| *at <= self.now) {
            let Some((_, id, stream)) = self.fresh.pop_front() else {
                break;
            };
            let Some(&slot) = self.session_index.get(&id) else {
                continue;
            };
            if matches!(
                self.sessions[slot].inbound.get(&stream),
                Some(Inbound::Fresh { .. })
            ) {
                self.stop_data(slot, stream, Reset::DeliveryTimeout);
            }
        }
        while self.parked.front().is_some_and(|(at, ..)| *at <= self.now) {
            let Some((_, id, stream)) = self.parked.pop_front() else {
                break;
            };
            let Some(&slot) = self.session_index.get(&id) else {
                continue;
            };
            if matches!(
                self.sessions[slot].inbound.get(&stream),
                Some(Inbound::Parked { .. })
            ) {
                self.sessions[slot]
                    .parked
                    .retain(|(_, parked)| *parked != stream);
                self.stop_data(slot, stream, Reset::Cancelled);
            }
        }
    }

    // Datagrams.

    pub(crate) fn read_datagrams(&mut self, slot: usize) {
        if self.sessions[slot].profile.is_none() {
            return;
        }
        let key = self.sessions[slot].key;
        while let Some(bytes) = self
            .carriers
            .session(key)
            .and_then(|mut c| c.recv_datagram())
        {
            self.take_datagram(slot, bytes);
        }
    }

    fn take_datagram(&mut self, slot: usize, bytes: Bytes) {
        let Some(profile) = self.sessions[slot].profile else {
            return;
        };
        self.counters.bytes_in.add(bytes.len() as u64);
        let datagram = match datagram::decode(profile, &bytes) {
            Ok(Some(datagram)) => datagram,
            Ok(None) => return,
            Err(error) => {
                self.punish_datagram(slot, error.fate());
                return;
            }
        };
        let source = match self.sessions[slot].aliases.get(&datagram.alias.0) {
            Some(&AliasUse::Source(source)) => source,
            Some(AliasUse::Cancelled) => return,
            None => {
                let alias = datagram.alias.0;
                self.park_datagram(slot, alias, bytes);
                return;
            }
        };
        if self.is_held_up(source) {
            return;
        }
        let object = datagram.location.object;
        let (payload, status): (&[u8], Status) = match datagram.body {
            Body::Payload(payload) => (payload, Status::Normal),
            Body::Status(status) => (&[], status),
        };
        let extensions = !datagram.properties.is_empty();
        let properties: Properties<'_> = datagram.properties;
        let header = ObjectHeader {
            object,
            extensions: extensions.then_some(properties),
            payload_len: payload.len() as u64,
            status,
        };
        self.scratch_bytes.clear();
        if encode_object(profile, &header, None, &mut self.scratch_bytes).is_err() {
            return;
        }
        let header_len = self.scratch_bytes.len();
        self.scratch_bytes.extend_from_slice(payload);
        let run = self.store.arena.copy(&self.scratch_bytes);
        let log_header = LogHeader {
            profile,
            priority: datagram.priority,
            extensions,
            end_of_group: datagram.end_of_group,
        };
        let key = LogKey {
            group: datagram.location.group.0,
            subgroup: object.0,
            datagram: true,
        };
        let mut marks = std::mem::take(&mut self.scratch_marks);
        marks.clear();
        let subgroup = SubgroupHeader {
            alias: datagram.alias,
            group: datagram.location.group,
            subgroup: SubgroupId::FirstObject,
            priority: None,
            extensions,
            end_of_group: false,
            first_object: true,
        };
        let scanned = Scanner::new(profile, &subgroup).scan(&run[..header_len], &mut marks);
        self.next_feeder += 1;
        let feeder = Feeder {
            source: self.sources[source].id,
            stream: self.next_feeder,
            header: log_header,
        };
        if scanned.is_ok() {
            let brought = self
                .bring_from(source, feeder, key, StepRef::Open(log_header))
                .and_then(|()| self.bring_from(source, feeder, key, StepRef::Run(run, &marks)))
                .and_then(|()| {
                    self.bring_from(source, feeder, key, StepRef::End { finished: true })
                });
            if let Err(fate) = brought {
                self.punish_datagram(slot, fate);
            }
        }
        self.scratch_marks = marks;
    }

    fn park_datagram(&mut self, slot: usize, alias: u64, bytes: Bytes) {
        let until = self.now + self.limits.parked;
        let (most, now) = (self.limits.parked_datagram_bytes, self.now);
        let session = &mut self.sessions[slot];
        while let Some((_, at, old)) = session.parked_datagrams.front() {
            if *at > now && session.parked_datagram_bytes + bytes.len() <= most {
                break;
            }
            session.parked_datagram_bytes -= old.len();
            session.parked_datagrams.pop_front();
        }
        if bytes.len() <= most {
            session.parked_datagram_bytes += bytes.len();
            // Its own memory: it would keep that of the packets around it.
            let bytes = Bytes::copy_from_slice(&bytes);
            session.parked_datagrams.push_back((alias, until, bytes));
        }
    }

    fn punish_datagram(&mut self, slot: usize, fate: Fate) {
        if let Fate::Session(code) = fate {
            let key = self.sessions[slot].key;
            let reason = "a datagram broke the protocol";
            self.carriers.close(self.now, key, code.code(), reason);
        }
    }
}
