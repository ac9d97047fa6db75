"""What a track is called, and where an object sits in it."""

from typing import NamedTuple, TypeAlias

Namespace: TypeAlias = tuple[bytes, ...]
"""Fields of a track namespace, compared whole and byte by byte."""


class FullTrackName(NamedTuple):
    """A track's identity within one relay."""

    namespace: Namespace
    track_name: bytes

    def __str__(self) -> str:
        return f"{namespace_text(self.namespace)}--{_field_text(self.track_name)}"


class Location(NamedTuple):
    """Where an object sits in its track; orders by group, then object."""

    group: int
    object: int


def namespace_text(namespace: Namespace) -> str:
    """How draft-16 §1.5 prints a namespace: safe for logs, and reversible."""
    return "-".join(_field_text(field) for field in namespace)


def has_prefix(namespace: Namespace, prefix: Namespace) -> bool:
    """Whether the prefix's fields open the namespace; equal counts."""
    return namespace[: len(prefix)] == prefix


_SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


def _field_text(field: bytes) -> str:
    return "".join(chr(byte) if byte in _SAFE else f".{byte:02x}" for byte in field)
