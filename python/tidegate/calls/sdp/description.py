"""A whole session description (RFC 8866): the session's lines, and its sections' text.

Sections are cut apart, not parsed: who has seen a section's text before need not read it again.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

from tidegate.calls.sdp.fields import malformed, token
from tidegate.calls.sdp.limits import (
    MAX_CHARACTERS,
    MAX_LINES,
    MAX_SECTIONS,
    MAX_SESSION_LINES,
)
from tidegate.calls.sdp.section import DIRECTIONS, Direction, Extension, attributes
from tidegate.calls.sdp.transport import Transport, TransportLines

_NO_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")
"""RFC 8866 §9 excludes NUL, CR and LF. What some reader takes for the end of a line would let a
publisher write lines into the descriptions of its subscribers."""


@dataclass(frozen=True, slots=True)
class SessionLines:
    """What a description says before its first section.

    Attributes:
        bundle: the mids of its first ``a=group:BUNDLE`` (RFC 8843); ``None`` without one.
        direction: of sections that name none.
        extensions: that count for every section.
    """

    bundle: tuple[str, ...] | None = None
    ice_lite: bool = False
    extmap_allow_mixed: bool = False
    direction: Direction = "sendrecv"
    extensions: tuple[Extension, ...] = ()
    transport: Transport = field(default_factory=Transport)

    @classmethod
    def parse(cls, text: str) -> "SessionLines":
        lines = text.split("\n")
        if len(lines) > MAX_SESSION_LINES:
            raise malformed("too many lines before the first section")
        if lines[0] != "v=0":
            raise malformed("v=")
        bundle: tuple[str, ...] | None = None
        flags: set[str] = set()
        direction: Direction = "sendrecv"
        extensions = []
        transport = TransportLines()
        for name, value in attributes(lines):
            if name == "group":
                semantics, *mids = value.split() or [""]
                if semantics == "BUNDLE" and bundle is None:
                    bundle = tuple(token(mid, "a=group") for mid in mids)
            elif name == "extmap":
                extensions.append(Extension.parse(value))
            elif name in DIRECTIONS:
                direction = cast(Direction, name)
            elif not transport.read(name, value):
                flags.add(name)
        return cls(
            bundle,
            "ice-lite" in flags,
            "extmap-allow-mixed" in flags,
            direction,
            tuple(extensions),
            transport.transport(),
        )

    def write(self, id: int, version: int) -> str:
        """The lines, each with CRLF; ``id`` and ``version`` are those of ``o=``."""
        return "".join(f"{line}\r\n" for line in self._lines(id, version))

    def _lines(self, id: int, version: int) -> Iterator[str]:
        yield "v=0"
        yield f"o=- {id} {version} IN IP4 0.0.0.0"
        yield "s=-"
        yield "t=0 0"
        if self.ice_lite:
            yield "a=ice-lite"
        if self.bundle is not None:
            yield " ".join(["a=group:BUNDLE", *self.bundle])
        if self.extmap_allow_mixed:
            yield "a=extmap-allow-mixed"
        yield "a=msid-semantic: WMS *"
        if self.direction != "sendrecv":
            yield f"a={self.direction}"
        for extension in self.extensions:
            yield f"a=extmap:{extension}"
        yield from self.transport.write()


@dataclass(frozen=True, slots=True)
class Description:
    """A description cut into sections, whose text :meth:`Section.parse` reads."""

    session: SessionLines
    sections: tuple[str, ...] = field(repr=False)

    @classmethod
    def cut(cls, text: str) -> "Description":
        """Cuts a description whose lines end with CRLF or LF, the last one perhaps with nothing.

        Raises:
            MalformedSessionDescription: it is none, or exceeds a limit.
        """
        if len(text) >= MAX_CHARACTERS or text.count("\n") > MAX_LINES:
            raise malformed("it is too long")
        lines = text.replace("\r\n", "\n").strip("\r\n")
        if _NO_TEXT.search(lines):
            raise malformed("a line has control characters")
        if lines.count("\nm=") > MAX_SECTIONS:
            raise malformed("too many sections")
        head, *sections = lines.split("\nm=")
        return cls(SessionLines.parse(head), tuple(f"m={section}" for section in sections))
