"""Payload types: what a number stands for in one session, and how one session's map to another's.

In a bundle a payload type means one codec configuration in all sections (RFC 8843 §10.1.2), so the
numbers are a session's, not a section's. A number that has been used keeps its meaning for as long
as the session lives.
"""

from typing import Literal, NamedTuple, TypeAlias

Codec: TypeAlias = Literal[
    "opus", "pcmu", "pcma", "red", "vp8", "vp9", "h264", "h265", "av1", "other"
]
"""As the engine names them; ``other`` is forwarded as it comes (telephone events, comfort noise)."""


class PayloadType(NamedTuple):
    """A payload type of a publisher's track, as the engine takes it.

    Attributes:
        rtx: the payload type of its retransmissions.
        nack: the publisher takes NACKs for it.
    """

    pt: int
    codec: Codec
    clock_rate: int
    rtx: int | None
    nack: bool


class PayloadMapping(NamedTuple):
    """A publisher's payload type as one subscriber knows it, as the engine takes it.

    Attributes:
        rtx: the subscriber's payload type for retransmissions.
    """

    publisher: int
    subscriber: int
    rtx: int | None
