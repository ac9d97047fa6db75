//! A scripted client: it writes what a test says, and remembers all that it is sent.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use track::SessionId;

use crate::carrier::{
    CarrierEvent, Carriers, Dir, ReadState, SessionKey, SessionMut, StreamId, WriteError,
};
use crate::framing::datagram::{self, Body};
use crate::framing::fetch::{FetchMark, FetchScanner, GroupOrder, RangeEnd};
use crate::framing::header::{self, StreamHeader, SubgroupHeader};
use crate::framing::location::{Location, ObjectId};
use crate::framing::profile::Profile;
use crate::framing::properties::Properties;
use crate::framing::status::Status;
use crate::framing::subgroup::Scanner;

/// An object as a subscriber got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) at: Location,
    /// `None`: it came as a datagram.
    pub(super) subgroup: Option<u64>,
    pub(super) priority: Option<u8>,
    /// Types and values, the values as they are on the wire.
    pub(super) properties: Vec<(u64, Vec<u8>)>,
    pub(super) status: Status,
    pub(super) payload: Vec<u8>,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Fin,
    Reset(u64),
}

/// What came on a session, in the order in which it was whole.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    /// The alias, or for a FETCH its Request ID.
    pub(super) of: Of,
    pub(super) object: Object,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Alias(u64),
    Fetch(u64),
}

/// A data stream from the relay.
#[derive(Debug, Default)]
pub(super) struct InStream {
    pub(super) header: Option<StreamHeader>,
    reader: Option<Reader>,
    bytes: Vec<u8>,
    /// Bytes that the scanner has had.
    scanned: usize,
    /// Objects whose headers came; the payload may not all be there.
    begun: VecDeque<Begun>,
    /// Objects that were whole.
    pub(super) whole: usize,
    /// What a FETCH said of ranges without objects.
    pub(super) ranges: Vec<(RangeEnd, Location)>,
    pub(super) end: Option<End>,
    /// Bytes read, header included.
    pub(super) read: u64,
}

#[derive(Debug)]
enum Reader {
    Subgroup(SubgroupHeader, Scanner),
    Fetch(u64, FetchScanner),
}

#[derive(Debug)]
struct Begun {
    object: Object,
    payload_at: usize,
    payload_len: usize,
}

/// A stream that the peer writes.
#[derive(Debug)]
pub(super) struct OutStream {
    pub(super) queue: VecDeque<Bytes>,
    pub(super) fin: bool,
    pub(super) prior: Option<ObjectId>,
    pub(super) extensions: bool,
}

/// A client, alone on its address.
pub(super) struct Peer {
    pub(super) carriers: Carriers,
    pub(super) address: SocketAddr,
    /// The relay's shard that its first packets reach.
    pub(super) shard: usize,
    pub(super) profile: &'static Profile,
    pub(super) key: SessionKey,
    /// The relay's name for the session.
    pub(super) session: Option<SessionId>,
    pub(super) control: Option<StreamId>,
    pub(super) connected: bool,
    /// Whether data streams are read; control always is.
    pub(super) reads: bool,
    /// Whether objects are looked at and kept; else their bytes are counted alone.
    pub(super) keeps: bool,
    /// Whether the relay is told its draft at once.
    pub(super) names_its_draft: bool,
    /// Packets to it that are larger are lost.
    pub(super) path_mtu: usize,
    /// No packets in either direction.
    pub(super) cut: bool,
    /// Its subscriptions are fetched newest group first.
    pub(super) descending: bool,
    /// In the order in which something came.
    unread: Vec<StreamId>,
    pub(super) control_bytes: Vec<u8>,
    pub(super) streams: BTreeMap<StreamId, InStream>,
    pub(super) arrivals: Vec<Arrival>,
    pub(super) out: BTreeMap<StreamId, OutStream>,
    /// Streams of its own that the relay wants no more of.
    pub(super) stopped: Vec<(StreamId, u64)>,
    pub(super) closed: Option<(Option<u64>, String, bool)>,
}

impl Peer {
    pub(super) fn new(
        carriers: Carriers,
        address: SocketAddr,
        shard: usize,
        profile: &'static Profile,
        key: SessionKey,
    ) -> Self {
        Self {
            carriers,
            address,
            shard,
            profile,
            key,
            session: None,
            control: None,
            connected: false,
            reads: true,
            keeps: true,
            names_its_draft: true,
            path_mtu: usize::MAX,
            cut: false,
            descending: false,
            unread: Vec::new(),
            control_bytes: Vec::new(),
            streams: BTreeMap::new(),
            arrivals: Vec::new(),
            out: BTreeMap::new(),
            stopped: Vec::new(),
            closed: None,
        }
    }

    pub(super) fn carrier(&mut self) -> Option<SessionMut<'_>> {
        self.carriers.session(self.key)
    }

    /// A data stream that waits to be read.
    pub(super) fn unread_data(&self) -> Option<StreamId> {
        let mut waiting = self.unread.iter().copied();
        waiting.find(|stream| Some(*stream) != self.control)
    }

    /// A control stream of the relay's that waits to be read.
    pub(super) fn unread_control(&self) -> Option<StreamId> {
        let mut waiting = self.unread.iter().copied();
        waiting.find(|stream| stream.is_bidirectional() && Some(*stream) != self.control)
    }

    /// Takes what came, reads what it reads, and writes what it can.
    pub(super) fn settle(&mut self, now: Instant) {
        while let Some((_, event)) = self.carriers.poll_event(now) {
            match event {
                CarrierEvent::Connected { .. } => self.connected = true,
                CarrierEvent::Opened(stream) | CarrierEvent::Readable(stream)
                    if !self.unread.contains(&stream) =>
                {
                    self.unread.push(stream);
                }
                CarrierEvent::DatagramReadable => self.take_datagrams(),
                CarrierEvent::Stopped { stream, code } => {
                    self.out.remove(&stream);
                    self.stopped.push((stream, code));
                }
                CarrierEvent::Closed {
                    code,
                    reason,
                    remote,
                } => {
                    self.closed = Some((code, reason, remote));
                }
                _ => {}
            }
        }
        for stream in std::mem::take(&mut self.unread) {
            let ours = Some(stream) == self.control;
            if ours || self.reads && !stream.is_bidirectional() {
                self.read(stream);
            } else {
                self.unread.push(stream);
            }
        }
        let streams: Vec<StreamId> = self.out.keys().copied().collect();
        for stream in streams {
            self.write(stream);
        }
    }

    /// Reads what a stream has; for tests that read stream by stream.
    pub(super) fn read(&mut self, stream: StreamId) {
        let mut chunks = Vec::new();
        let Some(mut carrier) = self.carriers.session(self.key) else {
            return;
        };
        let state = carrier.read(stream, usize::MAX, &mut chunks);
        if Some(stream) == self.control {
            self.control_bytes.extend(chunks.concat());
            return;
        }
        assert_eq!(stream.dir(), Dir::Uni, "the relay opens data streams only");
        let held = self.streams.entry(stream).or_default();
        held.read += chunks.iter().map(Bytes::len).sum::<usize>() as u64;
        if self.keeps {
            chunks
                .iter()
                .for_each(|chunk| held.bytes.extend_from_slice(chunk));
            held.parse(self.profile, self.descending, &mut self.arrivals);
        }
        match state {
            ReadState::Finished => {
                assert!(held.begun.is_empty(), "a FIN came inside an object");
                held.end = Some(End::Fin);
            }
            ReadState::Reset(code) => held.end = Some(End::Reset(code)),
            ReadState::More | ReadState::Blocked | ReadState::Closed => {}
        }
    }

    fn take_datagrams(&mut self) {
        let profile = self.profile;
        while let Some(bytes) = self
            .carriers
            .session(self.key)
            .and_then(|mut carrier| carrier.recv_datagram())
        {
            let datagram = datagram::decode(profile, &bytes)
                .expect("the relay's datagrams are valid")
                .expect("the relay pads nothing");
            let payload = match datagram.body {
                Body::Payload(payload) => payload.to_vec(),
                Body::Status(_) => Vec::new(),
            };
            let object = Object {
                at: datagram.location,
                subgroup: None,
                priority: datagram.priority,
                properties: list(datagram.properties),
                status: datagram.body.status(),
                payload,
            };
            let of = Of::Alias(datagram.alias.0);
            self.arrivals.push(Arrival { of, object });
        }
    }

    fn write(&mut self, stream: StreamId) {
        let Some(out) = self.out.get_mut(&stream) else {
            return;
        };
        let Some(mut carrier) = self.carriers.session(self.key) else {
            return;
        };
        while let Some(front) = out.queue.front_mut() {
            if front.is_empty() {
                out.queue.pop_front();
                continue;
            }
            match carrier.write_chunks(stream, std::slice::from_mut(front)) {
                Ok(written) if written.chunks > 0 => {
                    out.queue.pop_front();
                }
                Ok(_) => {}
                Err(WriteError::Blocked) => return,
                Err(WriteError::Stopped(_) | WriteError::Closed) => {
                    self.out.remove(&stream);
                    return;
                }
            }
        }
        if out.fin {
            carrier.finish(stream);
            self.out.remove(&stream);
        }
    }
}

impl InStream {
    fn parse(&mut self, profile: &'static Profile, descending: bool, arrivals: &mut Vec<Arrival>) {
        if self.reader.is_none() {
            let Ok((header, len)) = header::decode(profile, &self.bytes) else {
                return;
            };
            self.header = Some(header);
            self.bytes.drain(..len);
            let order = match descending {
                true => GroupOrder::Descending,
                false => GroupOrder::Ascending,
            };
            self.reader = Some(match header {
                StreamHeader::Subgroup(header) => {
                    Reader::Subgroup(header, Scanner::new(profile, &header))
                }
                StreamHeader::Fetch { request_id } => {
                    Reader::Fetch(request_id.0, FetchScanner::new(profile, order))
                }
                other => panic!("the relay opened {other:?}"),
            });
        }
        let base = self.scanned;
        let run = &self.bytes[base..];
        let of = match self.reader.as_mut().expect("made above") {
            Reader::Subgroup(header, scanner) => {
                let mut marks = Vec::new();
                self.scanned += scanner.scan(run, &mut marks).expect("the relay's objects");
                for mark in marks {
                    let head = &run[mark.header()];
                    self.begun.push_back(Begun {
                        object: Object {
                            at: Location::new(header.group.0, mark.object.0),
                            subgroup: Some(header.subgroup.number(mark.object)),
                            priority: header.priority,
                            properties: list(Properties::new(profile, &head[mark.extensions()])),
                            status: mark.status,
                            payload: Vec::new(),
                        },
                        payload_at: base + mark.header().end,
                        payload_len: mark.payload_len as usize,
                    });
                }
                Of::Alias(header.alias.0)
            }
            Reader::Fetch(request_id, scanner) => {
                let mut marks = Vec::new();
                self.scanned += scanner.scan(run, &mut marks).expect("the relay's objects");
                for mark in marks {
                    let mark = match mark {
                        FetchMark::Object(mark) => mark,
                        FetchMark::EndOfRange { end, last } => {
                            self.ranges.push((end, last));
                            continue;
                        }
                    };
                    let at = mark.offset as usize;
                    let head = &run[at..at + mark.header_len as usize];
                    self.begun.push_back(Begun {
                        object: Object {
                            at: mark.location,
                            subgroup: mark.subgroup,
                            priority: Some(mark.priority),
                            properties: list(Properties::new(profile, &head[mark.extensions()])),
                            status: mark.status,
                            payload: Vec::new(),
                        },
                        payload_at: base + at + mark.header_len as usize,
                        payload_len: mark.payload_len as usize,
                    });
                }
                Of::Fetch(*request_id)
            }
        };
        while let Some(begun) = self.begun.front()
            && begun.payload_at + begun.payload_len <= self.bytes.len()
        {
            let Some(mut begun) = self.begun.pop_front() else {
                break;
            };
            let end = begun.payload_at + begun.payload_len;
            begun.object.payload = self.bytes[begun.payload_at..end].to_vec();
            self.whole += 1;
            arrivals.push(Arrival {
                of,
                object: begun.object,
            });
        }
    }
}

/// Properties, whatever the coding of their types.
fn list(properties: Properties<'_>) -> Vec<(u64, Vec<u8>)> {
    let value = |value| match value {
        crate::framing::properties::Value::Number(number) => number.to_be_bytes().to_vec(),
        crate::framing::properties::Value::Bytes(bytes) => bytes.to_vec(),
    };
    properties
        .iter()
        .map(|property| property.map(|it| (it.kind, value(it.value))))
        .collect::<Result<_, _>>()
        .expect("the relay's properties are valid")
}
