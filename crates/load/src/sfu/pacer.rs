//! When each track sends its next frame.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::plan::Pace;

/// A frame that is late by more than this is not sent any more.
const PATIENCE: Duration = Duration::from_millis(250);

/// Which track of which session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sends {
    /// The session's id.
    pub session: usize,
    /// The track's place in it.
    pub track: usize,
}

/// A frame that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Whose.
    pub sends: Sends,
    /// Which of the pace's frames.
    pub frame: usize,
    /// It is too late for it.
    pub dropped: bool,
}

/// The tracks in the order of their next frames: all have the same interval, spread over it evenly.
#[derive(Debug, Default)]
pub struct Pacer {
    frames: usize,
    interval: Option<Duration>,
    queue: VecDeque<(Instant, usize, Sends)>,
}

impl Pacer {
    /// All tracks begin anew, at this pace.
    pub fn start(&mut self, now: Instant, pace: &Pace, tracks: impl Iterator<Item = Sends>) {
        self.frames = pace.frames.len();
        let rate = pace.frames_per_second;
        self.interval = (rate > 0.0).then(|| Duration::from_secs_f64(1.0 / rate));
        self.queue.clear();
        self.queue.extend(tracks.map(|sends| (now, 0, sends)));
        let Some(interval) = self.interval else {
            self.queue.clear();
            return;
        };
        let tracks = self.queue.len().max(1) as u32;
        for (index, (at, frame, _)) in (0..).zip(&mut self.queue) {
            *at += interval * index / tracks;
            // Large frames of different tracks shall not meet.
            *frame = index as usize % self.frames;
        }
    }

    /// When the next frame is due.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.queue.front().map(|(at, ..)| *at)
    }

    /// Takes a frame that is due.
    pub fn pop(&mut self, now: Instant) -> Option<Due> {
        let interval = self.interval?;
        let (at, frame, sends) = *self.queue.front().filter(|(at, ..)| *at <= now)?;
        self.queue.pop_front();
        let next = (frame + 1) % self.frames;
        self.queue.push_back((at + interval, next, sends));
        Some(Due {
            sends,
            frame,
            dropped: now.duration_since(at) > PATIENCE,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACKS: [Sends; 2] = [
        Sends {
            session: 0,
            track: 0,
        },
        Sends {
            session: 0,
            track: 1,
        },
    ];

    fn pace() -> Pace {
        Pace {
            frames: vec![vec![1200], vec![300]],
            frames_per_second: 10.0,
        }
    }

    #[test]
    fn tracks_take_turns() {
        let now = Instant::now();
        let mut pacer = Pacer::default();
        pacer.start(now, &pace(), TRACKS.into_iter());
        let mut seen = Vec::new();
        for millis in 0..200 {
            while let Some(due) = pacer.pop(now + Duration::from_millis(millis)) {
                seen.push((millis, due.sends.track, due.frame));
            }
        }
        assert_eq!(seen, [(0, 0, 0), (50, 1, 1), (100, 0, 1), (150, 1, 0)]);
    }

    #[test]
    fn what_is_too_late_is_dropped() {
        let now = Instant::now();
        let mut pacer = Pacer::default();
        pacer.start(now, &pace(), TRACKS.into_iter().take(1));
        let late = now + Duration::from_millis(460);
        let dropped: Vec<_> = std::iter::from_fn(|| pacer.pop(late))
            .map(|due| due.dropped)
            .collect();
        assert_eq!(dropped, [true, true, true, false, false]);
    }

    #[test]
    fn no_pace_is_silence() {
        let now = Instant::now();
        let mut pacer = Pacer::default();
        pacer.start(now, &Pace::default(), TRACKS.into_iter());
        assert_eq!(pacer.next_timeout(), None);
    }
}
