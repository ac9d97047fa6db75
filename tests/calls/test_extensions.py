"""Numbers of header extension URIs, and a session's ids for them."""

from collections.abc import Sequence

from tidegate.calls.extensions import ABS_SEND_TIME, MID, OURS, ExtensionIds, ExtensionNumbers
from tidegate.calls.sdp import Extension

NUMBERS = ExtensionNumbers()


def ids(extensions: Sequence[Extension]) -> dict[str, int]:
    return {extension.uri: extension.id for extension in extensions}


def test_the_engines_own_have_the_first_numbers() -> None:
    assert [NUMBERS.number(uri) for uri in OURS] == [0, 1, 2, 3, 4]


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
    assert ids(session.offered([(MID, 4)], NUMBERS)) == {MID: 9}


def test_a_publisher_s_ids_are_taken_where_they_are_free() -> None:
    session = ExtensionIds()
    session.accept([Extension(4, "urn:x")], NUMBERS)
    assert ids(session.offered([(MID, 4), (ABS_SEND_TIME, 2)], NUMBERS)) == {
        MID: 1,
        ABS_SEND_TIME: 2,
    }


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
    assert session.offered([(MID, None)], NUMBERS) == []


def test_two_ids_stay_free_for_rids_that_may_come() -> None:
    session = ExtensionIds()
    offered = session.offered([(f"urn:{id}", id) for id in range(1, 15)], NUMBERS)
    assert [extension.id for extension in offered] == list(range(1, 13))


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
