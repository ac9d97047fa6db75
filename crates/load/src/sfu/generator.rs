//! All sessions of a process, as the router of a shard of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::mpsc::Sender as Channel;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use shard::{Datagram, Kind, Router, Sender, ShardId, SocketId, Timers, Transmit};

use super::dtls::{HandshakeError, Identity};
use super::incoming::{Clock, Span, Totals};
use super::pacer::{Pacer, Sends};
use super::plan::{Pace, Plan, Request, Run};
use super::report::{Failure, Phase, Progress, Reached, Reading, Report, Server, Told};
use super::session::Session;
use crate::process::{self, Cpu, Process};

/// How often progress is told and memory is looked at.
const TICK: Duration = Duration::from_millis(100);
/// What the kernel segments in one call.
const SEGMENTS: usize = 64;
/// The largest run of segments, as a UDP payload.
const LARGEST_RUN: usize = 65_000;

/// What the generator is asked.
pub enum Command {
    /// By a line of input.
    Request(Request),
    /// The input has ended: all sessions close.
    Leave,
}

/// A counted span, and where it stands.
struct Counting {
    run: Run,
    phase: Phase,
    since: Instant,
    totals: Totals,
    dropped: u64,
    own_cpu: Duration,
    server_cpu: Cpu,
    running: u64,
    peak: u64,
    report: Report,
}

/// The router of a generator.
pub struct Generator {
    plan: Plan,
    identity: Identity,
    epoch: Instant,
    /// `UNIX_EPOCH` until `epoch`.
    wall_clock: Duration,
    sessions: Vec<Option<Session>>,
    timers: Timers,
    /// Handshakes, checks and reports that wait for the end of the pass.
    out: Vec<(SocketId, SocketAddr, Vec<u8>)>,
    pace: Pace,
    pacer: Pacer,
    frame: Vec<u8>,
    /// Of each track that is published, by its number.
    spans: Vec<Span>,
    counting: Option<Counting>,
    /// Where packets are counted while no span is.
    idle: Totals,
    ticked: Instant,
    process: Option<Process>,
    leaving: bool,
    told: Channel<Told>,
}

impl Generator {
    /// Ready for requests; the shard must have a socket for each session.
    pub fn new(plan: Plan, identity: Identity, told: Channel<Told>) -> Self {
        let now = Instant::now();
        Self {
            identity,
            epoch: now,
            wall_clock: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
            sessions: (0..plan.sessions).map(|_| None).collect(),
            timers: Timers::new(),
            out: Vec::new(),
            pace: Pace::default(),
            pacer: Pacer::default(),
            frame: Vec::new(),
            spans: Vec::new(),
            counting: None,
            idle: Totals::default(),
            ticked: now,
            process: plan.server_pid.and_then(Process::new),
            plan,
            leaving: false,
            told,
        }
    }

    fn tell(&self, told: Told) {
        // Nobody listens any more where the process is about to end.
        let _ = self.told.send(told);
    }

    fn connect(&mut self, now: Instant, session: super::plan::Session) {
        let id = session.id;
        let fits = |number: u32| (number as usize) < 1 << 16;
        let tracks = session.publish.iter().map(|track| track.number);
        let numbers = tracks.chain(session.subscribe.iter().copied());
        let why = match self.sessions.get(id) {
            None => "there is no socket for this session",
            Some(Some(_)) => "the session was connected before",
            Some(None) if !numbers.clone().all(fits) => "tracks are numbered from 0",
            Some(None) => {
                let tracks = numbers.max().map_or(0, |number| number as usize + 1);
                let tracks = tracks.max(self.spans.len());
                self.spans.resize(tracks, Span::NONE);
                let session = Session::new(now, session, &self.identity, self.plan.open_each);
                self.sessions[id] = Some(session);
                self.timers.set(id, Some(now));
                return;
            }
        };
        let why = why.to_owned();
        self.tell(Told::Failed(Failure { id, why }));
    }

    /// Lets a session do something, and takes up what came of it.
    fn drive(
        &mut self,
        now: Instant,
        id: usize,
        act: impl FnOnce(&mut Session, &mut dyn FnMut(&[u8])) -> Result<bool, HandshakeError>,
    ) {
        let Some(Some(session)) = self.sessions.get_mut(id) else {
            return;
        };
        let (socket, address, out) = (SocketId(id as u32), session.address, &mut self.out);
        let done = act(session, &mut |bytes| {
            out.push((socket, address, bytes.to_vec()));
        });
        let publishes = !session.tracks.is_empty();
        let seconds = now.duration_since(session.since).as_secs_f64();
        match done {
            Ok(connected) => {
                if connected {
                    self.tell(Told::Connected(Reached { id, seconds }));
                    if publishes {
                        self.start_pace(now);
                    }
                }
            }
            Err(error) => {
                let told = !std::mem::replace(&mut session.over, true);
                session.end();
                if told && !self.leaving {
                    let why = error.to_string();
                    self.tell(Told::Failed(Failure { id, why }));
                }
            }
        }
        self.set_timer(id);
    }

    fn set_timer(&mut self, id: usize) {
        let at = self.sessions[id].as_ref().and_then(Session::next_timeout);
        self.timers.set(id, at);
    }

    fn start_pace(&mut self, now: Instant) {
        let connected = (0..).zip(&self.sessions).filter_map(|(id, session)| {
            let session = session.as_ref().filter(|session| session.media.is_some());
            session.map(|session| (id, session))
        });
        let tracks = connected.flat_map(|(id, session)| {
            (0..session.tracks.len()).map(move |track| Sends { session: id, track })
        });
        self.pacer.start(now, &self.pace, tracks);
    }

    fn publish(&mut self, now: Instant, sender: &mut Sender<'_>) {
        while let Some(due) = self.pacer.pop(now) {
            let Sends { session: id, track } = due.sends;
            let sizes = &self.pace.frames[due.frame];
            let socket = SocketId(id as u32);
            let Some(session) = &mut self.sessions[id] else {
                continue;
            };
            let Some(media) = &session.media else {
                continue;
            };
            let counts = |counting: &&mut Counting| counting.phase == Phase::Run;
            let counting = self.counting.as_mut().filter(counts);
            if due.dropped || !sender.ready(socket) {
                if let Some(counting) = counting {
                    counting.dropped += sizes.len() as u64;
                }
                continue;
            }
            self.frame.clear();
            let track = &mut session.tracks[track];
            // Frames before this one in the pass took their time.
            let at = self.epoch.elapsed();
            let departures = &mut session.departures;
            let sealed = track.write_frame(at, sizes, &media.sealer, departures, &mut self.frame);
            if sealed.is_err() {
                session.end();
                continue;
            }
            let mut rest = &self.frame[..];
            for (size, segments) in runs(sizes) {
                let (run, next) = rest.split_at(size * segments);
                rest = next;
                let transmit = Transmit {
                    socket,
                    destination: session.address,
                    src_ip: None,
                    ecn: None,
                    size: run.len(),
                    segment_size: (segments > 1).then_some(size),
                };
                sender.send(&transmit, run);
            }
        }
    }

    fn start_run(&mut self, now: Instant, run: Run) {
        self.counting = Some(Counting {
            run,
            phase: Phase::WarmUp,
            since: now,
            totals: Totals::default(),
            dropped: 0,
            own_cpu: Duration::ZERO,
            server_cpu: Cpu::default(),
            running: 0,
            peak: 0,
            report: Report::default(),
        });
    }

    /// Goes on with the counted span, where there is one.
    fn advance(&mut self, now: Instant) {
        let Some(counting) = &mut self.counting else {
            return;
        };
        let elapsed = now.duration_since(counting.since).as_secs_f64();
        let cpu = || self.process.map(Process::cpu).unwrap_or_default();
        match counting.phase {
            Phase::WarmUp if elapsed >= counting.run.warm_up => {
                for track in self.sessions.iter().flatten().flat_map(|one| &one.tracks) {
                    self.spans[track.number() as usize] = Span {
                        start: track.sequence,
                        end: u64::MAX,
                    };
                }
                counting.totals = Totals::default();
                counting.running = self.process.map_or(0, Process::resident);
                counting.peak = counting.running;
                counting.own_cpu = process::own_cpu();
                counting.server_cpu = cpu();
                counting.phase = Phase::Run;
                counting.since = now;
            }
            Phase::Run if elapsed >= counting.run.seconds => {
                let used = cpu().since(&counting.server_cpu);
                let mut published = 0;
                for track in self.sessions.iter().flatten().flat_map(|one| &one.tracks) {
                    let number = track.number() as usize;
                    let span = &mut self.spans[number];
                    span.end = track.sequence;
                    published += span.length();
                }
                let subscribed = self
                    .sessions
                    .iter()
                    .flatten()
                    .flat_map(|one| &one.subscribe);
                let expected = subscribed.map(|&track| self.spans[track as usize].length());
                let expected = expected.sum();
                let totals = &counting.totals;
                counting.report = Report {
                    seconds: elapsed,
                    published,
                    dropped: counting.dropped,
                    expected,
                    arrived: totals.arrived,
                    goodput: totals.bytes as f64 * 8.0 / elapsed,
                    generator_cpu: process::own_cpu()
                        .saturating_sub(counting.own_cpu)
                        .as_secs_f64(),
                    server: self.process.is_some().then(|| {
                        Server::new(&used, totals.arrived, counting.running, counting.peak)
                    }),
                    ..Report::default()
                };
                counting.phase = Phase::Drain;
                counting.since = now;
            }
            Phase::Drain
                if elapsed >= counting.run.drain
                    || counting.totals.delivered >= counting.report.expected =>
            {
                self.end_run();
            }
            _ => {}
        }
    }

    fn end_run(&mut self) {
        let Some(counting) = self.counting.take() else {
            return;
        };
        let (mut report, totals) = (counting.report, counting.totals);
        report.delivered = totals.delivered;
        report.delay = totals.delay.quantiles();
        let odd = [("refused", totals.refused), ("other", totals.other)];
        report.odd = BTreeMap::from(odd);
        report.odd.retain(|_, count| *count > 0);
        self.spans.fill(Span::NONE);
        self.tell(Told::Report(Box::new(report)));
    }

    fn tick(&mut self, now: Instant) {
        if now.duration_since(self.ticked) < TICK {
            return;
        }
        self.ticked = now;
        let Some(counting) = &mut self.counting else {
            return;
        };
        if counting.phase == Phase::Run {
            let resident = self.process.map_or(0, Process::resident);
            counting.peak = counting.peak.max(resident);
        }
        let of = match counting.phase {
            Phase::WarmUp => counting.run.warm_up,
            Phase::Run => counting.run.seconds,
            Phase::Drain => counting.run.drain,
        };
        let progress = Progress {
            phase: counting.phase,
            done: now.duration_since(counting.since).as_secs_f64(),
            of,
        };
        self.tell(Told::Progress(progress));
    }

    fn handle_media(&mut self, now: Instant, id: usize, packet: &mut [u8]) {
        let Some(Some(session)) = self.sessions.get_mut(id) else {
            return;
        };
        // RFC 5761 §4.
        if matches!(packet.get(1), Some(192..=223)) {
            session.handle_rtcp(packet);
            return;
        }
        let Some(media) = &mut session.media else {
            return;
        };
        let totals = match &mut self.counting {
            Some(counting) => &mut counting.totals,
            None => &mut self.idle,
        };
        let epoch = self.epoch;
        let clock = Clock {
            now,
            exact: || epoch.elapsed().as_nanos() as u64,
        };
        let incoming = &mut session.incoming;
        let feedback = incoming.arrivals.next_timeout();
        let flowing = incoming.handle(packet, &mut media.opener, &self.spans, totals, clock);
        let feedback_moved = incoming.arrivals.next_timeout() != feedback;
        if flowing {
            let seconds = now.duration_since(session.since).as_secs_f64();
            self.tell(Told::Flowing(Reached { id, seconds }));
        }
        if feedback_moved {
            self.set_timer(id);
        }
    }

    fn close(&mut self, now: Instant, id: usize) {
        self.drive(now, id, |session, send| {
            session.close(now, send);
            Ok(false)
        });
    }
}

impl Router for Generator {
    type Command = Command;
    type Letter = ();

    fn handle_datagram(&mut self, now: Instant, kind: Kind, mut datagram: Datagram) {
        let (id, from) = (datagram.socket.0 as usize, datagram.remote);
        let data = &mut datagram.data[..];
        match kind {
            Kind::Rtp => self.handle_media(now, id, data),
            Kind::Stun => self.drive(now, id, |session, send| {
                session.handle_stun(now, from, data, send)
            }),
            Kind::Dtls => self.drive(now, id, |session, send| {
                session.handshake(now, Some(data), send)
            }),
            Kind::Quic | Kind::Other => {}
        }
    }

    fn carry_out(&mut self, now: Instant, command: Command) {
        match command {
            Command::Request(Request::Connect(session)) => self.connect(now, *session),
            Command::Request(Request::Pace(pace)) => {
                self.pace = pace;
                self.start_pace(now);
            }
            Command::Request(Request::Run(run)) => self.start_run(now, run),
            Command::Request(Request::Read) => {
                self.tell(Told::Reading(Reading::of(self.process)));
            }
            Command::Request(Request::Close(id)) => self.close(now, id),
            Command::Leave => {
                self.leaving = true;
                for id in 0..self.sessions.len() {
                    self.close(now, id);
                }
            }
        }
    }

    fn handle_letter(&mut self, _now: Instant, _from: ShardId, (): ()) {}

    fn handle_timeouts(&mut self, now: Instant) {
        let since_epoch = now.saturating_duration_since(self.epoch);
        let wall_clock = self.wall_clock + since_epoch;
        while let Some(id) = self.timers.pop_due(now) {
            self.drive(now, id, |session, send| {
                session.handle_timeout(now, since_epoch, wall_clock, send)
            });
        }
    }

    fn finish_pass(&mut self, now: Instant, sender: &mut Sender<'_>) {
        for (socket, destination, bytes) in self.out.drain(..) {
            let transmit = Transmit {
                socket,
                destination,
                src_ip: None,
                ecn: None,
                size: bytes.len(),
                segment_size: None,
            };
            sender.send(&transmit, &bytes);
        }
        self.publish(now, sender);
        self.advance(now);
        self.tick(now);
    }

    fn next_timeout(&mut self) -> Option<Instant> {
        let end = self.counting.as_ref().map(|counting| {
            let length = match counting.phase {
                Phase::WarmUp => counting.run.warm_up,
                Phase::Run => counting.run.seconds,
                Phase::Drain => counting.run.drain,
            };
            (counting.since + Duration::from_secs_f64(length)).min(self.ticked + TICK)
        });
        [self.timers.earliest(), self.pacer.next_timeout(), end]
            .into_iter()
            .flatten()
            .min()
    }

    fn finished(&self) -> bool {
        self.leaving
    }
}

/// Packets of a frame that go out in one call: a size, and how many of it follow one another.
fn runs(sizes: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    sizes
        .chunk_by(|one, next| one == next)
        .flat_map(|run| run.chunks(SEGMENTS.min(LARGEST_RUN / run[0]).max(1)))
        .map(|run| (run[0], run.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_of_one_size_go_out_together() {
        let found: Vec<_> = runs(&[1200, 1200, 1200, 700, 1200]).collect();
        assert_eq!(found, [(1200, 3), (700, 1), (1200, 1)]);
        let found: Vec<_> = runs(&[1000; 100]).collect();
        assert_eq!(found, [(1000, 64), (1000, 36)]);
    }
}
