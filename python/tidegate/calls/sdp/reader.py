"""Reading many sections of one description."""

from dataclasses import replace

from tidegate.calls.sdp.fields import token
from tidegate.calls.sdp.section import Section

_MID = "\na=mid:"


class SectionReader:
    """Parses sections; those that differ in nothing but their mid, as the receiving ones of a
    browser do, are parsed once, and share what was read."""

    def __init__(self) -> None:
        self._read: dict[str, Section] = {}

    def read(self, text: str) -> Section:
        """What :meth:`Section.parse` reads; raises the same."""
        before, found, after = text.partition(_MID)
        mid, _, rest = after.partition("\n")
        if not found or _MID in after:
            return Section.parse(text)
        key = f"{before}\n{rest}"
        section = self._read.get(key)
        if section is None:
            section = self._read[key] = Section.parse(key)
        return replace(section, mid=token(mid.strip(), "a=mid"))
