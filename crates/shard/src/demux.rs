//! Whose datagram this is, by its first byte (RFC 9443 §3, RFC 7983).

/// The protocol that a datagram belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Session traversal: ICE connectivity checks.
    Stun,
    /// The handshake and the data channels of a WebRTC session.
    Dtls,
    /// Media of a WebRTC session, and its reports.
    Rtp,
    /// A QUIC packet, long or short header.
    Quic,
    /// Nothing that is served here: ZRTP, TURN channels, the unassigned.
    Other,
}

/// Sorts a datagram. TURN channels (64–79) lie inside QUIC's short headers, so there is no TURN on
/// this port, and QUIC peers must not grease the fixed bit.
pub fn kind(datagram: &[u8]) -> Kind {
    match datagram.first() {
        Some(0..=3) => Kind::Stun,
        Some(20..=63) => Kind::Dtls,
        Some(64..=127 | 192..=255) => Kind::Quic,
        Some(128..=191) => Kind::Rtp,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9443 §3, figure 1.
    #[test]
    fn the_first_byte_names_the_protocol() {
        for (byte, expected) in [
            (0, Kind::Stun),
            (3, Kind::Stun),
            (4, Kind::Other),
            (19, Kind::Other),
            (20, Kind::Dtls),
            (63, Kind::Dtls),
            (64, Kind::Quic),
            (127, Kind::Quic),
            (128, Kind::Rtp),
            (191, Kind::Rtp),
            (192, Kind::Quic),
            (255, Kind::Quic),
        ] {
            assert_eq!(kind(&[byte, 9]), expected, "first byte {byte}");
        }
    }

    #[test]
    fn an_empty_datagram_belongs_to_nobody() {
        assert_eq!(kind(&[]), Kind::Other);
    }
}
