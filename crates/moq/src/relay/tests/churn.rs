//! Everything at once, by the dice. `TIDEGATE_TEST_SEEDS` says how many seeds, and
//! `TIDEGATE_TEST_SEED` which is the first.

use std::collections::{BTreeMap, BTreeSet};

use super::net::Dice;
use super::*;

/// A track and what was published of it.
struct Show {
    track: TrackId,
    publishers: Vec<Publisher>,
    group: u64,
    open: Vec<Running>,
    /// How long each object is.
    published: BTreeMap<Location, usize>,
    /// Those that may be lost: their subgroup was reset, or a publisher left.
    shaky: BTreeSet<Location>,
    closed: bool,
}

/// A subgroup that is being written, by every publisher alike.
struct Running {
    group: u64,
    subgroup: u64,
    writings: Vec<Writing>,
    next: u64,
    left: u64,
}

/// A subscription, and what it has to get.
struct Watching {
    subscription: Subscription,
    show: usize,
    start: Start,
    end_group: Option<u64>,
    attached: bool,
    started: bool,
    /// It changed, stalled or left: what it gets has to be right, and need not be everything.
    disturbed: bool,
}

struct Churn {
    net: Net,
    dice: Dice,
    shows: Vec<Show>,
    clients: Vec<PeerId>,
    watching: Vec<Watching>,
    fetches: Vec<(Fetching, usize)>,
    /// There is too little room for everything: nobody has to get all.
    tight: bool,
}

impl Churn {
    fn new(seed: u64, tight: bool) -> Self {
        let mut dice = Dice::new(seed);
        let shards = 1 + dice.below(2) as usize;
        let (loss, slow) = (dice.below(3) * 20, dice.below(2) == 0);
        let mut net = Net::with(|scene| {
            scene.shards = shards;
            scene.loss = loss;
            scene.seed = seed;
            scene.slow_letters = slow;
            if tight {
                scene.limits.cache.bytes = 60_000;
                scene.limits.cache.bytes_per_scope = 40_000;
                scene.limits.cache.keep = Duration::from_millis(300);
                scene.limits.queued_bytes = 8_000;
                scene.limits.behind = Duration::from_millis(400);
            }
        });
        let shows = (0..1 + dice.below(3)).map(|_| {
            let home = dice.below(shards as u64) as u8;
            Show {
                track: net.track_on(home),
                publishers: Vec::new(),
                group: dice.below(5),
                open: Vec::new(),
                published: BTreeMap::new(),
                shaky: BTreeSet::new(),
                closed: false,
            }
        });
        let shows = shows.collect();
        Self {
            net,
            dice,
            shows,
            clients: Vec::new(),
            watching: Vec::new(),
            fetches: Vec::new(),
            tight,
        }
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        match from.len() {
            0 => None,
            len => Some(from[self.dice.below(len as u64) as usize]),
        }
    }

    fn client(&mut self) -> PeerId {
        let draft = [14, 16][self.dice.below(2) as usize];
        let transport = BOTH[self.dice.below(2) as usize];
        let shard = self.dice.below(self.net.relays.len() as u64) as usize;
        let mut config = Config::default();
        if self.tight {
            config.receive_window = 2_000 + self.dice.below(10_000) as u32;
            config.uni_streams = 4 + self.dice.below(8) as u32;
        }
        let client = self.net.dial(draft, transport, shard, config);
        self.net.greet(client);
        self.clients.push(client);
        client
    }

    fn step(&mut self) {
        let show = self.dice.below(self.shows.len() as u64) as usize;
        match self.dice.below(100) {
            0..4 if self.clients.len() < 8 => drop(self.client()),
            4..10 if self.shows[show].publishers.len() < 2 => self.publish(show),
            10..22 => self.begin(show),
            22..65 => self.go_on(show),
            65..72 if self.watching.len() < 24 => self.watch(show),
            72..75 => self.leave(),
            75..78 => self.change(),
            78..79 => self.stall(),
            79..83 => self.fetch(show),
            83 if self.dice.below(2) == 0 => self.hang_up(),
            84 => self.unpublish(show),
            _ => {
                let time = Duration::from_millis(self.dice.below(60));
                self.net.run(time);
            }
        }
        self.net.settle();
        self.hear();
    }

    fn publish(&mut self, show: usize) {
        let clients = self.clients.clone();
        let Some(client) = self.pick(&clients) else {
            return;
        };
        let taken = self.shows[show]
            .publishers
            .iter()
            .any(|it| it.peer == client);
        if self.shows[show].closed || taken {
            return;
        }
        let publisher = self.net.publish(client, self.shows[show].track);
        self.shows[show].publishers.push(publisher);
    }

    /// Begins a group, or another subgroup of the newest one.
    fn begin(&mut self, show: usize) {
        let held = &mut self.shows[show];
        if held.publishers.is_empty() || held.open.len() > 3 {
            return;
        }
        let running = held.open.iter().filter(|it| it.group == held.group).count() as u64;
        let subgroup = match running {
            0 => 0,
            _ if self.dice.below(2) == 0 => running + 10 * held.open.len() as u64,
            _ => 0,
        };
        if subgroup == 0 {
            held.group += 1 + self.dice.below(2);
        }
        let group = held.group;
        let key = (group, subgroup);
        if held.open.iter().any(|it| (it.group, it.subgroup) == key)
            || held.published.contains_key(&at(group, subgroup * 100))
        {
            return;
        }
        let publishers = held.publishers.clone();
        let extensions = self.dice.below(2) == 0;
        let writings = publishers.iter().map(|publisher| {
            self.net.open_with(publisher, group, subgroup, |header| {
                header.extensions = extensions;
            })
        });
        let writings = writings.collect();
        self.shows[show].open.push(Running {
            group,
            subgroup,
            writings,
            next: 0,
            left: 1 + self.dice.below(6),
        });
    }

    /// Writes the next object of a subgroup, or ends it.
    fn go_on(&mut self, show: usize) {
        let held = &mut self.shows[show];
        if held.open.is_empty() {
            return;
        }
        let which = self.dice.below(held.open.len() as u64) as usize;
        let running = &mut held.open[which];
        if running.left == 0 {
            let running = held.open.remove(which);
            let reset = self.dice.below(12) == 0;
            for writing in running.writings {
                match reset {
                    true => self.net.reset(writing, 0),
                    false => self.net.finish(writing),
                }
            }
            if reset {
                held.shake(running.group, running.subgroup);
            }
            return;
        }
        running.left -= 1;
        let object = running.subgroup * 100 + running.next;
        running.next += 1 + self.dice.below(2);
        let len = self.dice.below(3_000) as usize;
        held.published.insert(at(running.group, object), len);
        for writing in running.writings.clone() {
            self.net
                .write(writing, object, payload(running.group, object, len));
        }
    }

    fn watch(&mut self, show: usize) {
        let clients = self.clients.clone();
        let Some(client) = self.pick(&clients) else {
            return;
        };
        if self.shows[show].closed {
            return;
        }
        let group = self.shows[show].group;
        let start = match self.dice.below(4) {
            0 => Start::NextGroup,
            1 => Start::Absolute(at(self.dice.below(group + 3), self.dice.below(3))),
            _ => Start::Largest,
        };
        let end_group = match self.dice.below(4) {
            0 => Some(group + self.dice.below(6)),
            _ => None,
        };
        let descending = self.dice.below(2) == 0;
        let subscription = self.net.ask(client, self.shows[show].track, |options| {
            options.start = start;
            options.end_group = end_group;
            options.descending = descending;
            options.priority = 100 + (group % 3) as u8;
        });
        self.watching.push(Watching {
            subscription,
            show,
            start,
            end_group,
            attached: false,
            started: false,
            disturbed: self.tight || !self.net.peer(client).reads,
        });
    }

    fn hear(&mut self) {
        while let Some(event) = self.net.events.pop_front() {
            match event {
                Event::SinkAttached {
                    sink,
                    largest,
                    valid,
                } => {
                    let mut watching = self.watching.iter_mut();
                    let found = watching.find(|it| it.subscription.sink == sink);
                    let found = found.expect("a sink of ours");
                    found.subscription.largest = largest;
                    found.attached = valid;
                    found.disturbed |= !valid;
                }
                Event::SinkDrained { sink, reason, .. } => {
                    assert!(reason == DrainReason::Range || reason == DrainReason::TooFarBehind);
                    let mut watching = self.watching.iter_mut();
                    let found = watching.find(|it| it.subscription.sink == sink);
                    let found = found.expect("a sink of ours");
                    assert!(reason == DrainReason::Range || found.disturbed);
                    // A subgroup that begins a second after its range has passed is too late.
                    found.disturbed = true;
                }
                Event::Malformed { reason, .. } => panic!("nobody broke a rule: {reason}"),
                _ => {}
            }
        }
        for watching in &mut self.watching {
            if watching.attached && !watching.started && self.dice.below(3) == 0 {
                watching.started = true;
                self.net.start(&watching.subscription);
            }
        }
    }

    fn leave(&mut self) {
        if self.watching.is_empty() {
            return;
        }
        let which = self.dice.below(self.watching.len() as u64) as usize;
        let watching = &mut self.watching[which];
        watching.disturbed = true;
        let sink = watching.subscription.sink;
        self.net.command(Command::DetachSink { sink });
    }

    fn change(&mut self) {
        if self.watching.is_empty() {
            return;
        }
        let which = self.dice.below(self.watching.len() as u64) as usize;
        let kind = self.dice.below(4);
        let watching = &mut self.watching[which];
        watching.disturbed |= kind > 0;
        let group = self.shows[watching.show].group;
        let subscription = watching.subscription;
        self.net.update(&subscription, |change| match kind {
            0 => change.priority = Some((group % 256) as u8),
            1 => change.forward = Some(group.is_multiple_of(2)),
            2 => change.end_group = Some(Some(group + 1)),
            _ => change.end_group = Some(None),
        });
    }

    fn stall(&mut self) {
        let clients = self.clients.clone();
        let Some(client) = self.pick(&clients) else {
            return;
        };
        let reads = &mut self.net.peer(client).reads;
        *reads = !*reads;
        for watching in &mut self.watching {
            watching.disturbed |= watching.subscription.peer == client;
        }
    }

    fn fetch(&mut self, show: usize) {
        let clients = self.clients.clone();
        let Some(client) = self.pick(&clients) else {
            return;
        };
        if self.shows[show].closed {
            return;
        }
        let group = self.shows[show].group;
        let start = at(self.dice.below(group + 1), 0);
        let end = at(start.group.0 + self.dice.below(4), self.dice.below(3));
        if end < start {
            return;
        }
        self.hear();
        let fetching = self.net.fetch(client, self.shows[show].track, start, end);
        self.fetches.push((fetching, show));
    }

    /// A client goes, with all that it publishes and watches.
    fn hang_up(&mut self) {
        if self.clients.is_empty() {
            return;
        }
        let which = self.dice.below(self.clients.len() as u64) as usize;
        let client = self.clients.swap_remove(which);
        for show in 0..self.shows.len() {
            self.drop_publishers(show, |publisher| publisher.peer == client);
        }
        for watching in &mut self.watching {
            watching.disturbed |= watching.subscription.peer == client;
        }
        if self.dice.below(2) == 0 {
            let session = self.net.session(client);
            let reason = String::new();
            self.net.command(Command::Close {
                session,
                code: 0,
                reason,
            });
        } else {
            self.net.peer(client).cut = true;
        }
    }

    fn unpublish(&mut self, show: usize) {
        let publishers = self.shows[show].publishers.clone();
        if let Some(gone) = self.pick(&publishers) {
            self.drop_publishers(show, |publisher| publisher.source == gone.source);
            let source = gone.source;
            self.net.command(Command::DetachSource { source });
        }
    }

    fn drop_publishers(&mut self, show: usize, gone: impl Fn(&Publisher) -> bool) {
        let held = &mut self.shows[show];
        if !held.publishers.iter().any(&gone) {
            return;
        }
        // What it has not delivered yet may be lost with it.
        let running = std::mem::take(&mut held.open);
        if self.dice.below(3) == 0 {
            held.shaky.extend(held.published.keys());
        } else {
            for it in &running {
                held.shake(it.group, it.subgroup);
            }
            self.net.seconds(1);
        }
        for writing in running.into_iter().flat_map(|it| it.writings) {
            self.net.finish(writing);
        }
        let held = &mut self.shows[show];
        held.publishers.retain(|publisher| !gone(publisher));
        held.group += 2;
    }

    /// What every subscription and fetch got, against what was published; returns how many objects
    /// had to come.
    fn check(&self, seed: u64) -> usize {
        let mut due = 0;
        for watching in &self.watching {
            let show = &self.shows[watching.show];
            let subscription = &watching.subscription;
            let mut seen = BTreeSet::new();
            let next = subscription
                .largest
                .map_or(at(0, 0), |it| at(it.group.0, it.object.0 + 1));
            let start = match watching.start {
                Start::Largest => next,
                Start::NextGroup => subscription
                    .largest
                    .map_or(next, |it| at(it.group.0 + 1, 0)),
                Start::Absolute(start) => start,
            };
            let end = watching.end_group.unwrap_or(u64::MAX);
            for object in self.net.received(subscription) {
                let story = format!("seed {seed}: {} of {:?}", object.at, watching.subscription);
                let len = show.published.get(&object.at);
                let len = len.unwrap_or_else(|| panic!("{story} was never published"));
                let (group, id) = (object.at.group.0, object.at.object.0);
                assert!(
                    object.payload == payload(group, id, *len),
                    "{story} was changed"
                );
                assert!(object.at >= start, "{story} lies before {start}");
                assert!(
                    group <= end || watching.disturbed,
                    "{story} lies behind {end}"
                );
                assert_eq!(object.subgroup, Some(id / 100), "{story}");
                assert!(seen.insert(object.at), "{story} came twice");
            }
            if !watching.started || watching.disturbed || show.closed {
                continue;
            }
            for at in show.published.keys() {
                let wanted = *at >= start.max(next) && at.group.0 <= end;
                if wanted && !show.shaky.contains(at) {
                    due += 1;
                    let streams = self.net.streams(subscription);
                    assert!(
                        seen.contains(at),
                        "seed {seed}: {at} never came: {subscription:?}, {start} to {end}: {streams:?}"
                    );
                }
            }
        }
        for (fetching, show) in &self.fetches {
            let show = &self.shows[*show];
            for object in self.net.fetched(fetching) {
                let (group, id) = (object.at.group.0, object.at.object.0);
                let len = show.published.get(&object.at).copied();
                let len = len.unwrap_or_else(|| panic!("seed {seed}: {}", object.at));
                assert!(
                    object.payload == payload(group, id, len),
                    "seed {seed}: {}",
                    object.at
                );
            }
        }
        due
    }

    fn finish(mut self, seed: u64) -> usize {
        for show in 0..self.shows.len() {
            for running in std::mem::take(&mut self.shows[show].open) {
                for writing in running.writings {
                    self.net.finish(writing);
                }
            }
        }
        for watching in &mut self.watching {
            if watching.attached && !watching.started {
                watching.started = true;
                self.net.start(&watching.subscription);
            }
        }
        self.net.loss = 0;
        self.net.seconds(4);
        self.hear();
        let due = self.check(seed);
        for peer in 0..self.net.peers.len() {
            let (now, peer) = (self.net.now, &mut self.net.peers[peer]);
            let key = peer.key;
            peer.carriers.close(now, key, 0, "");
        }
        self.net.seconds(1);
        for show in &self.shows {
            let track = show.track;
            self.net.command(Command::CloseTrack { track });
        }
        self.net.seconds(25);
        self.net.assert_empty();
        due
    }
}

impl Show {
    fn shake(&mut self, group: u64, subgroup: u64) {
        let of_it = |it: &&Location| it.group.0 == group && it.object.0 / 100 == subgroup;
        let lost: Vec<Location> = self.published.keys().filter(of_it).copied().collect();
        self.shaky.extend(lost);
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(value) => value.parse().expect("a number"),
        Err(_) => otherwise,
    }
}

/// Lets the dice roll for every seed; returns how many objects had to come.
fn churn(tight: bool) -> usize {
    let first = number("TIDEGATE_TEST_SEED", 0);
    let seeds = number("TIDEGATE_TEST_SEEDS", 150);
    let mut due = 0;
    for seed in first..first + seeds {
        let mut churn = Churn::new(seed, tight);
        for show in 0..churn.shows.len() {
            churn.client();
            churn.client();
            churn.publish(show);
            churn.watch(show);
        }
        for _ in 0..400 {
            churn.step();
        }
        due += churn.finish(seed);
    }
    due / seeds as usize
}

/// P1, O1, O7, B15: whoever comes and goes, each subscriber that keeps up gets every object of its range once.
#[test]
fn churn_loses_and_repeats_nothing() {
    let due = churn(false);
    assert!(due > 50, "the dice leave little to see: {due}");
}

/// O1, O19: where there is too little room for everything, what arrives is right, and nothing is left behind.
#[test]
fn churn_in_too_little_room_mixes_nothing_up() {
    churn(true);
}
