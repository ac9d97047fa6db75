//! A shard's thread: one pass after another.

use std::io::{self, IoSliceMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use quinn_udp::{BATCH_SIZE, RecvMeta};

use crate::ShardId;
use crate::counters::Counters;
use crate::datagram::{Datagram, Ecn, SocketId, unmapped};
use crate::demux::{Kind, kind};
use crate::poller::Poller;
use crate::pool::Pool;
use crate::queue::CommandReceiver;
use crate::ring::Letters;
use crate::sender::{Outlet, Sender};
use crate::socket::Socket;
use crate::wake::Waker;

/// What a shard runs: it decides where everything goes, and never waits.
pub trait Router {
    /// What the governing thread asks for.
    type Command: Send + 'static;
    /// What shards tell one another.
    type Letter: Send + 'static;

    /// Takes a datagram of the protocol `kind`; those of none ([`Kind::Other`]) are dropped and counted.
    fn handle_datagram(&mut self, now: Instant, kind: Kind, datagram: Datagram);

    /// Carries out one command.
    fn carry_out(&mut self, now: Instant, command: Self::Command);

    /// Takes a letter from another shard.
    fn handle_letter(&mut self, now: Instant, from: ShardId, letter: Self::Letter);

    /// Does what is due at `now`. Called in every pass.
    fn handle_timeouts(&mut self, now: Instant);

    /// Forwards and sends what came of all that.
    fn finish_pass(&mut self, now: Instant, sender: &mut Sender<'_>);

    /// When the next pass must run though nothing arrives; one that is past runs it at once.
    fn next_timeout(&mut self) -> Option<Instant>;

    /// Whether the shard's work is over; looked at after each pass.
    fn finished(&self) -> bool {
        false
    }
}

/// What a shard is made of.
#[derive(Debug)]
pub struct Plan<C, L> {
    /// Its number.
    pub id: ShardId,
    /// Wakes it; the queues below were made with this one.
    pub waker: Waker,
    /// Its sockets, by [`SocketId`].
    pub sockets: Vec<Socket>,
    /// Commands of the governing thread.
    pub commands: CommandReceiver<C>,
    /// Letters of the other shards.
    pub letters: Letters<L>,
}

/// A shard's thread has panicked; nothing of what it held is left.
#[derive(Clone, Debug, thiserror::Error)]
#[error("shard {shard} panicked: {message}")]
pub struct Panic {
    /// Which one.
    pub shard: ShardId,
    /// What the panic said.
    pub message: String,
}

/// A running shard. Dropping it leaves the shard running.
#[derive(Debug)]
pub struct Handle {
    stop: Arc<AtomicBool>,
    waker: Waker,
    counters: Arc<Counters>,
    thread: JoinHandle<Result<(), Panic>>,
}

impl Handle {
    /// Ends the shard after the pass it is in. Sessions that stand are not told.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        self.waker.wake();
    }

    /// Waits until the thread has ended.
    ///
    /// # Errors
    /// The shard panicked.
    pub fn join(self) -> Result<(), Panic> {
        // The thread catches panics itself; what escapes came of `on_end`.
        self.thread.join().unwrap_or(Ok(()))
    }

    /// What the shard counts; outlives it.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }
}

/// Starts a shard on a thread of its own. `make` builds the router there; `on_end` is told, there as
/// well, how the shard ended.
///
/// # Errors
/// No thread or descriptor is left.
pub fn spawn<R: Router>(
    plan: Plan<R::Command, R::Letter>,
    make: impl FnOnce() -> R + Send + 'static,
    on_end: impl FnOnce(ShardId, &Result<(), Panic>) + Send + 'static,
) -> io::Result<Handle> {
    let counters = Arc::new(Counters::default());
    let stop = Arc::new(AtomicBool::new(false));
    let waker = plan.waker.clone();
    let mut shard = Shard::new(plan, Arc::clone(&counters), Arc::clone(&stop))?;
    let thread = std::thread::Builder::new()
        .name(format!("shard-{}", shard.id))
        .spawn(move || {
            let id = shard.id;
            shard.counters.start_clock();
            let ended =
                catch_unwind(AssertUnwindSafe(|| shard.run(make()))).map_err(|cause| Panic {
                    shard: id,
                    message: message_of(&*cause),
                });
            on_end(id, &ended);
            ended
        })?;
    Ok(Handle {
        stop,
        waker,
        counters,
        thread,
    })
}

fn message_of(cause: &(dyn std::any::Any + Send)) -> String {
    cause
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| cause.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

/// The token of the waker's descriptor; sockets have their number.
const WAKER: u64 = u64::MAX;
/// Commands carried out in a pass, so that a flood of them leaves media its turn.
const COMMANDS_PER_PASS: usize = 256;
/// The same for letters, for each sender.
const LETTERS_PER_PASS: usize = 1024;
/// The largest UDP payload, or run of them, that the kernel gives at once.
const LARGEST: usize = 65_536;

struct Shard<C, L> {
    id: ShardId,
    waker: Waker,
    outlets: Vec<Outlet>,
    commands: CommandReceiver<C>,
    letters: Letters<L>,
    poller: Poller,
    pool: Pool,
    /// BATCH_SIZE buffers for the kernel, used by every socket in turn.
    memory: Vec<u8>,
    counters: Arc<Counters>,
    stop: Arc<AtomicBool>,
}

impl<C, L> Shard<C, L> {
    fn new(plan: Plan<C, L>, counters: Arc<Counters>, stop: Arc<AtomicBool>) -> io::Result<Self> {
        let poller = Poller::new()?;
        poller.add(plan.waker.raw_fd(), WAKER)?;
        for (token, socket) in (0..).zip(&plan.sockets) {
            poller.add(socket.raw_fd(), token)?;
        }
        Ok(Self {
            id: plan.id,
            waker: plan.waker,
            outlets: plan.sockets.into_iter().map(Outlet::new).collect(),
            commands: plan.commands,
            letters: plan.letters,
            poller,
            pool: Pool::default(),
            memory: vec![0; BATCH_SIZE * LARGEST],
            counters,
            stop,
        })
    }

    fn run<R: Router<Command = C, Letter = L>>(&mut self, mut router: R) {
        let mut readable = Vec::new();
        while !self.stop.load(Ordering::Relaxed) && !router.finished() {
            self.sleep(router.next_timeout());
            self.counters.passes.add(1);

            readable.clear();
            for (token, input, output) in self.poller.ready() {
                match token {
                    WAKER => self.waker.clear(),
                    socket => {
                        let socket = socket as u32;
                        if input {
                            readable.push(socket);
                        }
                        let outlet = &mut self.outlets[socket as usize];
                        if output && outlet.flush(&self.counters) {
                            // See `Sender::send`: failing leaves us with needless wakes at worst.
                            let _ = self
                                .poller
                                .watch_output(outlet.socket.raw_fd(), token, false);
                        }
                    }
                }
            }

            let now = Instant::now();
            for &socket in &readable {
                self.receive(now, SocketId(socket), &mut router);
            }
            for _ in 0..COMMANDS_PER_PASS {
                let Some(command) = self.commands.pop() else {
                    break;
                };
                self.counters.commands.add(1);
                router.carry_out(now, command);
            }
            for from in 0..self.letters.senders() {
                for _ in 0..LETTERS_PER_PASS {
                    let Some(letter) = self.letters.pop(from) else {
                        break;
                    };
                    self.counters.letters.add(1);
                    router.handle_letter(now, from as ShardId, letter);
                }
            }

            let now = Instant::now();
            router.handle_timeouts(now);
            let mut sender = Sender {
                outlets: &mut self.outlets,
                poller: &self.poller,
                counters: &self.counters,
            };
            router.finish_pass(now, &mut sender);
        }
    }

    fn sleep(&mut self, deadline: Option<Instant>) {
        self.waker.about_to_sleep();
        let idle = self.commands.is_empty()
            && self.letters.is_empty()
            && !self.stop.load(Ordering::Relaxed);
        let timeout = match deadline {
            _ if !idle => Some(std::time::Duration::ZERO),
            deadline => deadline.map(|at| at.saturating_duration_since(Instant::now())),
        };
        let waited = self.poller.wait(timeout);
        self.waker.awake();
        // Only a programming error makes epoll fail; a shard that cannot wait must not spin either.
        waited.expect("epoll waits on descriptors that this shard owns");
    }

    fn receive<R: Router>(&mut self, now: Instant, id: SocketId, router: &mut R) {
        let mut meta = [RecvMeta::default(); BATCH_SIZE];
        let n = {
            let mut chunks = self.memory.chunks_exact_mut(LARGEST);
            let mut buffers: [IoSliceMut<'_>; BATCH_SIZE] =
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
            match self.outlets[id.0 as usize]
                .socket
                .receive(&mut buffers, &mut meta)
            {
                Ok(n) => n,
                // Nothing there after all, or an ICMP error that QUIC learns of by silence.
                Err(_) => return,
            }
        };
        self.counters.received_batches.add(1);
        for (meta, memory) in meta[..n].iter().zip(self.memory.chunks_exact(LARGEST)) {
            let (remote, local_ip) = (unmapped(meta.addr), meta.dst_ip.map(|ip| ip.to_canonical()));
            for bytes in memory[..meta.len].chunks(meta.stride.max(1)) {
                self.counters.received_datagrams.add(1);
                self.counters.received_bytes.add(bytes.len() as u64);
                let kind = kind(bytes);
                if kind == Kind::Other {
                    self.counters.dropped_datagrams.add(1);
                    continue;
                }
                let (data, allocated) = self.pool.copy(bytes);
                self.counters.buffer_allocations.add(allocated.into());
                let ecn = meta.ecn.map(Ecn::from_udp);
                router.handle_datagram(
                    now,
                    kind,
                    Datagram {
                        socket: id,
                        remote,
                        local_ip,
                        ecn,
                        data,
                    },
                );
            }
        }
    }
}
