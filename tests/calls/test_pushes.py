"""Publishing: ``POST tracks/new`` with local tracks ("Sessions and tracks")."""

import re

import pytest
from tidegate.calls.limits import Limits

from tests.calls.harness import Sfu, read

IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_a_push_with_an_offer_is_answered_in_the_response() -> None:
    """The OpenAPI example "push": no renegotiation, ``trackName`` and ``mid``, an answer."""
    sfu = Sfu()
    client = sfu.client()
    client.add("audio")
    client.add("video")
    reply = client.push_offer(("mic", "0"), ("cam", "1"))
    assert reply.status == 200
    assert {**reply.ok, "sessionDescription": None} == {
        "requiresImmediateRenegotiation": False,
        "tracks": [{"trackName": "mic", "mid": "0"}, {"trackName": "cam", "mid": "1"}],
        "sessionDescription": None,
    }
    assert [*reply.ok["sessionDescription"]] == ["type", "sdp"]
    assert reply.ok["sessionDescription"]["type"] == "answer"
    assert client.answered == {"0": "recvonly", "1": "recvonly"}


def test_the_engine_is_told_what_was_negotiated() -> None:
    sfu = Sfu()
    client = sfu.client()
    client.push("cam", rids=["f", "h", "q"])
    remote = sfu.engine.sessions[client.handle].remote
    assert remote is not None
    assert remote["fingerprint"] == client.fingerprint
    assert remote["dtls_client"] is False
    track = sfu.engine.tracks[client.track("cam")]
    assert (track.mid, track.video, track.silent_seconds) == ("0", True, 30.0)
    assert [rid for rid, _, _ in track.encodings] == ["f", "h", "q"]
    assert [(pt, codec, rtx) for pt, codec, _, rtx, _ in track.payload_types] == [
        (96, "vp8", 97),
        (102, "h264", 103),
    ]


def test_one_track_of_a_batch_fails_for_itself() -> None:
    """A mid that the offer does not have, or in which nothing is sent, is an item error."""
    sfu = Sfu()
    client = sfu.client()
    client.add("video")
    client.add("video", "recvonly")
    reply = client.push_offer(("a", "0"), ("b", "1"), ("c", "nowhere"))
    assert reply.item_errors == [None, "invalid_params", "invalid_params"]
    assert [track["mid"] for track in reply.tracks] == ["0", "1", "nowhere"]
    assert client.statuses() == {("local", "0"): "active"}


def test_the_same_push_again_changes_nothing() -> None:
    sfu = Sfu()
    client = sfu.publisher("cam")
    track = client.track("cam")
    assert client.push_offer(("cam", "0")).item_errors == [None]
    assert client.track("cam") == track
    assert sfu.engine.commands.count("open_rtc_track") == 1


def test_a_name_is_published_once_and_a_mid_carries_one() -> None:
    sfu = Sfu()
    client = sfu.publisher("cam")
    client.add("video")
    reply = client.push_offer(("cam", "1"), ("other", "0"), ("third", "1"), ("third", "1"))
    assert reply.item_errors == ["track_error", "track_error", None, None]


def test_a_closed_name_is_replaced() -> None:
    sfu = Sfu()
    client = sfu.publisher("cam")
    client.force("0")
    client.add("video")
    assert client.push_offer(("cam", "1")).item_errors == [None]
    assert client.statuses() == {("local", "0"): "inactive", ("local", "1"): "active"}


def test_a_mid_closed_by_force_takes_another_name() -> None:
    sfu = Sfu()
    client, subscriber = sfu.publisher("cam"), sfu.client()
    client.force("0")
    assert client.push_offer(("again", "0")).item_errors == [None]
    assert client.answered["0"] == "recvonly"
    client.send("again")
    assert subscriber.pull((client, "again")) == ["0"]


def test_another_push_leaves_the_first_alone() -> None:
    sfu = Sfu()
    client = sfu.publisher("cam")
    before = sfu.engine.tracks[client.track("cam")]
    client.push("mic")
    assert sfu.engine.tracks[client.track("cam")] == before
    assert client.statuses() == {("local", "0"): "active", ("local", "1"): "active"}


def test_what_the_client_stops_ends() -> None:
    """A section that a later offer rejects carries nothing, whether anybody closed it or not."""
    sfu = Sfu()
    client = sfu.publisher("cam", "mic")
    client.lines[0].stopped = True
    client.push("cam2")
    assert client.statuses()["local", "0"] == "inactive"
    assert len(sfu.engine.tracks) == 2


def test_auto_discover_names_every_section_that_sends() -> None:
    """``autoDiscover: true``: tracks with random names, their mids and kinds."""
    sfu = Sfu()
    client = sfu.client()
    client.add("audio")
    client.add("video")
    client.add("video", "recvonly")
    body = {"autoDiscover": True, "sessionDescription": {"type": "offer", "sdp": client.offer()}}
    reply = client.call("new_tracks", body)
    client.take_answer(reply.sdp)
    assert [(track["mid"], track["kind"]) for track in reply.tracks] == [
        ("0", "audio"),
        ("1", "video"),
    ]
    names = [track["trackName"] for track in reply.tracks]
    assert all(IDS.fullmatch(name) for name in names)
    assert len({*names}) == 2
    client.add("audio")
    body["sessionDescription"] = {"type": "offer", "sdp": client.offer()}
    assert [track["mid"] for track in client.call("new_tracks", body).tracks] == ["3"]


def test_a_push_without_an_offer_gets_one() -> None:
    """The OpenAPI example without SDP: the SFU offers to receive, and the client renegotiates."""
    sfu = Sfu()
    client = sfu.client()
    reply = client.call(
        "new_tracks",
        {
            "tracks": [
                {"location": "local", "trackName": "mic-1", "kind": "audio"},
                {
                    "location": "local",
                    "trackName": "cam-1",
                    "kind": "video",
                    "bidirectionalMediaStream": True,
                },
            ]
        },
    )
    assert reply.ok["requiresImmediateRenegotiation"] is True
    assert reply.tracks == [
        {"trackName": "mic-1", "mid": "0"},
        {"trackName": "cam-1", "mid": "1"},
    ]
    assert [section.direction for section in read(reply.sdp)] == ["recvonly", "sendrecv"]
    assert sfu.engine.tracks == {}
    client.finish(reply)
    client.connect()
    client.send("mic-1", "cam-1")
    assert sfu.client().pull((client, "mic-1"), (client, "cam-1")) == ["0", "1"]


def test_a_push_that_the_client_refuses_is_no_publication() -> None:
    sfu = Sfu()
    client = sfu.client()
    track = {"location": "local", "trackName": "mic", "kind": "audio"}
    reply = client.call("new_tracks", {"tracks": [track]})
    client.take_offer(reply.sdp)
    client.lines[0].stopped = True
    assert client.renegotiate(client.answer()).ok == {}
    assert sfu.engine.tracks == {}
    assert client.statuses() == {("local", "0"): "inactive"}
    reply = client.call("new_tracks", {"tracks": [track]})
    assert reply.tracks == [{"trackName": "mic", "mid": "1"}]


def test_names_offered_without_sdp_are_unique_too() -> None:
    sfu = Sfu()
    client = sfu.publisher("cam")
    tracks = [
        {"location": "local", "trackName": name, "kind": "video"} for name in ("cam", "a", "a")
    ]
    reply = client.call("new_tracks", {"tracks": tracks})
    assert reply.item_errors == ["track_error", None, "track_error"]


def test_a_bidirectional_push_is_answered_sendrecv() -> None:
    """Cloudflare's relay example: a pull is bound to the section later, without SDP."""
    sfu = Sfu()
    client = sfu.client()
    client.push("mic", bidirectionalMediaStream=True, kind="audio")
    assert client.answered == {"0": "sendrecv"}


def local(**members: object) -> dict[str, object]:
    return {"location": "local", "trackName": "t", **members}


@pytest.mark.parametrize(
    ("tracks", "text"),
    [
        ([local()], "tracks[0]: Missing mid in track"),
        ([local(mid="0"), local(mid="")], "tracks[1]: Missing mid in track"),
        ([{"location": "local", "mid": "0"}], "tracks[0]: Missing trackName in track"),
        ([{"location": "here", "mid": "0"}], "tracks[0]: location must be local or remote"),
        ([{"mid": "0"}], "tracks[0]: location must be local or remote"),
        ([local(mid="0", trackName="n" * 257)], "tracks[0]: trackName is longer than"),
        ([local(mid="0", trackName="a\nb")], "tracks[0]: trackName has control characters"),
        ([local(mid="0", kind="text")], "tracks[0]: kind must be audio or video"),
        ([local(mid="0")] * 65, "Expecting at most 64 track in the request"),
        (
            [local(mid="0"), {"location": "remote", "sessionId": "e", "trackName": "t"}],
            "Local and remote tracks cannot be in one request",
        ),
    ],
)
def test_parameters_are_checked_before_anything_happens(
    tracks: list[dict[str, object]], text: str
) -> None:
    sfu = Sfu()
    client = sfu.client()
    client.add("video")
    body = {"sessionDescription": {"type": "offer", "sdp": client.offer()}, "tracks": tracks}
    reply = client.call("new_tracks", body)
    assert reply.error == (406, "invalid_params", None)
    assert text in reply.json["errorDescription"]
    assert reply.json["tracks"] == []
    assert sfu.engine.sessions[client.handle].remote is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"tracks": []},
        {"autoDiscover": True},
        {"tracks": [local()]},
        {"tracks": [local(kind="audio")], "sessionDescription": {"type": "answer", "sdp": "v=0"}},
    ],
)
def test_a_combination_that_means_nothing_is_refused(body: dict[str, object]) -> None:
    assert Sfu().client().call("new_tracks", body).error == (406, "invalid_params", None)


@pytest.mark.parametrize("name", ["1", "n" * 256, "Käthe's screen \N{SNOWMAN}", "a/b#c"])
def test_any_printable_name_will_do(name: str) -> None:
    sfu = Sfu()
    client = sfu.client()
    client.add("video")
    assert client.push_offer((name, "0")).tracks == [{"trackName": name, "mid": "0"}]


def test_an_offer_that_cannot_be_read_changes_nothing() -> None:
    sfu = Sfu()
    client = sfu.publisher("cam")
    commands = [*sfu.engine.commands]
    body = {
        "sessionDescription": {"type": "offer", "sdp": "v=0\r\nm=video"},
        "tracks": [local(mid="1")],
    }
    reply = client.call("new_tracks", body)
    assert reply.error == (400, "invalid_session_description", None)
    assert "m=video" not in reply.json["errorDescription"]
    assert sfu.engine.commands == commands
    assert client.statuses() == {("local", "0"): "active"}


def test_a_session_has_room_for_so_many_sections() -> None:
    sfu = Sfu(Limits(sections=3))
    client = sfu.client()
    client.push("cam", "mic")
    tracks = [{"location": "local", "trackName": name, "kind": "audio"} for name in "ab"]
    assert client.call("new_tracks", {"tracks": tracks}).item_errors == [None, "track_error"]
