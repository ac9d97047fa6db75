"""Every message at every draft."""

import re
from contextlib import suppress
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tidegate.moqt.codes import RequestCode, RequestKind
from tidegate.moqt.errors import DecodeError, EncodeError, ProtocolViolation, UnknownMessage
from tidegate.moqt.messages import (
    ClientSetup,
    Goaway,
    Message,
    Namespace,
    NamespaceDone,
    Publish,
    PublishNamespaceCancel,
    PublishNamespaceDone,
    RequestError,
    RequestOk,
    RequestUpdate,
    ServerSetup,
    SetupOptions,
    StreamRole,
    Subscribe,
    SubscribeNamespace,
    TrackStatus,
    UnsubscribeNamespace,
    decode,
    encode,
)
from tidegate.moqt.subscription import NEXT_GROUP, Filter, FilterStart
from tidegate.moqt.token import Token
from tidegate.moqt.version import D14, D16, PROFILES, Profile

from tests.moqt.messages.examples import CASE_IDS, CASES, EXAMPLES, NAMESPACE, SECRET, TRACK, role
from tests.moqt.messages.strategies import messages

ALL_CASES = pytest.mark.parametrize(("profile", "name", "message"), CASES, ids=CASE_IDS)
ALL_DRAFTS = pytest.mark.parametrize("profile", PROFILES, ids=str)


def taken_apart(frame: bytes) -> tuple[int, bytes]:
    """Type and payload of a message whose type is below 64."""
    assert int.from_bytes(frame[1:3], "big") == len(frame) - 3
    return frame[0], frame[3:]


@ALL_DRAFTS
def test_the_examples_show_every_message_of_the_draft(profile: Profile) -> None:
    absent: dict[Profile, set[type]] = {
        D14: {Namespace, NamespaceDone},
        D16: {UnsubscribeNamespace},
    }
    shown = {type(message) for message in EXAMPLES[profile].values()}
    assert shown == set(get_args(Message)) - absent[profile]


@ALL_CASES
def test_a_message_survives_the_wire(profile: Profile, name: str, message: Message) -> None:
    message_type, payload = taken_apart(encode(profile, message))
    assert decode(profile, message_type, payload, role(profile, message)) == message


@ALL_CASES
def test_a_message_cut_short_anywhere_is_refused(
    profile: Profile, name: str, message: Message
) -> None:
    message_type, payload = taken_apart(encode(profile, message))
    for size in range(len(payload)):
        try:
            shorter = decode(profile, message_type, payload[:size], role(profile, message))
        except DecodeError:
            continue
        # Properties have no length or count of their own: they end with the message. And what is
        # left of a namespace's count can be moq-dev's Request ID.
        ends_anywhere = getattr(message, "properties", ()) and profile.track_properties
        assert ends_anywhere or isinstance(shorter, UnsubscribeNamespace)


@ALL_CASES
def test_a_message_that_is_too_long_is_refused(
    profile: Profile, name: str, message: Message
) -> None:
    message_type, payload = taken_apart(encode(profile, message))
    with pytest.raises(DecodeError):
        decode(profile, message_type, payload + b"\0", role(profile, message))


@ALL_CASES
def test_no_message_prints_a_token_or_a_path(profile: Profile, name: str, message: Message) -> None:
    assert not re.search(r"secret|/relay", repr(message))


@ALL_DRAFTS
@settings(deadline=None)
@given(data=st.data())
def test_whatever_a_draft_can_say_survives_the_wire(profile: Profile, data: st.DataObject) -> None:
    message = data.draw(messages(profile))
    message_type, payload = taken_apart(encode(profile, message))
    assert decode(profile, message_type, payload, role(profile, message)) == message


@ALL_DRAFTS
@settings(deadline=None)
@given(message_type=st.integers(0, 0x3F), payload=st.binary(max_size=200), data=st.data())
def test_any_bytes_decode_or_give_a_decode_error(
    profile: Profile, message_type: int, payload: bytes, data: st.DataObject
) -> None:
    """And what decodes survives a round trip."""
    where = data.draw(st.sampled_from(StreamRole))
    try:
        message = decode(profile, message_type, payload, where)
    except DecodeError:
        return
    try:
        frame = encode(profile, message)
    except EncodeError:
        # moq-dev's form, which we read and never write.
        assert isinstance(message, UnsubscribeNamespace)
        return
    again_type, again_payload = taken_apart(frame)
    assert again_type == message_type
    assert decode(profile, again_type, again_payload, where) == message


@ALL_CASES
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_a_damaged_message_decodes_or_gives_a_decode_error(
    profile: Profile, name: str, message: Message, data: st.DataObject
) -> None:
    message_type, payload = taken_apart(encode(profile, message))
    damaged = bytearray(payload)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with suppress(DecodeError):
        decode(profile, message_type, bytes(damaged), role(profile, message))


@ALL_DRAFTS
@pytest.mark.parametrize("message_type", [0x00, 0x01, 0x22, 0x40, 0x41, 0x50, 0x2F00])
def test_an_unknown_type_closes_the_session(profile: Profile, message_type: int) -> None:
    """S5: also the setups of drafts up to 10 (0x40, 0x41) and of 18 (0x2F00)."""
    with pytest.raises(UnknownMessage):
        decode(profile, message_type, b"")


@pytest.mark.parametrize(
    ("profile", "message", "where"),
    [
        (D16, SubscribeNamespace(0, NAMESPACE), StreamRole.CONTROL),
        (D16, SubscribeNamespace(0, NAMESPACE), StreamRole.RESPONSE),
        (D16, Namespace(NAMESPACE), StreamRole.CONTROL),
        (D16, NamespaceDone(NAMESPACE), StreamRole.REQUEST),
        (D16, Subscribe(0, TRACK), StreamRole.REQUEST),
        (D16, Goaway(), StreamRole.RESPONSE),
        (D14, SubscribeNamespace(0, NAMESPACE), StreamRole.REQUEST),
    ],
    ids=str,
)
def test_a_message_on_the_wrong_stream_closes_the_session(
    profile: Profile, message: Message, where: StreamRole
) -> None:
    message_type, payload = taken_apart(encode(profile, message))
    with pytest.raises(UnknownMessage, match=f"{message_type:#x} has no place on the"):
        decode(profile, message_type, payload, where)


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        (D14, Namespace(NAMESPACE)),
        (D14, NamespaceDone(NAMESPACE)),
        (D14, ServerSetup()),
        (D14, RequestOk(0, RequestKind.UPDATE)),
        (D14, RequestOk(0)),
        (D14, RequestError(0, RequestKind.UPDATE, RequestCode.INTERNAL_ERROR)),
        (D14, RequestError(0, None, RequestCode.INTERNAL_ERROR)),
        (D14, RequestUpdate(2, 0, forward=True)),
        (D14, RequestUpdate(2, 0, 128, True, NEXT_GROUP)),
        (D14, PublishNamespaceDone(request_id=1)),
        (D14, PublishNamespaceCancel(request_id=1)),
        (D14, UnsubscribeNamespace(request_id=1)),
        (D14, Subscribe(0, TRACK, filter=Filter(FilterStart.NEXT_GROUP, end_group=1))),
        (D16, PublishNamespaceDone(namespace=NAMESPACE)),
        (D16, PublishNamespaceCancel(namespace=NAMESPACE)),
        (D16, UnsubscribeNamespace(NAMESPACE)),
        (D16, SubscribeNamespace(0, NAMESPACE, wants_namespaces=False, wants_tracks=False)),
    ],
    ids=str,
)
def test_what_a_draft_cannot_say_is_an_error_of_ours(profile: Profile, message: Message) -> None:
    with pytest.raises(EncodeError):
        encode(profile, message)


def test_a_message_of_more_than_65535_bytes_is_an_error_of_ours() -> None:
    with pytest.raises(EncodeError, match="65540 bytes"):
        encode(D16, Goaway("x" * 65536))


@ALL_DRAFTS
def test_a_track_status_carries_tokens_and_no_options(profile: Profile) -> None:
    message_type, payload = taken_apart(encode(profile, TrackStatus(0, TRACK, SECRET)))
    assert decode(profile, message_type, payload) == TrackStatus(0, TRACK, SECRET)


def test_properties_that_draft_14_cannot_carry_stay_behind() -> None:
    """Of a track's properties only timeout, cache duration and order are known at 14."""
    message = Publish(
        1, TRACK, 9, properties=((0x30, 1), (0x22, 2), (0x04, 10), (0x0E, 64), (0x41, b"x"))
    )
    message_type, payload = taken_apart(encode(D14, message))
    arrived = decode(D14, message_type, payload)
    assert isinstance(arrived, Publish)
    assert arrived.properties == ((0x04, 10), (0x22, 2))


def test_properties_are_sorted_before_their_types_become_deltas() -> None:
    """Equal types keep their order."""
    message = Publish(1, TRACK, 9, properties=((0x41, b"a"), (0x0E, 64), (0x41, b"b")))
    message_type, payload = taken_apart(encode(D16, message))
    arrived = decode(D16, message_type, payload)
    assert isinstance(arrived, Publish)
    assert arrived.properties == ((0x0E, 64), (0x41, b"a"), (0x41, b"b"))


@pytest.mark.parametrize(
    "properties",
    [
        ((0x02, 0),),
        ((0x0E, 256),),
        ((0x22, 0),),
        ((0x22, 3),),
        ((0x30, 2),),
        ((0x0B, b""), (0x0B, b"")),
    ],
    ids=str,
)
def test_a_track_property_out_of_range_closes_the_session(
    properties: tuple[tuple[int, int | bytes], ...],
) -> None:
    message_type, payload = taken_apart(encode(D16, Publish(1, TRACK, 9, properties=properties)))
    with pytest.raises(ProtocolViolation):
        decode(D16, message_type, payload)


@ALL_DRAFTS
@pytest.mark.parametrize("entries", [256, 257])
def test_a_message_carries_at_most_256_entries_a_list(profile: Profile, entries: int) -> None:
    """What they cost to read is bounded, whatever the message's length allows."""
    options = SetupOptions(tokens=(Token.use_value(b""),) * entries)
    properties = ((0x41, b""),) * entries
    messages: list[Message] = [ClientSetup((), options)]
    if profile.versions_in_setup:
        messages.append(ClientSetup((0xFF00000E,) * entries))
    if profile.track_properties:
        messages.append(Publish(1, TRACK, 9, properties=properties))
    for message in messages:
        message_type, payload = taken_apart(encode(profile, message))
        if entries == 256:
            assert decode(profile, message_type, payload) == message
        else:
            with pytest.raises(ProtocolViolation):
                decode(profile, message_type, payload)
