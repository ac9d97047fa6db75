"""Bodies are read leniently and written exactly ("HTTPS API")."""

import msgspec
import pytest
from tidegate.calls.bodies import (
    NewSessionRequest,
    NewSessionResponse,
    RenegotiateResponse,
    SessionDescription,
    TrackResult,
    TracksRequest,
    TracksResponse,
    decode,
    failure,
)
from tidegate.errors import DecodingError, InvalidParams, SignalingStateNotStable


@pytest.mark.parametrize("body", [b"", b"  \n", b"{}", b'{"sessionDescription": null}'])
def test_an_empty_object_is_like_no_body(body: bytes) -> None:
    assert decode(NewSessionRequest, body) == NewSessionRequest()


def test_members_that_nobody_documented_are_ignored() -> None:
    """partytracks sends back whatever was in the result of a push."""
    body = b'{"tracks": [{"location": "remote", "foo": {"bar": 1}}], "streamDebug": true}'
    request = decode(TracksRequest, body)
    assert request.tracks is not None
    assert request.tracks[0].location == "remote"


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"nothing",
        b'{"tracks": {}}',
        b'{"tracks": [{"mid": 4}]}',
        b'{"tracks": [null]}',
        b'{"autoDiscover": "yes"}',
        b'{"sessionDescription": {"type": "offer"}}',
        b'{"sessionDescription": "v=0"}',
        b'\xff{"tracks": []}',
        b'{"tracks": [{"trackName": "\xff"}]}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_json_of_the_documented_types_is_a_decoding_error(body: bytes) -> None:
    with pytest.raises(DecodingError):
        decode(TracksRequest, body)


def test_what_is_absent_is_not_written() -> None:
    """Clients expand ``sessionDescription`` into a constructor: exactly ``type`` and ``sdp``."""
    response = TracksResponse(
        requires_immediate_renegotiation=False,
        tracks=[TrackResult(track_name="cam", mid="4")],
        session_description=SessionDescription("answer", "v=0"),
    )
    assert msgspec.to_builtins(response) == {
        "requiresImmediateRenegotiation": False,
        "tracks": [{"trackName": "cam", "mid": "4"}],
        "sessionDescription": {"type": "answer", "sdp": "v=0"},
    }
    assert msgspec.to_builtins(NewSessionResponse("e0")) == {"sessionId": "e0"}
    assert msgspec.to_builtins(RenegotiateResponse()) == {}


def test_an_error_of_an_operation_on_tracks_has_tracks_all_the_same() -> None:
    """partytracks reads ``tracks`` before it looks for an error."""
    assert msgspec.json.encode(failure(InvalidParams("no"), of_tracks=True)) == (
        b'{"errorCode":"invalid_params","errorDescription":"no","tracks":[]}'
    )
    assert msgspec.to_builtins(failure(SignalingStateNotStable(), of_tracks=False)) == {
        "errorCode": "invalid_session_description",
        "errorDescription": "The current signaling state is expecting a remote answer.",
        "errorSubcode": "signaling_state_not_stable",
    }
