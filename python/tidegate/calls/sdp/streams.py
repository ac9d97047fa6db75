"""What a section says of the streams in it: SSRCs, their groups, restriction ids and simulcast."""

from collections.abc import Iterator
from dataclasses import dataclass

from tidegate.calls.sdp.fields import malformed, number, token
from tidegate.calls.sdp.limits import MAX_RIDS, MAX_SSRCS


@dataclass(frozen=True, slots=True)
class Streams:
    """SSRCs (RFC 5576), restriction ids (RFC 8851) and simulcast (RFC 8853) of one section.

    Attributes:
        msid: stream id and track id (RFC 8830).
        ssrcs: in the order of the description, those of retransmissions included.
        repairs: (SSRC, SSRC of its retransmissions) of each ``a=ssrc-group:FID``.
        cname: of the first ``a=ssrc`` that has one.
        simulcast_ssrcs: the SSRCs of an ``a=ssrc-group:SIM``, the way of old to offer simulcast.
        rids_sent: rids with ``send`` that ``a=simulcast`` names, in its order; of alternatives the
            first.
        rids_received: the same for ``recv``.
    """

    msid: tuple[str, str] | None = None
    ssrcs: tuple[int, ...] = ()
    repairs: tuple[tuple[int, int], ...] = ()
    cname: str | None = None
    simulcast_ssrcs: tuple[int, ...] = ()
    rids_sent: tuple[str, ...] = ()
    rids_received: tuple[str, ...] = ()

    def write(self) -> Iterator[str]:
        if self.msid is not None:
            yield f"a=msid:{' '.join(self.msid)}"
        for primary, repair in self.repairs:
            yield f"a=ssrc-group:FID {primary} {repair}"
        if self.simulcast_ssrcs:
            yield f"a=ssrc-group:SIM {' '.join(map(str, self.simulcast_ssrcs))}"
        for ssrc in self.ssrcs:
            yield f"a=ssrc:{ssrc}" if self.cname is None else f"a=ssrc:{ssrc} cname:{self.cname}"
        directions = []
        for direction, rids in (("send", self.rids_sent), ("recv", self.rids_received)):
            for rid in rids:
                yield f"a=rid:{rid} {direction}"
            if rids:
                directions.append(f"{direction} {';'.join(rids)}")
        if directions:
            yield f"a=simulcast:{' '.join(directions)}"


class StreamLines:
    """Gathers the lines about the streams of one section."""

    def __init__(self) -> None:
        self._msid: tuple[str, str] | None = None
        self._ssrcs: dict[int, None] = {}
        self._cname: str | None = None
        self._repairs: list[tuple[int, int]] = []
        self._simulcast_ssrcs: tuple[int, ...] = ()
        self._rids: dict[str, list[str]] = {"send": [], "recv": []}
        self._simulcast: dict[str, list[str]] = {"send": [], "recv": []}

    def read(self, name: str, value: str) -> bool:
        """Takes an attribute; False when it is about something else."""
        match name:
            case "msid":
                stream, _, track = value.partition(" ")
                self._msid = self._msid or (stream, track.strip())
            case "ssrc":
                self._ssrc(value)
            case "ssrc-group":
                self._group(value)
            case "rid":
                self._rid(value)
            case "simulcast":
                self._read_simulcast(value)
            case _:
                return False
        return True

    def streams(self) -> Streams:
        sent, received = (
            tuple(rid for rid in self._simulcast[direction] if rid in self._rids[direction])
            for direction in ("send", "recv")
        )
        return Streams(
            self._msid,
            tuple(self._ssrcs),
            tuple(self._repairs),
            self._cname,
            self._simulcast_ssrcs,
            sent,
            received,
        )

    def _ssrc(self, value: str) -> None:
        ssrc, _, attribute = value.partition(" ")
        if len(self._ssrcs) < MAX_SSRCS:
            self._ssrcs[_ssrc(ssrc)] = None
        name, _, cname = attribute.partition(":")
        if name == "cname":
            self._cname = self._cname or cname

    def _group(self, value: str) -> None:
        semantics, *members = value.split() or [""]
        if semantics == "FID" and len(members) == 2 and len(self._repairs) < MAX_SSRCS:
            self._repairs.append((_ssrc(members[0]), _ssrc(members[1])))
        elif semantics == "SIM" and len(members) <= MAX_SSRCS:
            self._simulcast_ssrcs = tuple(map(_ssrc, members))

    def _rid(self, value: str) -> None:
        rid, _, rest = value.partition(" ")
        rids = self._rids.get(rest.split(" ", 1)[0])
        if rids is None:
            raise malformed("a=rid")
        if len(rids) < MAX_RIDS:
            rids.append(token(rid, "a=rid"))

    def _read_simulcast(self, value: str) -> None:
        words = value.split()
        for direction, streams in zip(words[::2], words[1::2], strict=False):
            if direction not in self._simulcast:
                raise malformed("a=simulcast")
            rids = (each.split(",", 1)[0].removeprefix("~") for each in streams.split(";"))
            self._simulcast[direction] = list(dict.fromkeys(rids))[:MAX_RIDS]


def _ssrc(text: str) -> int:
    return number(text, (1 << 32) - 1, "a=ssrc")
