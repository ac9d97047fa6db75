"""Descriptions of real clients, damaged: each is answered or refused, and what is taken of one
reaches a subscriber as lines of ours."""

import json
import re
from pathlib import PurePath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tidegate.calls.sdp import Description, Section
from tidegate.errors import MalformedSessionDescription

from tests.calls.harness import Client, Reply, Sfu, TrackFlowing
from tests.calls.vectors import OFFERS, vector

HEAD = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
MEDIA = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
NAMES = [
    "candidate",
    "crypto",
    "extmap",
    "fingerprint",
    "fmtp",
    "group",
    "ice-options",
    "ice-pwd",
    "ice-ufrag",
    "max-message-size",
    "mid",
    "msid",
    "rid",
    "rtcp-fb",
    "rtpmap",
    "sctp-port",
    "sctpmap",
    "sendrecv",
    "setup",
    "simulcast",
    "ssrc",
    "ssrc-group",
]
LINE_ENDS = "\0\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"
"""What is no end of a line in SDP, and one to some reader."""

values = st.sampled_from(
    [
        "",
        " ",
        ":",
        "/",
        "0",
        "-1",
        "4294967296",
        "9" * 30,
        "٣",
        "*",
        "* ",
        "FID",
        "FID 1",
        "SIM 1 2",
        "FID 1 x",
        "send",
        "send ;",
        "recv ~,",
        "a send",
        "111",
        "111 ",
        "111 apt=111",
        "97 apt=97",
        "63 111/111",
        "sha-256 ",
        "sha-256 zz",
        "1 1 udp 1 ::1 1 typ host",
        "x" * 5_000,
    ]
)
lines = st.builds("a={}{}{}".format, st.sampled_from(NAMES), st.sampled_from([":", ""]), values)
changes = st.lists(
    st.tuples(
        st.sampled_from(["drop", "repeat", "cut", "insert", "replace", "digits", "end"]),
        st.integers(0, 10_000),
        st.integers(0, 60),
        lines,
        st.sampled_from(LINE_ENDS),
    ),
    max_size=5,
)


def changed(sdp: str, steps: list[tuple[str, int, int, str, str]]) -> str:
    text = sdp.split("\r\n")[:-1]
    for what, index, place, line, end in steps:
        index %= len(text)
        before = text[index]
        match what:
            case "drop" if len(text) > 1:
                del text[index]
            case "repeat":
                text.insert(index, before)
            case "cut":
                text[index] = before[:place]
            case "insert":
                text.insert(index, line)
            case "replace":
                text[index] = line
            case "digits":
                text[index] = re.sub(r"\d+", "9" * place, before)
            case "end":
                text[index] = f"{before[:place]}{end}a=injected{before[place:]}"
    return "".join(f"{line}\r\n" for line in text)


def publish(sfu: Sfu, sdp: str) -> tuple[Client, Reply]:
    client = sfu.client()
    offer = {"type": "offer", "sdp": sdp}
    reply = client.call("new_tracks", {"sessionDescription": offer, "autoDiscover": True})
    return client, reply


SMALL = [name for name in OFFERS if len(vector(name)) < 60_000]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SMALL), changes)
def test_a_changed_offer_reaches_subscribers_as_lines_of_ours(
    name: str, steps: list[tuple[str, int, int, str, str]]
) -> None:
    sdp = changed(vector(name), steps)
    secrets = set(re.findall(r"a=ice-(?:pwd|ufrag):(\S{4,})", sdp))
    sfu = Sfu()
    publisher, reply = publish(sfu, sdp)
    assert reply.status in (200, 400, 406), reply.json
    if reply.status != 200:
        said = json.dumps(reply.json)
        assert not [secret for secret in secrets if secret in said]
        return
    publisher.connect()
    for handle in [*publisher.session.tracks]:
        sfu.tell(TrackFlowing(publisher.handle, handle))
    names = [*publisher.session.names][:20]
    if not names:
        return
    pulled = sfu.client().ask(*((publisher, name) for name in names))
    offer = pulled.sdp
    assert offer.splitlines() == offer.split("\r\n")[:-1]
    assert offer.count("\nm=") == len(names)
    assert "injected" not in offer
    assert all(re.fullmatch(r"[a-z]=\S.*", line) for line in offer.splitlines())
    assert not [secret for secret in secrets if len(secret) > 20 and secret in offer]


@pytest.mark.parametrize("end", LINE_ENDS, ids=ascii)
def test_a_line_ends_nowhere_but_at_its_end(end: str) -> None:
    with pytest.raises(MalformedSessionDescription):
        Description.cut(f"{HEAD}{MEDIA}a=fmtp:111 x{end}a=ssrc:1\r\n")


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(value=values)
def test_every_attribute_is_read_or_refused_unquoted(name: str, value: str) -> None:
    text = f"{HEAD}{MEDIA}a=rtpmap:111 opus/48000/2\r\na={name}:{value}\r\n"
    refusal = ""
    try:
        for section in Description.cut(text).sections:
            Section.parse(section)
    except MalformedSessionDescription as error:
        refusal = str(error)
    assert len(refusal) < 100


def test_real_descriptions_have_been_found() -> None:
    assert len({PurePath(name).parts[0] for name in SMALL}) >= 4
