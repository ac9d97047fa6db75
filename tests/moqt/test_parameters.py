"""Message parameters: which are known, repeated, out of range or out of place."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tidegate.moqt.codes import SessionCode
from tidegate.moqt.errors import DecodeError, KeyValueFormattingError, ProtocolViolation
from tidegate.moqt.messages import FetchOk, Subscribe, decode
from tidegate.moqt.names import FullTrackName, Location
from tidegate.moqt.parameters import Parameters
from tidegate.moqt.subscription import LARGEST_OBJECT, NEXT_GROUP, Filter, GroupOrder
from tidegate.moqt.version import D14, D16, PROFILES, Profile
from tidegate.moqt.wire import Reader

ALL_DRAFTS = pytest.mark.parametrize("profile", PROFILES, ids=str)


def read(profile: Profile, data: str) -> Parameters:
    reader = Reader(bytes.fromhex(data))
    parameters = Parameters(profile, reader)
    reader.finish()
    return parameters


def test_types_are_absolute_at_14_and_deltas_at_16() -> None:
    """Delivery timeout 10 ms, then a token; the second type is 3, or 1 more than 2."""
    for profile, data in ((D14, "02020a03020300"), (D16, "02020a01020300")):
        parameters = read(profile, data)
        assert parameters.delivery_timeout() == 10
        assert len(parameters.tokens()) == 1


def test_an_unknown_parameter_is_ignored_at_14_also_twice() -> None:
    assert read(D14, "044101 004101 0010 0102 0a").delivery_timeout() == 10
    assert read(D14, "0110 01").forward() is None


@pytest.mark.parametrize("data", ["01 04 00", "01 30 00", "01 7fff 00"])
def test_an_unknown_parameter_closes_the_session_at_16(data: str) -> None:
    with pytest.raises(ProtocolViolation, match="no parameter has type"):
        read(D16, data)


@pytest.mark.parametrize(
    ("profile", "data"),
    [
        (D14, "02 02 0a 02 0a"),
        (D16, "02 02 0a 00 0a"),
        (D16, "02 09 02 0000 00 02 0000"),
    ],
    ids=str,
)
def test_a_repeated_parameter_closes_the_session(profile: Profile, data: str) -> None:
    with pytest.raises(ProtocolViolation, match="repeated"):
        read(profile, data)


@pytest.mark.parametrize(("profile", "second"), [(D14, "03"), (D16, "00")], ids=str)
def test_tokens_may_be_repeated(profile: Profile, second: str) -> None:
    assert len(read(profile, f"02 03 02 0300 {second} 02 0301").tokens()) == 2


def test_a_type_beyond_64_bits_closes_the_session() -> None:
    """Deltas of up to 62 bits add up; setup options and properties may be unknown, and repeat."""
    types = "fffffffffffffffe 00" * 5
    with pytest.raises(ProtocolViolation, match="64 bits"):
        decode(D16, 0x20, bytes.fromhex("05" + types))


@ALL_DRAFTS
def test_a_count_beyond_the_message_ends_quickly(profile: Profile) -> None:
    with pytest.raises(ProtocolViolation):
        read(profile, "ffffffffffffffff")


@pytest.mark.parametrize(
    ("data", "ask", "error"),
    [
        ("01 02 00", Parameters.delivery_timeout, ProtocolViolation),
        ("01 10 02", Parameters.forward, ProtocolViolation),
        ("01 20 4100", Parameters.priority, ProtocolViolation),
        ("01 22 03", Parameters.group_order, ProtocolViolation),
        ("01 21 00", Parameters.filter, ProtocolViolation),
        ("01 21 01 05", Parameters.filter, ProtocolViolation),
        ("01 21 02 0100", Parameters.filter, ProtocolViolation),
        ("01 21 02 0300", Parameters.filter, ProtocolViolation),
        ("01 09 00", Parameters.largest, KeyValueFormattingError),
        ("01 09 01 00", Parameters.largest, KeyValueFormattingError),
        ("01 09 03 000000", Parameters.largest, KeyValueFormattingError),
        ("01 03 00", Parameters.tokens, KeyValueFormattingError),
    ],
)
def test_a_value_that_is_not_allowed_closes_the_session(
    data: str, ask: Callable[[Parameters], object], error: type[DecodeError]
) -> None:
    parameters = read(D16, data)
    with pytest.raises(error) as caught:
        ask(parameters)
    assert caught.value.code in (
        SessionCode.PROTOCOL_VIOLATION,
        SessionCode.KEY_VALUE_FORMATTING_ERROR,
    )


@pytest.mark.parametrize(
    ("value", "filter"),
    [
        ("01 01", NEXT_GROUP),
        ("03 03 05 06", Filter(Location(5, 6))),
        ("04 04 05 06 07", Filter(Location(5, 6), end_group=7)),
    ],
    ids=str,
)
def test_filters(value: str, filter: Filter) -> None:
    assert read(D16, "01 21" + value).filter() == filter


def test_absent_parameters_have_no_value() -> None:
    parameters = read(D16, "00")
    assert parameters.delivery_timeout() is None
    assert parameters.expires() == 0
    assert parameters.forward() is None
    assert parameters.priority() is None
    assert parameters.group_order() is None
    assert parameters.filter() is None
    assert parameters.largest() is None
    assert parameters.new_group_request() is None
    assert parameters.tokens() == ()


def test_a_delivery_timeout_of_0_means_none_at_14() -> None:
    assert read(D14, "01 02 00").delivery_timeout() is None


def test_a_parameter_in_the_wrong_message_is_ignored() -> None:
    """Draft-16 §9.2.2, also where its value would not do: FORWARD 7 in FETCH_OK."""
    assert decode(D16, 0x18, bytes.fromhex("02 00 0102 01 10 07")) == FetchOk(2, Location(1, 2))


def test_quirk_shaka_sends_group_order_0() -> None:
    """Shaka 5.2.12 at 16; the draft allows 1 and 2 only."""
    assert read(D16, "01 22 00").group_order() is None
    with pytest.raises(ProtocolViolation):
        read(replace(D16, zero_group_order=False), "01 22 00").group_order()
    assert read(D16, "01 22 02").group_order() is GroupOrder.DESCENDING


@pytest.mark.parametrize(
    "fields",
    [
        "80 03 01 02 00",  # group order
        "80 00 02 02 00",  # forward
        "80 00 01 00 00",  # filter types
        "80 00 01 05 00",
        "80 00 01 03 01",  # a start without its object
        "80 00 01 04 01 00",  # a range without its end
    ],
)
def test_a_field_out_of_range_closes_the_session_at_14(fields: str) -> None:
    track = "01 01 61 01 62"
    assert decode(D14, 0x03, bytes.fromhex(f"00 {track} 80 00 01 02 00")) == Subscribe(
        0, FullTrackName((b"a",), b"b"), filter=LARGEST_OBJECT
    )
    with pytest.raises(ProtocolViolation):
        decode(D14, 0x03, bytes.fromhex(f"00 {track} {fields}"))
