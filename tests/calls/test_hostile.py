"""Whatever a client sends, it gets an answer, and the session and its neighbours live on."""

import json
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tidegate.calls.limits import Limits

from tests.calls.harness import Reply, Sfu

OPERATIONS = ["new_tracks", "renegotiate", "update_tracks", "close_tracks"]
MEMBERS = [
    "sessionDescription",
    "type",
    "sdp",
    "tracks",
    "autoDiscover",
    "force",
    "location",
    "mid",
    "sessionId",
    "trackName",
    "kind",
    "simulcast",
    "preferredRid",
    "priorityOrdering",
    "bidirectionalMediaStream",
]
WORDS = ["offer", "answer", "local", "remote", "audio", "video", "0", "#cam", "cam", "h", "v=0", ""]

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(MEMBERS) | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=25,
)
tracks = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "location": st.sampled_from(["local", "remote"]),
            "mid": st.sampled_from(["0", "1", "#cam", "#", ""]) | st.text(max_size=5),
            "sessionId": st.text(max_size=40),
            "trackName": st.sampled_from(["cam", "new"]) | st.text(max_size=5),
            "kind": st.sampled_from(["audio", "video"]),
            "simulcast": st.dictionaries(st.sampled_from(MEMBERS), st.sampled_from(WORDS)),
            "bidirectionalMediaStream": st.booleans(),
        },
    ),
    max_size=4,
)
requests = st.fixed_dictionaries(
    {},
    optional={
        "tracks": tracks,
        "autoDiscover": st.booleans(),
        "force": st.booleans(),
        "sessionDescription": st.fixed_dictionaries(
            {"type": st.sampled_from(["offer", "answer", "x"]), "sdp": st.text()}
        ),
    },
)


def refused_or_done(reply: Reply) -> bool:
    return reply.status in (200, 400, 406, 425)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(OPERATIONS), json_values | requests)
def test_any_json_is_answered(operation: str, body: object) -> None:
    sfu = Sfu()
    client = sfu.publisher("cam")
    reply = client.call(operation, body)
    sfu.advance(20)
    assert refused_or_done(reply), reply.json
    assert client.state().status == 200


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(OPERATIONS), st.binary(max_size=200))
def test_any_bytes_are_answered(operation: str, body: bytes) -> None:
    sfu = Sfu()
    client = sfu.publisher("cam")
    reply = client.call(operation, body)
    assert refused_or_done(reply)


def damaged(sdp: str, dice: random.Random) -> str:
    """A description with lines lost, doubled, moved, cut or with other numbers."""
    lines = sdp.splitlines()
    for _ in range(dice.randint(1, 4)):
        index = dice.randrange(len(lines))
        match dice.randrange(6):
            case 0:
                del lines[index]
            case 1:
                lines.insert(dice.randrange(len(lines)), lines[index])
            case 2:
                lines[index] = lines[index][: dice.randrange(len(lines[index]) + 1)]
            case 3:
                lines[index] = "".join(
                    dice.choice("0123456789") if c.isdigit() else c for c in lines[index]
                )
            case 4:
                place = dice.randrange(len(lines[index]) + 1)
                letter = dice.choice("\0 :;/=\ud7ff\U0001f600a0")
                lines[index] = lines[index][:place] + letter + lines[index][place:]
            case 5:
                lines[index] += "9" * dice.randrange(200)
        if not lines:
            return ""
    return "\r\n".join(lines) + "\r\n"


@pytest.mark.parametrize("seed", range(150))
def test_a_damaged_offer_does_no_damage(seed: int) -> None:
    dice = random.Random(seed)
    sfu = Sfu()
    neighbour, client = sfu.publisher("mic"), sfu.publisher("cam", rids=["f", "h"])
    client.add("audio")
    listed = [{"location": "local", "mid": "1", "trackName": "mic"}]
    for _ in range(5):
        offer = {"type": "offer", "sdp": damaged(client.offer(), dice)}
        reply = client.call("new_tracks", {"sessionDescription": offer, "tracks": listed})
        assert reply.status in (200, 400, 406), reply.json
    assert client.state().status == 200
    assert sfu.client().pull((neighbour, "mic")) == ["0"]


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_answer_does_no_damage(seed: int) -> None:
    dice = random.Random(seed)
    sfu = Sfu()
    publisher, client = sfu.publisher("mic", "cam"), sfu.client()
    offer = client.ask((publisher, "mic"), (publisher, "cam"))
    client.take_offer(offer.sdp)
    answer = client.answer()
    for _ in range(5):
        if (reply := client.renegotiate(damaged(answer, dice))).status == 200:
            break
        assert reply.status in (400, 406), reply.json
    else:
        assert client.renegotiate(answer).ok == {}
    assert client.state().status == 200
    assert set(client.sinks) <= {"0", "1"}


def test_an_offer_of_a_megabyte_is_refused_before_it_is_read() -> None:
    sfu = Sfu(Limits())
    client = sfu.client()
    line = "a=ssrc:1 cname:x\r\n"
    sdp = client.offer() + line * (1_000_000 // len(line))
    body = json.dumps({"sessionDescription": {"type": "offer", "sdp": sdp}}).encode()
    started = time.process_time()
    reply = client.call("new_tracks", body)
    assert time.process_time() - started < 0.1
    assert reply.status in (400, 413)


def test_sixty_four_sections_are_negotiated_a_hundred_times() -> None:
    """No description grows, and none of the tracks is disturbed."""
    sfu = Sfu()
    client = sfu.client()
    names = [f"mic{n}" for n in range(64)]
    client.push(*names)
    client.connect()
    client.send(*names)
    commands, sizes = len(sfu.engine.commands), set()
    for _ in range(100):
        offer = {"type": "offer", "sdp": client.offer()}
        reply = client.call("new_tracks", {"sessionDescription": offer})
        sizes.add(len(reply.sdp) // 10)
    assert len(sizes) == 1
    assert len(sfu.engine.commands) == commands
    assert len(client.state().tracks) == 64


def test_a_thousand_names_on_one_section_are_one_track() -> None:
    sfu = Sfu()
    client = sfu.publisher("cam")
    for batch in range(16):
        tracks = [(f"cam{batch}-{n}", "0") for n in range(64)]
        assert set(client.push_offer(*tracks).item_errors) == {"track_error"}
    assert len(client.session.names) == 1
