//! What an idle session costs, counted at the allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use moq::carrier::{
    CarrierEvent, Carriers, Certificate, ClientTls, Config, Dial, Secrets, ServerTls, SessionKey,
    Transport, Verify,
};
use shard::{Datagram, SocketId};

struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        USED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn used() -> usize {
    USED.load(Ordering::Relaxed)
}

/// Moves what one end has to send to the other; whether there was anything.
fn pass(now: Instant, from: &mut Carriers, to: &mut Carriers, address: &str) -> bool {
    let mut buf = Vec::new();
    let mut any = false;
    while let Some(transmit) = from.poll_transmit(now, |_| true, &mut buf) {
        for bytes in buf.chunks(transmit.segment_size.unwrap_or(buf.len())) {
            any = true;
            let (remote, data) = (address.parse().unwrap(), BytesMut::from(bytes));
            let datagram = Datagram {
                socket: SocketId::MAIN,
                remote,
                local_ip: None,
                ecn: None,
                data,
            };
            to.handle_datagram(now, datagram);
        }
    }
    any
}

/// Lets both ends talk until neither has anything to say; collects the server's sessions.
fn talk(
    now: Instant,
    client: &mut Carriers,
    server: &mut Carriers,
    sessions: &mut Vec<SessionKey>,
) {
    loop {
        while let Some((key, event)) = server.poll_event(now) {
            if let CarrierEvent::Incoming(_) = event {
                server.accept(key, Some("moqt-16"));
                sessions.push(key);
            }
        }
        while client.poll_event(now).is_some() {}
        let there = pass(now, client, server, "192.0.2.1:5000");
        let back = pass(now, server, client, "198.51.100.1:4443");
        if !there && !back {
            return;
        }
    }
}

const SESSIONS: usize = 200;
/// The bound is 100 kB with all that the engine and the control plane keep of a session.
const MOST: usize = 40_000;

#[test]
fn an_idle_session_costs_less_than_forty_kilobytes_on_either_carrier() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    let alpn = ["moqt-16".to_owned()];
    for transport in [Transport::Quic, Transport::WebTransport] {
        let server_tls = ServerTls::new(&certificate, &alpn).unwrap();
        let tls = ClientTls::new(transport, &alpn, Verify::Nothing).unwrap();
        let mut server = Carriers::new(0, Config::default(), &Secrets::new(), Some(server_tls));
        let mut client = Carriers::new(1, Config::default(), &Secrets::new(), None);
        let mut now = Instant::now();
        let mut sessions = Vec::new();
        let before = used();
        for _ in 0..SESSIONS {
            let dial = Dial {
                transport,
                tls: tls.clone(),
                remote: "198.51.100.1:4443".parse().unwrap(),
                socket: SocketId::MAIN,
                server_name: "localhost".to_owned(),
                path: "/".to_owned(),
                protocols: alpn.to_vec(),
            };
            client.connect(now, dial).unwrap();
            talk(now, &mut client, &mut server, &mut sessions);
        }
        assert_eq!(sessions.len(), SESSIONS);
        for key in &sessions {
            server
                .session(*key)
                .unwrap()
                .keep_alive(Some(Duration::from_secs(4)));
        }
        talk(now, &mut client, &mut server, &mut sessions);
        let end = now + Duration::from_secs(30);
        while let Some(next) = [client.next_timeout(), server.next_timeout()]
            .into_iter()
            .flatten()
            .min()
            && next < end
        {
            now = now.max(next);
            client.handle_timeouts(now);
            server.handle_timeouts(now);
            talk(now, &mut client, &mut server, &mut sessions);
        }
        assert_eq!(server.len(), SESSIONS, "they live on");
        drop(client);
        let each = (used() - before) / SESSIONS;
        println!("{transport:?}: {each} bytes a session");
        assert!(each < MOST, "{transport:?}: {each} bytes a session");
    }
}
