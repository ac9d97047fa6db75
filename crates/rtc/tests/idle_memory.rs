//! What the transport of an idle session costs, counted at the allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use is::stun::TransId;
use rtc::command::{Credentials, Remote};
use rtc::transport::dtls::{Association, Output};
use rtc::transport::{
    Certificate, Context, Event, LARGEST_PACKET, Path, Settings, Transport, stun,
};
use shard::SocketId;

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

const SESSIONS: usize = 200;
/// The bound is 100 kB with all that the engine and Python keep of a session.
const MOST: usize = 60_000;

fn context() -> (Certificate, Rc<Context>) {
    let made = rcgen::generate_simple_self_signed(vec!["webrtc".to_owned()]).unwrap();
    let certificate = Certificate {
        certificate: made.cert.der().to_vec(),
        private_key: made.signing_key.serialize_der(),
    };
    let settings = Settings {
        handshakes: 10,
        silent: Duration::from_secs(10),
    };
    let context = Context::new(certificate.clone(), settings).unwrap();
    (certificate, Rc::new(context))
}

/// Sends what the server has to say to the client; whether it had anything.
fn pass(now: Instant, server: &mut Transport, client: &mut Association) -> bool {
    let mut buffer = [0; LARGEST_PACKET];
    let mut any = false;
    while let Some(transmit) = server.poll_transmit(now, &mut buffer) {
        if buffer[0] > 3 {
            any = true;
            client.handle(now, &buffer[..transmit.size]).unwrap();
        }
    }
    any
}

/// A session whose peer has checked, shaken hands and gone quiet.
fn connect(now: Instant, context: &Rc<Context>, theirs: &Context, remote: &Remote) -> Transport {
    let credentials = Credentials {
        ufrag: "ours".to_owned(),
        pwd: "0123456789012345678901".to_owned(),
    };
    let mut server = Transport::new(context, credentials);
    let mut client = Association::client(theirs, now);
    let path = Path {
        socket: SocketId::MAIN,
        local_ip: None,
        remote: SocketAddr::from(([192, 0, 2, 1], 5_000)),
    };
    server.set_remote(now, remote.clone());
    let mut request = [0; 256];
    let length = stun::Request {
        transaction: TransId::new(),
        remote_ufrag: "ours",
        local_ufrag: "them",
        remote_pwd: "0123456789012345678901",
        tie_breaker: 1,
        use_candidate: true,
    }
    .write(&mut request)
    .unwrap();
    server.handle_stun(now, path, &request[..length]);
    let mut buffer = vec![0; 20_000];
    loop {
        let mut any = pass(now, &mut server, &mut client);
        while let Some(output) = client.poll(now, &mut buffer) {
            if let Output::Packet(size) = output {
                any = true;
                server.handle_dtls(now, path, &buffer[..size]);
                pass(now, &mut server, &mut client);
            }
        }
        if !any {
            break;
        }
    }
    assert!(matches!(server.poll_event(), Some(Event::Connected { .. })));
    server
}

#[test]
fn the_transport_of_an_idle_session_costs_less_than_sixty_kilobytes() {
    let ((_, ours), (certificate, theirs)) = (context(), context());
    let fingerprint = digest(&SHA256, &certificate.certificate);
    let remote = Remote {
        algorithm: "sha-256".to_owned(),
        fingerprint: fingerprint.as_ref().to_vec(),
        dtls_client: false,
        sctp_port: Some(5_000),
    };
    let now = Instant::now();
    drop(connect(now, &ours, &theirs, &remote));
    let before = USED.load(Ordering::Relaxed);
    let sessions: Vec<_> = (0..SESSIONS)
        .map(|_| connect(now, &ours, &theirs, &remote))
        .collect();
    let each = (USED.load(Ordering::Relaxed) - before) / SESSIONS;
    println!(
        "{each} bytes a session, {} in place",
        size_of::<Transport>()
    );
    assert_eq!(sessions.len(), SESSIONS);
    assert!(each < MOST, "{each} bytes a session");
}
