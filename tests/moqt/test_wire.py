"""Integers, byte strings and names, and their limits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tidegate.moqt.errors import EncodeError, ProtocolViolation, Truncated
from tidegate.moqt.names import FullTrackName, Location
from tidegate.moqt.wire import (
    MAX_VARINT,
    Reader,
    write_bytes,
    write_largest,
    write_namespace,
    write_reason,
    write_track,
    write_varint,
)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("c2197c5eff14e88c", 151_288_809_941_952_652),
        ("9d7f3e7d", 494_878_333),
        ("7bbd", 15_293),
        ("25", 37),
        ("4025", 37),
    ],
)
def test_the_worked_integers_of_rfc_9000(data: str, value: int) -> None:
    """RFC 9000 §A.1; 4025 is longer than it needs to be, and legal."""
    reader = Reader(bytes.fromhex(data))
    assert reader.varint() == value
    assert reader.at_end


@settings(deadline=None)
@given(st.integers(0, MAX_VARINT))
def test_an_integer_takes_as_few_bytes_as_it_can(value: int) -> None:
    out = bytearray()
    write_varint(out, value)
    assert Reader(bytes(out)).varint() == value
    assert len(out) == next(size for size in (1, 2, 4, 8) if value < 1 << (8 * size - 2))


@pytest.mark.parametrize("value", [-1, MAX_VARINT + 1])
def test_an_integer_that_does_not_fit_is_an_error_of_ours(value: int) -> None:
    with pytest.raises(EncodeError):
        write_varint(bytearray(), value)


@pytest.mark.parametrize("data", ["", "40", "800000", "c0000000000000", "05"])
def test_a_field_cut_short_is_truncated(data: str) -> None:
    with pytest.raises(Truncated):
        Reader(bytes.fromhex(data)).string()


def test_a_length_beyond_the_message_asks_for_no_memory() -> None:
    with pytest.raises(Truncated):
        Reader(bytes.fromhex("ffffffffffffffff00")).string()


@pytest.mark.parametrize("fields", [0, 33])
def test_a_namespace_has_1_to_32_fields(fields: int) -> None:
    out = bytearray()
    write_namespace(out, (b"f",) * fields)
    with pytest.raises(ProtocolViolation, match=f"{fields} fields"):
        Reader(bytes(out)).namespace(minimum_fields=1, empty_fields=False)


@pytest.mark.parametrize("fields", [0, 1, 32])
def test_a_prefix_has_up_to_32_fields(fields: int) -> None:
    prefix = (b"f",) * fields
    out = bytearray()
    write_namespace(out, prefix)
    assert Reader(bytes(out)).namespace(minimum_fields=0, empty_fields=False) == prefix


def test_an_empty_namespace_field_is_refused_where_the_draft_says_so() -> None:
    data = bytes.fromhex("02016100")
    assert Reader(data).namespace(minimum_fields=1, empty_fields=True) == (b"a", b"")
    with pytest.raises(ProtocolViolation, match="empty"):
        Reader(data).namespace(minimum_fields=1, empty_fields=False)


@pytest.mark.parametrize("over", [0, 1])
def test_a_full_track_name_has_at_most_4096_bytes(over: int) -> None:
    """The sum of the field lengths and the name's, whatever the lengths themselves take."""
    track = FullTrackName((b"a" * 1000, b"b" * 2000), b"c" * (1096 + over))
    out = bytearray()
    write_track(out, track)
    if not over:
        assert Reader(bytes(out)).track(empty_fields=False) == track
        return
    with pytest.raises(ProtocolViolation, match="4097 bytes"):
        Reader(bytes(out)).track(empty_fields=False)


def test_a_namespace_alone_has_at_most_4096_bytes() -> None:
    out = bytearray()
    write_namespace(out, (b"a" * 4097,))
    with pytest.raises(ProtocolViolation, match="4097 bytes"):
        Reader(bytes(out)).namespace(minimum_fields=1, empty_fields=False)


def test_a_track_name_may_be_empty() -> None:
    track = FullTrackName((b"a",), b"")
    out = bytearray()
    write_track(out, track)
    assert Reader(bytes(out)).track(empty_fields=False) == track


def test_a_reason_of_1025_bytes_is_refused() -> None:
    out = bytearray()
    write_bytes(out, b"x" * 1025)
    with pytest.raises(ProtocolViolation, match="1025 bytes"):
        Reader(bytes(out)).reason()


def test_a_long_reason_of_ours_is_cut_between_characters() -> None:
    out = bytearray()
    write_reason(out, "é" * 600 + "x")
    assert Reader(bytes(out)).reason() == "é" * 512
    out = bytearray()
    write_reason(out, "x" + "é" * 600)
    assert Reader(bytes(out)).reason() == "x" + "é" * 511


def test_a_reason_that_is_not_utf_8_is_made_readable() -> None:
    assert Reader(b"\x03a\xffb").reason() == "a�b"


@pytest.mark.parametrize("largest", [None, Location(7, 65)], ids=str)
def test_content_exists_announces_the_largest_location(largest: Location | None) -> None:
    out = bytearray()
    write_largest(out, largest)
    assert Reader(bytes(out)).largest() == largest


def test_content_exists_is_0_or_1() -> None:
    with pytest.raises(ProtocolViolation, match="neither 0 nor 1"):
        Reader(b"\x02\x00\x00").largest()


def test_bytes_left_over_end_the_session() -> None:
    with pytest.raises(ProtocolViolation, match="2 bytes too long"):
        Reader(b"\x00\x00").finish()
