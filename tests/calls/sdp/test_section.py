"""One media section: what real clients write, and the round trip of everything we could write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tidegate.calls.sdp import (
    DataChannels,
    Description,
    Extension,
    Fingerprint,
    Format,
    Section,
    Streams,
    Transport,
)
from tidegate.errors import MalformedSessionDescription

from tests.calls.vectors import ANSWERS, OFFERS, vector


def sections(name: str) -> list[Section]:
    return [Section.parse(text) for text in Description.cut(vector(name)).sections]


def test_a_chromium_audio_section() -> None:
    audio, _ = sections("chromium-156/audio-video")
    assert (audio.kind, audio.mid, audio.direction) == ("audio", "0", "sendonly")
    assert audio.rtcp_mux
    assert audio.formats[0] == Format(
        111, "opus", 48_000, 2, "minptime=10;useinbandfec=1", ("transport-cc",)
    )
    assert [format.name for format in audio.formats] == [
        *("opus", "red", "g722", "pcmu", "pcma", "cn"),
        *("telephone-event", "telephone-event"),
    ]
    assert audio.extensions[0] == Extension(1, "urn:ietf:params:rtp-hdrext:ssrc-audio-level")


def test_retransmission_belongs_to_the_format_that_it_repairs() -> None:
    _, video = sections("chromium-156/audio-video")
    vp8, *_ = video.formats
    assert (vp8.name, vp8.pt, vp8.rtx) == ("vp8", 96, 97)
    assert "rtx" not in {format.name for format in video.formats}
    [(primary, repair)] = video.streams.repairs
    assert video.streams.ssrcs == (primary, repair)


@pytest.mark.parametrize("client", ["chromium-156", "firefox-153", "wrtc-0.10", "pion-4.2.9"])
def test_simulcast_has_its_rids_in_order(client: str) -> None:
    [video] = (section for section in sections(f"{client}/simulcast") if section.kind == "video")
    assert video.streams.rids_sent == ("f", "h", "q")
    assert video.streams.simulcast_ssrcs == ()


@pytest.mark.parametrize("client", ["chromium-156", "firefox-153", "aiortc-1.16.0", "pion-4.2.9"])
def test_a_data_channel_section(client: str) -> None:
    [application] = sections(f"{client}/datachannel")
    assert application.kind == "application"
    assert application.data_channels is not None
    assert application.data_channels.port == 5000


def test_a_bundled_section_of_port_0_is_not_rejected() -> None:
    """RFC 8843 §6: Firefox offers all but the first section so."""
    _, video = sections("firefox-153/life-1-gathered")
    assert video.port == 0
    assert not video.rejected


def test_a_stopped_section_is_rejected() -> None:
    _, video = sections("chromium-156/life-2-stopped")
    assert video.rejected


def test_static_payload_types_need_no_rtpmap() -> None:
    """RFC 3551 §6."""
    section = Section.parse("m=audio 9 RTP/AVP 0 8 96\na=mid:a")
    assert section.formats == (Format(0, "pcmu", 8000), Format(8, "pcma", 8000))


def test_feedback_of_all_formats_belongs_to_each() -> None:
    """RFC 4585 §4.2: ``*`` stands for every payload type."""
    section = Section.parse("m=video 9 RTP/AVPF 96\na=rtpmap:96 VP8/90000\na=rtcp-fb:* nack")
    assert section.formats[0].feedback == ("nack",)


def test_of_alternatives_the_first_counts_and_pauses_do_not() -> None:
    """RFC 8853 §5.1."""
    section = Section.parse(
        "m=video 9 RTP/AVPF 96\na=rid:1 send\na=rid:2 send\na=rid:3 send\na=rid:4 recv\n"
        "a=simulcast:send ~1,2;3;9 recv 4"
    )
    assert section.streams.rids_sent == ("1", "3")
    assert section.streams.rids_received == ("4",)


def test_ssrc_groups_of_old_are_seen() -> None:
    section = Section.parse("m=video 9 RTP/AVPF 96\na=ssrc-group:SIM 1 2 3")
    assert section.streams.simulcast_ssrcs == (1, 2, 3)


def test_an_extension_may_have_attributes() -> None:
    section = Section.parse("m=audio 9 RTP/AVP 0\na=extmap:2/recvonly urn:x short")
    assert section.extensions == (Extension(2, "urn:x", "recvonly"),)


@pytest.mark.parametrize(
    "line",
    [
        "a=rtpmap:96",
        "a=rtpmap:128 VP8/90000",
        "a=rtpmap:96 VP8/ninety",
        "a=rtpmap:96 VP8/1/2/3",
        "a=fmtp:x y",
        "a=rtcp-fb:300 nack",
        "a=extmap:1",
        "a=extmap:1/upward urn:x",
        "a=extmap:70000 urn:x",
        "a=extmap:1 urn:" + "x" * 300,
        "a=mid:",
        "a=mid:two words",
        "a=mid:" + "m" * 33,
        "a=rid:f sideways",
        "a=rid:" + "f" * 33 + " send",
        "a=simulcast:sideways f",
        "a=ssrc:4294967296 cname:x",
        "a=ssrc:-1 cname:x",
        "a=ssrc-group:FID 1 x",
        "a=fingerprint:sha-256 zz",
        "a=fingerprint:sha-256",
        "a=setup:maybe",
        "a=ice-ufrag:abc",
        "a=ice-pwd:short",
        "a=sctp-port:65536",
        "a=max-message-size:huge",
        "a=x:" + "y" * 5000,
        "no line",
    ],
)
def test_what_cannot_be_read_is_refused_unquoted(line: str) -> None:
    with pytest.raises(MalformedSessionDescription) as refused:
        Section.parse(f"m=video 9 UDP/TLS/RTP/SAVPF 96\n{line}")
    value = line.partition(":")[2]
    assert not value or value not in str(refused.value)


@pytest.mark.parametrize("media", ["m=video", "m=video x RTP/AVP 0", "m=video 9 RTP/AVP zero"])
def test_a_media_line_that_cannot_be_read_is_refused(media: str) -> None:
    with pytest.raises(MalformedSessionDescription):
        Section.parse(media)


def test_more_lines_than_a_section_has_are_refused() -> None:
    with pytest.raises(MalformedSessionDescription):
        Section.parse("m=audio 9 RTP/AVP 0" + "\na=x" * 1024)


def test_no_more_ssrcs_than_a_publisher_needs_are_kept() -> None:
    lines = "".join(f"\na=ssrc:{ssrc} cname:x" for ssrc in range(1, 101))
    assert len(Section.parse("m=audio 9 RTP/AVP 0" + lines).streams.ssrcs) == 64


@pytest.mark.parametrize("name", OFFERS + ANSWERS)
def test_what_a_client_wrote_is_read_the_same_after_we_wrote_it(name: str) -> None:
    for section in sections(name):
        if section.formats or section.data_channels:
            assert Section.parse(lines(section.write())) == section


def lines(text: str) -> str:
    assert text.endswith("\r\n")
    return text.replace("\r\n", "\n").removesuffix("\n")


TOKENS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=16)
SSRCS = st.integers(1, (1 << 32) - 1)


@st.composite
def formats(draw: st.DrawFn) -> tuple[Format, ...]:
    numbers: list[int] = draw(st.lists(st.integers(0, 127), unique=True, max_size=12))
    repaired: list[bool] = draw(st.lists(st.booleans(), min_size=12, max_size=12))
    found = []
    while numbers:
        pt = numbers.pop()
        rtx = numbers.pop() if numbers and repaired.pop() else None
        found.append(
            Format(
                pt,
                draw(st.sampled_from(["opus", "vp8", "h264", "pcmu", "red", "x-unknown"])),
                draw(st.sampled_from([8000, 48_000, 90_000])),
                draw(st.sampled_from([1, 2])),
                draw(st.sampled_from(["", "apt", "profile-id=2", "111/111", "a=1; b=2"])),
                tuple(draw(st.lists(st.sampled_from(["nack", "nack pli", "transport-cc"])))),
                rtx,
            )
        )
    return tuple(found)


@st.composite
def streams(draw: st.DrawFn) -> Streams:
    ssrcs = tuple(draw(st.lists(SSRCS, unique=True, max_size=6)))
    rids = draw(st.lists(TOKENS, unique=True, max_size=6))
    split = draw(st.integers(0, len(rids)))
    return Streams(
        msid=draw(st.none() | st.tuples(TOKENS, TOKENS)),
        ssrcs=ssrcs,
        repairs=tuple(zip(ssrcs[::2], ssrcs[1::2], strict=False)),
        cname=draw(TOKENS) if ssrcs else None,
        rids_sent=tuple(rids[:split]),
        rids_received=tuple(rids[split:]),
    )


TRANSPORTS = st.builds(
    Transport,
    ufrag=st.none() | st.text("abcXYZ+/", min_size=4, max_size=8),
    pwd=st.none() | st.text("abcXYZ+/", min_size=22, max_size=30),
    fingerprints=st.lists(
        st.builds(
            Fingerprint, st.sampled_from(["sha-256", "sha-1"]), st.binary(min_size=1, max_size=32)
        ),
        max_size=2,
    ).map(tuple),
    setup=st.sampled_from([None, "actpass", "active", "passive"]),
    end_of_candidates=st.booleans(),
)
DIRECTIONS = st.sampled_from(["sendrecv", "sendonly", "recvonly", "inactive"])
MEDIA = st.builds(
    Section,
    kind=st.sampled_from(["audio", "video"]),
    port=st.sampled_from([0, 9, 65_535]),
    protocol=st.just("UDP/TLS/RTP/SAVPF"),
    mid=TOKENS,
    direction=st.none() | DIRECTIONS,
    bundle_only=st.booleans(),
    rtcp_mux=st.booleans(),
    rtcp_rsize=st.booleans(),
    extmap_allow_mixed=st.booleans(),
    formats=formats().filter(bool),
    extensions=st.lists(
        st.builds(Extension, st.integers(1, 255), TOKENS.map("urn:{}".format), DIRECTIONS)
    ).map(tuple),
    streams=streams(),
    transport=TRANSPORTS,
)
APPLICATIONS = st.builds(
    Section,
    kind=st.just("application"),
    port=st.sampled_from([0, 9]),
    protocol=st.just("UDP/DTLS/SCTP"),
    mid=TOKENS,
    data_channels=st.builds(
        DataChannels, st.integers(0, 65_535), st.integers(0, 1 << 53), st.booleans()
    ),
    transport=TRANSPORTS,
)


@given(MEDIA | APPLICATIONS)
def test_whatever_is_written_is_read_again(section: Section) -> None:
    assert Section.parse(lines(section.write())) == section


@given(st.text(alphabet="am=:/ 0159abcfhrtxpv\n-;", max_size=400))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        section = Section.parse(f"m=video 9 UDP/TLS/RTP/SAVPF 96\n{text}")
    except MalformedSessionDescription:
        return
    assert len(section.streams.ssrcs) <= 64
