"""RTP header extensions (RFC 8285): numbers of their URIs, and a session's ids for them."""

from collections.abc import Iterable

from tidegate.calls.payload_types import Kind
from tidegate.calls.sdp import Extension

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"

DEPENDENCY_DESCRIPTOR = (
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
)
"""The engine forwards it, and numbers its frames anew where a stream goes on with another's; its
number is 7."""

OURS = (MID, RID, REPAIRED_RID, TRANSPORT_CC, ABS_SEND_TIME)
"""What the engine reads and writes itself, leg by leg; their numbers are 0 to 4."""

_USUAL: dict[Kind, tuple[str, ...]] = {
    "audio": ("urn:ietf:params:rtp-hdrext:ssrc-audio-level",),
    "video": (
        "urn:3gpp:video-orientation",
        DEPENDENCY_DESCRIPTOR,
        "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00",
        "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
        "http://www.webrtc.org/experiments/rtp-hdrext/color-space",
        "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type",
        "http://www.webrtc.org/experiments/rtp-hdrext/video-timing",
        "urn:ietf:params:rtp-hdrext:toffset",
    ),
}
"""What browsers offer for a kind by themselves, the most useful first."""

_RARE = (
    "urn:ietf:params:rtp-hdrext:csrc-audio-level",
    "http://www.webrtc.org/experiments/rtp-hdrext/video-frame-tracking-id",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
    "http://www.webrtc.org/experiments/rtp-hdrext/generic-frame-descriptor-00",
)

MAX_NUMBERS = 256
_MAX_PER_SESSION = 64
_LAST_ONE_BYTE_ID = 14

_ENCRYPTED = "urn:ietf:params:rtp-hdrext:encrypt"


class ExtensionNumbers:
    """The engine's number of each URI: one table for the whole process.

    0 to 4 are those of :data:`OURS`. URIs that browsers are known to use have their numbers from
    the start, so that others cannot use them up; those get the next free one until 256 are taken.
    """

    def __init__(self) -> None:
        known = (*OURS, *_USUAL["audio"], *_USUAL["video"], *_RARE)
        self._numbers = {uri: number for number, uri in enumerate(known)}

    def number(self, uri: str) -> int | None:
        """The URI's number, given on first sight; ``None`` when all are taken."""
        if uri not in self._numbers:
            if len(self._numbers) == MAX_NUMBERS:
                return None
            self._numbers[uri] = len(self._numbers)
        return self._numbers[uri]


class ExtensionIds:
    """What each header extension id of one session means. An id that has been used keeps its
    meaning: Chromium does not survive another one on a live connection."""

    def __init__(self) -> None:
        self._uris: dict[int, str] = {}
        self._ids: dict[str, int] = {}

    def copy(self) -> "ExtensionIds":
        copied = ExtensionIds()
        copied._uris = dict(self._uris)
        copied._ids = dict(self._ids)
        return copied

    def accept(self, offered: Iterable[Extension], numbers: ExtensionNumbers) -> list[Extension]:
        """Those of a client's section that can be used with the ids it gave; they are used then."""
        accepted = []
        for extension in offered:
            id, uri = extension.id, extension.uri
            if extension.direction == "inactive" or uri == _ENCRYPTED or not 1 <= id <= 255:
                continue
            known = self._uris.get(id) == uri
            new = id not in self._uris and uri not in self._ids
            if known or (
                new
                and id != _LAST_ONE_BYTE_ID + 1
                and len(self._uris) < _MAX_PER_SESSION
                and numbers.number(uri) is not None
            ):
                self._use(id, uri)
                accepted.append(extension)
        return accepted

    def offered(
        self, kind: Kind, publisher: Iterable[Extension], numbers: ExtensionNumbers
    ) -> list[Extension]:
        """What we offer in a section: our own, a publisher's, and what browsers use for the kind.

        The last is for what the client may come to send: Chromium offers no header extension in a
        new section that its first section of the kind went without, and cannot offer simulcast
        without the two of rids. A publisher's id is taken where it is free. Only ids of one byte
        are chosen, and what finds none is left out.
        """
        theirs = {extension.uri: extension.id for extension in publisher}
        ours = (uri for uri in OURS if kind == "video" or uri not in (RID, REPAIRED_RID))
        found = []
        for uri in dict.fromkeys((*ours, *theirs, *_USUAL[kind])):
            if kind == "audio" and uri in (RID, REPAIRED_RID):
                continue
            id = self._ids.get(uri) or self._free(theirs.get(uri))
            if id is not None and numbers.number(uri) is not None:
                self._use(id, uri)
                found.append(Extension(id, uri))
        return found

    def _free(self, preferred: int | None) -> int | None:
        free = [id for id in range(1, _LAST_ONE_BYTE_ID + 1) if id not in self._uris]
        return preferred if preferred in free else next(iter(free), None)

    def _use(self, id: int, uri: str) -> None:
        self._uris[id] = uri
        self._ids[uri] = id
