//! What a test says: publish, subscribe, fetch, write and look.

use bytes::Bytes;
use track::{FetchId, ScopeId, SessionId, SinkId, SourceId, TrackId};

use crate::carrier::StreamId;
use crate::framing::datagram::{self, Body, ObjectDatagram};
use crate::framing::fetch::RangeEnd;
use crate::framing::header::{self, StreamHeader, SubgroupHeader, SubgroupId, TrackAlias};
use crate::framing::location::{GroupId, Location, ObjectId};
use crate::framing::properties::Properties;
use crate::framing::status::Status;
use crate::framing::subgroup::{self, ObjectHeader};
use crate::relay::command::{Command, ControlStream, FetchRange, SinkChange, SinkOptions, Start};
use crate::relay::event::{DrainReason, Event, FetchStatus};

use super::net::{Net, PeerId};
use super::peer::{End, InStream, Object, Of, OutStream};

/// A client that feeds a track.
#[derive(Clone, Copy, Debug)]
pub(super) struct Publisher {
    pub(super) peer: PeerId,
    pub(super) track: TrackId,
    pub(super) source: SourceId,
    pub(super) alias: u64,
}

/// A client that gets a track.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subscription {
    pub(super) peer: PeerId,
    pub(super) sink: SinkId,
    pub(super) alias: u64,
    pub(super) largest: Option<Location>,
}

/// A FETCH that was answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fetching {
    pub(super) peer: PeerId,
    pub(super) fetch: FetchId,
    pub(super) request_id: u64,
    pub(super) status: FetchStatus,
    pub(super) end: Location,
    pub(super) end_of_track: bool,
}

/// A subgroup that a client writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writing {
    pub(super) peer: PeerId,
    pub(super) stream: StreamId,
}

pub(super) fn at(group: u64, object: u64) -> Location {
    Location::new(group, object)
}

/// Every object of these groups, each with as many.
pub(super) fn all(groups: std::ops::Range<u64>, objects: u64) -> Vec<Location> {
    groups
        .flat_map(|group| (0..objects).map(move |object| at(group, object)))
        .collect()
}

/// Bytes that only this object has.
pub(super) fn payload(group: u64, object: u64, len: usize) -> Vec<u8> {
    let seed = (group * 31 + object * 7) as u8;
    (0..len)
        .map(|index| seed.wrapping_add(index as u8))
        .collect()
}

pub(super) fn options() -> SinkOptions {
    SinkOptions {
        alias: 0,
        start: Start::Largest,
        end_group: None,
        forward: true,
        priority: 128,
        descending: false,
        delivery_timeout: None,
    }
}

impl Net {
    pub(super) fn session(&self, peer: PeerId) -> SessionId {
        self.peers[peer.0].session.expect("the session stood")
    }

    pub(super) fn control(&self, peer: PeerId) -> ControlStream {
        let stream = self.peers[peer.0].control.expect("the session stood");
        ControlStream(stream.into())
    }

    pub(super) fn track(&mut self) -> TrackId {
        self.track_on(0)
    }

    pub(super) fn track_on(&mut self, shard: u8) -> TrackId {
        self.track_of(shard, ScopeId(1))
    }

    pub(super) fn track_of(&mut self, shard: u8, scope: ScopeId) -> TrackId {
        let track = TrackId(self.handle(shard));
        self.command(Command::OpenTrack { track, scope });
        track
    }

    pub(super) fn publish(&mut self, peer: PeerId, track: TrackId) -> Publisher {
        self.next_alias += 1;
        let alias = self.next_alias;
        self.publish_as(peer, track, alias)
    }

    pub(super) fn publish_as(&mut self, peer: PeerId, track: TrackId, alias: u64) -> Publisher {
        let session = self.session(peer);
        let source = SourceId(self.handle(session.shard().0));
        self.command(Command::AttachSource {
            source,
            track,
            session,
            alias,
        });
        self.settle();
        Publisher {
            peer,
            track,
            source,
            alias,
        }
    }

    /// What a client writes under an alias that the relay has not heard of.
    pub(super) fn promise(&self, peer: PeerId, track: TrackId, alias: u64) -> Publisher {
        let source = SourceId(u64::MAX);
        Publisher {
            peer,
            track,
            source,
            alias,
        }
    }

    /// Lets time pass while a client says something every second.
    pub(super) fn keep_awake(&mut self, peer: PeerId, seconds: u64) {
        for _ in 0..seconds {
            let control = self.peer(peer).control.expect("the session stood");
            if let Some(mut carrier) = self.peer(peer).carrier() {
                let word = &mut [Bytes::from_static(b".")];
                carrier.write_chunks(control, word).expect("room");
            }
            self.seconds(1);
        }
    }

    /// A publisher and a subscriber of a new track.
    pub(super) fn pair(&mut self, drafts: (u8, u8)) -> (Publisher, Subscription) {
        let track = self.track();
        let publisher = self.join(drafts.0);
        let publisher = self.publish(publisher, track);
        let subscriber = self.join(drafts.1);
        let subscription = self.subscribe(subscriber, track);
        (publisher, subscription)
    }

    pub(super) fn subscribe(&mut self, peer: PeerId, track: TrackId) -> Subscription {
        self.subscribe_with(peer, track, |_| {})
    }

    pub(super) fn subscribe_with(
        &mut self,
        peer: PeerId,
        track: TrackId,
        change: impl FnOnce(&mut SinkOptions),
    ) -> Subscription {
        let (subscription, valid) = self.attach(peer, track, change);
        assert!(valid, "the range is over");
        self.start(&subscription);
        subscription
    }

    /// Attaches a sink and waits for where it starts, and whether its range is valid.
    pub(super) fn attach(
        &mut self,
        peer: PeerId,
        track: TrackId,
        change: impl FnOnce(&mut SinkOptions),
    ) -> (Subscription, bool) {
        let mut subscription = self.ask(peer, track, change);
        let sink = subscription.sink;
        let (largest, valid) = self.until("the sink is attached", |net| {
            net.take(|event| match event {
                Event::SinkAttached {
                    sink: id,
                    largest,
                    valid,
                } if *id == sink => Some((*largest, *valid)),
                _ => None,
            })
        });
        subscription.largest = largest;
        (subscription, valid)
    }

    /// Attaches a sink and waits for nothing.
    pub(super) fn ask(
        &mut self,
        peer: PeerId,
        track: TrackId,
        change: impl FnOnce(&mut SinkOptions),
    ) -> Subscription {
        self.next_alias += 1;
        let session = self.session(peer);
        let mut options = SinkOptions {
            alias: self.next_alias,
            ..options()
        };
        change(&mut options);
        let alias = options.alias;
        let sink = SinkId(self.handle(session.shard().0));
        let options = Box::new(options);
        self.command(Command::AttachSink {
            sink,
            track,
            session,
            options,
        });
        Subscription {
            peer,
            sink,
            alias,
            largest: None,
        }
    }

    pub(super) fn start(&mut self, subscription: &Subscription) {
        let stream = self.control(subscription.peer);
        let reply = Bytes::from_static(b"OK");
        let sink = subscription.sink;
        self.command(Command::StartSink {
            sink,
            stream,
            reply,
        });
    }

    pub(super) fn update(
        &mut self,
        subscription: &Subscription,
        change: impl FnOnce(&mut SinkChange),
    ) {
        let mut changes = SinkChange::default();
        change(&mut changes);
        let (sink, change) = (subscription.sink, Box::new(changes));
        self.command(Command::UpdateSink { sink, change });
    }

    /// Waits for the end of a subscription: how many streams it had, and why it ended.
    pub(super) fn drained(&mut self, subscription: &Subscription) -> (u64, DrainReason) {
        let sink = subscription.sink;
        self.until("the sink drains", |net| {
            net.take(|event| match event {
                Event::SinkDrained {
                    sink: id,
                    streams,
                    reason,
                } if *id == sink => Some((*streams, *reason)),
                _ => None,
            })
        })
    }

    pub(super) fn fetch(
        &mut self,
        peer: PeerId,
        track: TrackId,
        start: Location,
        end: Location,
    ) -> Fetching {
        self.fetch_with(peer, track, start, end, |_| {})
    }

    /// Fetches a range: asks, and where there is something to send, starts.
    pub(super) fn fetch_with(
        &mut self,
        peer: PeerId,
        track: TrackId,
        start: Location,
        end: Location,
        change: impl FnOnce(&mut FetchRange),
    ) -> Fetching {
        self.next_alias += 1;
        let (request_id, session) = (self.next_alias, self.session(peer));
        let mut range = FetchRange {
            start,
            end,
            descending: false,
            priority: 128,
        };
        change(&mut range);
        self.peer(peer).descending = range.descending;
        let fetch = FetchId(self.handle(session.shard().0));
        self.command(Command::Fetch {
            fetch,
            track,
            session,
            request_id,
            range,
        });
        let (status, end_of_track, end) = self.until("the fetch is answered", |net| {
            net.take(|event| match event {
                Event::FetchAnswer {
                    fetch: id,
                    status,
                    end_of_track,
                    end,
                } if *id == fetch => Some((*status, *end_of_track, *end)),
                _ => None,
            })
        });
        if status == FetchStatus::Ok {
            let stream = self.control(peer);
            let reply = Bytes::from_static(b"OK");
            self.command(Command::StartFetch {
                fetch,
                stream,
                reply,
            });
        }
        Fetching {
            peer,
            fetch,
            request_id,
            status,
            end,
            end_of_track,
        }
    }

    /// Whether the engine said that a fetch is over, and complete.
    pub(super) fn fetch_done(&mut self, fetching: &Fetching) -> Option<bool> {
        let fetch = fetching.fetch;
        self.take(|event| match event {
            Event::FetchDone {
                fetch: id,
                complete,
            } if *id == fetch => Some(*complete),
            _ => None,
        })
    }

    // Writing.

    /// Opens a subgroup without properties, of priority 128.
    pub(super) fn open(&mut self, publisher: &Publisher, group: u64, subgroup: u64) -> Writing {
        self.open_with(publisher, group, subgroup, |_| {})
    }

    pub(super) fn open_with(
        &mut self,
        publisher: &Publisher,
        group: u64,
        subgroup: u64,
        change: impl FnOnce(&mut SubgroupHeader),
    ) -> Writing {
        let mut header = SubgroupHeader {
            alias: TrackAlias(publisher.alias),
            group: GroupId(group),
            subgroup: SubgroupId::Explicit(subgroup),
            priority: Some(128),
            extensions: false,
            end_of_group: false,
            first_object: false,
        };
        change(&mut header);
        let peer = publisher.peer;
        let stream = self.until("a stream may be opened", |net| {
            net.peer(peer).carrier()?.open_uni(0)
        });
        let held = self.peer(peer);
        let mut bytes = Vec::new();
        header::encode(held.profile, &header, 128, &mut bytes).expect("small numbers");
        held.out.insert(
            stream,
            OutStream {
                queue: [bytes.into()].into(),
                fin: false,
                prior: None,
                extensions: header.extensions,
            },
        );
        Writing { peer, stream }
    }

    pub(super) fn write(&mut self, writing: Writing, object: u64, payload: Vec<u8>) {
        self.write_with(writing, object, Status::Normal, &[], payload.len(), payload);
    }

    /// Writes an object whose header promises `payload_len` bytes; `properties` as they are on the
    /// wire.
    pub(super) fn write_with(
        &mut self,
        writing: Writing,
        object: u64,
        status: Status,
        properties: &[u8],
        payload_len: usize,
        payload: Vec<u8>,
    ) {
        let held = self.peer(writing.peer);
        let profile = held.profile;
        let Some(out) = held.out.get_mut(&writing.stream) else {
            return;
        };
        let header = ObjectHeader {
            object: ObjectId(object),
            extensions: out
                .extensions
                .then_some(Properties::new(profile, properties)),
            payload_len: payload_len as u64,
            status,
        };
        let mut bytes = Vec::new();
        subgroup::encode(profile, &header, out.prior, &mut bytes).expect("a valid object");
        out.prior = Some(ObjectId(object));
        bytes.extend(payload);
        out.queue.push_back(bytes.into());
    }

    /// Writes any bytes at all.
    pub(super) fn write_raw(&mut self, writing: Writing, bytes: &[u8]) {
        let held = self.peer(writing.peer);
        if let Some(out) = held.out.get_mut(&writing.stream) {
            out.queue.push_back(Bytes::copy_from_slice(bytes));
        }
    }

    pub(super) fn finish(&mut self, writing: Writing) {
        if let Some(out) = self.peer(writing.peer).out.get_mut(&writing.stream) {
            out.fin = true;
        }
    }

    pub(super) fn reset(&mut self, writing: Writing, code: u64) {
        let held = self.peer(writing.peer);
        held.out.remove(&writing.stream);
        if let Some(mut carrier) = held.carrier() {
            carrier.reset(writing.stream, code);
        }
    }

    /// Writes a whole group of one subgroup, objects of 100 bytes.
    pub(super) fn write_group(&mut self, publisher: &Publisher, group: u64, objects: u64) {
        self.write_subgroup(publisher, group, 0, 0..objects, 100);
    }

    pub(super) fn write_subgroup(
        &mut self,
        publisher: &Publisher,
        group: u64,
        subgroup: u64,
        objects: std::ops::Range<u64>,
        len: usize,
    ) {
        let writing = self.open(publisher, group, subgroup);
        for object in objects {
            self.write(writing, object, payload(group, object, len));
        }
        self.finish(writing);
    }

    /// Sends an object as a datagram, at once.
    pub(super) fn datagram(&mut self, publisher: &Publisher, location: Location, len: usize) {
        self.datagram_with(publisher, location, len, &[], false);
    }

    pub(super) fn datagram_with(
        &mut self,
        publisher: &Publisher,
        location: Location,
        len: usize,
        properties: &[u8],
        end_of_group: bool,
    ) {
        let payload = payload(location.group.0, location.object.0, len);
        let held = self.peer(publisher.peer);
        let profile = held.profile;
        let object = ObjectDatagram {
            alias: TrackAlias(publisher.alias),
            location,
            priority: Some(128),
            properties: Properties::new(profile, properties),
            end_of_group,
            body: Body::Payload(&payload),
        };
        let mut bytes = Vec::new();
        datagram::encode(profile, &object, 128, &mut bytes).expect("a valid object");
        let mut carrier = held.carrier().expect("the session stands");
        carrier.send_datagram(bytes.into()).expect("it fits");
    }

    // Looking.

    /// The objects of a subscription, as they arrived.
    pub(super) fn received(&self, subscription: &Subscription) -> Vec<Object> {
        let of = Of::Alias(subscription.alias);
        self.arrived(subscription.peer, of)
    }

    /// Where the objects of a subscription sit, as they arrived.
    pub(super) fn objects(&self, subscription: &Subscription) -> Vec<Location> {
        let received = self.received(subscription);
        received.into_iter().map(|object| object.at).collect()
    }

    /// Where the objects of a subscription sit, lowest first: streams overtake each other.
    pub(super) fn in_order(&self, subscription: &Subscription) -> Vec<Location> {
        let mut objects = self.objects(subscription);
        objects.sort_unstable();
        objects
    }

    /// Of which of these subscriptions each object of a session was, as they arrived.
    pub(super) fn order_of(&self, peer: PeerId, subscriptions: &[Subscription]) -> Vec<u64> {
        let which = |of| {
            let mut aliases = subscriptions.iter().map(|it| Of::Alias(it.alias));
            aliases.position(|alias| alias == of).map(|at| at as u64)
        };
        let arrivals = self.peers[peer.0].arrivals.iter();
        arrivals.filter_map(|arrival| which(arrival.of)).collect()
    }

    pub(super) fn fetched(&self, fetching: &Fetching) -> Vec<Object> {
        self.arrived(fetching.peer, Of::Fetch(fetching.request_id))
    }

    /// Where the objects of a fetch sit, as they arrived.
    pub(super) fn fetched_at(&self, fetching: &Fetching) -> Vec<Location> {
        let fetched = self.fetched(fetching);
        fetched.into_iter().map(|object| object.at).collect()
    }

    fn arrived(&self, peer: PeerId, of: Of) -> Vec<Object> {
        let arrivals = self.peers[peer.0].arrivals.iter();
        arrivals
            .filter(|arrival| arrival.of == of)
            .map(|arrival| arrival.object.clone())
            .collect()
    }

    /// The stream that answers a fetch.
    pub(super) fn fetch_stream(&self, fetching: &Fetching) -> Option<&InStream> {
        let id = header::RequestId(fetching.request_id);
        let header = Some(StreamHeader::Fetch { request_id: id });
        let mut streams = self.peers[fetching.peer.0].streams.values();
        streams.find(|stream| stream.header == header)
    }

    pub(super) fn fetch_end(&self, fetching: &Fetching) -> Option<End> {
        self.fetch_stream(fetching).and_then(|stream| stream.end)
    }

    pub(super) fn fetch_ranges(&self, fetching: &Fetching) -> Vec<(RangeEnd, Location)> {
        self.fetch_stream(fetching)
            .map_or(Vec::new(), |stream| stream.ranges.clone())
    }

    /// Streams of a subscription: group, subgroup, whole objects, and how each ended.
    pub(super) fn streams(
        &self,
        subscription: &Subscription,
    ) -> Vec<(u64, SubgroupId, usize, Option<End>)> {
        let streams = self.peers[subscription.peer.0].streams.values();
        streams
            .filter_map(|stream| match stream.header {
                Some(StreamHeader::Subgroup(header)) if header.alias.0 == subscription.alias => {
                    Some((header.group.0, header.subgroup, stream.whole, stream.end))
                }
                _ => None,
            })
            .collect()
    }

    /// How the streams of a subscription ended, in the order in which they were opened.
    pub(super) fn ends(&self, subscription: &Subscription) -> Vec<Option<End>> {
        let streams = self.streams(subscription);
        streams.into_iter().map(|(.., end)| end).collect()
    }

    /// Everything of the relay that a session or track could have left behind.
    pub(super) fn assert_empty(&self) {
        for relay in &self.relays {
            assert!(relay.sessions.is_empty(), "sessions");
            assert!(relay.session_index.is_empty(), "session index");
            assert!(relay.session_keys.is_empty(), "session keys");
            assert!(relay.tracks.is_empty(), "tracks");
            assert!(relay.track_index.is_empty(), "track index");
            assert!(relay.sources.is_empty(), "sources");
            assert!(relay.source_index.is_empty(), "source index");
            assert!(relay.sinks.is_empty(), "sinks");
            assert!(relay.sink_index.is_empty(), "sink index");
            assert!(relay.fetches.is_empty(), "fetches");
            assert!(relay.fetch_index.is_empty(), "fetch index");
            assert!(relay.own_letters.is_empty(), "letters to itself");
            assert!(relay.held_letters.is_empty(), "letters");
            assert!(relay.early_feeds.is_empty(), "early feeds");
            assert!(relay.broken.is_empty(), "broken feeds");
            assert!(relay.feeders.is_empty(), "feeders");
            assert!(relay.fresh.is_empty(), "fresh streams");
            assert!(relay.parked.is_empty(), "parked streams");
            assert!(relay.orphans.is_empty(), "orphans");
            assert!(relay.ending_sources.is_empty(), "ending sources");
            assert!(relay.ranged.is_empty(), "ranged sinks");
            assert!(relay.closing.is_empty(), "closing sinks");
            assert!(relay.behind.is_empty(), "sessions behind");
            assert_eq!(relay.store.bytes(), 0, "cached bytes");
        }
    }
}
