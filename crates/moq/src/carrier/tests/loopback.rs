//! Sessions through real shards and sockets.

use std::net::Ipv4Addr;
use std::sync::mpsc;

use shard::{
    Binding, Handle, Kind, Letters, Plan, Router, Sender, ShardId, Socket, Waker, commands,
    letters, spawn,
};

use super::*;

/// A shard of carriers that answers every byte with itself, and reports what happens.
struct Echo {
    carriers: Carriers,
    /// Dialled when the shard starts.
    dials: Vec<Dial>,
    told: mpsc::Sender<(ShardId, SessionKey, String)>,
    buf: Vec<u8>,
}

impl Echo {
    fn take(&mut self, now: Instant, key: SessionKey, event: CarrierEvent) {
        let id = key.shard();
        match event {
            CarrierEvent::Incoming(_) => self.carriers.accept(key, Some("moqt-16")),
            CarrierEvent::Connected { .. } => {
                let mut session = self.carriers.session(key).unwrap();
                let stream = session.open_bi(0).unwrap();
                session
                    .write_chunks(stream, &mut [Bytes::from(vec![5; 50_000])])
                    .unwrap();
                session.finish(stream);
            }
            CarrierEvent::Opened(stream) | CarrierEvent::Readable(stream) => {
                let Some(mut session) = self.carriers.session(key) else {
                    return;
                };
                let mut chunks = Vec::new();
                let state = session.read(stream, usize::MAX, &mut chunks);
                let server = u64::from(stream) & 1 == 0 && id < 2;
                if server && !chunks.is_empty() {
                    session.write_chunks(stream, &mut chunks).unwrap();
                }
                if state == ReadState::Finished {
                    if server {
                        session.finish(stream);
                    } else {
                        self.told.send((id, key, "echoed".to_owned())).unwrap();
                        self.carriers.close(now, key, 0, "thanks");
                    }
                }
            }
            CarrierEvent::Closed { code, reason, .. } => {
                self.told
                    .send((id, key, format!("closed {code:?} {reason}")))
                    .unwrap();
            }
            _ => {}
        }
    }
}

impl Router for Echo {
    type Command = ();
    type Letter = ();

    fn handle_datagram(&mut self, now: Instant, kind: Kind, datagram: Datagram) {
        if kind == Kind::Quic {
            self.carriers.handle_datagram(now, datagram);
        }
    }

    fn carry_out(&mut self, _now: Instant, (): ()) {}

    fn handle_letter(&mut self, _now: Instant, _from: ShardId, (): ()) {}

    fn handle_timeouts(&mut self, now: Instant) {
        for dial in self.dials.drain(..) {
            self.carriers.connect(now, dial).unwrap();
        }
        self.carriers.handle_timeouts(now);
    }

    fn finish_pass(&mut self, now: Instant, sender: &mut Sender<'_>) {
        while let Some((key, event)) = self.carriers.poll_event(now) {
            self.take(now, key, event);
        }
        while let Some(transmit) =
            self.carriers
                .poll_transmit(now, |socket| sender.ready(socket), &mut self.buf)
        {
            sender.send(&transmit, &self.buf);
        }
    }

    fn next_timeout(&mut self) -> Option<Instant> {
        if self.dials.is_empty() {
            self.carriers.next_timeout()
        } else {
            Some(Instant::now())
        }
    }
}

type Told = mpsc::Sender<(ShardId, SessionKey, String)>;

fn start(
    id: ShardId,
    sockets: Vec<Socket>,
    told: &Told,
    make: impl FnOnce() -> (Carriers, Vec<Dial>) + Send + 'static,
) -> Handle {
    let waker = Waker::new().unwrap();
    let letters: Letters<()> = letters(std::slice::from_ref(&waker), 1).remove(0);
    let (_, receiver) = commands(1, &waker);
    let plan = Plan {
        id,
        waker,
        sockets,
        commands: receiver,
        letters,
    };
    let told = told.clone();
    spawn(
        plan,
        move || {
            let (carriers, dials) = make();
            Echo {
                carriers,
                dials,
                told,
                buf: Vec::new(),
            }
        },
        |_, ended| ended.clone().unwrap(),
    )
    .unwrap()
}

#[test]
fn hundred_clients_with_a_socket_each_talk_to_two_shards() {
    let (tell, told) = mpsc::channel();
    let binding = Binding::open((Ipv4Addr::LOCALHOST, 0).into(), 2).unwrap();
    let remote = binding.local_addr();
    let (secrets, tls) = (Secrets::new(), server_tls());
    let mut shards = Vec::new();
    for (id, socket) in (0..).zip(binding.into_sockets()) {
        let (secrets, tls) = (secrets.clone(), tls.clone());
        let make = move || {
            (
                Carriers::new(id, Config::default(), &secrets, Some(tls)),
                Vec::new(),
            )
        };
        shards.push(start(id, vec![socket], &tell, make));
    }
    let sockets = (0..100)
        .map(|_| Socket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap())
        .collect();
    let client = start(9, sockets, &tell, move || {
        let dials = (0..100u32)
            .map(|n| {
                let transport = BOTH[n as usize % 2];
                let alpn = ["moqt-16".to_owned()];
                Dial {
                    transport,
                    tls: ClientTls::new(transport, &alpn, Verify::Nothing).unwrap(),
                    remote,
                    socket: SocketId(n),
                    server_name: "localhost".to_owned(),
                    path: "/".to_owned(),
                    protocols: alpn.to_vec(),
                }
            })
            .collect();
        (
            Carriers::new(9, Config::default(), &Secrets::new(), None),
            dials,
        )
    });
    shards.push(client);

    let (mut echoed, mut closed, mut by_shard) = (0, 0, [0; 10]);
    while closed < 200 {
        let (shard, _, what) = told
            .recv_timeout(Duration::from_secs(20))
            .expect("all sessions end");
        match &*what {
            "echoed" => echoed += 1,
            "closed Some(0) thanks" => {
                closed += 1;
                by_shard[usize::from(shard)] += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!((echoed, by_shard[9]), (100, 100));
    assert!(
        by_shard[0] > 10 && by_shard[1] > 10,
        "the kernel spreads clients: {by_shard:?}"
    );
    for shard in shards {
        shard.stop();
        shard.join().unwrap();
    }
}
