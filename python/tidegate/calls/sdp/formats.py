"""Media formats of a section: ``a=rtpmap``, ``a=fmtp`` and ``a=rtcp-fb`` of one payload type."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from tidegate.calls.sdp.fields import malformed, number

STATIC = {
    0: ("pcmu", 8000),
    3: ("gsm", 8000),
    8: ("pcma", 8000),
    9: ("g722", 8000),
    13: ("cn", 8000),
}
"""Payload types that need no rtpmap (RFC 3551 §6)."""

_SPELLINGS = {"pcmu": "PCMU", "pcma": "PCMA", "cn": "CN", "g722": "G722", "gsm": "GSM"} | {
    name: name.upper() for name in ("vp8", "vp9", "h264", "h265", "av1")
}


@dataclass(frozen=True, slots=True)
class Format:
    """One payload type of a section.

    Attributes:
        name: the encoding name, in lower case (``opus``, ``h264``, ``rtx``).
        channels: 1 where the description says nothing.
        parameters: the value of ``a=fmtp``, as it came; empty without one.
        feedback: values of ``a=rtcp-fb``, those for ``*`` included.
        rtx: the payload type of its retransmissions (RFC 4588), which is then no format of its own.
    """

    pt: int
    name: str
    clock_rate: int
    channels: int = 1
    parameters: str = ""
    feedback: tuple[str, ...] = ()
    rtx: int | None = None

    def parameter(self, name: str, default: str) -> str:
        """A parameter of the form ``name=value``, in lower case."""
        for part in self.parameters.split(";"):
            key, _, value = part.partition("=")
            if key.strip().lower() == name:
                return value.strip().lower()
        return default


class FormatLines:
    """Gathers the lines about formats, whose order is free, of one section."""

    def __init__(self) -> None:
        self._maps: dict[int, tuple[str, int, int]] = {}
        self._parameters: dict[int, str] = {}
        self._feedback: dict[int, list[str]] = {}
        self._feedback_of_all: list[str] = []

    def rtpmap(self, value: str) -> None:
        pt, meaning = _rtpmap(value)
        self._maps[pt] = meaning

    def fmtp(self, value: str) -> None:
        pt, parameters = _about(value, "a=fmtp")
        self._parameters[pt] = parameters

    def rtcp_fb(self, value: str) -> None:
        if value.startswith("* "):
            self._feedback_of_all.append(value[2:].strip())
        else:
            pt, feedback = _about(value, "a=rtcp-fb")
            self._feedback.setdefault(pt, []).append(feedback)

    def formats(self, listed: Iterable[int]) -> tuple[Format, ...]:
        """The formats that the ``m=`` line lists, in its order, but for numbers without a meaning,
        and retransmission formats of one that is there, which are its ``rtx``."""
        found = list(self._described(listed))
        plain = {each.pt for each in found if each.name != "rtx"}
        repairs: dict[int | None, int] = {}
        orphans = set()
        for each in found:
            if each.name == "rtx":
                apt = each.parameter("apt", "")
                repaired = int(apt) if apt.isdecimal() and len(apt) <= 3 else None
                if repaired in plain and repaired not in repairs:
                    repairs[repaired] = each.pt
                else:
                    orphans.add(each.pt)
        return tuple(
            replace(each, rtx=repairs.get(each.pt))
            for each in found
            if each.pt in plain or each.pt in orphans
        )

    def _described(self, listed: Iterable[int]) -> Iterator[Format]:
        for pt in dict.fromkeys(listed):
            meaning = self._maps.get(pt) or (STATIC[pt] + (1,) if pt in STATIC else None)
            if meaning is not None:
                name, clock_rate, channels = meaning
                yield Format(
                    pt,
                    name,
                    clock_rate,
                    channels,
                    self._parameters.get(pt, ""),
                    (*self._feedback_of_all, *self._feedback.get(pt, ())),
                )


# The clients of one kind all write the same lines.


@lru_cache(maxsize=1024)
def _rtpmap(value: str) -> tuple[int, tuple[str, int, int]]:
    pt, _, encoding = value.partition(" ")
    name, *rest = encoding.strip().split("/")
    if not name or not 1 <= len(rest) <= 2:
        raise malformed("a=rtpmap")
    clock_rate = number(rest[0], 1 << 31, "a=rtpmap")
    channels = number(rest[1], 255, "a=rtpmap") if len(rest) == 2 else 1
    return number(pt, 127, "a=rtpmap"), (name.lower(), clock_rate, channels)


@lru_cache(maxsize=1024)
def _about(value: str, what: str) -> tuple[int, str]:
    """A payload type and what is said of it."""
    pt, _, rest = value.partition(" ")
    return number(pt, 127, what), rest.strip()


def payload_types(formats: Iterable[Format]) -> Iterator[int]:
    """What a section with these formats lists in its ``m=`` line."""
    for each in formats:
        yield each.pt
        if each.rtx is not None:
            yield each.rtx


def write_formats(formats: Iterable[Format]) -> Iterator[str]:
    for each in formats:
        name = _SPELLINGS.get(each.name, each.name)
        channels = f"/{each.channels}" if each.channels != 1 else ""
        yield f"a=rtpmap:{each.pt} {name}/{each.clock_rate}{channels}"
        for feedback in each.feedback:
            yield f"a=rtcp-fb:{each.pt} {feedback}"
        if each.parameters:
            yield f"a=fmtp:{each.pt} {each.parameters}"
        if each.rtx is not None:
            yield f"a=rtpmap:{each.rtx} rtx/{each.clock_rate}"
            yield f"a=fmtp:{each.rtx} apt={each.pt}"


_DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "vp9": {"profile-id": "0"},
    "av1": {"profile": "0"},
    "h265": {"profile-id": "1", "tier-flag": "0", "tx-mode": "srst"},
    "h264": {"packetization-mode": "0"},
}
"""The parameters that tell one configuration of a codec from another, and what they are when left
out (RFC 9628 §7, the AV1 RTP specification §7.2, RFC 7798 §7.1, RFC 6184 §8.1)."""


@lru_cache(maxsize=4096)
def configuration(format: Format) -> tuple[object, ...]:
    """What must be equal for one side to decode what the other sends (RFC 8829 §5.3.1)."""
    told_apart: tuple[str, ...] = tuple(
        format.parameter(name, default) for name, default in _DEFAULTS.get(format.name, {}).items()
    )
    if format.name == "h264":
        told_apart += (h264_profile(format.parameter("profile-level-id", "42e01f")),)
    return format.name, format.clock_rate, format.channels, *told_apart


def h264_profile(profile_level_id: str) -> str:
    """The profile of a ``profile-level-id``, without its level: equal ones decode each other
    (RFC 6184 §8.1, table 5). One that is not in the table stands for itself."""
    try:
        profile, constraints, _ = bytes.fromhex(profile_level_id)
    except ValueError:
        return profile_level_id
    for name, code, mask, value in _H264_PROFILES:
        if profile == code and constraints & mask == value:
            return name
    return profile_level_id[:4]


_H264_PROFILES = (
    ("constrained baseline", 0x42, 0b0100_1111, 0b0100_0000),
    ("constrained baseline", 0x4D, 0b1000_1111, 0b1000_0000),
    ("constrained baseline", 0x58, 0b1100_1111, 0b1100_0000),
    ("baseline", 0x42, 0b0100_1111, 0b0000_0000),
    ("baseline", 0x58, 0b1100_1111, 0b1000_0000),
    ("main", 0x4D, 0b1010_1111, 0b0000_0000),
    ("extended", 0x58, 0b1100_1111, 0b0000_0000),
    ("constrained high", 0x64, 0b1111_1111, 0b0000_1100),
    ("high", 0x64, 0b1111_1111, 0b0000_0000),
)
