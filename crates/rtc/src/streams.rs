//! Which track an SSRC of a publisher belongs to.
//!
//! The description says it, or the first packet does: by its MID, RID and repaired RID (RFC 8843 §9.2,
//! RFC 8852), or by its payload type where only one track has it. An encoding has one SSRC, and one for
//! its retransmissions, at a time: what a peer makes us remember is bounded by what it negotiated.

use std::time::Duration;

use rtp::extensions::ExtensionNumber;
use rtp::layers::Layer;
use rtp::packet::Packet;

use crate::plane::Plane;

/// An encoding takes another SSRC only when its own has been quiet for so long.
const QUIET: Duration = Duration::from_millis(200);

/// What comes on an SSRC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stream {
    pub(crate) track: usize,
    pub(crate) layer: Layer,
    /// Retransmissions of the encoding (RFC 4588), not the encoding itself.
    pub(crate) repair: bool,
}

impl Plane {
    /// Finds out whose packet of an unknown SSRC it is, and remembers that.
    pub(crate) fn identify(&mut self, slot: usize, packet: &Packet<'_>) -> Option<Stream> {
        let session = &self.sessions[slot];
        let (extensions, ids) = (packet.extensions(), &session.extensions);
        let value = |number| ids.id(number).and_then(|id| extensions.get(id));
        let pt = packet.header().payload_type;
        let track = match value(ExtensionNumber::MID) {
            Some(mid) => *session.mids.get(mid)?,
            None => self.only_track_with(slot, pt)?,
        };
        let known = &self.tracks[track];
        let repair = known.repaired(pt).is_some();
        if !repair && known.payload_type(pt).is_none() {
            return None;
        }
        let rid = if repair {
            value(ExtensionNumber::REPAIRED_RID)
        } else {
            value(ExtensionNumber::RID)
        };
        let layer = match rid {
            Some(rid) => known.layers.find(std::str::from_utf8(rid).ok()?)?,
            None if known.encodings.len() == 1 => Layer(0),
            None => return None,
        };
        let encoding = &known.encodings[usize::from(layer.0)];
        let taken = match repair {
            true => encoding.repair_ssrc.is_some(),
            false => encoding.ssrc.is_some(),
        };
        let quiet = encoding.heard.is_none_or(|heard| heard + QUIET <= self.now);
        if taken && !quiet {
            return None;
        }
        let stream = Stream {
            track,
            layer,
            repair,
        };
        self.bind(slot, packet.header().ssrc, stream);
        Some(stream)
    }

    /// From now on `ssrc` is `stream`, and nothing else is.
    pub(crate) fn bind(&mut self, slot: usize, ssrc: u32, stream: Stream) {
        let session = &mut self.sessions[slot];
        let before = session.streams.insert(ssrc, stream);
        if before == Some(stream) {
            return;
        }
        if let Some(before) = before
            && let Some(track) = self.tracks.get_mut(before.track)
        {
            *track.ssrc_of(before) = None;
        }
        let track = &mut self.tracks[stream.track];
        if let Some(old) = track.ssrc_of(stream).replace(ssrc) {
            self.sessions[slot].streams.remove(&old);
        }
        let begun = track.encodings[usize::from(stream.layer.0)].heard.is_some();
        if begun && !stream.repair {
            self.restart_encoding(stream.track, stream.layer);
        }
    }

    /// The session's only track with this payload type, for itself or for retransmissions.
    fn only_track_with(&self, slot: usize, pt: u8) -> Option<usize> {
        let mut with = self.sessions[slot].tracks.iter().copied().filter(|&track| {
            let track = &self.tracks[track];
            track.payload_type(pt).is_some() || track.repaired(pt).is_some()
        });
        let first = with.next()?;
        with.next().is_none().then_some(first)
    }
}
