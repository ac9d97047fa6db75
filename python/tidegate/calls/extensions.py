"""RTP header extensions (RFC 8285): numbers of their URIs, and a session's ids for them."""

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"


class ExtensionNumbers:
    """The engine's number of each URI: one table for the whole process.

    0 to 4 are the ones that the engine itself reads and writes, in the order above. URIs that
    browsers are known to use have their numbers from the start; others get the next free one until
    256 are taken.
    """

    def number(self, uri: str) -> int | None:
        """The URI's number, given on first sight; ``None`` when all are taken."""
        raise NotImplementedError
