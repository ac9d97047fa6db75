"""Key-value pairs: the shape of parameters, setup options and properties (draft-16 §1.4.2)."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from tidegate.moqt.errors import ProtocolViolation
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import MAX_LIST, Reader, write_bytes, write_varint

Pair: TypeAlias = tuple[int, int | bytes]
"""A type and its value: an integer when the type is even, bytes when it is odd."""

_MAX_TYPE = (1 << 64) - 1


def read_counted(profile: Profile, reader: Reader) -> Iterator[Pair]:
    """The pairs that a count precedes."""
    pair_type = 0
    for _ in range(reader.count()):
        pair_type = _read_type(profile, reader, pair_type)
        yield pair_type, reader.string() if pair_type & 1 else reader.varint()


def read_rest(profile: Profile, reader: Reader) -> Iterator[Pair]:
    """The pairs up to the end of the message."""
    pair_type = 0
    for _ in range(MAX_LIST):
        if reader.at_end:
            return
        pair_type = _read_type(profile, reader, pair_type)
        yield pair_type, reader.string() if pair_type & 1 else reader.varint()
    if not reader.at_end:
        raise ProtocolViolation(f"a message has more than {MAX_LIST} properties")


def _read_type(profile: Profile, reader: Reader, previous: int) -> int:
    if not profile.type_deltas:
        return reader.varint()
    pair_type = previous + reader.varint()
    if pair_type > _MAX_TYPE:
        raise ProtocolViolation("a key-value pair's type needs more than 64 bits")
    return pair_type


def write_counted(profile: Profile, out: bytearray, pairs: list[Pair]) -> None:
    """Pairs of ascending types, after their count."""
    write_varint(out, len(pairs))
    write_all(profile, out, pairs)


def write_all(profile: Profile, out: bytearray, pairs: Iterable[Pair]) -> None:
    """Pairs of ascending types, nothing before them."""
    previous = 0
    for pair_type, value in pairs:
        write_varint(out, pair_type - previous)
        if profile.type_deltas:
            previous = pair_type
        if isinstance(value, int):
            write_varint(out, value)
        else:
            write_bytes(out, value)
