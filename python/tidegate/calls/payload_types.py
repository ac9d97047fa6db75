"""Payload types: what a number stands for in one session, and how one session's map to another's.

In a bundle a payload type means one codec configuration in all sections (RFC 8843 §10.1.2), so the
numbers are a session's, not a section's. A number that has been used keeps its meaning for as long
as the session lives.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias

from tidegate.calls.sdp import Format, configuration

Codec: TypeAlias = Literal[
    "opus", "pcmu", "pcma", "red", "vp8", "vp9", "h264", "h265", "av1", "other"
]
"""As the engine names them; ``other`` is forwarded as it comes: telephone events, comfort noise."""

Kind: TypeAlias = Literal["audio", "video"]

_CODECS: dict[Kind, dict[str, Codec]] = {
    "audio": {
        "opus": "opus",
        "pcmu": "pcmu",
        "pcma": "pcma",
        "red": "red",
        "telephone-event": "other",
        "cn": "other",
    },
    "video": {"vp8": "vp8", "vp9": "vp9", "h264": "h264", "h265": "h265", "av1": "av1"},
}

_FEEDBACK: dict[Kind, tuple[str, ...]] = {
    "audio": ("transport-cc", "nack"),
    "video": ("transport-cc", "ccm fir", "nack", "nack pli"),
}
"""The feedback that we give and take (RFC 4585, RFC 5104)."""

_ASKED: dict[str, tuple[str, ...]] = {"opus": ("nack",)}
"""Feedback that is taken although nobody offers it: browsers keep packets of Opus for NACKs, and
send NACKs for it, once the other side's description has them.
"""

_CHOICE = (*range(96, 128), *range(35, 64))
"""Numbers that can be chosen freely beside RTCP on the same port (RFC 5761 §4)."""


PUSHED: dict[Kind, tuple[Format, ...]] = {
    "audio": (
        Format(111, "opus", 48_000, 2, "minptime=10;useinbandfec=1"),
        Format(0, "pcmu", 8000),
        Format(8, "pcma", 8000),
    ),
    "video": (
        Format(96, "vp8", 90_000, rtx=97),
        Format(98, "vp9", 90_000, parameters="profile-id=0", rtx=99),
        Format(
            102,
            "h264",
            90_000,
            parameters="level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
            rtx=103,
        ),
        Format(
            104,
            "h264",
            90_000,
            parameters="level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f",
            rtx=105,
        ),
        Format(106, "h265", 90_000, parameters="profile-id=1;tier-flag=0;tx-mode=SRST", rtx=107),
        Format(108, "av1", 90_000, rtx=109),
    ),
}
"""What we offer to receive when a client publishes without an offer of its own."""


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


def codec(format: Format) -> Codec:
    for codecs in _CODECS.values():
        if format.name in codecs:
            return codecs[format.name]
    return "other"


def payload_type(format: Format) -> PayloadType:
    return PayloadType(
        format.pt, codec(format), format.clock_rate, format.rtx, "nack" in format.feedback
    )


def supported(kind: Kind, formats: Iterable[Format]) -> tuple[Format, ...]:
    """The formats that can be forwarded, in their order, with the feedback that we know.

    RED stays only beside all that it repeats; a section that has nothing but RED, telephone events
    and comfort noise has nothing.
    """
    known = [
        replace(each, feedback=_feedback(kind, each))
        for each in formats
        if each.name in _CODECS[kind] and (kind == "audio" or each.clock_rate == 90_000)
    ]
    numbers = {each.pt for each in known if each.name != "red"}
    if all(codec(each) in ("red", "other") for each in known):
        return ()
    return tuple(each for each in known if each.name != "red" or _repeated(each) <= numbers)


def _feedback(kind: Kind, format: Format) -> tuple[str, ...]:
    known = (each for each in format.feedback if each in _FEEDBACK[kind])
    return tuple(dict.fromkeys((*known, *_ASKED.get(format.name, ()))))


def _repeated(red: Format) -> set[int]:
    """The payload types of a RED format's blocks (RFC 2198 §5); {-1} when it does not say."""
    words = red.parameters.split("/")
    if all(word.isdecimal() and len(word) <= 3 for word in words):
        return set(map(int, words))
    return {-1}


def mappings(publisher: Iterable[Format], subscriber: Iterable[Format]) -> list[PayloadMapping]:
    """Each of the publisher's formats that the subscriber takes, in the publisher's order but for
    RED, which comes last. Of several that would do, the one with the publisher's number is taken.
    Tones and comfort noise alone are nothing.

    RED is passed on unopened, so it needs the same numbers inside on both sides.
    """
    theirs: dict[object, Format] = {}
    reds = []
    for other in subscriber:
        theirs.setdefault(configuration(other), other)
        theirs[configuration(other), other.pt] = other
        if other.name == "red":
            reds.append(other)
    found: list[PayloadMapping] = []
    unchanged: set[int] = set()
    media = False
    for one in sorted(publisher, key=lambda one: one.name == "red"):
        if one.name != "red":
            same = theirs.get((configuration(one), one.pt)) or theirs.get(configuration(one))
            media |= same is not None and codec(one) != "other"
        elif _repeated(one) <= unchanged:
            same = next((each for each in reds if _repeated(each) <= unchanged), None)
        else:
            same = None
        if same is not None:
            found.append(PayloadMapping(one.pt, same.pt, same.rtx))
            if one.pt == same.pt:
                unchanged.add(one.pt)
    return found if media else []


class PayloadTypes:
    """What each payload type of one session means."""

    def __init__(self) -> None:
        self._formats: dict[int, Format] = {}
        self._numbers: dict[object, int] = {}
        # Numbers that retransmit another, and numbers with several meanings, which we never offer.
        self._rtx: dict[int, int] = {}
        self._ambiguous: set[int] = set()

    def copy(self) -> "PayloadTypes":
        copied = PayloadTypes()
        copied._formats = dict(self._formats)
        copied._numbers = dict(self._numbers)
        copied._rtx = dict(self._rtx)
        copied._ambiguous = set(self._ambiguous)
        return copied

    def learn(self, formats: Iterable[Format]) -> None:
        """Takes note of what the client's description uses, known codecs or not."""
        for each in formats:
            known = self._formats.get(each.pt)
            if each.pt in self._rtx or (known and _identity(known) != _identity(each)):
                self._ambiguous.add(each.pt)
            elif known is None:
                self._use(each)
            if each.rtx is not None:
                if each.rtx in self._formats or self._rtx.get(each.rtx, each.pt) != each.pt:
                    self._ambiguous.add(each.rtx)
                else:
                    self._rtx[each.rtx] = each.pt

    def offered(self, kind: Kind, publisher: Iterable[Format]) -> tuple[Format, ...]:
        """A publisher's formats under this session's numbers: the client's own number where it has
        one for the same configuration, else the publisher's where it is free, else a free one.

        What finds no number, and RED whose contents would change numbers, is left out.
        """
        wanted = list(publisher)
        found: dict[int, Format] = {}
        for each in sorted(wanted, key=lambda each: each.name == "red"):
            if each.name == "red" and any(
                number not in found or found[number].pt != number for number in _repeated(each)
            ):
                continue
            assigned = self._assign(kind, each)
            if assigned is not None:
                found[each.pt] = assigned
        return tuple(found[each.pt] for each in wanted if each.pt in found)

    def _assign(self, kind: Kind, format: Format) -> Format | None:
        number = self._numbers.get(_identity(format))
        if number is not None and number not in self._ambiguous:
            known = self._formats[number]
        else:
            pt = self._free(format.pt, static=format.name in ("pcmu", "pcma", "cn"))
            if pt is None:
                return None
            feedback = _FEEDBACK[kind] if codec(format) != "other" else ()
            known = replace(format, pt=pt, feedback=feedback, rtx=None)
            self._use(known)
        feedback = _feedback(kind, known)
        return replace(known, feedback=feedback, rtx=self._assign_rtx(known.pt, format.rtx))

    def _use(self, format: Format) -> None:
        self._formats[format.pt] = format
        identity = _identity(format)
        if self._numbers.get(identity) in (None, *self._ambiguous):
            self._numbers[identity] = format.pt

    def _assign_rtx(self, pt: int, wanted: int | None) -> int | None:
        if wanted is None:
            return None
        for rtx, repaired in self._rtx.items():
            if repaired == pt and rtx not in self._ambiguous:
                return rtx
        found = self._free(wanted, static=False)
        if found is not None:
            self._rtx[found] = pt
        return found

    def _free(self, wanted: int, *, static: bool) -> int | None:
        choice: Iterator[int] = iter((wanted, *_CHOICE) if static or wanted in _CHOICE else _CHOICE)
        return next((pt for pt in choice if pt not in self._formats and pt not in self._rtx), None)


@lru_cache(maxsize=1024)
def _identity(format: Format) -> tuple[object, ...]:
    """What makes two uses of a number the same use. Beyond what must be equal for decoding, it is
    what a subscriber should be told of: whether Opus is stereo, and what RED repeats."""
    if format.name == "opus":
        told = (format.parameter("stereo", "0"), format.parameter("sprop-stereo", "0"))
        return *configuration(format), *told
    if format.name in ("red", "rtx"):
        return *configuration(format), format.parameters
    return configuration(format)
