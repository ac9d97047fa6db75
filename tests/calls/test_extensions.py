"""Numbers of header extension URIs, and a session's ids for them."""

from collections.abc import Sequence

from tidegate.calls.extensions import (
    ABS_SEND_TIME,
    DEPENDENCY_DESCRIPTOR,
    MID,
    OURS,
    RID,
    ExtensionIds,
    ExtensionNumbers,
)
from tidegate.calls.sdp import Extension

NUMBERS = ExtensionNumbers()


def ids(extensions: Sequence[Extension]) -> dict[str, int]:
    return {extension.uri: extension.id for extension in extensions}


def test_the_engine_knows_some_numbers() -> None:
    assert [NUMBERS.number(uri) for uri in OURS] == [0, 1, 2, 3, 4]
    assert NUMBERS.number(DEPENDENCY_DESCRIPTOR) == 7


def test_a_uri_keeps_its_number_and_256_have_one() -> None:
    numbers = ExtensionNumbers()
    given = [numbers.number(f"urn:{n}") for n in range(300)]
    known = [number for number in given if number is not None]
    assert len(known) == len(set(known)) < 256
    assert max(known) == 255
    assert [numbers.number(f"urn:{n}") for n in range(300)] == given
    assert numbers.number("urn:3gpp:video-orientation") is not None


def test_a_client_s_ids_are_ours_too() -> None:
    session = ExtensionIds()
    assert session.accept([Extension(9, MID)], NUMBERS) == [Extension(9, MID)]
    assert ids(session.offered("audio", [Extension(4, MID)], NUMBERS))[MID] == 9


def test_a_publisher_s_ids_are_taken_where_they_are_free() -> None:
    session = ExtensionIds()
    session.accept([Extension(4, "urn:x")], NUMBERS)
    publisher = [Extension(4, MID), Extension(9, ABS_SEND_TIME), Extension(7, "urn:y")]
    offered = ids(session.offered("audio", publisher, NUMBERS))
    assert offered[MID] not in (4, 7, 9)
    assert (offered[ABS_SEND_TIME], offered["urn:y"]) == (9, 7)


def test_an_id_never_gets_another_meaning() -> None:
    """Chromium crashes when an id of a live connection changes."""
    session = ExtensionIds()
    session.accept([Extension(1, MID)], NUMBERS)
    assert session.accept([Extension(1, "urn:x"), Extension(2, MID)], NUMBERS) == []
    assert session.accept([Extension(1, MID), Extension(2, "urn:x")], NUMBERS) == [
        Extension(1, MID),
        Extension(2, "urn:x"),
    ]


def test_what_finds_no_id_of_one_byte_is_left_out() -> None:
    """A simulcast offer of Chromium uses all 14."""
    session = ExtensionIds()
    session.accept([Extension(id, f"urn:{id}") for id in range(1, 15)], NUMBERS)
    assert session.offered("video", [], NUMBERS) == []


def test_a_client_can_still_offer_simulcast_after_it_was_offered_video() -> None:
    """Chromium offers in a new section what its first one of the kind negotiated, and no more."""
    offered = ids(ExtensionIds().offered("video", [], NUMBERS))
    assert set(OURS) <= offered.keys()
    assert "urn:3gpp:video-orientation" in offered
    assert RID not in ids(ExtensionIds().offered("audio", [Extension(1, RID)], NUMBERS))


def test_a_publisher_s_extensions_come_before_those_that_nobody_sends() -> None:
    publisher = [Extension(id, f"urn:{id}") for id in range(1, 10)]
    offered = ids(ExtensionIds().offered("video", publisher, NUMBERS))
    assert offered.keys() == {*OURS, *(f"urn:{id}" for id in range(1, 10))}


def test_what_cannot_be_used_is_not_accepted() -> None:
    session = ExtensionIds()
    offered = [
        Extension(0, "urn:0"),
        Extension(15, "urn:15"),
        Extension(256, "urn:256"),
        Extension(1, "urn:1", "inactive"),
        Extension(2, "urn:ietf:params:rtp-hdrext:encrypt"),
    ]
    assert session.accept(offered, NUMBERS) == []


def test_ids_of_two_bytes_are_accepted_from_a_client() -> None:
    session = ExtensionIds()
    assert session.accept([Extension(255, MID)], NUMBERS) == [Extension(255, MID)]


def test_a_session_has_64_extensions() -> None:
    session = ExtensionIds()
    offered = [Extension(id, f"urn:{id}") for id in range(16, 100)]
    assert len(session.accept(offered, ExtensionNumbers())) == 64


def test_a_copy_goes_its_own_way() -> None:
    session = ExtensionIds()
    session.copy().accept([Extension(1, MID)], NUMBERS)
    assert session.accept([Extension(2, MID)], NUMBERS) == [Extension(2, MID)]
