//! A run from its first handshake to its last goodbye, as the router of a shard of its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::Sender as Channel;
use std::time::{Duration, Instant};

use bytes::Bytes;
use moq::carrier::{
    CarrierEvent, Carriers, ClientTls, Config, Dial, Secrets, SessionKey, TlsError, Verify,
};
use moq::framing::profile::Draft;
use shard::{Datagram, Kind, Router, Sender, ShardId, SocketId};

use super::peer::{Peer, State};
use super::plan::{Join, Plan, Transport};
use super::publisher::Publisher;
use super::report::{Memory, Phase, PhaseName, Progress, Relay, Report, Subscriber};
use super::session::{Event, Request};
use super::subscriber::{Pass, Totals, Window};
use crate::delay::Delay;
use crate::process::{self, Cpu, Process};

/// How often progress is told and memory is looked at.
const TICK: Duration = Duration::from_millis(100);
/// How long goodbyes may take.
const GOODBYE: Duration = Duration::from_millis(1500);
/// How often the last phase looks whether everything has come.
const LOOK: Duration = Duration::from_millis(10);
/// How many [`State`]s there are.
const STATES: usize = State::Closed as usize + 1;
/// The publisher is the first of the connections; subscribers follow.
const PUBLISHER: usize = 0;

/// What the run's own thread tells the caller's.
pub enum Told {
    /// How far it is.
    Progress(Progress),
    /// It is over.
    Report(Box<Report>),
}

/// Where the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Connect,
    Join,
    WarmUp,
    Run,
    Drain,
    Leave,
    Done,
}

/// The router of a run.
pub struct Generator {
    plan: Plan,
    epoch: Instant,
    carriers: Carriers,
    tls: ClientTls,
    protocols: Vec<String>,
    peers: Vec<Peer>,
    keys: HashMap<SessionKey, usize>,
    publisher: Publisher,

    stage: Stage,
    now: Instant,
    since: Instant,
    ticked: Instant,
    /// The next subscriber to dial, or to let subscribe.
    next: usize,
    /// How many subscribers are in each [`State`].
    in_state: [usize; STATES],
    window: Window,
    totals: Totals,

    process: Option<Process>,
    stage_cpu: Cpu,
    own_cpu: Duration,
    memory: Memory,
    report: Report,
    told: Channel<Told>,

    chunks: Vec<Bytes>,
    datagrams: Vec<u8>,
    reached: Vec<u64>,
}

impl Generator {
    /// Ready to dial; the shard must have a socket for each subscriber and one for the publisher.
    pub fn new(plan: Plan, told: Channel<Told>) -> Result<Self, TlsError> {
        let draft = plan.draft;
        let profile = moq::framing::profile::profile(draft as u8).expect("every draft has a row");
        let transport = plan.transport.into();
        let protocols = match (draft, plan.transport) {
            // Draft 14 has no WebTransport protocol of its own, and some relays refuse a name for it.
            (Draft::D14, Transport::WebTransport) => vec![],
            (Draft::D14, Transport::Quic) => vec!["moq-00".into()],
            (draft, _) => vec![format!("moqt-{}", draft as u8)],
        };
        let tls = ClientTls::new(transport, &protocols, Verify::Nothing)?;
        let config = Config {
            sessions: plan.subscribers + 1,
            sessions_per_address: plan.subscribers + 1,
            bidi_streams: 1024,
            uni_streams: 4096,
            send_window: 1 << 20,
            // Small where some stop reading, so that it is the relay that has to hold their data.
            receive_window: if plan.stalled > 0 { 256 << 10 } else { 4 << 20 },
            stream_receive_window: if plan.stalled > 0 { 256 << 10 } else { 1 << 20 },
            ..Config::default()
        };
        let namespace: Arc<[String]> = plan.namespace.clone().into();
        let peers = (0..=plan.subscribers)
            .map(|index| {
                let path = if index == PUBLISHER {
                    &plan.publish_path
                } else {
                    &plan.subscribe_path
                };
                let url = (plan.transport == Transport::Quic)
                    .then_some((plan.server_name.as_str(), path.as_str()));
                Peer::new(profile, Arc::clone(&namespace), url)
            })
            .collect();
        let mut in_state = [0; STATES];
        in_state[State::Waiting as usize] = plan.subscribers;
        let now = Instant::now();
        let process = plan.relay_pid.and_then(Process::new);
        Ok(Self {
            publisher: Publisher::new(&plan, profile),
            reached: vec![0; plan.tracks],
            plan,
            epoch: now,
            carriers: Carriers::new(0, config, &Secrets::new(), None),
            tls,
            protocols,
            peers,
            keys: HashMap::new(),
            stage: Stage::Connect,
            now,
            since: now,
            ticked: now - TICK,
            next: 1,
            in_state,
            window: Window::default(),
            totals: Totals::default(),
            process,
            stage_cpu: process.map(Process::cpu).unwrap_or_default(),
            own_cpu: Duration::ZERO,
            memory: Memory {
                start: process.map_or(0, Process::resident),
                ..Memory::default()
            },
            report: Report::default(),
            told,
            chunks: Vec::new(),
            datagrams: Vec::new(),
        })
    }

    fn since_epoch(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.epoch).as_nanos() as u64
    }

    fn dial(&mut self, now: Instant, index: usize) {
        let plan = &self.plan;
        let path = if index == PUBLISHER {
            &plan.publish_path
        } else {
            &plan.subscribe_path
        };
        let dial = Dial {
            transport: plan.transport.into(),
            tls: self.tls.clone(),
            remote: plan.relay,
            socket: SocketId(index as u32),
            server_name: plan.server_name.clone(),
            path: path.clone(),
            protocols: self.protocols.clone(),
        };
        self.peers[index].since = Some(now);
        match self.carriers.connect(now, dial) {
            Ok(key) => {
                self.keys.insert(key, index);
                self.peers[index].key = Some(key);
                self.set_state(index, State::Connecting);
            }
            Err(error) => self.fail(index, error.to_string()),
        }
    }

    fn set_state(&mut self, index: usize, state: State) {
        let was = std::mem::replace(&mut self.peers[index].state, state);
        if index != PUBLISHER {
            self.in_state[was as usize] -= 1;
            self.in_state[state as usize] += 1;
        }
    }

    /// How many subscribers are in one of these states.
    fn count(&self, states: &[State]) -> usize {
        states
            .iter()
            .map(|&state| self.in_state[state as usize])
            .sum()
    }

    /// A connection does not get any further.
    fn fail(&mut self, index: usize, why: String) {
        *self.report.errors.entry(why).or_default() += 1;
        self.set_state(index, State::Failed);
    }

    fn handle_event(&mut self, now: Instant, key: SessionKey, event: CarrierEvent) {
        let Some(&index) = self.keys.get(&key) else {
            return;
        };
        match event {
            CarrierEvent::Connected { .. } => {
                if let Some(mut carrier) = self.carriers.session(key) {
                    carrier.keep_alive(Some(Duration::from_secs(4)));
                }
                self.drive(now, index);
            }
            CarrierEvent::Opened(stream) | CarrierEvent::Readable(stream) => {
                let peer = &mut self.peers[index];
                if peer.stalled && !stream.is_bidirectional() {
                    return;
                }
                let Some(mut carrier) = self.carriers.session(key) else {
                    return;
                };
                let since_epoch = now.saturating_duration_since(self.epoch).as_nanos() as u64;
                let pass = Pass {
                    now,
                    since_epoch,
                    window: self.window,
                };
                match peer.read(
                    pass,
                    &mut carrier,
                    stream,
                    &mut self.chunks,
                    &mut self.totals,
                ) {
                    Ok(true) => self.drive(now, index),
                    Ok(false) => {}
                    Err(error) => self.fail(index, error.to_string()),
                }
            }
            CarrierEvent::Writable(_) | CarrierEvent::StreamsAvailable(_) => {
                if index == PUBLISHER {
                    self.publisher.unblock();
                }
                self.drive(now, index);
            }
            CarrierEvent::Closed {
                code,
                reason,
                remote,
            } => {
                self.keys.remove(&key);
                self.peers[index].key = None;
                if self.stage >= Stage::Leave && !remote {
                    self.set_state(index, State::Closed);
                } else if self.peers[index].state != State::Failed {
                    self.report.lost_sessions += 1;
                    let by = if remote { "relay" } else { "carrier" };
                    self.fail(index, format!("closed by the {by}: {code:?} {reason}"));
                }
            }
            _ => {}
        }
    }

    /// Lets a session write, and takes up what happened in it.
    fn drive(&mut self, now: Instant, index: usize) {
        let Some(key) = self.peers[index].key else {
            return;
        };
        let Some(mut carrier) = self.carriers.session(key) else {
            return;
        };
        let mut events = Vec::new();
        self.peers[index].drive(&mut carrier, |event| events.push(event));
        let driven = !events.is_empty();
        for event in events {
            self.handle_session_event(now, index, event);
        }
        if driven {
            // What happened may have given the session more to write.
            self.drive(now, index);
        }
    }

    fn handle_session_event(&mut self, now: Instant, index: usize, event: Event) {
        match event {
            Event::Ready if index == PUBLISHER => {
                self.peers[index].session.request(Request::Announce);
            }
            Event::Ready => {
                self.set_state(index, State::Connected);
                if self.plan.join == Join::AtOnce {
                    self.subscribe(index);
                }
            }
            Event::Announced => {
                self.set_state(index, State::Joined);
                if self.plan.join == Join::AtOnce {
                    self.report.connect = self.phase(now, 1, 0);
                    self.publisher.start(now);
                    self.enter(now, Stage::Join);
                }
            }
            Event::Subscribed { track, alias } => {
                let peer = &mut self.peers[index];
                peer.subscriber.subscribed(track, alias);
                peer.awaited -= 1;
                if peer.awaited == 0 && peer.state == State::Joining {
                    peer.joined = true;
                    self.set_state(index, State::Joined);
                }
            }
            Event::Refused { why, .. } => self.fail(index, why),
            Event::Asked(track) => self.publisher.set_asked(track, true),
            Event::Left(track) => self.publisher.set_asked(track, false),
        }
    }

    fn subscribe(&mut self, index: usize) {
        self.set_state(index, State::Joining);
        self.peers[index].awaited = self.plan.tracks_each;
        for track in self.plan.tracks_of(index - 1) {
            self.peers[index].session.request(Request::Subscribe(track));
        }
    }

    /// Goes on with the stage, or to the next one.
    fn advance(&mut self, now: Instant) {
        let elapsed = now.duration_since(self.since);
        let at_most = |seconds: f64| elapsed >= Duration::from_secs_f64(seconds);
        if self.stage < Stage::Leave && self.peers[PUBLISHER].state == State::Failed {
            self.leave(now);
            return;
        }
        match self.stage {
            Stage::Connect | Stage::Join => {
                self.let_in(now);
                let announced = self.peers[PUBLISHER].state == State::Joined;
                if announced && self.to_come() == 0 {
                    self.end_phase(now);
                } else if at_most(self.plan.patience) {
                    let why = format!("{} had not answered in time", self.to_come());
                    *self.report.errors.entry(why).or_default() += 1;
                    self.end_phase(now);
                }
            }
            Stage::WarmUp if at_most(self.plan.warm_up) => {
                self.window = Window {
                    start: self.since_epoch(now).max(1),
                    end: u64::MAX,
                };
                self.publisher.set_counting(true);
                for peer in &mut self.peers {
                    peer.subscriber.start_counting(self.window.start);
                }
                self.memory.running = self.process.map_or(0, Process::resident);
                self.enter(now, Stage::Run);
                self.own_cpu = process::own_cpu();
            }
            Stage::Run if at_most(self.plan.seconds) => {
                self.end_counting(now);
                self.enter(now, Stage::Drain);
            }
            Stage::Drain
                if self.totals.delivered >= self.expected() || at_most(self.plan.drain) =>
            {
                self.leave(now);
            }
            Stage::Leave if self.keys.is_empty() || elapsed >= GOODBYE => {
                self.stage = Stage::Done;
                let _ = self
                    .told
                    .send(Told::Report(Box::new(std::mem::take(&mut self.report))));
            }
            _ => {}
        }
    }

    /// Subscribers that the stage still waits for.
    fn to_come(&self) -> usize {
        match self.stage {
            Stage::Connect => self.count(&[State::Waiting, State::Connecting]),
            _ => self.count(&[
                State::Waiting,
                State::Connecting,
                State::Connected,
                State::Joining,
            ]),
        }
    }

    /// Dials, or lets subscribe, as many as may be under way.
    fn let_in(&mut self, now: Instant) {
        let most = if self.plan.at_once == 0 {
            usize::MAX
        } else {
            self.plan.at_once
        };
        if self.peers[PUBLISHER].state == State::Waiting {
            self.dial(now, PUBLISHER);
        }
        if self.peers[PUBLISHER].state != State::Joined {
            return;
        }
        while self.count(&[State::Connecting, State::Joining]) < most
            && self.next <= self.plan.subscribers
        {
            let index = self.next;
            self.next += 1;
            if self.stage == Stage::Connect || self.plan.join == Join::AtOnce {
                self.dial(now, index);
            } else if self.peers[index].state == State::Connected {
                self.peers[index].since = Some(now);
                self.subscribe(index);
                self.drive(now, index);
            }
        }
    }

    /// Connecting or joining is over, or has taken too long.
    fn end_phase(&mut self, now: Instant) {
        let reached = if self.stage == Stage::Connect {
            State::Connected
        } else {
            State::Joined
        };
        let done = self.count(&[reached]);
        let phase = self.phase(now, done, self.plan.subscribers - done);
        if self.stage == Stage::Connect {
            self.report.connect = phase;
            self.memory.connected = self.process.map_or(0, Process::resident);
            self.next = 1;
            if self.plan.join == Join::AfterConnecting {
                self.enter(now, Stage::Join);
                return;
            }
        } else {
            self.report.join = phase;
        }
        if self.plan.join == Join::AfterConnecting {
            self.publisher.start(now);
        }
        for peer in &mut self.peers[1..=self.plan.stalled] {
            peer.stalled = true;
        }
        self.enter(now, Stage::WarmUp);
    }

    fn phase(&self, now: Instant, done: usize, failed: usize) -> Phase {
        let cpu = self.process.map(Process::cpu).unwrap_or_default();
        Phase {
            seconds: now.duration_since(self.since).as_secs_f64(),
            done,
            failed,
            relay_cpu: cpu.total.saturating_sub(self.stage_cpu.total).as_secs_f64(),
        }
    }

    fn enter(&mut self, now: Instant, stage: Stage) {
        self.stage = stage;
        self.since = now;
        self.stage_cpu = self.process.map(Process::cpu).unwrap_or_default();
    }

    fn end_counting(&mut self, now: Instant) {
        self.window.end = self.since_epoch(now);
        self.publisher.set_counting(false);
        self.publisher.stop();
        let seconds = now.duration_since(self.since).as_secs_f64();
        let bits = self.totals.arrived * self.plan.object_bytes as u64 * 8;
        self.report.seconds = seconds;
        self.report.goodput = bits as f64 / seconds;
        self.report.generator_cpu = process::own_cpu()
            .saturating_sub(self.own_cpu)
            .as_secs_f64();
        if let Some(process) = self.process {
            self.memory.end = process.resident();
            self.memory.peak = self.memory.peak.max(self.memory.end);
            let used = process.cpu().since(&self.stage_cpu);
            let relay = Relay::new(&used, self.totals.arrived, self.memory);
            self.report.relay = Some(relay);
        }
    }

    /// Copies that reading subscribers should have got so far.
    fn expected(&self) -> u64 {
        let reading = (1..self.peers.len()).filter(|&index| self.peers[index].is_reading());
        reading.map(|index| self.expected_of(index)).sum()
    }

    fn expected_of(&self, index: usize) -> u64 {
        if self.plan.join == Join::Never {
            return 0;
        }
        self.plan
            .tracks_of(index - 1)
            .map(|track| self.publisher.published(track))
            .sum()
    }

    /// Takes the figures, and says goodbye.
    fn leave(&mut self, now: Instant) {
        let expected = self.expected();
        let first_object = self.first_objects();
        let rows = self.rows();
        let report = &mut self.report;
        report.first_object = first_object;
        report.published = (0..self.plan.tracks)
            .map(|track| self.publisher.published(track))
            .sum();
        report.dropped = self.publisher.dropped();
        report.expected = expected;
        report.delivered = self.totals.delivered;
        report.delay = self.totals.delay.quantiles();
        report.subscribers = rows;
        for peer in &self.peers {
            if let Some(key) = peer.key {
                self.carriers.close(now, key, 0, "");
            }
        }
        self.enter(now, Stage::Leave);
    }

    fn first_objects(&self) -> crate::delay::Delays {
        let mut delay = Delay::new();
        for peer in &self.peers[1..] {
            if let (Some(since), Some(first)) = (peer.since, peer.subscriber.first_object) {
                delay.record(first.saturating_duration_since(since));
            }
        }
        delay.quantiles()
    }

    fn rows(&self) -> Vec<Subscriber> {
        if !self.plan.each_subscriber {
            return Vec::new();
        }
        let row = |index: usize| {
            let (peer, expected) = (&self.peers[index], self.expected_of(index));
            Subscriber {
                expected,
                missed: expected.saturating_sub(peer.subscriber.delivered),
                longest_gap: peer.subscriber.longest_gap(self.window.end).as_secs_f64() * 1e3,
            }
        };
        (1..self.peers.len()).map(row).collect()
    }

    fn publish(&mut self, now: Instant) {
        if self.publisher.is_closed_loop() {
            self.reached.fill(u64::MAX);
            for (index, peer) in self
                .peers
                .iter()
                .enumerate()
                .filter(|(_, peer)| peer.is_reading())
            {
                for track in self.plan.tracks_of(index - 1) {
                    let reached = &mut self.reached[track];
                    *reached = peer.subscriber.reached(track).min(*reached);
                }
            }
        }
        let since_epoch = self.since_epoch(now);
        self.publisher.produce(now, since_epoch, &self.reached);
        if let Some(mut carrier) = self.peers[PUBLISHER]
            .key
            .and_then(|key| self.carriers.session(key))
        {
            self.publisher.write(&mut carrier);
        }
    }

    fn tick(&mut self, now: Instant) {
        if now.duration_since(self.ticked) < TICK {
            return;
        }
        self.ticked = now;
        if self.stage == Stage::Run {
            let resident = self.process.map_or(0, Process::resident);
            self.memory.peak = self.memory.peak.max(resident);
        }
        let elapsed = now.duration_since(self.since).as_secs_f64();
        let all = self.plan.subscribers;
        let through = ((all - self.to_come()) as f64, all as f64);
        let (phase, (done, of)) = match self.stage {
            Stage::Connect => (PhaseName::Connect, through),
            Stage::Join => (PhaseName::Join, through),
            Stage::WarmUp => (PhaseName::WarmUp, (elapsed, self.plan.warm_up)),
            Stage::Run => (PhaseName::Run, (elapsed, self.plan.seconds)),
            _ => (PhaseName::Leave, (elapsed, self.plan.drain)),
        };
        let _ = self.told.send(Told::Progress(Progress { phase, done, of }));
    }
}

impl Router for Generator {
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
        self.carriers.handle_timeouts(now);
    }

    fn finish_pass(&mut self, now: Instant, sender: &mut Sender<'_>) {
        self.now = now;
        while let Some((key, event)) = self.carriers.poll_event(now) {
            self.handle_event(now, key, event);
        }
        self.advance(now);
        self.publish(now);
        self.tick(now);
        while let Some(transmit) =
            self.carriers
                .poll_transmit(now, |socket| sender.ready(socket), &mut self.datagrams)
        {
            sender.send(&transmit, &self.datagrams);
        }
    }

    fn next_timeout(&mut self) -> Option<Instant> {
        let length = match self.stage {
            Stage::WarmUp => Duration::from_secs_f64(self.plan.warm_up),
            Stage::Run => Duration::from_secs_f64(self.plan.seconds),
            _ => LOOK,
        };
        let end = self.since + length;
        let own = if end > self.now { end } else { self.now + LOOK }.min(self.ticked + TICK);
        let timeouts = [
            self.carriers.next_timeout(),
            self.publisher.next_timeout(self.now),
        ];
        timeouts.into_iter().flatten().chain([own]).min()
    }

    fn finished(&self) -> bool {
        self.stage == Stage::Done
    }
}
