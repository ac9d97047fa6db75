"""tidegate.bench.sfu.sdp: enough of it to publish, and to take what a server offers."""

import pytest
from tidegate.bench.sfu import sdp
from tidegate.bench.sfu.load import Credentials
from tidegate.errors import BenchError

LOCAL = Credentials("ours", "our password of enough length")
FINGERPRINT = "AB:CD"

OFFER = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
m=video 9 UDP/TLS/RTP/SAVPF 96 97 98
a=ice-ufrag:theirs
a=ice-pwd:their password
a=fingerprint:sha-256 01:FF
a=setup:actpass
a=mid:0
a=candidate:1 1 tcp 1 127.0.0.1 9 typ host tcptype active
a=candidate:2 1 udp 1 ::1 5000 typ host
a=candidate:3 1 UDP 1 127.0.0.1 5000 typ host
a=extmap:7/sendonly urn:ietf:params:rtp-hdrext:sdes:mid
a=sendonly
a=rtpmap:96 VP8/90000
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:98 VP9/90000
m=audio 9 UDP/TLS/RTP/SAVPF 111
a=mid:1
a=inactive
a=rtpmap:111 opus/48000/2
""".replace("\n", "\r\n")


def test_an_offer_says_where_media_goes_and_how_it_is_numbered() -> None:
    offered = sdp.parse(OFFER)
    assert offered.credentials == Credentials("theirs", "their password")
    assert offered.fingerprint == bytes.fromhex("01ff")
    assert offered.address == "127.0.0.1:5000"
    assert [section.payload_type for section in offered.sections] == [96, 111]


def test_an_answer_takes_what_is_sent_with_its_retransmissions() -> None:
    answer = sdp.answer(LOCAL, FINGERPRINT, sdp.parse(OFFER).sections)
    video, audio = sdp.parse(answer).sections
    assert "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n" in answer
    assert "VP9" not in answer
    assert video.extensions == {sdp.MID_URI: 7}
    assert (video.direction, audio.direction) == ("recvonly", "inactive")
    assert "a=setup:active" in answer


def test_what_is_published_is_what_was_offered() -> None:
    tracks = sdp.sent([4, 5], video=True)
    offer = sdp.offer(LOCAL, FINGERPRINT, tracks)
    for track, section in zip(tracks, sdp.parse(offer).sections, strict=True):
        assert f"a=ssrc:{track.ssrc} cname:" in offer
        assert section.payload_type == track.payload_type
        assert track.mid == (section.extensions[sdp.MID_URI], section.mid)
        assert section.direction == "sendonly"


def test_a_description_without_a_password_is_refused() -> None:
    with pytest.raises(BenchError, match="ice-pwd"):
        sdp.parse(OFFER.replace("a=ice-pwd", "a=ice-nothing"))
