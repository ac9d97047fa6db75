"""Session descriptions (RFC 8866), typed: parsed within limits, and written. No I/O, no state."""

from tidegate.calls.sdp.description import Description, SessionLines
from tidegate.calls.sdp.formats import Format, configuration
from tidegate.calls.sdp.reader import SectionReader
from tidegate.calls.sdp.section import DISCARD_PORT, DataChannels, Direction, Extension, Section
from tidegate.calls.sdp.streams import Streams
from tidegate.calls.sdp.transport import Candidate, Fingerprint, Setup, Transport

__all__ = [
    "DISCARD_PORT",
    "Candidate",
    "DataChannels",
    "Description",
    "Direction",
    "Extension",
    "Fingerprint",
    "Format",
    "Section",
    "SectionReader",
    "SessionLines",
    "Setup",
    "Streams",
    "Transport",
    "configuration",
]
