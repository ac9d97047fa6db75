"""Session descriptions (RFC 8866), typed: parsed within limits, and written."""

from tidegate.calls.sdp.formats import Format

__all__ = ["Format"]
