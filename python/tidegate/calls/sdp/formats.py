"""Media formats of a section: ``a=rtpmap``, ``a=fmtp`` and ``a=rtcp-fb`` of one payload type."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """One payload type of a section.

    Attributes:
        name: the encoding name, in lower case (``opus``, ``h264``, ``rtx``).
        channels: 1 where the description says nothing.
        parameters: the value of ``a=fmtp``, as it came; empty without one.
        feedback: values of ``a=rtcp-fb``, those for ``*`` included.
        rtx: the payload type of its retransmissions (RFC 4588).
    """

    pt: int
    name: str
    clock_rate: int
    channels: int = 1
    parameters: str = ""
    feedback: tuple[str, ...] = ()
    rtx: int | None = None
