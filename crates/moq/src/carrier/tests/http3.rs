//! WebTransport as clients speak it that are not ours: HTTP/3 written by hand on a raw connection.

use web_transport_proto::http::{HeaderName, HeaderValue};
use web_transport_proto::{Capsule, ConnectRequest, Setting, Settings, VarInt};

use super::*;

/// A connection with `h3` as its ALPN, on which the test writes what it likes.
struct Http3 {
    pair: Pair,
    client: SessionKey,
}

impl Http3 {
    fn new() -> Self {
        let mut pair = Pair::new();
        let tls = ClientTls::new(Transport::Quic, &["h3".to_owned()], Verify::Nothing).unwrap();
        let client = pair.dial_with(Transport::Quic, tls, "", Vec::new());
        pair.until("the handshake", |pair| {
            pair.client
                .take(|event| matches!(event, CarrierEvent::Connected { .. }).then_some(()))
        });
        Self { pair, client }
    }

    fn uni(&mut self, bytes: &[u8]) -> StreamId {
        self.pair
            .write(Who::Client, self.client, Dir::Uni, bytes, false)
    }

    fn bi(&mut self, bytes: &[u8]) -> StreamId {
        self.pair
            .write(Who::Client, self.client, Dir::Bi, bytes, false)
    }

    fn more(&mut self, stream: StreamId, bytes: &[u8]) {
        let mut session = self.pair.session(Who::Client, self.client);
        session
            .write_chunks(stream, &mut [Bytes::copy_from_slice(bytes)])
            .unwrap();
    }

    fn offer(&mut self) -> (SessionKey, Incoming) {
        self.pair.until("an offer", |pair| {
            let (key, event) = pair.server.events.pop_front()?;
            match event {
                CarrierEvent::Incoming(incoming) => Some((key, *incoming)),
                _ => None,
            }
        })
    }

    /// The status of the answer on a stream, from QPACK's static table or as digits.
    fn answer(&mut self, stream: StreamId) -> Vec<u8> {
        let (client, mut bytes) = (self.client, Vec::new());
        self.pair.until("an answer", |pair| {
            let mut chunks = Vec::new();
            pair.session(Who::Client, client)
                .read(stream, usize::MAX, &mut chunks);
            bytes.extend(chunks.concat());
            (bytes.len() > 4).then(|| bytes.clone())
        })
    }
}

/// What Chromium 156 sends first on its control stream.
fn chromium_settings() -> Vec<u8> {
    let mut settings = Settings::default();
    for (id, value) in [
        (0x1, 65_536),
        (0x6, 16_384),
        (0x7, 100),
        (0x33, 1),
        (0xff_d277, 1),
        (0x2b60_3742, 1),
        (0x4040, 9),
    ] {
        settings.insert(Setting(VarInt::from_u32(id)), VarInt::from_u32(value));
    }
    let mut bytes = Vec::new();
    settings.encode(&mut bytes);
    bytes
}

fn connect(url: &str, headers: &[(&'static str, &str)]) -> Vec<u8> {
    let mut request = ConnectRequest::new(url::Url::parse(url).unwrap())
        .with_protocols(["moqt-18", "moqt-16", "moq-00"].map(str::to_owned));
    for (name, value) in headers {
        request = request.with_header(
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    let mut bytes = Vec::new();
    request.encode(&mut bytes).unwrap();
    bytes
}

fn chromium_connect() -> Vec<u8> {
    let headers = [
        ("sec-webtransport-http3-draft02", "1"),
        ("origin", "http://127.0.0.1:8000"),
    ];
    connect("https://localhost:4443/relay/token?x=1", &headers)
}

/// A field section of literals (RFC 9204 §4.5.6), framed.
fn headers(fields: &[(&str, &str)]) -> Vec<u8> {
    fn integer(mut value: usize, bits: u8, flags: u8, out: &mut Vec<u8>) {
        let most = (1 << bits) - 1;
        if value < most {
            return out.push(flags | value as u8);
        }
        out.push(flags | most as u8);
        value -= most;
        while value >= 128 {
            out.push((value % 128 + 128) as u8);
            value /= 128;
        }
        out.push(value as u8);
    }
    let mut payload = vec![0, 0];
    for (name, value) in fields {
        integer(name.len(), 3, 0x20, &mut payload);
        payload.extend_from_slice(name.as_bytes());
        integer(value.len(), 7, 0, &mut payload);
        payload.extend_from_slice(value.as_bytes());
    }
    let mut bytes = vec![0x01];
    VarInt::try_from(payload.len()).unwrap().encode(&mut bytes);
    bytes.extend(payload);
    bytes
}

fn contains(bytes: &[u8], part: &str) -> bool {
    bytes
        .windows(part.len())
        .any(|window| window == part.as_bytes())
}

#[test]
fn chromium_is_served_as_draft_02_with_a_protocol() {
    let mut http3 = Http3::new();
    http3.uni(&chromium_settings());
    http3.uni(&[0x02]); // QPACK encoder
    http3.uni(&[0x03]); // QPACK decoder
    http3.uni(&[0x40, 0x21 + 0x1f, 1, 2, 3]); // grease
    let request = http3.bi(&chromium_connect());
    let (server, incoming) = http3.offer();
    assert_eq!(incoming.transport, Transport::WebTransport);
    assert_eq!(incoming.authority, "localhost:4443");
    assert_eq!(incoming.path, "/relay/token?x=1");
    assert_eq!(incoming.origin.as_deref(), Some("http://127.0.0.1:8000"));
    assert_eq!(incoming.protocols, ["moqt-18", "moqt-16", "moq-00"]);

    http3.pair.server.carriers.accept(server, Some("moqt-16"));
    let answer = http3.answer(request);
    assert_eq!(answer[0], 0x01, "a HEADERS frame");

    // Our settings: the server's control stream is the first that it opens.
    let control = http3.pair.opened(Who::Client);
    let mut chunks = Vec::new();
    let client = http3.client;
    http3
        .pair
        .session(Who::Client, client)
        .read(control, usize::MAX, &mut chunks);
    let settings = Settings::decode(&mut &chunks.concat()[..]).unwrap();
    assert!(settings.supports_webtransport() > 0);
    for id in [0x08, 0x33, 0x2b60_3742, 0xc671_706a, 0x14e9_cd29] {
        let value = settings
            .get(&Setting(VarInt::from_u32(id)))
            .map(|value| value.into_inner());
        assert_eq!(value, Some(1), "setting {id:#x}");
    }

    // A stream of the session, and a datagram of it.
    http3.bi(&[0x40, 0x41, 0x00, b'h', b'i']);
    let stream = http3.pair.opened(Who::Server);
    let mut chunks = Vec::new();
    http3
        .pair
        .session(Who::Server, server)
        .read(stream, 100, &mut chunks);
    assert_eq!(chunks.concat(), b"hi");
    http3
        .pair
        .session(Who::Client, client)
        .send_datagram(Bytes::from_static(&[4, b'n', b'o']))
        .unwrap();
    http3
        .pair
        .session(Who::Client, client)
        .send_datagram(Bytes::from_static(&[0, b'y', b'o']))
        .unwrap();
    http3.pair.run(Duration::from_millis(50));
    let mut session = http3.pair.session(Who::Server, server);
    assert_eq!(session.recv_datagram().unwrap(), "yo");
    assert_eq!(session.recv_datagram(), None);
}

#[test]
fn a_session_works_however_its_bytes_are_cut() {
    let (settings, request) = (chromium_settings(), chromium_connect());
    for cut in [1, 2, 3, 7, 64] {
        let mut http3 = Http3::new();
        let (control, session) = (http3.uni(&settings[..1]), http3.bi(&request[..1]));
        for (stream, bytes) in [(control, &settings[1..]), (session, &request[1..])] {
            for part in bytes.chunks(cut) {
                http3.more(stream, part);
                http3.pair.run(Duration::from_millis(11));
            }
        }
        let (server, _) = http3.offer();
        let data = http3.uni(&[0x40]);
        for byte in [0x54, 0x40, 0x00, b'a', b'b'] {
            http3.pair.run(Duration::from_millis(11));
            http3.more(data, &[byte]);
        }
        let stream = http3.pair.opened(Who::Server);
        http3.pair.run(Duration::from_millis(50));
        let mut chunks = Vec::new();
        http3
            .pair
            .session(Who::Server, server)
            .read(stream, 100, &mut chunks);
        assert_eq!(chunks.concat(), b"ab");
    }
}

#[test]
fn streams_that_overtake_the_request_wait_for_it() {
    let mut http3 = Http3::new();
    let request = http3.bi(&[]); // stream 0, nothing sent yet
    let early = http3.uni(&[0x40, 0x54, 0x00, b'e']);
    let stray = http3.uni(&[0x40, 0x54, 0x04, b's']);
    http3.pair.run(Duration::from_millis(50));
    assert!(http3.pair.server.events.is_empty());
    http3.more(request, &chromium_connect());
    let (server, _) = http3.offer();
    assert_eq!(http3.pair.opened(Who::Server), early);
    let mut chunks = Vec::new();
    http3
        .pair
        .session(Who::Server, server)
        .read(early, 100, &mut chunks);
    assert_eq!(chunks.concat(), b"e");
    let stopped = http3.pair.until("the rejection", |pair| {
        pair.client.take(|event| match event {
            CarrierEvent::Stopped { stream, code } => Some((*stream, *code)),
            _ => None,
        })
    });
    assert_eq!(stopped, (stray, 0x3994_bd84));
}

#[test]
fn a_second_session_on_the_connection_is_refused_and_the_first_stays() {
    let mut http3 = Http3::new();
    http3.bi(&chromium_connect());
    let (server, _) = http3.offer();
    let second = http3.bi(&chromium_connect());
    assert!(contains(&http3.answer(second), "429"));
    assert!(http3.pair.server.carriers.session(server).is_some());
    assert!(
        http3
            .pair
            .server
            .take(|event| matches!(event, CarrierEvent::Incoming(_)).then_some(()))
            .is_none()
    );
}

#[test]
fn other_http_requests_get_404_and_a_session_may_follow() {
    let mut http3 = Http3::new();
    let get = [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", "/"),
    ];
    let plain = [(":method", "CONNECT"), (":authority", "localhost:80")];
    let websocket = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", "/chat"),
    ];
    for fields in [&get[..], &plain, &websocket] {
        let stream = http3.bi(&headers(fields));
        // The static table's index 27: ":status: 404".
        assert_eq!(http3.answer(stream)[4], 0xc0 | 27);
    }
    http3.bi(&chromium_connect());
    http3.offer();
}

#[test]
fn a_client_that_asks_for_ever_leaves_nothing_behind() {
    let mut http3 = Http3::new();
    http3.bi(&chromium_connect());
    http3.offer();
    http3.pair.run(Duration::from_millis(100));
    let before = http3.pair.server.carriers.strays();
    for n in 0..200 {
        let request = http3.bi(&headers(&[(":method", "GET"), (":path", "/")]));
        let (unknown, empty) = (http3.uni(&[0x21, 1, 2]), http3.bi(&[]));
        let client = http3.client;
        let mut session = http3.pair.session(Who::Client, client);
        match n % 3 {
            0 => session.finish(request),
            1 => session.stop_sending(request, 1),
            _ => session.reset(request, 1),
        }
        session.finish(unknown);
        session.reset(empty, 1);
        http3.pair.run(Duration::from_millis(60));
    }
    http3.pair.run(Duration::from_secs(1));
    assert_eq!(http3.pair.server.carriers.strays(), before);
    for (key, event) in std::mem::take(&mut http3.pair.server.events) {
        let CarrierEvent::Readable(stream) = event else {
            panic!("{event:?}")
        };
        let state = http3
            .pair
            .session(Who::Server, key)
            .read(stream, 1, &mut Vec::new());
        assert_eq!(state, ReadState::Closed);
    }
}

/// S8: half a header block is kept for eight requests at most.
#[test]
fn requests_that_trickle_in_are_few_at_a_time() {
    let mut http3 = Http3::new();
    let slow: Vec<_> = (0..9)
        .map(|_| http3.bi(&[0x01, 0x44, 0x00, 0x00]))
        .collect();
    let stopped = http3.pair.until("a rejection", |pair| {
        pair.client.take(|event| match event {
            CarrierEvent::Stopped { stream, code } => Some((*stream, *code)),
            _ => None,
        })
    });
    assert_eq!(stopped, (slow[8], 0x10b));
}

#[test]
fn a_path_of_kilobytes_is_taken_and_a_larger_header_block_is_refused() {
    let mut http3 = Http3::new();
    let long = "x".repeat(20_000);
    let refused = http3.bi(&headers(&[(":method", "GET"), ("cookie", &long)]));
    assert!(contains(&http3.answer(refused), "431"));

    let token = "t".repeat(4096);
    http3.bi(&connect(
        &format!("https://localhost/{token}?jwt={token}"),
        &[],
    ));
    assert_eq!(http3.offer().1.path, format!("/{token}?jwt={token}"));
}

#[test]
fn the_close_capsule_of_a_client_ends_the_session() {
    let mut http3 = Http3::new();
    let request = http3.bi(&chromium_connect());
    let (server, _) = http3.offer();
    http3.pair.server.carriers.accept(server, None);
    let mut capsules = Vec::new();
    Capsule::Unknown {
        typ: VarInt::from_u32(0x78ae),
        payload: Bytes::new(),
    }
    .encode(&mut capsules);
    Capsule::CloseWebTransportSession {
        code: 3,
        reason: "done".into(),
    }
    .encode(&mut capsules);
    let mut bytes = vec![0x00];
    VarInt::try_from(capsules.len()).unwrap().encode(&mut bytes);
    bytes.extend(capsules);
    http3.more(request, &bytes);
    assert_eq!(
        http3.pair.closed(Who::Server, server),
        (Some(3), "done".to_owned(), true)
    );
}

#[test]
fn a_client_that_ends_its_request_without_a_capsule_has_left_in_peace() {
    let mut http3 = Http3::new();
    let request = http3.bi(&chromium_connect());
    let (server, _) = http3.offer();
    let client = http3.client;
    http3.pair.session(Who::Client, client).finish(request);
    assert_eq!(
        http3.pair.closed(Who::Server, server),
        (Some(0), String::new(), true)
    );
}

#[test]
fn a_client_that_never_asks_for_a_session_is_given_up() {
    let mut http3 = Http3::new();
    http3.uni(&chromium_settings());
    let client = http3.client;
    http3
        .pair
        .session(Who::Client, client)
        .keep_alive(Some(Duration::from_secs(1)));
    let (code, reason, remote) = http3.pair.closed(Who::Client, client);
    assert_eq!(
        (code, &*reason, remote),
        (Some(0x100), "no request came in time", true)
    );
    assert!(http3.pair.elapsed() < Duration::from_secs(11));
    assert!(http3.pair.server.events.is_empty());
}

#[test]
fn broken_http3_closes_the_connection_with_its_code() {
    let twice = [chromium_settings(), chromium_settings()[1..].to_vec()].concat();
    for (bytes, code) in [
        (twice, 0x105),
        (vec![0x00, 0x00, 0x01, 0xff], 0x105), // DATA on the control stream
        (vec![0x00, 0x04, 0x01, 0x40], 0x109), // half a setting
        (vec![0x00, 0x04, 0x80, 0xff, 0xff, 0xff], 0x107), // settings of megabytes
    ] {
        let mut http3 = Http3::new();
        http3.uni(&bytes);
        let client = http3.client;
        let (told, _, remote) = http3.pair.closed(Who::Client, client);
        assert_eq!((told, remote), (Some(code), true), "{bytes:x?}");
    }
}

#[test]
fn a_request_behind_an_error_opens_no_session() {
    let mut http3 = Http3::new();
    http3.bi(&[vec![0x04, 0x00], chromium_connect()].concat());
    let client = http3.client;
    let (told, _, remote) = http3.pair.closed(Who::Client, client);
    assert_eq!((told, remote), (Some(0x105), true));
    assert!(http3.pair.server.events.is_empty());
}

/// S4: broken HTTP/3 closes its own connection only.
#[test]
fn any_bytes_on_any_stream_leave_other_sessions_alone() {
    for seed in 0..150u64 {
        let mut http3 = Http3::new();
        http3.pair.dice = seed;
        let (_, bystander) = http3.pair.connected(Transport::WebTransport);
        for _ in 0..12 {
            let mut bytes = match http3.pair.roll() % 5 {
                0 => chromium_settings(),
                1 => chromium_connect(),
                2 => vec![0x40, 0x54, 0x00],
                3 => vec![0x40, 0x41, 0x00],
                _ => Vec::new(),
            };
            for _ in 0..http3.pair.roll() % 60 {
                bytes.push(http3.pair.roll() as u8);
            }
            for _ in 0..http3.pair.roll() % 3 {
                if !bytes.is_empty() {
                    let at = http3.pair.roll() as usize % bytes.len();
                    bytes[at] = http3.pair.roll() as u8;
                }
            }
            let (dir, fin) = (http3.pair.roll() % 2, http3.pair.roll().is_multiple_of(3));
            let client = http3.client;
            let Some(mut session) = http3.pair.client.carriers.session(client) else {
                break;
            };
            let stream = if dir == 0 {
                session.open_uni(0)
            } else {
                session.open_bi(0)
            }
            .unwrap();
            session.write_chunks(stream, &mut [bytes.into()]).unwrap();
            if fin {
                session.finish(stream);
            }
            http3.pair.run(Duration::from_millis(30));
        }
        assert!(
            http3.pair.server.carriers.session(bystander).is_some(),
            "seed {seed}"
        );
    }
}
