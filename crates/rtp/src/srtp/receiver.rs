//! Opening what a session receives.

use super::cipher::{Cipher, RTCP_ENCRYPTED, RTCP_HEADER};
use super::keys::Keys;
use super::profile::Profile;
use super::replay::{Window, index_of};
use crate::packet::Packet;

/// Why a packet is dropped. None of them changes what the receiver remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Too short, with a header that does not add up, or RTCP that is not encrypted.
    #[error("no well-formed packet")]
    Malformed,
    /// It was opened before, or is too old to tell (RFC 3711 §3.3.2).
    #[error("the packet was seen before or is older than the replay window")]
    Replayed,
    /// Forged, damaged, or sealed under other keys.
    #[error("the packet is not authentic")]
    Forged,
    /// Authentic, of an SSRC beyond the limit while all known ones are alive.
    #[error("the session sends more streams than it may")]
    TooManyStreams,
}

/// An RTP packet that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The packet without its tag is the buffer's first so many bytes.
    pub len: usize,
    /// Rollover counter and sequence number: `roc << 16 | sequence` (RFC 3711 §3.3.1). It orders the
    /// packets of an SSRC without wrapping.
    pub index: u64,
}

/// What opens the packets that one session sends us. Its keys serve one DTLS association.
///
/// It remembers what came of each SSRC. An SSRC is remembered once a packet of it was authentic, so
/// strangers cannot fill its memory. A peer that is over its limit loses new SSRCs: only one that has
/// been quiet during the session's last 65,536 packets, or 4,096 of RTCP, makes room.
pub struct Receiver {
    profile: Profile,
    rtp: Cipher,
    rtcp: Cipher,
    streams: Streams<16>,
    reports: Streams<2>,
}

impl Receiver {
    /// A receiver that has seen nothing yet and will remember `limit` SSRCs of RTP and as many of
    /// RTCP.
    pub fn new(keys: &Keys, limit: usize) -> Self {
        Self {
            profile: keys.profile,
            rtp: Cipher::new(keys.profile, &keys.rtp()),
            rtcp: Cipher::new(keys.profile, &keys.rtcp()),
            streams: Streams::new(limit, 1 << 16),
            reports: Streams::new(limit, 1 << 12),
        }
    }

    /// The suite it opens with.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Opens an SRTP packet in place. After an error the bytes past its header mean nothing.
    pub fn open(&mut self, packet: &mut [u8]) -> Result<Opened, OpenError> {
        let view = Packet::parse_header(packet).map_err(|_| OpenError::Malformed)?;
        let (header_len, ssrc, sequence) = (
            view.header_len(),
            view.header().ssrc,
            view.header().sequence,
        );
        let len = packet.len().checked_sub(self.profile.rtp_overhead());
        let len = len.filter(|len| *len >= header_len);
        let len = len.ok_or(OpenError::Malformed)?;
        let place = self.streams.find(ssrc);
        let index = match place {
            Ok(known) => {
                let window = self.streams.window(known);
                let index = index_of(sequence, window.newest());
                let index = index.filter(|index| window.is_new(*index));
                let index = index.ok_or(OpenError::Replayed)?;
                let opened = self.rtp.open_rtp(ssrc, index, header_len, packet);
                opened.map_err(|_| OpenError::Forged)?;
                index
            }
            Err(_) => self.open_first(ssrc, sequence, header_len, packet)?,
        };
        self.streams.insert(place, ssrc, index)?;
        Ok(Opened { len, index })
    }

    /// Opens what may be the first packet of a stream, and says its index. Rollover counters begin with
    /// zero; but where the sequence number is low, the packets before the wrap may have been lost, or be
    /// late.
    fn open_first(
        &self,
        ssrc: u32,
        sequence: u16,
        header_len: usize,
        packet: &mut [u8],
    ) -> Result<u64, OpenError> {
        let index = u64::from(sequence);
        if sequence >= JUST_WRAPPED || packet.len() > LARGEST_FIRST {
            let opened = self.rtp.open_rtp(ssrc, index, header_len, packet);
            return opened.map(|()| index).map_err(|_| OpenError::Forged);
        }
        // An attempt that fails spoils the bytes.
        let mut kept = [0; LARGEST_FIRST];
        let kept = &mut kept[..packet.len()];
        kept.copy_from_slice(packet);
        for index in [index, 1 << 16 | index] {
            if self.rtp.open_rtp(ssrc, index, header_len, packet).is_ok() {
                return Ok(index);
            }
            packet.copy_from_slice(kept);
        }
        Err(OpenError::Forged)
    }

    /// Opens an SRTCP packet in place: the compound packet is the buffer's first so many bytes.
    /// After an error its bytes mean nothing.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, OpenError> {
        let len = packet.len().checked_sub(self.profile.rtcp_overhead());
        let len = len.filter(|len| *len >= RTCP_HEADER);
        let len = len.ok_or(OpenError::Malformed)?;
        let word = self.rtcp.rtcp_word(packet);
        if packet[0] >> 6 != 2 || word & RTCP_ENCRYPTED == 0 {
            return Err(OpenError::Malformed);
        }
        let index = word & !RTCP_ENCRYPTED;
        let ssrc = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        let place = self.reports.find(ssrc);
        if place.is_ok_and(|known| !self.reports.window(known).is_new(index.into())) {
            return Err(OpenError::Replayed);
        }
        let opened = self.rtcp.open_rtcp(ssrc, index, packet);
        opened.map_err(|_| OpenError::Forged)?;
        self.reports.insert(place, ssrc, index.into())?;
        Ok(len)
    }
}

/// Below this a first sequence number may have wrapped already.
const JUST_WRAPPED: u16 = 1 << 12;
/// No packet is larger where the path's MTU is that of Ethernet.
const LARGEST_FIRST: usize = 2048;

/// What came of each SSRC.
struct Streams<const WORDS: usize> {
    limit: usize,
    /// Who has been silent for so many packets of the others makes room where the limit is reached.
    quiet: u64,
    /// Packets of all streams.
    came: u64,
    /// Sorted.
    ssrcs: Vec<u32>,
    /// Of the SSRC in the same place.
    states: Vec<State<WORDS>>,
}

struct State<const WORDS: usize> {
    window: Window<WORDS>,
    /// [`Streams::came`] at its last packet.
    last: u64,
}

impl<const WORDS: usize> Streams<WORDS> {
    fn new(limit: usize, quiet: u64) -> Self {
        Self {
            limit,
            quiet,
            came: 0,
            ssrcs: Vec::new(),
            states: Vec::new(),
        }
    }

    /// The place of an SSRC, or where it would be.
    fn find(&self, ssrc: u32) -> Result<usize, usize> {
        self.ssrcs.binary_search(&ssrc)
    }

    fn window(&self, known: usize) -> &Window<WORDS> {
        &self.states[known].window
    }

    /// Remembers an authentic packet of an SSRC with its [place](Self::find).
    fn insert(
        &mut self,
        place: Result<usize, usize>,
        ssrc: u32,
        index: u64,
    ) -> Result<(), OpenError> {
        match place {
            Ok(known) => {
                self.came += 1;
                let state = &mut self.states[known];
                state.last = self.came;
                state.window.insert(index);
            }
            Err(mut place) => {
                if self.ssrcs.len() >= self.limit {
                    let quiet = self.quietest().ok_or(OpenError::TooManyStreams)?;
                    self.ssrcs.remove(quiet);
                    self.states.remove(quiet);
                    place -= usize::from(quiet < place);
                }
                self.came += 1;
                let (window, last) = (Window::new(index), self.came);
                self.ssrcs.insert(place, ssrc);
                self.states.insert(place, State { window, last });
            }
        }
        Ok(())
    }

    /// Who makes room for another.
    fn quietest(&self) -> Option<usize> {
        let places = 0..self.states.len();
        let place = places.min_by_key(|place| self.states[*place].last)?;
        (self.came - self.states[place].last >= self.quiet).then_some(place)
    }
}
