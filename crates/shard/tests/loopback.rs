//! Whole shards on the loopback interface.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use shard::{
    Binding, Commands, Datagram, Handle, Kind, Letters, Outbox, Plan, Router, Sender, ShardId,
    Socket, Transmit, Waker, commands, letters, spawn,
};

/// Sends every datagram back where it came from, and tells what else happens.
struct Echo {
    replies: Vec<(Transmit, Vec<u8>)>,
    told: mpsc::Sender<String>,
    outbox: Outbox<String>,
    alarm: Option<Instant>,
}

impl Router for Echo {
    type Command = &'static str;
    type Letter = String;

    fn handle_datagram(&mut self, _now: Instant, _kind: Kind, datagram: Datagram) {
        let transmit = Transmit {
            socket: datagram.socket,
            destination: datagram.remote,
            src_ip: datagram.local_ip,
            ecn: None,
            size: datagram.data.len(),
            segment_size: None,
        };
        self.replies.push((transmit, datagram.data.to_vec()));
    }

    fn carry_out(&mut self, now: Instant, command: &'static str) {
        match command {
            "panic" => panic!("as told"),
            "alarm" => self.alarm = Some(now + Duration::from_millis(5)),
            letter => self.outbox.try_push(1, letter.to_owned()).unwrap(),
        }
    }

    fn handle_letter(&mut self, _now: Instant, from: ShardId, letter: String) {
        self.told.send(format!("{letter} from {from}")).unwrap();
    }

    fn handle_timeouts(&mut self, now: Instant) {
        if self.alarm.take_if(|at| *at <= now).is_some() {
            self.told.send("alarm".to_owned()).unwrap();
        }
    }

    fn finish_pass(&mut self, _now: Instant, sender: &mut Sender<'_>) {
        for (transmit, contents) in self.replies.drain(..) {
            sender.send(&transmit, &contents);
        }
    }

    fn next_timeout(&mut self) -> Option<Instant> {
        self.alarm
    }
}

struct Shards {
    handles: Vec<Handle>,
    commands: Vec<Commands<&'static str>>,
    told: mpsc::Receiver<String>,
}

fn start(sockets: Vec<Vec<Socket>>) -> Shards {
    let (tell, told) = mpsc::channel();
    let wakers: Vec<_> = sockets.iter().map(|_| Waker::new().unwrap()).collect();
    let mut shards = Shards {
        handles: Vec::new(),
        commands: Vec::new(),
        told,
    };
    let all: Vec<Letters<String>> = letters(&wakers, 16);
    for (id, ((sockets, letters), waker)) in (0..).zip(sockets.into_iter().zip(all).zip(wakers)) {
        let (sender, receiver) = commands(16, &waker);
        let (told, ended) = (tell.clone(), tell.clone());
        let outbox = letters.outbox();
        let plan = Plan {
            id,
            waker,
            sockets,
            commands: receiver,
            letters,
        };
        let make = move || Echo {
            replies: Vec::new(),
            told,
            outbox,
            alarm: None,
        };
        let on_end = move |_, result: &Result<(), _>| drop(ended.send(format!("{result:?}")));
        shards.handles.push(spawn(plan, make, on_end).unwrap());
        shards.commands.push(sender);
    }
    shards
}

fn client(bind: impl Into<SocketAddr>) -> UdpSocket {
    let socket = UdpSocket::bind(bind.into()).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    socket
}

const PATIENCE: Duration = Duration::from_secs(5);
/// The first byte of a QUIC short header, so that the datagram reaches the router.
const QUIC: u8 = 0x40;

#[test]
fn a_dual_stack_port_answers_both_families_from_the_address_that_was_asked() {
    let Ok(binding) = Binding::open((Ipv6Addr::UNSPECIFIED, 0).into(), 2) else {
        return; // no IPv6 on this machine
    };
    let port = binding.local_addr().port();
    let shards = start(
        binding
            .into_sockets()
            .into_iter()
            .map(|socket| vec![socket])
            .collect(),
    );
    let clients = [
        (
            client((Ipv4Addr::LOCALHOST, 0)),
            SocketAddr::from((Ipv4Addr::new(127, 0, 0, 1), port)),
        ),
        (
            client((Ipv6Addr::LOCALHOST, 0)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
        ),
    ];
    for (client, server) in clients {
        client.send_to(&[QUIC, 1, 2], server).unwrap();
        let mut buffer = [0; 10];
        assert_eq!(client.recv_from(&mut buffer).unwrap(), (3, server));
    }
    for handle in shards.handles {
        handle.stop();
        handle.join().unwrap();
    }
}

#[test]
fn a_datagram_that_nobody_serves_is_counted_and_dropped() {
    let socket = Socket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let server = socket.local_addr().unwrap();
    let shards = start(vec![vec![socket]]);
    let client = client((Ipv4Addr::LOCALHOST, 0));
    client.send_to(&[4, 1, 0, 0], server).unwrap();
    client.send_to(&[QUIC], server).unwrap();
    let mut buffer = [0; 10];
    assert_eq!(client.recv(&mut buffer).unwrap(), 1);
    let counters = shards.handles[0].counters().snapshot();
    assert_eq!(
        (counters.received_datagrams, counters.dropped_datagrams),
        (2, 1)
    );
    assert!(counters.cpu_nanoseconds > 0);
}

#[test]
fn a_shard_that_is_warm_allocates_no_more_buffers() {
    let socket = Socket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let server = socket.local_addr().unwrap();
    let shards = start(vec![vec![socket]]);
    let client = client((Ipv4Addr::LOCALHOST, 0));
    let exchange = |times| {
        for _ in 0..times {
            client.send_to(&[QUIC; 1200], server).unwrap();
            assert_eq!(client.recv(&mut [0; 1500]).unwrap(), 1200);
        }
        shards.handles[0].counters().snapshot()
    };
    let warm = exchange(200);
    let later = exchange(2000);
    assert_eq!(later.received_datagrams - warm.received_datagrams, 2000);
    assert_eq!(later.buffer_allocations, warm.buffer_allocations);
}

#[test]
fn a_thousand_sockets_are_served_by_one_shard() {
    let sockets: Vec<_> = (0..1000)
        .map(|_| Socket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap())
        .collect();
    let servers: Vec<_> = sockets
        .iter()
        .map(|socket| socket.local_addr().unwrap())
        .collect();
    let _shards = start(vec![sockets]);
    let client = client((Ipv4Addr::LOCALHOST, 0));
    for server in servers {
        client.send_to(&[QUIC], server).unwrap();
        let mut buffer = [0; 10];
        assert_eq!(client.recv_from(&mut buffer).unwrap(), (1, server));
    }
}

#[test]
fn a_sleeping_shard_wakes_for_commands_letters_and_deadlines() {
    let shards = start(vec![Vec::new(), Vec::new()]);
    shards.commands[0].try_push("hello").unwrap();
    assert_eq!(shards.told.recv_timeout(PATIENCE).unwrap(), "hello from 0");
    shards.commands[1].try_push("alarm").unwrap();
    assert_eq!(shards.told.recv_timeout(PATIENCE).unwrap(), "alarm");
}

#[test]
fn a_panic_ends_its_shard_and_is_reported() {
    let mut shards = start(vec![Vec::new(), Vec::new()]);
    shards.commands[0].try_push("panic").unwrap();
    assert!(
        shards
            .told
            .recv_timeout(PATIENCE)
            .unwrap()
            .contains("as told")
    );
    let panic = shards.handles.remove(0).join().unwrap_err();
    assert_eq!((panic.shard, panic.message.as_str()), (0, "as told"));
    shards.commands[1].try_push("alarm").unwrap();
    assert_eq!(shards.told.recv_timeout(PATIENCE).unwrap(), "alarm");
}
