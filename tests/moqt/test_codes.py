"""Codes keep their meaning across drafts, whatever their numbers."""

import pytest
from tidegate.moqt.codes import DoneCode, RequestCode, RequestKind, ResetCode, SessionCode
from tidegate.moqt.version import D14, D16, PROFILES, Profile

ALL_DRAFTS = pytest.mark.parametrize("profile", PROFILES, ids=str)


@ALL_DRAFTS
@pytest.mark.parametrize("kind", [kind for kind in RequestKind if kind is not RequestKind.UPDATE])
def test_every_request_code_survives_a_round_trip(profile: Profile, kind: RequestKind) -> None:
    numbers = profile.codes.request[kind]
    assert len(set(numbers.values())) == len(numbers)
    for code in numbers:
        number = profile.codes.request_number(code, kind)
        assert profile.codes.request_code(number, kind) is code


@ALL_DRAFTS
def test_every_done_and_reset_code_survives_a_round_trip(profile: Profile) -> None:
    for done in profile.codes.done:
        assert profile.codes.done_code(profile.codes.done_number(done)) is done
    for reset in profile.codes.reset:
        assert profile.codes.reset_code(profile.codes.reset_number(reset)) is reset


@ALL_DRAFTS
def test_every_code_has_a_number_in_every_draft(profile: Profile) -> None:
    for code in RequestCode:
        for kind in profile.codes.request:
            assert profile.codes.request_number(code, kind) in profile.codes.request[kind].values()
    for done in DoneCode:
        assert profile.codes.done_number(done) in profile.codes.done.values()
    for reset in ResetCode:
        assert profile.codes.reset_number(reset) in profile.codes.reset.values()


@pytest.mark.parametrize(
    ("kind", "code", "at_14", "at_16"),
    [
        (RequestKind.SUBSCRIBE, RequestCode.DOES_NOT_EXIST, 0x4, 0x10),
        (RequestKind.SUBSCRIBE, RequestCode.INVALID_RANGE, 0x5, 0x11),
        (RequestKind.SUBSCRIBE, RequestCode.EXPIRED_AUTH_TOKEN, 0x12, 0x5),
        (RequestKind.FETCH, RequestCode.INVALID_JOINING_REQUEST_ID, 0x7, 0x32),
        (RequestKind.FETCH, RequestCode.MALFORMED_TRACK, 0x9, 0x12),
        (RequestKind.PUBLISH, RequestCode.UNINTERESTED, 0x4, 0x20),
        (RequestKind.PUBLISH_NAMESPACE, RequestCode.UNINTERESTED, 0x4, 0x20),
        (RequestKind.SUBSCRIBE_NAMESPACE, RequestCode.PREFIX_OVERLAP, 0x5, 0x30),
        (RequestKind.SUBSCRIBE_NAMESPACE, RequestCode.MALFORMED_AUTH_TOKEN, 0x10, 0x4),
    ],
)
def test_the_same_code_has_another_number_in_another_draft(
    kind: RequestKind, code: RequestCode, at_14: int, at_16: int
) -> None:
    assert D14.codes.request_number(code, kind) == at_14
    assert D16.codes.request_number(code, kind) == at_16


@pytest.mark.parametrize(
    ("profile", "kind", "code", "becomes"),
    [
        (D16, RequestKind.SUBSCRIBE, RequestCode.EXCESSIVE_LOAD, RequestCode.INTERNAL_ERROR),
        (D16, RequestKind.SUBSCRIBE, RequestCode.GOING_AWAY, RequestCode.INTERNAL_ERROR),
        (D16, RequestKind.PUBLISH, RequestCode.UNSUPPORTED_EXTENSION, RequestCode.NOT_SUPPORTED),
        (D14, RequestKind.SUBSCRIBE, RequestCode.UNINTERESTED, RequestCode.DOES_NOT_EXIST),
        (D14, RequestKind.PUBLISH, RequestCode.EXPIRED_AUTH_TOKEN, RequestCode.UNAUTHORIZED),
        (D14, RequestKind.SUBSCRIBE, RequestCode.MALFORMED_TRACK, RequestCode.INTERNAL_ERROR),
    ],
    ids=str,
)
def test_a_code_that_a_draft_lacks_becomes_the_nearest(
    profile: Profile, kind: RequestKind, code: RequestCode, becomes: RequestCode
) -> None:
    number = profile.codes.request_number(code, kind)
    assert profile.codes.request_code(number, kind) is becomes


def test_a_draft_without_too_far_behind_resets_with_cancelled() -> None:
    """PUBLISH_DONE then says TOO_FAR_BEHIND."""
    assert D16.codes.reset_number(ResetCode.TOO_FAR_BEHIND) == 0x1
    assert D16.codes.done_number(DoneCode.TOO_FAR_BEHIND) == 0x6


def test_malformed_track_ends_a_subscription_with_another_number_per_draft() -> None:
    assert D14.codes.done_number(DoneCode.MALFORMED_TRACK) == 0x7
    assert D16.codes.done_number(DoneCode.MALFORMED_TRACK) == 0x12


@ALL_DRAFTS
@pytest.mark.parametrize("number", [404, 500, 200, 2**62 - 1])
def test_quirk_moq_dev_sends_http_codes_which_are_internal_errors(
    profile: Profile, number: int
) -> None:
    """S12, and never a reason to close."""
    for kind in profile.codes.request:
        assert profile.codes.request_code(number, kind) is RequestCode.INTERNAL_ERROR
    assert profile.codes.done_code(number) is DoneCode.INTERNAL_ERROR
    assert profile.codes.reset_code(number) is ResetCode.INTERNAL_ERROR
    assert SessionCode.from_number(number) is SessionCode.INTERNAL_ERROR


def test_a_session_code_is_read_by_its_number() -> None:
    assert SessionCode.from_number(0x3) is SessionCode.PROTOCOL_VIOLATION
