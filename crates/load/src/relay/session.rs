//! The control side of one client session; bytes and events in, bytes and events out, no I/O.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use moq::carrier::{Dir, StreamId};
use moq::framing::profile::Draft;

use super::messages::{self, Message, MessageError, RequestId};

/// What a request of ours was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// PUBLISH_NAMESPACE.
    Announce,
    /// SUBSCRIBE to the track of this index.
    Subscribe(usize),
}

/// What happened on the control streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Both SETUPs are there.
    Ready,
    /// The namespace is announced.
    Announced,
    /// A track is ours to receive, under this alias.
    Subscribed {
        /// Index of the track.
        track: usize,
        /// What its data streams are called.
        alias: u64,
    },
    /// The relay will not.
    Refused {
        /// Which request.
        request: Request,
        /// What it says.
        why: String,
    },
    /// The relay subscribed to this track, and has been told its alias: the same number.
    Asked(usize),
    /// The relay left this track.
    Left(usize),
}

/// Where an answer goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    /// Drafts 14 and 16.
    Id(RequestId),
    /// Draft 18.
    Stream(StreamId),
}

/// Bytes for a stream that is still to be opened.
struct Opening {
    dir: Dir,
    request: Option<Request>,
    bytes: Vec<u8>,
}

/// One client session.
pub struct Session {
    draft: Draft,
    namespace: Arc<[String]>,
    /// The stream that we control the session with.
    control: Option<StreamId>,
    ready: bool,
    next_request: RequestId,
    /// Request ids below this one may be used.
    granted: u64,
    /// Requests that wait for SETUP or for a higher grant.
    held: VecDeque<Request>,
    requests: HashMap<Key, Request>,
    /// Subscriptions that the relay made of us.
    asked: HashMap<Key, usize>,
    inputs: HashMap<StreamId, Vec<u8>>,
    openings: VecDeque<Opening>,
    writes: VecDeque<(StreamId, Vec<u8>)>,
    events: VecDeque<Event>,
}

impl Session {
    /// Starts with SETUP; `url` is authority and path, which raw QUIC carries in it.
    pub fn new(draft: Draft, namespace: Arc<[String]>, url: Option<(&str, &str)>) -> Self {
        let dir = if draft == Draft::D18 {
            Dir::Uni
        } else {
            Dir::Bi
        };
        let setup = Opening {
            dir,
            request: None,
            bytes: messages::setup(draft, url),
        };
        Self {
            draft,
            namespace,
            control: None,
            ready: false,
            next_request: 0,
            granted: 0,
            held: VecDeque::new(),
            requests: HashMap::new(),
            asked: HashMap::new(),
            inputs: HashMap::new(),
            openings: VecDeque::from([setup]),
            writes: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Sends a request as soon as the relay lets us.
    pub fn request(&mut self, request: Request) {
        self.held.push_back(request);
        self.send_held();
    }

    /// Which way the next stream goes that is to be opened; [`Self::opened`] once it is.
    pub fn next_opening(&self) -> Option<Dir> {
        self.openings.front().map(|opening| opening.dir)
    }

    /// The stream of [`Self::next_opening`].
    pub fn opened(&mut self, stream: StreamId) {
        let Some(opening) = self.openings.pop_front() else {
            return;
        };
        match opening.request {
            Some(request) => {
                self.requests.insert(Key::Stream(stream), request);
            }
            None => self.control = Some(stream),
        }
        self.writes.push_back((stream, opening.bytes));
    }

    /// Bytes to write, in order.
    pub fn poll_write(&mut self) -> Option<(StreamId, Vec<u8>)> {
        self.writes.pop_front()
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Takes what came on a control stream.
    pub fn handle(&mut self, stream: StreamId, bytes: &[u8]) -> Result<(), MessageError> {
        let mut input = self.inputs.remove(&stream).unwrap_or_default();
        input.extend_from_slice(bytes);
        let mut at = 0;
        while let Some((message, length)) = messages::decode(self.draft, &input[at..])? {
            at += length;
            self.handle_message(stream, message);
        }
        input.drain(..at);
        if !input.is_empty() {
            self.inputs.insert(stream, input);
        }
        Ok(())
    }

    /// The relay ended a request stream, which at draft 18 is how it leaves a track.
    pub fn ended(&mut self, stream: StreamId) {
        self.inputs.remove(&stream);
        if let Some(track) = self.asked.remove(&Key::Stream(stream)) {
            self.events.push_back(Event::Left(track));
        }
    }

    fn handle_message(&mut self, stream: StreamId, message: Message) {
        match message {
            Message::Setup { requests } => {
                self.ready = true;
                self.granted = requests;
                self.events.push_back(Event::Ready);
                self.send_held();
            }
            Message::MaxRequestId(granted) => {
                self.granted = self.granted.max(granted);
                self.send_held();
            }
            Message::Ok { request, alias } => {
                match (self.requests.remove(&key(request, stream)), alias) {
                    (Some(Request::Announce), _) => self.events.push_back(Event::Announced),
                    (Some(Request::Subscribe(track)), Some(alias)) => {
                        self.events.push_back(Event::Subscribed { track, alias });
                    }
                    _ => {}
                }
            }
            Message::Refused {
                request,
                code,
                reason,
            } => {
                if let Some(request) = self.requests.remove(&key(request, stream)) {
                    let why = format!("{request:?} refused with {code:#x} {reason}");
                    self.events.push_back(Event::Refused { request, why });
                }
            }
            Message::Subscribe {
                request,
                track_name,
            } => {
                if let Some(track) = track_index(&track_name) {
                    self.asked.insert(self.key_of(request, stream), track);
                    let reply = messages::subscribe_ok(self.draft, request, track as u64);
                    self.writes.push_back((stream, reply));
                    self.events.push_back(Event::Asked(track));
                }
            }
            Message::Unsubscribe(request) => {
                if let Some(track) = self.asked.remove(&Key::Id(request)) {
                    self.events.push_back(Event::Left(track));
                }
            }
            Message::Other { kind, request } => {
                let reply = messages::granted(self.draft, kind, request);
                if !reply.is_empty() {
                    self.writes.push_back((stream, reply));
                }
            }
            Message::PublishDone | Message::GoAway | Message::Ignored => {}
        }
    }

    fn send_held(&mut self) {
        while self.ready && self.next_request < self.granted {
            let Some(request) = self.held.pop_front() else {
                return;
            };
            let id = self.next_request;
            self.next_request += 2;
            let bytes = match request {
                Request::Announce => messages::publish_namespace(self.draft, id, &self.namespace),
                Request::Subscribe(track) => {
                    messages::subscribe(self.draft, id, &self.namespace, &track_name(track))
                }
            };
            if messages::replies_name_the_request(self.draft) {
                self.requests.insert(Key::Id(id), request);
                let control = self.control.expect("SETUP went out on it");
                self.writes.push_back((control, bytes));
            } else {
                self.openings.push_back(Opening {
                    dir: Dir::Bi,
                    request: Some(request),
                    bytes,
                });
            }
        }
    }

    fn key_of(&self, request: RequestId, stream: StreamId) -> Key {
        let named = messages::replies_name_the_request(self.draft);
        if named {
            Key::Id(request)
        } else {
            Key::Stream(stream)
        }
    }
}

fn key(request: Option<RequestId>, stream: StreamId) -> Key {
    request.map_or(Key::Stream(stream), Key::Id)
}

/// How the track of an index is called.
pub fn track_name(track: usize) -> Vec<u8> {
    format!("t{track}").into_bytes()
}

fn track_index(name: &[u8]) -> Option<usize> {
    std::str::from_utf8(name.strip_prefix(b"t")?)
        .ok()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(id: u64) -> StreamId {
        StreamId::from(id)
    }

    fn session(draft: Draft) -> Session {
        let mut session = Session::new(draft, Arc::from([String::from("n")]), None);
        session.request(Request::Subscribe(3));
        let first = if draft == Draft::D18 {
            stream(2)
        } else {
            stream(0)
        };
        session.opened(first);
        session
    }

    fn written(session: &mut Session) -> Vec<(StreamId, u64)> {
        std::iter::from_fn(|| session.poll_write())
            .map(|(stream, bytes)| (stream, u64::from(bytes[0])))
            .collect()
    }

    #[test]
    fn requests_wait_for_setup_and_for_the_right_to_make_them() {
        let mut session = session(Draft::D16);
        assert_eq!(written(&mut session), [(stream(0), 0x20)]);
        session.handle(stream(0), &[0x21, 0, 1, 0]).unwrap();
        assert_eq!(session.poll_event(), Some(Event::Ready));
        assert_eq!(written(&mut session), []);
        // MAX_REQUEST_ID 1.
        session.handle(stream(0), &[0x15, 0, 1, 1]).unwrap();
        assert_eq!(written(&mut session), [(stream(0), 0x03)]);
        // SUBSCRIBE_OK to request 0, alias 9.
        session.handle(stream(0), &[0x04, 0, 3, 0, 9, 0]).unwrap();
        assert_eq!(
            session.poll_event(),
            Some(Event::Subscribed { track: 3, alias: 9 })
        );
    }

    #[test]
    fn at_draft_18_a_request_has_a_stream_of_its_own() {
        let mut session = session(Draft::D18);
        written(&mut session);
        session.handle(stream(3), &[0xaf, 0, 0, 0]).unwrap();
        assert_eq!(session.next_opening(), Some(Dir::Bi));
        session.opened(stream(0));
        assert_eq!(written(&mut session), [(stream(0), 0x03)]);
        session.handle(stream(0), &[0x04, 0, 2, 9, 0]).unwrap();
        session.poll_event();
        assert_eq!(
            session.poll_event(),
            Some(Event::Subscribed { track: 3, alias: 9 })
        );
    }

    #[test]
    fn a_relay_that_subscribes_gets_the_track_until_it_leaves() {
        let mut session = session(Draft::D18);
        written(&mut session);
        let wanted = messages::subscribe(Draft::D18, 1, &["n".into()], b"t7");
        session.handle(stream(1), &wanted[..5]).unwrap();
        session.handle(stream(1), &wanted[5..]).unwrap();
        assert_eq!(session.poll_event(), Some(Event::Asked(7)));
        assert_eq!(written(&mut session), [(stream(1), 0x04)]);
        session.ended(stream(1));
        assert_eq!(session.poll_event(), Some(Event::Left(7)));
    }
}
