"""A stream is cut into messages wherever the network cut it before."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tidegate.moqt.errors import DecodeError, ProtocolViolation, UnknownMessage
from tidegate.moqt.messages import (
    Frames,
    Goaway,
    MaxRequestId,
    Message,
    Namespace,
    StreamRole,
    Unsubscribe,
    encode,
)
from tidegate.moqt.version import D14, D16, PROFILES, Profile

from tests.moqt.messages.examples import EXAMPLES, role

ALL_DRAFTS = pytest.mark.parametrize("profile", PROFILES, ids=str)


def control_messages(profile: Profile) -> list[Message]:
    return [
        message
        for message in EXAMPLES[profile].values()
        if role(profile, message) is StreamRole.CONTROL
    ]


@ALL_DRAFTS
@settings(deadline=None)
@given(cuts=st.lists(st.integers(1, 40), min_size=1))
def test_messages_arrive_in_order_however_they_are_cut(profile: Profile, cuts: list[int]) -> None:
    sent = control_messages(profile)
    stream = b"".join(encode(profile, message) for message in sent)
    frames = Frames(profile)
    arrived: list[Message] = []
    for index in range(len(stream)):
        size = cuts[index % len(cuts)]
        arrived += frames.feed(stream[:size])
        stream = stream[size:]
        if not stream:
            break
    assert arrived == sent
    assert not frames.incomplete


def test_a_message_waits_for_its_last_byte() -> None:
    frames = Frames(D16)
    frame = encode(D16, Unsubscribe(300))
    assert list(frames.feed(frame[:-1])) == []
    assert frames.incomplete
    assert list(frames.feed(frame[-1:])) == [Unsubscribe(300)]


def test_messages_before_a_fault_are_delivered() -> None:
    stream = encode(D16, MaxRequestId(4)) + encode(D16, Unsubscribe(2)) + b"\x22\x00\x00"
    messages = Frames(D16).feed(stream)
    assert next(messages) == MaxRequestId(4)
    assert next(messages) == Unsubscribe(2)
    with pytest.raises(UnknownMessage):
        next(messages)


def test_an_unknown_type_is_refused_before_its_payload() -> None:
    with pytest.raises(UnknownMessage):
        list(Frames(D16).feed(b"\x22\xff\xff"))


def test_a_type_may_be_longer_than_it_needs_to_be() -> None:
    assert list(Frames(D16).feed(bytes.fromhex("400a 0001 02"))) == [Unsubscribe(2)]
    assert list(Frames(D16).feed(bytes.fromhex("c00000000000000a 0001 02"))) == [Unsubscribe(2)]
    assert list(Frames(D16).feed(bytes.fromhex("c000000000"))) == []


def test_the_largest_message_arrives() -> None:
    """Its URI is too long, and that is what is wrong with it."""
    frame = encode(D16, Goaway("x" * (0xFFFF - 4)))
    assert len(frame) == 3 + 0xFFFF
    frames = Frames(D16)
    assert list(frames.feed(frame[:-1])) == []
    with pytest.raises(ProtocolViolation, match="URI has 65531 bytes"):
        list(frames.feed(frame[-1:]))


@pytest.mark.parametrize("size", [8192, 8193])
def test_a_goaway_uri_has_at_most_8192_bytes(size: int) -> None:
    frame = encode(D14, Goaway("x" * size))
    if size == 8192:
        assert list(Frames(D14).feed(frame)) == [Goaway("x" * size)]
        return
    with pytest.raises(ProtocolViolation):
        list(Frames(D14).feed(frame))


def test_a_response_stream_carries_namespaces_and_nothing_else() -> None:
    frames = Frames(D16, StreamRole.RESPONSE)
    namespace = Namespace((b"cam",))
    assert list(frames.feed(encode(D16, namespace))) == [namespace]
    with pytest.raises(UnknownMessage):
        list(frames.feed(encode(D16, Unsubscribe(0))))


@ALL_DRAFTS
@settings(deadline=None)
@given(chunks=st.lists(st.binary(max_size=60), max_size=10))
def test_any_stream_decodes_or_gives_a_decode_error(profile: Profile, chunks: list[bytes]) -> None:
    frames = Frames(profile)
    with suppress(DecodeError):
        for chunk in chunks:
            list(frames.feed(chunk))
