//! Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1): when the packets
//! of a session came, whatever their stream.

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
    chunks: &'a [u8],
    deltas: &'a [u8],
}

impl<'a> TransportFeedback<'a> {
    /// The packets that came, in the order of their numbers; no more than there are bytes.
    pub fn arrivals(&self) -> Arrivals<'a> {
        todo!()
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
    feedback: TransportFeedback<'a>,
}

impl Iterator for Arrivals<'_> {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        todo!()
    }
}
