"""A whole description is cut into sections, within limits."""

import time

import pytest
from tidegate.calls.sdp import Description, Section
from tidegate.errors import MalformedSessionDescription

from tests.calls.vectors import ANSWERS, OFFERS, vector


@pytest.mark.parametrize("name", OFFERS + ANSWERS)
def test_every_captured_description_is_read(name: str) -> None:
    description = Description.cut(vector(name))
    assert description.session.bundle is not None
    for text in description.sections:
        section = Section.parse(text)
        assert section.mid
        if not section.rejected:
            assert section.transport.ufrag
        assert section.transport.fingerprints or description.session.transport.fingerprints


def test_line_ends_are_cr_lf_or_lf_and_the_last_may_be_missing() -> None:
    """RFC 8866 §5: parsers should accept a lone LF."""
    text = vector("chromium-156/audio-video")
    expected = Description.cut(text)
    assert Description.cut(text.replace("\r\n", "\n")) == expected
    assert Description.cut(text.removesuffix("\r\n")) == expected
    assert Description.cut(text.replace("\r\n", "\n").removesuffix("\n")) == expected


def test_the_session_may_speak_for_all_sections() -> None:
    session = Description.cut(
        "v=0\r\na=recvonly\r\na=group:LS a b\r\na=group:BUNDLE a b\r\n"
        "a=extmap:3 urn:x\r\na=extmap-allow-mixed\r\na=setup:active\r\nm=audio 9 RTP/AVP 0\r\n"
    ).session
    assert session.direction == "recvonly"
    assert session.bundle == ("a", "b")
    assert [extension.id for extension in session.extensions] == [3]
    assert session.extmap_allow_mixed
    assert session.transport.setup == "active"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "m=audio 9 RTP/AVP 0",
        "v=1\r\nm=audio 9 RTP/AVP 0",
        "hello",
        "v=0" + "\na=x" * 256,
        "v=0" + "\nm=audio 9 RTP/AVP 0" * 513,
        "v=0\n" + "\n" * 100_001,
        "v=0\na=group:BUNDLE " + "m" * 33,
    ],
)
def test_what_is_no_description_is_refused(text: str) -> None:
    with pytest.raises(MalformedSessionDescription):
        Description.cut(text)


@pytest.mark.parametrize("unit", ["m=audio 9 RTP/AVP 0\r\n", "a=ssrc:1 cname:x\r\n", "\r\n", "x"])
def test_a_megabyte_is_refused_unread(unit: str) -> None:
    text = ("v=0\r\n" + unit * (1_000_000 // len(unit) + 1))[:1_000_000]
    began = time.process_time()
    with pytest.raises(MalformedSessionDescription):
        Description.cut(text)
    assert time.process_time() - began < 0.01


def test_as_many_sections_as_a_session_has_are_cut() -> None:
    text = "v=0" + "\r\nm=audio 9 RTP/AVP 0" * 512
    assert len(Description.cut(text).sections) == 512
