"""Fields of SDP lines, and the error that they raise. No error quotes what it read."""

from tidegate.calls.sdp.limits import MAX_TOKEN
from tidegate.errors import MalformedSessionDescription

_TOKEN = frozenset(
    "!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz{|}~"
)


def malformed(what: str) -> MalformedSessionDescription:
    """``what`` names the line or attribute, and nothing of its value."""
    return MalformedSessionDescription(f"The session description cannot be parsed: {what}.")


def number(text: str, most: int, what: str) -> int:
    """A decimal number from 0 to ``most``."""
    if text.isascii() and text.isdigit() and len(text) <= 20:
        value = int(text)
        if value <= most:
            return value
    raise malformed(what)


def token(text: str, what: str) -> str:
    """A token of RFC 8866 §9, as mids and rids are."""
    if 0 < len(text) <= MAX_TOKEN and _TOKEN.issuperset(text):
        return text
    raise malformed(what)
