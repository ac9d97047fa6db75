//! The loop: sockets, batches, timers, queues. The only crate that waits or reads the clock.
//!
//! A shard is one thread that owns its sockets and a [`Router`], and runs passes: receive what the
//! sockets hold, carry out commands, fire timers, send, sleep until the next deadline. Everything a
//! router knows comes in as an argument, so routers are tested without sockets and without time.

mod counters;
mod datagram;
mod demux;
mod poller;
mod pool;
mod queue;
mod ring;
mod run;
mod sender;
mod socket;
mod timers;
mod wake;

pub use counters::{Counters, Snapshot};
pub use datagram::{Datagram, Ecn, SocketId, Transmit};
pub use demux::{Kind, kind};
pub use queue::{CommandReceiver, Commands, EventSender, Events, Full, commands, events};
pub use ring::{Letters, Outbox, letters};
pub use run::{Handle, Panic, Plan, Router, spawn};
pub use sender::Sender;
pub use socket::{Binding, Socket};
pub use timers::Timers;
pub use wake::{Signal, Waker};

/// Which shard of this process; also the top byte of every session's handle.
pub type ShardId = u8;
