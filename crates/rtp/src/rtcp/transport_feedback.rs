//! Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1): when the packets
//! of a session came, whatever their stream.

use super::feedback::feedback;

/// Who reports, and how often it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedbackHead {
    /// Who reports.
    pub sender: u32,
    /// Any stream of the session.
    pub media: u32,
    /// Counts the reports; wraps.
    pub count: u8,
}

/// A report on packets with consecutive transport-wide sequence numbers.
#[derive(Clone, Copy, Debug)]
pub struct TransportFeedback<'a> {
    /// Who reports, and how often it has.
    pub head: FeedbackHead,
    /// The number of the first packet that the report is about.
    pub base: u16,
    /// How many packets it is about. Those that [`arrivals`](Self::arrivals) leaves out had not come.
    pub statuses: u16,
    /// The moment that times count from, in units of 64 ms of the reporter's clock; 24 bits, signed.
    pub reference: i32,
    /// Whole ones, then the deltas.
    chunks: &'a [u8],
    /// As many bytes as the chunks announce, or more.
    deltas: &'a [u8],
}

impl<'a> TransportFeedback<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let (sender, media, rest) = feedback(body)?;
        let (&[base_high, base_low, statuses_high, statuses_low], rest) =
            rest.split_first_chunk()?;
        let (&[high, middle, low, count], chunks) = rest.split_first_chunk()?;
        let statuses = u16::from_be_bytes([statuses_high, statuses_low]);
        let mut runs = Runs::new(chunks, statuses);
        let mut deltas_len = 0;
        for (status, len) in &mut runs {
            deltas_len += status.delta_len()? * usize::from(len);
        }
        let deltas = runs.chunks;
        if runs.left > 0 || deltas.len() < deltas_len {
            return None;
        }
        Some(Self {
            head: FeedbackHead {
                sender,
                media,
                count,
            },
            base: u16::from_be_bytes([base_high, base_low]),
            statuses,
            // Moved to the top and back, the sign comes along.
            reference: i32::from_be_bytes([high, middle, low, 0]) >> 8,
            chunks,
            deltas,
        })
    }

    /// The packets that came, in the order of their numbers; no more than there are bytes.
    pub fn arrivals(&self) -> Arrivals<'a> {
        Arrivals {
            runs: Runs::new(self.chunks, self.statuses),
            run: (Status::Lost, 0),
            deltas: self.deltas,
            sequence: self.base,
            time: i64::from(self.reference) * TICKS_PER_REFERENCE,
        }
    }
}

/// A packet that had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Its transport-wide sequence number.
    pub sequence: u16,
    /// When, in ticks of 250 µs of the reporter's clock. May be before that of its predecessor.
    pub time: i64,
}

/// Reads the arrivals of a [`TransportFeedback`].
#[derive(Clone, Debug)]
pub struct Arrivals<'a> {
    runs: Runs<'a>,
    /// What is left of the run being read.
    run: (Status, u16),
    deltas: &'a [u8],
    /// Of the next packet.
    sequence: u16,
    time: i64,
}

impl Iterator for Arrivals<'_> {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let delta = loop {
            let (status, len) = self.run;
            if len == 0 {
                self.run = self.runs.next()?;
                continue;
            }
            match status {
                Status::Small => {
                    let (&[delta], rest) = self.deltas.split_first_chunk()?;
                    self.deltas = rest;
                    break i64::from(delta);
                }
                Status::Large => {
                    let (&delta, rest) = self.deltas.split_first_chunk()?;
                    self.deltas = rest;
                    break i64::from(i16::from_be_bytes(delta));
                }
                Status::Lost | Status::Reserved => {
                    self.sequence = self.sequence.wrapping_add(len);
                    self.run.1 = 0;
                }
            }
        };
        self.run.1 -= 1;
        self.time += delta;
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        Some(Arrival {
            sequence,
            time: self.time,
        })
    }
}

/// What a chunk says of a packet; the numbers are those of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Lost = 0,
    /// Came, its delta is 0–255 ticks.
    Small = 1,
    /// Came, its delta has 16 bits and a sign.
    Large = 2,
    Reserved = 3,
}

impl Status {
    fn new(symbol: u16) -> Self {
        match symbol & 3 {
            0 => Self::Lost,
            1 => Self::Small,
            2 => Self::Large,
            _ => Self::Reserved,
        }
    }

    /// Bytes of its delta; `None` where nobody knows.
    pub(super) fn delta_len(self) -> Option<usize> {
        match self {
            Self::Lost => Some(0),
            Self::Small => Some(1),
            Self::Large => Some(2),
            Self::Reserved => None,
        }
    }
}

/// Reads chunks as runs of packets of one status, up to the number of packets that the report is
/// about. Ends early where chunks end.
#[derive(Clone, Debug)]
struct Runs<'a> {
    chunks: &'a [u8],
    /// Packets that no run has covered yet.
    left: u16,
    /// The symbols of a vector, the next one at the top; how many are left and the bits of each.
    symbols: u16,
    symbols_left: u8,
    symbol_bits: u8,
}

impl<'a> Runs<'a> {
    fn new(chunks: &'a [u8], statuses: u16) -> Self {
        Self {
            chunks,
            left: statuses,
            symbols: 0,
            symbols_left: 0,
            symbol_bits: 1,
        }
    }
}

impl Iterator for Runs<'_> {
    type Item = (Status, u16);

    fn next(&mut self) -> Option<(Status, u16)> {
        if self.left == 0 {
            return None;
        }
        if self.symbols_left == 0 {
            let (&chunk, rest) = self.chunks.split_first_chunk()?;
            self.chunks = rest;
            let chunk = u16::from_be_bytes(chunk);
            if chunk & VECTOR == 0 {
                let len = (chunk & MAX_RUN).min(self.left);
                self.left -= len;
                return Some((Status::new(chunk >> 13), len));
            }
            self.symbols = chunk << 2;
            (self.symbols_left, self.symbol_bits) = match chunk & TWO_BITS {
                0 => (ONE_BIT_SYMBOLS as u8, 1),
                _ => (TWO_BIT_SYMBOLS as u8, 2),
            };
        }
        let status = Status::new(self.symbols >> (16 - self.symbol_bits));
        self.symbols <<= self.symbol_bits;
        self.symbols_left -= 1;
        self.left -= 1;
        Some((status, 1))
    }
}

/// Makes the statuses and deltas of packets, one after another; ends where a delta has no form.
#[derive(Clone)]
pub(super) struct Statuses<I> {
    arrivals: I,
    /// When the last one came.
    time: i64,
}

impl<I: Iterator<Item = Option<i64>> + Clone> Statuses<I> {
    /// The reference that times count from, and what follows.
    pub(super) fn new(arrivals: I) -> (i64, Self) {
        let first = arrivals.clone().flatten().next().unwrap_or(0);
        let reference = first.div_euclid(TICKS_PER_REFERENCE);
        let time = reference * TICKS_PER_REFERENCE;
        (reference, Self { arrivals, time })
    }

    /// The chunk that begins here, and how many of the next `left` packets it covers.
    pub(super) fn chunk(&self, left: u16) -> (u16, u16) {
        let statuses = self.clone().map(|(status, _)| status);
        let mut next = statuses.clone().take(left.into()).peekable();
        let first = next.peek().copied().unwrap_or(Status::Lost);
        let run = next.take_while(|status| *status == first);
        let run = run.take(MAX_RUN.into()).count() as u16;
        let vector = statuses.take(left.min(ONE_BIT_SYMBOLS).into());
        let small = vector.clone().all(|status| status != Status::Large);
        let (head, symbols, bits) = if small {
            (VECTOR, ONE_BIT_SYMBOLS, 1)
        } else {
            (VECTOR | TWO_BITS, TWO_BIT_SYMBOLS, 2)
        };
        let covered = left.min(symbols);
        if run >= covered {
            return ((first as u16) << 13 | run, run);
        }
        let mut chunk = 0;
        for status in vector.take(covered.into()) {
            chunk = chunk << bits | status as u16;
        }
        (head | chunk << (bits * (symbols - covered)), covered)
    }
}

impl<I: Iterator<Item = Option<i64>>> Iterator for Statuses<I> {
    type Item = (Status, i16);

    fn next(&mut self) -> Option<(Status, i16)> {
        let Some(time) = self.arrivals.next()? else {
            return Some((Status::Lost, 0));
        };
        let delta = i16::try_from(time.checked_sub(self.time)?).ok()?;
        self.time = time;
        let status = match delta {
            0..=255 => Status::Small,
            _ => Status::Large,
        };
        Some((status, delta))
    }
}

/// A reference counts 64 ms, a tick is 250 µs.
const TICKS_PER_REFERENCE: i64 = 256;
/// Set in a chunk that is a vector; else it is a run, of at most so many packets.
const VECTOR: u16 = 0x8000;
const MAX_RUN: u16 = 0x1fff;
/// Set in a vector of the second kind.
const TWO_BITS: u16 = 0x4000;
const ONE_BIT_SYMBOLS: u16 = 14;
/// No chunk that we write covers fewer packets, the last one apart.
pub(super) const TWO_BIT_SYMBOLS: u16 = 7;
