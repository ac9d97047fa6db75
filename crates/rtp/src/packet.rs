//! RTP packets (RFC 3550 §5.1).

use crate::extensions::Block;

/// The fixed part of a header, in bytes.
pub const FIXED_HEADER: usize = 12;

/// Why bytes are no RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// The header, or what it announces, ends after the packet does.
    #[error("the packet ends inside its header")]
    CutShort,
    /// Version 2 is the only one.
    #[error("RTP version {0} is unknown")]
    Version(u8),
    /// The padding is longer than what follows the header, or of no bytes.
    #[error("the padding does not fit the packet")]
    Padding,
}

/// What every packet says, and forwarding rewrites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// For video: the last packet of a frame.
    pub marker: bool,
    /// 0–127.
    pub payload_type: u8,
    /// Wraps.
    pub sequence: u16,
    /// In units of the payload type's clock; wraps.
    pub timestamp: u32,
    /// The stream.
    pub ssrc: u32,
}

impl Header {
    /// Writes the fixed header and, behind it, a whole extension block as
    /// [`Outgoing`](crate::extensions::Outgoing) makes it (none where it is empty). No CSRCs, no
    /// padding. Returns its length; `None` where `out` is shorter.
    pub fn write(&self, block: &[u8], out: &mut [u8]) -> Option<usize> {
        let len = FIXED_HEADER + block.len();
        let (fixed, rest) = out.get_mut(..len)?.split_at_mut(FIXED_HEADER);
        fixed[0] = VERSION << 6 | u8::from(!block.is_empty()) << 4;
        fixed[1] = u8::from(self.marker) << 7 | self.payload_type & 0x7f;
        fixed[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        fixed[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        fixed[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        rest.copy_from_slice(block);
        Some(len)
    }
}

/// Pads a packet of `buffer[..len]` with `padding` bytes (RFC 3550 §5.1); returns its new length.
/// `None`, and nothing is written, where the buffer is shorter. A packet is padded once at most.
pub fn pad(buffer: &mut [u8], len: usize, padding: u8) -> Option<usize> {
    if padding == 0 {
        return Some(len);
    }
    let end = len + usize::from(padding);
    let zeros = buffer.get_mut(len..end)?;
    zeros.fill(0);
    zeros[usize::from(padding) - 1] = padding;
    buffer[0] |= PADDING;
    Some(end)
}

/// An RTP packet, checked, in bytes that somebody else holds.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    bytes: &'a [u8],
    header: Header,
    csrcs_end: usize,
    extension_profile: Option<u16>,
    payload_start: usize,
    payload_end: usize,
}

impl<'a> Packet<'a> {
    /// Checks a whole packet, padding too: for packets that are not, or no longer, encrypted.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, PacketError> {
        let mut packet = Self::parse_header(bytes)?;
        if bytes[0] & PADDING != 0 {
            // The header alone is 12 bytes, so there is a last one; it may be the header's.
            let padding = usize::from(bytes[bytes.len() - 1]);
            if padding == 0 || padding > bytes.len() - packet.payload_start {
                return Err(PacketError::Padding);
            }
            packet.payload_end -= padding;
        }
        Ok(packet)
    }

    /// Checks the header alone: all that can be read of an SRTP packet. The payload is then all that
    /// follows.
    pub fn parse_header(bytes: &'a [u8]) -> Result<Self, PacketError> {
        let fixed: &[u8; FIXED_HEADER] = bytes.first_chunk().ok_or(PacketError::CutShort)?;
        if fixed[0] >> 6 != VERSION {
            return Err(PacketError::Version(fixed[0] >> 6));
        }
        let csrcs_end = FIXED_HEADER + 4 * usize::from(fixed[0] & 0x0f);
        let (mut extension_profile, mut payload_start) = (None, csrcs_end);
        if fixed[0] & EXTENSION != 0 {
            let head = bytes.get(csrcs_end..csrcs_end + 4);
            let head = head.ok_or(PacketError::CutShort)?;
            extension_profile = Some(u16::from_be_bytes([head[0], head[1]]));
            payload_start += 4 + 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
        }
        if payload_start > bytes.len() {
            return Err(PacketError::CutShort);
        }
        let header = Header {
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
        };
        Ok(Self {
            bytes,
            header,
            csrcs_end,
            extension_profile,
            payload_start,
            payload_end: bytes.len(),
        })
    }

    /// The fixed header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Fixed header, CSRCs and extensions: where the payload begins.
    pub fn header_len(&self) -> usize {
        self.payload_start
    }

    /// Whom a mixer heard; at most 15.
    pub fn csrcs(&self) -> impl Iterator<Item = u32> + use<'a> {
        let words = self.bytes[FIXED_HEADER..self.csrcs_end].chunks_exact(4);
        words.map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]))
    }

    /// The header extensions; empty where there are none, or in a form that is not RFC 8285's.
    pub fn extensions(&self) -> Block<'a> {
        match self.extension_profile {
            Some(profile) => {
                Block::new(profile, &self.bytes[self.csrcs_end + 4..self.payload_start])
            }
            None => Block::default(),
        }
    }

    /// What it carries, without padding. Empty for a packet of padding alone, as probes are.
    pub fn payload(&self) -> &'a [u8] {
        &self.bytes[self.payload_start..self.payload_end]
    }

    /// Bytes of padding behind the payload, the counting one included.
    pub fn padding(&self) -> usize {
        self.bytes.len() - self.payload_end
    }
}

const VERSION: u8 = 2;
const PADDING: u8 = 0x20;
const EXTENSION: u8 = 0x10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extensions::Element;
    use crate::hex::hex;

    #[test]
    fn every_field_of_a_packet_is_read() {
        let bytes =
            hex("b2e0 1234 01020304 deadbeef 00000001 00000002 bede0001 10aa0000 c0ffee 00000004");
        let packet = Packet::parse(&bytes).unwrap();
        let header = Header {
            marker: true,
            payload_type: 96,
            sequence: 0x1234,
            timestamp: 0x0102_0304,
            ssrc: 0xdead_beef,
        };
        assert_eq!(packet.header(), &header);
        assert_eq!(packet.csrcs().collect::<Vec<_>>(), [1, 2]);
        let element = Element {
            id: 1,
            value: &[0xaa],
        };
        assert_eq!(packet.extensions().iter().collect::<Vec<_>>(), [element]);
        assert_eq!(packet.header_len(), 28);
        assert_eq!(packet.payload(), [0xc0, 0xff, 0xee]);
        assert_eq!(packet.padding(), 4);
    }

    #[test]
    fn a_packet_cut_anywhere_in_its_header_is_refused() {
        let bytes = hex("92e0 1234 01020304 deadbeef 00000001 00000002 bede0001 10aa0000 c0");
        assert!(Packet::parse(&bytes[..28]).is_ok());
        for len in 0..28 {
            let parsed = Packet::parse(&bytes[..len]);
            assert_eq!(parsed.unwrap_err(), PacketError::CutShort, "{len}");
        }
    }

    #[test]
    fn another_version_is_refused() {
        let stun = [0; 20];
        assert_eq!(Packet::parse(&stun).unwrap_err(), PacketError::Version(0));
    }

    #[test]
    fn padding_stays_within_the_packet() {
        for (last, padding) in [
            (1, Some(1)),
            (3, Some(3)),
            (0, None),
            (4, None),
            (255, None),
        ] {
            let mut bytes = hex("a060 0001 00000000 00000000 010203");
            bytes[14] = last;
            let parsed = Packet::parse(&bytes);
            match padding {
                Some(padding) => assert_eq!(parsed.unwrap().padding(), padding),
                None => assert_eq!(parsed.unwrap_err(), PacketError::Padding),
            }
        }
        let bare = hex("a060 0001 00000000 00000001");
        assert_eq!(Packet::parse(&bare).unwrap_err(), PacketError::Padding);
    }

    #[test]
    fn a_written_header_reads_back() {
        let header = Header {
            marker: true,
            payload_type: 111,
            sequence: 65_535,
            timestamp: u32::MAX,
            ssrc: 7,
        };
        let mut buffer = [0xee; 30];
        let block = hex("bede0001 10aa0000");
        let len = header.write(&block, &mut buffer).unwrap();
        let padded = pad(&mut buffer, len, 4).unwrap();
        let packet = Packet::parse(&buffer[..padded]).unwrap();
        assert_eq!(packet.header(), &header);
        assert_eq!(packet.extensions().get(1), Some(&[0xaa][..]));
        assert_eq!((packet.payload(), packet.padding()), (&[][..], 4));
        assert_eq!(buffer[padded..], [0xee; 6]);
    }

    #[test]
    fn nothing_is_written_without_room() {
        let header = *Packet::parse(&hex("8060 0001 00000000 00000000"))
            .unwrap()
            .header();
        let mut buffer = [0xee; 19];
        assert_eq!(header.write(&[0; 8], &mut buffer), None);
        assert_eq!(pad(&mut buffer, 12, 8), None);
        assert_eq!(buffer, [0xee; 19]);
    }
}
